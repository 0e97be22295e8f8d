package report

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NodeGroupList is what nodes --group-by shows: a group for each value of a label.
type NodeGroupList struct {
	Head
	// GroupBy is the label's key, zone or pool.
	GroupBy string      `json:"groupBy"`
	Items   []NodeGroup `json:"items"`
	Summary NodeSummary `json:"summary"`
	// Namespaces whose pods were counted, when only some were asked for.
	Namespaces []string      `json:"namespaces,omitempty"`
	Partial    bool          `json:"partial"`
	Missing    []NodeMissing `json:"missing"`

	nodes NodeList
}

// NodeGroup sums up the nodes whose label has one value; the name is empty for nodes without it.
type NodeGroup struct {
	Cluster     string   `json:"cluster,omitempty"`
	Name        string   `json:"name"`
	Nodes       int      `json:"nodes"`
	Pods        *int     `json:"pods"`
	AtLeast     bool     `json:"atLeast,omitempty"`
	Capacity    *int     `json:"capacity"`
	Use         *float64 `json:"use"`
	Terminating *int     `json:"terminating"`
}

// Groups sums up a list that was made with NodeOptions.GroupBy, in the order of sortBy: name, pods or
// use. Pods on nodes that are gone belong to no group.
func (l NodeList) Groups(sortBy string, top int) NodeGroupList {
	groups := NodeGroupList{
		Head: Head{APIVersion, "NodeGroupList"}, GroupBy: l.groupBy, Items: []NodeGroup{},
		Summary: l.Summary, Namespaces: l.Namespaces, Partial: l.Partial, Missing: l.Missing, nodes: l,
	}
	at := map[[2]string]int{}
	for _, i := range l.Items {
		if i.Status == gone {
			continue
		}
		key := [2]string{i.Cluster, i.Group}
		n, ok := at[key]
		if !ok {
			n = len(groups.Items)
			at[key] = n
			groups.Items = append(groups.Items, NodeGroup{Cluster: i.Cluster, Name: i.Group})
		}
		groups.Items[n].add(i)
	}
	for n := range groups.Items {
		g := &groups.Items[n]
		g.Use = use(g.Pods, g.Capacity)
	}
	slices.SortStableFunc(groups.Items, func(a, b NodeGroup) int {
		d := 0
		switch sortBy {
		case "pods":
			d = known(b.Pods) - known(a.Pods)
		case "use":
			d = compareUse(b.Use, a.Use)
		}
		if d == 0 {
			d = strings.Compare(a.Cluster+"\x00"+a.Name, b.Cluster+"\x00"+b.Name)
		}
		return d
	})
	if top > 0 && len(groups.Items) > top {
		groups.Items = groups.Items[:top]
	}
	return groups
}

func (g *NodeGroup) add(i NodeItem) {
	g.Nodes++
	g.AtLeast = g.AtLeast || i.AtLeast
	g.Pods = sum(g.Pods, i.Pods)
	g.Capacity = sum(g.Capacity, i.Capacity)
	g.Terminating = sum(g.Terminating, i.Terminating)
}

// sum adds what is known.
func sum(a, b *int) *int {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	s := *a + *b
	return &s
}

// Names are the groups' names.
func (l NodeGroupList) Names() []string {
	var names []string
	for _, g := range l.Items {
		names = append(names, g.Name)
	}
	return names
}

// Draw writes the groups as a table, between what is missing and the line that sums up.
func (l NodeGroupList) Draw(w io.Writer, now time.Time, layout Layout) error {
	return l.nodes.drawFramed(w, l.Table(now, layout), layout)
}

// Empty tells whether there are no nodes, and so no groups, to show.
func (l NodeGroupList) Empty() bool { return len(l.Items) == 0 }

// Gaps are the lines that say what the groups do not contain.
func (l NodeGroupList) Gaps() []string { return l.nodes.Gaps() }

// CSV writes a line for each group.
func (l NodeGroupList) CSV(w io.Writer, noHeaders bool) error {
	out := csv.NewWriter(w)
	var rows [][]string
	if !noHeaders {
		rows = append(rows, []string{"cluster", l.GroupBy, "nodes", "pods", "atLeast", "capacity", "use", "terminating"})
	}
	for _, g := range l.Items {
		rows = append(rows, []string{
			g.Cluster, g.Name, strconv.Itoa(g.Nodes), orEmpty(g.Pods), strconv.FormatBool(g.AtLeast),
			orEmpty(g.Capacity), useText(g.Use), orEmpty(g.Terminating),
		})
	}
	return out.WriteAll(rows)
}

// Table is the groups as a table for a layout.
func (l NodeGroupList) Table(_ time.Time, layout Layout) Table {
	t := Table{Columns: []Column{
		{Name: "CLUSTER"}, {Name: strings.ToUpper(l.GroupBy)}, {Name: "NODES", Right: true}, {Name: "PODS", Right: true},
		{Name: "CAPACITY", Right: true}, {Name: "USE%", Right: true}, {Name: ""}, {Name: "TERMINATING", Wide: true, Right: true},
	}}
	for _, g := range l.Items {
		name := g.Name
		if name == "" {
			name = unnamedGroup
		}
		style := useStyle(g.Use)
		t.Rows = append(t.Rows, []Cell{
			Text(g.Cluster), Text(name), Text(orUnknown(&g.Nodes)), {atLeast(g.Pods, g.AtLeast), style}, Text(orUnknown(g.Capacity)),
			{percent(g.Use, g.AtLeast), style}, {bar(g.Use), style}, Text(atLeastOrZero(g.Terminating, g.AtLeast)),
		})
	}
	return t.fit(l.nodes.dropped(layout), layout)
}
