package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
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

// WithCourse adds how the changes go; nothing where there are none.
func (p Plan) WithCourse(c tune.Calm) Plan {
	if p.Summary.Change == 0 {
		return p
	}
	p.Course = &PlanCourse{Steps: c.Steps, Takes: takes(c), NotReady: []PlanNotReady{}, Fetches: fetches(c), Builds: builds(c)}
	for _, d := range c.Disturbed {
		p.Course.NotReady = append(p.Course.NotReady, PlanNotReady{Object: flux.InCluster(d.Cluster, d.Object.String()), On: d.On.String(), Why: d.Why})
	}
	return p
}

// takes is how long changes take, a second at least.
func takes(c tune.Calm) string {
	return flux.FormatDuration(max(time.Second, c.Duration.Round(time.Second)))
}

// fetches counts the charts that are fetched again, by host.
func fetches(c tune.Calm) []PlanFetches {
	counts := make(map[string]int)
	for _, f := range c.Fetches {
		if !f.Builds {
			counts[flux.ParseAddress(f.URL, false).Host]++
		}
	}
	var list []PlanFetches
	for _, host := range sortedKeys(counts) {
		list = append(list, PlanFetches{host, counts[host]})
	}
	sorting.By(list, func(a, b PlanFetches) int { return -cmp.Compare(a.Charts, b.Charts) })
	return list
}

// builds counts the charts that are built again from files.
func builds(c tune.Calm) int {
	n := 0
	for _, f := range c.Fetches {
		if f.Builds {
			n++
		}
	}
	return n
}

// buildLine says how many charts are built again from files; "" where none is.
func buildLine(c tune.Calm) string {
	switch n := builds(c); n {
	case 0:
		return ""
	case 1:
		return "1 chart is built again from the files of its source: only what it depends on is fetched"
	default:
		return fmt.Sprintf("%d charts are built again from the files of their sources: only what they depend on is fetched", n)
	}
}

// fetchLine says how many charts are fetched again, and from where; "" where none is.
func fetchLine(c tune.Calm, most int) string {
	fetched := len(c.Fetches) - builds(c)
	if fetched == 0 {
		return ""
	}
	var from []string
	list := fetches(c)
	for i, f := range list {
		if most > 0 && i == most {
			from = append(from, fmt.Sprintf("... (%s)", count(len(list), "host")))
			break
		}
		host := f.Host
		if host == "" {
			host = "sources that were not read"
		}
		from = append(from, fmt.Sprintf("%d from %s", f.Charts, host))
	}
	verb := "are"
	if fetched == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s %s fetched again: %s", count(fetched, "chart"), verb, strings.Join(from, ", "))
}
