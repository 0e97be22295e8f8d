package tune

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Graph is what depends on what: spec.dependsOn of Kustomizations and HelmReleases, and the source that the chartRef of
// a HelmRelease names.
//
// It decides the order of changes. A change raises an object's generation, and until its controller has observed
// that, whatever depends on it and is reconciled in the meantime becomes Ready=False (DependencyNotReady) for
// --requeue-dependency, 30s by default (kustomize-controller internal/controller/kustomization_controller.go,
// checkDependencies). A dependent looks at what it depends on when it is reconciled, never the other way round. So
// dependents are changed first, and what they depend on only when they are ready again: their next reconcile is
// then a whole interval away.
//
// A HelmRelease becomes Ready=False (SourceNotReady) for as long where it is reconciled while the source of its chart
// has not observed a change (helm-controller internal/controller/helmrelease_controller.go, isSourceReady), so its
// source is changed after it, too. Nobody has to wait for that source: measured, the release does not look at it
// before its next reconcile. Kustomizations look at the artifact of their source, which stays.
type Graph struct {
	objects    map[flux.Ref]*flux.Object
	dependents map[flux.Ref][]flux.Ref
	// urls are those of the sources.
	urls map[flux.Ref]string
	// Controllers reconcile the objects: with the defaults of their flags, unless somebody says more.
	Controllers flux.Controllers
}

// NewGraph makes the graph of a snapshot's objects.
func NewGraph(objects iter.Seq[*flux.Object]) *Graph {
	g := &Graph{objects: make(map[flux.Ref]*flux.Object), dependents: make(map[flux.Ref][]flux.Ref), urls: make(map[flux.Ref]string), Controllers: flux.NewControllers(nil)}
	for o := range objects {
		if o.Kind == "HelmRepository" {
			g.urls[o.Ref] = o.Remote.URL
		}
		if !o.KindRow().Consumer {
			continue
		}
		if _, twice := g.objects[o.Ref]; twice {
			continue
		}
		g.objects[o.Ref] = o
		for _, on := range before(*o) {
			if !slices.Contains(g.dependents[on], o.Ref) {
				g.dependents[on] = append(g.dependents[on], o.Ref)
			}
		}
	}
	return g
}

// before is what an object is changed before.
func before(o flux.Object) []flux.Ref {
	if o.Kind != "HelmRelease" || o.HasChart || o.SourceRef.Name == "" {
		return o.DependsOn
	}
	return append(slices.Clone(o.DependsOn), o.SourceRef)
}

// object is one of the graph's; the zero Object where it has none such.
func (g *Graph) object(ref flux.Ref) flux.Object {
	if o := g.objects[ref]; o != nil {
		return *o
	}
	return flux.Object{}
}

// HoldingUp are those objects of levels, changed one after the other, that have to be ready again before the next level is:
// they depend on one of a later level. None for a graph that is nil.
func (g *Graph) HoldingUp(levels [][]flux.Ref) map[flux.Ref]bool {
	holding, later := make(map[flux.Ref]bool), make(map[flux.Ref]bool)
	if g == nil {
		return holding
	}
	for _, level := range slices.Backward(levels) {
		for _, ref := range level {
			if slices.ContainsFunc(before(g.object(ref)), func(on flux.Ref) bool { return later[on] }) {
				holding[ref] = true
			}
		}
		for _, ref := range level {
			later[ref] = true
		}
	}
	return holding
}

// Dependents is how many objects depend on one; 0 for a graph that is nil.
func (g *Graph) Dependents(ref flux.Ref) int {
	if g == nil {
		return 0
	}
	return len(g.dependents[ref])
}

// DependsOn is what an object depends on.
func (g *Graph) DependsOn(ref flux.Ref) []flux.Ref {
	if g == nil {
		return nil
	}
	return g.object(ref).DependsOn
}

// DependentsOf are the objects that depend on one, as the graph was made of them.
func (g *Graph) DependentsOf(ref flux.Ref) []flux.Object {
	if g == nil {
		return nil
	}
	var list []flux.Object
	for _, d := range g.dependents[ref] {
		list = append(list, g.object(d))
	}
	return list
}

// Levels parts objects into levels, to be changed one after the other: every object comes in the level just before
// the first of those that it depends on, so that little time passes between the two. Objects of which none depends on
// another are one level. A circle is cut somewhere: nothing in it is ever reconciled.
func (g *Graph) Levels(refs []flux.Ref) [][]flux.Ref {
	if g == nil || len(refs) == 0 {
		return [][]flux.Ref{refs}
	}
	chosen := make(map[flux.Ref]bool, len(refs))
	for _, ref := range refs {
		chosen[ref] = true
	}
	h := heights{graph: g, chosen: chosen, height: make(map[flux.Ref]int), open: make(map[flux.Ref]bool)}
	top := 0
	for _, ref := range refs {
		top = max(top, h.of(ref))
	}
	// From the top down: as late as what it depends on allows.
	order := slices.Clone(refs)
	slices.SortStableFunc(order, func(a, b flux.Ref) int { return cmp.Compare(h.height[b], h.height[a]) })
	level := make(map[flux.Ref]int, len(refs))
	levels := make([][]flux.Ref, top+1)
	for _, ref := range order {
		at := h.height[ref]
		first := -1
		for _, on := range before(g.object(ref)) {
			if l, placed := level[on]; placed && (first < 0 || l < first) {
				first = l
			}
		}
		if first > at {
			at = first - 1
		}
		level[ref] = at
	}
	for _, ref := range refs {
		levels[level[ref]] = append(levels[level[ref]], ref)
	}
	return levels
}

// heights is how many levels of chosen dependents an object has above the last.
type heights struct {
	graph  *Graph
	chosen map[flux.Ref]bool
	height map[flux.Ref]int
	open   map[flux.Ref]bool
}

func (h heights) of(ref flux.Ref) int {
	if n, known := h.height[ref]; known {
		return n
	}
	h.open[ref] = true
	n := 0
	for _, d := range h.graph.dependents[ref] {
		if h.chosen[d] && !h.open[d] {
			n = max(n, h.of(d)+1)
		}
	}
	h.open[ref] = false
	h.height[ref] = n
	return n
}

// Calm is what changing objects does to those that depend on them.
type Calm struct {
	// Levels along dependsOn, each of which waits for the one before.
	Levels int
	// Duration that the changes take, in all, as far as the last reconciles tell.
	Duration time.Duration
	// Disturbed are the objects that may become not ready for a while, and cannot be spared.
	Disturbed []Disturbance
	// Fetches are the charts that are fetched again because of the changes.
	Fetches []Fetch
}

// Disturbance is an object that may become not ready for a while because one that it depends on is changed.
type Disturbance struct {
	Cluster string // where there are several
	Object  flux.Ref
	On      flux.Ref
	Why     string
}

// And is what the changes of two clusters do, made one after the other.
func (c Calm) And(other Calm) Calm {
	return Calm{Levels: max(c.Levels, other.Levels), Duration: c.Duration + other.Duration, Disturbed: append(c.Disturbed, other.Disturbed...),
		Fetches: append(c.Fetches, other.Fetches...)}
}

const (
	// assumedReconcile is how long a reconcile takes where no history tells.
	assumedReconcile = 2 * time.Second
	// slack is what passes beside a reconcile until the next level is begun: looking, once a second.
	slack = 2 * time.Second
)

// Forecast tells what the changes of a plan's items will do, at a pace (patches a second; 0 is no limit).
func (g *Graph) Forecast(items []Item, pace float64) Calm {
	changed := make(map[flux.Ref]Item)
	var refs []flux.Ref
	var fetches []Fetch
	for _, item := range items {
		if item.Action == ActionChange && !item.repins {
			changed[item.Object.Ref] = item
			refs = append(refs, item.Object.Ref)
			if fetch, fetched := item.fetch(); fetched {
				fetches = append(fetches, g.located(fetch))
			}
		}
	}
	slices.SortFunc(refs, flux.Ref.Compare)
	levels := g.Levels(refs)
	calm := Calm{Levels: len(levels), Fetches: fetches}
	holding := g.HoldingUp(levels)
	for _, level := range levels {
		var longest time.Duration
		for _, ref := range level {
			took := g.Reconcile(ref)
			if d, again, shakes := g.chartShakes(changed[ref]); shakes {
				calm.Disturbed = append(calm.Disturbed, d)
				took += again
			}
			calm.Disturbed = append(calm.Disturbed, g.disturbed(ref, took, changed)...)
			if holding[ref] {
				longest = max(longest, took+slack)
			}
		}
		if pace > 0 {
			longest = max(longest, time.Duration(float64(len(level))/pace*float64(time.Second)))
		}
		calm.Duration += longest
	}
	return calm
}

// located is a fetch with the URL of its source.
func (g *Graph) located(f Fetch) Fetch {
	if g != nil {
		f.URL = g.urls[f.Source]
	}
	return f
}

// chartShakes is the disturbance of a HelmRelease whose HelmChart changes with it. Measured: helm-controller changes
// the HelmChart, finds that it has not been reconciled yet, and does not look again before --requeue-dependency: again.
func (g *Graph) chartShakes(item Item) (d Disturbance, again time.Duration, shakes bool) {
	o := item.Object
	if o.Kind != "HelmRelease" || !changesChart(o, item.Changes) || o.Suspended || o.Status.Ready != "True" {
		return Disturbance{}, 0, false
	}
	again = g.Controllers.Of(&o).RequeueDependency
	return Disturbance{Cluster: o.Cluster, Object: o.Ref, On: chartOf(o), Why: fmt.Sprintf("helm-controller changes that with it, and looks at it again after %s", flux.FormatDuration(again))}, again, true
}

// Reconcile is how long a reconcile of an object takes, as its history tells, or 2 s where it tells nothing.
func (g *Graph) Reconcile(ref flux.Ref) time.Duration {
	return cmp.Or(g.object(ref).Status.LastReconcile, assumedReconcile)
}

// disturbed are the dependents of an object that may be reconciled while it is.
func (g *Graph) disturbed(on flux.Ref, took time.Duration, changed map[flux.Ref]Item) []Disturbance {
	var list []Disturbance
	for _, d := range g.DependentsOf(on) {
		if d.Suspended || d.Status.Ready != "True" {
			continue
		}
		item, planned := changed[d.Ref]
		interval := d.Effective(flux.Interval)
		if planned {
			interval = d.EffectiveWith(flux.Interval, item.Planned(flux.Interval), nil)
		}
		why := ""
		switch free := interval - interval/20 - slack; {
		case took > free:
			why = fmt.Sprintf("a reconcile of %s takes %s, and it is itself reconciled every %s", on, flux.FormatDuration(took.Round(time.Second)), flux.FormatDuration(interval))
		case !planned && d.Status.LastReconciled.IsZero():
			why = fmt.Sprintf("it is reconciled every %s, at a time that its status does not tell", flux.FormatDuration(interval))
		}
		if why != "" {
			list = append(list, Disturbance{Cluster: d.Cluster, Object: d.Ref, On: on, Why: why})
		}
	}
	return list
}

// Quiet tells whether none of the dependents of an object is due while it is reconciled from now on.
func (g *Graph) Quiet(ref flux.Ref, now time.Time) bool {
	dependents := g.DependentsOf(ref)
	return len(dependents) == 0 || quiet(dependents, g.Controllers, now, g.Reconcile(ref))
}

// quiet tells whether none of the dependents is due for a reconcile within a time from now: their last reconcile and
// interval say when, within the jitter of their controllers. Those that cannot be known do not count.
func quiet(dependents []flux.Object, by flux.Controllers, now time.Time, within time.Duration) bool {
	for _, d := range dependents {
		interval := d.Effective(flux.Interval)
		if d.Suspended || d.Status.LastReconciled.IsZero() || interval <= 0 {
			continue
		}
		since := now.Sub(d.Status.LastReconciled)
		if since > 2*interval || within > interval/2 {
			continue // its history is not kept up to date, or there is no quiet time at all
		}
		jitter := interval / 100 * time.Duration(by.Of(&d).JitterPercent)
		if since+within > interval-jitter && since < interval+jitter {
			return false
		}
	}
	return true
}

// HasDependencies tells whether objects of a snapshot may have dependents that it does not hold: it has Kustomizations
// or HelmReleases, or what the chartRef of a HelmRelease may name.
func HasDependencies(s flux.Snapshot) bool {
	return slices.ContainsFunc(s.Objects, func(o flux.Object) bool { return o.KindRow().Consumer || holdsChart(o) })
}
