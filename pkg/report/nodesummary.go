package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// NodeSummary sums up all nodes, also those that --top leaves out.
type NodeSummary struct {
	Nodes int `json:"nodes"`
	// Pods are all that were counted, with the unscheduled and those on nodes that are gone; null
	// when nothing could be counted. A lower bound when AtLeast.
	Pods        *int `json:"pods"`
	AtLeast     bool `json:"atLeast,omitempty"`
	Unscheduled *int `json:"unscheduled"`
	// OnGoneNodes are pods whose node does not exist any more, OnUnknownNodes those whose node could not be
	// looked up.
	OnGoneNodes    int `json:"onGoneNodes"`
	OnUnknownNodes int `json:"onUnknownNodes,omitempty"`
	// Allocatable and Capacity are sums over the nodes.
	Allocatable *int `json:"allocatable"`
	Capacity    *int `json:"capacity"`
	// Use is the part of what is allocatable that the pods on these nodes take, in percent.
	Use  *Percent  `json:"use"`
	uses []Percent // of each node
	// Median and P99 of the pods per node, by nearest rank.
	Median *int `json:"median"`
	P99    *int `json:"p99"`
	// Fullest is the node with the highest use.
	Fullest *Fullest `json:"fullest"`

	scope []string // namespaces, nil for all
}

// Fullest names a node and how full it is.
type Fullest struct {
	Cluster     string  `json:"cluster,omitempty"`
	Name        string  `json:"name"`
	Pods        int     `json:"pods"`
	Allocatable int     `json:"allocatable"`
	Use         Percent `json:"use"`
}

func summarize(l NodeList) NodeSummary {
	var s NodeSummary
	total, unscheduled, any := 0, 0, false
	for _, c := range l.clusters {
		s.AtLeast = s.AtLeast || c.Count.AtLeast
		any = any || c.Count.Total > 0 || !c.Count.AtLeast
		total += c.Count.Total
		unscheduled += c.Count.Unscheduled.Total
	}
	var perNode []int
	inNodes := 0
	for _, i := range l.Items {
		if i.Status == gone {
			s.OnGoneNodes += max(0, known(i.Pods))
			continue
		}
		s.Nodes++
		inNodes += max(0, known(i.Pods))
		if !i.listed {
			s.OnUnknownNodes += max(0, known(i.Pods))
		}
		if i.Pods != nil {
			perNode = append(perNode, *i.Pods)
		}
		s.Allocatable, s.Capacity = sum(s.Allocatable, i.Allocatable), sum(s.Capacity, i.Capacity)
		s.Fullest = fuller(s.Fullest, i)
		if i.Use != nil {
			s.uses = append(s.uses, *i.Use)
		}
	}
	if l.selected { // of the nodes that were asked for, not of the cluster
		total = inNodes
		any = any && (s.Nodes > 0 || !l.Partial)
	} else if any && (unscheduled > 0 || !s.AtLeast) {
		s.Unscheduled = &unscheduled
	}
	if any {
		s.Pods = &total
	}
	if any {
		s.Use = use(&inNodes, s.Allocatable)
	}
	s.Median, s.P99 = percentile(perNode, 50), percentile(perNode, 99)
	return s
}

// Above counts the nodes that are fuller than a share in percent.
func (s NodeSummary) Above(percent float64) int {
	n := 0
	for _, u := range s.uses {
		if float64(u) > percent {
			n++
		}
	}
	return n
}

func fuller(best *Fullest, i NodeItem) *Fullest {
	if i.Use == nil || best != nil && *i.Use <= best.Use {
		return best
	}
	return &Fullest{Cluster: i.Cluster, Name: i.Name, Pods: *i.Pods, Allocatable: *i.Allocatable, Use: *i.Use}
}

// percentile by nearest rank, nil of nothing.
func percentile(values []int, p int) *int {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := (len(sorted)*p + 99) / 100
	return &sorted[max(rank, 1)-1]
}

// Line is the summary in one line.
func (s NodeSummary) Line() string {
	pods := atLeast(s.Pods, s.AtLeast) + " pods"
	if len(s.scope) > 0 {
		pods += " in " + strings.Join(s.scope, ", ") + " alone"
	}
	parts := []string{count(s.Nodes, "node"), pods}
	if s.Median != nil {
		parts = append(parts, fmt.Sprintf("median %s, p99 %s per node", atLeastOrZero(s.Median, s.AtLeast), atLeast(s.P99, s.AtLeast)))
	}
	if f := s.Fullest; f != nil {
		name := f.Name
		if f.Cluster != "" {
			name = f.Cluster + "/" + name
		}
		parts = append(parts, fmt.Sprintf("fullest %s with %s of %d (%.0f%%)", name, atLeast(&f.Pods, s.AtLeast), f.Allocatable, f.Use))
	}
	return strings.Join(parts, " · ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// atLeast writes a number that may be too low with a plus, and one that is not known as a question mark.
func atLeast(n *int, more bool) string {
	switch {
	case n == nil || more && *n == 0:
		return "?"
	case more:
		return strconv.Itoa(*n) + "+"
	default:
		return strconv.Itoa(*n)
	}
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
		if l.selected { // then there are none
			line = strings.ReplaceAll(line, unlistedNodes, "which nodes are meant is not known")
		}
		lines = append(lines, kube.Printable(line))
	}
	return lines
}

// Hints are lines that say what is not shown though nothing is missing.
func (l NodeList) Hints() []string {
	var lines []string
	for _, c := range l.clusters {
		for _, m := range c.Count.Missing {
			if m.What == nodes.WhatUsage && m.Reason == kube.NotFound && (l.sortBy == "cpu" || l.sortBy == "memory") {
				lines = append(lines, strings.TrimPrefix(c.Cluster+": ", ": ")+"the cluster serves no metrics (metrics.k8s.io), so CPU and memory are not known")
			}
		}
	}
	return lines
}

// shownNames is how many namespaces a line names at most; -o json names all.
const shownNames = 5

func gaps(c nodes.Count) string {
	if c.Empty() && len(c.Missing) > 0 {
		first := c.Missing[0]
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
		case m.What != nodes.WhatUsage || m.Reason != kube.NotFound:
			parts = append(parts, otherGap(m))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(names)) {
		list := names[reason]
		slices.Sort(list)
		text := strings.Join(list[:min(len(list), shownNames)], ", ")
		if more := len(list) - shownNames; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, namespacesWords(reason)+text)
	}
	if len(parts) == 0 {
		return "still counting"
	}
	return strings.Join(parts, "; ")
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
	case m.What == nodes.WhatNodes && m.Reason == kube.NotFound:
		return why
	case m.What == nodes.WhatNodes && asOf != "":
		return "nodes could not be listed again (" + reasonWords(m.Reason) + asOf + ")"
	case m.What == nodes.WhatNodes:
		return "nodes could not be listed (" + reasonWords(m.Reason) + "), " + unlistedNodes
	case m.What == nodes.WhatDetails:
		return "pending pods and Flux controllers are not known (" + reasonWords(m.Reason) + ")"
	case m.What == nodes.WhatUsage:
		return "CPU and memory are not known (" + reasonWords(m.Reason) + ")"
	case m.What == nodes.WhatUpdates && m.Reason == kube.Forbidden:
		return "no right to watch, listed every few seconds" + asOf + " (" + why + ")"
	case m.What == nodes.WhatUpdates:
		return "updates are interrupted" + asOf + " (" + why + ")"
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
