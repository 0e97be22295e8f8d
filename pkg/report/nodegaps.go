package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

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
	if l.groupBy != "" && listed && !slices.ContainsFunc(l.Items, func(i NodeItem) bool { return i.group != unnamedGroup }) {
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
		parts = append(parts, namespacesGap(c))
	}
	names, oldest := map[kube.Reason][]string{}, map[kube.Reason]time.Time{}
	for _, m := range c.Missing {
		switch {
		case m.What == nodes.WhatPods && m.Namespace != "":
			names[m.Reason] = append(names[m.Reason], m.Namespace)
			if was := oldest[m.Reason]; !m.Since.IsZero() && (was.IsZero() || m.Since.Before(was)) {
				oldest[m.Reason] = m.Since
			}
		case !m.Optional:
			parts = append(parts, otherGap(m, len(c.Nodes)))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(names)) {
		list := names[reason]
		slices.Sort(list)
		parts = append(parts, namespacesWords(reason)+firstNames(list)+asOf(oldest[reason]))
	}
	parts = append(parts, unreadGaps(c.Unread)...)
	if len(parts) == 0 {
		return "still counting"
	}
	return strings.Join(parts, "; ")
}

// namespacesGap says of how many namespaces all pods are known, and what is known of the others.
func namespacesGap(c nodes.Count) string {
	old, some := false, false
	for _, m := range c.Missing {
		if m.What == nodes.WhatPods {
			old, some = old || !m.Since.IsZero(), some || m.Seen > 0
		}
	}
	done := fmt.Sprintf("pods of %d of %d namespaces", c.Namespaces.Done, c.Namespaces.Total)
	switch {
	case old:
		return done + " are up to date"
	case c.Namespaces.Done == 0 && c.Total > 0:
		return fmt.Sprintf("only some pods of %s", count(c.Namespaces.Total, "namespace"))
	case some:
		return "all " + done + ", some of others"
	default:
		return done
	}
}

// unreadGaps say what is still being read.
func unreadGaps(unread []nodes.Missing) []string {
	var names, others, parts []string
	for _, m := range unread {
		if m.Namespace != "" {
			names = append(names, m.Namespace)
			continue
		}
		words := map[string]string{
			nodes.WhatPods: "still counting", nodes.WhatNodes: "nodes have not come yet, " + unlistedNodes,
			nodes.WhatDetails: detailsWords(m.Of) + " have not come yet", nodes.WhatUsage: "CPU and memory have not come yet",
		}
		others = append(others, words[m.What])
	}
	if len(names) > 0 {
		parts = []string{"not read yet: " + firstNames(names)}
	}
	return append(parts, others...)
}

// detailsWords say which details (nodes.Missing.Of).
func detailsWords(of string) string {
	words := map[string]string{nodes.OfPending: "pending pods", nodes.OfFlux: "Flux controllers"}
	return cmp.Or(words[of], "pending pods and Flux controllers")
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

// asOf says from when it is what is shown, nothing of the zero time.
func asOf(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return ", as of " + since.Format("15:04:05")
}

const unlistedNodes = "rows are from the pods' node names"

// otherGap is about something else than the pods of a namespace, of a count with so many nodes.
func otherGap(m nodes.Missing, known int) string {
	why := ""
	if m.Err != nil {
		why = m.Err.Error()
	}
	asOf := asOf(m.Since)
	switch {
	case m.What == nodes.WhatNodes && m.Reason == kube.NotFound, m.What == nodes.WhatAllocatable, m.What == nodes.WhatCapacity, m.What == nodes.WhatIdentity, m.Nodes > 0:
		return why
	case m.What == nodes.WhatNodes && asOf != "":
		return "nodes could not be listed again (" + reasonWords(m.Reason) + asOf + ")"
	case m.What == nodes.WhatNodes && known > 0:
		return "only " + count(known, "node") + " could be listed (" + reasonWords(m.Reason) + ")"
	case m.What == nodes.WhatNodes:
		return "nodes could not be listed (" + reasonWords(m.Reason) + "), " + unlistedNodes
	case m.What == nodes.WhatDetails:
		return detailsWords(m.Of) + " are not known (" + reasonWords(m.Reason) + ")"
	case m.What == nodes.WhatUsage && asOf != "":
		return "CPU and memory could not be read again (" + reasonWords(m.Reason) + asOf + ")"
	case m.What == nodes.WhatUsage:
		return "CPU and memory are not known (" + reasonWords(m.Reason) + ")"
	case m.What == nodes.WhatUpdates && m.Reason == kube.Forbidden:
		// without the time, which is another each time: Ages says it; 10s is nodes.Options.Relist
		follows := "rows are as old as that takes"
		if m.Of == nodes.WhatNamespaces {
			follows = "pods of a new one come as late as that"
		}
		return strings.TrimSpace("no right to watch "+m.Of) + ", listed again 10s after each list, so that " + follows + " (" + why + ")"
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
		kube.Forbidden: "no access", kube.Unauthorized: "not logged in", kube.NotFound: "not found", kube.Timeout: "not in time", kube.Canceled: "interrupted",
		kube.Unavailable: "server not available", kube.Untrusted: "certificate not trusted", kube.Unresolved: "no such host",
		kube.Malformed: "no API server's answer",
	}
	return cmp.Or(words[reason], strings.ToLower(string(reason)))
}
