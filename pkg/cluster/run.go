package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Run is the whole of what one command writes.
type Run struct {
	// Pins are the rules that owners must have before their objects are changed.
	Pins []tune.Pin
	// Writes are the objects.
	Writes []tune.Write
	// Owners are those whose rules are brought to what the records on their objects need when all is written.
	Owners []flux.Object
	// PinTimeout is how long owners have to notice their rules.
	PinTimeout time.Duration
}

// Outcomes are what became of a run.
type Outcomes struct {
	// Objects have one result for each of the run's writes, in their order.
	Objects []Result
	// Owners have one for each owner whose rules were to be changed, sorted.
	Owners []Result
	// Behind are objects beside these of which an earlier change has not been observed, and what is missing.
	Behind map[flux.Ref]string
}

// Run carries a run out: the rules that objects need first, then the objects, then the rules that follow from the
// records as they are then. So no rule of ours stays that no record needs, whatever failed or was interrupted in
// between.
func (c *Client) Run(ctx context.Context, run Run, o WriteOptions) Outcomes {
	return Carry(ctx, c.Store(o), run, o, Clock{Now: time.Now, Sleep: sleep})
}

// Carry is Run on any store, by any clock.
func Carry(ctx context.Context, s Store, run Run, o WriteOptions, clock Clock) Outcomes {
	late, stop := withGrace(ctx, 2*grace, o.Abandoned)
	defer stop()
	var pins []tune.Write
	for _, p := range run.Pins {
		pins = append(pins, tune.PinWrite{Pin: p, Manager: o.FieldManager})
	}
	writer := NewWriter(s, o, clock)
	owners := writer.Write(ctx, pins)
	if !o.DryRun {
		numbers := make([]int, len(owners))
		for i := range owners {
			numbers[i] = i
		}
		writer.await(ctx, owners, numbers, clock.Now().Add(run.PinTimeout))
	}
	held := unheld(owners)
	var out Outcomes
	out.Objects = make([]Result, len(run.Writes))
	var ready []tune.Write
	var at []int
	for i, write := range run.Writes {
		if err := held(write); err != nil {
			out.Objects[i] = Result{Write: write, Outcome: NotAttempted, Err: err}
			continue
		}
		ready, at = append(ready, write), append(at, i)
	}
	for i, r := range NewWriter(s, o, clock).Write(ctx, ready) {
		out.Objects[at[i]] = r
	}
	var settled []Result
	if !o.DryRun {
		settled = settle(late, s, run, out.Objects, o, clock)
		noteLost(out.Objects, settled)
	}
	out.Owners = merge(owners, settled)
	return out
}

// unheld tells of a write why its owner does not leave its fields to us; nil where it does, or need not.
func unheld(owners []Result) func(tune.Write) error {
	failed := make(map[flux.Ref]error)
	for _, r := range owners {
		ref := r.Write.Target().Ref
		switch {
		case r.Err != nil:
			failed[ref] = r.Err
		case r.Outcome == Skipped:
			failed[ref] = fmt.Errorf("%s", r.Why)
		case r.NotReady != "":
			failed[ref] = fmt.Errorf("it has not noticed its rules in time: %s", r.NotReady)
		}
	}
	return func(write tune.Write) error {
		apply, ok := write.(tune.ApplyWrite)
		if !ok || !apply.Item.Pinned() {
			return nil
		}
		owner := apply.Item.Stick.Owner
		if err := failed[owner]; err != nil {
			return fmt.Errorf("%s could not be made to leave it alone: %w", owner, err)
		}
		return nil
	}
}

// noteLost says of objects that were changed under a rule, and whose rule was not there any more at the end: somebody
// else's run took it away, for no record needed it yet. It is there again, and the value may be undone.
func noteLost(objects, settled []Result) {
	lost := make(map[flux.Ref]flux.Ref)
	for _, r := range settled {
		if pin, ok := r.Write.(tune.PinWrite); ok && r.Outcome == Configured {
			for _, ref := range pin.Pin.Adds() {
				lost[ref] = pin.Pin.Owner.Ref
			}
		}
	}
	for i, r := range objects {
		apply, ok := r.Write.(tune.ApplyWrite)
		if owner, gone := lost[r.Write.Target().Ref]; ok && gone && r.Err == nil && r.Wrote() && apply.Item.Pinned() {
			objects[i].Err = fmt.Errorf("the rule that keeps it was taken away from %s meanwhile, and is there again: see with a plan whether it still stands", owner)
		}
	}
}

// settle brings the rules of the run's owners to what the records need as they are now. Both are read anew.
func settle(ctx context.Context, s Store, run Run, done []Result, o WriteOptions, clock Clock) []Result {
	owners := make(map[flux.Ref]flux.Object)
	for _, p := range run.Pins {
		owners[p.Owner.Ref] = p.Owner
	}
	for _, owner := range run.Owners {
		owners[owner.Ref] = owner
	}
	for _, r := range done { // also those that the caller could not read, or that pin since
		target, owner := r.Write.Target(), r.owner
		if planned, pinned := tune.PinnedBy(target); pinned {
			owner = planned
		}
		if _, known := owners[owner]; !known && owner != (flux.Ref{}) {
			owners[owner] = flux.Object{Ref: owner}
		}
	}
	var results []Result
	sessions := countedOn(done)
	for attempt := 1; len(owners) > 0; attempt++ {
		writes, failed := pinsNeeded(ctx, s, owners, run.Writes, o, clock, sessions)
		o.PatchesPerSecond = 0 // there are few, and the time may be short
		owners = make(map[flux.Ref]flux.Object)
		for _, r := range NewWriter(s, o, clock).Write(ctx, writes) {
			owner := r.Write.Target()
			switch again := r.Outcome == Skipped && r.Why == tune.OwnerChanged; {
			case again && attempt <= conflictAttempts: // whoever wrote to it may have pinned something
				owners[owner.Ref] = owner
			case again:
				failed = append(failed, uncompared(owner, fmt.Errorf("somebody else keeps changing it: gave up after %d attempts", attempt)))
			case r.Outcome != Unchanged && !onlyNoted(r):
				results = append(results, r)
			}
		}
		results = append(results, failed...)
	}
	return results
}

// onlyNoted tells of an owner whose rules were there that at most the session was noted: nothing to tell, whatever came of it.
func onlyNoted(r Result) bool {
	pin, ok := r.Write.(tune.PinWrite)
	return ok && pin.OnlyNotes() && pin.Session != ""
}

// countedOn are the sessions that have changed objects under the rules of an owner.
func countedOn(done []Result) map[flux.Ref]string {
	sessions := make(map[flux.Ref]string)
	for _, r := range done {
		if apply, ok := r.Write.(tune.ApplyWrite); ok && r.Wrote() && apply.Item.Pinned() {
			sessions[apply.Item.Stick.Owner] = apply.Stamp.Session
		}
	}
	return sessions
}

// pinsNeeded works out the rules of owners from the records on their objects. What could not be compared is a result.
func pinsNeeded(ctx context.Context, s Store, owners map[flux.Ref]flux.Object, done []tune.Write, o WriteOptions, clock Clock, sessions map[flux.Ref]string) (writes []tune.Write, failed []Result) {
	for _, ref := range slices.SortedFunc(maps.Keys(owners), flux.Ref.Compare) {
		owner := owners[ref]
		now, err := patiently(ctx, clock, func() (flux.Object, error) { return s.Get(ctx, owner) })
		if apierrors.IsNotFound(err) {
			continue // and its rules with it
		}
		if err != nil {
			failed = append(failed, uncompared(owner, err))
			continue
		}
		objects, unread, err := recordsOf(ctx, s, clock, now, done)
		if err != nil {
			failed = append(failed, uncompared(owner, err))
			continue
		}
		// Where somebody has taken the rules away meanwhile, what this run has pinned needs them still.
		needs := tune.Needs(flux.Each(objects), unread...)
		if !tune.Pinning(now) && len(needs.Of(now.Ref)) == 0 {
			continue
		}
		writes = append(writes, tune.PinWrite{Pin: needs.Pin(now), Manager: o.FieldManager, Settles: true, Session: sessions[now.Ref]})
	}
	return writes, failed
}

func uncompared(owner flux.Object, err error) Result {
	return Result{Write: tune.PinWrite{Pin: tune.Pin{Owner: owner}}, Outcome: Failed,
		Err: fmt.Errorf("its rules could not be compared with the records of its objects, and stay as they are: %w", err)}
}

// patiently asks again where no answer came, or the API server was busy.
func patiently[T any](ctx context.Context, clock Clock, ask func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		answer, err := ask()
		if !transient(err) || attempt == readAttempts || clock.Sleep(ctx, backoff(attempt, err)) != nil {
			return answer, err
		}
	}
}

// wantedRecords are the objects that an owner's rules name, and those of the writes that it applies, by what one list has.
func wantedRecords(owner flux.Object, writes []tune.Write) map[likeKey][]flux.Ref {
	wanted := make(map[likeKey][]flux.Ref)
	want := func(ref flux.Ref, version string) {
		key := likeKey{flux.Ref{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace}, version}
		wanted[key] = append(wanted[key], ref)
	}
	versions := make(map[string]string)
	for _, w := range writes {
		target := w.Target()
		versions[target.Kind] = target.Version
		if by, owned := target.Owner(); owned && by == owner.Ref {
			want(target.Ref, target.Version)
		}
	}
	for _, rule := range tune.OurRules(owner) {
		for _, ref := range tune.Targets(rule) {
			if _, known := flux.ParseManifestKind(ref.Group, ref.Kind); known {
				want(ref, versions[ref.Kind])
			}
		}
	}
	return wanted
}

// recordsOf reads the objects whose records say which rules an owner needs. Those that may not be read are named; those that
// do not exist are not.
func recordsOf(ctx context.Context, s Store, clock Clock, owner flux.Object, writes []tune.Write) (objects []flux.Object, unread []flux.Ref, err error) {
	written := make(map[flux.Ref]bool)
	for _, w := range writes {
		written[w.Target().Ref] = true
	}
	wanted := wantedRecords(owner, writes)
	for _, like := range slices.SortedFunc(maps.Keys(wanted), func(a, b likeKey) int { return a.Compare(b.Ref) }) {
		list, err := patiently(ctx, clock, func() ([]flux.Object, error) {
			return s.List(ctx, flux.Object{Ref: like.Ref, Version: like.Version})
		})
		switch {
		case apierrors.IsForbidden(err):
			for _, ref := range wanted[like] {
				if !written[ref] {
					unread = append(unread, ref)
					continue
				}
				// Whoever wrote an object may read it.
				one, err := patiently(ctx, clock, func() (flux.Object, error) { return s.Get(ctx, flux.Object{Ref: ref, Version: like.Version}) })
				if err != nil && !apierrors.IsNotFound(err) {
					return nil, nil, err
				}
				if err == nil {
					list = append(list, one)
				}
			}
		case err != nil:
			return nil, nil, fmt.Errorf("listing %s: %w", scope(like.Kind, like.Namespace), err)
		}
		objects = append(objects, list...)
	}
	return objects, unread, nil
}

// merge keeps the last result of each owner: what was written first may have been taken back at the end.
func merge(before, after []Result) []Result {
	first, last := make(map[flux.Ref]Result), make(map[flux.Ref]Result)
	for _, r := range before {
		first[r.Write.Target().Ref] = r
	}
	for _, r := range slices.Concat(before, after) {
		last[r.Write.Target().Ref] = r
	}
	var list []Result
	for ref, r := range last {
		list = append(list, takenBack(first[ref], r))
	}
	slices.SortFunc(list, func(a, b Result) int { return a.Write.Target().Compare(b.Write.Target().Ref) })
	return list
}

// takenBack is the last result of an owner, where its rules are by then what they were before the first.
func takenBack(first, last Result) Result {
	set, wasSet := first.Write.(tune.PinWrite)
	left, ok := last.Write.(tune.PinWrite)
	if !wasSet || !ok || first.Outcome != Configured || last.Outcome != Configured ||
		slices.EqualFunc(set.Pin.Rules, left.Pin.Rules, flux.IgnoreRule.Equal) ||
		!slices.EqualFunc(tune.OurRules(set.Pin.Owner), left.Pin.Rules, flux.IgnoreRule.Equal) {
		return last
	}
	last.Outcome, last.TakenBack, last.Why = Unchanged, true, "its rules were set, and taken away again, since nothing was changed that needs them"
	if first.NotReady != "" {
		last.Why = "its rules were set, and taken away again: it has not noticed them in time"
	}
	return last
}
