package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// DrawOverview shows on one screen what hosts are asked, what each environment gets for it, and what stands out. Next is
// what to run then. On a low terminal less is said below the tables, and then in them: what matters least goes first.
func (b Budget) DrawOverview(w io.Writer, next string, l Layout) error {
	notes, kept := b.overviewNotes(l)
	all, rows := len(notes), fewRows
	if l.Width == 0 || l.Height >= 30 {
		rows = 6
	}
	for {
		tables, err := b.overviewTables(rows, l)
		if err != nil {
			return err
		}
		more := b.more()
		if dropped := all - len(notes); dropped > 0 {
			more = slices.Insert(more, 0, count(dropped, "more note"))
		}
		says := strings.TrimPrefix(strings.Join(more, ", ")+": --rows or -o wide", ": ")
		var lines []string
		for _, n := range slices.Concat([]labelledTexts{{notReadLabel, NotRead(b.Missing, l)}}, notes, []labelledTexts{{"More", []string{says}}, {nextLabel, optional(next)}}) {
			lines = append(lines, labelled(n.label, n.texts, l.Width, 0)...)
		}
		if l.Width > 0 && strings.Count(tables, "\n")+1+len(lines) > max(screen, l.Height-1) {
			switch {
			case len(notes) > kept:
				notes = notes[:len(notes)-1]
				continue
			case rows > leastRows:
				rows--
				continue
			case len(notes) > 1:
				notes = notes[:len(notes)-1]
				continue
			}
		}
		_, err = fmt.Fprintf(w, "%s\n%s\n", tables, strings.Join(lines, "\n"))
		return err
	}
}

// leastRows is how many rows a table keeps of what is on no other screen.
const leastRows = 2

// overviewTables are the headline and the tables of an overview, with so many rows each at most and one for the rest.
func (b Budget) overviewTables(rows int, l Layout) (string, error) {
	var out bytes.Buffer
	_, _ = fmt.Fprintf(&out, "%s\n\n", terminal.WrapLine(b.Headline(), l.Width))
	if err := b.hostOverview(min(rows, fewHosts), l).Draw(&out, l); err != nil {
		return "", err
	}
	if len(b.Environments) > 0 {
		_, _ = fmt.Fprintln(&out)
		if err := b.environmentOverview(rows).Draw(&out, l); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// more names the tables that only rows show.
func (b Budget) more() []string {
	tables := []string{"by object"}
	if len(b.Repositories) > 0 {
		tables = append(tables, "by repository")
	}
	if b.hasCredentials() {
		tables = append(tables, "by credential")
	}
	if len(b.Hosts) > fewHosts+1 {
		tables = append(tables, "all hosts")
	}
	return tables
}

// fewRows is how many rows each table of an overview has on a low terminal.
const fewRows = 4

// fewHosts is how many hosts have a row in an overview.
const fewHosts = fewRows - 1

func (b Budget) environmentOverview(most int) Table {
	t := EnvironmentTable(b.Environments)
	if more := len(t.Rows) - most; more > 1 {
		t.Rows = t.Rows[:most]
		t.Add(map[string]Cell{"ENVIRONMENT": {Text: fmt.Sprintf("%d more", more), Style: Faint}})
	}
	return t
}

// rankedHosts are the hosts as an overview has them: those above their limits first, the fullest before all, then those with a limit, then those that get
// most. The second result is how many are above their limits.
func (b Budget) rankedHosts() (ranked []BudgetHost, above int) {
	rank := func(h BudgetHost) int {
		switch {
		case h.Limit == nil:
			return 2
		case max(h.UsedPercent.Now, h.UsedPercent.Planned) > 100:
			return 0
		default:
			return 1
		}
	}
	ranked = slices.Clone(b.Hosts)
	over := func(h BudgetHost) float64 {
		if h.Limit == nil {
			return 100
		}
		return max(100, h.UsedPercent.Now, h.UsedPercent.Planned)
	}
	sorting.By(ranked, func(x, y BudgetHost) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(over(y), over(x))) })
	for _, h := range ranked {
		if rank(h) == 0 {
			above++
		}
	}
	return ranked, above
}

// The columns of what a host gets, as a share of its limit.
const (
	usedNow     = "USED NOW"
	usedPlanned = "USED PLANNED"
)

// hostOverview has a row for so many of the first hosts (rankedHosts), and one for the rest.
func (b Budget) hostOverview(most int, l Layout) Table {
	t := Table{Columns: []Column{
		{Name: "HOST", Shrink: terminal.Middle}, {Name: "SOURCES", Right: true, Spare: 2}, {Name: "REQUESTS/H", Right: true}, {Name: notShown, Right: true, Mute: b.noOthers()}, {Name: "LIMIT", Right: true, Spare: 1},
		{Name: usedNow}, {Name: usedPlanned},
	}}
	ranked, above := b.rankedHosts()
	for i, h := range ranked {
		if i >= most && len(b.Hosts) > most+1 {
			more := Cell{Text: fmt.Sprintf("%d more", len(b.Hosts)-most), Style: Faint}
			if hidden := above - most; hidden > 0 {
				more = Cell{Text: fmt.Sprintf("%s, %d over", more.Text, hidden), Style: Bad}
			}
			t.Add(map[string]Cell{"HOST": more})
			break
		}
		row := map[string]Cell{"HOST": Text(cmp.Or(h.Host, "<no host>")), "SOURCES": number(h.Sources), "REQUESTS/H": rates(h.Requests), notShown: h.others()}
		if h.Limit != nil {
			row["LIMIT"] = Text(rate(h.Limit.PerHour) + "/h")
			row[usedNow], row[usedPlanned] = used(h.UsedPercent.Now, l), used(h.UsedPercent.Planned, l)
		}
		t.Add(row)
	}
	if !slices.ContainsFunc(b.Hosts, func(h BudgetHost) bool { return h.Limit != nil }) {
		t = t.Without("LIMIT", usedNow, usedPlanned)
	}
	return t
}

// used is a share of a limit as a bar and a number, and in a word where it is too much. The bar leaves room for the host's name.
func used(percent float64, l Layout) Cell {
	cells := barCells
	if l.Width > 0 && l.Width < 100 {
		cells = barCells / 2
	}
	c := Cell{Text: terminal.Bar(percent, cells, l.EastAsian) + " " + share(percent), Style: Good}
	switch {
	case percent > 100:
		c.Text, c.Style = c.Text+", over", Bad
	case percent > 80:
		c.Style = Changed
	}
	return c
}
