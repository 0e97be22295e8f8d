package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func TestSeen(t *testing.T) {
	t.Parallel()
	status := func(observed int64, ready string) flux.Object {
		return flux.Object{Status: flux.Status{ObservedGeneration: observed, Ready: ready, ReadyReason: "Reason", ReadyMessage: "told"}}
	}
	const notYet = "its controller has not observed the change yet"
	for _, tc := range []struct {
		name string
		of   awaited
		now  flux.Object
		want string
	}{
		{"not observed", awaited{generation: 2}, status(1, "True"), notYet},
		{"begun is not done", awaited{generation: 2}, status(1, "Unknown"), notYet},
		{"observed", awaited{generation: 2}, status(2, "False"), ""},
		{"ready again", awaited{generation: 2, ready: true}, status(2, "True"), ""},
		{"not ready any more", awaited{generation: 2, ready: true}, status(2, "False"), "Ready is False (Reason): told"},
	} {
		assert.Equal(t, tc.want, tc.of.seen(tc.now), tc.name)
	}
}

func TestCollections(t *testing.T) {
	t.Parallel()
	got := make(map[string]int)
	for key, members := range collections([]flux.Object{object("a", "one", ""), object("a", "two", ""), object("b", "one", "")}) {
		assert.Equal(t, likeKey{flux.Ref{Group: kustomizations.Group, Kind: "Kustomization", Namespace: key.Namespace}, "v1"}, key)
		got[key.Namespace] = len(members)
	}
	assert.Equal(t, map[string]int{"a": 2, "b": 1}, got)
}

// What was written is written, whatever Flux has not been seen to do about it.
func TestAwaitChangesNoOutcome(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	clock := Clock{Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	s := &scripted{now: object("apps", "web", "")}
	w := NewWriter(s, WriteOptions{}, clock)
	results := w.Write(t.Context(), []tune.Write{twoPatches{s.now, 1}})
	late := w.await(t.Context(), results, []int{0}, now.Add(3*time.Second))
	assert.Equal(t, []int{0}, late)
	assert.Equal(t, Configured, results[0].Outcome)
	assert.NoError(t, results[0].Err)
	assert.Equal(t, "its controller has not observed the change yet", results[0].NotReady)

	s.now.Status.ObservedGeneration = s.now.Generation
	assert.Empty(t, w.await(t.Context(), results, []int{0}, now.Add(3*time.Second)))
	assert.Empty(t, results[0].NotReady)
}

// A value that was to last, and that somebody has set since, is not told as done.
func TestAwaitSeesWhatIsPutBack(t *testing.T) {
	t.Parallel()
	short, long := "1m", "5m"
	planned := object("apps", "web", "")
	for _, tc := range []struct {
		name    string
		verdict tune.Verdict
		is      *string
		want    string
	}{
		{"stands", tune.Held, &short, ""},
		{"put back", tune.Held, &long, "put back since it was written: spec.interval 1m -> 5m (run the same command again)"},
		{"as the plan said", tune.Reverted, &long, ""},
	} {
		item := tune.Item{
			Object: planned, Action: tune.ActionChange,
			Changes: []tune.Change{{Field: flux.Interval, From: &long, To: &short}},
			Stick:   tune.Stick{Fields: []tune.FieldStick{{Field: flux.Interval, Verdict: tc.verdict}}},
		}
		now := planned
		now.Interval, now.Generation, now.Status.ObservedGeneration = tc.is, planned.Generation+2, planned.Generation+2
		w := NewWriter(&scripted{now: now}, WriteOptions{}, Clock{Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }})
		results := []Result{{Write: tune.ApplyWrite{Item: item}, Outcome: Configured, Generation: planned.Generation + 1}}
		assert.Empty(t, w.await(t.Context(), results, []int{0}, time.Now().Add(time.Minute)), tc.name)
		assert.Equal(t, Configured, results[0].Outcome, tc.name)
		if tc.want == "" {
			assert.NoError(t, results[0].Err, tc.name)
			continue
		}
		assert.EqualError(t, results[0].Err, tc.want, tc.name)
	}
}

// Nobody waits for an object of which nothing is changed that it depends on: that is for --wait.
func TestTheLastLevelIsNotAwaited(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	clock := Clock{Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	web, base := object("apps", "web", ""), object("apps", "base", "")
	web.DependsOn, web.Status.Ready = []flux.Ref{base.Ref}, "True"
	s := &scripted{now: web}
	graph := tune.NewGraph(flux.Each([]flux.Object{web, base}))
	results := NewWriter(s, WriteOptions{Graph: graph}, clock).Write(t.Context(), []tune.Write{twoPatches{s.now, 1}})
	assert.Equal(t, Configured, results[0].Outcome)
	assert.Empty(t, results[0].NotReady)
	assert.Less(t, now.Sub(time.Unix(0, 0)), time.Minute)
}
