package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// carried is a write on its way, and its result so far.
type carried struct {
	Result
	verifier tune.Verifier // nil where the write is none
	now      flux.Object
	fresh    bool // now is how the object is, as far as is known
	wrote    bool
	lost     *flux.Object // the object to which a patch was sent, whose answer did not come, or may be that to the same patch sent again
	unsure   tune.Next    // that patch, unless it only notes something aside
	refused  bool         // the answer was a conflict
	unheard  error        // why no answer came to the last patch; nil where one did
	// attempt counts from 1.
	attempt, conflicts, sent int
}

// end is the last step with a result.
func (c *carried) end(r Result) (done bool) {
	c.Result = r
	return true
}

// carryOut writes one object until nothing is left to send, or it is refused or hopeless. Whatever is not certain is
// looked at: the object itself says whether a patch arrived, and what is still to be sent.
func (w *Writer) carryOut(ctx, requests context.Context, write tune.Write) Result {
	c := &carried{Result: Result{Write: write, Outcome: NotAttempted}, now: write.Target(), fresh: true, attempt: 1}
	c.verifier, _ = write.(tune.Verifier)
	for done := w.gone.Load(); !done; {
		if c.fresh {
			done = w.send(ctx, requests, c)
		} else {
			done = w.reread(ctx, requests, c)
		}
	}
	if c.Now == nil && !c.Gone {
		c.Now = &c.now
	}
	c.Left = c.Now
	return c.Result
}

// another tells whether an object was made anew since a write of it was planned. The rules of an owner are set there, too.
func another(write tune.Write, now flux.Object) bool {
	_, rules := write.(tune.PinWrite)
	return !rules && now.MadeAnew(write.Target())
}

// reread looks at an object of which it is not certain how it is. It tells whether nothing more is to be done.
func (w *Writer) reread(ctx, requests context.Context, c *carried) (done bool) {
	looked, err := w.store.Get(requests, c.now)
	w.heard(err)
	switch {
	case apierrors.IsNotFound(err):
		return c.end(c.deleted(c.wrote, whyDeleted))
	case err == nil && another(c.Write, looked):
		return c.end(c.deleted(c.wrote, whyMadeAnew))
	case unreachable(err) && w.wait(ctx, c.attempt):
		c.attempt++
		return false
	case err != nil:
		return c.end(c.unknown(c.wrote, fmt.Errorf("reading it again: %w", err)))
	}
	lost := c.lost
	if _, restores := c.Write.(tune.RestoreWrite); restores && c.refused {
		lost = nil // what is there may be what somebody has chosen
	}
	if err := lostAnswer(c.verifier, lost, looked); err != nil {
		c.now = looked
		return c.end(w.undo(ctx, requests, c.Result, c.verifier.Undo(*c.lost, looked), err))
	}
	w.arrived(c, looked)
	c.now, c.fresh, c.lost, c.refused, c.unsure = looked, true, nil, false, tune.Next{}
	return false
}

// arrived notes what of a patch that nobody has heard of an object tells, as it is now: that it arrived, or that it may have.
func (w *Writer) arrived(c *carried, now flux.Object) {
	if c.lost == nil || c.unsure.Patch == nil {
		return
	}
	arrived := tune.Arrived(*c.lost, now, c.unsure.Patch, cmp.Or(c.unsure.Manager, w.options.FieldManager))
	if arrived || !c.refused && c.lost.ResourceVersion != now.ResourceVersion {
		c.Result = c.gone(c.unsure.Back)
	}
	if arrived { // whatever comes of the next one is not all that becomes of it
		c.wrote, c.Outcome, c.Generation = true, Configured, max(c.Generation, now.Generation)
	}
}

// send sends the next patch, if one is left. It tells whether nothing more is to be done.
func (w *Writer) send(ctx, requests context.Context, c *carried) (done bool) {
	if owner, pinned := tune.PinnedBy(c.now); pinned {
		c.owner = owner
	}
	next := c.Write.Next(c.now)
	switch {
	case next.Err != nil:
		return c.end(c.failed(c.wrote, next.Err))
	case next.Patch == nil:
		return c.end(c.settled(next, c.now, c.wrote))
	}
	if c.Outcome == NotAttempted && w.ended(c.Write) {
		c.Err = ErrEnded
		return true
	}
	if c.sent++; c.sent > patchesAtMost+conflictAttempts+readAttempts {
		if c.unheard != nil {
			return c.end(c.failed(c.wrote, c.unheard))
		}
		return c.end(c.failed(c.wrote, errors.New("it does not become as it should be: something sets it back at once")))
	}
	answer, err := w.store.Patch(requests, c.now, next.Patch, next.Manager)
	w.heard(err)
	switch {
	case err == nil:
		return w.answered(ctx, requests, c, answer, next)
	case apierrors.IsConflict(err):
		if c.conflicts++; c.conflicts > conflictAttempts {
			return c.end(c.failed(c.wrote, fmt.Errorf("somebody else keeps changing it: gave up after %d conflicts: %w", c.conflicts, err)))
		}
		before := c.now // a proxy that got no answer may have sent the patch again, and this is what came of the second
		c.fresh, c.lost, c.refused, c.unheard = false, &before, true, nil
		if !next.Aside {
			c.unsure = next
		}
	case apierrors.IsNotFound(err):
		return c.end(c.deleted(c.wrote, whyDeleted))
	case unreachable(err), busy(err), requests.Err() != nil: // after Ctrl-C nobody waits for an answer for long
		return w.unanswered(ctx, requests, c, next, err)
	case next.Aside:
		return c.endAside()
	default:
		return c.end(c.failed(c.wrote, err))
	}
	return false
}

// unanswered goes on after a patch of which nobody knows whether it arrived, or that is to be sent again.
func (w *Writer) unanswered(ctx, requests context.Context, c *carried, sent tune.Next, err error) (done bool) {
	c.unheard = err
	if !apierrors.IsTooManyRequests(err) { // what was refused for the load did not arrive
		if c.Outcome == NotAttempted && !sent.Aside {
			c.Outcome = Uncertain
		}
		before := c.now
		if c.lost = &before; !sent.Aside {
			c.unsure = sent
		}
	}
	switch {
	case w.again(ctx, c.attempt, err):
		c.attempt++
		c.fresh = c.Outcome == NotAttempted
		return false
	case sent.Aside:
		return c.endAside()
	default:
		return c.end(w.lastLook(ctx, requests, c, err))
	}
}

// endAside is the last step where only a note was left to be written, whatever became of it.
func (c *carried) endAside() (done bool) {
	return c.end(c.settled(tune.Next{State: tune.StateAsWanted}, c.now, c.wrote))
}

// answered holds a patch against the API server's answer. A dry run ends with the first: nothing was changed that a second
// one could be for. What is noted aside is no outcome.
func (w *Writer) answered(ctx, requests context.Context, c *carried, answer flux.Object, sent tune.Next) (done bool) {
	before := c.now
	c.Result, c.now, c.unheard = c.besides(tune.ChangedBeside(before, answer, sent.Patch)).gone(sent.Back), answer, nil
	if c.verifier != nil {
		if err := c.verifier.Verify(before, answer); err != nil {
			return c.end(w.undo(ctx, requests, c.Result, c.verifier.Undo(before, answer), err))
		}
	}
	if c.before == "" {
		c.before = answer.Status.Ready
	}
	if sent.Aside {
		return w.options.DryRun && c.endAside()
	}
	c.wrote = true
	c.Outcome, c.Generation = Configured, max(c.Generation, answer.Generation)
	return w.options.DryRun
}

// lostAnswer says what admission made of a patch whose answer did not come, as far as the object tells; nil where that is
// nothing, or the patch did not arrive.
func lostAnswer(verifier tune.Verifier, lost *flux.Object, now flux.Object) error {
	if verifier == nil || lost == nil || now.ResourceVersion == lost.ResourceVersion {
		return nil
	}
	return verifier.VerifyLater(*lost, now)
}

// undo takes back what did not arrive as it was sent.
func (w *Writer) undo(ctx, requests context.Context, r Result, back tune.Write, why error) Result {
	if w.options.DryRun {
		return r.failed(false, why)
	}
	if back == nil {
		return r.failed(true, why)
	}
	undone := w.carryOut(ctx, requests, back)
	r = r.besides(undone.Beside)
	_, restores := r.Write.(tune.RestoreWrite)
	if restores && !tune.Keeps(back) { // it was only noted
		r.Now = cmp.Or(undone.Now, r.Now)
		return r.failed(true, why)
	}
	if undone.Err != nil || undone.Outcome != Configured && undone.Outcome != Unchanged {
		return r.failed(true, fmt.Errorf("%w; and it could not be taken back: %w", why, cmp.Or(undone.Err, errors.New(undone.Why))))
	}
	r.Generation, r.Now = undone.Generation, undone.Now
	if restores {
		return r.failed(true, fmt.Errorf("%w: what follows the interval stays as it was", why))
	}
	return r.failed(false, fmt.Errorf("%w: it was taken back", why))
}

// lastLook finds out what became of a patch whose answer did not come, once, when it will not be tried again.
func (w *Writer) lastLook(ctx, requests context.Context, c *carried, err error) Result {
	if c.Outcome != Uncertain {
		return c.failed(c.wrote, err)
	}
	now, getErr := w.store.Get(requests, c.Write.Target())
	if getErr != nil {
		return c.gone(c.unsure.Back).unknown(c.wrote, fmt.Errorf("no answer from the API server: %w", err))
	}
	if another(c.Write, now) {
		return c.deleted(c.wrote, whyMadeAnew)
	}
	c.Now = &now
	w.arrived(c, now)
	if err := lostAnswer(c.verifier, c.lost, now); err != nil {
		return w.undo(ctx, requests, c.Result, c.verifier.Undo(*c.lost, now), err)
	}
	if next := c.Write.Next(now); next.Patch == nil && next.Err == nil {
		return c.settled(next, now, c.wrote)
	}
	return c.failed(c.wrote, err)
}
