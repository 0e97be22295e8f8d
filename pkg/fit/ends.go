package fit

import (
	"cmp"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// The natural ends of bounds that are open. Nobody asks for polling faster than 30s, and a policy that recommends a least
// interval means it. A source that polls each 30m asks 2 requests an hour, 1 in 6 of what 5m costs: beyond that there is
// next to nothing to save, and the next commit would wait for it.
const (
	naturalMin = 30 * time.Second
	// LongestOpen is that of the longest interval.
	LongestOpen = 30 * time.Minute
)

// Ends are the shortest and longest interval that a bound allows. An open end gets a natural one.
func Ends(b policy.Bound, recommended policy.Range) (least, most time.Duration) {
	most = cmp.Or(b.Max, max(LongestOpen, b.Min))
	least = cmp.Or(b.Min, min(cmp.Or(recommended.Min, naturalMin), most))
	return least, most
}

// Probe is another interval than an object has, for each source that the policy says something about.
func Probe(objects []flux.Object, p policy.Policy, r *policy.Resolver) map[flux.Ref]policy.Bound {
	probe := map[flux.Ref]policy.Bound{}
	for i := range objects {
		o := &objects[i]
		if _, _, ok := bounds(o, p, r); ok {
			probe[o.Ref] = exactly(o.Effective(flux.Interval) + time.Second)
		}
	}
	return probe
}

// Free are the ends of the sources that may get another interval.
func Free(objects []flux.Object, p policy.Policy, r *policy.Resolver, changes func(flux.Ref) bool) map[flux.Ref]policy.Bound {
	free := map[flux.Ref]policy.Bound{}
	for i := range objects {
		o := &objects[i]
		if least, most, ok := bounds(o, p, r); ok && changes(o.Ref) {
			free[o.Ref] = policy.Bound{Min: least, Max: most}
		}
	}
	return free
}

// bounds are the ends for a source; false where it is none, is never due, or the policy says nothing of its interval.
func bounds(o *flux.Object, p policy.Policy, r *policy.Resolver) (least, most time.Duration, ok bool) {
	if !o.KindRow().Source || o.Suspended || o.Deleting || o.Effective(flux.Interval) <= 0 {
		return 0, 0, false
	}
	e, known := p.Lookup(r.Resolve(*o).Environment)
	b := e.Value(o.Kind, flux.IntervalSetting)
	if !known || b.IsZero() {
		return 0, 0, false
	}
	least, most = Ends(b, e.Recommended)
	return least, most, true
}

func exactly(d time.Duration) policy.Bound {
	text := flux.FormatDuration(d)
	return policy.Bound{Min: d, Max: d, MinText: text, MaxText: text}
}
