package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// screenBudget has so many hosts and environments, and one repository that gets more than the others.
func screenBudget(hosts, environments int) Budget {
	b := Budget{Policy: "per-environment", Notes: []string{beyondNote}}
	b.Summary.GitRequests = budget.Rates{Now: 2562, Planned: 5698}
	for i := range hosts {
		b.Hosts = append(b.Hosts, BudgetHost{Host: fmt.Sprintf("git%d.example.com", i), Requests: budget.Rates{Now: 60, Planned: 120}, Clusters: []BudgetCluster{{Cluster: "a"}, {Cluster: "b"}}})
	}
	for i := range environments {
		b.Environments = append(b.Environments, BudgetEnvironment{Environment: fmt.Sprintf("env%d", i), GitRequests: budget.Rates{Now: 60, Planned: 120}})
	}
	b.Repositories = []BudgetRepository{
		{Address: "github.com/acme/quiet", Requests: budget.Rates{Now: 12, Planned: 60}, Objects: []string{"GitRepository a/quiet"}},
		{Address: "github.com/acme/busy", Requests: budget.Rates{Now: 3600512, Planned: 60}, Objects: []string{"GitRepository a/busy"}},
	}
	b.Controllers = []BudgetWorkers{{Controller: "source-controller", Kind: "GitRepository", Concurrent: 2, BusyPercent: budget.Rates{Now: 10, Planned: 34}}}
	return b
}

// However many hosts and environments there are, the overview of a budget fits the smallest terminal beside the line that is typed on,
// and names what costs most where that stands out.
func TestTheOverviewOfABudgetFitsAndNamesTheCostliest(t *testing.T) {
	t.Parallel()
	for hosts := range 20 {
		for environments := range 8 {
			var out bytes.Buffer
			require.NoError(t, screenBudget(hosts, environments).DrawOverview(&out, "kubectl fluxtune plan --all-contexts -A", Layout{Width: 80, Height: 24}))
			assert.LessOrEqual(t, strings.Count(out.String(), "\n"), 23, "%d hosts, %d environments:\n%s", hosts, environments, out.String())
			assert.Contains(t, out.String(), "Costliest    github.com/acme/busy", "%d hosts, %d environments", hosts, environments)
			assert.Contains(t, out.String(), "comes on top", "%d hosts, %d environments", hosts, environments)
		}
	}
}

// Where objects were chosen, what counts more than them says so, and what they ask alone is told beside it.
func TestABudgetOfSomeObjectsSaysWhatCountsAll(t *testing.T) {
	t.Parallel()
	host := budget.Host{Name: "github.com", Requests: budget.Rates{Now: 1250, Planned: 1250}, Others: 5050, Limit: &budget.Limit{PerHour: 5000}, Used: budget.Rates{Now: 126, Planned: 126}}
	b := NewBudget(budget.Budget{Hosts: []budget.Host{host}, Workers: []budget.Workers{{Controller: "source-controller", Kind: "GitRepository", Concurrent: 2}}}, "fast", nil, nil)
	var out bytes.Buffer
	require.NoError(t, b.DrawOverview(&out, "", Layout{Width: 80, Height: 24}))
	assert.Contains(t, out.String(), "what is shown is 25% of github.com's limit, and with the rest 126%\n")
	assert.Contains(t, out.String(), "with what is not shown")
	var titles []string
	for _, s := range b.Sections(false) {
		titles = append(titles, s.Title)
	}
	assert.Contains(t, titles, "Controllers, with what is not shown")
	assert.Contains(t, strings.Join(b.Notes, "\n"), "counts them: what is shown is 25% of github.com's limit, and with the rest 126%.")
}

// Of hosts above their limits the fullest is named first, by a plan and by a budget.
func TestTheFullestHostIsFirst(t *testing.T) {
	t.Parallel()
	host := func(name string, requests, used float64) budget.Host {
		return budget.Host{Name: name, Requests: budget.Rates{Now: requests, Planned: requests}, Limit: &budget.Limit{PerHour: 100}, Used: budget.Rates{Now: used / 2, Planned: used}}
	}
	all := budget.Budget{Hosts: []budget.Host{host("calm.example.com", 9000, 90), host("github.com", 3000, 108), host("git8.example.org", 60, 273)}}
	var names []string
	for _, h := range (Overview{Budget: all}).limitedHosts() {
		names = append(names, h.Name)
	}
	want := []string{"git8.example.org", "github.com", "calm.example.com"}
	assert.Equal(t, want, names)
	ranked, above := NewBudget(all, "fast", nil, nil).rankedHosts()
	names = nil
	for _, h := range ranked {
		names = append(names, h.Host)
	}
	assert.Equal(t, want, names)
	assert.Equal(t, 2, above)
}

// An object at which Flux never looks again is counted with the others.
func TestAnIntervalOfZeroIsCounted(t *testing.T) {
	t.Parallel()
	zero, some := "0s", "5m"
	l := ObjectList{Items: []Object{
		{Ref: Ref{Kind: "GitRepository", Name: "a"}, Environment: "dev", Interval: &zero},
		{Ref: Ref{Kind: "GitRepository", Name: "b"}, Environment: "dev", Interval: &some, Effective: Effective{Interval: some}},
	}}
	var out bytes.Buffer
	require.NoError(t, l.DrawOverview(&out, []string{"dev"}, "", "", Layout{Width: 80, Height: 24}))
	assert.Regexp(t, `(?m)^dev +2 `, out.String())
	assert.Contains(t, out.String(), "OTHER")
	assert.Contains(t, out.String(), "1 with interval 0, at which Flux never looks again by itself")
	l.Items = l.Items[1:]
	out.Reset()
	require.NoError(t, l.DrawOverview(&out, []string{"dev"}, "", "", Layout{Width: 80, Height: 24}))
	assert.NotContains(t, out.String(), "OTHER")
}

// What a branch adds to a cluster of one environment says which.
func TestAddedObjectsSayTheirEnvironment(t *testing.T) {
	t.Parallel()
	for environment, want := range map[string]string{"staging": "staging", "": "<none>"} {
		c := BranchCheck{Clusters: []CheckCluster{{Cluster: "clusters/prod2", Added: []Ref{{Kind: "GitRepository", Name: "a"}}, Environments: []CheckEnvironment{{Environment: environment}}}}}
		assert.Equal(t, want, c.ChangeTable().Rows[0][1].Text)
	}
}
