package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// schedule is the course of one run of a writer: what is under way, what is waited for, and what comes when that is ready. Only
// the goroutine that runs it touches it; those that carry writes out have the result of theirs.
type schedule struct {
	*Writer
	writes  []tune.Write
	results []Result
	at      map[flux.Ref]int
	queue   *tune.Queue
	// next are the numbers of writes to be carried out, done of those that are.
	next, done chan int
	underWay   int
	// pending are those that others wait for until they are ready again, late when nobody waits for them any more.
	pending map[flux.Ref]int
	late    map[flux.Ref]time.Time
	looked  time.Time
	// latest are dependents as they were last seen, asked is when they were asked for, and since when a change waits for a quiet time.
	latest       map[flux.Ref]flux.Object
	asked, since map[flux.Ref]time.Time
}

// Write carries writes out, as Client.Write.
func (w *Writer) Write(ctx context.Context, writes []tune.Write) []Result {
	requests, stop := withGrace(ctx, grace, w.options.Abandoned)
	defer stop()
	s := &schedule{
		Writer: w, writes: writes, results: make([]Result, len(writes)), at: make(map[flux.Ref]int, len(writes)),
		next: make(chan int), done: make(chan int, len(writes)),
		pending: make(map[flux.Ref]int), late: make(map[flux.Ref]time.Time),
		latest: make(map[flux.Ref]flux.Object), asked: make(map[flux.Ref]time.Time), since: make(map[flux.Ref]time.Time),
	}
	refs := make([]flux.Ref, 0, len(writes))
	for i, write := range writes {
		s.results[i] = Result{Write: write, Outcome: NotAttempted}
		s.at[write.Target().Ref] = i
		refs = append(refs, write.Target().Ref)
	}
	s.queue = w.options.Graph.Queue(refs)
	var running sync.WaitGroup
	for range min(w.clock.Workers, len(writes)) {
		running.Go(func() { s.carry(ctx, requests) })
	}
	for s.step(ctx) {
	}
	close(s.next)
	running.Wait()
	for i := range s.results {
		if s.results[i].Outcome == NotAttempted && s.results[i].Err == nil {
			s.results[i].Err = w.whyNot(ctx, s.writes[i])
		}
	}
	return s.results
}

// carry carries out what comes.
func (s *schedule) carry(ctx, requests context.Context) {
	for i := range s.next {
		s.results[i] = s.carryOut(ctx, requests, s.writes[i])
		if s.options.Progress != nil {
			s.options.Progress(s.results[i])
		}
		s.done <- i
	}
}

// step begins the next write, or waits for what it needs; false where nothing is left to begin, or no more is to be.
func (s *schedule) step(ctx context.Context) bool {
	for len(s.done) > 0 || s.underWay == s.clock.Workers {
		s.written(<-s.done)
	}
	if ctx.Err() != nil || s.gone.Load() || len(s.writes) > 0 && s.ended(s.writes[0]) { // all are of one session
		return false
	}
	if len(s.pending) > 0 && !s.clock.Now().Before(s.looked.Add(readyPoll)) {
		s.await(ctx)
	}
	ref, ok := s.queue.Next(func(ref flux.Ref) bool { return s.quiet(ctx, ref) })
	switch {
	case ok:
		return s.begin(ctx, ref)
	case s.underWay > 0:
		s.written(<-s.done)
		return true
	case len(s.pending) > 0:
		if s.options.Waiting != nil {
			s.options.Waiting(slices.SortedFunc(maps.Keys(s.pending), flux.Ref.Compare))
		}
		return s.clock.Sleep(ctx, readyPoll) == nil
	case s.queue.Waiting(): // for a quiet time
		return s.clock.Sleep(ctx, quietPoll) == nil
	default:
		return false
	}
}

// begin hands a write out, at the pace.
func (s *schedule) begin(ctx context.Context, ref flux.Ref) bool {
	if s.limiter.Wait(ctx) != nil {
		return false
	}
	if s.options.Before != nil {
		s.options.Before(ctx)
	}
	s.underWay++
	s.next <- s.at[ref]
	return true
}

// written decides what becomes of what waits for a write that was carried out. What was not ready before cannot lose it, and may
// never be.
func (s *schedule) written(i int) {
	s.underWay--
	r := &s.results[i]
	target, was := r.Write.Target(), r.readyBefore()
	if r.Wrote() && r.Now != nil { // it is reconciled because of that
		now := *r.Now
		now.Status.LastReconciled = s.clock.Server()
		before, known := s.latest[target.Ref]
		if !known {
			before = target
		}
		if s.options.Graph.StaysDue(before, now) {
			now = before
		}
		s.latest[target.Ref] = now
	}
	if s.options.DryRun || !s.queue.Holds(target.Ref) || !r.Wrote() || was == "False" || was == "" || target.Suspended || r.Generation <= target.Generation {
		s.queue.Release(target.Ref)
		return
	}
	r.NotReady = notLooked
	s.pending[target.Ref], s.late[target.Ref] = i, s.clock.Now().Add(s.options.LevelTimeout)
	if len(s.pending) == 1 {
		s.looked = s.clock.Now()
	}
}

// await looks at the pending objects. Those that are ready again, or gone, are not waited for any more; what waits for one that is
// not in time is not changed.
func (s *schedule) await(ctx context.Context) {
	waited := maps.Clone(s.pending)
	s.look(ctx, s.results, s.pending)
	s.looked = s.clock.Now()
	for ref, i := range waited {
		_, still := s.pending[ref]
		switch {
		case !still:
			if s.results[i].Gone { // it depends on nothing any more
				s.results[i].NotReady = ""
			}
			s.queue.Release(ref)
		case !s.looked.Before(s.late[ref]):
			delete(s.pending, ref)
			for _, behind := range s.queue.Behind(ref) {
				if r := &s.results[s.at[behind]]; r.Err == nil {
					r.Err = fmt.Errorf("%s, which depends on it, is not ready again: %s", ref, s.results[i].NotReady)
				}
			}
		}
	}
}

// quiet tells whether a change may be made now, as far as those are concerned that depend on it and are not ready again because of
// a change of ours: none of them is about to be reconciled. There may be no such time: then it goes on.
func (s *schedule) quiet(ctx context.Context, ref flux.Ref) bool {
	graph := s.options.Graph
	if s.options.DryRun || graph.Dependents(ref) == 0 {
		return true
	}
	now := s.clock.Server()
	since, waits := s.since[ref]
	if !waits {
		since = now
		s.since[ref] = now
	}
	s.reread(ctx, graph.DependentsOf(ref), now)
	return now.Sub(since) > quietLimit || graph.QuietIn(ref, now, s.latest, quietLimit) == 0
}

// reread looks at dependents that may have been reconciled since they were looked at last. What cannot be read is as it was then.
func (s *schedule) reread(ctx context.Context, dependents []flux.Object, now time.Time) {
	var old []flux.Object
	for _, d := range dependents {
		o, known := s.latest[d.Ref]
		if !known {
			o = d
		}
		asked, before := s.asked[d.Ref]
		if o.Suspended || o.Status.LastReconciled.IsZero() || (known || before) && now.Before(s.lookAgain(o, asked)) {
			continue
		}
		s.asked[d.Ref] = now
		old = append(old, d)
	}
	s.each(ctx, old, func(_ flux.Ref, now flux.Object, err error) {
		if err == nil {
			s.latest[now.Ref] = now
		}
	})
}

// lookAgain is when an object that was asked for at a time is to be asked for again: when it is due, when it should have been
// reconciled, and a tenth of an interval after each look that found it to be late.
func (s *schedule) lookAgain(o flux.Object, asked time.Time) time.Time {
	interval := o.Effective(flux.Interval)
	_, until := s.options.Graph.Due(o)
	for _, at := range []time.Time{o.Status.LastReconciled.Add(interval), until.Add(o.Status.LastReconcile)} {
		if asked.Before(at) {
			return at
		}
	}
	return asked.Add(interval / 10)
}
