package cluster

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

var (
	resource   = schema.GroupResource{Group: "kustomize.toolkit.fluxcd.io", Resource: "kustomizations"}
	conflict   = apierrors.NewConflict(resource, "web", errors.New("the object has been modified"))
	notFound   = apierrors.NewNotFound(resource, "web")
	forbidden  = apierrors.NewForbidden(resource, "web", errors.New("no"))
	overloaded = apierrors.NewGenericServerResponse(http.StatusTooManyRequests, "patch", resource, "web", "slow down", 0, true)
	lost       = io.ErrUnexpectedEOF
	reset      = syscall.ECONNRESET
)

// scripted is a store of one object that answers as it is told: an error for each patch and each look, in order; then
// none.
type scripted struct {
	now            flux.Object
	patches, looks []error
	// landed says that a patch without an answer was carried out all the same.
	landed     bool
	sent, gets int
}

func next(script *[]error) error {
	if len(*script) == 0 {
		return nil
	}
	err := (*script)[0]
	*script = (*script)[1:]
	return err
}

func (s *scripted) Patch(_ context.Context, _ flux.Object, _ []byte, _ string) (flux.Object, error) {
	s.sent++
	err := next(&s.patches)
	if err == nil || (errors.Is(err, lost) && s.landed) {
		s.now.Generation++
		s.now.ResourceVersion += "+"
	}
	return s.now, err
}

func (s *scripted) Get(context.Context, flux.Object) (flux.Object, error) {
	s.gets++
	return s.now, next(&s.looks)
}

func (s *scripted) List(context.Context, flux.Object) ([]flux.Object, error) {
	return []flux.Object{s.now}, nil
}

// twoPatches wants the generation raised by a number of patches, and says what it is told where the object has got
// another label in the meantime.
type twoPatches struct {
	target flux.Object
	wanted int64
}

func (w twoPatches) Target() flux.Object { return w.target }

func (w twoPatches) Next(now flux.Object) tune.Next {
	switch done := now.Generation - w.target.Generation; {
	case now.Labels["by"] != "":
		return tune.Next{State: tune.StateLeftAlone, Why: "changed by " + now.Labels["by"]}
	case now.Labels["same"] != "":
		return tune.Next{State: tune.StateUnchanged}
	case done < w.wanted:
		return tune.Next{Patch: []byte("{}")}
	default:
		return tune.Next{State: tune.StateWritten}
	}
}

// What becomes of one object, whatever the API server says.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	labelled := func(key string) flux.Object {
		o := object("apps", "web", "")
		o.Labels = map[string]string{key: "somebody"}
		return o
	}
	plain := object("apps", "web", "")
	for _, tc := range []struct {
		name    string
		store   scripted
		wanted  int64 // patches; 0 means 1
		outcome Outcome
		why     string // in Why or Err
		sent    int
	}{
		{name: "written", store: scripted{now: plain}, outcome: Configured, sent: 1},
		{name: "in two patches", store: scripted{now: plain}, wanted: 2, outcome: Configured, sent: 2},
		{name: "refused", store: scripted{now: plain, patches: []error{forbidden}}, outcome: Failed, why: "forbidden", sent: 1},
		{name: "the second refused: what was written is not called failed", store: scripted{now: plain, patches: []error{nil, forbidden}}, wanted: 2, outcome: Configured, why: "not all of it is done: ", sent: 2},
		{name: "conflict, and the same after a look", store: scripted{now: plain, patches: []error{conflict}}, outcome: Configured, sent: 2},
		{name: "conflict, and changed", store: scripted{now: labelled("by"), patches: []error{conflict}}, outcome: Skipped, why: "changed by somebody", sent: 1},
		{name: "conflict, and as it should be", store: scripted{now: labelled("same"), patches: []error{conflict}}, outcome: Unchanged, sent: 1},
		{name: "conflicts without end", store: scripted{now: plain, patches: []error{conflict, conflict, conflict, conflict, conflict, conflict, conflict}}, outcome: Failed, why: "somebody else keeps changing it", sent: 6},
		{name: "deleted", store: scripted{now: plain, patches: []error{notFound}}, outcome: Skipped, why: "deleted since it was planned", sent: 1},
		{name: "deleted after a conflict", store: scripted{now: plain, patches: []error{conflict}, looks: []error{notFound}}, outcome: Skipped, why: "deleted since it was planned", sent: 1},
		{name: "not readable after a conflict", store: scripted{now: plain, patches: []error{conflict}, looks: []error{forbidden}}, outcome: Failed, why: "reading it again: ", sent: 1},
		{name: "an answer was lost, and it had landed", store: scripted{now: plain, patches: []error{lost}, landed: true}, outcome: Configured, sent: 1},
		{name: "an answer was lost, and it had not", store: scripted{now: plain, patches: []error{lost}}, outcome: Configured, sent: 2},
		{name: "an answer was lost, and nobody may look", store: scripted{now: plain, patches: []error{lost}, looks: []error{forbidden}}, outcome: Uncertain, why: "reading it again: ", sent: 1},
		{name: "the answer of the second was lost", store: scripted{now: plain, patches: []error{nil, lost}, landed: true}, wanted: 2, outcome: Configured, sent: 2},
		{name: "each patch after the first is reset on its way", store: scripted{now: plain, patches: slices.Concat([]error{nil}, slices.Repeat([]error{reset}, 100))}, wanted: 2, outcome: Configured, why: "not all of it is done: connection reset by peer", sent: patchesAtMost + conflictAttempts + readAttempts},
		{name: "each patch is reset on its way", store: scripted{now: plain, patches: slices.Repeat([]error{reset}, 100)}, outcome: Failed, why: "connection reset by peer", sent: patchesAtMost + conflictAttempts + readAttempts},
		{name: "too busy for a while", store: scripted{now: plain, patches: []error{overloaded, overloaded}}, outcome: Configured, sent: 3},
		{name: "too busy for long: nothing arrived", store: scripted{now: plain, patches: []error{overloaded, overloaded, overloaded, overloaded, overloaded}}, outcome: Failed, why: "too many requests", sent: 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			clock := Clock{Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }}
			write := twoPatches{target: plain, wanted: max(tc.wanted, 1)}
			results := NewWriter(&tc.store, WriteOptions{}, clock).Write(t.Context(), []tune.Write{write})
			require.Len(t, results, 1)
			assert.Equal(t, strings.HasPrefix(tc.why, "deleted"), results[0].Gone)
			if seen := results[0].Now; results[0].Outcome == Skipped && !results[0].Gone {
				require.NotNil(t, seen)
				assert.Equal(t, tc.store.now, *seen, "what somebody else made of it is known")
			}
			assert.Equal(t, tc.outcome, results[0].Outcome, "%+v", results[0])
			told := results[0].Why
			if results[0].Err != nil {
				told += results[0].Err.Error()
			}
			assert.Contains(t, told, tc.why)
			assert.Equal(t, tc.why == "", told == "", told)
			assert.Equal(t, tc.sent, tc.store.sent)
			if tc.outcome == Configured {
				assert.Equal(t, tc.store.now.Generation, results[0].Generation)
			}
		})
	}
}

// An API server that stays away: what was sent may have arrived, and what was not is not attempted.
func TestNoAnswerAtAll(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	clock := Clock{Now: func() time.Time { return now }, Workers: 1, Sleep: func(_ context.Context, d time.Duration) error {
		now = now.Add(d)
		return nil
	}}
	forever := make([]error, 1000)
	for i := range forever {
		forever[i] = lost
	}
	s := &scripted{now: object("apps", "web", ""), patches: forever, looks: forever}
	other := object("apps", "other", "")
	results := NewWriter(s, WriteOptions{Patience: 10 * time.Second}, clock).Write(t.Context(), []tune.Write{twoPatches{s.now, 1}, twoPatches{other, 1}})
	assert.Equal(t, Uncertain, results[0].Outcome)
	assert.True(t, results[0].Wrote(), "it may have been written: the way back is to be known")
	assert.Equal(t, NotAttempted, results[1].Outcome)
	require.EqualError(t, results[1].Err, "the API server does not answer")
	assert.Equal(t, 1, s.sent)
}

func TestInterruptedBeforeTheFirstPatch(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &scripted{now: object("apps", "web", "")}
	results := NewWriter(s, WriteOptions{}, Clock{Now: time.Now, Sleep: sleep}).Write(ctx, []tune.Write{twoPatches{s.now, 1}})
	assert.Equal(t, NotAttempted, results[0].Outcome)
	require.EqualError(t, results[0].Err, "interrupted")
	assert.Zero(t, s.sent)
}

// A session whose end has come begins no change any more, however late that is noticed: after the pause of a machine that slept, or
// after a conflict. What was begun is finished.
func TestNoNewChangesAfterTheEnd(t *testing.T) {
	t.Parallel()
	end := time.Unix(1000, 0)
	five, minute := "5m", "1m"
	apply := func(name string) tune.Write {
		o := object("apps", name, "")
		o.Interval = &five
		item := tune.Item{Object: o, Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.Interval, From: &five, To: &minute}}}
		return tune.ApplyWrite{Item: item, Stamp: tune.Stamp{Session: "s", Until: end}, Decide: func(flux.Object) tune.Item { return item }}
	}
	for name, tc := range map[string]struct {
		script []error
		passes int // patches, until the end has passed
		want   []Outcome
		sent   int
	}{
		"before the second": {passes: 1, want: []Outcome{Failed, NotAttempted, NotAttempted}, script: []error{lost}, sent: 1},
		"at a conflict":     {passes: 1, want: []Outcome{NotAttempted, NotAttempted, NotAttempted}, script: []error{conflict}, sent: 1},
		"before the first":  {want: []Outcome{NotAttempted, NotAttempted, NotAttempted}},
	} {
		now := end.Add(-time.Second)
		s := &scripted{now: object("apps", "a", ""), patches: tc.script}
		s.now.Interval = &five
		run := Run{Writes: []tune.Write{apply("a"), apply("b"), apply("c")}, Now: func() time.Time {
			if s.sent >= tc.passes {
				return end.Add(time.Second)
			}
			return now
		}}
		clock := Clock{Now: func() time.Time { return now }, Workers: 1, Sleep: func(context.Context, time.Duration) error { return context.Canceled }}
		var outcomes []Outcome
		for i, r := range Carry(t.Context(), s, run, WriteOptions{}, clock).Objects {
			outcomes = append(outcomes, r.Outcome)
			if tc.want[i] == NotAttempted {
				assert.ErrorIs(t, r.Err, ErrEnded, name)
			}
		}
		assert.Equal(t, tc.want, outcomes, name)
		assert.Equal(t, tc.sent, s.sent, name)
	}
}

// hanging is a store whose API server has stopped.
type hanging struct{ now flux.Object }

func (s hanging) Patch(ctx context.Context, _ flux.Object, _ []byte, _ string) (flux.Object, error) {
	<-ctx.Done()
	return s.now, ctx.Err()
}

func (s hanging) Get(ctx context.Context, _ flux.Object) (flux.Object, error) {
	<-ctx.Done()
	return s.now, ctx.Err()
}

func (s hanging) List(ctx context.Context, _ flux.Object) ([]flux.Object, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// After Ctrl-C nobody waits for an answer for long. What was sent may have arrived.
func TestInterruptedWhileARequestHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, ctrlC := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, ctrlC)
		s := hanging{object("apps", "web", "")}
		results := NewWriter(s, WriteOptions{}, Clock{Now: time.Now, Sleep: sleep, Workers: 1}).Write(ctx, []tune.Write{twoPatches{s.now, 1}})
		assert.Equal(t, Uncertain, results[0].Outcome)
		require.ErrorContains(t, results[0].Err, "no answer from the API server")
	})
}

// Who interrupts twice does not wait for what is under way, and is told all the same what came of it.
func TestAbandonedAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, ctrlC := context.WithCancel(t.Context())
		abandoned := make(chan struct{})
		time.AfterFunc(time.Second, ctrlC)
		time.AfterFunc(2*time.Second, func() { close(abandoned) })
		begun := time.Now()
		s := hanging{object("apps", "web", "")}
		run := Run{Writes: []tune.Write{twoPatches{s.now, 1}}, Owners: []flux.Object{object("apps", "owner", "")}}
		out := Carry(ctx, s, run, WriteOptions{Abandoned: abandoned}, Clock{Now: time.Now, Sleep: sleep, Workers: 1})
		assert.Equal(t, Uncertain, out.Objects[0].Outcome)
		assert.Equal(t, 2*time.Second, time.Since(begun))
	})
}

// A dry run sends the first patch of each object only: the second one's object does not exist.
func TestDryRunSendsOnePatch(t *testing.T) {
	t.Parallel()
	s := &scripted{now: object("apps", "web", "")}
	results := NewWriter(s, WriteOptions{DryRun: true}, Clock{Now: time.Now, Sleep: sleep}).Write(t.Context(), []tune.Write{twoPatches{s.now, 2}})
	assert.Equal(t, Configured, results[0].Outcome)
	assert.Equal(t, 1, s.sent)
}
