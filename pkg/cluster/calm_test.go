package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// reconciled is a Kustomization as kustomize-controller reconciles it: at its interval with 5% of jitter, and at each change, which
// takes the timer before it away (controller-runtime 0.23 and newer), or where that is earlier leaves it. While it is reconciled it is not ready, and what depends on it
// and begins then becomes Ready=False until --requeue-dependency, 30s, is over (kustomization_controller.go, checkDependencies).
type reconciled struct {
	flux.Object
	every, takes time.Duration
	due, done    time.Time // of its next reconcile; of the one under way, or zero
	changing     bool      // that one is because of a change
	delayed      bool      // and comes late, since it, or something that it depends on, was being reconciled as ever: that is not ours
	lost         bool      // it became not ready because something that it depends on was changed
}

// reconciling is a cluster in which objects are reconciled while a writer waits: its clock.
type reconciling struct {
	now     time.Time
	objects map[flux.Ref]*reconciled
	order   []flux.Ref
	random  *rand.Rand
	// patch is how long a patch takes, to is the interval that it sets.
	patch time.Duration
	to    map[flux.Ref]string
	gone  map[flux.Ref]bool // with the next patch
	// ahead is how far the clock of the machine that the writer runs on is ahead of the cluster's, and error how far what it
	// knows of that one is.
	ahead, error time.Duration
	// keeps says that controllers keep timers, and untold that they write no status.history.
	keeps, untold bool
}

// clock is that of a writer.
func (c *reconciling) clock() Clock {
	return Clock{
		Workers: 1, Now: func() time.Time { return c.now.Add(c.ahead) }, Server: func() time.Time { return c.now.Add(c.error) },
		Sleep: func(_ context.Context, d time.Duration) error { c.pass(d); return nil },
	}
}

func newReconciling(seed uint64) *reconciling {
	return &reconciling{
		now: time.Unix(1e6, 0).UTC(), objects: make(map[flux.Ref]*reconciled), random: rand.New(rand.NewPCG(seed, 3)), patch: 200 * time.Millisecond,
		to: make(map[flux.Ref]string), gone: make(map[flux.Ref]bool),
	}
}

// add adds an object that was reconciled at any time within its interval, and is to have another one where to is not "".
func (c *reconciling) add(name, every, to string, takes time.Duration, on ...string) flux.Ref {
	o := object("apps", name, "")
	o.Interval, o.ResourceVersion, o.Generation = &every, "1", 1
	o.Status = flux.Status{Ready: "True", ObservedGeneration: 1, LastReconcile: takes}
	for _, name := range on {
		o.DependsOn = append(o.DependsOn, object("apps", name, "").Ref)
	}
	interval, _ := time.ParseDuration(every)
	last := c.now.Add(-time.Duration(c.random.Int64N(int64(interval - takes - interval/20))))
	o.Status.LastReconciled = last.Truncate(time.Second) // metav1.Time
	r := &reconciled{Object: o, every: interval, takes: takes}
	r.due = last.Add(c.jittered(interval))
	if c.untold {
		r.Status.LastReconciled, r.Status.LastReconcile = time.Time{}, 0
	}
	c.objects[o.Ref], c.order = r, append(c.order, o.Ref)
	if to != "" {
		c.to[o.Ref] = to
	}
	return o.Ref
}

func (c *reconciling) jittered(d time.Duration) time.Duration {
	return d - d/20 + time.Duration(c.random.Int64N(int64(d/10)))
}

func (c *reconciling) pass(d time.Duration) {
	const tick = 100 * time.Millisecond
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(tick)
		for _, ref := range c.order {
			c.objects[ref].tick(c)
		}
	}
}

// wait sets the timer.
func (r *reconciled) wait(c *reconciling, d time.Duration) {
	if at := c.now.Add(d); !c.keeps || r.due.IsZero() || at.Before(r.due) {
		r.due = at
	}
}

func (r *reconciled) tick(c *reconciling) {
	changed := r.Status.ObservedGeneration != r.Generation
	switch {
	case !r.done.IsZero() && !c.now.Before(r.done):
		r.done, r.changing, r.delayed = time.Time{}, false, r.delayed && !r.changing
		r.Status.Ready, r.Status.ObservedGeneration, r.Status.LastReconciled = "True", r.Generation, c.now.Truncate(time.Second)
		if c.untold {
			r.Status.LastReconciled = time.Time{}
		}
		r.wait(c, c.jittered(r.every))
	case !r.done.IsZero(), !changed && c.now.Before(r.due), changed && r.Status.Ready == "False" && c.now.Before(r.due):
	default:
		if !c.now.Before(r.due) {
			r.due = time.Time{} // it is used up
		}
		for _, on := range r.DependsOn {
			if o := c.objects[on]; o.Status.Ready != "True" || o.Status.ObservedGeneration != o.Generation {
				r.lost = r.lost || r.Status.Ready == "True" && !o.delayed && (o.changing || o.Status.ObservedGeneration != o.Generation)
				r.Status.Ready = "False"
				r.wait(c, 30*time.Second)
				r.delayed = changed
				return
			}
		}
		r.changing = changed
		r.Status.Ready, r.done = "Unknown", c.now.Add(r.takes)
	}
}

func (c *reconciling) Patch(_ context.Context, o flux.Object, _ []byte, _ string) (flux.Object, error) {
	r := c.objects[o.Ref]
	r.delayed = !r.done.IsZero() || r.Status.Ready == "False"
	answer := r.Object
	r.Generation++
	answer.Generation = r.Generation
	if to := c.to[o.Ref]; to != "" {
		r.Interval = &to
		answer.Interval = &to
		r.every, _ = time.ParseDuration(to)
	}
	c.pass(c.patch)
	return answer, nil
}

func (c *reconciling) Get(_ context.Context, o flux.Object) (flux.Object, error) {
	if c.gone[o.Ref] {
		return flux.Object{}, apierrors.NewNotFound(schema.GroupResource{Resource: "kustomizations"}, o.Name)
	}
	return c.objects[o.Ref].Object, nil
}

func (c *reconciling) List(context.Context, flux.Object) ([]flux.Object, error) {
	var list []flux.Object
	for _, ref := range c.order {
		if !c.gone[ref] {
			list = append(list, c.objects[ref].Object)
		}
	}
	return list, nil
}

// apply changes what is to have another interval, and returns what the plan said before, the results, how long it took, and which
// objects became not ready by it, also soon afterwards.
func (c *reconciling) apply(t *testing.T) (said tune.Calm, results []Result, took time.Duration, lost []string) {
	t.Helper()
	var all []flux.Object
	var writes []tune.Write
	var items []tune.Item
	for _, ref := range c.order {
		o := c.objects[ref].Object
		all = append(all, o)
		if to := c.to[ref]; to != "" {
			writes = append(writes, twoPatches{o, 1})
			items = append(items, tune.Item{Object: o, Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.Interval, To: &to}}})
		}
	}
	graph := tune.NewGraph(flux.Each(all))
	graph.Controllers = flux.NewControllers([]flux.Controller{{Name: flux.KustomizeController, JitterPercent: 5, RequeueDependency: 30 * time.Second, KeepsTimers: c.keeps}})
	said = graph.Forecast(items, nil, float64(time.Second)/float64(c.patch))
	begun := c.now
	results = NewWriter(c, WriteOptions{Graph: graph}, c.clock()).Write(t.Context(), writes)
	took = c.now.Sub(begun)
	c.pass(2 * time.Minute)
	for _, ref := range c.order {
		if c.objects[ref].lost {
			lost = append(lost, ref.Name)
		}
	}
	return said, results, took, lost
}

// However many there are, and however long some of them take, what was ready stays ready while they are changed, or the plan has
// named it; and it takes about as long as the plan said.
func TestWhatIsChangedStaysReady(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		pairs      int
		base, slow time.Duration
	}{
		{"few", 10, 10 * time.Second, 0},
		{"more than are changed within their interval", 100, 10 * time.Second, 0},
		{"many", 200, 10 * time.Second, 0},
		{"one that takes long", 20, 10 * time.Second, 50 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newReconciling(1)
			for i := range tc.pairs {
				base, takes := fmt.Sprintf("base%03d", i), time.Second
				if i == 0 && tc.slow > 0 {
					takes = tc.slow
				}
				c.add(base, "10m", "9m", tc.base)
				c.add(fmt.Sprintf("app%03d", i), "10m", "1m", takes, base)
			}
			said, results, took, lost := c.apply(t)
			for _, r := range results {
				require.Equal(t, Configured, r.Outcome, "%s: %v", r.Write.Target().Ref, r.Err)
			}
			assert.Empty(t, lost)
			assert.Empty(t, said.Disturbed)
			assert.InDelta(t, said.Duration.Seconds(), took.Seconds(), 0.15*said.Duration.Seconds()+3) // ordinary reconciles meet
		})
	}
}

// In any graph, with objects that are changed and others that depend on them: what becomes not ready by a change was named. The clock
// on the wall of the machine that changes them does not matter.
func TestWhatIsDisturbedWasNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ahead, error  time.Duration
		fleets        uint64
		keeps, untold bool
	}{
		"one clock":                       {fleets: 1000},
		"a clock that is ahead":           {ahead: time.Minute, error: time.Second, fleets: 100},
		"a clock that is behind":          {ahead: -time.Minute, error: -time.Second, fleets: 100},
		"a clock that is far behind":      {ahead: -time.Hour, error: time.Second, fleets: 100},
		"a cluster's clock that is late":  {error: -time.Second, fleets: 100},
		"a cluster's clock that is early": {error: time.Second, fleets: 100},
		"Flux 2.7":                        {keeps: true, fleets: 100},
		"Flux 2.6, without a history":     {keeps: true, untold: true, fleets: 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := 0
			for seed := range tc.fleets {
				c := newReconciling(seed)
				c.ahead, c.error, c.keeps, c.untold = tc.ahead, tc.error, tc.keeps, tc.untold
				c.addAny(seed)
				said, results, _, lost := c.apply(t)
				named := map[string]bool{}
				for _, d := range said.Disturbed {
					named[d.Object.Name] = true
				}
				for _, name := range lost {
					all++
					assert.True(t, named[name], "seed %d: %s became not ready", seed, name)
				}
				for _, r := range results {
					assert.Equal(t, Configured, r.Outcome, "seed %d: %s: %v", seed, r.Write.Target().Ref, r.Err)
				}
			}
			t.Logf("%d were disturbed", all)
		})
	}
}

// addAny adds objects of any graph.
func (c *reconciling) addAny(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 9))
	for i := range 3 + r.IntN(25) {
		var on []string
		for j := range i {
			if r.IntN(5) == 0 {
				on = append(on, fmt.Sprint(j))
			}
		}
		every, to := []string{"1m", "2m", "5m", "10m"}[r.IntN(4)], ""
		if r.IntN(4) > 0 {
			to = []string{"1m", "3m", "20m"}[r.IntN(3)]
		}
		c.add(fmt.Sprint(i), every, to, time.Duration(1+r.IntN(15))*time.Second, on...)
	}
}

// What depends on an object that was deleted meanwhile does not matter any more.
func TestADeletedDependentIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := newReconciling(1)
	c.add("base", "10m", "9m", time.Second)
	c.gone[c.add("app", "10m", "1m", time.Second, "base")] = true
	_, results, took, _ := c.apply(t)
	for _, r := range results {
		assert.Equal(t, Configured, r.Outcome, "%s: %v", r.Write.Target().Ref, r.Err)
		assert.Empty(t, r.NotReady)
	}
	assert.Less(t, took, 10*time.Second)
}

// What does not become ready again keeps all that it depends on from being changed: also the source of a release.
func TestWhatIsNotReadyAgainStopsWhatItDependsOn(t *testing.T) {
	t.Parallel()
	source := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "OCIRepository", Namespace: "apps", Name: "web"}, Version: "v1"}
	release := flux.Object{Ref: flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: "web"}, Version: "v2", SourceRef: source.Ref}
	release.Status.Ready, release.Generation = "True", 1
	s := &scripted{now: release}
	now := time.Unix(0, 0)
	clock := Clock{Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	graph := tune.NewGraph(flux.Each([]flux.Object{source, release}))
	results := NewWriter(s, WriteOptions{Graph: graph}, clock).Write(t.Context(), []tune.Write{twoPatches{source, 1}, twoPatches{release, 1}})
	assert.Equal(t, NotAttempted, results[0].Outcome)
	assert.EqualError(t, results[0].Err, "HelmRelease apps/web, which depends on it, is not ready again: its controller has not observed the change yet")
	assert.Equal(t, Configured, results[1].Outcome)
}

// An object that was not ready when the plan was made, and is by now, is to be ready again.
func TestReadySinceThePlan(t *testing.T) {
	t.Parallel()
	c := newReconciling(1)
	c.add("base", "10m", "9m", 5*time.Second)
	app := c.objects[c.add("app", "10m", "1m", 5*time.Second, "base")]
	planned := app.Object
	planned.Status.Ready = "False"
	base := c.objects[c.order[0]].Object
	graph := tune.NewGraph(flux.Each([]flux.Object{base, planned}))
	begun := c.now
	NewWriter(c, WriteOptions{Graph: graph}, c.clock()).Write(t.Context(), []tune.Write{twoPatches{base, 1}, twoPatches{planned, 1}})
	assert.Greater(t, c.now.Sub(begun), 5*time.Second)
	assert.False(t, app.lost)
}

// observing is a cluster of a base and the owner that depends on it; its controller observes changes after some seconds.
type observing struct {
	now     *time.Time
	objects map[flux.Ref]flux.Object
	patched map[flux.Ref]time.Time
	// tooEarly are owners that were changed before the base had been observed.
	tooEarly int
}

func (s *observing) Patch(_ context.Context, o flux.Object, _ []byte, _ string) (flux.Object, error) {
	for _, on := range s.objects[o.Ref].DependsOn {
		if base, _ := s.Get(context.Background(), s.objects[on]); base.Status.ObservedGeneration != base.Generation {
			s.tooEarly++
		}
	}
	now := s.objects[o.Ref]
	now.Generation++
	now.Ignore, now.Annotations = nil, nil
	s.objects[o.Ref], s.patched[o.Ref] = now, *s.now
	return now, nil
}

func (s *observing) Get(_ context.Context, o flux.Object) (flux.Object, error) {
	now := s.objects[o.Ref]
	if s.now.Sub(s.patched[o.Ref]) > 5*time.Second {
		now.Status.ObservedGeneration = now.Generation
	}
	return now, nil
}

func (s *observing) List(context.Context, flux.Object) ([]flux.Object, error) { return nil, nil }

// The rules of an owner go when what it depends on is ready again: it would become not ready by that.
func TestRulesGoWhenWhatOwnersDependOnIsReady(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0).UTC()
	clock := Clock{Workers: 1, Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	base, owner := object("apps", "base", ""), object("apps", "owner", "")
	base.Status.Ready, owner.Status.Ready = "True", "True"
	base.Generation, base.Status.ObservedGeneration = 1, 1
	owner.DependsOn = []flux.Ref{base.Ref}
	web := flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "web"}
	var rules struct {
		Metadata struct{ Annotations map[string]string }
		Spec     struct{ Ignore []flux.IgnoreRule }
	}
	pin := tune.PinWrite{Pin: tune.Pin{Owner: owner, Rules: tune.Rules([]tune.Need{{Object: web, Fields: []flux.Field{flux.Interval}}})}}
	require.NoError(t, json.Unmarshal(pin.Next(owner).Patch, &rules))
	owner.Annotations, owner.Ignore = rules.Metadata.Annotations, rules.Spec.Ignore
	s := &observing{now: &now, objects: map[flux.Ref]flux.Object{base.Ref: base, owner.Ref: owner}, patched: map[flux.Ref]time.Time{}}
	graph := tune.NewGraph(flux.Each([]flux.Object{base, owner}))
	out := Carry(t.Context(), s, Run{Writes: []tune.Write{twoPatches{base, 1}}, Owners: []flux.Object{owner}}, WriteOptions{Graph: graph}, clock)
	assert.Equal(t, Configured, out.Objects[0].Outcome)
	assert.Len(t, out.Owners, 1)
	assert.Zero(t, s.tooEarly)
	assert.Empty(t, s.objects[owner.Ref].Ignore)
}
