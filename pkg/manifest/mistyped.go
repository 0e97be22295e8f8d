package manifest

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Mistyped is an object in files that looks like one of Flux's, and that Flux does not have: a typing error in its kind or
// apiVersion. Of the Kustomization that applies it the API server takes nothing.
type Mistyped struct {
	Ref flux.Ref
	// By applies it.
	By flux.Ref
	// At is where it stands, of a kustomization that is none; the zero Position of an object, which a Locator finds.
	At Position
	flux.Mistyping
}

// Mistyped are those of the Fleet, sorted.
func (f Fleet) Mistyped() []Mistyped {
	return slices.SortedFunc(slices.Values(f.mistyped), func(a, b Mistyped) int { return a.Ref.Compare(b.Ref) })
}

// mistype notes such an object. One that has only another version stays among the objects: a newer Flux may have it.
func (f *Fleet) mistype(d *deployment, o appliedObject) {
	f.mistyped = append(f.mistyped, Mistyped{Ref: o.ref, By: d.ref(), Mistyping: *o.mistyped})
	f.gap(o.ref.String(), o.mistyped.Why, false)
	f.refuse(d.ref(), o.ref.String()+": "+o.mistyped.Why)
	if !o.mistyped.Version {
		f.owners[o.ref] = d.ref() // so that its place is found
	}
}

// unbuiltMistyped is what such an object may stand for: a Kustomization with a path.
func (t *Tree) unbuiltMistyped(root int, f Fleet, o appliedObject) Unbuilt {
	c := newClosure(t, f.home())
	if k, err := parseKustomization(o.json); err == nil && k.Spec.Path != "" {
		c.deploys(k.Spec)
	}
	return Unbuilt{Root: root, What: "what " + o.ref.String() + " applies", Why: o.mistyped.Why, Broken: true, files: c.used(), lost: c.lost}
}

// misheaded notes the kustomizations for which a Kustomization cannot be built, since they say to be something else.
func (f *Fleet) misheaded(d *deployment) {
	if d.built.err == nil || d.tree == nil {
		return
	}
	for _, file := range sortedKeys(d.built.read) {
		content, err := d.tree.ReadFile(file)
		if err != nil || !isKustomization(file) {
			continue
		}
		for _, n := range parseDocuments(content) {
			if m, wrong := flux.MistypedKustomization(text(n, "apiVersion"), text(n, "kind")); wrong {
				f.mistyped = append(f.mistyped, Mistyped{Ref: d.ref(), By: d.ref(), At: position(file, n, []string{m.Key}), Mistyping: m})
			}
		}
	}
}
