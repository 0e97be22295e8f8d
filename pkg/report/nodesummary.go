package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// NodeSummary sums up all nodes, also those that --top leaves out. A number that may be too low has a field that says so
// (AtLeast), and so has one that was known earlier and may be too low or too high by now (Outdated); one that is not known is
// null. Of contexts that may be one cluster only the larger of two numbers counts.
type NodeSummary struct {
	// Nodes are those that were listed; NodesAtLeast where some could not be, NodesOutdated where there may be others, or
	// fewer, since.
	Nodes         *int `json:"nodes"`
	NodesAtLeast  bool `json:"nodesAtLeast,omitempty"`
	NodesOutdated bool `json:"nodesOutdated,omitempty"`
	// Cordoned are those of the nodes that take no new pods, CordonedAllocatable what of Allocatable is theirs, and not free; as
	// sure as Nodes and Allocatable are.
	Cordoned            *int `json:"cordoned"`
	CordonedAllocatable *int `json:"cordonedAllocatable"`
	// Pods are all that were counted, with the unscheduled and those on nodes that are gone; null
	// when nothing could be counted. A lower bound when AtLeast, and of an earlier time when Outdated, as are all that count
	// pods then.
	Pods     *int `json:"pods"`
	AtLeast  bool `json:"atLeast,omitempty"`
	Outdated bool `json:"outdated,omitempty"`
	OffNodes
	// Clusters has the pods of each, where several were asked for.
	Clusters []ClusterPods `json:"clusters,omitempty"`
	// Allocatable and Capacity are sums over the nodes, AllocatableAtLeast and CapacityAtLeast where not all nodes are
	// known, or not all say how many pods they take, or what their kubelet was told.
	Allocatable         *int `json:"allocatable"`
	AllocatableAtLeast  bool `json:"allocatableAtLeast,omitempty"`
	AllocatableOutdated bool `json:"allocatableOutdated,omitempty"`
	Capacity            *int `json:"capacity"`
	CapacityAtLeast     bool `json:"capacityAtLeast,omitempty"`
	CapacityOutdated    bool `json:"capacityOutdated,omitempty"`
	// Use is the part of what is allocatable that the pods on these nodes take, in percent; null with
	// AllocatableAtLeast.
	Use *Percent `json:"use"`
	// Median and P99 of the pods per node, by nearest rank; null with NodesAtLeast.
	Median *int `json:"median"`
	P99    *int `json:"p99"`
	// Fullest is the node with the highest use of those whose use is known; null where none has pods.
	Fullest *Fullest `json:"fullest"`

	nodes, pods, allocatable, capacity, median, p99 amount
	cordoned, cordonedRoom                          amount
	terminating, pending                            amount

	use      *taken
	uses     [][]*taken // of each cluster's nodes, nil where it is not known
	mayBeOne maybeOne   // of the clusters
	named    amount     // nodes that only pods name
	clusters []clusterSums
	certain  *Fullest  // the fullest of the nodes whose use is not that of an earlier time
	most     *NodeItem // the node with most pods, nil where none has any
	sure     bool      // no node can be fuller than the fullest
	scope    []string  // namespaces, nil for all
}

// summarize sums up the clusters of a list, and the items of each.
func summarize(l NodeList, each [][]NodeItem, o NodeOptions) NodeSummary {
	s := NodeSummary{sure: true, scope: counted(l.clusters), mayBeOne: newMaybeOne(l.clusters)}
	sums := make([]nodeSums, len(each))
	var perNode []amount
	for n, items := range each {
		sums[n] = newNodeSums(l.clusters[n], items, o.Selected, l.selected)
		s.clusters = append(s.clusters, clusterSums{l.clusters[n].Cluster, l.clusters[n].Count.Empty(), sums[n]})
		var uses []*taken
		for _, i := range items {
			if i.listed {
				perNode, uses = append(perNode, i.pods), append(uses, i.use)
				s.Fullest = fuller(s.Fullest, i)
				if i.pods.n > 0 && (s.most == nil || i.pods.n > s.most.pods.n) {
					s.most = &i
				}
				if i.use != nil && !i.use.old {
					s.certain = fuller(s.certain, i)
				}
			}
		}
		if !l.clusters[n].Count.NodesKnown {
			uses = append(uses, nil)
		}
		s.uses = append(s.uses, uses)
		s.sure = s.sure && !slices.ContainsFunc(uses, func(u *taken) bool { return u == nil || u.more || u.old })
	}
	all := s.mayBeOne.totals(sums)
	s.nodes, s.allocatable, s.capacity, s.pods, s.named = all[sumNodes], all[sumAllocatable], all[sumCapacity], all[sumPods], all[sumOnlyPodsName]
	s.cordoned, s.cordonedRoom = all[sumCordoned], all[sumCordonedRoom]
	s.terminating, s.pending = all[sumTerminating], all[sumPending]
	s.OffNodes = all.offNodes(!l.selected)
	for _, c := range s.clusters {
		if c.cluster != "" {
			s.Clusters = append(s.Clusters, c.pods(!l.selected))
		}
	}
	s.use = shareOf(all[sumOnNodes], s.allocatable)
	s.median, s.p99 = amount{more: true}, amount{more: true}
	if !s.nodes.more {
		s.median, s.p99 = percentile(perNode, 50, s.nodes.old), percentile(perNode, 99, s.nodes.old)
	}
	return s.withJSON()
}

// counted are the namespaces that were asked for, without those of whose pods nothing is known; nil where all were asked for.
func counted(clusters []ClusterCount) []string {
	var names []string
	for _, c := range clusters {
		for _, name := range c.Count.Scope {
			unread := func(m nodes.Missing) bool {
				return m.What == nodes.WhatPods && m.Namespace == name && m.Since.IsZero() && m.Seen == 0
			}
			if !slices.Contains(names, name) && !slices.ContainsFunc(c.Count.Missing, unread) {
				names = append(names, name)
			}
		}
	}
	return names
}

// withJSON fills in what documents have.
func (s NodeSummary) withJSON() NodeSummary {
	s.Nodes, s.NodesAtLeast, s.NodesOutdated = s.nodes.json(), s.nodes.atLeast(), s.nodes.outdated()
	s.Cordoned, s.CordonedAllocatable = s.cordoned.json(), s.cordonedRoom.json()
	s.Pods, s.AtLeast, s.Outdated = s.pods.json(), s.pods.atLeast(), s.pods.outdated()
	s.Allocatable, s.AllocatableAtLeast, s.AllocatableOutdated = s.allocatable.json(), s.allocatable.atLeast(), s.allocatable.outdated()
	s.Capacity, s.CapacityAtLeast, s.CapacityOutdated = s.capacity.json(), s.capacity.atLeast(), s.capacity.outdated()
	s.Use, s.Median, s.P99 = s.use.json(), s.median.json(), s.p99.json()
	return s
}

// percentile by nearest rank, not known of nothing. Of lower bounds it is one. With old it is of the nodes that there were.
func percentile(values []amount, p int, old bool) amount {
	if len(values) == 0 {
		return amount{more: true}
	}
	sorted := slices.SortedFunc(slices.Values(values), func(a, b amount) int { return cmp.Compare(a.n, b.n) })
	rank := (len(sorted)*p + 99) / 100
	return amount{
		sorted[max(rank, 1)-1].n, slices.ContainsFunc(values, func(a amount) bool { return a.more }),
		old || slices.ContainsFunc(values, func(a amount) bool { return a.old }),
	}
}

// Line is the summary in one line.
func (s NodeSummary) Line() string {
	nodes := s.nodes.of("node")
	if s.cordoned.n > 0 {
		nodes += fmt.Sprintf(", %s cordoned (%s of %s allocatable)", s.cordoned, s.cordonedRoom, s.allocatable)
	}
	if s.named.n > 0 {
		nodes += fmt.Sprintf(" and %s that only pods name", s.named)
	}
	pods := s.pods.of("pod")
	if len(s.scope) > 0 {
		pods += " in " + strings.Join(s.scope, ", ") + " alone"
	}
	parts := []string{nodes, pods}
	if !s.p99.unknown() {
		parts = append(parts, fmt.Sprintf("median %s, p99 %s per node", s.median, s.p99))
	}
	switch {
	case len(s.scope) > 0 && s.most != nil: // the pods of others are not known, so no node is known to be the fullest
		parts = append(parts, s.mostOn())
	case len(s.scope) == 0 && s.Fullest != nil:
		word := "fullest"
		if !s.sure {
			word = "fullest known"
		}
		f := s.Fullest
		parts = append(parts, fmt.Sprintf("%s %s with %s of %s (%s)", word, strings.TrimPrefix(f.Cluster+"/"+f.Name, "/"), f.pods, f.allocatable, f.use.inWords()))
	}
	return strings.Join(parts, " · ")
}

// mostOn names the node with most pods, and how many of those that it takes they are, where it says that.
func (s NodeSummary) mostOn() string {
	m, word, share := s.most, "most on", ""
	if s.nodes.more || s.nodes.old || m.pods.more || m.pods.old {
		word = "most known on"
	}
	if m.use != nil {
		share = fmt.Sprintf(" of %s (%s)", m.allocatable, m.use.inWords())
	}
	return fmt.Sprintf("%s %s with %s%s", word, strings.TrimPrefix(m.Cluster+"/"+m.Name, "/"), m.pods, share)
}

// inWords writes a share with its sign.
func (s *taken) inWords() string {
	if s.percent.Whole() == overNothingWord {
		return "it takes none"
	}
	return s.String() + "%"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
