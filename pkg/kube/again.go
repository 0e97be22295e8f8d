package kube

import (
	"context"
	"errors"
	"time"
)

// tries are what the tries to watch a feed have come to.
type tries struct {
	expired int       // how many versions in a row the server had forgotten
	refused error     // why the last try was refused,
	next    time.Time // and when the server has asked to come back
}

// listError tells a list that failed from a watch that did.
type listError struct{ error }

// refusedError is a watch that the server does not begin now, after it was asked for as long as a list is good for.
type refusedError struct{ error }

// Unwrap gives errors.Is and errors.As the cause.
func (e refusedError) Unwrap() error { return e.error }

// pause is what comes between a watch or list that ended with an error and the next list.
func (f *Follower) pause(ctx context.Context, s Stream, err error, t *tries) {
	failed, isList := err.(listError)
	if isList {
		err = failed.error
	}
	_, refused := err.(refusedError)
	switch reason := ReasonOf(err); {
	case errors.Is(err, errQuiet), errors.Is(err, errAway): // it has lasted for long enough
	case (refused || errors.Is(err, errFruitless)) && s.Many:
		_ = Sleep(ctx, 6*f.relist)
	case refused:
	case reason == Expired && !isList:
		t.expired++
		_ = Sleep(ctx, Backoff(firstReopen/2, t.expired))
	case reason == Forbidden && !isList && s.MayNotWatch != nil:
		s.MayNotWatch(ctx)
	case reason == Forbidden && isList && s.Many:
		_ = Sleep(ctx, 6*f.relist)
	default:
		_ = Sleep(ctx, f.relist)
	}
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
