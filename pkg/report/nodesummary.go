package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
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

	use      *taken
	uses     [][]*taken // of each cluster's nodes, nil where it is not known
	mayBeOne maybeOne   // of the clusters
	named    amount     // nodes that only pods name
	clusters []clusterSums
	certain  *Fullest // the fullest of the nodes whose use is not that of an earlier time
	sure     bool     // no node can be fuller than the fullest
	scope    []string // namespaces, nil for all
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
	if f := s.Fullest; f != nil {
		word := "fullest"
		switch {
		case len(s.scope) > 0: // the pods of others are not known
			word = "most on"
		case !s.sure:
			word = "fullest known"
		}
		parts = append(parts, fmt.Sprintf("%s %s with %s of %d (%s)", word, strings.TrimPrefix(f.Cluster+"/"+f.Name, "/"), f.pods, f.Allocatable, f.use.inWords()))
	}
	return strings.Join(parts, " · ")
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

// Gaps are the lines that say what the table does not contain, one for each cluster that has any.
func (l NodeList) Gaps() []string {
	var lines []string
	for _, c := range l.clusters {
		if !c.Count.Partial() {
			continue
		}
		line := gaps(c.Count)
		if c.Cluster != "" {
			line = c.Cluster + ": " + line
		}
		if l.byLabel { // then there are none
			line = strings.ReplaceAll(line, unlistedNodes, "which nodes are meant is not known")
		}
		lines = append(lines, kube.Printable(line))
	}
	return lines
}

// Ages says as of when what is shown is known, where that is older than it should be: of all, or of pods or nodes, the
// oldest of all clusters. It is empty where all is as it is now.
func (l NodeList) Ages(now time.Time) string {
	oldest := map[string]time.Time{}
	for _, c := range l.clusters {
		for _, m := range c.Count.Missing {
			if was, known := oldest[m.Of]; m.What == nodes.WhatUpdates && !m.Since.IsZero() && (!known || m.Since.Before(was)) {
				oldest[m.Of] = m.Since
			}
		}
	}
	var ages []string
	for _, of := range slices.Sorted(maps.Keys(oldest)) {
		age := fmt.Sprintf("as of %s, %s old", oldest[of].Format("15:04:05"), now.Sub(oldest[of]).Truncate(time.Second))
		ages = append(ages, strings.TrimPrefix(of+" "+age, " "))
	}
	return strings.Join(ages, ", ")
}

// Hints are lines that say what is not shown though nothing is missing.
func (l NodeList) Hints() []string {
	lines := l.usageHints()
	listed := slices.ContainsFunc(l.Items, func(i NodeItem) bool { return i.listed })
	if l.groupBy != "" && listed && !slices.ContainsFunc(l.Items, func(i NodeItem) bool { return i.Group != "" }) {
		lines = append(lines, fmt.Sprintf("no node has a label for --group-by %s, so there is one group", terminal.Quoted(l.groupBy)))
	}
	if known := func(i NodeItem) bool { return i.use != nil }; l.sortBy == "use" && len(l.Items) > 0 && !slices.ContainsFunc(l.Items, known) {
		lines = append(lines, "how full a node is is not known of any, so that their order means nothing: --sort-by pods has one")
	}
	return lines
}

// shownNames is how many namespaces a line names at most; -o json names all.
const shownNames = 5

func gaps(c nodes.Count) string {
	if c.Empty() && len(c.Missing) > 0 {
		first := c.Missing[0] // the gravest
		return fmt.Sprintf("nothing could be read (%s): %s", reasonWords(first.Reason), first.Err)
	}
	var parts []string
	if p := c.Namespaces; p.Total > 0 && p.Done < p.Total {
		parts = append(parts, fmt.Sprintf("pods of %d of %d namespaces", p.Done, p.Total))
	}
	names := map[kube.Reason][]string{}
	for _, m := range c.Missing {
		switch {
		case m.What == nodes.WhatPods && m.Namespace != "":
			names[m.Reason] = append(names[m.Reason], m.Namespace)
		case !m.Optional:
			parts = append(parts, otherGap(m))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(names)) {
		list := names[reason]
		slices.Sort(list)
		parts = append(parts, namespacesWords(reason)+firstNames(list))
	}
	if c.Counting && c.UsageAsked && !c.UsageKnown && !slices.ContainsFunc(c.Missing, func(m nodes.Missing) bool { return m.What == nodes.WhatUsage }) {
		parts = append(parts, "CPU and memory have not come yet")
	}
	if len(parts) == 0 {
		return "still counting"
	}
	return strings.Join(parts, "; ")
}

// firstNames are the first of some names, and how many there are besides.
func firstNames(names []string) string {
	text := strings.Join(names[:min(len(names), shownNames)], ", ")
	if more := len(names) - shownNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// namespacesWords go before the names of namespaces whose pods could not be listed.
func namespacesWords(reason kube.Reason) string {
	switch reason {
	case kube.Forbidden:
		return "no access to: "
	case kube.Unavailable:
		return "failed: "
	case kube.Error:
		return "refused: "
	default:
		return reasonWords(reason) + ": "
	}
}

const unlistedNodes = "rows are from the pods' node names"

func otherGap(m nodes.Missing) string {
	why := ""
	if m.Err != nil {
		why = m.Err.Error()
	}
	asOf := ""
	if !m.Since.IsZero() {
		asOf = ", as of " + m.Since.Format("15:04:05")
	}
	switch {
	case m.What == nodes.WhatNodes && m.Reason == kube.NotFound, m.What == nodes.WhatAllocatable, m.What == nodes.WhatIdentity, m.What == nodes.WhatUsage && m.Nodes > 0:
		return why
	case m.What == nodes.WhatNodes && asOf != "":
		return "nodes could not be listed again (" + reasonWords(m.Reason) + asOf + ")"
	case m.What == nodes.WhatNodes:
		return "nodes could not be listed (" + reasonWords(m.Reason) + "), " + unlistedNodes
	case m.What == nodes.WhatDetails:
		return "pending pods and Flux controllers are not known (" + reasonWords(m.Reason) + ")"
	case m.What == nodes.WhatUsage && asOf != "":
		return "CPU and memory could not be read again (" + reasonWords(m.Reason) + asOf + ")"
	case m.What == nodes.WhatUsage:
		return "CPU and memory are not known (" + reasonWords(m.Reason) + ")"
	case m.What == nodes.WhatUpdates && m.Reason == kube.Forbidden:
		// without the time, which is another each time: Ages says it
		return strings.TrimSpace("no right to watch "+m.Of) + ", listed every few seconds (" + why + ")"
	case m.What == nodes.WhatUpdates:
		return kube.Interrupted(m.Of, m.Since) + " (" + why + ")"
	case m.What == nodes.WhatNamespaces && m.Reason == kube.NotFound:
		return fmt.Sprintf("there is no namespace %q", m.Namespace)
	case m.What == nodes.WhatNamespaces:
		return why
	default:
		return "pods could not be listed (" + reasonWords(m.Reason) + asOf + "): " + why
	}
}

func reasonWords(reason kube.Reason) string {
	words := map[kube.Reason]string{
		kube.Forbidden: "no access", kube.Unauthorized: "not logged in", kube.NotFound: "not found", kube.Timeout: "not in time",
		kube.Unavailable: "server not available", kube.Untrusted: "certificate not trusted", kube.Unresolved: "no such host",
		kube.Malformed: "no API server's answer",
	}
	return cmp.Or(words[reason], strings.ToLower(string(reason)))
}
