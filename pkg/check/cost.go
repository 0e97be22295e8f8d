package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// HostLoad is what one host gets per hour from all clusters.
type HostLoad struct {
	Host     string // "" where a URL names none
	Sources  Delta[int]
	Requests Delta[float64]
	Clones   Delta[float64]
	// Limit of the host; nil without one. Used is in percent of it, and counts all ports of the name where the limit is the
	// name's, as in a budget.
	Limit *budget.Limit
	Used  Delta[float64]
}

// CredentialLoad is what goes to a host under one credential. Secrets of one name in several clusters are taken for
// the same; none is read.
type CredentialLoad struct {
	Host             string
	Secret, Provider string
	Sources          Delta[int]
	Requests         Delta[float64]
}

// EnvironmentCost is what one environment of a cluster costs and what it gets for it.
type EnvironmentCost struct {
	Environment string // "" for objects without one
	Git         Delta[float64]
	// Typical and Worst latency from commit to applied; 0 where none is known.
	Typical, Worst Delta[time.Duration]
	// Drift is how long it takes at most until drift is corrected; 0 without Kustomizations.
	Drift Delta[time.Duration]
}

// ControllerLoad is how busy a controller's workers are with one kind.
type ControllerLoad struct {
	Controller, Kind string
	// Reconciles per hour, Busy in percent of the workers' time.
	Reconciles, Busy Delta[float64]
}

// count sums up what all clusters ask of hosts.
func (c *Check) count(pairs []pairing, limits budget.Limits) {
	var hosts collection[string, HostLoad]
	var credentials collection[[3]string, CredentialLoad]
	add := func(b budget.Budget, set func(d *Delta[float64], value float64), sources func(d *Delta[int], n int)) {
		set(&c.Git, b.Git.Now)
		set(&c.Requests, b.Requests.Now)
		set(&c.APIRequests, b.APIServer.Requests.Now)
		for _, h := range b.Hosts {
			load := hosts.get(h.Name, HostLoad{Host: h.Name, Limit: h.Limit})
			set(&load.Requests, h.Requests.Now)
			set(&load.Clones, h.Clones.Now)
			sources(&load.Sources, h.Sources)
		}
		for _, one := range b.Credentials {
			load := credentials.get([3]string{one.Host, one.Secret, one.Provider}, CredentialLoad{Host: one.Host, Secret: one.Secret, Provider: one.Provider})
			set(&load.Requests, one.Requests.Now)
			sources(&load.Sources, one.Sources)
		}
	}
	for _, p := range pairs {
		add(p.budget.Before, func(d *Delta[float64], value float64) { d.Before += value }, func(d *Delta[int], n int) { d.Before += n })
		add(p.budget.After, func(d *Delta[float64], value float64) { d.After += value }, func(d *Delta[int], n int) { d.After += n })
	}
	used := map[string]Delta[float64]{} // by the name that the limit is under: it is one for all ports of it
	for _, h := range hosts.order {
		key, _ := limits.Key(h.Host)
		used[key] = Delta[float64]{used[key].Before + h.Requests.Before, used[key].After + h.Requests.After}
	}
	for _, h := range hosts.order {
		if h.Limit != nil {
			key, _ := limits.Key(h.Host)
			h.Used = Delta[float64]{budget.Percent(used[key].Before, h.Limit.PerHour), budget.Percent(used[key].After, h.Limit.PerHour)}
		}
		c.Hosts = append(c.Hosts, *h)
	}
	for _, one := range credentials.order {
		c.Credentials = append(c.Credentials, *one)
	}
	sorting.By(c.Hosts, func(a, b HostLoad) int { return byLoad(a.Requests, b.Requests, a.Host, b.Host) })
	sorting.By(c.Credentials, func(a, b CredentialLoad) int {
		key := func(l CredentialLoad) string { return strings.Join([]string{l.Host, l.Secret, l.Provider}, "\x00") }
		return byLoad(a.Requests, b.Requests, key(a), key(b))
	})
}

// collection collects values under keys, in the order in which they came first.
type collection[K comparable, V any] struct {
	byKey map[K]*V
	order []*V
}

func (c *collection[K, V]) get(key K, fresh V) *V {
	if v, ok := c.byKey[key]; ok {
		return v
	}
	if c.byKey == nil {
		c.byKey = map[K]*V{}
	}
	c.byKey[key] = &fresh
	c.order = append(c.order, &fresh)
	return &fresh
}

func environments(was, is budget.Budget) []EnvironmentCost {
	var all collection[string, EnvironmentCost]
	for _, e := range was.Environments {
		one := all.get(e.Name, EnvironmentCost{Environment: e.Name})
		one.Git.Before, one.Drift.Before = e.Git.Now, e.Drift.Now
		one.Typical.Before, one.Worst.Before = e.Latency.Now.Typical, e.Latency.Now.Worst
	}
	for _, e := range is.Environments {
		one := all.get(e.Name, EnvironmentCost{Environment: e.Name})
		one.Git.After, one.Drift.After = e.Git.Now, e.Drift.Now
		one.Typical.After, one.Worst.After = e.Latency.Now.Typical, e.Latency.Now.Worst
	}
	return all.values()
}

func controllers(was, is budget.Budget) []ControllerLoad {
	var all collection[[2]string, ControllerLoad]
	get := func(w budget.Workers) *ControllerLoad {
		return all.get([2]string{w.Controller, w.Kind}, ControllerLoad{Controller: w.Controller, Kind: w.Kind})
	}
	for _, w := range was.Workers {
		one := get(w)
		one.Reconciles.Before, one.Busy.Before = w.Reconciles.Now, w.Busy.Now
	}
	for _, w := range is.Workers {
		one := get(w)
		one.Reconciles.After, one.Busy.After = w.Reconciles.Now, w.Busy.Now
	}
	return all.values()
}

func (c *collection[K, V]) values() []V {
	list := make([]V, 0, len(c.order))
	for _, v := range c.order {
		list = append(list, *v)
	}
	return list
}
