package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"
)

// group makes the patches of each place from what stands there.
func (w *rewriter) group(d *draft) map[place][]patch {
	members := map[place]map[string][]*need{}
	for _, s := range d.spots() {
		n := d.needs[s]
		p := n.places[n.at]
		if members[p] == nil {
			members[p] = map[string][]*need{}
		}
		members[p][n.key()] = append(members[p][n.key()], n)
	}
	patches := map[place][]patch{}
	for p, groups := range members {
		for _, key := range sortedKeys(groups) {
			byNamespace := w.byNamespace(p, groups[key])
			for _, namespace := range sortedKeys(byNamespace) {
				patches[p] = append(patches[p], w.patch(p, namespace, byNamespace[namespace]))
			}
		}
	}
	return patches
}

// byNamespace are needs that want the same at one place by the namespaces that their patches have to name: "" where names do. What is
// fetched may have objects of the same names in others.
func (w *rewriter) byNamespace(p place, needs []*need) map[string][]*need {
	wanted := map[spot]bool{}
	for _, n := range needs {
		wanted[n.spot] = true
	}
	groups := map[string][]*need{}
	for _, n := range needs {
		namespace := ""
		if p.own {
			groups[namespace] = needs
			break
		}
		if !w.whole(p) && w.placed(n.spot) {
			namespace = n.ref.Namespace
		}
		for _, s := range w.named(p, n.ref.Kind, w.nameAt(p, n.spot)) {
			if !wanted[s] && w.apart(p, n.spot, s) {
				namespace = n.ref.Namespace
			}
		}
		groups[namespace] = append(groups[namespace], n)
	}
	return groups
}

// placed tells whether an object's own document has the namespace that it is applied to: a patch anywhere then finds it by that.
func (w *rewriter) placed(s spot) bool {
	f := w.fleets[s.root]
	d := f.deployments[f.owners[s.ref]]
	_, document := w.locator.document(d, s.ref)
	return document != nil && s.ref.Namespace != "" && text(document, "metadata", "namespace") == s.ref.Namespace
}

// apart tells whether a patch at a place can tell two objects of one name by their namespaces. Those of one Kustomization that
// differ in the end differ before, unless something else sets them, which the second build shows. At an object's own document
// those are apart that are written in others.
func (w *rewriter) apart(p place, a, b spot) bool {
	if p.own {
		places := w.places(b)
		return len(places) > 0 && places[0] != p
	}
	owners := w.fleets[a.root].owners
	return a.root == b.root && owners[a.ref] == owners[b.ref] && a.ref.Namespace != "" && b.ref.Namespace != "" && a.ref.Namespace != b.ref.Namespace
}

// settle moves each need to its first place from here on where a patch by its name reaches nothing else. It is false where
// one has no such place: that object is left as it is.
func (w *rewriter) settle(d *draft) bool {
	spots := d.spots()
	for moved := true; moved; {
		moved = false
		for _, s := range spots {
			n := d.needs[s]
			for n.at < len(n.places) {
				other, ok := w.stranger(d, n)
				if ok {
					break
				}
				w.move(n, fmt.Sprintf("a patch in %s would reach %s as well", n.places[n.at].file, other))
				moved = true
			}
		}
	}
	var ended []*need
	spared := false
	for _, s := range spots {
		if n := d.needs[s]; n.at >= len(n.places) {
			ended = append(ended, n)
			spared = w.unspare(n) || spared
		}
	}
	if spared { // what follows the same scalar goes with it
		return false
	}
	for _, n := range ended {
		w.leave(d, n)
	}
	return len(ended) == 0
}

// stranger is an object that a patch of a need at its place would reach, and that does not want it there: also not later.
func (w *rewriter) stranger(d *draft, n *need) (string, bool) {
	p := n.places[n.at]
	name := w.nameAt(p, n.spot)
	for _, s := range w.named(p, n.ref.Kind, name) {
		if s.ref.Group != n.ref.Group || w.apart(p, n.spot, s) {
			continue
		}
		// The other may still be at a nearer place, which takes no patch for it either.
		if other := d.needs[s]; other == nil || other.key() != n.key() || !slices.Contains(other.places[min(other.at, len(other.places)):], p) {
			return fmt.Sprintf("%s of %s", s.ref, w.fleets[s.root].Root), false
		}
	}
	return "", true
}

// patch makes one patch of needs that want the same at one place, in one namespace where it names one: for all of their kind where
// all want it, and there are no others that are not in the checkout.
func (w *rewriter) patch(p place, namespace string, needs []*need) patch {
	first := needs[0]
	made := patch{kind: first.ref.Kind, namespace: namespace, values: first.values}
	wanted, names := map[spot]bool{}, map[string]bool{}
	for _, n := range needs {
		wanted[n.spot] = true
		names[w.nameAt(p, n.spot)] = true
	}
	made.names = sortedKeys(names)
	if p.own {
		return made
	}
	all := len(made.names) > 1 && namespace == ""
	for _, s := range w.sees(p) {
		if s.ref.Kind == first.ref.Kind && !wanted[s] {
			all = false
		}
	}
	if all && w.whole(p) {
		made.names = nil
	}
	return made
}

func sortedPlaces(m map[place][]patch) []place {
	places := make([]place, 0, len(m))
	for p := range m {
		places = append(places, p)
	}
	sorting.By(places, func(a, b place) int {
		key := func(p place) string { return fmt.Sprint(p.kind, "/", p.name, "/", p.original) }
		return cmp.Or(strings.Compare(a.file, b.file), strings.Compare(key(a), key(b)))
	})
	return places
}
