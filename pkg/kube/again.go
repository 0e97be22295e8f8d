package kube

import (
	"context"
	"errors"
	"time"
)

// tries are what the tries to watch a feed have come to.
type tries struct {
	soon    int       // how many lists in a row were good for less than a relist
	refused error     // why the last try was refused,
	next    time.Time // and when the server has asked to come back
}

// listError tells a list that failed from a watch that did.
type listError struct{ error }

// refusedError is a watch that the server does not begin now, after it was asked for as long as a list is good for.
type refusedError struct{ error }

// Unwrap gives errors.Is and errors.As the cause.
func (e refusedError) Unwrap() error { return e.error }

// pause is what comes between a watch or list that ended with an error and the next list. While no watch holds, what is shown is
// listed at the pace of what may not be watched, or who may watch would see less than who may not.
func (f *Follower) pause(ctx context.Context, feed *Feed, s Stream, err error, t *tries) {
	failed, isList := err.(listError)
	if isList {
		err = failed.error
	}
	_, refused := err.(refusedError)
	switch reason := ReasonOf(err); {
	case errors.Is(err, errQuiet): // it has lasted for long enough
	case errors.Is(err, errAway):
		_ = Sleep(ctx, f.anew(t.soon))
	case errors.Is(err, errFruitless): // each may have lasted for a while
		var came time.Time
		f.locked(func() { came = feed.came })
		_ = Sleep(ctx, time.Until(came.Add(f.relist)))
	case refused:
	case reason == Expired && !isList:
		_ = Sleep(ctx, f.anew(t.soon))
	case reason == Forbidden && !isList && s.MayNotWatch != nil:
		s.MayNotWatch(ctx)
	case reason == Forbidden && isList && s.Many:
		_ = Sleep(ctx, 6*f.relist)
	default:
		_ = Sleep(ctx, f.relist)
	}
}

// anew is how long a list waits whose version was good for nothing, or not for long: nothing for the first time, then ever longer
// up to what comes between lists while watches are refused.
func (f *Follower) anew(soon int) time.Duration {
	if soon == 0 {
		return 0
	}
	return min(f.relist, firstReopen/2<<min(soon-1, 20))
}

// refused tells whether a server that answers does not begin a watch: lists may go well meanwhile.
func (f *Follower) refused(err error) bool {
	return Answered(err) || errors.Is(err, errNotOpened) && !f.silent()
}

// comeBack waits until the next try to watch. It returns false when a list is due before that, which it waits for.
func (f *Follower) comeBack(ctx context.Context, t *tries, due time.Time) bool {
	if t.next.After(due) {
		_ = Sleep(ctx, time.Until(due))
		return false
	}
	_ = Sleep(ctx, time.Until(t.next))
	return true
}
