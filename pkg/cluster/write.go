package cluster

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Why a run ended before it came to an object: the same for all that it did not come to.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrNoAnswer    = errors.New("the API server does not answer")
	ErrEnded       = errors.New("the session had come to its end by then")
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
	// levelTimeout is how long an object is waited for that others depend on, unless options say so.
	levelTimeout = 5 * time.Minute
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
	// Before is called from one goroutine before each write begins; it may be nil.
	Before func(ctx context.Context)
	// Graph is what depends on what: what others depend on is written when those are ready again. Nil: nothing does.
	Graph *tune.Graph
	// LevelTimeout is how long each object may take to be ready again that others wait for; 0 means 5 minutes.
	LevelTimeout time.Duration
	// Progress is told each result as it comes, from several goroutines, and Waiting which objects are waited
	// for, one at least, in order; both may be nil.
	Progress func(Result)
	Waiting  func(left []flux.Ref)
	// Abandoned, once it is closed, ends after an interrupt what is under way, too, whatever comes of it; nil waits for it.
	Abandoned <-chan struct{}
}

// Write carries writes out and returns one result each, in their order. A failure stops only its own
// object, and what it depends on. When ctx is cancelled, or the API server stays away longer than the patience, no
// new patch is begun.
func (c *Client) Write(ctx context.Context, writes []tune.Write, o WriteOptions) []Result {
	return NewWriter(c.Store(o), o, c.clock()).Write(ctx, writes)
}

// Clock is time, as a writer needs it. Sleep returns early, with an error, when ctx ends.
type Clock struct {
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Server is the time by the cluster's clocks, which what objects' statuses say is compared with; nil: that of Now.
	Server func() time.Time
	// Workers is how many patches are under way at once; 0 means the default.
	Workers int
}

// ServerTime is a time of this machine's clock by the API server's, as far as its answers have told by then.
func (c *Client) ServerTime(t time.Time) time.Time { return t.Add(c.kube.Ahead()) }

func (c *Client) clock() Clock {
	return Clock{Now: time.Now, Sleep: sleep, Server: func() time.Time { return c.ServerTime(time.Now()) }}
}

// Writer carries writes out on a store.
type Writer struct {
	store   Store
	options WriteOptions
	clock   Clock
	limiter *rate.Limiter
	start   time.Time
	// now is the time of day, by which sessions end.
	now func() time.Time
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
		o.LevelTimeout = levelTimeout
	}
	if clock.Workers == 0 {
		clock.Workers = workers
	}
	if clock.Server == nil {
		clock.Server = clock.Now
	}
	limit := rate.Inf
	if o.PatchesPerSecond > 0 {
		limit = rate.Limit(o.PatchesPerSecond)
	}
	return &Writer{store: s, options: o, clock: clock, limiter: rate.NewLimiter(limit, 1), start: clock.Now(), now: clock.Now}
}

// withGrace returns a context that outlives ctx by d, or until it is abandoned.
func withGrace(ctx context.Context, d time.Duration, abandoned <-chan struct{}) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-late.Done():
		case <-timer.C:
		case <-abandoned:
		}
		cancel()
	})
	return late, func() { stop(); cancel() }
}

// whyNot is why a run did not come to a write.
func (w *Writer) whyNot(ctx context.Context, write tune.Write) error {
	switch {
	case ctx.Err() != nil:
		return ErrInterrupted
	case !w.gone.Load() && w.ended(write):
		return ErrEnded
	default:
		return ErrNoAnswer
	}
}

// ended tells whether a write would only be made to be taken back at once: its session is over, by the clock on the wall, as Go's other
// clock stands still while a machine sleeps (time, "Monotonic Clocks").
func (w *Writer) ended(write tune.Write) bool {
	apply, ok := write.(tune.ApplyWrite)
	return ok && !apply.Stamp.Until.IsZero() && !w.now().Round(0).Before(apply.Stamp.Until.Round(0))
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
