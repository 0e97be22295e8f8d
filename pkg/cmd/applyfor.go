package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const (
	// mostFor bounds --for: nobody keeps a terminal open for longer.
	mostFor = 30 * 24 * time.Hour
	// changesEvery is how often is looked for what has been applied meanwhile.
	changesEvery = time.Minute
)

// checkFor refuses times that cannot be meant.
func (f ApplyFlags) checkFor() error {
	switch {
	case f.forGiven && f.For < time.Second || f.For > mostFor:
		return fmt.Errorf("--for %s: it takes a time between 1s and %s, like 2h", f.For, flux.FormatDuration(mostFor))
	case f.For > 0 && f.DryRun != dryRunNone:
		return fmt.Errorf("--for %s: a dry run changes nothing that could be taken back", f.For)
	}
	return nil
}

// tooShort is an error where a session would have to end before its changes are made; pace is in patches a second.
func tooShort(lasts, takes time.Duration, pace float64) error {
	if lasts == 0 || takes < lasts {
		return nil
	}
	remedy := "give it more time"
	if pace > 0 {
		remedy += ", choose fewer objects, or a higher --patches-per-second"
	}
	return fmt.Errorf("--for %s: the changes alone take about %s, so that they would end before they are made: %s; nothing was changed",
		flux.FormatDuration(lasts), flux.FormatDuration(takes.Round(time.Second)), remedy)
}

// untilOver waits until a session is over (its time, Ctrl-C, the end of the terminal), tells meanwhile how long it still
// takes, and takes everything back.
func (o ApplyOptions) untilOver(ctx context.Context, stamp tune.Stamp, requests budget.Rates) error {
	if ctx.Err() != nil { // Ctrl-C while it was applied
		return o.takeBack(context.WithoutCancel(ctx), stamp.Session)
	}
	_, _ = fmt.Fprintf(o.root.ErrOut, "It ends at %s, in %s. Ctrl-C ends it now.\n", tune.ShowTime(stamp.Until), flux.FormatDuration(max(0, o.left(stamp).Round(time.Second))))
	o.hold(ctx, stamp, requests)
	// A second Ctrl-C ends the program; the records then say that the session is overdue.
	return o.takeBack(context.WithoutCancel(ctx), stamp.Session)
}

// hold waits, and tells on a terminal how long it still takes.
func (o ApplyOptions) hold(ctx context.Context, stamp tune.Stamp, requests budget.Rates) {
	line := o.root.newProgress()
	defer line.clear()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	applied := make(chan int, 1)
	go o.count(ctx, applied)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	since := 0
	for {
		left := o.left(stamp)
		if left <= 0 {
			return
		}
		line.show(fmt.Sprintf("%s left, %.0f requests/h (%.0f before), %s changed; Ctrl-C ends it",
			left.Round(time.Second), requests.Planned, requests.Now, plural(since, "source")))
		select {
		case <-ctx.Done():
			return
		case since = <-applied:
		case <-tick.C:
		}
	}
}

// left is how long a session still lasts, by the clock on the wall: Go's other clock stands still while a machine sleeps
// (time, "Monotonic Clocks"), and the record says a time of day.
func (o ApplyOptions) left(stamp tune.Stamp) time.Duration {
	return stamp.Until.Round(0).Sub(o.root.Now().Round(0))
}

// count tells now and then how many of the sources hold something else than when it began.
func (o ApplyOptions) count(ctx context.Context, applied chan<- int) {
	var before map[flux.Ref]string
	for {
		if snapshot, err := o.Client.Read(ctx, o.Selection); err == nil { // else the end of the session does not hang on it
			now := revisions(snapshot.Objects)
			if before == nil {
				before = now
			}
			select {
			case applied <- changedRevisions(before, now):
			case <-ctx.Done():
				return
			}
		}
		if cluster.Sleep(ctx, changesEvery) != nil {
			return
		}
	}
}

// revisions are what sources hold. Times would not do: each scan of an image has one of its own, and a source-controller
// that starts again writes all artifacts anew.
func revisions(objects []flux.Object) map[flux.Ref]string {
	held := map[flux.Ref]string{}
	for _, o := range objects {
		if o.Status.Revision != "" {
			held[o.Ref] = o.Status.Revision
		}
	}
	return held
}

// changedRevisions counts the sources that hold something else than before.
func changedRevisions(before, now map[flux.Ref]string) int {
	n := 0
	for ref, revision := range now {
		if was, known := before[ref]; known && was != revision {
			n++
		}
	}
	return n
}

// untroubled is a writer that never fails.
type untroubled struct{ io.Writer }

// Write implements io.Writer.
func (w untroubled) Write(p []byte) (int, error) {
	_, _ = w.Writer.Write(p)
	return len(p), nil
}

// takeBack reverts a session, wherever its objects are by now.
func (o ApplyOptions) takeBack(ctx context.Context, session string) error {
	back := RevertOptions{WriteOptions: o.WriteOptions, RestoreOptions: tune.RestoreOptions{Session: session}}
	back.FleetOptions = back.everything()
	back.Yes, back.Wait = true, false // what was waited for was the changes
	r, printer := *o.root, *o.printer
	r.Out = untroubled{o.root.Out} // the terminal may be gone: that must not keep anything from being taken back
	if !o.printer.tables() {
		r.Out = io.Discard // one document was promised
	}
	printer.out = r.Out
	back.root, back.printer = &r, &printer
	err := back.run(ctx)
	if gone := (sessionGone{}); errors.As(err, &gone) { // somebody else was faster
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s is over: nothing bears it any more.\n", session)
		return nil
	}
	if err == nil {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s is over: everything is as it was.\n", session)
		return nil
	}
	why := ""
	if silent := (silentError{}); !errors.As(err, &silent) {
		why = fmt.Sprintf(" (%v)", err)
	} else if f, err := back.read(ctx); err == nil && len(f.snapshot.Gaps) == 0 && !slices.ContainsFunc(f.objects, func(object flux.Object) bool {
		record, err := tune.ReadRecord(object)
		return err != nil || record.HasSession(session)
	}) {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s is over: its changes are taken back but for what later sessions set, which stays until they are reverted. See them with: %s sessions%s\n", session, o.root.name, o.scopeFlags(o.root))
		return silentError{exitFailed}
	}
	if chose := (othersChose{}); errors.As(err, &chose) {
		o.root.proposeDecision([]string{session}, o.scopeFlags(o.root))
		return silentError{exitFailed}
	}
	_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s could not be taken back whole%s. Try again with: %s revert%s --session %s\n", session, why, o.root.name, o.scopeFlags(o.root), session)
	return silentError{exitFailed}
}
