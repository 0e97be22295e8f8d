package fit

import (
	"cmp"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// content is what a source polls. Whatever has the same polls the same commits, in any namespace and cluster.
type content struct {
	flux.Address
	kind string
	ref  flux.RemoteRef
}

// contentOf is what an item polls; false where that is not known.
func contentOf(item *budget.Item) (content, bool) {
	c := content{item.Address, item.Object.Ref.Kind, item.Remote.Ref}
	return c, c.Address != flux.Address{} && item.Object.KindRow().Source
}

// telling is what is known of a content, and of which source.
type telling struct {
	Activity
	of string
}

// certainty has what one source may tell of another with the same content, what is told for certain last. That nobody waits for a
// poll, since a webhook brings what is new or all that use it name a version, is said of one source only.
var certainty = []Evidence{FromArtifact, FromHistory, FromGit, FromFile}

// tell notes what is known of an item's content for sources of which nothing is. What fails or is suspended tells nothing: it
// sees no commits.
func (f *fitter) tell(cluster int, item *budget.Item, a Activity) {
	c, known := contentOf(item)
	if !known || item.Failure != budget.NoFailure || item.Interval.Now <= 0 || !slices.Contains(certainty, a.From) {
		return
	}
	if best, there := f.told[c]; !there || tellsMore(a, best.Activity) {
		f.told[c] = telling{a, f.called(cluster, item.Object.Ref)}
	}
}

// tellsMore tells whether one activity is better known than another of the same content: from what is more certain, with commits
// rather than without (users may apply other folders), over a longer time. Where all that is equal it does not.
func tellsMore(a, b Activity) bool {
	commits := func(a Activity) int { return min(1, a.Changes) }
	return cmp.Or(
		cmp.Compare(slices.Index(certainty, a.From), slices.Index(certainty, b.From)),
		cmp.Compare(commits(a), commits(b)),
		cmp.Compare(a.Window, b.Window),
	) > 0
}
