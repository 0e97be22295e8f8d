package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// projects is a fleet with names as platforms have them, of which an owner holds some.
func projects(t *testing.T) flux.Snapshot {
	t.Helper()
	s := flux.Snapshot{Namespaces: map[string]map[string]string{}}
	for i := range 3 {
		namespace := fmt.Sprintf("development-project-%02d", i)
		s.Namespaces[namespace] = map[string]string{"environment": "development"}
		for _, kind := range []string{"GitRepository", "Kustomization"} {
			s.Objects = append(s.Objects, object(t, kind, namespace, fmt.Sprintf("project-%02d", i), func(o *flux.Object) {
				o.Interval, o.Timeout = ptr("5m"), ptr("1m")
				o.Suspended = i == 2
			}))
		}
	}
	return s
}

// flat is a text without line breaks and the spaces around them.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// A row tells on a terminal of 80 columns what it tells in a pipe: which object, what becomes of it, and why.
func TestRowsTellAllOnATerminal(t *testing.T) {
	t.Parallel()
	s := projects(t)
	p := tune.NewPlan(s.Objects, defaultPolicy(t), policy.NewResolver(defaultPolicy(t), s, ""), tune.Options{Judge: tune.NewJudge(s)})
	results := NewResults(p.Policy, cluster.Configured, PlannedItems(p.Items)).With(cluster.Outcomes{Objects: []cluster.Result{
		{Write: tune.ApplyWrite{Item: p.Changed()[0]}, Outcome: cluster.Failed, Err: errors.New(`admission webhook "policy" denied the request: an interval of less than 5m needs the leave of the platform team`)},
	}}, nil)
	results.DryRun = "client"
	for name, table := range map[string]Table{"plan": NewPlan(p, nil, nil).Table(true), "results": results.Table(true)} {
		shown := draw(t, table, Layout{Width: 80})
		assert.NotContains(t, shown, "…", "%s:\n%s", name, shown)
		for line := range strings.SplitSeq(shown, "\n") {
			assert.LessOrEqual(t, terminal.Width(line), 80, "%s: %s", name, line)
		}
		for i, c := range table.Columns {
			if !slices.Contains([]string{"NAMESPACE", "NAME", "RESULT", "INTERVAL", "CHANGES", "WHY"}, c.Name) {
				continue
			}
			for _, row := range table.Rows {
				if row[i].Text != "unchanged" {
					assert.Contains(t, flat(shown), row[i].Text, "%s:\n%s", name, shown)
				}
			}
		}
	}
}

// What a policy's author wants read is read on any terminal, before other notes; those that have no room are counted,
// and are there where a row of each object is.
func TestOverviewHasThePolicysNote(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("fast")
	require.NoError(t, err)
	o := overviewOf(t, manyObjects(t), p)
	for i := range o.Plan.Items {
		o.Plan.Items[i].Notes = []string{"the release is upgraded"}
		if i%2 == 0 {
			o.Plan.Items[i].Kept = "timeout kept at 10m (--shorten-timeouts)"
		}
	}
	small := drawOverview(t, o, Layout{Width: 80, Height: 24})
	assert.Contains(t, flat(small), "Note "+flat(p.Note), small)
	assert.LessOrEqual(t, strings.Count(small, "\n"), screen, small)
	assert.Contains(t, small, "more notes: --rows\n")
	tall := drawOverview(t, o, Layout{Width: 80, Height: 60})
	o.Rows = true
	rows := drawOverview(t, o, Layout{Width: 80, Height: 24})
	for _, text := range []string{tall, rows} {
		assert.Contains(t, flat(text), "Note "+flat(p.Note), text)
		assert.NotContains(t, text, "more notes")
		assert.Contains(t, text, "objects keep longer timeouts")
		assert.Contains(t, text, "500 GitRepository: the release is upgraded")
	}
}

// A detail of a count stands further in than the count, so that nobody adds them up, also where the line is broken.
func TestDetailsStandFurtherIn(t *testing.T) {
	t.Parallel()
	const detail = `  3 in Kustomization flux-system/platform-services, path ./clusters/production/apps of the repository`
	for _, width := range []int{0, 60, 80, 200} {
		broken := labelled("Left alone", []string{"3 set by what applies them", detail}, width, 0)
		assert.Equal(t, "Left alone   3 set by what applies them", broken[0])
		assert.Regexp(t, `^ {15}3 in `, broken[1], "%d", width)
		for _, line := range broken[2:] {
			assert.Regexp(t, `^ {17}\S`, line, "%d", width)
		}
		for _, line := range broken {
			assert.True(t, width == 0 || terminal.Width(line) <= width, "%d: %s", width, line)
		}
		assert.Equal(t, "Left alone 3 set by what applies them "+flat(detail), flat(strings.Join(broken, " ")))
	}
}

// The overview of a budget keeps within 80 columns and 24 lines whatever the numbers and names are, and says which workers are
// overloaded before it says what costs most.
func TestBudgetOverviewOnALowTerminal(t *testing.T) {
	t.Parallel()
	b := Budget{Hosts: []BudgetHost{}, Controllers: []BudgetWorkers{
		{Controller: "source-controller", Kind: "GitRepository", Concurrent: 2, BusyPercent: budget.Rates{Now: 317.5, Planned: 1588}},
	}, Repositories: []BudgetRepository{
		{Address: "git.platform.example.com/" + strings.Repeat("a-long-group/", 4) + "app", Requests: budget.Rates{Now: 14400, Planned: 144000}, Objects: []string{"GitRepository apps/one"}},
		{Address: "github.com/acme/app", Requests: budget.Rates{Now: 1, Planned: 1}, Objects: []string{"GitRepository apps/two"}},
	}}
	for i := range 6 {
		b.Hosts = append(b.Hosts, BudgetHost{
			Host: fmt.Sprintf("git-%d.%s.example.com", i, strings.Repeat("platform-", 6)), Sources: 2000, Requests: budget.Rates{Now: 14400, Planned: 144000},
			Limit: &BudgetLimit{PerHour: 15000}, UsedPercent: &budget.Rates{Now: 217.5, Planned: 2175},
		})
	}
	b.Credentials = []BudgetCredential{{Host: "github.com", Secret: "bot", Sources: 3}}
	var out strings.Builder
	require.NoError(t, b.DrawOverview(&out, "kubectl fluxtune plan -A", Layout{Width: 80, Height: 24}))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	assert.Less(t, len(lines), 24, out.String())
	for _, line := range lines {
		assert.LessOrEqual(t, terminal.Width(line), 80, line)
	}
	assert.Contains(t, out.String(), "Busiest")
	assert.Contains(t, out.String(), "2175%, over")
	assert.Contains(t, out.String(), "by object, by repository, by credential, all hosts: --rows or -o", "what a task asks for is named where it is not shown")
}
