package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const (
	// readyPoll is how often objects are looked at that are waited for.
	readyPoll = time.Second
	// quietPoll is how often the time is looked at while dependents are about to be reconciled.
	quietPoll = 500 * time.Millisecond
	// quietLimit is how long a change waits at most for a quiet time.
	quietLimit = 30 * time.Second
	// fewObjects is how many are read one by one rather than in lists.
	fewObjects = 20
)

// awaited is an object that was written and is waited for.
type awaited struct {
	generation int64
	// ready says that it was ready before, and is to be again.
	ready bool
}

// seen tells whether an object is where it should be, or what is missing.
func (a awaited) seen(now flux.Object) (missing string) {
	switch {
	case now.Status.ObservedGeneration < a.generation:
		return "its controller has not observed the change yet"
	case a.ready && now.Status.Ready != "True":
		return fmt.Sprintf("Ready is %s (%s): %s", now.Status.Ready, now.Status.ReadyReason, now.Status.ReadyMessage)
	default:
		return ""
	}
}

// unready waits until the objects of a level that depend on some of later ones are ready again, and returns the numbers of
// those that are not in time. What was not ready before cannot lose it, and may never be.
func (w *Writer) unready(ctx context.Context, results []Result, numbers []int, holding map[flux.Ref]bool) []int {
	if w.options.DryRun || len(holding) == 0 {
		return nil
	}
	var wait []int
	for _, i := range numbers {
		target := results[i].Write.Target()
		if results[i].Wrote() && target.Status.Ready != "False" && target.Status.Ready != "" && holding[target.Ref] {
			wait = append(wait, i)
		}
	}
	return w.await(ctx, results, wait, w.clock.Now().Add(w.options.LevelTimeout))
}

// await follows written objects until each is seen as it should be, or a time is over, and notes on the others what is
// missing. It returns their numbers.
func (w *Writer) await(ctx context.Context, results []Result, numbers []int, until time.Time) []int {
	pending := make(map[flux.Ref]int)
	for _, i := range numbers {
		target := results[i].Write.Target()
		changed := results[i].Wrote() && results[i].Generation > target.Generation
		if !target.Suspended && (changed || results[i].unseen) {
			pending[target.Ref] = i
			results[i].NotReady = "nobody has looked yet"
		}
	}
	for len(pending) > 0 && ctx.Err() == nil {
		w.look(ctx, results, pending)
		if len(pending) == 0 {
			break
		}
		if w.options.Waiting != nil {
			w.options.Waiting(slices.SortedFunc(maps.Keys(pending), flux.Ref.Compare))
		}
		if !w.clock.Now().Before(until) || w.clock.Sleep(ctx, readyPoll) != nil {
			break
		}
	}
	var left []int
	for _, i := range numbers {
		if results[i].NotReady != "" {
			left = append(left, i)
		}
	}
	return left
}

// look reads the pending objects once, and takes those out that are where they should be.
func (w *Writer) look(ctx context.Context, results []Result, pending map[flux.Ref]int) {
	check := func(now flux.Object) {
		i, waited := pending[now.Ref]
		if !waited {
			return
		}
		target := results[i].Write.Target()
		a := awaited{generation: results[i].Generation, ready: target.Status.Ready == "True"}
		if results[i].NotReady = a.seen(now); results[i].NotReady == "" {
			delete(pending, now.Ref)
			results[i] = results[i].stands(now)
		}
	}
	if len(pending) <= fewObjects {
		for _, i := range pending {
			now, err := w.store.Get(ctx, results[i].Write.Target())
			if err != nil {
				results[i].NotReady = err.Error()
				continue
			}
			check(now)
		}
		return
	}
	for like, members := range collections(results, pending) {
		objects, err := w.store.List(ctx, flux.Object{Ref: like.Ref, Version: like.Version})
		if err != nil {
			for _, i := range members {
				results[i].NotReady = err.Error()
			}
			continue
		}
		for _, o := range objects {
			check(o)
		}
	}
}

// collections are where pending objects are looked for: one kind in one namespace each, which whoever could
// plan for it can list. The keys name kind, version and namespace only.
func collections(results []Result, pending map[flux.Ref]int) map[likeKey][]int {
	set := make(map[likeKey][]int)
	for _, i := range pending {
		o := results[i].Write.Target()
		key := likeKey{flux.Ref{Group: o.Group, Kind: o.Kind, Namespace: o.Namespace}, o.Version}
		set[key] = append(set[key], i)
	}
	return set
}

type likeKey struct {
	flux.Ref
	Version string
}

// quiet waits for a moment in which none of the dependents that are not changed themselves is about to be reconciled.
// There may be none: then it goes on.
func (w *Writer) quiet(ctx context.Context, ref flux.Ref) {
	if w.options.DryRun || w.options.Graph.Dependents(ref) == 0 {
		return
	}
	end := w.clock.Now().Add(quietLimit)
	for ctx.Err() == nil && w.clock.Now().Before(end) {
		if w.options.Graph.Quiet(ref, w.clock.Now()) {
			return
		}
		if w.clock.Sleep(ctx, quietPoll) != nil {
			return
		}
	}
}

// Await follows written results until Flux has seen each change and whatever was ready before is ready again, or the
// limit is over or ctx ends. It returns the results, with what is missing of those that were not seen (NotReady). Suspended objects are not
// waited for: nobody reconciles them.
func (c *Client) Await(ctx context.Context, results []Result, o WriteOptions, limit time.Duration) []Result {
	w := NewWriter(store{client: c, timeout: 30 * time.Second}, o, Clock{Now: time.Now, Sleep: sleep})
	numbers := make([]int, 0, len(results))
	for i := range results {
		numbers = append(numbers, i)
	}
	w.await(ctx, results, numbers, w.clock.Now().Add(limit))
	return results
}

// Behind waits until the controllers have observed objects as they are, or the limit is over or ctx ends, and returns
// what is missing of those that they have not: a run before this one did not wait for them.
func (c *Client) Behind(ctx context.Context, objects []flux.Object, o WriteOptions, limit time.Duration) map[flux.Ref]string {
	results := make([]Result, 0, len(objects))
	for _, object := range objects {
		before := object
		before.Generation--
		results = append(results, Result{Write: tune.ForgetWrite{Object: before}, Outcome: Configured, Generation: object.Generation})
	}
	missing := make(map[flux.Ref]string)
	for _, r := range c.Await(ctx, results, o, limit) {
		if r.NotReady != "" {
			missing[r.Write.Target().Ref] = r.NotReady
		}
	}
	return missing
}
