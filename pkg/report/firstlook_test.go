package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// A policy's names of namespaces and clusters are shown by environment, and what counts before them.
func TestPolicyNames(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse("p.yaml", []byte(`apiVersion: fluxtune.github.io/v1alpha1
kind: TuningPolicy
metadata: {name: p}
spec:
  labelKeys: [stage]
  clusters: {production: ["prod-*"]}
  namespaces: {development: ["*-dev", "*-d?v"], production: [live]}
  environments: [{name: development}, {name: production}]
`))
	require.NoError(t, err)
	assert.Equal(t, lines("Environments by name, where no label tells (stage). A label of the object or of its namespace counts before any name, a namespace's name before a cluster's.",
		"Namespaces   development: *-dev, *-d?v", "             production: live", "Clusters     production: prod-*"), PolicyNames(p, 0))
	for line := range strings.Lines(PolicyNames(p, 60)) {
		assert.LessOrEqual(t, terminal.Width(strings.TrimSuffix(line, "\n")), 60)
	}
	p.Clusters, p.Namespaces = nil, nil
	assert.Empty(t, PolicyNames(p, 0))
}

// Of what is left alone the first are named, in one line, and how many more there are.
func TestOverviewNamesWhatIsLeftAlone(t *testing.T) {
	t.Parallel()
	var items []tune.Item
	for i := range 12 {
		items = append(items, tune.Item{Object: object(t, "gitrepo", "team", fmt.Sprintf("app-%02d", i), nil), Action: tune.ActionSkip, Reason: tune.ReasonSuspended})
	}
	o := Overview{Plan: tune.Plan{Items: items}}
	l := Layout{Width: 80, Height: 24}
	assert.Equal(t, []string{"12 suspended: --include-suspended tunes them, too", "  GitRepository team/app-00, GitRepository team/app-01 and 10 more"}, o.leftAlone(l, limitsFor(screen, 0)))
	assert.Equal(t, []string{"12 suspended: --include-suspended tunes them, too"}, o.leftAlone(Layout{}, unlimited), "there each has a row")
	o.Plan.Items = items[:1]
	assert.Equal(t, "GitRepository team/app-00", o.leftNames(tune.ReasonSuspended, 80))
	items[0].Object.Name = strings.Repeat("long", 40)
	o.Plan.Items = items[:2]
	text := o.leftNames(tune.ReasonSuspended, 80)
	assert.Regexp(t, `^GitRepository team/long.*… and 1 more$`, text)
	assert.LessOrEqual(t, terminal.Width(text), 80-labelWidth-2)
}

// Where values have no room, a sign stands for them.
func TestShortenedFieldsSaySo(t *testing.T) {
	t.Parallel()
	item := tune.Item{Object: object(t, "ks", "dev", "app", nil), Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.RetryInterval, To: ptr("5m")}, {Field: flux.Timeout, From: ptr("1m"), To: ptr("2m")}}}
	assert.Equal(t, "retry set to 5m, timeout 1m -> 2m", newGroup(&item, exact).alsoCell().Text)
	assert.Equal(t, "retry, timeout …", newGroup(&item, ranges).alsoCell().Text)
	item.Changes = nil
	assert.Empty(t, newGroup(&item, ranges).alsoCell().Text)
}

// Where no repository stands out, that is said.
func TestCostliestOfEquals(t *testing.T) {
	t.Parallel()
	one := BudgetRepository{Address: "github.com/a", Requests: budget.Rates{Now: 12, Planned: 60}, Objects: []string{"GitRepository a/a"}}
	other := one
	other.Address = "github.com/b"
	says, stands := Budget{Repositories: []BudgetRepository{one, other}}.costliest()
	assert.Equal(t, "none: each of 2 repositories gets 12 -> 60 requests/h", says)
	assert.False(t, stands)
	says, stands = Budget{Repositories: []BudgetRepository{one}}.costliest()
	assert.Equal(t, "github.com/a: 12 -> 60 requests/h, by GitRepository a/a", says)
	assert.True(t, stands)
}

// On a terminal a diagnosis says in one line what is well, and lists the rights that are missing only.
func TestDiagnosisOnATerminal(t *testing.T) {
	t.Parallel()
	checks := []Check{
		{Name: ClusterCheck, Status: CheckOK, Message: "Kubernetes v1.36.3"}, {Name: "Flux", Status: CheckOK, Message: "v2.9.0"}, {Name: "nodes", Status: CheckOK, Message: "works"},
		{Name: "webhooks", Status: CheckWarning, Message: "none", Remedy: "make some"}, {Name: "spec.ignore", Status: CheckOK, Message: "is there", Run: []string{"kubectl get ks"}},
	}
	may, mayNot := NewRight("", "pods", "", "nodes", ""), NewRight("", "nodes", "", "nodes", "")
	may.Allowed, mayNot.Denied = []string{"list"}, []string{"list"}
	d := NewDiagnosis(checks, Rights{User: "jane", Rows: []Right{may, mayNot}}, []string{"kubectl fluxtune plan -A"})
	text := func(l Layout) string {
		var b bytes.Buffer
		require.NoError(t, d.Draw(&b, l))
		return b.String()
	}
	short := text(Layout{Width: 80, Height: 24})
	assert.Contains(t, short, "ok        cluster       Kubernetes v1.36.3\n")
	assert.Contains(t, short, "ok        2 others      Flux; nodes (-o wide says more)\n")
	assert.Contains(t, short, "kubectl get ks")
	assert.Contains(t, short, "nodes      -     no")
	assert.NotContains(t, short, "pods")
	for _, whole := range []string{text(Layout{}), text(Layout{Width: 80, Height: 24, Wide: true})} {
		assert.Contains(t, whole, "v2.9.0")
		assert.Contains(t, whole, "pods")
		assert.NotContains(t, whole, "others")
	}
}
