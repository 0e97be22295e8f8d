package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// DrawOverview shows on one screen what hosts are asked, what each environment gets for it, and what stands out. Next is
// what to run then. On a low terminal less is said below the tables: what matters least goes first.
func (b Budget) DrawOverview(w io.Writer, next string, l Layout) error {
	var tables bytes.Buffer
	_, _ = fmt.Fprintf(&tables, "%s\n\n", terminal.WrapLine(b.Headline(), l.Width))
	if err := b.hostOverview(l).Draw(&tables, l); err != nil {
		return err
	}
	if len(b.Environments) > 0 {
		_, _ = fmt.Fprintln(&tables)
		if err := b.environmentOverview(l).Draw(&tables, l); err != nil {
			return err
		}
	}
	first, second := labelledTexts{"Costliest", optional(b.costliest())}, labelledTexts{"Busiest", optional(b.busiest())}
	if b.overloaded() {
		first, second = second, first
	}
	notes := []labelledTexts{
		{noteLabel, append(b.onTop(), b.forOwners()...)}, {"Clusters", b.clusters(l)}, first, second, {"Sharing", optional(b.sharing())}, {"Webhooks", b.webhooks()},
	}
	notes = slices.DeleteFunc(notes, func(n labelledTexts) bool { return len(n.texts) == 0 })
	all := len(notes)
	const kept = 1 // of the notes
	for {
		more := b.more()
		if dropped := all - len(notes); dropped > 0 {
			more = slices.Insert(more, 0, count(dropped, "more note"))
		}
		rows := strings.TrimPrefix(strings.Join(more, ", ")+": --rows or -o wide", ": ")
		var lines []string
		for _, n := range slices.Concat([]labelledTexts{{notReadLabel, NotRead(b.Missing, l)}}, notes, []labelledTexts{{"More", []string{rows}}, {nextLabel, optional(next)}}) {
			lines = append(lines, labelled(n.label, n.texts, l.Width, 0)...)
		}
		if l.Width > 0 && len(notes) > kept && bytes.Count(tables.Bytes(), []byte("\n"))+1+len(lines) > max(screen, l.Height-1) {
			notes = notes[:len(notes)-1]
			continue
		}
		_, err := fmt.Fprintf(w, "%s\n%s\n", tables.String(), strings.Join(lines, "\n"))
		return err
	}
}

// onTop says in few words what is not counted in what hosts get; nothing where all is.
func (b Budget) onTop() []string {
	switch {
	case slices.Contains(b.Notes, partialNote):
		return []string{"what was not read comes on top of what hosts get"}
	case slices.Contains(b.Notes, beyondNote):
		return []string{"what other clusters ask comes on top of what hosts get"}
	default:
		return nil
	}
}

// forOwners says why what is planned is not what plan says; nothing where it is.
func (b Budget) forOwners() []string {
	if slices.Contains(b.Notes, plannedNote) {
		return []string{plannedNote}
	}
	return nil
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

func (b Budget) environmentOverview(l Layout) Table {
	most := 6
	if l.Width > 0 && l.Height < 30 {
		most = fewRows
	}
	t := EnvironmentTable(b.Environments)
	if more := len(t.Rows) - most; more > 1 {
		t.Rows = t.Rows[:most]
		t.Add(map[string]Cell{"ENVIRONMENT": {Text: fmt.Sprintf("%d more", more), Style: Faint}})
	}
	return t
}

// rankedHosts are the hosts as an overview has them: those above their limits first, then those with a limit, then those that get
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
	sorting.By(ranked, func(x, y BudgetHost) int { return cmp.Compare(rank(x), rank(y)) })
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

// hostOverview has a row for the first hosts (rankedHosts).
func (b Budget) hostOverview(l Layout) Table {
	t := Table{Columns: []Column{
		{Name: "HOST", Shrink: terminal.Middle}, {Name: "SOURCES", Right: true, Spare: 2}, {Name: "REQUESTS/H", Right: true}, {Name: notShown, Right: true, Mute: b.noOthers()}, {Name: "LIMIT", Right: true, Spare: 1},
		{Name: usedNow}, {Name: usedPlanned},
	}}
	ranked, above := b.rankedHosts()
	for i, h := range ranked {
		if i >= fewHosts && len(b.Hosts) > fewHosts+1 {
			more := Cell{Text: fmt.Sprintf("%d more", len(b.Hosts)-fewHosts), Style: Faint}
			if hidden := above - fewHosts; hidden > 0 {
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

// costliest is the repository that gets most requests.
func (b Budget) costliest() string {
	if len(b.Repositories) == 0 {
		return ""
	}
	r := slices.MaxFunc(b.Repositories, func(a, b BudgetRepository) int {
		return cmp.Or(cmp.Compare(a.Requests.Now, b.Requests.Now), cmp.Compare(b.Address, a.Address))
	})
	ties, says := 0, rates(r.Requests).Text
	for _, other := range b.Repositories {
		if rates(other.Requests).Text == says {
			ties++
		}
	}
	if ties == len(b.Repositories) && ties > 1 {
		return fmt.Sprintf("none: each of %d repositories gets %s requests/h", ties, says)
	}
	by := strings.Join(r.Objects, ", ")
	if len(r.Objects) > 1 {
		by = fmt.Sprintf("%s and %d more", r.Objects[0], len(r.Objects)-1)
	}
	same := ""
	if ties > 1 {
		same = ", as " + count(ties-1, "other")
	}
	return fmt.Sprintf("%s: %s requests/h%s, by %s", r.Address, says, same, by)
}

// clusters say of the first hosts (rankedHosts) which cluster asks how much of it.
func (b Budget) clusters(l Layout) []string {
	const hosts, most = 2, 3
	names := make(map[string]bool)
	for _, h := range b.Hosts {
		for _, c := range h.Clusters {
			names[c.Cluster] = true
		}
	}
	short := func(name string) string { return name }
	if l.Width > 0 {
		apart := shortClusters(slices.Collect(maps.Keys(names)))
		short = func(name string) string { return apart[name] }
	}
	var lines []string
	ranked, _ := b.rankedHosts()
	for _, h := range ranked {
		if len(lines) == hosts || len(h.Clusters) == 0 {
			continue
		}
		var parts []string
		for i, c := range h.Clusters {
			if i == most && len(h.Clusters) > most+1 {
				parts = append(parts, fmt.Sprintf("%d more (--rows)", len(h.Clusters)-i))
				break
			}
			part := fmt.Sprintf("%s %s/h", short(c.Cluster), rates(c.Requests).Text)
			if c.UsedPercent != nil {
				part += fmt.Sprintf(" (%s)", percentCell(*c.UsedPercent, 80, 100).Text)
			}
			parts = append(parts, part)
		}
		lines = append(lines, cmp.Or(h.Host, "<no host>")+": "+strings.Join(parts, ", "))
	}
	return lines
}

// overloaded tells whether workers of some controller have more to do than time.
func (b Budget) overloaded() bool {
	return slices.ContainsFunc(b.Controllers, func(w BudgetWorkers) bool { return max(w.BusyPercent.Now, w.BusyPercent.Planned) > 100 })
}

// busiest is the controller with the least time left.
func (b Budget) busiest() string {
	if len(b.Controllers) == 0 {
		return ""
	}
	w := slices.MaxFunc(b.Controllers, func(a, b BudgetWorkers) int { return cmp.Compare(a.BusyPercent.Planned, b.BusyPercent.Planned) })
	text := fmt.Sprintf("%s: its %s for %s are busy %s of the time", flux.InCluster(w.Cluster, strings.TrimSpace(w.Controller+" "+w.Shard)), count(w.Concurrent, "worker"), w.Kind, percentCell(w.BusyPercent, 70, 100).Text)
	if slices.Contains(b.Notes, partialNote) {
		text += ", by what was read"
	}
	if w.Advice != "" {
		text += "; " + w.Advice
	}
	return text
}

// sharing is the repository that most is asked for more often than needed.
func (b Budget) sharing() string {
	var most BudgetRepository
	for _, r := range b.Repositories {
		if len(r.Objects) > 1 && r.Saving.Now > most.Saving.Now {
			most = r
		}
	}
	if most.Saving.Now == 0 {
		return ""
	}
	return fmt.Sprintf("%d objects poll %s, each for itself: sharing one would save %s requests/h", len(most.Objects), most.Address, rates(most.Saving).Text)
}

func (b Budget) webhooks() []string {
	if b.Summary.Webhooks.Sources == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s announced by a Receiver: polling them (%s requests/h) can be relaxed", are(b.Summary.Webhooks.Sources, "source"), rates(b.Summary.Webhooks.Requests).Text)}
}
