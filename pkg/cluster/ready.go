package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const (
	// readyPoll is how often objects are looked at that are waited for.
	readyPoll = time.Second
	// quietPoll is how often the time is looked at while dependents are about to be reconciled.
	quietPoll = 500 * time.Millisecond
	// quietLimit is how long a change waits at most for a quiet time, while others are made.
	quietLimit = 2 * time.Minute
	// fewObjects is how many are read one by one rather than in lists.
	fewObjects = 20
)

// notLooked is what is missing of an object of which nobody has seen anything since it was written.
const notLooked = "nobody has looked yet"

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

// await follows written objects until each is seen as it should be, or a time is over, and notes on the others what is
// missing. It returns their numbers.
func (w *Writer) await(ctx context.Context, results []Result, numbers []int, until time.Time) []int {
	pending := make(map[flux.Ref]int)
	for _, i := range numbers {
		target := results[i].Write.Target()
		changed := results[i].Wrote() && results[i].Generation > target.Generation
		if !target.Suspended && (changed || results[i].unseen) {
			pending[target.Ref] = i
			results[i].NotReady = notLooked
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

// look reads the pending objects once, and takes those out that are where they should be, or gone.
func (w *Writer) look(ctx context.Context, results []Result, pending map[flux.Ref]int) {
	objects := make([]flux.Object, 0, len(pending))
	for _, i := range pending {
		objects = append(objects, results[i].Write.Target())
	}
	w.each(ctx, objects, func(ref flux.Ref, now flux.Object, err error) {
		i := pending[ref]
		r := &results[i]
		switch {
		case apierrors.IsNotFound(err):
			r.NotReady, r.Gone = "deleted since it was written", true
			delete(pending, ref)
			return
		case err != nil && ctx.Err() != nil:
			return // nobody waits for it any more: what was missing before is
		case err != nil:
			r.NotReady = err.Error()
			return
		}
		a := awaited{generation: r.Generation, ready: r.wasReady()}
		if r.NotReady = a.seen(now); r.NotReady == "" {
			delete(pending, ref)
			*r = r.stands(now)
			r.Now = &now
		}
	})
}

// each reads objects anew, few one by one and more of them in lists, and calls do with each, or with why it could not be read.
func (w *Writer) each(ctx context.Context, objects []flux.Object, do func(ref flux.Ref, now flux.Object, err error)) {
	if len(objects) <= fewObjects {
		for _, o := range objects {
			now, err := w.store.Get(ctx, o)
			do(o.Ref, now, err)
		}
		return
	}
	for like, members := range collections(objects) {
		listed, err := w.store.List(ctx, flux.Object{Ref: like.Ref, Version: like.Version})
		there := make(map[flux.Ref]flux.Object, len(listed))
		for _, o := range listed {
			there[o.Ref] = o
		}
		for _, ref := range members {
			now, found := there[ref]
			if err == nil && !found {
				do(ref, now, apierrors.NewNotFound(schema.GroupResource{Group: ref.Group, Resource: ref.Kind}, ref.Name))
				continue
			}
			do(ref, now, err)
		}
	}
}

// collections are where objects are looked for: one kind in one namespace each, which whoever could plan for it can list. The keys
// name kind, version and namespace only.
func collections(objects []flux.Object) map[likeKey][]flux.Ref {
	set := make(map[likeKey][]flux.Ref)
	for _, o := range objects {
		key := likeKey{flux.Ref{Group: o.Group, Kind: o.Kind, Namespace: o.Namespace}, o.Version}
		set[key] = append(set[key], o.Ref)
	}
	return set
}

type likeKey struct {
	flux.Ref
	Version string
}

// Await follows written results until Flux has seen each change and whatever was ready before is ready again, or the
// limit is over or ctx ends. It returns the results, with what is missing of those that were not seen (NotReady). Suspended objects are not
// waited for: nobody reconciles them.
func (c *Client) Await(ctx context.Context, results []Result, o WriteOptions, limit time.Duration) []Result {
	w := NewWriter(store{client: c, timeout: 30 * time.Second}, o, c.clock())
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
