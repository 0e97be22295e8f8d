package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// NodeUsage is what runs on a node uses, and how much of the node's allocatable that is, in percent; null where the node does
// not say that.
type NodeUsage struct {
	CPUMillicores int64    `json:"cpuMillicores"`
	CPUPercent    *Percent `json:"cpuPercent"`
	MemoryBytes   int64    `json:"memoryBytes"`
	MemoryPercent *Percent `json:"memoryPercent"`
	// Timestamp is when it was measured, absent where metrics.k8s.io says no time that has been; Window over how long until then.
	Timestamp *time.Time `json:"timestamp,omitempty"`
	Window    string     `json:"window,omitempty"`
	// Outdated: that is so long ago, or not known, that it may be anything by now; Missing says so.
	Outdated bool `json:"outdated,omitempty"`

	age time.Duration
}

func newNodeUsage(u *nodes.Usage) *NodeUsage {
	if u == nil {
		return nil
	}
	usage := &NodeUsage{
		CPUMillicores: u.CPU, CPUPercent: (*Percent)(u.CPUPercent), MemoryBytes: u.Memory, MemoryPercent: (*Percent)(u.MemoryPercent),
		Timestamp: written(u.At), age: u.Age,
	}
	usage.Outdated = u.Old() || usage.Timestamp == nil
	if u.Window > 0 {
		usage.Window = u.Window.String()
	}
	return usage
}

// unmeasured says of which nodes metrics say nothing, or nothing of now: those whose kubelet is too busy to be asked are among
// them.
func unmeasured(c nodes.Count, items []NodeItem) []nodes.Missing {
	if !c.UsageKnown {
		return nil // that is said
	}
	var silent, odd, old, undated []string
	var oldest *NodeUsage
	listed := 0
	for _, i := range items {
		switch {
		case !i.listed:
			continue
		case i.Usage == nil && i.measured:
			odd = append(odd, i.Name)
		case i.Usage == nil:
			silent = append(silent, i.Name)
		case i.Usage.Timestamp == nil:
			undated = append(undated, i.Name)
		case i.Usage.Outdated:
			if old = append(old, i.Name); oldest == nil || i.Usage.age > oldest.age {
				oldest = i.Usage
			}
		}
		listed++
	}
	missing := nodes.Missing{What: nodes.WhatUsage, Reason: kube.Unavailable, Optional: !c.UsageAsked}
	var all []nodes.Missing
	if missing.Nodes = len(silent); len(silent) > 0 {
		missing.Err = fmt.Errorf("CPU and memory of %s are not known, as metrics.k8s.io has none: %s", count(len(silent), "node"), firstNames(silent))
		if len(silent) == listed {
			missing.Err = fmt.Errorf("CPU and memory are not known, as metrics.k8s.io says nothing of any node: look at metrics-server")
		}
		all = append(all, missing)
	}
	if missing.Nodes = len(odd); len(odd) > 0 {
		missing.Err = fmt.Errorf("CPU and memory of %s are not known, as metrics.k8s.io says no usable amount of both: %s", count(len(odd), "node"), firstNames(odd))
		all = append(all, missing)
	}
	if missing.Nodes = len(old); len(old) > 0 {
		missing.Since = *oldest.Timestamp
		missing.Err = fmt.Errorf("CPU and memory of %s are old, up to %s: %s", count(len(old), "node"), roughly(oldest.age), firstNames(old))
		all = append(all, missing)
	}
	if missing.Nodes = len(undated); len(undated) > 0 {
		missing.Since = time.Time{}
		missing.Err = fmt.Errorf("metrics.k8s.io does not say when CPU and memory of %s were measured: %s", count(len(undated), "node"), firstNames(undated))
		all = append(all, missing)
	}
	return all
}

// roughly is an age in words that do not change each second.
func roughly(age time.Duration) string {
	unit := time.Minute
	if age >= time.Hour {
		unit = time.Hour
	}
	return duration.HumanDuration(age.Truncate(unit))
}

// showsUsage tells whether there is something to say of CPU and memory, if only that it is not known.
func (l NodeList) showsUsage() bool {
	for _, i := range l.Items {
		if i.Usage != nil {
			return true
		}
	}
	for _, c := range l.clusters {
		if !c.Count.UsageAsked {
			continue
		}
		if c.Count.UsageKnown && len(c.Count.Nodes) > 0 {
			return true
		}
		for _, m := range c.Count.Missing {
			if m.What == nodes.WhatUsage && !m.Optional {
				return true
			}
		}
	}
	return false
}

// cells are those of CPU and memory, in the units of kubectl top. What is old has the mark of numbers that may be more or less.
func (u *NodeUsage) cells() map[string]Cell {
	if u == nil {
		return map[string]Cell{"CPU": Text("?"), "CPU%": Text("?"), "MEMORY": Text("?"), "MEMORY%": Text("?")}
	}
	mark := ""
	if u.Outdated {
		mark = "~"
	}
	share := func(p *Percent) Cell {
		if p == nil {
			return Text("?")
		}
		return Cell{Text: mark + p.truncated(), Style: useStyle(p)}
	}
	return map[string]Cell{
		"CPU": Text(fmt.Sprintf("%s%dm", mark, u.CPUMillicores)), "CPU%": share(u.CPUPercent),
		"MEMORY": Text(fmt.Sprintf("%s%dMi", mark, u.MemoryBytes>>20)), "MEMORY%": share(u.MemoryPercent),
	}
}

// usageHints say that CPU and memory cannot be shown where nothing of them is missing, and what that does to the order.
func (l NodeList) usageHints() []string {
	order := "nodes are sorted by name"
	if slices.ContainsFunc(l.Items, func(i NodeItem) bool { return i.Usage != nil }) {
		order = "its nodes come last"
	}
	var lines []string
	for _, c := range l.clusters {
		for _, m := range c.Count.Missing {
			if m.What == nodes.WhatUsage && m.Reason == kube.NotFound && l.sortsBy("cpu", "memory", "usage") {
				lines = append(lines, strings.TrimPrefix(c.Cluster+": ", ": ")+"the cluster serves no metrics (metrics.k8s.io), so CPU and memory are not known: "+order)
			}
		}
	}
	return lines
}
