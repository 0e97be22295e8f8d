package budget

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Latency is how long a commit takes until it is applied.
type Latency struct {
	// Typical is what half of all commits stay below, Worst what none should exceed while all goes well.
	Typical, Worst time.Duration
}

// Delivery is how a consumer gets what its source holds.
type Delivery struct {
	// Source is what it waits for.
	Source flux.Ref
	// Latency, where it is known: the source was read and neither of both is suspended.
	Latency Pair[Latency]
	Known   bool
	// Receiver that covers the source; "" without one. The wait for the poll is then about zero, and
	// the interval only what is left when a webhook gets lost.
	Receiver string
	// Depth is how many levels of dependsOn are below.
	Depth int
	// Why the latency is not known.
	Why string
}

// deliver predicts how long a commit takes from the push until a Kustomization or HelmRelease has
// applied it:
//
//   - until its source holds it (supply). The consumer's own interval plays no part: controllers watch
//     their sources (measured: GitRepository 10s and Kustomization 10m gave 8.9 s and 10.4 s from push to
//     applied);
//   - dependsOn: what it depends on must be ready, and where a Kustomization has the same source, have applied
//     the same revision; until then the controller looks again every --requeue-dependency (kustomize-controller
//     kustomization_controller.go, checkDependencies). A HelmRelease asks for no revision, only whether all are ready,
//     whatever their sources (helm-controller helmrelease_controller.go, checkDependencies). Typically this concerns
//     dependencies that change with it (changesWith); at worst all. With readyExpr the controllers ask for
//     what that says and for nothing else, which nobody can foretell: it is counted as if it was not there.
//   - its own reconcile, as far as status.history tells: the last one that did not fail, or that of the newest rollout which is
//     still on record where that took longer; at worst the longest. The history of a HelmRelease has no durations: it counts a
//     second.
//
// While something that it depends on fails, it waits for that (checkDependencies wants Ready), and nobody knows how long.
func (f *fleet) deliver(s *subject) Delivery {
	if s.object.Suspended {
		return Delivery{Why: "suspended"}
	}
	sup := f.supplyOf(s)
	d := Delivery{Source: sup.source, Why: sup.why}
	if sup.why != "" {
		return d
	}
	if d.Why = f.blocked(s, map[flux.Ref]bool{}); d.Why != "" {
		return d
	}
	d.Known, d.Receiver = true, sup.receiver
	usual, worst := f.arrive(s, typically), f.arrive(s, atWorst)
	d.Depth = worst.depth
	d.Latency = pair(func(m moment) Latency {
		l := sup.latency.at(m)
		return Latency{Typical: l.Typical + usual.took, Worst: min(l.Worst, never+fetch) + worst.took}
	})
	return d
}

// blocked says what an object waits for that fails, directly or through others; "" where nothing does. Each is asked once.
func (f *fleet) blocked(s *subject, asked map[flux.Ref]bool) string {
	for _, ref := range s.object.DependsOn {
		d := f.byRef[ref]
		if d == nil || asked[ref] {
			continue
		}
		asked[ref] = true
		switch d.failure {
		case BackOff, Retrying, Stopped:
			return "it depends on " + ref.String() + ", which fails: " + d.object.Status.ReadyReason
		}
		if why := f.blocked(d, asked); why != "" {
			return why
		}
	}
	return ""
}

// assumption chooses what is counted with.
type assumption int

const (
	typically assumption = iota
	atWorst
)

// arrival is how long an object takes from its source's new artifact until it has applied it, and how
// many levels of dependsOn are below it.
type arrival struct {
	took  time.Duration
	depth int
}

type arrivalKey struct {
	ref flux.Ref
	a   assumption
}

// changesWith tells whether two consumers mostly get something new at the same time: they have one source, and of charts from
// one repository only those of one name, or those that every revision builds anew.
func changesWith(a, b *flux.Object) bool {
	oneChart := a.Polling.Chart == b.Polling.Chart || a.Polling.ByRevision && b.Polling.ByRevision
	return a.SourceRef == b.SourceRef && oneChart
}

// arrive works an arrival out, once for each object: many may depend on the same one. What is asked for
// while it is being worked out is a circle of dependencies. That never gets ready, which is not the
// budget's to report; the circle is cut.
func (f *fleet) arrive(s *subject, a assumption) arrival {
	own := max(s.object.Status.LastApplied, s.object.Status.Rollout)
	if a == atWorst {
		own = max(own, s.object.Status.SlowestApplied)
	}
	if own == 0 {
		own = apply
	}
	if len(s.object.DependsOn) == 0 {
		return arrival{took: own}
	}
	key := arrivalKey{s.object.Ref, a}
	if known, ok := f.arrivals[key]; ok {
		return known
	}
	f.arrivals[key] = arrival{}
	var below arrival
	for _, ref := range s.object.DependsOn {
		d := f.byRef[ref]
		if d == nil || a == typically && !changesWith(d.object, s.object) {
			continue
		}
		at := f.arrive(d, a)
		below = arrival{max(below.took, at.took), max(below.depth, at.depth+1)}
	}
	result := arrival{below.took + own, below.depth}
	if every := f.settings.Of(s.object).RequeueDependency; every > 0 {
		looks := (below.took + every - 1) / every
		result.took = looks*every + own
	}
	f.arrivals[key] = result
	return result
}
