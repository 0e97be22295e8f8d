package budget

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

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
	// Fetched is from a commit to the artifact of the sources that are polled: what a plan of sources alone can tell.
	Fetched Pair[Latency]
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
	typical, fetched Pair[[]time.Duration]
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
		e.fetch(item)
		if item.Object.Kind == "Kustomization" {
			e.Drift = pair(func(m moment) time.Duration { return max(*e.Drift.at(m), *item.Drift.at(m)) })
		}
	}
	var list []Environment
	for _, e := range g.order {
		list = append(list, e.finish())
	}
	sorting.By(list, func(a, b Environment) int {
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

func (e *gathering) fetch(item *Item) {
	if item.Fetched == (Pair[Latency]{}) {
		return
	}
	for _, m := range moments {
		l := item.Fetched.at(m)
		*e.fetched.at(m) = append(*e.fetched.at(m), l.Typical)
		e.Fetched.at(m).Worst = max(e.Fetched.at(m).Worst, l.Worst)
	}
}

func (e *gathering) finish() Environment {
	for _, m := range moments {
		e.Latency.at(m).Typical, e.Fetched.at(m).Typical = median(*e.typical.at(m)), median(*e.fetched.at(m))
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
