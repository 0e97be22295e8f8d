package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"k8s.io/apimachinery/pkg/util/duration"
)

const (
	barCells       = 10
	unscheduledRow = "(unscheduled)"
	totalRow       = "TOTAL"
	unnamedGroup   = "(none)"
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
		for _, line := range wrap("PARTIAL: "+gap, layout.Width) {
			if _, err := fmt.Fprintln(w, Paint(line, Bad, layout.Color)); err != nil {
				return err
			}
		}
	}
	if err := t.Draw(w, layout); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(wrap(l.Summary.Line(), layout.Width), "\n"))
	return err
}

// wrap breaks a text into lines of a width, at spaces; 0 does not break.
func wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Table is the list as a table for a layout: a bar only on a terminal, and only the columns that a
// narrow one has room for.
func (l NodeList) Table(now time.Time, layout Layout) Table {
	t := Table{Columns: []Column{
		{Name: "CLUSTER"}, {Name: "NAME"}, {Name: "STATUS"}, {Name: "ROLES"}, {Name: "AGE"}, {Name: "VERSION"},
		{Name: "PODS", Right: true}, {Name: "CAPACITY", Right: true}, {Name: "USE%", Right: true}, {Name: ""},
		{Name: "ZONE", Wide: true}, {Name: "POOL", Wide: true},
		{Name: "TERMINATING", Wide: true, Right: true}, {Name: "PENDING", Wide: true, Right: true}, {Name: "FLUX", Wide: true},
	}}
	for _, i := range l.Items {
		t.Rows = append(t.Rows, i.row(now))
	}
	t.Rows = append(t.Rows, l.unreadRows()...)
	if !layout.NoHeaders {
		t.Rows = append(t.Rows, l.endRows()...)
	}
	return t.fit(l.dropped(layout), layout)
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
	return names
}

// fit takes columns away, by name, and then as long as the table is too wide for the terminal those
// that matter least beside the pods.
func (t Table) fit(names []string, layout Layout) Table {
	for _, name := range names {
		t = t.without(name)
	}
	for _, name := range []string{"VERSION", "ROLES", "AGE", "", "STATUS"} {
		if layout.Width == 0 || layout.Wide || t.width(layout) <= layout.Width {
			break
		}
		t = t.without(name)
	}
	return t
}

func (t Table) width(layout Layout) int {
	shown := t.shown(layout)
	widths, sum := t.widths(shown, layout), 0
	for _, i := range shown {
		sum += widths[i] + gap
	}
	return sum - gap
}

func (t Table) without(name string) Table {
	at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if at < 0 {
		return t
	}
	less := Table{Columns: slices.Delete(slices.Clone(t.Columns), at, at+1)}
	for _, row := range t.Rows {
		less.Rows = append(less.Rows, slices.Delete(slices.Clone(row), at, at+1))
	}
	return less
}

func (i NodeItem) row(now time.Time) []Cell {
	age := "<unknown>"
	if i.Created != nil {
		age = duration.HumanDuration(now.Sub(*i.Created))
	}
	style := useStyle(i.Use)
	capacity, used := orUnknown(i.Capacity), percent(i.Use, i.AtLeast)
	if i.Status == gone {
		age, capacity, used = "", "", "" // nothing to know
	}
	return []Cell{
		Text(i.Cluster), Text(i.Name), {i.Status, statusStyle(i.Status)}, Text(none(strings.Join(i.Roles, ","))), Text(age), Text(none(i.Version)),
		{atLeast(i.Pods, i.AtLeast), style}, Text(capacity), {used, style}, {bar(i.Use), style},
		Text(none(i.Zone)), Text(none(i.Pool)), Text(atLeastOrZero(i.Terminating, i.AtLeast)), Text(atLeastOrZero(i.Pending, i.AtLeast)),
		Text(strings.Join(i.Flux, ",")),
	}
}

func (l NodeList) emptyRow() []Cell { return make([]Cell, 15) }

// unreadRows show the clusters of which nothing is known.
func (l NodeList) unreadRows() [][]Cell {
	var rows [][]Cell
	for _, c := range l.clusters {
		if c.Count.Empty() && c.Cluster != "" {
			row := l.emptyRow()
			row[0], row[1], row[6], row[7], row[8] = Text(c.Cluster), Text("?"), Text("?"), Text("?"), Text("?")
			rows = append(rows, row)
		}
	}
	return rows
}

// endRows are the pods without a node and the total.
func (l NodeList) endRows() [][]Cell {
	var rows [][]Cell
	s := l.Summary
	if !l.selected {
		row := l.emptyRow()
		row[1], row[6] = Cell{unscheduledRow, Faint}, Text(atLeast(s.Unscheduled, s.AtLeast))
		rows = append(rows, row)
	}
	row := l.emptyRow()
	row[1], row[6], row[7], row[8] = Cell{totalRow, Strong}, Cell{atLeast(s.Pods, s.AtLeast), Strong}, Text(orUnknown(s.Capacity)), Text(percent(s.Use, s.AtLeast))
	row[9] = Cell{bar(s.Use), useStyle(s.Use)}
	return append(rows, row)
}

func none(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

func orUnknown(n *int) string {
	if n == nil {
		return "?"
	}
	return strconv.Itoa(*n)
}

// atLeastOrZero is for parts of a number: none seen is no reason to doubt more than the number itself.
func atLeastOrZero(n *int, more bool) string {
	if n != nil && *n == 0 && !more {
		return "0"
	}
	return atLeast(n, more)
}

func percent(use *float64, more bool) string {
	if use == nil {
		return "?"
	}
	rounded := int(*use + 0.5)
	return atLeastOrZero(&rounded, more)
}

func bar(use *float64) string {
	if use == nil {
		return ""
	}
	full := min(barCells, int(*use/100*barCells+0.5))
	if full == 0 && *use > 0 {
		full = 1
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barCells-full)
}

// useStyle warns where a node has little room left.
func useStyle(use *float64) Style {
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

// CSV writes a line for each item, with all columns, and one for the unscheduled pods. An unknown
// number is empty; the column atLeast says which numbers may be too low.
func (l NodeList) CSV(w io.Writer, noHeaders bool) error {
	out := csv.NewWriter(w)
	rows := [][]string{{
		"cluster", "name", "status", "roles", "created", "version", "pods", "atLeast", "capacity", "use",
		"zone", "pool", "terminating", "pending", "flux",
	}}
	if noHeaders {
		rows = nil
	}
	for _, i := range l.Items {
		created := ""
		if i.Created != nil {
			created = i.Created.Format(time.RFC3339)
		}
		rows = append(rows, []string{
			i.Cluster, i.Name, i.Status, strings.Join(i.Roles, " "), created, i.Version, orEmpty(i.Pods),
			strconv.FormatBool(i.AtLeast), orEmpty(i.Capacity), useText(i.Use), i.Zone, i.Pool,
			orEmpty(i.Terminating), orEmpty(i.Pending), strings.Join(i.Flux, " "),
		})
	}
	if !l.selected {
		row := make([]string, 15)
		row[1], row[6], row[7] = unscheduledRow, orEmpty(l.Summary.Unscheduled), strconv.FormatBool(l.Summary.AtLeast)
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

func useText(use *float64) string {
	if use == nil {
		return ""
	}
	return strconv.FormatFloat(*use, 'f', 1, 64)
}
