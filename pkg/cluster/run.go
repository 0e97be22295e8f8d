package cluster

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Run is the whole of what one command writes.
type Run struct {
	// Pins are the rules that owners must have before their objects are changed.
	Pins []tune.Pin
	// Writes are the objects.
	Writes []tune.Write
	// Begin makes the writes anew, as many in the same order, when the owners are ready and the first is about to be made: what
	// is to end some time after counts from then. Nil: they are as they are.
	Begin func() []tune.Write
	// Owners are those whose rules are brought to what the records on their objects need when all is written.
	Owners []flux.Object
	// Takes are objects whose rules go at the end, unless records need them, also where another session waits for them; nil: none.
	Takes func(flux.Ref) bool
	// PinTimeout is how long owners have to notice their rules.
	PinTimeout time.Duration
	// Now is the time of day, by which sessions wait and end; nil: that of the clock.
	Now func() time.Time
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
	return Carry(ctx, c.Store(o), run, o, c.clock())
}

// Carry is Run on any store, by any clock.
func Carry(ctx context.Context, s Store, run Run, o WriteOptions, clock Clock) Outcomes {
	late, stop := withGrace(ctx, 2*grace, o.Abandoned)
	defer stop()
	if run.Now == nil {
		run.Now = clock.Now
	}
	owners := setRules(ctx, s, run, o, clock)
	if run.Begin != nil {
		run.Writes = run.Begin()
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
	writer := NewWriter(s, o, clock)
	writer.now = run.Now
	for i, r := range writer.Write(ctx, ready) {
		out.Objects[at[i]] = r
	}
	var settled []Result
	if !o.DryRun {
		leave(late, s, owners, o, clock)
		settled = settle(ctx, late, s, run, out.Objects, o, clock)
		noteLost(out.Objects, settled)
	}
	out.Owners = merge(owners, settled)
	return out
}

// setRules has owners leave to us what is about to be changed, and waits until they have noticed.
func setRules(ctx context.Context, s Store, run Run, o WriteOptions, clock Clock) []Result {
	var pins []tune.Write
	sessions, until := sessionsUnder(run.Writes), run.Now().Add(run.underWay(o)).UTC().Truncate(time.Second)
	for _, p := range run.Pins {
		pins = append(pins, tune.PinWrite{Pin: p, Manager: o.FieldManager, Run: sessions[p.Owner.Ref], Until: until})
	}
	writer := NewWriter(s, o, clock)
	owners := writer.Write(ctx, pins)
	if o.DryRun {
		return owners
	}
	numbers := make([]int, len(owners))
	for i := range owners {
		numbers[i] = i
	}
	left := writer.await(ctx, owners, numbers, clock.Now().Add(run.PinTimeout))
	for _, i := range left {
		if ctx.Err() != nil {
			owners[i].NotReady = interrupted
		}
	}
	return owners
}

// interrupted is why owners have not noticed their rules where nobody waits for it any more.
const interrupted = "interrupted"

// spare is what a run may take longer than is known of it.
const spare = 5 * time.Minute

// underWay is how long a run may take from its first rule to its last record: its owners notice the rules, its levels wait for
// each other, and its patches are sent at their pace.
func (run Run) underWay(o WriteOptions) time.Duration {
	refs := make([]flux.Ref, 0, len(run.Writes))
	for _, w := range run.Writes {
		refs = append(refs, w.Target().Ref)
	}
	steps := max(0, o.Graph.Queue(refs).Depth()-1)
	takes := run.PinTimeout + time.Duration(steps)*cmp.Or(o.LevelTimeout, levelTimeout) + spare
	if o.PatchesPerSecond > 0 {
		takes += time.Duration(float64(len(refs)) / o.PatchesPerSecond * float64(time.Second))
	}
	return takes
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
		case r.NotReady == interrupted:
			failed[ref] = fmt.Errorf("%s before it had noticed its rules", interrupted)
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
		list = append(list, takenBack(first[ref], r).besides(first[ref].Beside))
	}
	sorting.By(list, func(a, b Result) int { return a.Write.Target().Compare(b.Write.Target().Ref) })
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
	switch first.NotReady {
	case "":
	case interrupted:
		last.Why = "its rules were set, and taken away again: interrupted before it had noticed them"
	default:
		last.Why = "its rules were set, and taken away again: it has not noticed them in time"
	}
	return last
}
