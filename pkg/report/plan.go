package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
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
		left := item.Kept
		if item.Repins() || item.OnlyKeeps() {
			left = item.Message
		}
		plan.Items = append(plan.Items, PlanItem{
			Ref:               NewRef(item.Object),
			Environment:       item.Assignment.Environment,
			EnvironmentSource: string(item.Assignment.Source),
			EnvironmentVia:    item.Assignment.Via,
			Interval:          effective(item.Object, flux.Interval),
			Action:            string(item.Action),
			Reason:            string(item.Reason),
			Message:           item.Message,
			Changes:           newChanges(item.Changes),
			Notes:             append(optional(item.Kept), item.Notes...),
			Lasting:           newLasting(item.Stick),
			left:              left,
			standing:          item.Standing,
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
		action := r.Action
		if r.Followed() {
			action = tune.ActionUnchanged
		}
		plan.Items = append(plan.Items, PlanItem{
			Ref:               NewRef(r.Object),
			Environment:       r.Assignment.Environment,
			EnvironmentSource: string(r.Assignment.Source),
			EnvironmentVia:    r.Assignment.Via,
			Interval:          effective(r.Object, flux.Interval),
			Action:            string(action),
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

// NotRead names in a line what could not be read; none where that is nothing. On a terminal it names little: the warnings, which
// name each with its reason, are on the same screen, or above it.
func NotRead(list []Missing, l Layout) []string {
	most := 5
	if l.Width > 0 {
		most = 1
	}
	var names []string
	for i, m := range list {
		if i == most && len(list) > most+1 {
			names = append(names, fmt.Sprintf("%d more", len(list)-most))
			break
		}
		names = append(names, flux.InCluster(m.Cluster, m.What))
	}
	if len(names) == 0 {
		return nil
	}
	return []string{strings.Join(names, ", ") + "; what is said here is of the rest"}
}

// Missing are the gaps as documents have them.
func NewMissing(gaps []flux.Gap) []Missing { return missing(gaps) }

func missing(gaps []flux.Gap) []Missing {
	var list []Missing
	for _, g := range gaps {
		if !g.Harmless {
			list = append(list, Missing{g.Cluster, g.What, g.Why})
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
// field shows its value or its way from one to another. Columns that say nothing are left out where people read.
func (p Plan) Table(withNamespace bool) Table {
	where, cells := whereColumns(p.Items, func(item PlanItem) Ref { return item.Ref }, withNamespace)
	t := Table{Columns: append([]Column{{Name: ""}}, where...)}
	t.Columns = append(t.Columns, []Column{{Name: "KIND"}, {Name: "NAME", Shrink: terminal.Middle}, {Name: "ENVIRONMENT", Spare: 3, Shrink: terminal.Middle}, {Name: "VIA", Wide: true}}...)
	fields := p.fields()
	for _, f := range planFields {
		column := Column{Name: f.column, Mute: !fields[f.field]}
		if f.field != flux.Interval && f.field != flux.Timeout {
			column.Spare = 1
		}
		t.Columns = append(t.Columns, column)
	}
	owned := slices.ContainsFunc(p.Items, func(item PlanItem) bool { return item.Owner != nil })
	t.Columns = append(t.Columns, Column{Name: "STICKS", Mute: !owned, Spare: 2, Shrink: terminal.End, Below: true}, Column{Name: "WHY", Shrink: terminal.End, Below: true}, Column{Name: "NOTES", Wide: true, Shrink: terminal.End})
	for _, item := range p.Items {
		row := append([]Cell{markCell(item.Action)}, cells(item.Ref)...)
		row = append(row, Text(item.Ref.Kind), Text(item.Ref.Name), environmentCell(item.Environment), Cell{Text: item.EnvironmentVia, Style: Faint})
		for _, f := range planFields {
			row = append(row, fieldCell(item, f.field))
		}
		why := whyCell(item)
		said := func(note string) bool { return strings.Contains(why.Text, note) }
		notes := slices.DeleteFunc(slices.Clone(item.Notes), said)
		t.Rows = append(t.Rows, append(row, sticksCell(item), why, Cell{Text: strings.Join(notes, "; "), Style: Faint}))
	}
	return t
}

// sticksCell: where nothing changes, WHY says what there is to say, but of what an apply has set and something sets again.
func sticksCell(item PlanItem) Cell {
	if item.Action != string(tune.ActionChange) && !item.standing {
		return Cell{Text: "-", Style: Faint, Implied: true}
	}
	return item.cell()
}

// fields tells which fields are worth a column: interval and timeout always, others when they change.
func (p Plan) fields() map[flux.Field]bool {
	fields := map[flux.Field]bool{flux.Interval: true, flux.Timeout: true}
	for _, item := range p.Items {
		for _, f := range planFields {
			fields[f.field] = fields[f.field] || item.changed(f.field) != nil || item.following(f.field) != ""
		}
	}
	return fields
}

func markCell(action string) Cell {
	switch tune.Action(action) {
	case tune.ActionChange:
		return Cell{Text: "~", Style: Changed}
	case tune.ActionSkip:
		return Cell{Text: "-", Style: Faint}
	default:
		return Cell{Text: "=", Style: Good}
	}
}

func fieldCell(item PlanItem, field flux.Field) Cell {
	if c := item.changed(field); c != nil {
		return Cell{Text: Arrow(*c), Style: Changed}
	}
	if after := item.following(field); after != "" {
		return Cell{Text: "(" + effective(item.object, field) + ") -> (" + after + ")", Style: Changed}
	}
	return setOrEffective(item.object.Value(field), effective(item.object, field))
}

// following is what Flux will use for a field that is unset, and stays so, where that changes with the interval; else "".
func (item PlanItem) following(field flux.Field) string {
	o := item.object
	if !o.Has(field) || item.changed(field) != nil || o.Value(field) != nil {
		return ""
	}
	every := item.changed(flux.Interval)
	if every == nil {
		return ""
	}
	before, after := o.Effective(field), o.EffectiveWith(field, nil, every.To)
	if before == 0 || before == after {
		return ""
	}
	return flux.FormatDuration(after)
}

// changed is the change of a field; nil where there is none.
func (item PlanItem) changed(field flux.Field) *Change {
	for i := range item.Changes {
		if item.Changes[i].Field == string(field) {
			return &item.Changes[i]
		}
	}
	return nil
}

// Arrow writes a change as "5m -> 1m".
func Arrow(c Change) string { return tune.Show(c.From) + " -> " + tune.Show(c.To) }

func whyCell(item PlanItem) Cell {
	switch tune.Action(item.Action) {
	case tune.ActionSkip:
		return Text(item.Message)
	case tune.ActionUnchanged:
		more := append(optional(item.left), optional(item.Fit.why())...)
		return Cell{Text: strings.Join(append([]string{"unchanged"}, more...), "; "), Style: Faint, Implied: len(more) == 0} // by the mark
	default:
		return Text(strings.Join(append(optional(item.left), optional(item.Fit.why())...), "; "))
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

func number(n int) Cell { return Text(fmt.Sprint(n)) }

func uniqueSorted(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
