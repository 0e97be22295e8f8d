package tune

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// link is one move of a field, and the step that made it.
type link struct {
	Move
	step int
}

// chain is the moves of a field that count, oldest first: each begins where the last one ended. Where a
// move begins elsewhere, the owner had chosen another value in between, which is the new original: what
// was before does not count any more.
type chain []link

func (r *Record) chain(f flux.Field) chain {
	var c chain
	if r == nil {
		return c
	}
	for i, step := range r.Steps {
		m, moved := step.Fields[f]
		if !moved {
			continue
		}
		if len(c) > 0 && !c.stands(m.From) {
			c = nil
		}
		c = append(c, link{m, i})
	}
	return c
}

func (c chain) pinned() bool {
	return slices.ContainsFunc(c, func(l link) bool { return l.Pinned })
}

func (c chain) held() bool {
	return slices.ContainsFunc(c, func(l link) bool { return l.Held })
}

// ruled tells whether a rule, ours or somebody else's, left the field to us.
func (c chain) ruled() bool { return c.pinned() || c.held() }

// stands tells whether a value is the chain's last, or what the API server has made of that.
func (c chain) stands(value *string) bool {
	last := c[len(c)-1]
	return flux.SameDuration(value, last.To) || last.Became != nil && flux.SameDuration(value, last.Became)
}

// standing says what has become of a chain's last value.
type standing int

const (
	stands   standing = iota // the field is as we set it
	restored                 // the field is as it was before some of the chain's moves, or all
	released                 // something that keeps applying the object sets the field itself now
	edited                   // somebody has chosen another value since
)

// standingOf compares a chain with a field as it is now. Of a restored chain the first keep moves still
// stand. Owner is who has chosen the value since, where that is to be seen.
func (r *Record) standingOf(c chain, o flux.Object, f flux.Field) (s standing, keep int, owner flux.Manager) {
	return r.standingUnder(c.ruled(), c, o, f)
}

// standingUnder does so where it is known whether a rule leaves the field to us: it may be there before the record says
// so.
func (r *Record) standingUnder(rule bool, c chain, o flux.Object, f flux.Field) (s standing, keep int, owner flux.Manager) {
	now := o.Value(f)
	ours := r.managers()
	for _, m := range o.OwnersOf(f) {
		// Where a rule leaves a field to us, kustomize-controller adopts our value whenever it applies the
		// object for another reason (fluxcd/pkg ssa, computeDriftedPaths): that is nobody's choice. Where we own it beside
		// it, it has adopted what is there: another value would have taken our name away.
		adopted := rule && m == kustomizeApply(m.Version) && (c.stands(now) || r.owns(o, f))
		if ours.has(m) || adopted || nameless(m) {
			continue
		}
		switch {
		case flux.SameDuration(now, c[0].From):
			return restored, 0, m
		case tookOver(m, c[0].Owners), declaredAgain(o, f, m, c[0].Owners):
			return released, 0, m
		default:
			return edited, 0, m
		}
	}
	if c.stands(now) {
		if by, since := r.declaredSince(c, o, f); since && !rule {
			if tookOver(by, c[0].Owners) {
				return released, 0, by
			}
			return edited, 0, by
		}
		return stands, len(c), flux.Manager{}
	}
	for keep = len(c) - 1; keep >= 0; keep-- {
		if equal(now, c[keep].From) || c[keep].From == nil && filledIn(o, f) {
			return restored, keep, flux.Manager{}
		}
	}
	if i := slices.IndexFunc(o.OwnersOf(f), ours.has); i >= 0 { // under a name of ours, and not by us: the record would say so
		return edited, 0, o.OwnersOf(f)[i]
	}
	return edited, 0, flux.Manager{}
}

// kustomizeApply is the owner that kustomize-controller is of what it applies.
func kustomizeApply(version string) flux.Manager {
	return flux.Manager{Name: kustomizeController, Apply: true, Version: version}
}

// filledIn tells whether a field is as the API server fills it in where it is absent: then whoever removes it becomes the
// owner of the default. What the controller works out from the interval is not filled in.
func filledIn(o flux.Object, f flux.Field) bool {
	one, two := "1h", "2h"
	filled := o.EffectiveWith(f, nil, &one)
	return o.Value(f) != nil && filled > 0 && o.EffectiveWith(f, nil, &two) == filled && o.Effective(f) == filled
}
