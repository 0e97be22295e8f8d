package budget

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// inputCost is that of a ResourceSetInputProvider: of a Git host's REST API, of a registry, or nothing that is outside of the
// cluster. What it lists comes in pages; what it exported last tells how many it then asks for one by one: a digest
// for each tag of a registry, the deployments of each environment of GitLab, the commit of each tag of Azure DevOps, each
// request of AWS CodeCommit, whose branches and tags are listed as Git's refs (Flux Operator
// internal/controller/resourcesetinputprovider_controller.go callOCIProvider, callGitProvider; internal/gitprovider).
// A filter may leave out what was listed, all tags are listed whatever the filter's limit is, and environments of GitLab that
// have no deployment are asked for it, too: so it is at least that. Branches of Azure DevOps and services of one's own come at once. A
// client of Gitea is a new one each time (gitea.go), and asks for the server's version first (statusCalls).
func inputCost(o *flux.Object) (Cost, bool) {
	kind, exported := o.Polling.Type, o.Status.Exported
	page := inputPage
	if strings.HasPrefix(kind, "Gitea") {
		page = giteaPage
	}
	pages := math.Max(1, math.Ceil(float64(exported)/page))
	switch kind {
	case "", "Static", flux.ExternalArtifactKind:
		return Cost{}, false
	case "ExternalService", "AzureDevOpsBranch":
		return call(REST, restCalls, "inputs: asks once")
	case "AWSCodeCommitBranch", "AWSCodeCommitTag":
		return call(Git, listCalls, "inputs: lists refs")
	case "GitLabEnvironment":
		return eachInput(REST, pages, restCalls, exported, "inputs: asks the REST API, for each environment too, also those that are stopped")
	case "AzureDevOpsTag":
		return eachInput(REST, pages*restCalls, restCalls, exported, "inputs: asks the REST API, for each tag too")
	case "AWSCodeCommitPullRequest":
		return eachInput(REST, pages, restCalls, exported, "inputs: asks the REST API, for each request too")
	}
	if strings.HasSuffix(kind, "ArtifactTag") {
		return eachInput(Image, registryCall, registryCall, exported, "inputs: lists tags, asks for the digest of each")
	}
	list := pages * restCalls
	if strings.HasPrefix(kind, "Gitea") {
		list += restCalls
	}
	if strings.HasSuffix(kind, "Tag") {
		return eachInput(REST, list, 0, exported, "inputs: asks the REST API for all tags")
	}
	return eachInput(REST, list, 0, exported, "inputs: asks the REST API")
}

// failedInput is what an attempt asks that fails: its list at least, of a registry or of a host. What came before the failure,
// nothing tells.
func failedInput(c Cost) Cost {
	switch c.Protocol {
	case Image:
		c.Unchanged = registryCall
	default:
		c.Unchanged = restCalls
	}
	c.AtLeast = true
	return c
}

// inputPage is how many inputs of a Git host are a page (internal/gitprovider/limits.go), and giteaPage how many Gitea gives at most,
// whatever is asked for, unless its MAX_RESPONSE_ITEMS says otherwise (go-gitea modules/setting/api.go).
const (
	inputPage = 100.0
	giteaPage = 50.0
)

// eachInput is the cost of a list and of each of what it gave.
func eachInput(p Protocol, list, each float64, exported int, note string) (Cost, bool) {
	if each > 0 && exported == 0 {
		note += fmt.Sprintf(" (how many is not known: %g more for each, up to 100 unless spec.filter.limit says otherwise)", each)
	}
	c, ok := call(p, list+each*float64(exported), note)
	c.AtLeast = true
	if each > 0 {
		c.Assumed *= time.Duration(1 + exported) // one after the other
	}
	return c, ok
}
