package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	// OnGoneNodes are pods whose node does not exist any more.
	OnGoneNodes int  `json:"onGoneNodes"`
	Capacity    *int `json:"capacity"`
	// Use is the part of the nodes' capacity that their pods take, in percent.
	Use *float64 `json:"use"`
	// Median and P99 of the pods per node, by nearest rank.
	Median *int `json:"median"`
	P99    *int `json:"p99"`
	// Fullest is the node with the highest use.
	Fullest *Fullest `json:"fullest"`

	scope []string // namespaces, nil for all
}

// Fullest names a node and how full it is.
type Fullest struct {
	Cluster  string  `json:"cluster,omitempty"`
	Name     string  `json:"name"`
	Pods     int     `json:"pods"`
	Capacity int     `json:"capacity"`
	Use      float64 `json:"use"`
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
	capacity, inNodes := 0, 0
	for _, i := range l.Items {
		if i.Status == gone {
			s.OnGoneNodes += max(0, known(i.Pods))
			continue
		}
		s.Nodes++
		inNodes += max(0, known(i.Pods))
		if i.Pods != nil {
			perNode = append(perNode, *i.Pods)
		}
		if i.Capacity != nil {
			capacity += *i.Capacity
		}
		s.Fullest = fuller(s.Fullest, i)
	}
	if l.selected { // of the nodes that were asked for, not of the cluster
		total = inNodes
	} else if any && (unscheduled > 0 || !s.AtLeast) {
		s.Unscheduled = &unscheduled
	}
	if any {
		s.Pods = &total
	}
	if capacity > 0 {
		s.Capacity = &capacity
		if any {
			s.Use = use(&inNodes, &capacity)
		}
	}
	s.Median, s.P99 = percentile(perNode, 50), percentile(perNode, 99)
	return s
}

func fuller(best *Fullest, i NodeItem) *Fullest {
	if i.Use == nil || best != nil && *i.Use <= best.Use {
		return best
	}
	return &Fullest{Cluster: i.Cluster, Name: i.Name, Pods: *i.Pods, Capacity: *i.Capacity, Use: *i.Use}
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
		parts = append(parts, fmt.Sprintf("fullest %s with %s of %d (%.0f%%)", name, atLeast(&f.Pods, s.AtLeast), f.Capacity, f.Use))
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
		lines = append(lines, line)
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
	names := map[string][]string{}
	for _, m := range c.Missing {
		if m.What == nodes.WhatPods && m.Namespace != "" {
			names[m.Reason] = append(names[m.Reason], m.Namespace)
			continue
		}
		parts = append(parts, otherGap(m))
	}
	for _, r := range []struct{ reason, words string }{
		{nodes.ReasonForbidden, "no access to: "}, {nodes.ReasonTimeout, "not in time: "},
		{nodes.ReasonThrottled, "throttled: "}, {nodes.ReasonUnavailable, "failed: "}, {nodes.ReasonError, "refused: "},
	} {
		if list := names[r.reason]; len(list) > 0 {
			slices.Sort(list)
			text := strings.Join(list[:min(len(list), shownNames)], ", ")
			if more := len(list) - shownNames; more > 0 {
				text += fmt.Sprintf(" and %d more", more)
			}
			parts = append(parts, r.words+text)
		}
	}
	if len(parts) == 0 {
		return "still counting"
	}
	return strings.Join(parts, "; ")
}

func otherGap(m nodes.Missing) string {
	why := ""
	if m.Err != nil {
		why = m.Err.Error()
	}
	switch m.What {
	case nodes.WhatNodes:
		return "nodes could not be listed (" + reasonWords(m.Reason) + "), rows are from the pods' node names"
	case nodes.WhatDetails:
		return "pending pods and Flux controllers are not known (" + reasonWords(m.Reason) + ")"
	case nodes.WhatUpdates:
		return "updates are interrupted (" + why + ")"
	case nodes.WhatNamespaces:
		return why
	default:
		return "pods could not be listed (" + reasonWords(m.Reason) + "): " + why
	}
}

func reasonWords(reason string) string {
	switch reason {
	case nodes.ReasonForbidden:
		return "no access"
	case nodes.ReasonTimeout:
		return "not in time"
	case nodes.ReasonUnavailable:
		return "server not available"
	default:
		return strings.ToLower(reason)
	}
}
