package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/klog/v2"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Watch counts and goes on counting until ctx ends: Changed tells when Count has news.
func (c *Counter) Watch(ctx context.Context) {
	// client-go would write its troubles to stderr; Count.Missing has them.
	ctx = klog.NewContext(ctx, logr.Discard())
	var all sync.WaitGroup
	all.Go(func() {
		c.follow(ctx, c.part(WhatNodes, ""), stream{list: c.listNodes, open: c.watchNodes, apply: c.applyNode})
	})
	all.Go(func() { c.followPods(ctx) })
	if c.options.Usage {
		all.Go(func() { c.repeat(ctx, usageEvery, c.readUsage) })
	}
	all.Go(func() { c.identify(ctx) })
	all.Go(func() { c.repeat(ctx, c.options.Relist/5, c.checkConnection) })
	all.Go(func() { c.noteQuiet(ctx) })
	all.Wait()
}

// repeat does something again and again.
func (c *Counter) repeat(ctx context.Context, every time.Duration, do func(context.Context)) {
	for ctx.Err() == nil {
		c.limited(ctx, do)
		_ = kube.Sleep(ctx, every)
	}
}

// limited gives a list its deadline.
func (c *Counter) limited(ctx context.Context, do func(context.Context)) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.options.Deadline, fmt.Errorf("no complete answer within %s: %w", c.options.Deadline, context.DeadlineExceeded))
	defer cancel()
	do(ctx)
}

// checkConnection asks for something small while nothing arrives: watches of a quiet cluster bring nothing but a bookmark
// each minute, and a connection that is dead brings nothing either. A dead one is closed, which ends its watches.
func (c *Counter) checkConnection(ctx context.Context) {
	if c.kube.Silent() >= c.options.Relist/5 {
		_, _ = c.kube.Raw(ctx, kube.Request{Path: "/version", Tries: 1}) // the watches tell
	}
}

// errQuiet is why updates are missing before it is known that the connection is dead.
var errQuiet = fmt.Errorf("the server does not answer: %w", io.ErrUnexpectedEOF)

// quiet tells whether nothing has arrived for longer than an answer to checkConnection takes.
func (c *Counter) quiet() bool { return c.kube.Silent() >= c.options.Relist/2 }

// noteQuiet signals when the server goes quiet, and when it is heard again.
func (c *Counter) noteQuiet(ctx context.Context) {
	for was := false; kube.Sleep(ctx, c.options.Relist/10) == nil; {
		if is := c.quiet(); is != was {
			was = is
			c.signal()
		}
	}
}

// stream is how a part is kept up to date.
type stream struct {
	list  func(context.Context) (version string, err error)
	open  func(context.Context, metav1.ListOptions) (watch.Interface, error)
	apply func(watch.Event)
	// mend, when not nil, is done every Options.Relist while the watch runs.
	mend func(context.Context)
	// many: there may be many parts like this, so that one that may not be listed is tried again less often.
	many bool
	// mayNotList and mayNotWatch, when not nil, are done where that is forbidden; then it is tried again.
	mayNotList, mayNotWatch func(context.Context)
}

// follow lists a part, and keeps it up to date by a watch, until ctx ends. What is refused it tries again, for
// rights change.
func (c *Counter) follow(ctx context.Context, p *part, s stream) {
	c.update(func() { p.follow = true })
	defer c.update(func() { p.follow = false }) // whoever follows it from now on tells what is missing
	for expired := 0; ctx.Err() == nil; {
		began := c.now()
		var version string
		var err error
		c.limited(ctx, func(ctx context.Context) { version, err = s.list(ctx) })
		if err == nil {
			c.heard(p)
			c.update(func() { p.read = true })
			err = c.watchFrom(ctx, p, s, version)
		} else {
			c.update(func() { p.unwatched(err, c.now(), c.news) })
			if s.mayNotList != nil && kube.ReasonOf(err) == kube.Forbidden {
				s.mayNotList(ctx)
				continue
			}
			err = listError{err}
		}
		if c.now().Sub(began) > c.options.Relist {
			expired = 0
		}
		c.pause(ctx, s, err, &expired)
	}
}

// listError tells a list that failed from a watch that did.
type listError struct{ error }

// pause is what comes between a watch or list that ended with an error and the next list.
func (c *Counter) pause(ctx context.Context, s stream, err error, expired *int) {
	failed, isList := err.(listError)
	if isList {
		err = failed.error
	}
	switch reason := kube.ReasonOf(err); {
	case reason == kube.Expired && !isList:
		*expired++
		_ = kube.Sleep(ctx, kube.Backoff(firstReopen/2, *expired))
	case reason == kube.Forbidden && !isList && s.mayNotWatch != nil:
		s.mayNotWatch(ctx)
	case reason == kube.Forbidden && isList && s.many:
		_ = kube.Sleep(ctx, 6*c.options.Relist)
	default:
		_ = kube.Sleep(ctx, c.options.Relist)
	}
}

// firstReopen is the pause before a watch that broke is opened again; it doubles up to 2 s, for a live table
// should not lag behind.
const firstReopen = 200 * time.Millisecond

// openWithin is how long a server may take to begin a watch, which it does at once.
const openWithin = 15 * time.Second

var errNotOpened = fmt.Errorf("the server did not begin the watch within %s: %w", openWithin, io.ErrUnexpectedEOF)

// watchEnded says that no watch runs: the last one has ended, as all do after some minutes, or the first one
// has not begun.
type watchEnded struct{}

// Error implements error.
func (watchEnded) Error() string { return "the watch begins again" }

// Is makes it the end of what was read, which is worth another try.
func (watchEnded) Is(target error) bool { return target == io.EOF }

// watchFrom watches from a version on, again and again, until that is refused or the server has forgotten it.
func (c *Counter) watchFrom(ctx context.Context, p *part, s stream, version string) error {
	c.update(func() { p.unwatched(watchEnded{}, c.now(), c.news) }) // until it has begun
	for try := 1; ; try++ {
		seconds := 300 + rand.Int64N(300) // as client-go's reflector
		time.AfterFunc(grace, c.signal)
		one, cancel := context.WithCancelCause(ctx)
		late := time.AfterFunc(openWithin, func() { cancel(errNotOpened) })
		w, err := s.open(one, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: &seconds})
		if !late.Stop() && ctx.Err() == nil {
			err = errNotOpened
		}
		if err == nil {
			began := c.now()
			c.update(p.watched)
			version, err = c.drain(ctx, p, s, w, version)
			if c.now().Sub(began) > time.Second {
				try = 1
			}
		}
		cancel(nil)
		if ctx.Err() != nil {
			return ctx.Err() // what ends the watch then is not missing
		}
		c.update(func() { p.unwatched(err, c.now(), c.news) })
		if !kube.Retryable(err) {
			return err
		}
		if try > 1 || !errors.Is(err, watchEnded{}) {
			_ = kube.Sleep(ctx, kube.Backoff(firstReopen, try))
		}
	}
}

// heard notes as of when a part is known; nobody waits for that alone.
func (c *Counter) heard(p *part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.at = c.now()
	c.news = p.at
}

// drain applies what a watch brings until it ends. It returns how far the watch came, and why it ended.
func (c *Counter) drain(ctx context.Context, p *part, s stream, w watch.Interface, version string) (string, error) {
	defer w.Stop()
	var mending sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer mending.Wait()
	defer cancel()
	if s.mend != nil {
		mending.Go(func() {
			for kube.Sleep(ctx, c.options.Relist) == nil {
				c.limited(ctx, s.mend)
			}
		})
	}
	for {
		select {
		case <-ctx.Done():
			return version, ctx.Err()
		case e, open := <-w.ResultChan():
			switch {
			case !open:
				return version, watchEnded{}
			case e.Type == watch.Error:
				return version, apierrors.FromObject(e.Object)
			case e.Type != watch.Bookmark:
				s.apply(e)
			}
			if o, ok := e.Object.(metav1.Object); ok {
				version = o.GetResourceVersion()
			}
			c.heard(p)
		}
	}
}
