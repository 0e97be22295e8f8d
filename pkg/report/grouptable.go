package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// table shows the groups of an overview.
func (o Overview) table(groups []ChangeGroup, l Layout) Table {
	t := groupTable(groups, l)
	if l.Width == 0 || o.Rows {
		t = t.Without("NAMES") // there they have rows
	}
	return t
}

// unlike takes groups of an environment and a kind together that look alike in a layout, because what differs has no room: then
// of the other fields only the names are said. Fewer rows may be laid out in another way, so it is done until none look alike.
func (o Overview) unlike(groups []ChangeGroup, l Layout) []ChangeGroup {
	for {
		shown := o.table(groups, l).Shown(l).Without("ENVIRONMENT", "OBJECTS", "CLUSTERS", "NAMES")
		at := make(map[string]int)
		var apart []ChangeGroup
		for i, g := range groups {
			key := fmt.Sprint(g.others, g.Environment, "\x00", g.Kind, shown.Rows[i])
			if first, known := at[key]; known {
				apart[first].take(g)
				apart[first].Also = apart[first].fields
				continue
			}
			at[key] = len(apart)
			apart = append(apart, g)
		}
		if len(apart) == len(groups) {
			return groups
		}
		groups = apart
	}
}

// groupTable shows groups, an environment's name once.
func groupTable(groups []ChangeGroup, l Layout) Table {
	t := Table{Columns: []Column{
		{Name: "ENVIRONMENT", Shrink: terminal.Middle}, {Name: "OBJECTS", Shrink: terminal.End, Floor: 24}, {Name: "INTERVAL", Shrink: terminal.End, Floor: 44},
		{Name: "CLUSTERS", Shrink: terminal.End, Floor: 16, Spare: 2},
		{Name: "ALSO", Shrink: terminal.End, Floor: 24, Spare: 1}, {Name: "NAMES", Shrink: terminal.End, Floor: 12, Spare: 3},
	}}
	digits, also := 0, false
	clusters := make(map[string]bool)
	for _, g := range groups {
		digits, also = max(digits, len(fmt.Sprint(g.Objects))), also || len(g.Also) > 0
		for _, c := range g.clusters {
			clusters[c] = true
		}
	}
	short := func(name string) string { return name } // a pipe has room
	if l.Width > 0 {
		names := shortClusters(slices.Collect(maps.Keys(clusters)))
		short = func(name string) string { return names[name] }
	}
	before := ""
	for i, g := range groups {
		environment := environmentCell(g.Environment)
		switch {
		case g.others > 1:
			environment = Cell{Text: fmt.Sprintf("%d more", g.others), Style: Faint}
		case i > 0 && g.Environment == before:
			environment = Cell{}
		}
		before = g.Environment
		kind := cmp.Or(g.Kind, "objects")
		named := make([]string, 0, len(g.clusters))
		for _, c := range g.clusters {
			named = append(named, short(c))
		}
		t.Rows = append(t.Rows, []Cell{
			environment, Text(fmt.Sprintf("%*d %s", digits, g.Objects, kind)), g.intervalCell(), Text(countClusters(named, 0)),
			g.alsoCell(), {Text: g.firstNames(l), Style: Faint},
		})
	}
	if !also {
		t = t.Without("ALSO")
	}
	if len(clusters) < 2 {
		t = t.Without("CLUSTERS")
	}
	return t
}
