package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Why a run ended before it came to an object: the same for all that it did not come to.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrNoAnswer    = errors.New("the API server does not answer")
)

const (
	// workers is how many patches are under way at once; HTTP/2 carries them on one connection.
	workers = 24
	// conflictAttempts is how often an object is looked at again that others keep changing.
	conflictAttempts = 5
	// patchesAtMost is how many patches one write may take; none takes more than two.
	patchesAtMost = 4
	// grace is how long patches that are under way may go on after an interrupt, so that their
	// outcome is known.
	grace = 5 * time.Second
)

// WriteOptions say how writes are carried out.
type WriteOptions struct {
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
	// Graph is what depends on what: writes go level by level, and wait in between. Nil: one level.
	Graph *tune.Graph
	// LevelTimeout is how long one level waits for its objects to be ready again; 0 means 5 minutes.
	LevelTimeout time.Duration
	// Progress is told each result as it comes, from several goroutines, and Waiting which objects are waited
	// for, one at least, in order; both may be nil.
	Progress func(Result)
	Waiting  func(left []flux.Ref)
}

// Write carries writes out and returns one result each, in their order. A failure stops only its own
// object, and what it depends on. When ctx is cancelled, or the API server stays away longer than the patience, no
// new patch is begun.
func (c *Client) Write(ctx context.Context, writes []tune.Write, o WriteOptions) []Result {
	return NewWriter(c.Store(o), o, Clock{Now: time.Now, Sleep: sleep}).Write(ctx, writes)
}

// Clock is time, as a writer needs it. Sleep returns early, with an error, when ctx ends.
type Clock struct {
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Workers is how many patches are under way at once; 0 means the default.
	Workers int
}

// Writer carries writes out on a store.
type Writer struct {
	store   Store
	options WriteOptions
	clock   Clock
	limiter *rate.Limiter
	start   time.Time
	// lastAnswer is when the API server last answered anything, in nanoseconds since start.
	lastAnswer atomic.Int64
	gone       atomic.Bool
}

// NewWriter makes a writer; one is for one run.
func NewWriter(s Store, o WriteOptions, clock Clock) *Writer {
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.LevelTimeout == 0 {
		o.LevelTimeout = 5 * time.Minute
	}
	if clock.Workers == 0 {
		clock.Workers = workers
	}
	limit := rate.Inf
	if o.PatchesPerSecond > 0 {
		limit = rate.Limit(o.PatchesPerSecond)
	}
	return &Writer{store: s, options: o, clock: clock, limiter: rate.NewLimiter(limit, 1), start: clock.Now()}
}

// Write carries writes out, as Client.Write.
func (w *Writer) Write(ctx context.Context, writes []tune.Write) []Result {
	requests, stop := withGrace(ctx, grace)
	defer stop()
	results := make([]Result, len(writes))
	at := make(map[flux.Ref]int, len(writes))
	refs := make([]flux.Ref, 0, len(writes))
	for i, write := range writes {
		results[i] = Result{Write: write, Outcome: NotAttempted}
		at[write.Target().Ref] = i
		refs = append(refs, write.Target().Ref)
	}
	blocked := make(map[flux.Ref]error) // what depends on it is not ready again
	for _, level := range w.options.Graph.Levels(refs) {
		var now []int
		for _, ref := range level {
			if err := blocked[ref]; err != nil {
				results[at[ref]].Err = err
				w.block(blocked, ref, err)
				continue
			}
			now = append(now, at[ref])
		}
		w.level(ctx, requests, writes, results, now)
		for _, i := range w.unready(ctx, results, now) {
			target := writes[i].Target().Ref
			w.block(blocked, target, fmt.Errorf("%s, which depends on it, is not ready again: %s", target, results[i].NotReady))
		}
	}
	for i := range results {
		if results[i].Outcome == NotAttempted && results[i].Err == nil {
			results[i].Err = w.whyNot(ctx)
		}
	}
	return results
}

// block keeps what an object depends on from being changed.
func (w *Writer) block(blocked map[flux.Ref]error, ref flux.Ref, err error) {
	for _, on := range w.options.Graph.DependsOn(ref) {
		if blocked[on] == nil {
			blocked[on] = err
		}
	}
}

// level carries out writes of which none depends on another, side by side.
func (w *Writer) level(ctx, requests context.Context, writes []tune.Write, results []Result, numbers []int) {
	next := make(chan int)
	var running sync.WaitGroup
	for range min(w.clock.Workers, len(numbers)) {
		running.Go(func() {
			for i := range next {
				results[i] = w.carryOut(ctx, requests, writes[i])
				if w.options.Progress != nil {
					w.options.Progress(results[i])
				}
			}
		})
	}
	for _, i := range numbers {
		w.quiet(ctx, writes[i].Target().Ref)
		if ctx.Err() != nil || w.gone.Load() || w.limiter.Wait(ctx) != nil {
			break
		}
		next <- i
	}
	close(next)
	running.Wait()
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

func (w *Writer) whyNot(ctx context.Context) error {
	if ctx.Err() == nil {
		return ErrNoAnswer
	}
	return ErrInterrupted
}

// carryOut writes one object until nothing is left to send, or it is refused or hopeless. Whatever is not certain is
// looked at: the object itself says whether a patch arrived, and what is still to be sent.
func (w *Writer) carryOut(ctx, requests context.Context, write tune.Write) Result {
	r := Result{Write: write, Outcome: NotAttempted}
	if w.gone.Load() {
		return r
	}
	now := write.Target()
	fresh := true // as far as is known
	wrote := false
	verifier, verifies := write.(tune.Verifier)
	var lost *flux.Object // the object to which a patch was sent, whose answer did not come
	for attempt, conflicts, sent := 1, 0, 0; ; {
		if !fresh {
			looked, err := w.store.Get(requests, now)
			w.heard(err)
			switch {
			case apierrors.IsNotFound(err):
				return r.deleted(wrote)
			case unreachable(err) && w.wait(ctx, attempt):
				attempt++
				continue
			case err != nil:
				return r.unknown(wrote, fmt.Errorf("reading it again: %w", err))
			}
			now, fresh = looked, true
			if err := lostAnswer(verifier, lost, now); err != nil {
				return w.undo(ctx, requests, r, verifier.Undo(*lost, now), err)
			}
			lost = nil
		}
		if owner, pinned := tune.PinnedBy(now); pinned {
			r.owner = owner
		}
		next := write.Next(now)
		if next.Err != nil {
			return r.failed(wrote, next.Err)
		}
		if next.Patch == nil {
			return r.settled(next, now, wrote)
		}
		if sent++; sent > patchesAtMost+conflictAttempts+readAttempts {
			return r.failed(wrote, errors.New("it does not become as it should be: something sets it back at once"))
		}
		answer, err := w.store.Patch(requests, now, next.Patch)
		w.heard(err)
		switch {
		case err == nil:
			if verifies {
				if err := verifier.Verify(now, answer); err != nil {
					return w.undo(ctx, requests, r, verifier.Undo(now, answer), err)
				}
			}
			wrote = true
			r.Outcome, r.Generation = Configured, max(r.Generation, answer.Generation)
			if w.options.DryRun {
				return r
			}
			now = answer
		case apierrors.IsConflict(err):
			if conflicts++; conflicts > conflictAttempts {
				return r.failed(wrote, fmt.Errorf("somebody else keeps changing it: gave up after %d conflicts: %w", conflicts, err))
			}
			fresh = false
		case apierrors.IsNotFound(err):
			return r.deleted(wrote)
		case unreachable(err), busy(err), requests.Err() != nil: // after Ctrl-C nobody waits for an answer for long
			if !apierrors.IsTooManyRequests(err) && r.Outcome == NotAttempted { // what was refused for the load did not arrive
				r.Outcome = Uncertain
			}
			if !apierrors.IsTooManyRequests(err) && verifies {
				before := now
				lost = &before
			}
			if !w.again(ctx, attempt, err) {
				return w.lastLook(ctx, requests, lost, r, wrote, err)
			}
			attempt++
			fresh = r.Outcome == NotAttempted
		default:
			return r.failed(wrote, err)
		}
	}
}

// lostAnswer says what admission made of a patch whose answer did not come, as far as the object tells; nil where that is
// nothing, or the patch did not arrive.
func lostAnswer(verifier tune.Verifier, lost *flux.Object, now flux.Object) error {
	if lost == nil || now.ResourceVersion == lost.ResourceVersion {
		return nil
	}
	return verifier.VerifyLater(*lost, now)
}

// undo takes back what did not arrive as it was sent.
func (w *Writer) undo(ctx, requests context.Context, r Result, back tune.Write, why error) Result {
	if w.options.DryRun {
		return r.failed(false, why)
	}
	if back == nil {
		return r.failed(true, why)
	}
	undone := w.carryOut(ctx, requests, back)
	if undone.Err != nil || undone.Outcome != Configured && undone.Outcome != Unchanged {
		return r.failed(true, fmt.Errorf("%w; and it could not be taken back: %w", why, cmp.Or(undone.Err, errors.New(undone.Why))))
	}
	r.Generation = undone.Generation
	return r.failed(false, fmt.Errorf("%w: it was taken back", why))
}

// lastLook finds out what became of a patch whose answer did not come, once, when it will not be tried again.
func (w *Writer) lastLook(ctx, requests context.Context, lost *flux.Object, r Result, wrote bool, err error) Result {
	if r.Outcome != Uncertain {
		return r.failed(wrote, err)
	}
	now, getErr := w.store.Get(requests, r.Write.Target())
	if getErr != nil {
		return r.unknown(wrote, fmt.Errorf("no answer from the API server: %w", err))
	}
	verifier, _ := r.Write.(tune.Verifier)
	if err := lostAnswer(verifier, lost, now); err != nil {
		return w.undo(ctx, requests, r, verifier.Undo(*lost, now), err)
	}
	if next := r.Write.Next(now); next.Patch == nil && next.Err == nil {
		return r.settled(next, now, wrote)
	}
	r.Outcome = Failed
	r.Err = err
	return r
}

// again tells whether a request is worth another try, after a pause.
func (w *Writer) again(ctx context.Context, attempt int, err error) bool {
	if unreachable(err) || ctx.Err() != nil {
		return w.wait(ctx, attempt)
	}
	return attempt < readAttempts && w.clock.Sleep(ctx, backoff(attempt, err)) == nil
}

// wait pauses before the API server is tried again; false when it has been away for too long, or the
// user does not want to wait.
func (w *Writer) wait(ctx context.Context, attempt int) bool {
	away := w.clock.Now().Sub(w.start) - time.Duration(w.lastAnswer.Load())
	if away > w.options.Patience {
		w.gone.Store(true)
	}
	return !w.gone.Load() && w.clock.Sleep(ctx, backoff(attempt, nil)) == nil
}

func (w *Writer) heard(err error) {
	if !unreachable(err) {
		w.lastAnswer.Store(int64(w.clock.Now().Sub(w.start)))
	}
}
