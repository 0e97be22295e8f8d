package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// NewResults starts a report with what was planned. Done is the outcome of an object that was written: configured,
// restored or forgotten.
func NewResults(policy string, done cluster.Outcome, planned []Planned) Results {
	r := Results{Head: Head{APIVersion, "Results"}, Policy: policy, Done: string(done), Items: make([]Result, 0, len(planned))}
	for _, p := range planned {
		item := Result{Ref: NewRef(p.object), Action: string(p.outcome), Changes: newChanges(p.changes), Message: p.message, Kept: p.kept, undone: p.undone, object: p.object, done: string(cmp.Or(p.done, done))}
		if p.outcome == cluster.Failed {
			item.Message, item.Error = "", p.message
		}
		r.Items = append(r.Items, item)
	}
	return r
}

// With reports what was done: the results of the writes that were tried, and what became of owners' rules.
func (r Results) With(out cluster.Outcomes, gaps []flux.Gap) Results {
	byRef := make(map[flux.Ref]cluster.Result, len(out.Objects))
	for _, d := range out.Objects {
		byRef[d.Write.Target().Ref] = d
	}
	r.Items = slices.Clone(r.Items)
	for i := range r.Items {
		item := &r.Items[i]
		if d, tried := byRef[item.object.Ref]; tried {
			item.become(d, item.done)
		} else {
			item.NotReady = out.Behind[item.object.Ref]
		}
		r.Summary.count(*item, r.Done)
	}
	for _, d := range out.Owners {
		owner := Result{Ref: NewRef(d.Write.Target()), Changes: []Change{}, object: d.Write.Target()}
		owner.become(d, string(cluster.Configured))
		if pin, ok := d.Write.(tune.PinWrite); ok && d.Outcome == cluster.Configured {
			owner.Message, owner.rules = rulesMessage(pin.Pin), pin.Pin.ChangesRules()
		}
		owner.takenBack = d.TakenBack
		if owner.Action == string(cluster.Failed) {
			r.Summary.Failed++
		}
		r.Rules = append(r.Rules, owner)
	}
	r.Missing = missing(gaps)
	return r
}

// In names the cluster that the results are of, where there are several.
func (r Results) In(cluster string) Results {
	for _, list := range [][]Result{r.Items, r.Rules} {
		for i := range list {
			list[i].Ref.Cluster = cluster
		}
	}
	return r
}

// Cluster is the one that the results are of; "" where there is only one.
func (r Results) Cluster() string {
	if all := slices.Concat(r.Items, r.Rules); len(all) > 0 {
		return all[0].Ref.Cluster
	}
	return ""
}

// WithMissing adds what could not be read at all, such as a cluster that does not answer.
func (r Results) WithMissing(gaps []flux.Gap) Results {
	r.Missing = append(r.Missing, missing(gaps)...)
	return r
}

// And adds the results of another cluster.
func (r Results) And(other Results) Results {
	r.Items, r.Rules = append(r.Items, other.Items...), append(r.Rules, other.Rules...)
	r.Missing, r.Warnings = append(r.Missing, other.Missing...), append(r.Warnings, other.Warnings...)
	r.Session, r.DryRun = cmp.Or(r.Session, other.Session), cmp.Or(r.DryRun, other.DryRun)
	a, b := &r.Summary, other.Summary
	a.Changed, a.Released, a.Unchanged, a.Skipped = a.Changed+b.Changed, a.Released+b.Released, a.Unchanged+b.Unchanged, a.Skipped+b.Skipped
	a.Failed, a.NotAttempted, a.Uncertain = a.Failed+b.Failed, a.NotAttempted+b.NotAttempted, a.Uncertain+b.Uncertain
	a.Partial, a.NotReady = a.Partial+b.Partial, a.NotReady+b.NotReady
	return r
}

func rulesMessage(p tune.Pin) string {
	switch by := p.AdoptedBy(); {
	case by != "" && !p.ChangesRules():
		return fmt.Sprintf("the rules that fluxtune added are declared by %s now: they stay, and the note of them is gone", by)
	case !p.ChangesRules():
		return "had no rule of fluxtune any more: the note of them is gone"
	case len(p.Rules) == 0:
		return "bears no rule of fluxtune any more"
	}
	return fmt.Sprintf("leaves the changed fields of %s to fluxtune", count(p.Objects, "object"))
}

// become is what a result turned out to be.
func (r *Result) become(d cluster.Result, done string) {
	r.Action, r.NotReady, r.tried = string(d.Outcome), d.NotReady, true
	for _, f := range d.Beside {
		r.AlsoChanged = append(r.AlsoChanged, string(f))
	}
	if _, restores := d.Write.(tune.RestoreWrite); restores {
		r.takenAsFar(d)
	} else if d.Outcome == cluster.Configured {
		r.Action = done
		r.Message = strings.Join(append(optional(r.undone), optional(r.Message)...), "; ")
	} else if d.Outcome != cluster.Failed && d.Outcome != cluster.Uncertain {
		r.Changes = []Change{}
	}
	if d.Why != "" {
		r.Message = d.Why
	}
	if d.Err != nil {
		r.Error = d.Err.Error()
	}
	r.runEnded = errors.Is(d.Err, cluster.ErrInterrupted) || errors.Is(d.Err, cluster.ErrNoAnswer)
}

// takenAsFar is what became of a way back: of what was planned nothing is told but where nothing came of it. What was done was decided
// on the object as it was by then.
func (r *Result) takenAsFar(d cluster.Result) {
	var back tune.Restore
	if d.Back != nil {
		back = *d.Back
	}
	switch {
	case d.Outcome == cluster.Failed, d.Outcome == cluster.NotAttempted, d.Outcome == cluster.Uncertain && d.Back == nil:
		if d.Outcome == cluster.NotAttempted {
			r.Changes = []Change{}
		}
		return
	case d.Outcome != cluster.Configured:
		back.Changes = nil
	}
	made, changed := back.Changes, true
	if d.Left != nil && d.Outcome == cluster.Configured {
		made, changed = back.Made(*d.Left)
	}
	r.Changes, r.Message, r.Kept = newChanges(made), strings.Join(back.Notes, "; "), back.KeptMessage()
	switch {
	case d.Outcome != cluster.Configured:
	case d.Err != nil && !changed:
		r.Action = string(cluster.Failed)
	case len(made) == 0:
		r.Action = string(cluster.Released)
	default:
		r.Action = string(cluster.Restored)
	}
}

// inPart says that some of what was to be taken back stays, or that what was written is not as planned.
func (r Result) inPart() bool {
	switch cluster.Outcome(r.Action) {
	case cluster.Configured:
		return r.Error != ""
	case cluster.Restored, cluster.Released, cluster.Forgotten:
		return r.Kept != "" || r.Error != ""
	default:
		return false
	}
}

func (s *ResultSummary) count(r Result, done string) {
	if r.NotReady != "" {
		s.NotReady++
	}
	if r.inPart() { // each counts once
		s.Partial++
		return
	}
	switch cluster.Outcome(r.Action) {
	case cluster.Outcome(done):
		s.Changed++
	case cluster.Released:
		s.Released++
	case cluster.Unchanged:
		s.Unchanged++
	case cluster.Skipped:
		s.Skipped++
	case cluster.Failed:
		s.Failed++
	case cluster.NotAttempted:
		s.NotAttempted++
	case cluster.Uncertain:
		s.Uncertain++
	}
}

// Line is the summary in one line; done is the word for what was written.
func (s ResultSummary) Line(done string) string {
	line := fmt.Sprintf("%d %s, %d unchanged, %d left alone, %d failed", s.Changed, done, s.Unchanged, s.Skipped, s.Failed)
	partial := "not taken back whole"
	if done == string(cluster.Configured) {
		partial = "not as planned"
	}
	for _, more := range []struct {
		count int
		words string
	}{
		{s.Released, "released"}, {s.Partial, partial}, {s.Uncertain, "uncertain"}, {s.NotReady, "not ready yet"}, {s.NotAttempted, "not attempted"},
	} {
		if more.count > 0 {
			line += fmt.Sprintf(", %d %s", more.count, more.words)
		}
	}
	return line
}

// RulesLine says of how many Kustomizations the rules were changed, or set and taken away again; "" of none.
func (r Results) RulesLine() string {
	changed, takenBack := 0, 0
	for _, rule := range r.Rules {
		switch {
		case rule.takenBack:
			takenBack++
		case rule.rules:
			changed++
		}
	}
	var lines []string
	if changed > 0 {
		verb := "changed"
		if r.DryRun != "" {
			verb = "would change"
		}
		lines = append(lines, fmt.Sprintf("The rules in spec.ignore of %s %s.", count(changed, "Kustomization"), verb))
	}
	if takenBack > 0 {
		lines = append(lines, fmt.Sprintf("The rules in spec.ignore of %s were set, and taken away again.", count(takenBack, "Kustomization")))
	}
	return strings.Join(lines, "\n")
}

// Table shows the results like kubectl apply does, one line an object.
func (r Results) Table(withNamespace bool) Table {
	all := slices.Concat(r.Rules, r.Items)
	where, cells := whereColumns(all, func(item Result) Ref { return item.Ref }, withNamespace)
	t := Table{Columns: append(where,
		[]Column{{Name: "KIND"}, {Name: "NAME", Shrink: terminal.Middle}, {Name: "RESULT"}, {Name: "CHANGES", Shrink: terminal.End, Below: true}, {Name: "WHY", Shrink: terminal.End, Below: true}}...)}
	for _, item := range all {
		changes := make([]string, 0, len(item.Changes))
		for _, c := range item.Changes {
			changes = append(changes, strings.TrimPrefix(c.Field, "spec.")+" "+Arrow(c))
		}
		result := Cell{Text: outcomeWord(item.Action), Style: r.outcomeStyle(item.Action)}
		if item.inPart() {
			result.Text = "not whole" // as the summary counts it
		}
		if r.DryRun != "" && r.outcomeStyle(item.Action) == Good {
			result.Text += " (" + dryRunNote(r.DryRun) + ")"
		}
		t.Rows = append(t.Rows, append(cells(item.Ref),
			Text(item.Ref.Kind), Text(item.Ref.Name), result, Text(strings.Join(changes, ", ")), Text(item.why())))
	}
	return t
}

// beside says what admission changed besides; "" where that is nothing.
func (r Result) beside() string {
	if len(r.AlsoChanged) == 0 {
		return ""
	}
	return fmt.Sprintf("admission (a policy or webhook) also changes %s, which revert does not take back", strings.Join(r.AlsoChanged, ", "))
}

func (r Result) why() string {
	var parts []string
	for _, part := range []string{r.Error, r.Message, r.Kept, r.NotReady, r.beside()} {
		if part != "" && !slices.Contains(parts, part) {
			parts = append(parts, oneLine(part))
		}
	}
	return strings.Join(parts, "; ")
}

// outcomeWord writes an outcome for people.
func outcomeWord(action string) string {
	switch cluster.Outcome(action) {
	case cluster.Skipped:
		return "left alone"
	case cluster.NotAttempted:
		return "not attempted"
	default:
		return action
	}
}

// dryRunNote is what kubectl writes behind a result that was not persisted.
func dryRunNote(mode string) string {
	if mode == "server" {
		return "server dry run"
	}
	return "dry run"
}

func (r Results) outcomeStyle(action string) Style {
	switch cluster.Outcome(action) {
	case cluster.Outcome(r.Done), cluster.Configured, cluster.Released:
		return Good
	case cluster.Failed, cluster.Uncertain:
		return Bad
	default:
		return Faint
	}
}

// Names are the objects that were written, as kubectl -o name writes them.
func (r Results) Names() []string {
	names := []string{}
	for _, item := range r.Items {
		if item.Action == r.Done || item.Action == string(cluster.Released) {
			names = append(names, resourceName(item.Ref))
		}
	}
	return names
}
