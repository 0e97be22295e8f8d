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
// clones (cloneSemVer, cloneCommit in the same file).
func refCost(kind flux.RefKind, calls gitCalls) (Cost, bool) {
	cloning := calls.clone
	list := func(note string) (Cost, bool) {
		return Cost{Protocol: Git, Unchanged: calls.list, Refused: calls.list + cloning, Assumed: roundTrips, Redirected: calls.redirected, Note: note}, true
	}
	clones := func(note string) (Cost, bool) {
		return Cost{Protocol: Git, Unchanged: cloning, Refused: cloning, Assumed: clone, Clones: true, Redirected: calls.redirected, Note: note}, true
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

// gitCalls are the requests of a repository: to list its refs, and to clone it.
type gitCalls struct {
	list, clone float64
	// redirected says that the host sends the first request of each on to another URL.
	redirected bool
}

// calls are those of a URL. A clone is GET info/refs and POST git-upload-pack; over SSH both are one session, and so one
// connection (go-git remote.go fetch; plumbing/transport/internal/common). GitLab answers a URL without .git with a redirect to
// the one that has it (GitLab config/routes/git_http.rb), and go-git begins with that of the spec each time
// (plumbing/transport/http/common.go, advertisedReferences).
func (f *fleet) calls(url string) gitCalls {
	if strings.HasPrefix(url, "ssh://") {
		return gitCalls{list: listCalls, clone: listCalls}
	}
	c := gitCalls{list: listCalls, clone: listCalls + 1}
	if f.gitLabs[f.host(url)] && !strings.HasSuffix(strings.TrimRight(url, "/"), ".git") {
		c = gitCalls{list: c.list + 1, clone: c.clone + 1, redirected: true}
	}
	return c
}

// gitLabs are the hosts that are known to be GitLab: its own, and those whose webhooks are.
func (f *fleet) findGitLabs() {
	f.gitLabs = map[string]bool{"gitlab.com": true}
	for _, s := range f.byRef {
		if by := f.byRef[s.notice.Receiver]; by != nil && by.object.Hook.Type == "gitlab" && s.object.Kind == "GitRepository" {
			f.gitLabs[f.host(s.object.Remote.URL)] = true
		}
	}
}

// host is that of a Git URL, which is asked for again with each number that a cost goes into.
func (f *fleet) host(url string) string {
	host, known := f.hosts[url]
	if !known {
		host = flux.ParseAddress(url, false).Host
		f.hosts[url] = host
	}
	return host
}

// gitCost adds submodules: a clone clones each of them, too, with the same requests (go-git
// submodule.go fetchAndCheckout; two more where the commit is not the tip of a branch). How many there
// are is written in the repository only, so one is counted, at the repository's own host.
func gitCost(o *flux.Object, calls gitCalls) (Cost, bool) {
	c, known := refCost(o.Remote.Ref.Kind, calls)
	if !known || !o.Polling.Submodules {
		return c, known
	}
	cloning := calls.clone
	if calls.redirected { // what their URLs are, nobody knows
		cloning--
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
			ref, branch = from.object.Remote.Ref, from.object.Polling.Branch
		}
	}
	calls := f.calls(url)
	cloning := calls.clone
	if ref == (flux.RemoteRef{}) && branch == "" {
		branch = defaultBranch
	}
	c := Cost{Protocol: Git, Unchanged: cloning, Refused: cloning, Assumed: clone, Clones: true, Redirected: calls.redirected}
	old, _ := f.settings.Older(o, "0.38.0")
	switch {
	case old: // v0.37.1 internal/controller/imageupdateautomation_controller.go, Reconcile
		c.Note = "automation: clones every time, before image-automation-controller 0.38"
	case p.Refspec != "":
		c.Note = "automation: clones every time, since it pushes by a refspec"
	case p.Branch != "" && p.Branch != branch:
		c.Note = "automation: clones every time, since it pushes to another branch"
	case ref.Kind == flux.RefSemver || ref.Kind == flux.RefCommit:
		c.Note = "automation: clones every time"
	default:
		return Cost{Protocol: Git, Unchanged: calls.list, Refused: cloning, Assumed: roundTrips, Redirected: calls.redirected, Note: "automation: lists refs"}
	}
	if ref.Kind == flux.RefName {
		c.Unchanged += calls.list // it is looked up before it is cloned
		c.Refused += calls.list
	}
	return c
}

// defaultBranch is what Flux checks out where nothing says another (fluxcd/pkg git, DefaultBranch).
const defaultBranch = "master"
