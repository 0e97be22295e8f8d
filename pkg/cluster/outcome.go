package cluster

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Outcome says what became of one object. The words are part of the JSON contract.
type Outcome string

// The outcomes of a write.
const (
	Configured   Outcome = "configured"   // written
	Restored     Outcome = "restored"     // written, by a revert
	Released     Outcome = "released"     // written, by a revert that had no value to restore: its record is gone
	Forgotten    Outcome = "forgotten"    // written, by a forget
	Unchanged    Outcome = "unchanged"    // it was as it should be
	Skipped      Outcome = "skipped"      // left alone, and why
	Failed       Outcome = "failed"       // refused: nothing of it was written
	NotAttempted Outcome = "notAttempted" // nothing was sent
	Uncertain    Outcome = "uncertain"    // sent, and no answer came: it may have been written
)

// Result is what became of one write.
type Result struct {
	Write   tune.Write
	Outcome Outcome
	// Why an object was left alone, or what else is to be known.
	Why string
	// Err says why an object failed, why it was not attempted, or what is still missing of one that was
	// written.
	Err error
	// Generation is the object's after the write: its controller has seen the change when
	// status.observedGeneration reaches it.
	Generation int64
	// NotReady says of an object that was written and waited for what has not been seen of it yet; "" where it was
	// seen, or not waited for.
	NotReady string
	// Now is the object as the API server had it when it was last seen; nil where nothing was sent or read.
	Now *flux.Object
	// Gone says that there is no such object any more.
	Gone bool
	// Beside are fields of the spec that admission changed in answers to patches, beside what these were to change, sorted. What
	// became of a patch whose answer did not come may be somebody else's, and is not told.
	Beside []flux.Field
	// Back is the way back that was gone, as it was decided on the object as it was when each patch was made, or what stays where none
	// was; nil where nothing was decided.
	Back *tune.Restore
	// Left is the object as it was when the write was done with; Now may be seen later, when others have changed it again.
	Left *flux.Object
	// TakenBack says that it was written, and put back to what it was before by the same run.
	TakenBack bool

	// owner is the one whose rules the object's record needed when it was last looked at, if any.
	owner flux.Ref
	// before is the status of Ready that the API server answered with when it was written.
	before string
	// unseen says that it is as wanted, and its controller has not observed that yet.
	unseen bool
}

// Wrote tells whether anything of it was, or may have been, written.
func (r Result) Wrote() bool { return r.Outcome == Configured || r.Outcome == Uncertain }

// wasReady tells whether an object was ready when it was written: as it was planned for, or as it was last seen before.
func (r Result) wasReady() bool { return r.readyBefore() == "True" }

// readyBefore is the status of Ready that an object had when it was written; "" where it had none.
func (r Result) readyBefore() string {
	if r.before == "True" || r.before == "False" {
		return r.before
	}
	return r.Write.Target().Status.Ready // it was being reconciled
}

// besides adds fields that admission changed.
func (r Result) besides(fields []flux.Field) Result {
	if len(fields) > 0 {
		r.Beside = slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.Beside, fields))))
	}
	return r
}

// gone is the result with one more part of a way back, if there is one.
func (r Result) gone(back *tune.Restore) Result {
	if back != nil {
		r.Back = r.Back.Then(*back)
	}
	return r
}

// Why there is no such object any more, or another one of its name.
const (
	whyDeleted  = "deleted since it was planned"
	whyMadeAnew = whyDeleted + ", and made anew"
)

// deleted is the result of an object that is there no more. What was written of it before was written.
func (r Result) deleted(wrote bool, why string) Result {
	r.Why, r.Gone = why, true
	switch {
	case wrote:
		r.Outcome = Configured
	case r.Outcome != Uncertain:
		r.Outcome = Skipped
	}
	return r
}

// failed is the result of an object that is refused. What was written of it before is not called failed.
func (r Result) failed(wrote bool, err error) Result {
	r.Outcome, r.Err = Failed, err
	if wrote {
		r.Outcome, r.Err = Configured, fmt.Errorf("not all of it is done: %w", err)
	}
	return r
}

// unknown is the result of an object of which nobody can say how it is.
func (r Result) unknown(wrote bool, err error) Result {
	if wrote || r.Outcome != Uncertain {
		return r.failed(wrote, err)
	}
	r.Err = err
	return r
}

// stands is the result of an object of which all that was to last should be there still.
func (r Result) stands(now flux.Object) Result {
	apply, ok := r.Write.(tune.ApplyWrite)
	if !ok || r.Err != nil {
		return r
	}
	if back := apply.PutBack(now); back != "" {
		r.Err = fmt.Errorf("put back since it was written: %s (run the same command again)", back)
	}
	return r
}

// settled is the result of an object to which nothing is left to send.
func (r Result) settled(next tune.Next, now flux.Object, wrote bool) Result {
	sent := wrote || r.Outcome == Uncertain
	r = r.gone(next.Back)
	switch {
	case next.State == tune.StateWritten || wrote || (next.State == tune.StateAsWanted && sent):
		r.Outcome, r.Generation = Configured, max(r.Generation, now.Generation)
		if next.State != tune.StateLeftAlone || next.Back != nil {
			return r
		}
		r.Err = errors.New(next.Why) // what is left of it is not to be written any more
		return r
	}
	r.Why = next.Why
	switch next.State {
	case tune.StateAsWanted, tune.StateUnchanged:
		r.Outcome = Unchanged
		if _, pin := r.Write.(tune.PinWrite); pin { // somebody else's run, or one that was killed, may just have written them
			r.Generation, r.unseen = now.Generation, now.Status.ObservedGeneration < now.Generation
		}
	default:
		r.Outcome = Skipped
	}
	return r
}
