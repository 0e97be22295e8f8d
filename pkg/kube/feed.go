package kube

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"
)

// Feed is how well something is known that is listed, and then kept up to date by a watch. The lock of its Follower guards
// it.
type Feed struct {
	// Read: all of it has been read.
	Read bool
	// At is as of when that is known: of the list, or of what the watches brought last while its own ran.
	At time.Time

	follow bool      // a watch is to keep it up to date
	lost   time.Time // since when none does; zero while one does
	why    error     // why none does
	denied bool      // the reason is that it may not be watched
}

// watched notes that a watch runs.
func (f *Feed) watched() { f.lost, f.why, f.denied = time.Time{}, nil, false }

// unwatched notes that no watch runs, and why: without the address, which says of each try how long it was to last. Words
// that change are told again. Up to the last news that any watch brought, its own had nothing more to tell.
func (f *Feed) unwatched(err error, now, news time.Time) {
	if f.lost.IsZero() {
		f.At = f.asOf(news)
		f.lost = now
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	f.why, f.denied = err, false
}

// asOf is as of when it is known, where news are what any watch brought last: while its own runs and brings nothing, nothing
// has changed. It is the zero time where nothing is known.
func (f *Feed) asOf(news time.Time) time.Time {
	if f.Read && f.lost.IsZero() && news.After(f.At) {
		return news
	}
	return f.At
}

// Interrupted says that updates do not come: of what ("" is all), and as of when that is known; the zero time is not said.
func Interrupted(of string, asOf time.Time) string {
	text := "updates are interrupted"
	if of != "" {
		text = "updates of " + of + " are interrupted"
	}
	if !asOf.IsZero() {
		text += ", as of " + asOf.Format("15:04:05")
	}
	return text
}

// grace is for watches that end and begin again at once, as all do now and then.
const grace = time.Second

// errSilent is why updates are missing before it is known that the connection is dead.
var errSilent = fmt.Errorf("the server does not answer: %w", io.ErrUnexpectedEOF)

// watchEnded says that no watch runs: the last one has ended, as all do after some minutes, or the first one
// has not begun.
type watchEnded struct{}

// Error implements error.
func (watchEnded) Error() string { return "the watch begins again" }

// Is makes it the end of what was read, which is worth another try.
func (watchEnded) Is(target error) bool { return target == io.EOF }
