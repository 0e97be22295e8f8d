package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// Follower keeps Feeds up to date by lists and watches, and knows which of them are not. Make it with NewFollower.
type Follower struct {
	client           *Client
	relist, deadline time.Duration
	lock             sync.Locker
	changed          func()
	news             time.Time // when a watch, or a list before one, brought something last
}

// NewFollower follows what a client lists and watches. It lists again after relist (10s where it is 0) what could not be
// listed or may not be watched, and gives a list up after deadline (60s). The lock guards the feeds; changed is called
// without it whenever Stale may say something else.
func NewFollower(client *Client, relist, deadline time.Duration, lock sync.Locker, changed func()) *Follower {
	return &Follower{
		client: client, relist: cmp.Or(relist, 10*time.Second), deadline: cmp.Or(deadline, time.Minute),
		lock: lock, changed: changed,
	}
}

// Relist is the pause before something is listed again that could not be listed, or may not be watched.
func (f *Follower) Relist() time.Duration { return f.relist }

// Stale is as of when a feed is known, and why nothing keeps it up to date; nil where something does, or nobody asked for
// it. The time is the clock's alone, so that an age counts also what a computer has slept. It is called with the lock held.
func (f *Follower) Stale(feed *Feed) (asOf time.Time, why error) {
	if feed.follow && !feed.lost.IsZero() && (feed.denied || time.Since(feed.lost) >= grace) {
		why = feed.why
	}
	if feed.follow && f.silent() && (why == nil || feed.denied) {
		why = errSilent
	}
	return feed.asOf(f.news).Round(0), why
}

// Overdue tells of a feed that is listed in place of a watch whether it should have been listed again by now. It is called with
// the lock held.
func (f *Follower) Overdue(feed *Feed) bool { return !time.Now().Before(feed.due(f.relist)) }

// Listed notes that all of a feed was read, as of when its list began. It is called with the lock held.
func (f *Follower) Listed(feed *Feed, began time.Time) {
	feed.At, feed.Read, feed.came = began, true, time.Now()
	time.AfterFunc(time.Until(feed.due(f.relist)), f.changed)
}

// Ended notes that nothing keeps a feed up to date any more, and that its own watch is to begin.
func (f *Follower) Ended(feed *Feed) { f.unwatched(feed, watchEnded{}) }

// Failed notes why a watch did not begin, or ended. Where that is forbidden it stays the reason until a watch has begun,
// however often the feed is listed meanwhile.
func (f *Follower) Failed(feed *Feed, err error) {
	f.update(func() {
		if ReasonOf(err) == Forbidden && !feed.ended.IsZero() && !feed.At.After(feed.ended) {
			err = watchEnded{} // what is known is not of a list that is read in place of the watch
		}
		feed.unwatched(err, time.Now(), f.news)
		feed.denied = ReasonOf(err) == Forbidden
	})
}

func (f *Follower) unwatched(feed *Feed, err error) {
	f.update(func() { feed.unwatched(err, time.Now(), f.news) })
}

func (f *Follower) update(change func()) {
	f.locked(change)
	f.changed()
}

func (f *Follower) locked(do func()) {
	f.lock.Lock()
	defer f.lock.Unlock()
	do()
}

// listed notes that a feed was read, as of when its list began.
func (f *Follower) listed(feed *Feed, began time.Time) {
	f.update(func() {
		f.Listed(feed, began)
		f.hear(began)
	})
}

// brought notes that a watch has brought something; nobody waits for that alone, unless something was missing.
func (f *Follower) brought(feed *Feed) {
	f.lock.Lock()
	now := time.Now()
	f.hear(now)
	news := feed.brought(now)
	f.lock.Unlock()
	if news {
		f.changed()
	}
}

func (f *Follower) hear(at time.Time) {
	if at.After(f.news) {
		f.news = at
	}
}

// Listen notices until ctx ends when the server goes silent, and when it is heard again. While nothing arrives it asks for
// something small: watches of a quiet cluster bring nothing but a bookmark each minute, and a connection that is dead brings
// nothing either. A dead one is closed, which ends its watches.
func (f *Follower) Listen(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() {
		f.Repeat(ctx, f.relist/5, func(ctx context.Context) {
			if f.client.Silent() >= f.relist/5 {
				_, _ = f.client.Raw(ctx, Request{Path: "/version", Tries: 1, Urgent: true}) // the watches tell
			}
		})
	})
	for was := false; Sleep(ctx, f.relist/10) == nil; {
		if is := f.silent(); is != was {
			was = is
			f.changed()
		}
	}
}

// silent tells whether nothing has arrived for longer than an answer to what Listen asks takes.
func (f *Follower) silent() bool { return f.client.Silent() >= f.relist/2 }

// Repeat does something again and again, each time within the deadline.
func (f *Follower) Repeat(ctx context.Context, every time.Duration, do func(context.Context)) {
	for ctx.Err() == nil {
		f.Limited(ctx, do)
		_ = Sleep(ctx, every)
	}
}

// Limited gives a list its deadline.
func (f *Follower) Limited(ctx context.Context, do func(context.Context)) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.deadline, fmt.Errorf("no complete answer within %s: %w", f.deadline, context.DeadlineExceeded))
	defer cancel()
	do(ctx)
}

// Stream is how a feed is kept up to date. List, Open and Apply are not called side by side.
type Stream struct {
	// List reads all, and returns the version to watch from.
	List func(context.Context) (version string, err error)
	// Open begins a watch, and Apply is told what it brings.
	Open  func(context.Context, metav1.ListOptions) (watch.Interface, error)
	Apply func(watch.Event)
	// All asks for what List reads. Where a watch goes on and on bringing something, the version of its first page tells when
	// the watch has brought what had happened before.
	All Request
	// Beside, when not nil, is done after each list, beside the watch: that waits for nothing. It is cancelled when all is to be
	// listed anew.
	Beside func(context.Context)
	// Mend, when not nil, is done every relist while the watch runs.
	Mend func(context.Context)
	// Many: there may be many feeds like this, so that one that may not be listed is tried again less often.
	Many bool
	// MayNotList and MayNotWatch, when not nil, are done where that is forbidden; then it is tried again.
	MayNotList, MayNotWatch func(context.Context)
}

// Follow lists a feed, and keeps it up to date by a watch, until ctx ends. What is refused it tries again, for
// rights change.
func (f *Follower) Follow(ctx context.Context, feed *Feed, s Stream) {
	f.update(func() { feed.follow = true })
	defer f.update(func() { feed.end(time.Now(), f.news) }) // whoever follows it from now on tells what is missing
	for t := (tries{}); ctx.Err() == nil; {
		began := time.Now()
		var version string
		var err error
		f.Limited(ctx, func(ctx context.Context) { version, err = s.List(ctx) })
		if err == nil {
			f.listed(feed, began) // a list is as old as its first page
			watching := time.Now()
			end := f.beside(ctx, s)
			err = f.watchFrom(ctx, feed, s, version, &t)
			end()
			if t.soon++; time.Since(watching) > f.relist {
				t.soon = 0
			}
		} else {
			f.unwatched(feed, err)
			if s.MayNotList != nil && ReasonOf(err) == Forbidden {
				s.MayNotList(ctx)
				continue
			}
			err = listError{err}
		}
		f.pause(ctx, feed, s, err, &t)
	}
}

// beside begins what a stream wants done beside its watch, and returns what ends it.
func (f *Follower) beside(ctx context.Context, s Stream) (end func()) {
	if s.Beside == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { f.Limited(ctx, s.Beside) })
	return func() {
		cancel()
		all.Wait()
	}
}

// firstReopen is the pause before a watch that broke is opened again; it doubles up to 2 s, for a live table
// should not lag behind.
const firstReopen = 200 * time.Millisecond

// openWithin is how long a server may take to begin a watch, which it does at once, or after it has waited in a queue of
// priority and fairness for a quarter of the API server's --request-timeout of a minute.
const openWithin = 20 * time.Second

var errNotOpened = brokenOff(fmt.Sprintf("the server did not begin the watch within %s", openWithin))

// watchFrom watches from a version on, again and again, until that is refused, the server has forgotten it, or nothing shows
// that there is a watch: then all is to be listed anew.
func (f *Follower) watchFrom(ctx context.Context, feed *Feed, s Stream, version string, t *tries) error {
	denied := false
	f.update(func() { denied = feed.denied })
	if !denied && t.refused == nil {
		f.Ended(feed) // until it has begun
	}
	due := time.Now().Add(f.relist) // for a list, while watches are refused
	if t.next.After(time.Now()) && !f.comeBack(ctx, t, due) {
		return refusedError{t.refused}
	}
	away := false
	for try, listed := 1, true; ; try, listed = try+1, false {
		w, end, err := open(ctx, s, version, f.changed)
		if err == nil && away {
			w.Stop()
			end()
			return errAway
		}
		if err == nil {
			began := time.Now()
			t.refused = nil
			version, err = f.run(ctx, feed, s, w, version, listed)
			if time.Since(began) > time.Second {
				try = 1
			}
			due = time.Now().Add(f.relist)
		}
		end()
		if ctx.Err() != nil {
			return ctx.Err() // what ends the watch then is not missing
		}
		f.Failed(feed, err)
		away = away || ReasonOf(err) == Unavailable && !errors.Is(err, watchEnded{})
		if !Retryable(err) || errors.Is(err, errQuiet) || errors.Is(err, errFruitless) {
			return err
		}
		pause := max(Backoff(firstReopen, try), RetryAfter(err))
		if try == 1 && errors.Is(err, watchEnded{}) {
			pause = 0
		}
		*t = tries{t.soon, err, time.Now().Add(pause)}
		if !f.refused(err) {
			due = t.next
		}
		if !f.comeBack(ctx, t, due) {
			return refusedError{err}
		}
	}
}

// open begins a watch, for as long as client-go's reflector does. Until end, it takes time; changed is called when that
// has lasted for long enough to be told.
func open(ctx context.Context, s Stream, version string, changed func()) (w watch.Interface, end func(), err error) {
	seconds := 300 + rand.Int64N(300)
	time.AfterFunc(grace, changed)
	one, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(openWithin, func() { cancel(errNotOpened) })
	w, err = s.Open(one, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: &seconds})
	if !late.Stop() && ctx.Err() == nil && (err == nil || !isCredentials(err)) {
		err = errNotOpened
	}
	return w, func() { cancel(nil) }, err
}

// run is a watch from where the server has begun it to its end. It returns how far the watch came, and why it ended.
func (f *Follower) run(ctx context.Context, feed *Feed, s Stream, w watch.Interface, version string, listed bool) (string, error) {
	began := time.Now()
	r := running{follower: f, feed: feed, stream: s, began: began, version: version}
	f.update(func() {
		if feed.opened(began, listed) {
			r.settled = time.After(settled)
		}
		r.patience = feed.patience(f.relist)
	})
	err := r.drain(ctx, w)
	f.update(func() {
		if ctx.Err() == nil {
			feed.ended = time.Now()
			feed.unwatched(err, feed.ended, f.news)
		}
		if feed.fruitless++; r.any || time.Since(began) >= f.relist {
			feed.fruitless = 0
		}
		if feed.fruitless > manyFruitless && errors.Is(err, watchEnded{}) {
			err = errFruitless
		}
	})
	return r.version, err
}
