package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

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
// dependents are changed first, and what they depend on when they are ready again: their next reconcile is then an interval
// away. A change takes the timer of the reconcile before it away (controller-runtime 0.23 and newer, its priority queue); older
// controllers keep it (flux.Controller, KeepsTimers), and so it is not known when those reconcile an object next.
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

// dependentRefs are the objects that depend on one; none for a graph that is nil.
func (g *Graph) dependentRefs(ref flux.Ref) []flux.Ref {
	if g == nil {
		return nil
	}
	return g.dependents[ref]
}

// Calm is what changing objects does to those that depend on them.
type Calm struct {
	// Steps along dependsOn: so many objects at most are changed one after the other, each when the one before is ready again.
	Steps int
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
	// Again is how long Flux may take to look at it again; 0 where that is as always, 30s.
	Again time.Duration
}

// And is what the changes of two clusters do, made one after the other.
func (c Calm) And(other Calm) Calm {
	return Calm{Steps: max(c.Steps, other.Steps), Duration: c.Duration + other.Duration, Disturbed: append(c.Disturbed, other.Disturbed...),
		Fetches: append(c.Fetches, other.Fetches...)}
}

const (
	// assumedReconcile is how long a reconcile takes where no history tells.
	assumedReconcile = 2 * time.Second
	// slack is what passes beside a reconcile until the next level is begun: looking, once a second.
	slack = 2 * time.Second
)

// Forecast tells what the changes of a plan's items, and of the rules of its pins, will do, at a pace (patches a second; 0 is no limit).
// Items that change without a value that does, whose records are written only, take time, and disturb nothing.
func (g *Graph) Forecast(items []Item, pins []Pin, pace float64) Calm {
	changed := make(map[flux.Ref]*Item)
	var refs []flux.Ref
	var fetches []Fetch
	records := 0
	for i := range items {
		item := &items[i]
		switch {
		case item.Action != ActionChange || item.repins:
		case len(item.Changes) == 0:
			records++
		default:
			changed[item.Object.Ref] = item
			refs = append(refs, item.Object.Ref)
			if fetch, fetched := item.fetch(); fetched {
				fetches = append(fetches, g.located(fetch))
			}
		}
	}
	sorting.By(refs, flux.Ref.Compare)
	queue := g.Queue(refs)
	calm := Calm{Steps: queue.Depth(), Fetches: fetches, Disturbed: g.disturbedByRules(pins, changed)}
	took := func(ref flux.Ref) time.Duration {
		_, again, _ := g.chartShakes(changed[ref])
		return g.Reconcile(ref) + again
	}
	course := queue.run(pace, func(ref flux.Ref) time.Duration { return took(ref) + slack })
	calm.Duration = course.takes
	if records > 0 {
		calm.Steps = max(calm.Steps, 1)
		calm.Duration += time.Duration(records) * each(pace)
	}
	for _, ref := range refs {
		if d, _, shakes := g.chartShakes(changed[ref]); shakes {
			calm.Disturbed = append(calm.Disturbed, d)
		}
		calm.Disturbed = append(calm.Disturbed, g.disturbed(ref, took(ref), course.since[ref], changed)...)
	}
	calm.Disturbed = append(calm.Disturbed, g.waiting(calm.Disturbed)...)
	return calm
}

// disturbedByRules are the dependents of owners whose rules come or go: rules are set before the intervals of dependents change.
func (g *Graph) disturbedByRules(pins []Pin, changed map[flux.Ref]*Item) (list []Disturbance) {
	for _, pin := range pins {
		owner := pin.Owner.Ref
		if _, itself := changed[owner]; !itself && !slices.EqualFunc(OurRules(pin.Owner), pin.Rules, flux.IgnoreRule.Equal) {
			list = append(list, g.disturbed(owner, g.Reconcile(owner), 0, nil)...)
		}
	}
	return list
}

// located is a fetch with the URL of its source.
func (g *Graph) located(f Fetch) Fetch {
	if g != nil {
		f.URL = g.urls[f.Source]
	}
	return f
}

// chartShakes is the disturbance of a HelmRelease whose HelmChart changes with it. Measured: helm-controller changes
// the HelmChart, finds that it has not been reconciled yet, and does not look again for some time: again.
func (g *Graph) chartShakes(item *Item) (d Disturbance, again time.Duration, shakes bool) {
	o := &item.Object
	if o.Kind != "HelmRelease" || !changesChart(*o, item.Changes) || o.Suspended || o.Status.Ready != "True" {
		return Disturbance{}, 0, false
	}
	again, why := g.chartAgain(*item)
	return Disturbance{Cluster: o.Cluster, Object: o.Ref, On: chartOf(*o), Why: why, Again: again}, again, true
}

// Reconcile is how long a reconcile of an object takes, as its history tells, or 2 s where it tells nothing.
func (g *Graph) Reconcile(ref flux.Ref) time.Duration {
	return cmp.Or(g.object(ref).Status.LastReconcile, assumedReconcile)
}

// disturbed are the dependents of an object that may be reconciled while it is: it takes so long, and is changed so long after
// the first of its dependents that are changed, too.
func (g *Graph) disturbed(on flux.Ref, took, since time.Duration, changed map[flux.Ref]*Item) []Disturbance {
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
		switch free := g.free(d, interval) - slack; {
		case took > free:
			why = fmt.Sprintf("a reconcile of %s takes %s, and it is itself reconciled every %s", on, flux.FormatDuration(took.Round(time.Second)), flux.FormatDuration(interval))
		case planned && took+since > free:
			why = fmt.Sprintf("%s is changed when all that depends on it is ready again, about %s after the first, and it is itself reconciled every %s", on, flux.FormatDuration(since.Round(time.Second)), flux.FormatDuration(interval))
		case g.Controllers.Of(&d).KeepsTimers:
			why = fmt.Sprintf("it is reconciled every %s, at a time that its status does not tell (its controller is older than Flux 2.8)", flux.FormatDuration(d.Effective(flux.Interval)))
		case !planned && d.Status.LastReconciled.IsZero():
			why = fmt.Sprintf("it is reconciled every %s, at a time that its status does not tell", flux.FormatDuration(interval))
		}
		if why != "" {
			list = append(list, Disturbance{Cluster: d.Cluster, Object: d.Ref, On: on, Why: why})
		}
	}
	return list
}

// free is the time after a reconcile of an object in which no other one begins by itself: the interval without its jitter.
func (g *Graph) free(o flux.Object, interval time.Duration) time.Duration {
	return interval - interval/100*time.Duration(g.Controllers.Of(&o).JitterPercent)
}

const (
	// quietStep is how exactly a quiet time is looked for.
	quietStep = time.Second
	// inexact is how far a time of a status may be from what it is taken for: it is cut to the second (metav1.Time), and the
	// cluster's clock is known to the second (the header Date).
	inexact = 2 * time.Second
)

// QuietIn is how long it takes until none of the dependents of an object is due while that is reconciled; 0 where that is
// so now, and where it is not so within the limit: there may be no such time. Latest is how a dependent is now, as far as that is
// known; else it is as the graph was made of it.
func (g *Graph) QuietIn(ref flux.Ref, now time.Time, latest map[flux.Ref]flux.Object, limit time.Duration) time.Duration {
	var dependents []flux.Object
	for _, d := range g.DependentsOf(ref) {
		if o, known := latest[d.Ref]; known {
			d = o
		}
		dependents = append(dependents, d)
	}
	within := g.Reconcile(ref)
	for wait := time.Duration(0); wait <= limit; wait += quietStep {
		if g.quiet(dependents, now.Add(wait), within) {
			return wait
		}
	}
	return 0
}

// quiet tells whether none of the dependents is due for a reconcile within a time from now: their last reconcile and
// interval say when, within the jitter of their controllers. Those that cannot be known do not count.
func (g *Graph) quiet(dependents []flux.Object, now time.Time, within time.Duration) bool {
	for _, d := range dependents {
		interval := d.Effective(flux.Interval)
		if d.Suspended || d.Status.LastReconciled.IsZero() || interval <= 0 {
			continue
		}
		last := d.Status.LastReconciled
		from, until := g.Due(d)
		if now.Sub(last) > 2*interval || last.Add(within).After(from) {
			continue // its history is not kept up to date, or there is no quiet time at all
		}
		if now.Add(within).After(from) && now.Before(until) {
			return false
		}
	}
	return true
}

// Due is from when on an object that has a last reconcile may be reconciled next by itself, and by when that has begun.
func (g *Graph) Due(o flux.Object) (from, until time.Time) {
	interval, last := o.Effective(flux.Interval), o.Status.LastReconciled
	free := g.free(o, interval)
	return last.Add(free - inexact), last.Add(2*interval - free + inexact)
}

// StaysDue tells whether an object that was changed is due when it was before, and not an interval after the reconcile of the
// change, as far as its status tells; before and after are how it was and is.
func (g *Graph) StaysDue(before, after flux.Object) bool {
	if g == nil || before.Status.LastReconciled.IsZero() || !g.Controllers.Of(&after).KeepsTimers {
		return false
	}
	due := func(o flux.Object) time.Time { return o.Status.LastReconciled.Add(o.Effective(flux.Interval)) }
	return due(before).Before(due(after))
}

// MayDependOn tells whether objects of a kind can depend on an object: by spec.dependsOn, or by the chartRef of a HelmRelease.
func MayDependOn(k flux.Kind, o flux.Object) bool {
	return k.Consumer && k.Name == o.Kind || k.Name == "HelmRelease" && holdsChart(o)
}

// HasDependencies tells whether objects of a snapshot may have dependents that it does not hold: it has Kustomizations
// or HelmReleases, or what the chartRef of a HelmRelease may name.
func HasDependencies(s flux.Snapshot) bool {
	return slices.ContainsFunc(s.Objects, func(o flux.Object) bool { return o.KindRow().Consumer || holdsChart(o) })
}
