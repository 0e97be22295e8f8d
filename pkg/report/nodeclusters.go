package report

import (
	"maps"
	"slices"
	"strings"
)

// OffNodes are pods that are on none of the nodes that there are.
type OffNodes struct {
	// Unscheduled have no node; null where only some nodes were asked for.
	Unscheduled *int `json:"unscheduled"`
	// OnGoneNodes are pods whose node does not exist any more, of NodesAtLeast and NodesOutdated a lower bound; OnUnknownNodes
	// those whose node could not be looked up, or not since.
	OnGoneNodes    *int `json:"onGoneNodes"`
	OnUnknownNodes int  `json:"onUnknownNodes,omitempty"`

	unscheduled, onGone, onUnknown amount
}

// ClusterPods are the pods of one of several clusters.
type ClusterPods struct {
	Cluster string `json:"cluster"`
	// Pods are all of the cluster, with those that are on none of its nodes; null where none could be counted.
	Pods *int `json:"pods"`
	// AtLeast: there may be more pods than any of these numbers says. Outdated: or fewer.
	AtLeast  bool `json:"atLeast,omitempty"`
	Outdated bool `json:"outdated,omitempty"`
	OffNodes
}

// clusterSums are the numbers of one cluster.
type clusterSums struct {
	cluster string // empty where there is only one
	unread  bool   // nothing is known of it
	sums    nodeSums
}

// offNodes are the pods that are on no node; whole tells that it was asked for those that have none, too.
func (s nodeSums) offNodes(whole bool) OffNodes {
	off := OffNodes{unscheduled: s[sumUnscheduled], onGone: s[sumOnGone], onUnknown: s[sumOnUnknown]}
	if off.OnGoneNodes, off.OnUnknownNodes = off.onGone.json(), off.onUnknown.n; whole {
		off.Unscheduled = off.unscheduled.json()
	}
	return off
}

func (c clusterSums) pods(whole bool) ClusterPods {
	pods := c.sums[sumPods]
	return ClusterPods{c.cluster, pods.json(), pods.atLeast(), pods.outdated(), c.sums.offNodes(whole)}
}

// offRow is a row of pods that are on none of the nodes, of a cluster where there are several.
type offRow struct {
	cluster, name string
	pods          amount
	unread        bool            // the cluster has a row that says so
	others        map[string]Cell // in columns of their own, where they are known
}

// offRows are the rows of a number of each cluster.
func (s NodeSummary) offRows(name string, which int) []offRow {
	var rows []offRow
	for _, c := range s.clusters {
		row := offRow{cluster: c.cluster, name: name, pods: c.sums[which], unread: c.unread && c.cluster != ""}
		if which == sumUnscheduled { // of which none has started
			row.others = map[string]Cell{"TERMINATING": Text(c.sums[sumUnscheduledEnding].String()), "PENDING": Text(row.pods.String())}
		}
		rows = append(rows, row)
	}
	return rows
}

// someRows are those of offRows that there are pods for.
func (s NodeSummary) someRows(name string, which int) []offRow {
	return slices.DeleteFunc(s.offRows(name, which), func(r offRow) bool { return r.pods.n == 0 })
}

// asWord has a name without a space where scripts count words.
func (r offRow) asWord(layout Layout) offRow {
	if layout.NoHeaders {
		r.name = strings.ReplaceAll(r.name, " ", "-")
	}
	return r
}

// cells are those of a table that has names in a column.
func (r offRow) cells(name string) map[string]Cell {
	cells := map[string]Cell{"CLUSTER": Text(r.cluster), name: {Text: r.name, Style: Faint}, "PODS": Text(r.pods.String())}
	maps.Copy(cells, r.others)
	return cells
}

// unscheduledRows are the rows of pods without a node. One of no pods is left out where scripts count rows, and where several
// clusters have to fit a terminal.
func (l NodeList) unscheduledRows(layout Layout) []offRow {
	if l.selected || l.groupBy == ByCluster { // they have a column there
		return nil
	}
	return slices.DeleteFunc(l.Summary.offRows(unscheduledRow, sumUnscheduled), func(r offRow) bool {
		return r.unread || r.pods == amount{} && (layout.NoHeaders || layout.Width > 0 && r.cluster != "")
	})
}

// cutGoneRows are the rows of pods on nodes that are gone and that --top leaves out.
func (l NodeList) cutGoneRows() []offRow {
	rows := l.Summary.offRows(goneRow, sumOnGone)
	for n, r := range rows {
		for _, i := range l.Items {
			if i.Cluster == r.cluster && i.Status == gone {
				rows[n].pods.n -= min(i.pods.n, rows[n].pods.n)
			}
		}
	}
	return slices.DeleteFunc(rows, func(r offRow) bool { return r.pods.n == 0 })
}

// Removed tells of the key of a row that was there (terminal.RowLine) whether its node is known to be gone: it may have lost the
// label that was asked for, others may have come before it, and its context may have turned out to be that of another.
func (l NodeList) Removed(key string) bool {
	cells := strings.Split(strings.TrimSuffix(key, "\x00"), "\x00")
	cluster, name := "", cells[len(cells)-1]
	if len(cells) > 1 {
		cluster = cells[0]
	}
	listed := slices.ContainsFunc(l.clusters, func(c ClusterCount) bool { return c.Cluster == cluster && c.Count.NodesListed })
	still := slices.ContainsFunc(slices.Concat(l.Items, l.left), func(i NodeItem) bool { return i.Cluster == cluster && i.Name == name })
	return listed && !still && !l.byLabel && !strings.HasPrefix(name, "(") // as (unscheduled)
}
