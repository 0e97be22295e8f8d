package report

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// rowsBudget has an object of no cost, two sources that cost, and what they poll.
func rowsBudget() Budget {
	item := func(kind, name, repository string, requests float64) budget.Item {
		i := budget.Item{Object: flux.Object{Ref: flux.Ref{Kind: kind, Namespace: "apps", Name: name}}, Requests: budget.Rates{Now: requests, Planned: requests}}
		i.Address = flux.Address{Host: "github.com", Path: repository}
		return i
	}
	items := []budget.Item{item("Kustomization", "a", "", 0), item("GitRepository", "b", "acme/b", 12), item("GitRepository", "c", "acme/c", 60)}
	return NewBudget(budget.Budget{
		Items: items,
		Hosts: []budget.Host{{Name: "github.com", Sources: 2, Requests: budget.Rates{Now: 72, Planned: 72}}},
		Repositories: []budget.Repository{
			{Address: items[2].Address, Objects: []flux.Located{items[2].Object.Located()}, Requests: items[2].Requests},
			{Address: items[1].Address, Objects: []flux.Located{items[1].Object.Located()}, Requests: items[1].Requests},
		},
	}, "per-environment", nil, nil)
}

func TestTheSectionsOfABudgetHaveARowForEachRepositoryAndObjectTheCostliestFirst(t *testing.T) {
	t.Parallel()
	b := rowsBudget()
	for _, wide := range []bool{false, true} {
		rows := make(map[string][]string)
		for _, s := range b.Sections(wide) {
			column := slices.IndexFunc(s.Table.Columns, func(c Column) bool { return c.Name == "NAME" || c.Name == "REPOSITORY" })
			for _, row := range s.Table.Rows {
				if column >= 0 {
					rows[s.Title] = append(rows[s.Title], row[column].Text)
				}
			}
		}
		assert.Equal(t, map[string][]string{"By repository": {"github.com/acme/c", "github.com/acme/b"}, "By object": {"c", "b", "a"}}, rows, "wide %t", wide)
	}
	for _, s := range (Budget{Items: b.Items}).Sections(false) {
		assert.NotContains(t, []string{"Requests by host", "By repository"}, s.Title, "nothing polls a host")
	}
}

func TestTheRowsOfABudgetKeepTheirCostOnALowTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, rowsBudget().Table(true).Draw(&out, Layout{Width: 80, Height: 24}))
	for _, column := range []string{"NAMESPACE", "KIND", "NAME", "INTERVAL", "REQUESTS/H", "WHERE"} {
		assert.Contains(t, out.String(), column)
	}
}
