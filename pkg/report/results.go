package report

import (
	"errors"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// NewResults reports what was done: the results of the changes that were tried, and the items that
// the plan left alone.
// Rules are what was done with the Kustomizations that apply the objects.
func NewResults(p tune.Plan, done, rules []cluster.Result, gaps []flux.Gap) Results {
	r := Results{Head: Head{APIVersion, "Results"}, Policy: p.Policy, Items: []Result{}, Missing: missing(gaps), Warnings: p.Warnings}
	byRef := make(map[flux.Ref]cluster.Result, len(done))
	for _, d := range done {
		byRef[d.Item.Object.Ref] = d
	}
	for _, item := range p.Items {
		result, tried := byRef[item.Object.Ref]
		if !tried {
			result = cluster.Result{Item: item, Outcome: cluster.Unchanged}
			if item.Action == tune.ActionSkip {
				result.Outcome = cluster.Skipped
			}
			if item.Reason == tune.ReasonBadRecord {
				result.Outcome, result.Err = cluster.Failed, errors.New(item.Message)
			}
		}
		r.Items = append(r.Items, newResult(result))
		r.Summary.count(result)
	}
	for _, d := range rules {
		result := newResult(d)
		result.Message = d.Item.Message
		r.Rules = append(r.Rules, result)
		if d.Outcome == cluster.Failed {
			r.Summary.Failed++
		}
	}
	return r
}

func newResult(d cluster.Result) Result {
	r := Result{Ref: NewRef(d.Item.Object), Action: string(d.Outcome), Changes: []Change{}, object: d.Item.Object}
	if d.Outcome == cluster.Configured || d.Outcome == cluster.Failed {
		r.Changes = newChanges(d.Item.Changes)
	}
	switch {
	case d.Item.Action != tune.ActionChange:
		r.Message = d.Item.Message
	case d.Outcome == cluster.Configured:
		r.Message = leftAsIs(d.Item)
	}
	if d.Err != nil {
		r.Error = d.Err.Error()
	}
	return r
}

func (s *ResultSummary) count(d cluster.Result) {
	switch d.Outcome {
	case cluster.Configured:
		s.Configured++
	case cluster.Unchanged:
		s.Unchanged++
	case cluster.Failed:
		s.Failed++
	case cluster.Skipped:
		s.Skipped++
		if errors.Is(d.Err, cluster.ErrNotAttempted) {
			s.NotAttempted++
		}
	}
}

// Table shows the results like kubectl apply does, one line an object.
func (r Results) Table(withNamespace bool) Table {
	t := Table{Columns: append(namespaceColumn(withNamespace),
		[]Column{{Name: "KIND"}, {Name: "NAME"}, {Name: "RESULT"}, {Name: "CHANGES"}, {Name: "WHY"}}...)}
	for _, item := range slices.Concat(r.Rules, r.Items) {
		changes := make([]string, 0, len(item.Changes))
		for _, c := range item.Changes {
			changes = append(changes, strings.TrimPrefix(c.Field, "spec.")+" "+Arrow(c))
		}
		why := item.Message
		if item.Error != "" {
			why = oneLine(item.Error)
		}
		result := Cell{item.Action, outcomeStyle(item.Action)}
		if r.DryRun != "" && item.Action == string(cluster.Configured) {
			result.Text += " (" + dryRunNote(r.DryRun) + ")"
		}
		t.Rows = append(t.Rows, append(namespaceCell(withNamespace, item.Ref),
			Text(item.Ref.Kind), Text(item.Ref.Name), result, Text(strings.Join(changes, ", ")), Text(why)))
	}
	return t
}

// dryRunNote is what kubectl writes behind a result that was not persisted.
func dryRunNote(mode string) string {
	if mode == "server" {
		return "server dry run"
	}
	return "dry run"
}

func outcomeStyle(action string) Style {
	switch cluster.Outcome(action) {
	case cluster.Configured:
		return Good
	case cluster.Failed:
		return Bad
	default:
		return Faint
	}
}

// Names are the objects that were configured, as kubectl -o name writes them.
func (r Results) Names() []string {
	names := []string{}
	for _, item := range r.Items {
		if item.Action == string(cluster.Configured) {
			names = append(names, resourceName(item.Ref))
		}
	}
	return names
}

// Failures are the results that failed, in their order.
func (r Results) Failures() []Result {
	var failures []Result
	for _, item := range slices.Concat(r.Rules, r.Items) {
		if item.Action == string(cluster.Failed) {
			failures = append(failures, item)
		}
	}
	return failures
}
