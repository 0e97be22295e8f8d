package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// notShown is the column of what a host gets from objects that were read and not asked for: its share of the limit counts them.
const notShown = "NOT SHOWN"

// HostTable has a row for each host.
func (b Budget) HostTable() Table {
	t := Table{Columns: []Column{
		{Name: "HOST", Shrink: terminal.Middle}, {Name: "SOURCES", Right: true, Spare: 1}, {Name: "PER HOUR", Right: true}, {Name: "PER DAY", Right: true, Spare: 2},
		{Name: notShown, Right: true, Mute: b.noOthers()}, {Name: "LIMIT", Right: true}, {Name: "USED", Right: true}, {Name: "BY", Wide: true}, {Name: "CLONES/H", Right: true, Wide: true}, {Name: "MB/H", Right: true, Wide: true}, {Name: "POLLS AT ONCE", Wide: true}, {Name: "FETCHES OF A NEW POD", Wide: true}, {Name: "LIMIT-FROM", Wide: true},
	}}
	for _, h := range b.Hosts {
		limit, used, from := Cell{Text: "-", Style: Faint}, Cell{Text: "-", Style: Faint}, Cell{}
		if h.Limit != nil {
			limit, from = Text(rate(h.Limit.PerHour)+"/h"), Cell{Text: h.Limit.From, Style: Faint}
			used = percentCell(*h.UsedPercent, 80, 100)
		}
		name := Text(h.Host)
		if h.Host == "" {
			name = Cell{Text: "<no host>", Style: Bad}
		}
		var by []string
		for _, p := range h.Protocols {
			by = append(by, p.Protocol+" "+rates(p.Requests).Text)
		}
		t.Rows = append(t.Rows, []Cell{
			name, number(h.Sources), rates(h.Requests), rates(h.PerDay), h.others(), limit, used, Text(strings.Join(by, ", ")), rates(h.Clones), megabytes(h.Bytes), Text(h.Polls.line()), Text(h.Fetches.line()), from,
		})
	}
	return t
}

func (h BudgetHost) others() Cell {
	if h.Others == 0 {
		return Cell{Text: "-", Style: Faint}
	}
	return Text(rate(h.Others))
}

// noOthers tells whether nothing stands in the column of what is not shown.
func (b Budget) noOthers() bool {
	return !slices.ContainsFunc(b.Hosts, func(h BudgetHost) bool { return h.Others > 0 })
}

// clusterTable has a row for each cluster that asks a host, where several are looked at.
func (b Budget) clusterTable() Table {
	t := Table{Columns: []Column{
		{Name: "HOST", Shrink: terminal.Middle}, {Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "SOURCES", Right: true, Spare: 1}, {Name: "PER HOUR", Right: true}, {Name: "USED", Right: true},
	}}
	for _, h := range b.Hosts {
		for _, c := range h.Clusters {
			used := Cell{Text: "-", Style: Faint}
			if c.UsedPercent != nil {
				used = percentCell(*c.UsedPercent, 80, 100)
			}
			t.Rows = append(t.Rows, []Cell{Text(cmp.Or(h.Host, "<no host>")), Text(c.Cluster), number(c.Sources), rates(c.Requests), used})
		}
	}
	return t
}

// othersNotes say of each host what it gets besides what is shown.
func othersNotes(hosts []budget.Host) []string {
	var notes []string
	for _, h := range hosts {
		if h.Others == 0 {
			continue
		}
		note := fmt.Sprintf("%s gets %s requests/h more from objects that were read and are not shown; its share of the limit counts them", cmp.Or(h.Name, "<no host>"), rate(h.Others))
		if h.Limit != nil {
			note += ": " + newBudgetHost(h).aloneLine()
		}
		notes = append(notes, note+".")
	}
	return notes
}

// aloneLine says how much of its limit a host gets by what is shown, and how much with the rest.
func (h BudgetHost) aloneLine() string {
	part := func(perHour float64) float64 { return perHour / h.Limit.PerHour * 100 }
	own := budget.Rates{Now: part(h.Requests.Now), Planned: part(h.Requests.Planned)}
	return fmt.Sprintf("what is shown is %s of %s's limit, and with the rest %s", percentCell(own, 80, 100).Text, cmp.Or(h.Host, "<no host>"), percentCell(*h.UsedPercent, 80, 100).Text)
}
