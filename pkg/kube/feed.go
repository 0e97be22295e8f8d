package kube

import (
	"errors"
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

	came      time.Time // when a list had brought all of it last
	follow    bool      // a watch is to keep it up to date
	lost      time.Time // since when none does; zero while one does
	why       error     // why none does
	ended     time.Time // when its watch ended last
	denied    bool      // the reason is that it may not be watched
	reopened  bool      // its watch was opened again, and has brought nothing yet
	behind    bool      // its watch may still bring what happened before it was opened
	heard     time.Time // when its watch was opened, or brought something last
	until     time.Time // when its watch brought something last while it was behind; zero where it has not
	fruitless int       // how many watches in a row ended soon and had brought nothing
}

// A server brings a bookmark each minute, if nothing else (k8s.io/apiserver, cacher.go), where it knows of a later version
// (running.nudge sees to that): a watch that has brought nothing for quiet is none, and all is listed anew. Where so many
// watches in a row end soon and bring nothing, none runs. Where a watch that was opened has brought nothing for settled, it has
// brought what happened before.
const (
	quiet         = 80 * time.Second
	settled       = 300 * time.Millisecond
	manyFruitless = 2
)

// watched notes that a watch keeps it up to date.
func (f *Feed) watched() { f.lost, f.why, f.denied = time.Time{}, nil, false }

// opened notes that the server has begun a watch, of what was listed just now or of what an earlier watch kept up to date. It
// is behind: what has happened since comes first. It tells whether the watch counts though it brings nothing. Alone that shows
// nothing: a gateway says so for a server that is away, and a server whose revisions went back says nothing until they have
// passed the one that is asked for. It does after a list, and for a while if it was lost for a moment only; else it counts
// from what it brings.
func (f *Feed) opened(now time.Time, listed bool) (counts bool) {
	f.reopened, f.behind, f.heard, f.until = !listed, true, now, time.Time{}
	return f.fruitless < manyFruitless && (listed || now.Sub(f.lost) < grace)
}

// brought notes that a watch has brought something: up to then nothing is missing, if it is not behind. It tells whether that
// is news.
func (f *Feed) brought(now time.Time) bool {
	f.heard, f.reopened, f.fruitless = now, false, 0
	if f.behind {
		f.until = now
		return false
	}
	was := !f.lost.IsZero()
	f.watched()
	f.At = now
	return was
}

// caughtUp notes that a watch has brought all that had happened when it was opened: that is known as of when it brought it. A
// watch that has brought nothing shows nothing more than its list.
func (f *Feed) caughtUp() {
	if f.behind = false; !f.until.IsZero() {
		f.At = f.until
	}
	f.watched()
}

// patience is how long a watch may bring nothing. One that was opened again has to show soon that it is one.
func (f *Feed) patience(relist time.Duration) time.Duration {
	if f.reopened || f.fruitless >= manyFruitless {
		return relist
	}
	return quiet
}

// unwatched notes that no watch runs, and why: without the address, which says of each try how long it was to last. Words
// that change are told again. Up to the last news that any watch brought, its own had nothing more to tell, unless it was dead.
func (f *Feed) unwatched(err error, now, news time.Time) {
	if errors.Is(err, errQuiet) {
		news = f.heard
	}
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

// end notes that nobody follows it any more: whoever does next lists it first, and it is old until then.
func (f *Feed) end(now, news time.Time) {
	if f.follow = false; !f.denied {
		f.unwatched(watchEnded{}, now, news)
	}
}

// due is from when on what is listed in place of a watch is older than it should be: at twice the pause between two lists, which
// is less than one takes where that is slow. Then it has half of the pause from when it came.
func (f *Feed) due(relist time.Duration) time.Time {
	due := f.At.Add(2 * relist)
	if least := f.came.Add(relist / 2); least.After(due) {
		return least
	}
	return due
}

// asOf is as of when it is known, where news are what any watch brought last: while its own runs and brings nothing, nothing
// has changed, unless it has still to show that it is one, or has never begun. It is the zero time where nothing is known.
func (f *Feed) asOf(news time.Time) time.Time {
	if f.Read && f.lost.IsZero() && !f.heard.IsZero() && !f.reopened && news.After(f.At) {
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

// errSilent is why updates are missing before it is known that the connection is dead, and why a request was given up whose
// answer has not begun.
const errSilent = brokenOff("the server does not answer")

// watchEnded says that no watch runs: the last one has ended, as all do after some minutes, or the first one
// has not begun.
type watchEnded struct{}

// Error implements error.
func (watchEnded) Error() string { return "the watch begins again" }

// Is makes it the end of what was read, which is worth another try.
func (watchEnded) Is(target error) bool { return target == io.EOF }

// errQuiet, errFruitless and errAway are why a feed is listed anew, though nothing says that its watch does not run.
const (
	errQuiet     = brokenOff("the watch brings nothing")
	errFruitless = brokenOff("watches end soon and bring nothing")
	// errAway: what answers now may be another cluster, or have an older state: its versions say nothing of those before.
	errAway = brokenOff("the server was away")
)

// brokenOff says why something ended that no server has ended: another try may bring it.
type brokenOff string

// Error implements error.
func (b brokenOff) Error() string { return string(b) }

// Is makes it an answer that broke off, for ReasonOf and Retryable.
func (brokenOff) Is(target error) bool { return target == io.ErrUnexpectedEOF }
