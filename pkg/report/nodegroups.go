package report

import (
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
	Allocatable *int     `json:"allocatable"`
	Capacity    *int     `json:"capacity"`
	Use         *Percent `json:"use"`
	Terminating *int     `json:"terminating"`
}

// Groups sums up a list that was made with NodeOptions.GroupBy, in the order of sortBy: name, pods or
// use, with - before it the other way round. Pods that have no node, or one that is gone or could not be looked
// up, belong to no group: the summary has them.
func (l NodeList) Groups(sortBy string, top int) NodeGroupList {
	groups := NodeGroupList{
		Head: Head{APIVersion, "NodeGroupList"}, GroupBy: l.groupBy, Items: []NodeGroup{},
		Summary: l.Summary, Namespaces: l.Namespaces, Partial: l.Partial, Missing: l.Missing, nodes: l,
	}
	at := map[[2]string]int{}
	for _, i := range l.Items {
		if !i.listed {
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
		g.Use = use(g.Pods, g.Allocatable)
	}
	word, backwards := strings.CutPrefix(sortBy, "-")
	slices.SortStableFunc(groups.Items, func(a, b NodeGroup) int {
		byName := strings.Compare(a.Cluster+"\x00"+a.Name, b.Cluster+"\x00"+b.Name)
		d := byName
		switch word {
		case "pods":
			d = known(b.Pods) - known(a.Pods)
		case "use":
			d = compareUse(b.Use, a.Use)
		}
		if backwards {
			d = -d
		}
		return cmp.Or(d, byName)
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
	g.Allocatable, g.Capacity = sum(g.Allocatable, i.Allocatable), sum(g.Capacity, i.Capacity)
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
		names = append(names, flux.InCluster(g.Cluster, g.Name))
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

// Hints are those of the nodes.
func (l NodeGroupList) Hints() []string { return l.nodes.Hints() }

// Fullest is the fullest node of all groups.
func (l NodeGroupList) Fullest() *Fullest { return l.Summary.Fullest }

// Above counts the nodes that are fuller than a share in percent.
func (l NodeGroupList) Above(percent float64) int { return l.Summary.Above(percent) }

// CSV writes a line for each group.
func (l NodeGroupList) CSV(w io.Writer, noHeaders bool) error {
	out := csv.NewWriter(w)
	var rows [][]string
	if !noHeaders {
		rows = append(rows, []string{"cluster", l.GroupBy, "nodes", "pods", "atLeast", "allocatable", "capacity", "use", "terminating"})
	}
	for _, g := range l.Items {
		rows = append(rows, []string{
			g.Cluster, g.Name, strconv.Itoa(g.Nodes), orEmpty(g.Pods), strconv.FormatBool(g.AtLeast),
			orEmpty(g.Allocatable), orEmpty(g.Capacity), useText(g.Use), orEmpty(g.Terminating),
		})
	}
	return out.WriteAll(rows)
}

// Table is the groups as a table for a layout. Its rows add up to the total.
func (l NodeGroupList) Table(_ time.Time, layout Layout) Table {
	by := strings.ToUpper(l.GroupBy)
	t := Table{Columns: []Column{
		{Name: "CLUSTER", Key: true, Shrink: terminal.Middle}, {Name: by, Key: true, Shrink: terminal.Middle}, {Name: "NODES", Right: true}, {Name: "PODS", Right: true},
		{Name: "ALLOCATABLE", Right: true, Spare: 1}, {Name: "USE%", Right: true}, {Name: "", Spare: 3},
		{Name: "CAPACITY", Wide: true, Right: true}, {Name: "TERMINATING", Wide: true, Right: true},
	}}
	for _, g := range l.Items {
		style := useStyle(g.Use)
		t.Add(map[string]Cell{
			"CLUSTER": Text(g.Cluster), by: Text(cmp.Or(g.Name, unnamedGroup)), "NODES": Text(strconv.Itoa(g.Nodes)),
			"PODS": {Text: atLeast(g.Pods, g.AtLeast), Style: style}, "ALLOCATABLE": Text(orUnknown(g.Allocatable)), "CAPACITY": Text(orUnknown(g.Capacity)),
			"USE%": {Text: percent(g.Use, g.AtLeast), Style: style}, "": {Text: bar(g.Use, layout.EastAsian), Style: style}, "TERMINATING": Text(atLeastOrZero(g.Terminating, g.AtLeast)),
		})
	}
	if !layout.NoHeaders {
		s := l.Summary
		for _, more := range []struct {
			name string
			pods int
		}{{goneRow, s.OnGoneNodes}, {unknownRow, s.OnUnknownNodes}} {
			if more.pods > 0 {
				t.Add(map[string]Cell{by: {Text: more.name, Style: Faint}, "PODS": Text(atLeast(&more.pods, s.AtLeast))})
			}
		}
		l.nodes.addEnd(&t, by, layout.EastAsian)
	}
	return t.Without(l.nodes.dropped(layout)...)
}
