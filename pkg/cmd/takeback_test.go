package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// away is an API server of which nothing can be read while it is told so.
func away(on *atomic.Bool) faults.Rule {
	return func(r *http.Request, _ int) faults.Fault {
		if on.Load() && r.Method == http.MethodGet {
			return faults.Fault{Cut: 1}
		}
		return faults.Fault{}
	}
}

// An API server that is away when a session ends is asked again until everything is as it was.
func TestApplyForEndsWhenTheServerIsBack(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	var down atomic.Bool
	proxy := faults.Start(t, f.Config(), away(&down))
	l := f.applyFor(t, invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps)})
	down.Store(true)
	l.ctrlC()
	l.await("Not everything could be taken back: ")
	down.Store(false)
	o := <-l.result
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "Session 20261122-120000-test is being taken back. Another Ctrl-C stops that, and says what is left.")
	assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: everything is as it was.")
	assert.Equal(t, "5m", f.interval(t))
}

// Who interrupts once more is told what is left, and how to take that back.
func TestApplyForInterruptedTwice(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	var down atomic.Bool
	proxy := faults.Start(t, f.Config(), away(&down))
	second, again := context.WithCancel(t.Context())
	defer again()
	i := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps), insisted: second}
	l := f.applyFor(t, i)
	down.Store(true)
	l.ctrlC()
	l.await("Not everything could be taken back")
	again()
	o := <-l.result
	assert.Equal(t, exitInterrupted, o.code)
	assert.Contains(t, o.stderr, "Session 20261122-120000-test stands: nothing has been taken back yet of 1 object (interrupted). Try again with: kubectl fluxtune revert --kubeconfig "+i.kubeconfig+" -n "+f.apps+" --session 20261122-120000-test")
}

// It says how far it came, and never that something is half done of which nothing is.
func TestWayBackNotWhole(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		back int
		why  string
		want string
	}{
		{0, "no answer", "Session s stands: nothing has been taken back yet of 12 objects (no answer). Try again with: c"},
		{5, "interrupted", "Session s is not taken back whole yet: 5 of 12 objects are, 7 are not (interrupted). Try again with: c"},
		{12, "", "Session s could not be taken back whole. Try again with: c"},
	} {
		assert.Equal(t, tc.want, wayBack{session: "s", wrote: make([]tune.Item, 12), back: takenBack{objects: tc.back}, again: "c"}.notWhole(tc.why))
	}
}

// The pauses grow, none is longer than a minute, and together they outlast a server that is away for a quarter of an hour.
func TestPauses(t *testing.T) {
	t.Parallel()
	assert.Equal(t, time.Second, pauseAfter(1))
	assert.Equal(t, 4*time.Second, pauseAfter(3))
	sum := time.Duration(0)
	for try := 1; try < 25; try++ {
		assert.GreaterOrEqual(t, pauseAfter(try+1), pauseAfter(try))
		sum += pauseAfter(try)
	}
	assert.Equal(t, time.Minute, pauseAfter(1000))
	assert.Greater(t, sum, 15*time.Minute)
	assert.Greater(t, pausesAtMost, sum)
	assert.Less(t, pausesFor(stateRefused), pausesFor(stateUnknown))
	assert.Zero(t, pausesFor(stateStuck), "trying again comes to the same")
}

// What nobody can take back is not tried again; what could be is.
func TestStateOfASession(t *testing.T) {
	t.Parallel()
	tuned := func(session, now string) flux.Object {
		record := tune.Record{Steps: []tune.Step{{Session: session, Fields: map[flux.Field]tune.Move{flux.Interval: {From: new("5m"), To: new("1m")}}}}}
		return flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: session}, Annotations: map[string]string{tune.RecordAnnotation: record.String()}}.WithValue(flux.Interval, &now)
	}
	for name, tc := range map[string]struct {
		objects []flux.Object
		want    sessionState
	}{
		"nothing":                    {nil, stateGone},
		"another session":            {[]flux.Object{tuned("other", "1m")}, stateGone},
		"as it was set":              {[]flux.Object{tuned("s", "1m")}, stateUnknown},
		"changed since":              {[]flux.Object{tuned("s", "7m")}, stateStuck},
		"changed since, and as set":  {[]flux.Object{tuned("s", "7m"), tuned("s", "1m")}, stateUnknown},
		"a record that nobody reads": {[]flux.Object{{Annotations: map[string]string{tune.RecordAnnotation: `{"s`}}}, stateStuck},
		"one without its name":       {[]flux.Object{{Annotations: map[string]string{tune.RecordAnnotation: "{"}}}, stateGone},
	} {
		assert.Equal(t, tc.want, stateOf(tc.objects, tune.RestoreOptions{Session: "s"}), name)
	}
}

// Plan and question say that changes end, and when.
func TestLasting(t *testing.T) {
	t.Parallel()
	assert.Empty(t, ApplyOptions{}.lasting(noon))
	assert.Equal(t, " for 2m (until about 2026-11-22 12:02:00 UTC, then it is taken back)", ApplyOptions{For: 2 * time.Minute}.lasting(noon))
	assert.Equal(t, " for 48h (until about 2026-11-24 12:00:00 UTC, then it is taken back)", ApplyOptions{For: 48 * time.Hour}.lasting(noon))
}

// What is shown of a session that goes on is what the hosts get as things are by then.
func TestFollowReadsIntervalsAgain(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	i := on(f.Cluster)
	i.watched, i.width = true, 200
	var passed atomic.Int64
	i.now = func() time.Time { return noon.Add(time.Duration(passed.Load())) }
	l := f.applyFor(t, i)
	f.edit(t, "30m")
	require.Eventually(t, func() bool {
		passed.Add(int64(time.Second))
		return strings.Contains(l.told.String(), "60 requests/h (12 before)") || strings.Contains(l.told.String(), " 2 requests/h (12 before)")
	}, 20*time.Second, 200*time.Millisecond)
	require.Eventually(t, func() bool {
		passed.Add(int64(time.Second))
		return strings.Contains(l.told.String(), " 2 requests/h (12 before)")
	}, 90*time.Second, 500*time.Millisecond)
	l.ctrlC()
	<-l.result
}

// Who loses the right to read while a session lasts is told, and not that hosts get nothing.
func TestFollowTellsOfWhatMayNotBeReadAnyMore(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	var refuses atomic.Bool
	proxy := faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
		if refuses.Load() && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/gitrepositories") {
			return faults.Fault{Status: http.StatusForbidden, Body: `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no","reason":"Forbidden","code":403}`}
		}
		return faults.Fault{}
	})
	i := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps), watched: true, width: 200}
	var passed atomic.Int64
	i.now = func() time.Time { return noon.Add(time.Duration(passed.Load())) }
	l := f.applyFor(t, i)
	refuses.Store(true)
	require.Eventually(t, func() bool {
		passed.Add(int64(time.Second))
		return strings.Contains(l.told.String(), "not all may be read any more")
	}, 2*time.Minute, 500*time.Millisecond)
	assert.NotContains(t, l.told.String(), " 0 requests/h")
	refuses.Store(false)
	l.ctrlC()
	<-l.result
}

// What is refused is tried again for some minutes, since rights come back. Who does not wait for that is told what is left and how to go on.
func TestApplyForThatMayNotBeTakenBack(t *testing.T) {
	t.Parallel()
	status := func(code int, reason string) faults.Fault {
		return faults.Fault{Status: code, Body: fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no","reason":%q,"code":%d}`, reason, code)}
	}
	for name, tc := range map[string]struct {
		refuses func(*http.Request) bool
		with    faults.Fault
		// comesBack: what is refused is allowed again.
		comesBack bool
	}{
		"a patch":      {func(r *http.Request) bool { return r.Method == http.MethodPatch }, status(403, "Forbidden"), true},
		"by admission": {func(r *http.Request) bool { return r.Method == http.MethodPatch }, status(422, "Invalid"), false},
		"the kind":     {func(r *http.Request) bool { return r.Method == http.MethodPatch }, status(404, "NotFound"), false},
		"all patches":  {func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews") }, faults.Fault{Body: `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":false}}`}, true},
		"to look at them": {func(r *http.Request) bool {
			return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/gitrepositories")
		}, status(403, "Forbidden"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			var on atomic.Bool
			proxy := faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
				if on.Load() && tc.refuses(r) {
					return tc.with
				}
				return faults.Fault{}
			})
			late, again := context.WithCancel(context.Background())
			defer again()
			i := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps), insisted: late}
			l := f.applyFor(t, i)
			on.Store(true)
			l.ctrlC()
			l.await("It is tried again until it is, for 10m at most.")
			if tc.comesBack {
				on.Store(false)
				o := <-l.result
				assert.Zero(t, o.code, o.stderr)
				assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: everything is as it was.")
				assert.Equal(t, "5m", f.interval(t))
				return
			}
			again()
			o := <-l.result
			assert.Equal(t, exitInterrupted, o.code, o.stderr)
			assert.Contains(t, o.stderr, "Session 20261122-120000-test stands: nothing has been taken back yet of 1 object (")
			assert.Contains(t, o.stderr, "Try again with: kubectl fluxtune revert --kubeconfig "+i.kubeconfig+" -n "+f.apps+" --session 20261122-120000-test")
		})
	}
}

// One that is refused for good does not end the tries of another that may pass.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(schema.GroupResource{}, "app", errors.New("no"))
	failed := func(err error) cluster.Result {
		return cluster.Result{Outcome: cluster.Failed, Err: fmt.Errorf("patching: %w", err)}
	}
	busy := failed(apierrors.NewServiceUnavailable("busy"))
	for name, tc := range map[string]struct {
		results []cluster.Result
		refused bool
	}{
		"nothing":                 {nil, false},
		"all back":                {[]cluster.Result{{Outcome: cluster.Configured}, {Outcome: cluster.Unchanged}}, false},
		"one refused":             {[]cluster.Result{{Outcome: cluster.Configured}, failed(forbidden)}, true},
		"one refused, one passes": {[]cluster.Result{failed(forbidden), busy}, false},
		"one not begun":           {[]cluster.Result{failed(forbidden), {Outcome: cluster.NotAttempted}}, false},
		"a conflict":              {[]cluster.Result{failed(apierrors.NewConflict(schema.GroupResource{}, "app", errors.New("no")))}, false},
		"no answer":               {[]cluster.Result{{Outcome: cluster.Uncertain, Err: io.EOF}}, false},
	} {
		var b takenBack
		b.add(tc.results)
		assert.Equal(t, tc.refused, b.refused, name)
	}
}
