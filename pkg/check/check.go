// Package check compares two states of a checkout: what a branch changes of the values that Flux would have, what
// that costs and buys, and what is wrong with them, with file and line. It is pure: what it compares was read, planned
// and counted by others.
//
//	manifest.Read, twice -> tune.Plan, budget.New -> check.New -> report
package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Side is one state of the checkout.
type Side struct {
	Tree *manifest.Tree
	// Fleets are the Tree's, all that one file may reach.
	Fleets []manifest.Fleet
	// Clusters are those that were asked for.
	Clusters []Cluster
}

// Cluster is what one root deploys, planned and counted.
type Cluster struct {
	// Root is its index among the Side's Fleets.
	Root int
	Name string
	// Plan says of every object that was asked for what the policy would change.
	Plan tune.Plan
	// Budget of these objects; only what it is now counts.
	Budget budget.Budget
}

// Input is what is compared.
type Input struct {
	// Base is nil where there is nothing to compare with.
	Base   *Side
	Head   Side
	Policy policy.Policy
	Limits budget.Limits
}

// Delta is a value before and after.
type Delta[T any] struct {
	Before T `json:"before"`
	After  T `json:"after"`
}

// Check is what a branch changes, and what is wrong with it.
type Check struct {
	Clusters []ClusterChange
	// Hosts and Credentials are of all clusters together.
	Hosts       []HostLoad
	Credentials []CredentialLoad
	// Git and Requests of all clusters per hour.
	Git, Requests, APIRequests Delta[float64]
	// Findings in the order of files and lines.
	Findings []Finding
}

// ClusterChange is what changes of one cluster.
type ClusterChange struct {
	Name string
	// New and Gone say that only one side has it.
	New, Gone bool
	Changes   []ValueChange
	// Added and Removed objects.
	Added, Removed []flux.Ref
	Environments   []EnvironmentCost
	Controllers    []ControllerLoad
}

// Same tells whether nothing changes.
func (c ClusterChange) Same() bool { return len(c.Changes)+len(c.Added)+len(c.Removed) == 0 }

// ValueChange is a field of an object that gets another value; nil is absent.
type ValueChange struct {
	Ref         flux.Ref
	Environment string
	Field       flux.Field
	Delta       Delta[*string]
	// At is the scalar that decides it now; the zero Position where none does.
	At manifest.Position
}

// New compares.
func New(in Input) Check {
	decisions := in.Head.Tree.Decide(in.Head.Fleets)
	var c Check
	base := map[string]Cluster{}
	if in.Base != nil {
		for _, cluster := range in.Base.Clusters {
			base[cluster.Name] = cluster
		}
		for _, cluster := range in.Head.Clusters {
			was, known := base[cluster.Name]
			c.Clusters = append(c.Clusters, compare(was, cluster, known, true, decisions))
			delete(base, cluster.Name)
		}
		for _, cluster := range in.Base.Clusters {
			if _, gone := base[cluster.Name]; gone {
				c.Clusters = append(c.Clusters, compare(cluster, Cluster{Name: cluster.Name}, true, false, decisions))
			}
		}
		slices.SortStableFunc(c.Clusters, func(a, b ClusterChange) int { return strings.Compare(a.Name, b.Name) })
	}
	c.count(in)
	c.Findings = findings(in, decisions)
	return c
}

func compare(was, is Cluster, before, after bool, decisions manifest.Decisions) ClusterChange {
	c := ClusterChange{Name: is.Name, New: !before, Gone: !after}
	old := map[flux.Ref]tune.Item{}
	for _, item := range was.Plan.Items {
		old[item.Object.Ref] = item
	}
	for _, item := range is.Plan.Items {
		previous, known := old[item.Object.Ref]
		delete(old, item.Object.Ref)
		if !known {
			c.Added = append(c.Added, item.Object.Ref)
			continue
		}
		for _, tunable := range item.Object.KindRow().Tunables {
			from, to := previous.Object.Value(tunable.Field), item.Object.Value(tunable.Field)
			if flux.SameDuration(from, to) {
				continue
			}
			change := ValueChange{Ref: item.Object.Ref, Environment: item.Assignment.Environment, Field: tunable.Field, Delta: Delta[*string]{from, to}}
			if s, ok := decisions.Scalar(manifest.Target{Root: is.Root, Ref: item.Object.Ref, Field: tunable.Field}); ok {
				change.At = s.Position()
			}
			c.Changes = append(c.Changes, change)
		}
	}
	for ref := range old {
		c.Removed = append(c.Removed, ref)
	}
	slices.SortFunc(c.Removed, flux.Ref.Compare)
	c.Environments = environments(was.Budget, is.Budget)
	c.Controllers = controllers(was.Budget, is.Budget)
	return c
}

// Used is the highest share of a limit that any host uses after the change, in percent; false where no host has one.
func (c Check) Used() (percent float64, host HostLoad, found bool) {
	for _, h := range c.Hosts {
		if h.Limit != nil && (!found || h.Used.After > percent) {
			percent, host, found = h.Used.After, h, true
		}
	}
	return percent, host, found
}

// Fresh are the findings that the base does not have.
func (c Check) Fresh() []Finding {
	var fresh []Finding
	for _, f := range c.Findings {
		if !f.Known {
			fresh = append(fresh, f)
		}
	}
	return fresh
}

func byLoad(a, b Delta[float64], x, y string) int {
	return cmp.Or(-cmp.Compare(max(a.Before, a.After), max(b.Before, b.After)), strings.Compare(x, y))
}
