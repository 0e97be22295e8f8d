package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// advance learns from what went wrong: a patch goes to its next place, a scalar that does too much or too
// little is given up for patches. It returns false where nothing is left to try.
func (w *rewriter) advance(wrong mismatches) bool {
	moved := false
	for _, m := range wrong {
		if n := w.needs[m.spot]; n != nil && n.at < len(n.places) {
			n.at++
			n.why = m.why
			moved = true
		}
	}
	if moved {
		return true
	}
	// What is wrong is not at an object that takes a patch itself: everything that may lead to it steps back.
	for _, m := range wrong {
		for _, s := range w.spots() {
			n := w.needs[s]
			if n.root == m.root && n.at < len(n.places) {
				n.at++
				n.why = m.why
				moved = true
			}
		}
	}
	if moved {
		return true
	}
	for _, i := range sortedInts(w.scalars) {
		for _, target := range w.decisions.reach[i] {
			if slices.ContainsFunc(wrong, func(m mismatch) bool { return m.root == target.Root }) {
				w.refuse(i, wrong.reasons()[0])
				moved = true
				break
			}
		}
	}
	return moved
}

// refuse gives up a scalar.
func (w *rewriter) refuse(i int, why string) {
	delete(w.scalars, i)
	for _, target := range w.decisions.reach[i] {
		w.refused[target] = fmt.Sprintf("%s: %s", w.decisions.scalars[i], why)
	}
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
func (w *rewriter) result(files map[string][]byte, patches map[place][]patch) Rewriting {
	r := Rewriting{Files: files}
	for _, i := range sortedInts(w.scalars) {
		r.Values = append(r.Values, ValueEdit{Scalar: w.decisions.scalars[i], To: w.scalars[i], Targets: w.decisions.reach[i]})
	}
	for _, p := range sortedPlaces(patches) {
		for _, one := range patches[p] {
			r.Patches = append(r.Patches, w.patchEdit(p, one))
		}
	}
	for target, to := range w.planned {
		why := w.refused[target]
		if why == "" && w.exhausted(target) {
			why = w.because(target)
		}
		if why != "" {
			r.Refused = append(r.Refused, Refusal{Target: target, To: to, Why: why})
		}
	}
	slices.SortFunc(r.Refused, func(a, b Refusal) int { return compareTargets(a.Target, b.Target) })
	return r
}

func (w *rewriter) patchEdit(p place, one patch) PatchEdit {
	edit := PatchEdit{File: p.file, Own: p.own, Kind: one.kind, Names: one.names}
	if !p.own {
		edit.Kustomization = p.name
	}
	for _, v := range one.values {
		to := v.value
		edit.Changes = append(edit.Changes, tune.Change{Field: v.field, To: &to})
	}
	for _, s := range w.spots() {
		n := w.needs[s]
		if n.at < len(n.places) && n.places[n.at] == p && n.ref.Kind == one.kind && (len(one.names) == 0 || slices.Contains(one.names, n.ref.Name)) {
			for _, v := range n.values {
				edit.Targets = append(edit.Targets, Target{s.root, s.ref, v.field})
			}
		}
	}
	return edit
}

// because says why no place takes a patch for a value, and what it is that decides it.
func (w *rewriter) because(target Target) string {
	n := w.needs[spot{target.Root, target.Ref}]
	why := cmp.Or(n.why, "no kustomization or Kustomization that could take a patch is in the checkout")
	if i, ok := w.decisions.by[target]; ok {
		s := w.decisions.scalars[i]
		others := len(w.decisions.reach[i]) - 1
		switch reason := w.tree.untouchable(s.File); {
		case reason != "":
			return fmt.Sprintf("%s decides it, and %s; %s", s, reason, why)
		case others > 0 && !w.sharedWish(i):
			return fmt.Sprintf("%s decides it and %d others, which want other values; %s", s, others, why)
		}
	}
	if unknown := w.decisions.Unknown(target); unknown != "" {
		return unknown + "; " + why
	}
	return strings.TrimSpace(why)
}
