package report

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// WithBudget adds to a plan's summary what the plan costs and buys, before and after.
func (p Plan) WithBudget(b budget.Budget) Plan {
	git := rounded(b.Git)
	p.Summary.GitRequests = &git
	byName := make(map[string]BudgetEnvironment, len(b.Environments))
	for _, e := range NewBudgetEnvironments(b.Environments) {
		byName[e.Environment] = e
	}
	for i, e := range p.Summary.Environments {
		of, ok := byName[e.Environment]
		if !ok {
			continue
		}
		p.Summary.Environments[i].GitRequests = &of.GitRequests
		p.Summary.Environments[i].Latency = of.Latency
		p.Summary.Environments[i].DriftCorrection = of.DriftCorrection
	}
	p.Summary.Webhooks = &BudgetWebhooks{b.Webhooks.Sources, rounded(b.Webhooks.Requests)}
	return p
}

// PlanBudget is what a plan's summary says of its budget: a line, a table by environment, and a hint.
// The line is "" where there is nothing to say.
func PlanBudget(b budget.Budget) (line string, t Table, hint string) {
	if len(b.Environments) == 0 {
		return "", Table{}, ""
	}
	line = fmt.Sprintf("Git requests: %s/h, now and as planned.", rate(b.Git.Now))
	if b.Git.Now != b.Git.Planned {
		line = fmt.Sprintf("Git requests: %s/h now, %s/h then%s.", rate(b.Git.Now), rate(b.Git.Planned), Compare(b.Git))
	}
	return line, EnvironmentTable(NewBudgetEnvironments(b.Environments)), webhookNote(b)
}
