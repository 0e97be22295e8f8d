package manifest

import (
	"sort"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Chosen tells which objects a change is meant for; nil where it is meant for all of the checkout.
type Chosen func(root int, ref flux.Ref) bool

// manifest tells whether one of the objects that are made of a manifest is chosen. Where none is made, the object is asked
// for that the manifest names, which may have no namespace.
func (c Chosen) manifest(fleets []Fleet, file string, named flux.Ref) bool {
	if c == nil {
		return true
	}
	made := false
	for root, f := range fleets {
		for _, d := range f.deployments {
			for _, o := range d.objects {
				if o.origin != file || o.ref.Kind != named.Kind || !strings.Contains(o.ref.Name, named.Name) {
					continue
				}
				if made = true; c(root, o.ref) {
					return true
				}
			}
		}
	}
	if made {
		return false
	}
	for root := range fleets {
		if c(root, named) {
			return true
		}
	}
	return false
}

// bystander tells whether an object that nobody chose would follow a scalar as soon as what now takes its place there were
// gone: another overlay of the same base, say. Who changes only a part of a checkout does not mean that object, and who
// reviews the change would not look for it there.
func (w *rewriter) bystander(i int) bool {
	if w.chosen == nil {
		return false
	}
	if w.makings == nil {
		w.makings = w.findMakings()
	}
	s := w.decisions.scalars[i]
	kind, name := w.documentOf(s)
	if kind != "" {
		return containing(w.makings[making{s.File, kind}].unchosen, name)
	}
	// What stands in no object's document may reach all that is built with the file. Where it does reach something,
	// kustomize or Flux has told the objects apart.
	kinds, reached := map[string]bool{}, map[spot]bool{}
	for _, target := range w.decisions.reach[i] {
		kinds[target.Ref.Kind] = true
		reached[spot{target.Root, w.fleets[target.Root].owners[target.Ref]}] = true
	}
	for root, f := range w.fleets {
		for ref, d := range f.deployments {
			if !d.built.read[s.File] || reached[spot{root, ref}] {
				continue
			}
			for _, o := range d.objects {
				if kinds[o.ref.Kind] && f.owners[o.ref] == ref && !w.chosen(root, o.ref) {
					return true
				}
			}
		}
	}
	return false
}

// making is a file and a kind of the objects that are made of it; made are the names of these, and unchosen of those that
// nobody chose.
type (
	making struct{ file, kind string }
	made   struct{ names, unchosen map[string]bool }
)

// findMakings looks through all objects once: a file may hold thousands.
func (w *rewriter) findMakings() map[making]made {
	found := map[making]made{}
	for root, f := range w.fleets {
		for ref, d := range f.deployments {
			for _, o := range d.objects {
				key := making{o.origin, o.ref.Kind}
				if found[key].names == nil {
					found[key] = made{map[string]bool{}, map[string]bool{}}
				}
				found[key].names[o.ref.Name] = true
				if f.owners[o.ref] == ref && !w.chosen(root, o.ref) {
					found[key].unchosen[o.ref.Name] = true
				}
			}
		}
	}
	return found
}

// containing tells whether one of some names has another in it.
func containing(names map[string]bool, part string) bool {
	if names[part] {
		return true
	}
	for name := range names {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// heading is the line that a document begins at, and its kind and name.
type heading struct {
	line       int
	kind, name string
}

// documentOf is the kind and name of the document of an object that a scalar stands in; "" where it is in none.
func (w *rewriter) documentOf(s Scalar) (kind, name string) {
	headings, known := w.headings[s.File]
	if !known {
		content, _ := w.tree.ReadFile(s.File) // what cannot be read has no documents
		for _, n := range parseDocuments(content) {
			headings = append(headings, heading{n.Line, text(n, "kind"), text(n, "metadata", "name")})
		}
		w.headings[s.File] = headings
	}
	behind := sort.Search(len(headings), func(i int) bool { return headings[i].line > s.Line })
	if behind == 0 {
		return "", ""
	}
	h := headings[behind-1]
	if !containing(w.makings[making{s.File, h.kind}].names, h.name) {
		return "", ""
	}
	return h.kind, h.name
}

// sparing tells whether a scalar is not edited for the sake of bystanders.
func (w *rewriter) sparing(i int) bool {
	if w.taken[i] {
		return false
	}
	spared, known := w.spared[i]
	if !known {
		spared = w.bystander(i)
		w.spared[i] = spared
	}
	return spared
}

// unspare takes the scalars of an object that were spared for bystanders, where no place is left for a patch of it, and tells
// whether there were any: what was asked for comes first.
func (w *rewriter) unspare(n *need) bool {
	found := false
	for _, v := range n.values {
		if i, ok := w.decisions.by[Target{n.root, n.ref, v.field}]; ok && w.given[i] == "" && w.editable[i] && w.sparing(i) {
			w.taken[i] = true
			delete(w.tried, n.spot)
			found = true
		}
	}
	return found
}
