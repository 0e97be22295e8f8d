package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const (
	// firstPause is how long to wait before a session is tried to be taken back a second time; it doubles up to longestPause.
	firstPause   = time.Second
	longestPause = time.Minute
	// pausesAtMost is how long all these pauses may take: an API server that is upgraded is back by then, and nobody waits
	// for a job for ever.
	pausesAtMost = time.Hour
	// refusedAtMost is so for what is refused: rights that somebody has taken away by mistake, and policies of admission, are mended by then or
	// need a person.
	refusedAtMost = 10 * time.Minute
)

// pausesFor is how long all pauses may take where a session is so after a try.
func pausesFor(state sessionState) time.Duration {
	switch state {
	case stateUnknown:
		return pausesAtMost
	case stateRefused:
		return refusedAtMost
	default:
		return 0
	}
}

// pauseAfter is how long to wait after a try that failed, the first being 1.
func pauseAfter(try int) time.Duration {
	pause := firstPause
	for ; try > 1 && pause < longestPause; try-- {
		pause *= 2
	}
	return min(pause, longestPause)
}

// wayBack is a session that is being taken back.
type wayBack struct {
	session string
	// wrote is what it changed, of each object, and back how many of them are taken back.
	wrote []tune.Item
	back  takenBack
	// again is the command that goes on with it.
	again string
}

// takenBack is what tries to take a session back have come to.
type takenBack struct {
	objects int // that are taken back, by all tries
	// refused tells of the last try that something was refused, and all of that until somebody allows it.
	refused bool
}

// add notes what has become of the objects of a try.
func (b *takenBack) add(results []cluster.Result) {
	final, passing := 0, 0
	for _, r := range results {
		switch {
		case r.Err == nil && !r.Gone && r.Outcome != cluster.NotAttempted:
		case r.Gone, r.Outcome == cluster.Failed && kube.Final(r.Err):
			final++
		default:
			passing++
		}
	}
	b.refused = final > 0 && passing == 0
}

// notWhole says how far it came. Why is what kept it from going on; "" where that was said.
func (w wayBack) notWhole(why string) string {
	if why != "" {
		why = " (" + why + ")"
	}
	far := "could not be taken back whole" + why
	switch left := len(w.wrote) - w.back.objects; {
	case w.back.objects == 0:
		far = fmt.Sprintf("stands: nothing has been taken back yet of %s%s", plural(len(w.wrote), "object"), why)
	case left > 0:
		far = fmt.Sprintf("is not taken back whole yet: %d of %s are, %d are not%s", w.back.objects, plural(len(w.wrote), "object"), left, why)
	}
	return fmt.Sprintf("Session %s %s. Try again with: %s", w.session, far, w.again)
}

// takeBack reverts what a session wrote, wherever that is by now. It tries again, after pauses, until
// nothing is left that it could take back, or the user interrupts twice.
func (o ApplyOptions) takeBack(ctx context.Context, session string, wrote []tune.Item) error {
	stopSaying := context.AfterFunc(ctx, func() {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s is being taken back. Another Ctrl-C stops that, and says what is left.\n", session)
	})
	defer stopSaying()
	ctx, stop := o.root.insisted(ctx)
	defer stop()
	way := wayBack{session: session, wrote: wrote, again: fmt.Sprintf("%s revert%s --session %s", o.root.name, o.scopeFlags(o.root), terminal.Quoted(session))}
	back := o.reverting(session, &way.back)
	waited := time.Duration(0)
	for try := 1; ; try++ {
		way.back.refused = false
		err := back.run(ctx)
		state := back.stateAfter(ctx, err)
		pause, most := pauseAfter(try), pausesFor(state)
		if waited += pause; ctx.Err() != nil || waited > most {
			return o.conclude(ctx, way, state, err)
		}
		if try == 1 {
			_, _ = fmt.Fprintf(o.root.ErrOut, "%s It is tried again until it is, for %s at most.\n", sentence("Not everything could be taken back"+whyNotBack(err)), flux.FormatDuration(most))
		}
		o.pause(ctx, pause, whyNotBack(err))
	}
}

// pause waits before a session is tried to be taken back again, and says why on a line that counts.
func (o ApplyOptions) pause(ctx context.Context, pause time.Duration, why string) {
	line := o.root.newProgress()
	line.start = time.Time{} // it waits already
	defer line.clear()
	for left := pause; left > 0 && ctx.Err() == nil; left -= time.Second {
		line.show(fmt.Sprintf("Taking it back is tried again in %s%s", left, why))
		_ = cluster.Sleep(ctx, min(left, time.Second))
	}
}

// sentence ends a text with a full stop, where no question mark does.
func sentence(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// whyNotBack is what is said behind a colon; "" where it was said already.
func whyNotBack(err error) string {
	if silent := (silentError{}); err == nil || errors.As(err, &silent) {
		return ""
	}
	return ": " + explain(err)
}

// sessionState is what is left of a session.
type sessionState int

const (
	stateUnknown sessionState = iota // or something could be taken back
	stateGone                        // nothing bears it
	stateStuck                       // what bears it stays, whatever is tried: somebody else changed it since
	stateRefused                     // what is left is refused, and will be until somebody allows it
)

// stateAfter is what a session has left after a try to take it back.
func (o RevertOptions) stateAfter(ctx context.Context, err error) sessionState {
	gone, silent, chose := sessionGone{}, silentError{}, othersChose{}
	switch {
	case err == nil || errors.As(err, &gone):
		return stateGone
	case ctx.Err() != nil:
		return stateUnknown
	case final(err):
		return stateRefused
	case !errors.As(err, &silent) && !errors.Is(err, errUnread):
		return stateUnknown
	}
	state := o.state(ctx) // somebody else may have done what was refused
	switch {
	case state == stateUnknown && o.back.refused:
		return stateRefused
	case state == stateUnknown && errors.As(err, &chose):
		return stateStuck
	}
	return state
}

// refusedError is a refusal that the command knows of without having asked for the very change.
type refusedError struct{ error }

// final tells whether an error would come again, however often one tries.
func final(err error) bool {
	var refused refusedError
	return errors.As(err, &refused) || kube.Final(err)
}

// state looks at what a session has left.
func (o RevertOptions) state(ctx context.Context) sessionState {
	fs, err := o.readTuned(ctx)
	if err != nil {
		return stateUnknown
	}
	state := stateOf(fs.all[0].objects, o.RestoreOptions)
	passes := slices.ContainsFunc(fs.gaps(), func(g flux.Gap) bool { return !g.Harmless && !g.Forbidden })
	switch {
	case !fs.incomplete():
		return state
	case passes || state == stateUnknown:
		return stateUnknown
	default:
		return stateRefused // where it may stand, nobody lets us look
	}
}

// stateOf is what objects have left of the session that options name.
func stateOf(objects []flux.Object, o tune.RestoreOptions) sessionState {
	state := stateGone
	for _, object := range objects {
		record, _ := tune.ReadRecord(object)
		switch its, _ := tune.BadRecordsBeside([]flux.Object{object}, o.Session); {
		case len(its) > 0:
			state = stateStuck
		case !record.HasSession(o.Session):
		case tune.DecideRestore(object, o).Action == tune.ActionChange:
			return stateUnknown
		default:
			state = stateStuck
		}
	}
	return state
}

// over says that all of a session is taken back, and what there is of what it wrote that is not as it was.
func (w wayBack) over(say func(string), there whatIsThere) error {
	kept, deleting, gone := keptText(w.wrote, there.objects), deletingText(w.wrote, there.objects), there.goneText(w.wrote)
	switch {
	case kept != "":
		say(fmt.Sprintf("Session %s is over, but %s", w.session, kept))
	case deleting != "":
		say(fmt.Sprintf("Session %s is over, but %s", w.session, deleting))
	case gone == "":
		say(fmt.Sprintf("Session %s is over: everything is as it was.", w.session))
	default:
		say(fmt.Sprintf("Session %s is over: what is still there is as it was. %s", w.session, gone))
	}
	if gone != "" && kept+deleting != "" {
		say(gone)
	}
	if kept != "" {
		return silentError{exitFailed}
	}
	return nil
}

// conclude says that a session is over, or what is left of it.
func (o ApplyOptions) conclude(ctx context.Context, way wayBack, state sessionState, err error) error {
	say := func(text string) { _, _ = fmt.Fprintln(o.root.ErrOut, text) }
	gone, silent, chose := sessionGone{}, silentError{}, othersChose{}
	switch {
	case err == nil || errors.As(err, &gone) && way.back.objects > 0:
		return way.over(say, o.there(ctx))
	case errors.As(err, &gone): // somebody else was faster
		say(fmt.Sprintf("Session %s is over: nothing bears it any more.", way.session))
		if kept := keptText(way.wrote, o.there(ctx).objects); kept != "" {
			say("By that " + kept)
			return silentError{exitFailed}
		}
		return nil
	case state == stateGone && !errors.As(err, &chose):
		say(fmt.Sprintf("Session %s is over: nothing bears it any more.", way.session))
	case state == stateGone:
		say(fmt.Sprintf("Session %s is over: its changes are taken back but for what later sessions set, which stays until they are reverted. See them with: %s sessions%s", way.session, o.root.name, o.scopeFlags(o.root)))
	case errors.As(err, &chose):
		o.root.proposeDecision([]string{way.session}, o.scopeFlags(o.root))
	case ctx.Err() != nil:
		say(way.notWhole("interrupted"))
		return silentError{exitInterrupted}
	case state == stateStuck:
		say(fmt.Sprintf("Session %s could not be taken back whole, and trying again would come to the same: what stands in the way is named above.", way.session))
	case state == stateRefused && errors.As(err, &silent):
		say(way.notWhole("what is left is refused, and will be until somebody allows it"))
	case errors.As(err, &silent):
		say(way.notWhole(""))
	default:
		say(way.notWhole(explain(err)))
	}
	if kept := keptText(way.wrote, o.there(ctx).objects); kept != "" {
		say("Besides, " + kept)
	}
	return silentError{exitFailed}
}

// untroubled is a writer that never fails.
type untroubled struct{ io.Writer }

// Write implements io.Writer.
func (w untroubled) Write(p []byte) (int, error) {
	_, _ = w.Writer.Write(p)
	return len(p), nil
}

// reverting is how a session is taken back; back is to note what comes of it.
func (o ApplyOptions) reverting(session string, back *takenBack) RevertOptions {
	revert := RevertOptions{WriteOptions: o.WriteOptions, RestoreOptions: tune.RestoreOptions{Session: session},
		IncludeFailed: o.IncludeFailed, IncludeUpgrades: o.IncludeUpgrades}
	revert.FleetOptions = revert.everything()
	revert.Yes, revert.Wait, revert.back = true, false, back // what was waited for was the changes
	r, printer := *o.root, *o.printer
	r.Insisted = nil               // what ends this is the second signal already
	r.Out = untroubled{o.root.Out} // the terminal may be gone: that must not keep anything from being taken back
	if !o.printer.tables() {
		r.Out = io.Discard // one document was promised
	}
	printer.out, printer.document = r.Out, r.Out
	revert.root, revert.printer = &r, &printer
	for i, c := range revert.clusters { // which are clones
		one := *c.root
		one.Insisted, one.Out = nil, r.Out
		revert.clusters[i].root = &one
	}
	return revert
}
