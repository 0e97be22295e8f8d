package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Headline says in a sentence what changes.
func (c BranchCheck) Headline() string {
	if c.Base == nil {
		return ""
	}
	s := c.Summary
	compared := fmt.Sprintf("Compared with %s (%.12s): ", c.Base.Revision, c.Base.Commit)
	unknown := ""
	if s.Unknown > 0 {
		unknown = fmt.Sprintf(", %d not known", s.Unknown)
	}
	if s.Kept > 0 {
		unknown += fmt.Sprintf(", %d only in the files", s.Kept)
	}
	switch {
	case s.Changed+s.Added+s.Removed > 0:
		compared += fmt.Sprintf("%s with other values, %d added, %d removed%s.", count(s.Changed, "Flux object"), s.Added, s.Removed, unknown)
	case s.Incomplete.Before || s.Incomplete.After:
		compared += "no Flux object is known to change its values" + unknown + "."
	default:
		compared += "no Flux object changes its values" + unknown + "."
	}
	return compared + c.moves()
}

// moves tell which clusters' folders have another name, or are gone. What says on a cluster where its Flux begins to read is not read from the
// new folder before that is changed there.
func (c BranchCheck) moves() string {
	var text string
	for _, cluster := range c.Clusters {
		if cluster.From != "" {
			text += fmt.Sprintf(" The folder %s is %s on the branch: its Flux finds no files until spec.path of its first Kustomization is changed on the cluster, too.", cluster.From, cluster.Cluster)
		}
		if cluster.folderGone {
			text += fmt.Sprintf(" The folder %s is gone: as long as its cluster is there, its Flux finds no files, and takes nothing away.", cluster.Cluster)
		}
	}
	return text
}

// Sections show what changes: values, requests, latency, and the controllers' load. What stays the same is left out.
func (c BranchCheck) Sections() []Section {
	if c.Base == nil {
		return nil
	}
	least := ""
	if c.Summary.Incomplete.Before || c.Summary.Incomplete.After {
		least = ", at least"
	}
	of := "all clusters"
	if c.Scope != "" {
		of = "only " + c.Scope
	}
	all := []Section{
		{Title: "Values", Table: c.ChangeTable()},
		{Title: "Requests per hour by host, of " + of + least, Table: c.HostTable()},
		{Title: "By credential (named by secretRef, never read)" + least, Table: c.CredentialTable()},
		{Title: "From commit to applied" + least, Table: c.LatencyTable()},
		{Title: controllersTitle + least, Table: c.ControllerTable()},
	}
	return slices.DeleteFunc(all, func(s Section) bool { return len(s.Table.Rows) == 0 })
}

const controllersTitle = "Controllers"

// ChangeTable has a row for all objects of a kind and cluster that change alike, and for what is added, removed and not known.
func (c BranchCheck) ChangeTable() Table {
	t := Table{Columns: []Column{
		{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "ENVIRONMENT", Spare: 2}, {Name: "KIND"}, {Name: "NAME", Shrink: terminal.Middle}, {Name: "FIELD"}, {Name: "VALUE"},
		{Name: "DECIDED BY", Shrink: terminal.Middle, Floor: 24, Spare: 1, Below: true, Lead: "decided by "},
	}}
	for _, cluster := range c.Clusters {
		type key struct{ environment, kind, field, before, after, at string }
		var rows collected[key, []CheckChange]
		for _, change := range cluster.Changes {
			k := key{change.Environment, change.Ref.Kind, change.Field, valueText(change.Before), valueText(change.After), change.DecidedBy}
			*rows.get(k) = append(*rows.get(k), change)
		}
		for _, k := range rows.order {
			t.Rows = append(t.Rows, []Cell{
				Text(cluster.Cluster), environmentCell(k.environment), Text(k.kind), Text(names(*rows.get(k))), Text(strings.TrimPrefix(k.field, "spec.")),
				{Text: k.before + " -> " + k.after, Style: Changed}, Text(k.at),
			})
		}
		t.Rows = append(t.Rows, cluster.wholeRows(cluster.Added, Cell{Text: "added", Style: Changed})...)
		t.Rows = append(t.Rows, cluster.wholeRows(cluster.Removed, Cell{Text: "removed", Style: Changed})...)
		for _, on := range []string{onBase, onBranch} {
			var unknown []Ref
			for _, u := range cluster.Unknown {
				if u.On == on {
					unknown = append(unknown, u.Ref)
				}
			}
			t.Rows = append(t.Rows, cluster.wholeRows(unknown, Cell{Text: "not known on " + on, Style: Bad})...)
		}
	}
	return t
}

// wholeRows has a row for each kind of objects that come, go or are not known as a whole. Their environment is that of the cluster, where
// it has one only.
func (c CheckCluster) wholeRows(refs []Ref, what Cell) (rows [][]Cell) {
	environment := Text("")
	if len(c.Environments) == 1 {
		environment = environmentCell(c.Environments[0].Environment)
	}
	var kinds collected[string, []CheckChange]
	for _, ref := range refs {
		*kinds.get(ref.Kind) = append(*kinds.get(ref.Kind), CheckChange{Ref: ref})
	}
	for _, kind := range kinds.order {
		rows = append(rows, []Cell{Text(c.Cluster), environment, Text(kind), Text(names(*kinds.get(kind))), Text(""), what, Text("")})
	}
	return rows
}

func valueText(value *string) string {
	if value == nil {
		return "unset"
	}
	return flux.ShortDuration(*value)
}

// names are an object's namespace and name, or how many there are.
func names(changes []CheckChange) string {
	if len(changes) == 1 {
		return strings.TrimPrefix(changes[0].Ref.Namespace+"/"+changes[0].Ref.Name, "/")
	}
	return fmt.Sprintf("%d objects", len(changes))
}

// collected keeps values by keys, in the order in which they came first.
type collected[K comparable, V any] struct {
	byKey map[K]*V
	order []K
}

func (c *collected[K, V]) get(key K) *V {
	if c.byKey == nil {
		c.byKey = map[K]*V{}
	}
	if c.byKey[key] == nil {
		c.byKey[key] = new(V)
		c.order = append(c.order, key)
	}
	return c.byKey[key]
}

// HostTable has a row for each host that gets more or fewer requests.
func (c BranchCheck) HostTable() Table {
	t := Table{Columns: []Column{{Name: "HOST", Shrink: terminal.Middle}, {Name: "SOURCES", Right: true, Spare: 1}, {Name: "PER HOUR", Right: true}, {Name: "CHANGE", Right: true}, {Name: "LIMIT", Right: true}, {Name: "USED", Right: true}}}
	for _, h := range c.Hosts {
		if h.Requests.Before == h.Requests.After {
			continue
		}
		limit, used := Cell{Text: "-", Style: Faint}, Cell{Text: "-", Style: Faint}
		if h.Limit != nil {
			limit, used = Text(rate(h.Limit.PerHour)+"/h"), percentCell(pairOf(*h.UsedPercent), 80, 100)
		}
		t.Rows = append(t.Rows, []Cell{Text(cmp.Or(h.Host, "<no host>")), delta(fmt.Sprint(h.Sources.Before), fmt.Sprint(h.Sources.After)), rateDelta(h.Requests), Text(h.more), limit, used})
	}
	return t
}

// CredentialTable has a row for each credential under which more or fewer requests are made, where any has a name.
func (c BranchCheck) CredentialTable() Table {
	t := Table{Columns: []Column{{Name: "HOST", Shrink: terminal.Middle}, {Name: "CREDENTIAL", Shrink: terminal.Middle}, {Name: "SOURCES", Right: true, Spare: 1}, {Name: "PER HOUR", Right: true}, {Name: "CHANGE", Right: true}}}
	named := false
	for _, l := range c.Credentials {
		if l.Requests.Before == l.Requests.After {
			continue
		}
		credential := Cell{Text: "none", Style: Faint}
		switch {
		case l.Secret != "":
			credential, named = Text("secret "+l.Secret), true
		case l.Provider != "":
			credential, named = Text("provider "+l.Provider), true
		}
		t.Rows = append(t.Rows, []Cell{Text(cmp.Or(l.Host, "<no host>")), credential, delta(fmt.Sprint(l.Sources.Before), fmt.Sprint(l.Sources.After)), rateDelta(l.Requests), Text(l.more)})
	}
	if !named {
		t.Rows = nil
	}
	return t
}

// LatencyTable has a row for each environment of a cluster in which commits take longer or shorter, or drift.
func (c BranchCheck) LatencyTable() Table {
	t := Table{Columns: []Column{{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "ENVIRONMENT", Shrink: terminal.Middle}, {Name: "COMMIT TO APPLIED"}, {Name: "AT WORST"}, {Name: "DRIFT CORRECTED WITHIN", Spare: 1}}}
	for _, cluster := range c.Clusters {
		for _, e := range cluster.Environments {
			if e.Latency.Before == e.Latency.After && e.WorstLatency.Before == e.WorstLatency.After && e.DriftCorrection.Before == e.DriftCorrection.After {
				continue
			}
			t.Rows = append(t.Rows, []Cell{
				Text(cluster.Cluster), environmentCell(e.Environment), textDelta(e.Latency), textDelta(e.WorstLatency), textDelta(e.DriftCorrection),
			})
		}
	}
	return t
}

// ControllerTable has a row for each controller and kind of a cluster that reconciles more or less often.
func (c BranchCheck) ControllerTable() Table {
	t := Table{Columns: []Column{{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "CONTROLLER", Shrink: terminal.Middle}, {Name: "KIND"}, {Name: "RECONCILES/H", Right: true}, {Name: "BUSY", Right: true}}}
	for _, cluster := range c.Clusters {
		for _, l := range cluster.Controllers {
			if l.Reconciles.Before != l.Reconciles.After {
				t.Rows = append(t.Rows, []Cell{Text(cluster.Cluster), Text(l.Controller), Text(l.Kind), rateDelta(l.Reconciles), percentCell(pairOf(l.BusyPercent), 70, 100)})
			}
		}
	}
	return t
}

// Text is a finding as compilers write it.
func (f CheckFinding) Text() string {
	at := "-"
	if f.File != "" {
		at = fmt.Sprintf("%s:%d:%d", terminal.FileName(f.File), f.Line, f.Column)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", at, f.Level, strings.ReplaceAll(f.Message, "\n", " "), f.Rule)
}

// Style is the colour of a finding.
func (f CheckFinding) Style() Style {
	switch f.Level {
	case string(check.LevelError):
		return Bad
	case string(check.LevelWarning):
		return Changed
	default:
		return Plain
	}
}

// Shown are the findings that the base does not have, or all.
func (c BranchCheck) Shown(all bool) []CheckFinding {
	return slices.DeleteFunc(slices.Clone(c.Findings), func(f CheckFinding) bool { return f.Known && !all })
}

// FindingsLine counts the findings.
func (c BranchCheck) FindingsLine(all bool) string {
	s := c.Summary
	line := fmt.Sprintf("%s, %s, %s", count(s.Errors, "error"), count(s.Warnings, "warning"), count(s.Notes, "note"))
	switch {
	case s.Known > 0 && all:
		line += fmt.Sprintf("; %d more are on the base, too", s.Known)
	case s.Known > 0:
		line += fmt.Sprintf("; %d more are on the base, too (--all shows them)", s.Known)
	}
	return line + "."
}

func pairOf(d check.Delta[float64]) budget.Rates {
	return budget.Rates{Now: d.Before, Planned: d.After}
}

func rateDelta(d check.Delta[float64]) Cell { return delta(rate(d.Before), rate(d.After)) }

func textDelta(d check.Delta[string]) Cell { return delta(cmp.Or(d.Before, "-"), cmp.Or(d.After, "-")) }

func delta(before, after string) Cell {
	if before == after {
		return Text(before)
	}
	return Cell{Text: before + " -> " + after, Style: Changed}
}

// percentMore says how much more or less a rate becomes: in percent, and above ten times as much as a factor.
func percentMore(d check.Delta[float64]) string {
	switch {
	case d.Before == 0:
		return "new"
	case d.After > 10*d.Before:
		return fmt.Sprintf("x%.0f", d.After/d.Before)
	}
	return fmt.Sprintf("%+.0f%%", (d.After/d.Before-1)*100)
}
