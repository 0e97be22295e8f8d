package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// node is a Kustomization of a name that depends on others.
func node(t testing.TB, name string, on ...string) flux.Object {
	return object(t, "ks", named("apps", name), func(o *flux.Object) {
		o.Status.Ready = "True"
		for _, other := range on {
			o.DependsOn = append(o.DependsOn, ksRef(other))
		}
	})
}

func ksRef(name string) flux.Ref {
	return flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "apps", Name: name}
}

func ksRefs(names ...string) []flux.Ref {
	var refs []flux.Ref
	for _, name := range names {
		refs = append(refs, ksRef(name))
	}
	return refs
}

func TestGraphOfNothing(t *testing.T) {
	t.Parallel()
	var g *Graph
	assert.Zero(t, g.Dependents(ksRef("a")))
	assert.Empty(t, g.DependsOn(ksRef("a")))
	assert.Empty(t, g.DependentsOf(ksRef("a")))
	source := object(t, "gitrepo")
	assert.Zero(t, NewGraph(flux.Each([]flux.Object{source, node(t, "a")})).Dependents(source.Ref))
	assert.False(t, HasDependencies(flux.Snapshot{Objects: []flux.Object{source}}))
	assert.True(t, HasDependencies(flux.Snapshot{Objects: []flux.Object{source, node(t, "a")}}))
}

func TestForecast(t *testing.T) {
	t.Parallel()
	took := func(o flux.Object, d time.Duration) flux.Object {
		o.Status.LastReconcile, o.Status.LastReconciled = d, time.Unix(1, 0)
		return o
	}
	g := NewGraph(flux.Each([]flux.Object{took(node(t, "base"), 3*time.Minute), took(node(t, "app", "base"), time.Second), took(node(t, "slow", "base"), time.Second), node(t, "unplanned", "base")}))
	change := func(name, to string) Item {
		return Item{Object: g.object(ksRef(name)), Action: ActionChange, Changes: []Change{{Field: flux.Interval, To: ptr(to)}}}
	}
	calm := g.Forecast([]Item{change("base", "1m"), change("app", "1m"), change("slow", "10m"), {Object: g.object(ksRef("unplanned")), Action: ActionSkip}}, nil, 1)
	assert.Equal(t, Calm{
		Steps: 2, Duration: 6 * time.Second, // app, slow meanwhile, and base when both have been reconciled; one patch a second
		Disturbed: []Disturbance{
			{Object: ksRef("app"), On: ksRef("base"), Why: "a reconcile of Kustomization apps/base takes 3m, and it is itself reconciled every 1m"},
			{Object: ksRef("unplanned"), On: ksRef("base"), Why: "it is reconciled every 5m, at a time that its status does not tell"},
		},
	}, calm)
	assert.Equal(t, Calm{Steps: 1}, g.Forecast([]Item{change("app", "1m"), change("slow", "1m")}, nil, 0))
	assert.Equal(t, 2*time.Second, g.Reconcile(ksRef("unplanned")))
	record := Item{Object: g.object(ksRef("base")), Action: ActionChange}
	assert.Equal(t, Calm{Steps: 1, Duration: 6 * time.Second}, g.Forecast([]Item{change("app", "1m"), record, record}, nil, 0.5), "a record is written at the same pace, and disturbs nobody")
	assert.Equal(t, Calm{Steps: 1, Duration: 4 * time.Second}, g.Forecast([]Item{record, record}, nil, 0.5))
}

// Rules that come or go are a change of the owner: what depends on it may be disturbed by that.
func TestForecastOfPins(t *testing.T) {
	t.Parallel()
	took := func(o flux.Object, every string, d time.Duration) flux.Object {
		o.Interval, o.Status.LastReconcile, o.Status.LastReconciled = ptr(every), d, time.Unix(1, 0)
		return o
	}
	owner, calm := took(node(t, "owner"), "10m", 3*time.Minute), took(node(t, "calm", "owner"), "10m", time.Second)
	often := took(node(t, "often", "owner"), "1m", time.Second)
	g := NewGraph(flux.Each([]flux.Object{owner, calm, often}))
	src := object(t, "gitrepo")
	items := []Item{{Object: src, Action: ActionChange, Changes: []Change{change(flux.Interval, "5m", "1m")}}}
	want := []Disturbance{{Object: often.Ref, On: owner.Ref, Why: "a reconcile of Kustomization apps/owner takes 3m, and it is itself reconciled every 1m"}}
	pin := Pin{Owner: owner, Rules: Rules([]Need{need(src, flux.Interval)})}
	assert.Equal(t, want, g.Forecast(items, []Pin{pin}, 5).Disturbed)
	assert.Equal(t, want, g.Forecast(nil, []Pin{pin}, 5).Disturbed, "only rules change")
	ruled := patched(t, owner, PinWrite{Pin: pin}.Next(owner))
	assert.Equal(t, want, g.Forecast(nil, []Pin{{Owner: ruled}}, 5).Disturbed, "its rules go")
	assert.Empty(t, g.Forecast(items, []Pin{{Owner: ruled, Rules: pin.Rules}}, 5).Disturbed, "it has the rules already")
	itself := Item{Object: owner, Action: ActionChange, Changes: []Change{change(flux.Interval, "10m", "5m")}}
	assert.Equal(t, want, g.Forecast([]Item{itself}, []Pin{pin}, 5).Disturbed, "it is changed itself, too")
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	due := func(every string, since time.Duration) flux.Object {
		o := object(t, "ks", interval(every))
		o.Status.LastReconciled = now.Add(-since)
		return o
	}
	for _, tc := range []struct {
		name      string
		dependent flux.Object
		within    time.Duration
		want      bool
	}{
		{"just reconciled", due("10m", time.Second), 10 * time.Second, true},
		{"due at once", due("10m", 10*time.Minute), 10 * time.Second, false},
		{"due within the jitter", due("10m", 9*time.Minute+25*time.Second), 10 * time.Second, false},
		{"before the jitter", due("10m", 9*time.Minute+15*time.Second), 10 * time.Second, true},
		{"long past", due("10m", 25*time.Minute), 10 * time.Second, true},
		{"never quiet", due("10s", 9*time.Second), 10 * time.Second, true},
		{"quiet for a moment only", due("1m", 30*time.Second), 40 * time.Second, false},
		{"suspended", func() flux.Object { o := due("10m", 10*time.Minute); o.Suspended = true; return o }(), 10 * time.Second, true},
		{"unknown", object(t, "ks"), 10 * time.Second, true},
	} {
		assert.Equal(t, tc.want, NewGraph(flux.Each(nil)).quiet([]flux.Object{tc.dependent}, now, tc.within), tc.name)
	}
	assert.True(t, NewGraph(flux.Each(nil)).quiet(nil, now, time.Hour))
}

// fromOCI is a HelmRelease of a name that depends on others; its chart is in an OCIRepository of its own.
func fromOCI(t testing.TB, name string, on ...flux.Ref) flux.Object {
	return object(t, "hr", named("apps", name), func(o *flux.Object) {
		o.Status.Ready = "True"
		o.DependsOn = on
		o.SourceRef = object(t, "ocirepo", named("apps", name)).Ref
	})
}

// A release looks at the source of its chartRef when it is reconciled, and is not ready where that has just changed.
func TestSourcesOfReleasesChangeLast(t *testing.T) {
	t.Parallel()
	base := fromOCI(t, "base")
	app := fromOCI(t, "app", base.Ref)
	charted := object(t, "hr", named("apps", "charted"), func(o *flux.Object) {
		o.HasChart, o.SourceRef = true, object(t, "helmrepo", named("apps", "charts")).Ref
	})
	g := NewGraph(flux.Each([]flux.Object{base, app, charted}))
	q := g.Queue([]flux.Ref{charted.SourceRef, app.SourceRef, base.SourceRef, base.Ref, app.Ref, charted.Ref})
	assert.Equal(t, []flux.Ref{charted.SourceRef, app.Ref, app.SourceRef, base.Ref, base.SourceRef, charted.Ref}, allOf(q), "charted looks at its HelmChart, which nobody changes but helm-controller")
}

func TestForecastOfHelmCharts(t *testing.T) {
	t.Parallel()
	charted := func(name string, change func(*flux.Object)) Item {
		o := object(t, "hr", named("apps", name), func(o *flux.Object) {
			o.HasChart, o.SourceRef, o.Status.Ready = true, object(t, "helmrepo", named("charts", "charts")).Ref, "True"
			if change != nil {
				change(o)
			}
		})
		return Item{Object: o, Action: ActionChange, Changes: []Change{{Field: flux.ChartInterval, To: ptr("1m")}}}
	}
	app := charted("app", nil)
	after := charted("after", func(o *flux.Object) { o.DependsOn = []flux.Ref{app.Object.Ref} })
	failing := charted("failing", func(o *flux.Object) { o.Status.Ready = "False" })
	follows := charted("follows", nil)
	follows.Changes[0].Field = flux.Interval
	other := charted("other", func(o *flux.Object) { o.ChartInterval = ptr("5m") })
	other.Changes[0].Field = flux.Interval
	items := []Item{app, after, failing, follows, other}
	var objects []flux.Object
	for _, item := range items {
		objects = append(objects, item.Object)
	}
	graph := NewGraph(flux.Each(objects))
	graph.Controllers = runs("1.4.0").Controllers
	calm := graph.Forecast(items, nil, 0)
	assert.Equal(t, 30*time.Second+assumedReconcile+slack, calm.Duration, "two levels, the first of which waits for a release")
	fast := NewGraph(flux.Each(objects))
	fast.Controllers = flux.NewControllers([]flux.Controller{{Name: flux.HelmController, Version: "1.4.0", RequeueDependency: 5 * time.Second}})
	assert.Equal(t, 5*time.Second+assumedReconcile+slack, fast.Forecast(items, nil, 0).Duration, "its flag says when it looks again")
	assert.Contains(t, fast.Forecast(items, nil, 0).Disturbed[0].Why, "looks at it again after 5s")
	var named []string
	for _, d := range calm.Disturbed {
		if d.On.Kind == "HelmChart" {
			named = append(named, d.Object.Name+" "+d.On.String()+": "+d.Why)
		}
	}
	assert.Equal(t, []string{
		"after HelmChart charts/apps-after: helm-controller changes that with it, and looks at it again after 30s",
		"app HelmChart charts/apps-app: helm-controller changes that with it, and looks at it again after 30s",
		"follows HelmChart charts/apps-follows: helm-controller changes that with it, and looks at it again after 30s",
	}, named)
}
