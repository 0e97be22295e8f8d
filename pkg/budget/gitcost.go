package budget

import (
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// refCost is the cost of a GitRepository with a kind of ref; false for one that Git does not have.
//
// Branch, tag and name: the refs are listed and compared with the last revision; a clone only where they
// differ (fluxcd/pkg git/gogit/clone.go cloneBranch, cloneTag, cloneRefName; 1 and 3 requests over HTTP measured by
// counting at the Git server, see hack/e2e). Semver and commit: there is no such comparison, so every reconcile
// clones (cloneSemVer, cloneCommit in the same file). Cloning are the requests of a clone (cloneCalls).
func refCost(kind flux.RefKind, cloning float64) (Cost, bool) {
	list := func(note string) (Cost, bool) {
		return Cost{Protocol: Git, Unchanged: listCalls, Refused: listCalls + cloning, Assumed: roundTrips, Note: note}, true
	}
	clones := func(note string) (Cost, bool) {
		return Cost{Protocol: Git, Unchanged: cloning, Refused: cloning, Assumed: clone, Clones: true, Note: note}, true
	}
	switch kind {
	case flux.RefNone:
		return list("default branch: lists refs")
	case flux.RefBranch:
		return list("branch: lists refs")
	case flux.RefTag:
		return list("tag: lists refs")
	case flux.RefName:
		return list("ref name: lists refs")
	case flux.RefSemver:
		return clones("semver: clones every time")
	case flux.RefCommit:
		return clones("commit: clones every time")
	default:
		return Cost{}, false
	}
}

// listCalls is one GET info/refs, or one connection over SSH.
const listCalls = 1

// cloneCalls are GET info/refs and POST git-upload-pack; over SSH both are one session, and so one connection (go-git
// remote.go fetch; plumbing/transport/internal/common).
func cloneCalls(url string) float64 {
	if strings.HasPrefix(url, "ssh://") {
		return 1
	}
	return 2
}

// gitCost adds submodules: a clone clones each of them, too, with the same requests (go-git
// submodule.go fetchAndCheckout; two more where the commit is not the tip of a branch). How many there
// are is written in the repository only, so one is counted, at the repository's own host.
func gitCost(o *flux.Object) (Cost, bool) {
	cloning := cloneCalls(o.Remote.URL)
	c, known := refCost(o.Remote.Ref.Kind, cloning)
	if !known || !o.Polling.Submodules {
		return c, known
	}
	c.Refused += cloning
	if c.Clones {
		c.Unchanged += cloning
		c.AtLeast = true
		c.Note += ", submodules too"
	}
	return c, true
}

// automationCost: an automation compares its branch, tag or ref name with the last revision, as a
// GitRepository does. Where it pushes to another branch or by a refspec, or checks out what cannot be
// compared, it clones every time (image-automation-controller internal/controller
// imageupdateautomation_controller.go reconcile; internal/source/git.go buildGitConfig, configurePush).
func (f *fleet) automationCost(o *flux.Object) Cost {
	p := o.Polling.Push
	ref, branch, url := p.Checkout, p.CheckoutBranch, ""
	if from := f.byRef[o.SourceRef]; from != nil {
		url = from.object.Remote.URL
		if !p.HasCheckout {
			ref, branch = from.object.Remote.Ref, ""
		}
		if !p.HasCheckout && ref.Kind == flux.RefBranch {
			branch = ref.Value
		}
	}
	cloning := cloneCalls(url)
	if ref == (flux.RemoteRef{}) && branch == "" {
		branch = defaultBranch
	}
	c := Cost{Protocol: Git, Unchanged: cloning, Refused: cloning, Assumed: clone, Clones: true}
	switch {
	case p.Refspec != "":
		c.Note = "automation: clones every time, since it pushes by a refspec"
	case p.Branch != "" && p.Branch != branch:
		c.Note = "automation: clones every time, since it pushes to another branch"
	case ref.Kind == flux.RefSemver || ref.Kind == flux.RefCommit:
		c.Note = "automation: clones every time"
	default:
		return Cost{Protocol: Git, Unchanged: listCalls, Refused: cloning, Assumed: roundTrips, Note: "automation: lists refs"}
	}
	if ref.Kind == flux.RefName {
		c.Unchanged++ // it is looked up before it is cloned
		c.Refused++
	}
	return c
}

// defaultBranch is what Flux checks out where nothing says another (fluxcd/pkg git, DefaultBranch).
const defaultBranch = "master"
