package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"
)

// Successors are the clusters of a checkout of which another state had some before, and whether they are others than those that
// were found: Flux goes on with the folder that it reads, also where no file says any more that it does, and where its files lead it
// to another one. What was found and is not said to be a cluster's does not count beside one.
func (t *Tree) Successors(found, before []Root) (roots []Root, others bool) {
	led := map[int]bool{} // of found: an old cluster, under the folder that it is led to
	for _, r := range before {
		there := slices.ContainsFunc(found, func(f Root) bool { return f.Known() && f.Path == r.Path })
		if !r.Known() || there || !t.isFolder(r.Path) {
			continue
		}
		to := t.leads(r)
		if i := slices.IndexFunc(found, func(f Root) bool {
			fresh := !slices.ContainsFunc(before, func(b Root) bool { return b.Path == f.Path })
			return fresh && f.Path == to && f.name == r.name && f.namespace == r.namespace
		}); i >= 0 && !led[i] {
			led[i] = true
			from := r
			r = found[i]
			r.Path, r.Base = from.Path, from.Base
		}
		roots = append(roots, r)
	}
	if len(roots) == 0 {
		return found, false
	}
	for i, f := range found {
		if f.Known() && !led[i] {
			roots = append(roots, f)
		}
	}
	sorting.By(roots, func(a, b Root) int { return strings.Compare(a.Path, b.Path) })
	return roots, true
}

// leads is the folder that the first Kustomization of a root applies in the end.
func (t *Tree) leads(r Root) string {
	current, _, _ := newReader(t).follow(r)
	return current[r.start().ref()].folder
}

// Ends tells whether the first Kustomization of a cluster is not among what it applies any more: then Flux takes it away, and with
// it all that it applies (kustomize-controller internal/controller/kustomization_controller.go, prune and finalize: neither spares
// the Kustomization itself). A FluxInstance that is taken away has Flux uninstalled (flux-operator internal/controller/
// fluxinstance_uninstaller.go). The Fleet is that of the cluster afterwards, and what is said of the Kustomization.
func (t Transition) Ends() (after Fleet, says string, ends bool) {
	first := t.head.Root.First()
	object, d := t.base.object(first), t.head.deployments[first]
	_, applied := t.head.owners[first]
	if object == nil || applied || d == nil || !d.whole() || t.base.owners[first] != first {
		return Fleet{}, "", false
	}
	gone := Fleet{Root: t.head.Root, tree: t.head.tree, deployments: map[flux.Ref]*deployment{}}
	says = "is not among what it applies any more: Flux takes it away, and all that it applied"
	if instance, was := t.base.instanceOf(*object); was && d.manifest(instance.Ref) == nil {
		says = fmt.Sprintf("loses %s, which makes it: the Flux Operator then uninstalls Flux", instance.Ref)
	}
	return gone, says, NewTransition(t.base, gone).Removed(*object) == ""
}

// Replaced tells of the first Kustomization of a cluster that has another one in its place: Flux takes it away, as Ends says, and
// what it applied with it, but for what the other one has taken over by then (it is labelled with that; fluxcd/pkg ssa,
// manager_delete.go: Inclusions).
func (t Transition) Replaced() (first flux.Ref, says string, replaced bool) {
	first = t.base.Root.First()
	by, object := t.head.Root.First(), t.base.object(first)
	_, applied := t.head.owners[first]
	if by == first || object == nil || applied || t.base.owners[first] != first || t.base.Root.Path != t.head.Root.Path || t.Removed(*object) != "" {
		return first, "", false
	}
	return first, fmt.Sprintf("is not among what it applies any more: Flux takes it away, and all that it applied, but for what %s has taken over by then", by), true
}

// instanceOf is the FluxInstance of which an object is made; false where it is made of none.
func (f Fleet) instanceOf(o flux.Object) (flux.Object, bool) {
	d := f.deployments[f.owners[o.Ref]]
	if d == nil || !o.Generated {
		return flux.Object{}, false
	}
	for _, one := range d.objects {
		if instance, err := one.decode(); one.isFluxInstance() && err == nil {
			instance.Ref = one.ref
			return d.marked(instance), true
		}
	}
	return flux.Object{}, false
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
