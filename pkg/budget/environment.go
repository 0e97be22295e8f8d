package budget

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// applyRequests are the requests to the kube-apiserver for every managed object and reconcile: one GET
// and one server-side apply, which is a dry run while nothing differs. Of a Kustomization: fluxcd/pkg
// ssa/manager_apply.go. Of a HelmRelease that detects drift: helm-controller internal/action/diff.go,
// fluxcd/pkg ssa/jsondiff/unstructured.go.
const applyRequests = 2

// APIServer is what reconciles ask of the kube-apiserver. Reading the Flux objects themselves, health
// checks and what new revisions change come on top.
type APIServer struct {
	Kustomizations int // that are reconciled
	// HelmReleases that are reconciled and detect drift.
	HelmReleases int
	Managed      int // objects in their inventories
	// WithoutInventory counts those of both whose inventory is empty: before the first apply, and
	// HelmReleases of a helm-controller that keeps none.
	WithoutInventory int
	// Elsewhere counts those that apply to another cluster (spec.kubeConfig), whose kube-apiserver is asked instead.
	Elsewhere  int
	Reconciles Rates
	Requests   Rates // per hour
}

// applies tells whether the reconciles of an object apply or compare what it manages.
func applies(s *subject) bool {
	switch {
	case s.failure == Waiting || s.failure == Stopped:
		return false
	case s.object.Kind == "Kustomization":
		switch s.object.Status.ReadyReason {
		case "ArtifactFailed", "BuildFailed": // they come before (fluxcd/pkg apis/meta)
			return false
		}
		return true
	default: // a release that failed is not compared
		return s.object.Kind == "HelmRelease" && s.object.ComparesDrift && s.failure == NoFailure
	}
}

func (f *fleet) apiServer(items []Item) APIServer {
	var a APIServer
	for _, item := range items {
		if item.Reconciles == (Rates{}) || !applies(f.byRef[item.Object.Ref]) {
			continue
		}
		if item.Object.AppliesElsewhere {
			a.Elsewhere++
			continue
		}
		if item.Object.Kind == "Kustomization" {
			a.Kustomizations++
		} else {
			a.HelmReleases++
		}
		a.Managed += item.Object.Status.Managed
		if item.Object.Status.Managed == 0 {
			a.WithoutInventory++
		}
		a.Reconciles = sum(a.Reconciles, item.Reconciles)
		a.Requests = sum(a.Requests, item.APIRequests)
	}
	return a
}

// and adds what another cluster's are asked.
func (a APIServer) and(b APIServer) APIServer {
	return APIServer{
		a.Kustomizations + b.Kustomizations, a.HelmReleases + b.HelmReleases, a.Managed + b.Managed,
		a.WithoutInventory + b.WithoutInventory, a.Elsewhere + b.Elsewhere, sum(a.Reconciles, b.Reconciles), sum(a.Requests, b.Requests),
	}
}

// Environment is what one environment costs and what it gets for it.
type Environment struct {
	Name    string // "" for objects without one
	Sources int
	// Git requests per hour.
	Git         Rates
	APIRequests Rates
	// Consumers are the Kustomizations and HelmReleases whose latency is known: Typical is the median
	// of theirs, Worst the longest.
	Consumers int
	Latency   Pair[Latency]
	// Unknown counts the consumers whose latency is not known, without suspended ones.
	Unknown int
	// Receivers counts the consumers that a webhook delivers to.
	Receivers int
	// Drift is how long it takes at most until a Kustomization corrects what somebody else changed in
	// the cluster: the longest of their intervals, with jitter. 0 without Kustomizations.
	Drift Pair[time.Duration]
}

// gathering is an environment while its numbers come in.
type gathering struct {
	Environment
	typical Pair[[]time.Duration]
}

// byEnvironment sums up by environment, in the order given, then others by name, none at the end.
func byEnvironment(items []Item, order []string) []Environment {
	var g grouped[string, gathering]
	for i := range items {
		item := &items[i]
		if item.Reconciles == (Rates{}) && item.Delivery == nil || item.Object.Kind == flux.AlertKind {
			continue
		}
		e := g.get(item.Environment, func() gathering { return gathering{Environment: Environment{Name: item.Environment}} })
		if item.Cost.Protocol == Git && item.Requests != (Rates{}) {
			e.Sources++
			e.Git = sum(e.Git, item.Requests)
		}
		e.APIRequests = sum(e.APIRequests, item.APIRequests)
		e.deliver(item)
		if item.Object.Kind == "Kustomization" {
			e.Drift = pair(func(m moment) time.Duration { return max(*e.Drift.at(m), *item.Drift.at(m)) })
		}
	}
	var list []Environment
	for _, e := range g.order {
		list = append(list, e.finish())
	}
	slices.SortStableFunc(list, func(a, b Environment) int {
		return cmp.Or(cmp.Compare(place(order, a.Name), place(order, b.Name)), strings.Compare(a.Name, b.Name))
	})
	return list
}

func (e *gathering) deliver(item *Item) {
	switch d := item.Delivery; {
	case d == nil || item.Object.Suspended:
	case !d.Known:
		e.Unknown++
	default:
		e.Consumers++
		if d.Receiver != "" {
			e.Receivers++
		}
		for _, m := range moments {
			l := d.Latency.at(m)
			*e.typical.at(m) = append(*e.typical.at(m), l.Typical)
			e.Latency.at(m).Worst = max(e.Latency.at(m).Worst, l.Worst)
		}
	}
}

func (e *gathering) finish() Environment {
	for _, m := range moments {
		e.Latency.at(m).Typical = median(*e.typical.at(m))
	}
	return e.Environment
}

func median(durations []time.Duration) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	middle := len(durations) / 2
	if len(durations)%2 == 1 {
		return durations[middle]
	}
	return (durations[middle-1] + durations[middle]) / 2
}

// place puts known environments first, in their order, then others, then none.
func place(order []string, name string) int {
	switch i := slices.Index(order, name); {
	case i >= 0:
		return i
	case name == "":
		return len(order) + 1
	default:
		return len(order)
	}
}
