package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"
)

// Successors are the clusters of a checkout of which another state had some before, and whether they are others than those that
// were found: Flux goes on with the folder that it reads, also where no file says any more that it does. What was found and is
// not said to be a cluster's does not count beside one.
func (t *Tree) Successors(found, before []Root) (roots []Root, others bool) {
	var lasting []Root
	fresh := func(f Root) bool {
		return f.Known() && !slices.ContainsFunc(before, func(r Root) bool { return r.Path == f.Path })
	}
	for _, r := range before {
		there := slices.ContainsFunc(found, func(f Root) bool {
			return f.Known() && (f.Path == r.Path || fresh(f) && f.name == r.name && f.namespace == r.namespace) // it may have been led there
		})
		if r.Known() && !there && t.isFolder(r.Path) {
			lasting = append(lasting, r)
		}
	}
	if len(lasting) == 0 {
		return found, false
	}
	for _, f := range found {
		if f.Known() {
			lasting = append(lasting, f)
		}
	}
	sorting.By(lasting, func(a, b Root) int { return strings.Compare(a.Path, b.Path) })
	return lasting, true
}

// Ends tells whether the first Kustomization of a cluster is not among what it applies any more: then Flux takes it away, and with
// it all that it applies (kustomize-controller internal/controller/kustomization_controller.go, prune and finalize: neither spares
// the Kustomization itself). The Fleet is that of the cluster without these.
func (t Transition) Ends() (Fleet, bool) {
	first := t.head.Root.start().ref()
	object, d := t.base.object(first), t.head.deployments[first]
	_, applied := t.head.owners[first]
	if object == nil || applied || d == nil || !d.whole() || t.base.owners[first] != first {
		return Fleet{}, false
	}
	gone := Fleet{Root: t.head.Root, tree: t.head.tree, deployments: map[flux.Ref]*deployment{}}
	return gone, NewTransition(t.base, gone).Removed(*object) == ""
}

// Resourced tells of a cluster whose own source has another repository or revision than before: what Flux applies from then on is
// not in the checkout. Where it is not known what the source had before, nothing tells.
func (t Transition) Resourced() (flux.Gap, bool) {
	from, to := t.base.Root.source, t.head.Root.source
	was, is := t.base.home().remote(from), t.head.home().remote(to)
	if from.Name == "" || to.Name == "" || was.URL == "" || is.URL == "" {
		return flux.Gap{}, false
	}
	same := from.Kind == to.Kind && revisionOf(was) == revisionOf(is)
	if own := repositoryOf(from, was); own != "" {
		same = same && own == repositoryOf(to, is)
	} else {
		same = same && was.URL == is.URL
	}
	return flux.Gap{
		What: "what Flux applies",
		Why:  fmt.Sprintf("its own source, %s, gets another repository or revision, and what that has is not in the checkout", to),
	}, !same
}
