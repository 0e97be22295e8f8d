package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

const (
	barCells       = 10
	unscheduledRow = "(unscheduled)"
	goneRow        = "(gone nodes)"
	unknownRow     = "(unknown nodes)"
	totalRow       = "TOTAL"
	unnamedGroup   = "(none)"
	emptyGroup     = "(empty)"
)

// Draw writes the table as people read it: what is missing, the nodes, the pods without a node, the
// total, and a line that sums up.
func (l NodeList) Draw(w io.Writer, now time.Time, layout Layout) error {
	return l.drawFramed(w, l.Table(now, layout), layout)
}

// drawFramed draws a table between what is missing and the line that sums up.
func (l NodeList) drawFramed(w io.Writer, t Table, layout Layout) error {
	if layout.NoHeaders {
		return t.Draw(w, layout)
	}
	for _, gap := range l.Gaps() {
		for line := range strings.SplitSeq(terminal.WrapLine(l.gapWord()+gap, layout.Width), "\n") {
			if _, err := fmt.Fprintln(w, Paint(line, Bad, layout.Color)); err != nil {
				return err
			}
		}
	}
	lost, err := t.DrawRows(w, layout)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(w, "\n%s\n", terminal.WrapLine(l.Summary.Line(), layout.Width)); err != nil || layout.Clip {
		return err // a picture that is drawn again has no room to spare
	}
	return lost.Name(w, layout)
}

// gapWord goes before what is missing: "PARTIAL" where the exit code says so, too.
func (l NodeList) gapWord() string {
	if l.Partial {
		return "PARTIAL: "
	}
	return "Note: "
}

// Table is the list as a table for a layout: a bar only on a terminal, and only the columns that a
// narrow one has room for.
func (l NodeList) Table(now time.Time, layout Layout) Table {
	t := l.rowsTable(now, layout)
	l.addCutGone(&t, layout)
	l.addEnd(&t, "NAME", layout)
	return t.Without(l.dropped(layout)...)
}

// addCutGone adds rows of the pods on nodes that are gone and that --top leaves out.
func (l NodeList) addCutGone(t *Table, layout Layout) {
	for _, r := range l.cutGoneRows() {
		t.Add(r.asWord(layout).cells("NAME"))
	}
}

// narrow is a width from which on there is room for the status before the pods.
const narrow = 40

// rowsTable is the table of the nodes alone.
func (l NodeList) rowsTable(now time.Time, layout Layout) Table {
	byUsage := l.sortsBy("cpu", "memory", "usage")
	t := Table{Columns: []Column{
		{Name: "CLUSTER", Key: true, Shrink: terminal.Middle}, {Name: "NAME", Key: true, Shrink: terminal.Middle, Floor: 40}, {Name: "STATUS", Shrink: terminal.End, Floor: 8}, {Name: "ROLES", Spare: 5, Shrink: terminal.End},
		{Name: "AGE", Aging: true, Spare: 4}, {Name: "VERSION", Spare: 6},
		{Name: "PODS", Right: true}, {Name: "ALLOCATABLE", Right: true, Spare: 1}, {Name: "USE%", Right: true}, {Name: "", Spare: 3},
		{Name: "CAPACITY", Wide: true, Right: true},
		{Name: "CPU", Wide: !byUsage, Right: true}, {Name: "CPU%", Wide: !byUsage, Right: true},
		{Name: "MEMORY", Wide: !byUsage, Right: true}, {Name: "MEMORY%", Wide: !byUsage, Right: true},
		{Name: "ZONE", Wide: true}, {Name: "POOL", Wide: true},
		{Name: "TERMINATING", Wide: !l.sortsBy("terminating"), Right: true}, {Name: "PENDING", Wide: !l.sortsBy("pending"), Right: true}, {Name: "FLUX", Wide: true},
	}}
	if layout.Width > 0 && layout.Width < narrow {
		status := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == "STATUS" })
		pods := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == "PODS" })
		column := t.Columns[pods]
		t.Columns = slices.Insert(slices.Delete(t.Columns, pods, pods+1), status, column)
	}
	for _, i := range l.Items {
		t.Add(i.cells(now, layout.EastAsian))
	}
	if layout.Width == 0 || layout.NoHeaders { // awk counts words
		fillBlanks(&t)
	}
	l.addUnread(&t, "NAME", "PODS", "ALLOCATABLE", "USE%")
	return t
}

// fillBlanks writes what kubectl writes where a row has nothing in a column.
func fillBlanks(t *Table) {
	for _, row := range t.Rows {
		for n := range row {
			if row[n].Text == "" && t.Columns[n].Name != "" {
				row[n].Text = none("")
			}
		}
	}
}

// dropped are the columns that are never shown here.
func (l NodeList) dropped(layout Layout) []string {
	var names []string
	if !slices.ContainsFunc(l.clusters, func(c ClusterCount) bool { return c.Cluster != "" }) {
		names = append(names, "CLUSTER")
	}
	if layout.Width == 0 {
		names = append(names, "")
	}
	if l.groupBy == "" && !l.showsUsage() {
		names = append(names, "CPU", "CPU%", "MEMORY", "MEMORY%")
	}
	return names
}

func (i NodeItem) cells(now time.Time, eastAsian bool) map[string]Cell {
	age := "<unknown>"
	if i.Created != nil {
		age = duration.HumanDuration(now.Sub(*i.Created))
	}
	style := useStyle(i.Use)
	allocatable, capacity, used := i.allocatable.String(), i.capacity.String(), i.use.String()
	if i.Status == gone {
		age, allocatable, capacity, used = "", "", "", "" // nothing to know
	}
	cells := map[string]Cell{
		"CLUSTER": Text(i.Cluster), "NAME": Text(i.Name), "STATUS": {Text: i.Status, Style: statusStyle(i.Status)},
		"ROLES": Text(none(strings.Join(i.Roles, ","))), "AGE": Text(age), "VERSION": Text(none(i.Version)),
		"PODS": {Text: i.pods.String(), Style: style}, "ALLOCATABLE": Text(allocatable), "CAPACITY": Text(capacity),
		"USE%": {Text: used, Style: style}, "": {Text: bar(i.Use, eastAsian), Style: style}, "ZONE": Text(none(i.Zone)), "POOL": Text(none(i.Pool)),
		"TERMINATING": Text(i.terminating.String()), "PENDING": Text(i.pending.String()),
		"FLUX": Text(i.flux.mark(none(strings.Join(i.Flux, ",")))),
	}
	maps.Copy(cells, i.Usage.cells())
	return cells
}

// addUnread adds a row for each of several clusters of which nothing is known, with a question mark in some columns.
func (l NodeList) addUnread(t *Table, columns ...string) {
	for _, c := range l.clusters {
		if !c.Count.Empty() || c.Cluster == "" {
			continue
		}
		cells := map[string]Cell{"CLUSTER": Text(c.Cluster)}
		for _, column := range columns {
			cells[column] = Text("?")
		}
		t.Add(cells)
	}
}

// addEnd adds the pods that are on none of the nodes, and the total, to a table whose rows have their names in
// a column. A total is a summary, which goes where headers go, and so does a row of no pods: scripts count rows.
func (l NodeList) addEnd(t *Table, name string, layout Layout) {
	s := l.Summary
	for _, r := range l.unscheduledRows(layout) {
		t.Add(r.cells(name))
	}
	if layout.NoHeaders {
		fillBlanks(t)
		return
	}
	t.Add(map[string]Cell{
		name: {Text: totalRow, Style: Strong}, "NODES": Text(s.nodes.String()), cordonedColumn: Text(s.cordoned.String()), "PODS": {Text: s.pods.String(), Style: Strong},
		"ALLOCATABLE": Text(s.allocatable.String()), "CAPACITY": Text(s.capacity.String()),
		"USE%": Text(s.use.String()), "": {Text: bar(s.Use, layout.EastAsian), Style: useStyle(s.Use)},
		"TERMINATING": Text(s.terminating.String()), "PENDING": Text(s.pending.String()),
		"UNSCHEDULED": Text(s.unscheduled.String()), "GONE": Text(s.onGone.String()), "UNKNOWN": Text(s.onUnknown.String()),
	})
}

func none(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

func bar(use *Percent, eastAsian bool) string {
	if use == nil {
		return ""
	}
	return terminal.Bar(float64(*use), barCells, eastAsian)
}

// useStyle warns where a node has little room left.
func useStyle(use *Percent) Style {
	switch {
	case use == nil:
		return Plain
	case *use >= 90:
		return Bad
	case *use >= 75:
		return Changed
	default:
		return Good
	}
}

func statusStyle(status string) Style {
	switch status {
	case "Ready":
		return Good
	case unknownNode:
		return Faint
	case "Ready,SchedulingDisabled":
		return Changed
	default:
		return Bad
	}
}

// CSV writes a line for each item, with all columns, and one for the unscheduled pods of each cluster. An unknown
// number is empty; the column atLeast says which numbers of pods may be too low, and outdated which may be too high as well; usageOutdated tells of CPU and memory of
// long ago.
func (l NodeList) CSV(w io.Writer, noHeaders bool) error {
	columns := []string{
		"cluster", "name", "status", "roles", "created", "version", "pods", "atLeast", "allocatable", "capacity", "use",
		"zone", "pool", "terminating", "pending", "flux", "cpuMillicores", "memoryBytes", "outdated", "usageOutdated",
	}
	out := csv.NewWriter(w)
	var rows [][]string
	if !noHeaders {
		rows = append(rows, columns)
	}
	for _, i := range l.Items {
		created, cpu, memory := "", "", ""
		if i.Created != nil {
			created = i.Created.Format(time.RFC3339)
		}
		if i.Usage != nil {
			cpu, memory = strconv.FormatInt(i.Usage.CPUMillicores, 10), strconv.FormatInt(i.Usage.MemoryBytes, 10)
		}
		rows = append(rows, []string{
			i.Cluster, i.Name, i.Status, strings.Join(i.Roles, " "), created, i.Version, orEmpty(i.Pods),
			strconv.FormatBool(i.AtLeast), orEmpty(i.Allocatable), orEmpty(i.Capacity), useText(i.Use), i.Zone, i.Pool,
			orEmpty(i.Terminating), orEmpty(i.Pending), strings.Join(i.Flux, " "), cpu, memory, strconv.FormatBool(i.Outdated), strconv.FormatBool(i.Usage != nil && i.Usage.Outdated),
		})
	}
	off := l.cutGoneRows()
	if !l.selected {
		off = append(off, l.Summary.offRows(unscheduledRow, sumUnscheduled)...)
	}
	for _, r := range off {
		row := make([]string, len(columns))
		row[0], row[1], row[6], row[7], row[18] = r.cluster, r.name, r.pods.csv(), strconv.FormatBool(r.pods.atLeast()), strconv.FormatBool(r.pods.outdated())
		rows = append(rows, row)
	}
	return out.WriteAll(rows)
}

func orEmpty(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func useText(use *Percent) string {
	if use == nil {
		return ""
	}
	return use.Tenths()
}
