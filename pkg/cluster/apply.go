package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Outcome says what became of one object. The words are part of the JSON contract.
type Outcome string

// The outcomes of an apply or a revert.
const (
	Configured Outcome = "configured"
	Unchanged  Outcome = "unchanged"
	Skipped    Outcome = "skipped"
	Failed     Outcome = "failed"
)

// Result is what became of one item of a plan.
type Result struct {
	// Item as it was carried out: after a conflict, planned again.
	Item    tune.Item
	Outcome Outcome
	// Err says why an object failed, or why it was not attempted.
	Err error
	// Generation is the object's after the patch: its controller has seen the change when
	// status.observedGeneration reaches it.
	Generation int64
}

// ErrNotAttempted marks objects that an apply did not come to, because it was interrupted or the API
// server was gone. They are as they were.
var ErrNotAttempted = errors.New("not attempted")

const (
	// workers is how many patches are under way at once; HTTP/2 carries them on one connection.
	workers = 24
	// conflictAttempts is how often an object that others keep changing is planned again.
	conflictAttempts = 5
	// grace is how long patches that are under way may go on after an interrupt, so that their
	// outcome is known.
	grace = 5 * time.Second
)

// ApplyOptions say how a plan is carried out.
type ApplyOptions struct {
	FieldManager string
	// DryRun has the API server check every patch and persist none.
	DryRun bool
	// PatchesPerSecond paces the patches; 0 is no limit.
	PatchesPerSecond float64
	// RequestTimeout is for each request; 0 means 30 s.
	RequestTimeout time.Duration
	// Patience is how long to wait for an API server that does not answer, counted from its last
	// answer; 0 means 30 s.
	Patience time.Duration
	// Decide plans an object again that somebody else changed.
	Decide func(flux.Object) tune.Item
	// Patch is the merge patch of an item, with the resourceVersion that it was planned for.
	Patch func(tune.Item) ([]byte, error)
	// Progress is told each result as it comes, from several goroutines; it may be nil.
	Progress func(Result)
}

// Apply carries the items out and returns one result each, in their order. A failure stops only its
// own object. When ctx is cancelled, or the API server stays away longer than the patience, no new
// patch is begun; what was not begun is Skipped with ErrNotAttempted.
func (c *Client) Apply(ctx context.Context, items []tune.Item, o ApplyOptions) []Result {
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 30 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	requests, stop := withGrace(ctx, grace)
	defer stop()
	a := &applier{client: c, options: o, lastAnswer: new(atomic.Int64), start: time.Now()}
	results := make([]Result, len(items))
	next := make(chan int)
	var running sync.WaitGroup
	for range min(workers, len(items)) {
		running.Go(func() {
			for i := range next {
				results[i] = a.carryOut(ctx, requests, items[i])
				if o.Progress != nil {
					o.Progress(results[i])
				}
			}
		})
	}
	begun := a.feed(ctx, next, len(items))
	running.Wait()
	for i := begun; i < len(items); i++ {
		results[i] = Result{Item: items[i], Outcome: Skipped, Err: a.whyNot(ctx)}
	}
	return results
}

// withGrace returns a context that outlives ctx by d.
func withGrace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-late.Done():
		case <-timer.C:
			cancel()
		}
	})
	return late, func() { stop(); cancel() }
}

type applier struct {
	client  *Client
	options ApplyOptions
	start   time.Time
	// lastAnswer is when the API server last answered anything, in nanoseconds since start.
	lastAnswer *atomic.Int64
	gone       atomic.Bool
}

// feed hands out item numbers at the chosen pace, and returns how many.
func (a *applier) feed(ctx context.Context, next chan<- int, n int) int {
	defer close(next)
	limit := rate.Inf
	if a.options.PatchesPerSecond > 0 {
		limit = rate.Limit(a.options.PatchesPerSecond)
	}
	limiter := rate.NewLimiter(limit, 1)
	for i := range n {
		if ctx.Err() != nil || limiter.Wait(ctx) != nil || a.gone.Load() {
			return i
		}
		select {
		case next <- i:
		case <-ctx.Done():
			return i
		}
	}
	return n
}

func (a *applier) whyNot(ctx context.Context) error {
	if ctx.Err() == nil {
		return fmt.Errorf("%w: the API server does not answer", ErrNotAttempted)
	}
	return fmt.Errorf("%w: interrupted", ErrNotAttempted)
}

// carryOut patches one object until it is done, refused, or hopeless.
func (a *applier) carryOut(ctx, requests context.Context, item tune.Item) Result {
	if a.gone.Load() {
		return Result{Item: item, Outcome: Skipped, Err: a.whyNot(ctx)}
	}
	conflicts := 0
	maybeDone := false // a patch was sent, and what became of it is not known
	for attempt := 1; ; attempt++ {
		generation, err := a.patch(requests, item)
		switch {
		case err == nil:
			return Result{Item: item, Outcome: Configured, Generation: generation}
		case apierrors.IsConflict(err):
			conflicts++
			if conflicts > conflictAttempts {
				return failed(item, fmt.Errorf("somebody else keeps changing it: gave up after %d conflicts: %w", conflicts, err))
			}
			again, err := a.planAgain(requests, item)
			if err != nil {
				return failed(item, err)
			}
			if again.Action != tune.ActionChange {
				return settled(item, again, maybeDone)
			}
			item = again
			continue
		case apierrors.IsNotFound(err):
			return failed(item, errors.New("deleted since it was planned"))
		case unreachable(err):
			maybeDone = true
			if !a.wait(ctx, attempt) {
				return failed(item, fmt.Errorf("no answer from the API server; run again to see whether it was changed: %w", err))
			}
		case busy(err):
			maybeDone = maybeDone || !apierrors.IsTooManyRequests(err) // a 504 may come after the write
			if attempt >= readAttempts || sleep(ctx, backoff(attempt, err)) != nil {
				return failed(item, err)
			}
		default:
			return failed(item, err)
		}
	}
}

func failed(item tune.Item, err error) Result {
	return Result{Item: item, Outcome: Failed, Err: err}
}

// settled is the result of an object that needs no change when it is planned again: our own patch,
// whose answer was lost, or somebody else's.
func settled(planned, again tune.Item, ours bool) Result {
	switch {
	case again.Action == tune.ActionUnchanged && ours:
		return Result{Item: planned, Outcome: Configured, Generation: again.Object.Generation}
	case again.Action == tune.ActionUnchanged:
		return Result{Item: again, Outcome: Unchanged}
	default:
		return Result{Item: again, Outcome: Skipped, Err: errors.New(again.Message)}
	}
}

// wait pauses before the API server is tried again; false when it has been away for too long, or the
// user does not want to wait.
func (a *applier) wait(ctx context.Context, attempt int) bool {
	away := time.Since(a.start) - time.Duration(a.lastAnswer.Load())
	if away > a.options.Patience {
		a.gone.Store(true)
	}
	return !a.gone.Load() && sleep(ctx, backoff(attempt, nil)) == nil
}

func (a *applier) heard() { a.lastAnswer.Store(int64(time.Since(a.start))) }

// metadataAnswer spares the API server from sending back the whole object.
const metadataAnswer = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

func (a *applier) patch(ctx context.Context, item tune.Item) (generation int64, err error) {
	body, err := a.options.Patch(item)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.options.RequestTimeout)
	defer cancel()
	request := a.client.rest.Patch(types.MergePatchType).AbsPath(objectPath(item.Object)...).
		Param("fieldManager", a.options.FieldManager).SetHeader("Accept", metadataAnswer).Body(body)
	if a.options.DryRun {
		request.Param("dryRun", "All")
	}
	data, err := answer(request.Do(ctx))
	if !unreachable(err) {
		a.heard()
	}
	if err != nil {
		return 0, err
	}
	var patched struct {
		Metadata struct {
			Generation int64 `json:"generation"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &patched); err != nil {
		return 0, fmt.Errorf("reading the API server's answer: %w", err)
	}
	return patched.Metadata.Generation, nil
}

// planAgain reads an object anew and plans it again.
func (a *applier) planAgain(ctx context.Context, item tune.Item) (tune.Item, error) {
	o := item.Object
	fresh, err := a.client.object(ctx, o.KindRow(), o.Version, o.Namespace, o.Name)
	if apierrors.IsNotFound(err) {
		return item, errors.New("deleted since it was planned")
	}
	if err != nil {
		return item, fmt.Errorf("reading it again after a conflict: %w", err)
	}
	return a.options.Decide(fresh), nil
}
