package kube

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/watch"
)

// running is a watch that the server has begun.
type running struct {
	follower *Follower
	feed     *Feed
	stream   Stream
	began    time.Time
	version  string           // how far it came
	any      bool             // it has brought something
	patience time.Duration    // how long it may bring nothing
	settled  <-chan time.Time // when it has brought nothing for a moment while it is behind; nil where it is not
	target   string           // the version from which on it is not behind any more; "" is not known
}

// drain applies what a watch brings until it ends, or for as long as patience brings nothing. It returns why it ended.
func (r *running) drain(ctx context.Context, w watch.Interface) error {
	defer w.Stop()
	var beside sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer beside.Wait()
	defer cancel()
	beside.Go(func() { r.mend(ctx) })
	targets := make(chan string, 1)
	beside.Go(func() { r.ask(ctx, targets) })
	beside.Go(func() { r.nudge(ctx) })
	still := time.NewTimer(r.patience)
	defer still.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-still.C:
			return errQuiet
		case <-r.settled:
			r.caughtUp()
		case r.target = <-targets:
			r.compare()
		case e, open := <-w.ResultChan():
			if !open {
				return watchEnded{}
			}
			if err := r.apply(e); err != nil {
				return err
			}
			still.Reset(quiet)
		}
	}
}

// mend does what the stream wants done while it runs.
func (r *running) mend(ctx context.Context) {
	for r.stream.Mend != nil && Sleep(ctx, r.follower.relist) == nil {
		r.follower.Limited(ctx, r.stream.Mend)
	}
}

// ask asks for the server's version once, where the watch is behind for longer than a moment.
func (r *running) ask(ctx context.Context, targets chan<- string) {
	behind := false
	if r.stream.All.Path == "" || Sleep(ctx, grace) != nil {
		return
	}
	r.follower.locked(func() { behind = r.feed.behind })
	if !behind {
		return
	}
	r.follower.Limited(ctx, func(ctx context.Context) {
		if version, err := r.follower.client.latest(ctx, r.stream.All); err == nil { // else a bookmark tells
			targets <- version
		}
	})
}

// nudgeAfter is when a watch that has brought nothing is helped to a bookmark, before the first is due.
const nudgeAfter = quiet / 2

// nudge asks for the server's version while the watch has brought nothing. A bookmark comes each minute, but only of a later
// version than that with which the watch began (k8s.io/apiserver, cache_watcher.go, process); where nothing of a kind changes
// the server learns of one from etcd, which says it by itself each ten minutes unless told otherwise
// (--watch-progress-notify-interval), or is asked for it when somebody lists the kind.
func (r *running) nudge(ctx context.Context) {
	for r.stream.All.Path != "" && Sleep(ctx, nudgeAfter) == nil {
		silent := false
		r.follower.locked(func() { silent = r.feed.heard.Equal(r.began) })
		if !silent {
			return
		}
		r.follower.Limited(ctx, func(ctx context.Context) { _, _ = r.follower.client.latest(ctx, r.stream.All) }) // the watch tells
	}
}

func (r *running) apply(e watch.Event) error {
	switch e.Type {
	case watch.Error:
		return apierrors.FromObject(e.Object)
	case watch.Bookmark:
	default:
		r.stream.Apply(e)
	}
	if o, ok := e.Object.(metav1.Object); ok {
		r.version = o.GetResourceVersion()
	}
	r.any = true
	r.follower.brought(r.feed)
	if e.Type == watch.Bookmark {
		r.caughtUp()
		return nil
	}
	behind := false
	r.follower.locked(func() { behind = r.feed.behind })
	if behind {
		r.settled = time.After(settled)
		r.compare()
	}
	return nil
}

// compare holds how far the watch came against how far the server was after it had been opened.
func (r *running) compare() {
	if order, err := resourceversion.CompareResourceVersion(r.version, r.target); err == nil && order >= 0 {
		r.caughtUp()
	}
}

// caughtUp notes that the watch has brought all that had happened when it was opened.
func (r *running) caughtUp() {
	r.settled = nil
	changed := false
	r.follower.locked(func() {
		changed = r.feed.behind
		if changed {
			r.feed.caughtUp()
		}
	})
	if changed {
		r.follower.changed()
	}
}
