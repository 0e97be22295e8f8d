package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// leave sends all that stand at a place to their next one.
func (w *rewriter) leave(p place, why string) {
	for _, n := range w.needs {
		if n.at < len(n.places) && n.places[n.at] == p {
			n.at++
			n.why = why
		}
	}
}

// group makes the patches of each place from what stands there, after it has sent on what would reach others.
func (w *rewriter) group() map[place][]patch {
	w.settle()
	members := map[place]map[string][]*need{}
	for _, s := range w.spots() {
		n := w.needs[s]
		if n.at >= len(n.places) {
			continue
		}
		p := n.places[n.at]
		if members[p] == nil {
			members[p] = map[string][]*need{}
		}
		members[p][n.key()] = append(members[p][n.key()], n)
	}
	patches := map[place][]patch{}
	for p, groups := range members {
		for _, key := range sortedKeys(groups) {
			patches[p] = append(patches[p], w.patch(p, groups[key]))
		}
	}
	return patches
}

// settle moves each need to its first place from here on where a patch by its name reaches nothing else.
func (w *rewriter) settle() {
	for moved := true; moved; {
		moved = false
		for _, s := range w.spots() {
			n := w.needs[s]
			for n.at < len(n.places) {
				other, ok := w.stranger(n)
				if ok {
					break
				}
				n.why = fmt.Sprintf("a patch in %s would reach %s as well", n.places[n.at].file, other)
				n.at++
				moved = true
			}
		}
	}
}

// stranger is an object that a patch of a need at its place would reach, and that does not want it there.
func (w *rewriter) stranger(n *need) (string, bool) {
	p := n.places[n.at]
	for _, s := range w.sees(p) {
		if s.ref.Group != n.ref.Group || s.ref.Kind != n.ref.Kind || s.ref.Name != n.ref.Name {
			continue
		}
		other := w.needs[s]
		if other == nil || other.key() != n.key() || other.at >= len(other.places) || other.places[other.at] != p {
			return fmt.Sprintf("%s of %s", s.ref, w.fleets[s.root].Root), false
		}
	}
	return "", true
}

// patch makes one patch of needs that want the same at one place: for all of their kind where all want it.
func (w *rewriter) patch(p place, needs []*need) patch {
	first := needs[0]
	made := patch{kind: first.ref.Kind, values: first.values}
	wanted := map[spot]bool{}
	for _, n := range needs {
		wanted[n.spot] = true
		if !slices.Contains(made.names, n.ref.Name) {
			made.names = append(made.names, n.ref.Name)
		}
	}
	slices.Sort(made.names)
	all := len(made.names) > 1 && !p.own
	for _, s := range w.sees(p) {
		if s.ref.Kind == first.ref.Kind && !wanted[s] {
			all = false
		}
	}
	if all {
		made.names = nil
	}
	return made
}

func (w *rewriter) spots() []spot {
	spots := make([]spot, 0, len(w.needs))
	for s := range w.needs {
		spots = append(spots, s)
	}
	slices.SortFunc(spots, func(a, b spot) int { return cmp.Or(a.root-b.root, a.ref.Compare(b.ref)) })
	return spots
}

func sortedPlaces(m map[place][]patch) []place {
	places := make([]place, 0, len(m))
	for p := range m {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(strings.Compare(a.file, b.file), strings.Compare(a.kind+"/"+a.name, b.kind+"/"+b.name))
	})
	return places
}
