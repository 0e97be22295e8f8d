package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// NewPlan reports a plan. The environments give the order of the summary.
func NewPlan(p tune.Plan, gaps []flux.Gap, environments []string) Plan {
	plan := Plan{
		Head:     Head{APIVersion, "Plan"},
		Policy:   p.Policy,
		Items:    make([]PlanItem, 0, len(p.Items)),
		Missing:  missing(gaps),
		Warnings: p.Warnings,
	}
	for _, item := range p.Items {
		plan.Items = append(plan.Items, PlanItem{
			Ref:               NewRef(item.Object),
			Environment:       item.Assignment.Environment,
			EnvironmentSource: string(item.Assignment.Source),
			EnvironmentVia:    item.Assignment.Via,
			Action:            string(item.Action),
			Reason:            string(item.Reason),
			Message:           item.Message,
			Changes:           newChanges(item.Changes),
			Notes:             append(optional(item.Kept), item.Notes...),
			Lasting:           newLasting(item.Stick),
			left:              item.Kept,
			object:            item.Object,
		})
	}
	for _, pin := range p.Pins {
		plan.Pins = append(plan.Pins, PlanPin{Ref: NewRef(pin.Owner), Objects: pin.Objects, Rules: len(pin.Rules)})
	}
	summary := tune.Summarize(p, environments)
	plan.Summary.Counts = Counts(summary.Counts)
	plan.Summary.Environments = []EnvironmentSummary{}
	for _, e := range summary.Environments {
		plan.Summary.Environments = append(plan.Summary.Environments, EnvironmentSummary{Environment: e.Environment, Counts: Counts(e.Counts)})
	}
	return plan
}

// NewRestores reports the way back of objects like a plan.
func NewRestores(restores []tune.Restore, gaps []flux.Gap) Plan {
	plan := Plan{Head: Head{APIVersion, "Plan"}, Items: make([]PlanItem, 0, len(restores)), Missing: missing(gaps)}
	plan.Summary.Environments = []EnvironmentSummary{}
	for _, r := range restores {
		plan.Items = append(plan.Items, PlanItem{
			Ref:               NewRef(r.Object),
			Environment:       r.Assignment.Environment,
			EnvironmentSource: string(r.Assignment.Source),
			EnvironmentVia:    r.Assignment.Via,
			Action:            string(r.Action),
			Reason:            string(r.Reason),
			Message:           r.Message,
			Changes:           newChanges(r.Changes),
			Notes:             r.Notes,
			left:              strings.Join(append(optional(r.KeptMessage()), r.Notes...), "; "),
			object:            r.Object,
		})
	}
	return plan
}

func newChanges(changes []tune.Change) []Change {
	list := make([]Change, 0, len(changes))
	for _, c := range changes {
		list = append(list, Change{string(c.Field), c.From, c.To})
	}
	return list
}

func missing(gaps []flux.Gap) []Missing {
	var list []Missing
	for _, g := range gaps {
		if !g.Harmless {
			list = append(list, Missing{g.What, g.Why})
		}
	}
	return list
}

// planFields are the fields that have a column of their own.
var planFields = []struct {
	field  flux.Field
	column string
}{
	{flux.Interval, "INTERVAL"}, {flux.Timeout, "TIMEOUT"}, {flux.RetryInterval, "RETRY"}, {flux.ChartInterval, "CHART-INTERVAL"},
}

// Table shows a plan like a diff: ~ marks an object that changes, - one that is left alone, and each
// field shows its value or its way from one to another. Columns that say nothing are left out.
func (p Plan) Table(withNamespace bool) Table {
	t := Table{Columns: append([]Column{{Name: ""}}, namespaceColumn(withNamespace)...)}
	t.Columns = append(t.Columns, []Column{{Name: "KIND"}, {Name: "NAME"}, {Name: "ENVIRONMENT", Spare: 1}, {Name: "VIA", Wide: true}}...)
	fields := p.fields()
	for _, f := range planFields {
		t.Columns = append(t.Columns, Column{Name: f.column, Wide: !fields[f.field]})
	}
	owned := slices.ContainsFunc(p.Items, func(item PlanItem) bool { return item.Owner != nil })
	t.Columns = append(t.Columns, Column{Name: "STICKS", Wide: !owned}, Column{Name: "WHY"}, Column{Name: "NOTES", Wide: true})
	for _, item := range p.Items {
		row := append([]Cell{markCell(item.Action)}, namespaceCell(withNamespace, item.Ref)...)
		row = append(row, Text(item.Ref.Kind), Text(item.Ref.Name), environmentCell(item.Environment), Cell{item.EnvironmentVia, Faint})
		for _, f := range planFields {
			row = append(row, fieldCell(item, f.field))
		}
		why := whyCell(item)
		said := func(note string) bool { return strings.Contains(why.Text, note) }
		notes := slices.DeleteFunc(slices.Clone(item.Notes), said)
		t.Rows = append(t.Rows, append(row, sticksCell(item), why, Cell{strings.Join(notes, "; "), Faint}))
	}
	return t
}

// sticksCell: where nothing changes, WHY says what there is to say.
func sticksCell(item PlanItem) Cell {
	if item.Action != string(tune.ActionChange) {
		return Cell{"-", Faint}
	}
	return item.cell()
}

// fields tells which fields are worth a column: interval and timeout always, others when they change.
func (p Plan) fields() map[flux.Field]bool {
	fields := map[flux.Field]bool{flux.Interval: true, flux.Timeout: true}
	for _, item := range p.Items {
		for _, c := range item.Changes {
			fields[flux.Field(c.Field)] = true
		}
	}
	return fields
}

func markCell(action string) Cell {
	switch tune.Action(action) {
	case tune.ActionChange:
		return Cell{"~", Changed}
	case tune.ActionSkip:
		return Cell{"-", Faint}
	default:
		return Cell{"=", Good}
	}
}

func fieldCell(item PlanItem, field flux.Field) Cell {
	for _, c := range item.Changes {
		if c.Field == string(field) {
			return Cell{Arrow(c), Changed}
		}
	}
	return setOrEffective(item.object.Value(field), effective(item.object, field))
}

// Arrow writes a change as "5m -> 1m".
func Arrow(c Change) string { return tune.Show(c.From) + " -> " + tune.Show(c.To) }

func whyCell(item PlanItem) Cell {
	switch tune.Action(item.Action) {
	case tune.ActionSkip:
		return Text(item.Message)
	case tune.ActionUnchanged:
		return Cell{"unchanged", Faint}
	default:
		return Text(item.left)
	}
}

func optional(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// Names are the objects that change, as kubectl -o name writes them.
func (p Plan) Names() []string {
	names := []string{}
	for _, item := range p.Items {
		if item.Action == string(tune.ActionChange) {
			names = append(names, resourceName(item.Ref))
		}
	}
	return names
}

// SummaryTable shows what a plan does in each environment.
func SummaryTable(s tune.Summary) Table {
	t := Table{Columns: []Column{
		{Name: "ENVIRONMENT"}, {Name: "OBJECTS", Right: true}, {Name: "CHANGE", Right: true},
		{Name: "UNCHANGED", Right: true, Spare: 2}, {Name: "LEFT ALONE", Right: true, Spare: 1}, {Name: "WHAT CHANGES"},
	}}
	for _, e := range s.Environments {
		moves := slices.Clone(e.Moves)
		for i, line := range movesLines(moves) {
			row := []Cell{{}, {}, {}, {}, {}, {line, Changed}}
			if i == 0 {
				row = []Cell{environmentCell(e.Environment), number(e.Objects), number(e.Change), number(e.Unchanged), number(e.Skip), {line, Changed}}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if len(s.Environments) > 1 {
		t.Rows = append(t.Rows, []Cell{{"total", Strong}, number(s.Objects), number(s.Change), number(s.Unchanged), number(s.Skip), {}})
	}
	return t
}

// movesLines writes one line a kind: "26 GitRepository: interval 5m -> 1m, timeout 5m -> 2m". There is
// always one line at least.
func movesLines(moves []tune.MoveCount) []string {
	var kinds []string
	byKind := make(map[string][]string)
	for _, m := range moves {
		if byKind[m.Kind] == nil {
			kinds = append(kinds, m.Kind)
		}
		field := strings.TrimPrefix(string(m.Change.Field), "spec.")
		byKind[m.Kind] = append(byKind[m.Kind], fmt.Sprintf("%s %s -> %s (%d)", field, tune.Show(m.Change.From), tune.Show(m.Change.To), m.Count))
	}
	lines := []string{}
	for _, k := range kinds {
		lines = append(lines, k+": "+strings.Join(byKind[k], ", "))
	}
	if len(lines) == 0 {
		lines = append(lines, "")
	}
	return lines
}

func number(n int) Cell { return Text(fmt.Sprint(n)) }

func uniqueSorted(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
