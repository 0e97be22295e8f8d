package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// NodeGroupList is what nodes --group-by shows: a group for each value of a label.
type NodeGroupList struct {
	Head
	// GroupBy is the label's key, zone or pool.
	GroupBy string      `json:"groupBy"`
	Items   []NodeGroup `json:"items"`
	Summary NodeSummary `json:"summary"`
	// Namespaces whose pods were asked for, when only some were; missing has those that could not be counted.
	Namespaces []string      `json:"namespaces,omitempty"`
	Partial    bool          `json:"partial"`
	Missing    []NodeMissing `json:"missing"`

	nodes NodeList
}

// NodeGroup sums up the nodes whose label has one value.
type NodeGroup struct {
	Cluster string `json:"cluster,omitempty"`
	// Name is the value, (empty) where the label has none, (none) of nodes without the label.
	Name string `json:"name"`
	// Nodes is null where none is known.
	Nodes *int `json:"nodes"`
	// NodesAtLeast: not all nodes could be listed, so that there may be more in the group. NodesOutdated: so many there were
	// earlier, and there may be more or fewer by now, as with the other fields of such names.
	NodesAtLeast  bool `json:"nodesAtLeast,omitempty"`
	NodesOutdated bool `json:"nodesOutdated,omitempty"`
	// Cordoned are those of the nodes that take no new pods, CordonedAllocatable what of Allocatable is theirs, and not free.
	Cordoned            *int `json:"cordoned"`
	CordonedAllocatable *int `json:"cordonedAllocatable"`
	Pods                *int `json:"pods"`
	// AtLeast: there may be more pods than Pods says. Outdated: or fewer.
	AtLeast     bool `json:"atLeast,omitempty"`
	Outdated    bool `json:"outdated,omitempty"`
	Allocatable *int `json:"allocatable"`
	// AllocatableAtLeast: not all nodes are known, or not all say how many pods they take.
	AllocatableAtLeast  bool `json:"allocatableAtLeast,omitempty"`
	AllocatableOutdated bool `json:"allocatableOutdated,omitempty"`
	Capacity            *int `json:"capacity"`
	// CapacityAtLeast: not all nodes are known, or not all say what their kubelet was told.
	CapacityAtLeast  bool     `json:"capacityAtLeast,omitempty"`
	CapacityOutdated bool     `json:"capacityOutdated,omitempty"`
	Use              *Percent `json:"use"`
	Terminating      *int     `json:"terminating"`
	// Unscheduled, OnGoneNodes and OnUnknownNodes are pods that are on none of the nodes, as in the summary. They belong to a
	// cluster, and are among its Pods; Use is that of the others. Of other groups, and where they are not known, they are absent.
	Unscheduled    *int `json:"unscheduled,omitempty"`
	OnGoneNodes    *int `json:"onGoneNodes,omitempty"`
	OnUnknownNodes int  `json:"onUnknownNodes,omitempty"`

	nodes, pods, allocatable, capacity, terminating, cordoned, cordonedRoom amount

	use *taken
	off OffNodes
}

// Groups sums up a list that was made with NodeOptions.GroupBy, in the order of sortBy: name, pods or
// use, with - before it the other way round. Pods that have no node, or one that is gone or could not be looked
// up, belong to no group but that of their cluster: the summary has them. Of clusters each is a group, also one without nodes,
// or of which nothing is known.
func (l NodeList) Groups(sortBy string, top int) NodeGroupList {
	groups := NodeGroupList{
		Head: Head{APIVersion, "NodeGroupList"}, GroupBy: l.groupBy, Items: []NodeGroup{},
		Summary: l.Summary, Namespaces: l.Namespaces, Partial: l.Partial, Missing: l.Missing, nodes: l,
	}
	at := map[[2]string]int{}
	group := func(cluster, name string) *NodeGroup {
		key := [2]string{cluster, name}
		n, ok := at[key]
		if !ok {
			n = len(groups.Items)
			at[key] = n
			groups.Items = append(groups.Items, l.newGroup(cluster, name))
		}
		return &groups.Items[n]
	}
	if l.groupBy == ByCluster {
		for _, c := range l.Summary.clusters {
			groups.Items = append(groups.Items, c.group(!l.selected))
		}
	} else {
		for _, i := range l.Items {
			if i.listed {
				group(i.Cluster, i.group).add(i)
			}
		}
	}
	for n := range groups.Items {
		groups.Items[n].close()
	}
	sortGroups(groups.Items, sortBy)
	if top > 0 && len(groups.Items) > top {
		groups.Items = groups.Items[:top]
	}
	return groups
}

// sortGroups sorts by name, pods or use, with - before it the other way round; what is not known stays behind.
func sortGroups(groups []NodeGroup, sortBy string) {
	word, backwards := strings.CutPrefix(sortBy, "-")
	byName := func(a, b NodeGroup) int { return strings.Compare(a.Cluster+"\x00"+a.Name, b.Cluster+"\x00"+b.Name) }
	chosen := byName
	switch word {
	case "pods":
		chosen = knownFirst(func(g NodeGroup) *int { return g.Pods }, mostFirst, backwards)
	case "use":
		chosen = knownFirst(func(g NodeGroup) *Percent { return g.Use }, mostFirst, backwards)
	default:
		if backwards {
			chosen = func(a, b NodeGroup) int { return byName(b, a) }
		}
	}
	sorting.By(groups, func(a, b NodeGroup) int { return cmp.Or(chosen(a, b), byName(a, b)) })
}

// newGroup begins a group of a cluster's nodes. Where not all nodes were listed, others may belong to it.
func (l NodeList) newGroup(cluster, name string) NodeGroup {
	var of, on amount
	for _, c := range l.clusters {
		if c.Cluster == cluster {
			of, on = of.plus(ofNodes(c.Count)), on.plus(onNodes(c.Count))
		}
	}
	return NodeGroup{Cluster: cluster, Name: name, nodes: of, pods: on, allocatable: of, capacity: of, terminating: on, cordoned: of, cordonedRoom: of}
}

func (g *NodeGroup) add(i NodeItem) {
	g.nodes, g.pods, g.terminating = g.nodes.plus(amount{n: 1}), g.pods.plus(i.pods), g.terminating.plus(i.terminating)
	g.allocatable, g.capacity = g.allocatable.plus(i.allocatable), g.capacity.plus(i.capacity)
	if i.cordoned() {
		g.cordoned, g.cordonedRoom = g.cordoned.plus(amount{n: 1}), g.cordonedRoom.plus(i.allocatable)
	}
	g.use = shareOf(g.pods, g.allocatable)
}

// group is that of a cluster, which has all its pods.
func (c clusterSums) group(whole bool) NodeGroup {
	s := c.sums
	off := s.offNodes(whole)
	return NodeGroup{
		Cluster: c.cluster, Name: c.cluster, nodes: s[sumNodes], pods: s[sumPods], allocatable: s[sumAllocatable], capacity: s[sumCapacity],
		terminating: s[sumTerminating], cordoned: s[sumCordoned], cordonedRoom: s[sumCordonedRoom], use: shareOf(s[sumOnNodes], s[sumAllocatable]),
		Unscheduled: off.Unscheduled, OnGoneNodes: off.OnGoneNodes, OnUnknownNodes: off.OnUnknownNodes, off: off,
	}
}

// close fills in what documents have.
func (g *NodeGroup) close() {
	g.Nodes, g.NodesAtLeast, g.NodesOutdated = g.nodes.json(), g.nodes.atLeast(), g.nodes.outdated()
	g.Cordoned, g.CordonedAllocatable = g.cordoned.json(), g.cordonedRoom.json()
	g.Pods, g.AtLeast, g.Outdated = g.pods.json(), g.pods.atLeast(), g.pods.outdated()
	g.Allocatable, g.AllocatableAtLeast, g.AllocatableOutdated = g.allocatable.json(), g.allocatable.atLeast(), g.allocatable.outdated()
	g.Capacity, g.CapacityAtLeast, g.CapacityOutdated = g.capacity.json(), g.capacity.atLeast(), g.capacity.outdated()
	g.Use, g.Terminating = g.use.json(), g.terminating.json()
}

// Names are the groups' names.
func (l NodeGroupList) Names() []string {
	var names []string
	for _, g := range l.Items {
		if l.GroupBy == ByCluster {
			names = append(names, g.Cluster)
			continue
		}
		names = append(names, flux.InCluster(g.Cluster, g.Name))
	}
	return names
}

// Removed is never known of a group: its nodes may have other labels.
func (l NodeGroupList) Removed(string) bool { return false }

// Draw writes the groups as a table, between what is missing and the line that sums up.
func (l NodeGroupList) Draw(w io.Writer, now time.Time, layout Layout) error {
	return l.nodes.drawFramed(w, l.Table(now, layout), layout)
}

// Empty tells whether there are no nodes to show.
func (l NodeGroupList) Empty() bool {
	return !slices.ContainsFunc(l.Items, func(g NodeGroup) bool { return g.nodes.n > 0 })
}

// Gaps are the lines that say what the groups do not contain.
func (l NodeGroupList) Gaps() []string { return l.nodes.Gaps() }

// Ages are those of the nodes.
func (l NodeGroupList) Ages(now time.Time) string { return l.nodes.Ages(now) }

// Hints are those of the nodes.
func (l NodeGroupList) Hints() []string { return l.nodes.Hints() }

// Fullest is the fullest node of all groups.
func (l NodeGroupList) Fullest() *Fullest { return l.Summary.Fullest }

// Above is that of the nodes.
func (l NodeGroupList) Above(percent float64) Above { return l.Summary.Above(percent) }

// others are the pods of nodes that are gone or could not be looked up, where there are some: with those without a node, and
// the groups, they add up to all.
func (l NodeGroupList) others() []offRow {
	if l.GroupBy == ByCluster {
		return nil
	}
	return append(l.Summary.someRows(goneRow, sumOnGone), l.Summary.someRows(unknownRow, sumOnUnknown)...)
}

// groupColumns are those of the CSV of groups, which are called as fields are in JSON; those of clusters have three more.
func (l NodeGroupList) groupColumns() []string {
	columns := []string{"cluster", "name", "nodes", "pods", "atLeast", "allocatable", "capacity", "use", "terminating", "nodesAtLeast", "allocatableAtLeast", "capacityAtLeast", "outdated", "nodesOutdated", "allocatableOutdated", "capacityOutdated", "cordoned", "cordonedAllocatable"}
	if l.GroupBy == ByCluster {
		columns = append(columns, "unscheduled", "onGoneNodes", "onUnknownNodes")
	}
	return columns
}

// CSV writes a line for each group, and for the pods of each cluster that belong to none.
func (l NodeGroupList) CSV(w io.Writer, noHeaders bool) error {
	out := csv.NewWriter(w)
	columns := l.groupColumns()
	var rows [][]string
	if !noHeaders {
		rows = append(rows, columns)
	}
	for _, g := range l.Items {
		row := []string{
			g.Cluster, g.Name, orEmpty(g.Nodes), orEmpty(g.Pods), strconv.FormatBool(g.AtLeast),
			orEmpty(g.Allocatable), orEmpty(g.Capacity), useText(g.Use), orEmpty(g.Terminating),
			strconv.FormatBool(g.NodesAtLeast), strconv.FormatBool(g.AllocatableAtLeast), strconv.FormatBool(g.CapacityAtLeast),
			strconv.FormatBool(g.Outdated), strconv.FormatBool(g.NodesOutdated), strconv.FormatBool(g.AllocatableOutdated), strconv.FormatBool(g.CapacityOutdated),
			orEmpty(g.Cordoned), orEmpty(g.CordonedAllocatable),
		}
		if l.GroupBy == ByCluster {
			row = append(row, orEmpty(g.Unscheduled), orEmpty(g.OnGoneNodes), g.off.onUnknown.csv())
		}
		rows = append(rows, row)
	}
	if l.GroupBy == ByCluster {
		return out.WriteAll(rows)
	}
	for _, c := range l.nodes.clusters {
		if c.Cluster != "" && c.Count.Empty() {
			row := make([]string, len(columns))
			row[0], row[4], row[9], row[10], row[11] = c.Cluster, "true", "true", "true", "true"
			rows = append(rows, row)
		}
	}
	for _, r := range append(l.others(), l.nodes.unscheduledRows(Layout{})...) {
		row := make([]string, len(columns))
		row[0], row[1], row[3], row[4], row[12] = r.cluster, r.name, r.pods.csv(), strconv.FormatBool(r.pods.atLeast()), strconv.FormatBool(r.pods.outdated())
		rows = append(rows, row)
	}
	return out.WriteAll(rows)
}

// Table is the groups as a table for a layout. Its rows add up to the total.
func (l NodeGroupList) Table(_ time.Time, layout Layout) Table {
	t := l.rowsTable(layout)
	l.nodes.addEnd(&t, l.column(), layout)
	return t.Without(l.nodes.dropped(layout)...)
}

// offColumns are the columns of pods that are on none of the nodes, where clusters are groups.
func (l NodeGroupList) offColumns() []Column {
	s := l.Summary
	var columns []Column
	for _, c := range []struct {
		name  string
		shown bool
	}{{"UNSCHEDULED", !l.nodes.selected}, {"GONE", s.onGone.n > 0}, {"UNKNOWN", s.onUnknown.n > 0}} {
		if c.shown {
			columns = append(columns, Column{Name: c.name, Right: true, Spare: 2})
		}
	}
	return columns
}

// column is where the names of groups are, which no other column is called.
func (l NodeGroupList) column() string {
	name := strings.ToUpper(l.GroupBy)
	ours := []string{"CLUSTER", "NODES", cordonedColumn, "PODS", "ALLOCATABLE", "CAPACITY", "TERMINATING", "UNSCHEDULED", "GONE", "UNKNOWN"}
	if l.GroupBy != ByCluster && slices.Contains(ours, name) {
		return "GROUP"
	}
	return name
}

// cordonedColumn is there where some nodes are cordoned.
const cordonedColumn = "CORDONED"

// rowsTable is the table of the groups, and of the pods on nodes that belong to none.
func (l NodeGroupList) rowsTable(layout Layout) Table {
	by := l.column()
	t := Table{Columns: []Column{
		{Name: "CLUSTER", Key: true, Shrink: terminal.Middle}, {Name: by, Key: true, Shrink: terminal.Middle}, {Name: "NODES", Right: true}, {Name: "PODS", Right: true},
		{Name: "ALLOCATABLE", Right: true, Spare: 1}, {Name: "USE%", Right: true}, {Name: "", Spare: 3},
		{Name: "CAPACITY", Wide: true, Right: true}, {Name: "TERMINATING", Wide: true, Right: true},
	}}
	if l.GroupBy == ByCluster {
		t.Columns = append(t.Columns[1:], l.offColumns()...) // the first one has the clusters
	}
	if l.Summary.cordoned.n > 0 { // behind the others: scripts count columns
		t.Columns = append(t.Columns, Column{Name: cordonedColumn, Right: true})
	}
	for _, g := range l.Items {
		style := useStyle(g.Use)
		t.Add(map[string]Cell{
			"CLUSTER": Text(g.Cluster), by: Text(g.Name), "NODES": Text(g.nodes.String()), cordonedColumn: Text(g.cordoned.String()),
			"PODS": {Text: g.pods.String(), Style: style}, "ALLOCATABLE": Text(g.allocatable.String()), "CAPACITY": Text(g.capacity.String()),
			"USE%": {Text: g.use.String(), Style: style}, "": {Text: bar(g.Use, layout.EastAsian), Style: style}, "TERMINATING": Text(g.terminating.String()),
			"UNSCHEDULED": Text(g.off.unscheduled.String()), "GONE": Text(g.off.onGone.String()), "UNKNOWN": Text(g.off.onUnknown.String()),
		})
	}
	if l.GroupBy != ByCluster { // there it has its group
		l.nodes.addUnread(&t, by, "NODES", "PODS", "ALLOCATABLE", "USE%")
	}
	for _, r := range l.others() {
		t.Add(r.asWord(layout).cells(by))
	}
	return t
}
