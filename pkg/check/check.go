// Package check compares two states of a checkout: what a branch changes of the values that Flux would have, what
// that costs and buys, and what is wrong with them, with file and line. It is pure: what it compares was read, planned
// and counted by others.
//
//	manifest.Read, twice -> tune.Plan, budget.New -> check.New -> report
package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

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
	// Chosen tells which objects were asked for; nil where all were.
	Chosen manifest.Chosen
}

// Cluster is what one root deploys, planned and counted.
type Cluster struct {
	// Root is its index among the Side's Fleets.
	Root int
	Name string
	// Plan says of every object of the files that was asked for what the policy would change.
	Plan tune.Plan
	// Costs are what is counted of these objects, and of the HelmCharts that helm-controller makes of them; only what they
	// cost now counts.
	Costs budget.Input
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
	// Incomplete says of which side not all is known that costs something.
	Incomplete Delta[bool]
	// Findings in the order of files and lines.
	Findings []Finding
}

// ClusterChange is what changes of one cluster.
type ClusterChange struct {
	Name string
	// From is its name on the base where its folder was moved; "" where it was not.
	From string
	// New and Gone say that only one side has it.
	New, Gone bool
	// FolderGone says that the branch has nothing in the folder that its Flux reads: where the cluster stays, that finds no files, and
	// takes nothing away.
	FolderGone bool
	Changes    []ValueChange
	// Added and Removed objects.
	Added, Removed []flux.Ref
	// Unknown objects are neither: only one side has them, and the other does not tell whether it has. They cost on both
	// what they cost on the one.
	Unknown []Unknown
	// Kept objects differ in the files and not on the cluster.
	Kept         []Kept
	Environments []EnvironmentCost
	Controllers  []ControllerLoad
	// Gaps are what is not known of each side: what Flux cannot build, and what may have the Unknown objects. Where there
	// are any, costs and times are of what is known, and may be higher.
	Gaps Delta[[]flux.Gap]
}

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
	moved := findMoves(in)
	pairs := pair(in, moved)
	settled := in
	settled.Head.Fleets = slices.Clone(in.Head.Fleets)
	for i := range pairs {
		p := &pairs[i]
		p.end(settled)
		p.look(settled)
		if in.Base != nil {
			one := p.compare(decisions)
			one.FolderGone = p.folderGone(in)
			c.Clusters = append(c.Clusters, one)
		}
		c.Incomplete.Before = c.Incomplete.Before || len(p.gaps.Before) > 0
		c.Incomplete.After = c.Incomplete.After || len(p.gaps.After) > 0
	}
	if _, sparse := in.Head.Tree.SparseGap(); sparse { // the base is read without the same files
		c.Incomplete = Delta[bool]{in.Base != nil, true}
	}
	c.count(pairs, in.Limits)
	c.Findings = findings(in, pairs, moved, decisions)
	return c
}

func (p pairing) compare(decisions manifest.Decisions) ClusterChange {
	c := ClusterChange{Name: p.name, From: p.from, New: p.was == nil, Gone: p.is == nil, Unknown: p.unknown, Kept: p.kept, Gaps: p.gaps}
	unknown := p.unknownRefs()
	old := map[flux.Ref]tune.Item{}
	for _, item := range p.before {
		old[item.Object.Ref] = item
	}
	for _, item := range p.now {
		previous, known := old[item.Object.Ref]
		delete(old, item.Object.Ref)
		switch {
		case known && p.is != nil: // of an abandoned cluster nothing changes
			c.Changes = append(c.Changes, changes(previous, item, p.is.Root, decisions)...)
		case !known && !unknown[item.Object.Ref]:
			c.Added = append(c.Added, item.Object.Ref)
		}
	}
	for ref := range old {
		if !unknown[ref] {
			c.Removed = append(c.Removed, ref)
		}
	}
	sorting.By(c.Removed, flux.Ref.Compare)
	c.Environments = environments(p.budget.Before, p.budget.After)
	c.Controllers = controllers(p.budget.Before, p.budget.After)
	return c
}

// changes are the values of an object that are others now.
func changes(was, is tune.Item, root int, decisions manifest.Decisions) []ValueChange {
	var list []ValueChange
	for _, tunable := range is.Object.KindRow().Tunables {
		from, to := was.Object.Value(tunable.Field), is.Object.Value(tunable.Field)
		if flux.SameDuration(from, to) {
			continue
		}
		change := ValueChange{Ref: is.Object.Ref, Environment: is.Assignment.Environment, Field: tunable.Field, Delta: Delta[*string]{from, to}}
		if s, ok := decisions.Scalar(manifest.Target{Root: root, Ref: is.Object.Ref, Field: tunable.Field}); ok {
			change.At = s.Position()
		}
		list = append(list, change)
	}
	return list
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
