package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// steps are the ends of the classes in which intervals are counted.
var steps = []time.Duration{30 * time.Second, time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour}

// DrawOverview shows on one screen how often Flux looks at the objects of each environment, and what stands out. The
// environments give the order; next is what to run then.
func (l ObjectList) DrawOverview(w io.Writer, environments []string, where, next string, layout Layout) error {
	title := fmt.Sprintf("%s%s, by interval of up to:", count(len(l.Items), "Flux object"), strings.TrimRight(" "+where, " "))
	if _, err := fmt.Fprintf(w, "%s\n\n", terminal.WrapLine(title, layout.Width)); err != nil {
		return err
	}
	if err := l.intervalTable(environments, layout.EastAsian).Draw(w, layout); err != nil {
		return err
	}
	var lines []string
	for _, n := range []labelledTexts{
		{notReadLabel, NotRead(l.Missing, layout)}, {"Kinds", optional(l.kinds())}, {"Fastest", optional(l.fastest())}, {"State", optional(l.states())}, {"More", []string{"--rows shows each object"}}, {nextLabel, optional(next)},
	} {
		lines = append(lines, labelled(n.label, n.texts, layout.Width, 0)...)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(lines, "\n"))
	return err
}

// intervalTable counts the objects of each environment by interval; those of which the interval is 0, or is not known, stand apart.
func (l ObjectList) intervalTable(environments []string, eastAsian bool) Table {
	t := Table{Columns: []Column{{Name: "ENVIRONMENT", Shrink: terminal.Middle}, {Name: "OBJECTS", Right: true, Spare: 1}, {Name: "SHAPE", Spare: 2}}}
	for _, s := range steps {
		t.Columns = append(t.Columns, Column{Name: flux.FormatDuration(s), Right: true})
	}
	t.Columns = append(t.Columns, Column{Name: "MORE", Right: true}, Column{Name: "OTHER", Right: true})
	counts, others := make(map[string][]int), false
	for _, o := range l.Items {
		if counts[o.Environment] == nil {
			counts[o.Environment] = make([]int, len(steps)+2)
		}
		at := len(steps) + 1
		if d, err := time.ParseDuration(o.Effective.Interval); err == nil && d > 0 {
			at, _ = slices.BinarySearch(steps, d)
		}
		counts[o.Environment][at]++
		others = others || at > len(steps)
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	sorting.By(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(tune.Rank(environments, a), tune.Rank(environments, b)), cmp.Compare(a, b))
	})
	const most = 8
	rest := make([]int, len(steps)+2)
	for i, name := range names {
		if i >= most && len(names) > most+1 {
			for at, n := range counts[name] {
				rest[at] += n
			}
			continue
		}
		t.Rows = append(t.Rows, intervalRow(environmentCell(name), counts[name], eastAsian))
	}
	if len(names) > most+1 {
		t.Rows = append(t.Rows, intervalRow(Cell{Text: fmt.Sprintf("%d more", len(names)-most), Style: Faint}, rest, eastAsian))
	}
	if !others {
		t = t.Without("OTHER")
	}
	return t
}

func intervalRow(environment Cell, counts []int, eastAsian bool) []Cell {
	row := []Cell{environment, {}, {Text: terminal.Spark(counts[:len(counts)-1], eastAsian), Style: terminal.Faster}}
	sum := 0
	for _, n := range counts {
		sum += n
		cell := number(n)
		if n == 0 {
			cell = Cell{Text: "-", Style: Faint}
		}
		row = append(row, cell)
	}
	row[1] = number(sum)
	return row
}

func (l ObjectList) kinds() string {
	count := make(map[string]int)
	for _, o := range l.Items {
		count[o.Ref.Kind]++
	}
	var parts []string
	for _, kind := range flux.KindNames() {
		if count[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[kind], kind))
		}
	}
	return strings.Join(parts, ", ")
}

// fastest names the objects that are looked at most often.
func (l ObjectList) fastest() string {
	items := slices.Clone(l.Items)
	every := func(o Object) time.Duration {
		d, err := time.ParseDuration(o.Effective.Interval)
		if err != nil || o.Suspended {
			return 1<<63 - 1
		}
		return d
	}
	sorting.By(items, func(a, b Object) int { return cmp.Compare(every(a), every(b)) })
	var parts []string
	if n := len(items); n > 3 && every(items[0]) == every(items[n-1]) {
		return "" // none stands out
	}
	for _, o := range items[:min(3, len(items))] {
		if every(o) < 1<<63-1 {
			short := flux.Ref{Kind: o.Ref.Kind, Namespace: terminal.Shorten(o.Ref.Namespace, 30), Name: terminal.Shorten(o.Ref.Name, 30)}
			parts = append(parts, fmt.Sprintf("%s every %s", flux.InCluster(o.Ref.Cluster, short.String()), o.Effective.Interval))
		}
	}
	ties := 0
	for _, o := range items[min(3, len(items)):] {
		if every(o) == every(items[2]) && every(o) < 1<<63-1 {
			ties++
		}
	}
	if ties > 0 {
		parts = append(parts, fmt.Sprintf("and %d more at that", ties))
	}
	return strings.Join(parts, ", ")
}

// states count what needs a look.
func (l ObjectList) states() string {
	notReady, suspended, tuned, without, never := 0, 0, 0, 0, 0
	for _, o := range l.Items {
		for _, c := range []struct {
			is bool
			n  *int
		}{{o.Ready == "False", &notReady}, {o.Suspended, &suspended}, {o.Session != "", &tuned}, {o.Environment == "", &without}, {o.neverDue(), &never}} {
			if c.is {
				*c.n++
			}
		}
	}
	var parts []string
	for _, c := range []struct {
		n    int
		text string
	}{{notReady, "not ready"}, {suspended, "suspended"}, {tuned, "changed by fluxtune (sessions lists by whom)"}, {without, "without environment (plan says what to do)"}, {never, "with interval 0, at which Flux never looks again by itself"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.text))
		}
	}
	return strings.Join(parts, ", ")
}

// neverDue tells whether Flux never looks at an object by itself, since its interval is 0.
func (o Object) neverDue() bool {
	if o.Interval == nil || o.Effective.Interval != "" {
		return false
	}
	d, err := time.ParseDuration(*o.Interval)
	return err == nil && d == 0
}
