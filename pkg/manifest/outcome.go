package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// learn draws conclusions from what went wrong: a patch whose object is not as planned goes to its next place, a scalar
// that does not reach what it should is given up for patches. What goes wrong elsewhere is blamed on the edits that cause
// it, and on no others. It returns false where nothing was learned.
func (w *rewriter) learn(d *draft, wrong mismatches) bool {
	moved := false
	for _, m := range wrong {
		n := d.needs[m.spot]
		i, decided := w.decisions.by[m.target]
		switch {
		case m.whole: // not of one object alone
		case n != nil && n.at < len(n.places):
			w.move(n, m.why)
			moved = true
		case m.missing && decided && d.scalars[i] != "":
			w.given[i] = m.why
			moved = true
		}
	}
	if moved {
		return true
	}
	for e, why := range w.culprits(d, d.edits(), wrong) {
		if e.patch {
			w.move(d.needs[e.object], why)
		} else {
			w.given[e.scalar] = why
		}
		moved = true
	}
	return moved
}

// culprits are the edits that do wrong by themselves, and what they do; all of them where they only do it together.
func (w *rewriter) culprits(d *draft, edits []edit, wrong mismatches) map[edit]string {
	found := map[edit]string{}
	if len(edits) > 1 {
		for _, half := range [][]edit{edits[:len(edits)/2], edits[len(edits)/2:]} {
			part := d.only(w.decisions, half)
			files, _, ok := w.compose(part)
			if !ok {
				continue
			}
			if wrong := w.try(part, files); len(wrong) > 0 {
				maps.Copy(found, w.culprits(d, half, wrong))
			}
		}
	}
	if len(found) == 0 {
		for _, e := range edits {
			found[e] = wrong.reasons()[0]
		}
	}
	return found
}

func sortedInts[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// result tells what was found.
func (w *rewriter) result(d *draft, files map[string][]byte, patches map[place][]patch) Rewriting {
	r := Rewriting{Files: files}
	for _, i := range sortedInts(d.scalars) {
		r.Values = append(r.Values, ValueEdit{Scalar: w.decisions.scalars[i], To: d.scalars[i], Targets: w.decisions.reach[i]})
	}
	standing := map[place][]*need{}
	for _, s := range d.spots() {
		n := d.needs[s]
		standing[n.places[n.at]] = append(standing[n.places[n.at]], n)
	}
	for _, p := range sortedPlaces(patches) {
		for _, one := range patches[p] {
			r.Patches = append(r.Patches, w.patchEdit(p, one, standing[p]))
		}
	}
	for s, reasons := range w.left {
		for _, c := range w.wanted[s] {
			r.Refused = append(r.Refused, Refusal{Target: Target{s.root, s.ref, c.Field}, To: *c.To, Obstacle: reasons[c.Field]})
		}
	}
	sorting.By(r.Refused, func(a, b Refusal) int { return compareTargets(a.Target, b.Target) })
	return r
}

func (w *rewriter) patchEdit(p place, one patch, standing []*need) PatchEdit {
	edit := PatchEdit{File: p.file, Own: p.own, Kind: one.kind, Names: one.names}
	if !p.own {
		edit.Kustomization = p.name
	}
	for _, v := range one.values {
		to := v.value
		edit.Changes = append(edit.Changes, tune.Change{Field: v.field, To: &to})
	}
	for _, n := range standing {
		if n.ref.Kind != one.kind || one.namespace != "" && n.ref.Namespace != one.namespace || !slices.Equal(n.values, one.values) || len(one.names) > 0 && !slices.Contains(one.names, w.nameAt(p, n.spot)) {
			continue
		}
		for _, v := range n.values {
			edit.Targets = append(edit.Targets, Target{n.root, n.ref, v.field})
		}
	}
	return edit
}

// wish is what is wanted of a value; "" where it is to stay.
func (w *rewriter) wish(t Target) string {
	for _, c := range w.wanted[spot{t.Root, t.Ref}] {
		if c.Field == t.Field {
			return *c.To
		}
	}
	return ""
}

// otherWishes names the values that follow the scalar of one, too, and are not to become what it is.
func (w *rewriter) otherWishes(i int, one Target) string {
	to := w.wish(one)
	others, kept := 0, 0
	for _, target := range w.decisions.reach[i] {
		wish := w.wish(target)
		switch {
		case target == one:
		case wish == "" || w.left[spot{target.Root, target.Ref}] != nil && flux.SameDuration(&wish, &to):
			kept++
		case !flux.SameDuration(&wish, &to):
			others++
		}
	}
	switch {
	case others == 1:
		return "1 other, which wants another value"
	case others > 1:
		return fmt.Sprintf("%d others, which want other values", others)
	case kept == 1:
		return "1 other, which is to keep its value"
	default:
		return fmt.Sprintf("%d others, which are to keep their values", kept)
	}
}

// because says why no place takes a patch for a value, and what it is that decides it.
func (w *rewriter) because(d *draft, n *need, field flux.Field) Obstacle {
	target := Target{n.root, n.ref, field}
	barred := w.barred[n.spot]
	why := cmp.Or(w.why[n.spot], barred.String(), "no kustomization or Kustomization that could take a patch is in the checkout")
	if i, ok := w.decisions.by[target]; ok {
		return w.decided(d, target, i, why, w.why[n.spot] == "" && barred.why != "")
	}
	if unknown := w.decisions.Unknown(target); unknown != "" {
		return Obstacle{Why: unknown + "; " + why}
	}
	if w.why[n.spot] == "" {
		return Obstacle{strings.TrimSpace(why), barred.file, barred.why}
	}
	return Obstacle{Why: strings.TrimSpace(why)}
}

// decided is because for a value that a scalar decides. Why says why no patch does, and barred that this is since its file must not
// be edited.
func (w *rewriter) decided(d *draft, target Target, i int, why string, barred bool) Obstacle {
	s, kept := w.decisions.scalars[i], w.barred[spot{target.Root, target.Ref}]
	others := len(w.decisions.reach[i]) - 1
	switch untouchable := w.untouchable(s.File); {
	case path.Base(s.File) == syncFile && kustomizationOf(w.tree, parent(s.File)) == "" && w.why[spot{target.Root, target.Ref}] == "":
		return Obstacle{Why: fmt.Sprintf("%s decides it, and %s: a patch needs a kustomization.yaml beside it, with all files of that folder as resources; flux bootstrap writes one", s, untouchable)}
	case untouchable != "" && barred && untouchable == kept.why:
		return Obstacle{fmt.Sprintf("%s decides it, and %s", s, untouchable), s.File, untouchable}
	case untouchable != "":
		return Obstacle{Why: fmt.Sprintf("%s decides it, and %s; %s", s, untouchable, why)}
	case w.decisions.tied[i] != "":
		return Obstacle{Why: fmt.Sprintf("%s decides it and %s; %s", s, w.decisions.tied[i], why)}
	case w.given[i] != "":
		return Obstacle{Why: fmt.Sprintf("%s decides it: with another text there %s; %s", s, w.given[i], why)}
	case others > 0 && !w.sharedWish(d, i):
		return Obstacle{Why: fmt.Sprintf("%s decides it and %s; %s", s, w.otherWishes(i, target), why)}
	case barred:
		return Obstacle{why, kept.file, kept.why}
	default:
		return Obstacle{Why: why}
	}
}
