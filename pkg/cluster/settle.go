package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

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

// noteUndone says of objects that were changed under a rule that they are not as they were set any more, and that the rule is gone: it does not
// come back, since it would freeze what is there.
func noteUndone(objects []Result, owner flux.Ref, undone []flux.Ref) {
	for i, r := range objects {
		apply, ok := r.Write.(tune.ApplyWrite)
		if ok && r.Err == nil && r.Wrote() && apply.Item.Pinned() && apply.Item.Stick.Owner == owner && slices.Contains(undone, apply.Target().Ref) {
			objects[i].Err = fmt.Errorf("the rule that keeps it is gone from %s, and something has set it back: pin it again", owner)
		}
	}
}

// leave says of owners whose rules were set that nobody waits for these any more. What becomes of that is not told: should it
// not arrive, they wait until their time is over.
func leave(ctx context.Context, s Store, set []Result, o WriteOptions, clock Clock) {
	o.PatchesPerSecond, o.Progress = 0, nil
	var writes []tune.Write
	for _, r := range set {
		pin, ok := r.Write.(tune.PinWrite)
		if !ok || pin.Run == "" || r.Now == nil {
			continue
		}
		// Its controller has written its status since.
		if now, err := patiently(ctx, clock, func() (flux.Object, error) { return s.Get(ctx, *r.Now) }); err == nil {
			writes = append(writes, tune.LeaveWrite{Owner: now, Session: pin.Run})
		}
	}
	NewWriter(s, o, clock).Write(ctx, writes)
}

// settle brings the rules of the run's owners to what the records need as they are now. Both are read anew.
// Late is not ended by an interrupt at once.
func settle(ctx, late context.Context, s Store, run Run, done []Result, o WriteOptions, clock Clock) []Result {
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
	counted, waiting := countedOn(done), sessionsUnder(run.Writes)
	for attempt := 1; len(owners) > 0; attempt++ {
		pins, failed := pinsNeeded(late, s, owners, run, done, clock)
		var writes []tune.Write
		for _, pin := range pins {
			owner := pin.Owner.Ref
			writes = append(writes, tune.PinWrite{Pin: pin, Manager: o.FieldManager, Settles: true, Session: counted[owner], Run: waiting[owner], Now: run.Now(), Takes: run.Takes})
		}
		awaitBefore(ctx, s, writes, done, o, clock)
		o.PatchesPerSecond = 0 // there are few, and the time may be short
		owners = make(map[flux.Ref]flux.Object)
		for _, r := range NewWriter(s, o, clock).Write(late, writes) {
			owner := r.Write.Target()
			switch again := r.Outcome == Skipped && r.Why == tune.OwnerChanged; {
			case again && attempt <= conflictAttempts: // whoever wrote to it may have pinned something
				owners[owner.Ref] = owner
			case again:
				failed = append(failed, uncompared(owner, fmt.Errorf("somebody else keeps changing it: gave up after %d attempts", attempt)))
			case r.Outcome != Unchanged:
				results = append(results, r)
			}
		}
		results = append(results, failed...)
	}
	return results
}

// awaitBefore waits until what owners depend on is ready again, of those whose rules are about to change: they would become not ready
// by that. Who has interrupted a run does not wait.
func awaitBefore(ctx context.Context, s Store, writes []tune.Write, done []Result, o WriteOptions, clock Clock) {
	at := make(map[flux.Ref]int, len(done))
	for i, r := range done {
		if r.Wrote() && r.wasReady() {
			at[r.Write.Target().Ref] = i
		}
	}
	var numbers []int
	for _, w := range writes {
		owner := w.Target()
		if w.Next(owner).Patch == nil {
			continue
		}
		for _, on := range o.Graph.DependsOn(owner.Ref) {
			if i, written := at[on]; written {
				numbers = append(numbers, i)
			}
		}
	}
	if len(numbers) > 0 {
		NewWriter(s, o, clock).await(ctx, slices.Clone(done), numbers, clock.Now().Add(cmp.Or(o.LevelTimeout, levelTimeout)))
	}
}

// sessionsUnder are the sessions that are to change objects under the rules of an owner.
func sessionsUnder(writes []tune.Write) map[flux.Ref]string {
	sessions := make(map[flux.Ref]string)
	for _, w := range writes {
		if apply, ok := w.(tune.ApplyWrite); ok && apply.Item.Pinned() {
			sessions[apply.Item.Stick.Owner] = apply.Stamp.Session
		}
	}
	return sessions
}

// countedOn are those that have.
func countedOn(done []Result) map[flux.Ref]string {
	var wrote []tune.Write
	for _, r := range done {
		if r.Wrote() {
			wrote = append(wrote, r.Write)
		}
	}
	return sessionsUnder(wrote)
}

// pinsNeeded works out the rules of owners from the records on their objects. What could not be compared is a result; what was done, and is
// undone by now, is noted.
func pinsNeeded(ctx context.Context, s Store, owners map[flux.Ref]flux.Object, run Run, done []Result, clock Clock) (pins []tune.Pin, failed []Result) {
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
		objects, unread, err := recordsOf(ctx, s, clock, now, run.Writes)
		if err != nil {
			failed = append(failed, uncompared(owner, err))
			continue
		}
		// Where somebody has taken the rules away meanwhile, what this run has pinned needs them still.
		needs := tune.Needs(flux.Each(objects), unread...)
		if i := slices.IndexFunc(run.Pins, func(p tune.Pin) bool { return p.Owner.Ref == ref }); i >= 0 {
			needs = needs.Since(run.Pins[i].Owner)
		}
		noteUndone(done, ref, needs.Undone(now))
		if !tune.Pinning(now) && len(needs.Of(now.Ref)) == 0 {
			continue
		}
		pins = append(pins, needs.Pin(now))
	}
	return pins, failed
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
