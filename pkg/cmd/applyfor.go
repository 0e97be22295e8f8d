package cmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const (
	// mostFor bounds --for: nobody keeps a terminal open for longer.
	mostFor = 30 * 24 * time.Hour
	// looksAtLeast and looksAtMost are how long to wait before it is looked again for what has become of the fleet: large ones,
	// which take long to read, are read seldom.
	looksAtLeast, looksAtMost = 5 * time.Second, time.Minute
	// answersWithin is how much longer than the look before one may take until it is said that there is no answer.
	answersWithin = 10 * time.Second
)

// checkFor refuses times that cannot be meant.
func (f ApplyFlags) checkFor() error {
	switch {
	case f.For != 0 && f.For < time.Second:
		return fmt.Errorf("--for %s: it takes 1s at least, like 2h", flux.FormatDuration(f.For))
	case f.For > mostFor:
		return fmt.Errorf("--for %s: it takes %s at most, like 2h", flux.FormatDuration(f.For), flux.FormatDuration(mostFor))
	case f.For > 0 && f.DryRun != dryRunNone:
		return fmt.Errorf("--for %s: a dry run changes nothing that could be taken back: leave out --for, or --dry-run", flux.FormatDuration(f.For))
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
// takes, and takes everything back: what it wrote.
func (o ApplyOptions) untilOver(ctx context.Context, stamp tune.Stamp, requests budget.Rates, wrote []tune.Item) error {
	left := o.left(stamp).Round(time.Second)
	switch {
	case ctx.Err() != nil: // it was Ctrl-C while it was applied
	case left <= 0:
		_, _ = fmt.Fprintf(o.root.ErrOut, "Its end, %s, has passed.\n", tune.ShowTime(stamp.Until))
	default:
		_, _ = fmt.Fprintf(o.root.ErrOut, "It ends at %s, in %s. Ctrl-C ends it now.\n", tune.ShowTime(stamp.Until), flux.FormatDuration(left))
		if o.hold(ctx, stamp, requests, wrote) {
			_, _ = fmt.Fprintf(o.root.ErrOut, "No object bears session %s any more: somebody else has reverted or forgotten it, or taken its annotations away.\n", stamp.Session)
		}
	}
	return o.takeBack(ctx, stamp.Session, wrote)
}

// lasting says how long changes stay that are taken back by themselves, with a space before it; "" where they stay.
func (o ApplyOptions) lasting(now time.Time) string {
	if o.For == 0 {
		return ""
	}
	return fmt.Sprintf(" for %s (until about %s, then it is taken back)", flux.FormatDuration(o.For), tune.ShowTime(now.Add(o.For)))
}

// held is what a session has come to so far.
type held struct {
	requests float64 // an hour, of Git hosts
	sources  int     // that hold something else than when it began
	gone     bool    // somebody else has taken it back
	unread   bool    // not all that it changed could be read
	// seen is when this was so, and due when more is known at the latest, if the API server answers.
	seen, due time.Time
}

// line says how long a session still takes, and what it has come to, as far as that is known; asked is what Git hosts were asked
// before. What ends it comes first: a terminal may be narrow.
func (h held) line(left time.Duration, asked budget.Rates, now time.Time) string {
	news := "no new revisions"
	switch {
	case h.unread:
		return fmt.Sprintf("%s left (Ctrl-C ends it), but not all may be read any more, and taking it back needs that", left.Round(time.Second))
	case now.After(h.due):
		news = fmt.Sprintf("no answer from the cluster for %s", now.Sub(h.seen).Round(time.Second))
	case h.sources == 1:
		news = "1 source has a new revision"
	case h.sources > 1:
		news = fmt.Sprintf("%d sources have new revisions", h.sources)
	}
	return fmt.Sprintf("%s left (Ctrl-C ends it), %s, %s requests/h (%s before)", left.Round(time.Second), news, report.Rate(h.requests), report.Rate(asked.Now))
}

// hold waits, and tells on a terminal how long it still takes; true where it ends early since nothing bears the session any more.
func (o ApplyOptions) hold(ctx context.Context, stamp tune.Stamp, requests budget.Rates, wrote []tune.Item) bool {
	line := o.root.newProgress()
	defer line.clear()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	news := make(chan held, 1)
	go o.follow(ctx, stamp.Session, wrote, news)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	now := held{requests: requests.Planned, seen: time.Now(), due: time.Now().Add(answersWithin)}
	for {
		left := o.left(stamp)
		if left <= 0 || now.gone {
			return now.gone
		}
		line.show(now.line(left, requests, time.Now()))
		select {
		case <-ctx.Done():
			return false
		case now = <-news:
		case <-tick.C:
		}
	}
}

// left is how long a session still lasts, by the clock on the wall, of the API server: Go's other clock stands still while a machine sleeps
// (time, "Monotonic Clocks"), and the record says a time of day.
func (o ApplyOptions) left(stamp tune.Stamp) time.Duration {
	return stamp.Until.Round(0).Sub(o.now().Round(0))
}

// follow tells now and then what the fleet asks of the hosts as it is by then, and how many of its sources hold something
// else than when it began; and when nothing bears the session any more.
func (o ApplyOptions) follow(ctx context.Context, session string, wrote []tune.Item, news chan<- held) {
	var before map[flux.Ref]string
	for {
		began := time.Now()
		if f, err := o.read(ctx); err == nil { // else the end of the session does not hang on it
			now := revisions(f.snapshot.Objects)
			if before == nil {
				before = now
			}
			select {
			case news <- held{o.cost(f, f.whole(tune.Plan{})).Git.Now, changedRevisions(before, now), o.gone(ctx, f, session), unreadOf(wrote, f.snapshot), began, nextLook(began, time.Now())}:
			case <-ctx.Done():
				return
			}
		}
		if cluster.Sleep(ctx, pauseBeforeLook(time.Since(began))) != nil {
			return
		}
	}
}

// unreadOf tells whether some of what was written may not be read any more.
func unreadOf(wrote []tune.Item, s flux.Snapshot) bool {
	return slices.ContainsFunc(wrote, func(i tune.Item) bool {
		return slices.ContainsFunc(s.Tried, func(p flux.Place) bool {
			return p.Kind == i.Object.Kind && (p.Namespace == "" || p.Namespace == i.Object.Namespace)
		})
	})
}

// pauseBeforeLook is how long to wait after a look that took so long: most of the time nothing is read.
func pauseBeforeLook(took time.Duration) time.Duration {
	return min(max(20*took, looksAtLeast), looksAtMost)
}

// nextLook is when the next look has an answer at the latest, after one that began and ended at some times.
func nextLook(began, ended time.Time) time.Time {
	took := ended.Sub(began)
	return ended.Add(pauseBeforeLook(took) + took + answersWithin)
}

// gone tells whether nothing bears a session any more. Where it seems so, all objects are looked at: what was chosen when it
// began may be chosen no more.
func (o ApplyOptions) gone(ctx context.Context, f fleet, session string) bool {
	if stateOf(f.objects, tune.RestoreOptions{Session: session}) != stateGone || f.snapshot.Incomplete() {
		return false
	}
	return o.reverting(session, &takenBack{}).state(ctx) == stateGone
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
