package cmd

import (
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// budgetCases are calls of budget on the golden fleet.
func budgetCases() []golden {
	return []golden{
		{name: "budget/help", args: "budget --help"},
		{name: "budget/table", args: "budget -A"},
		{name: "budget/wide", args: "budget -A -o wide"},
		{name: "budget/fast", args: "budget -A --policy fast"},
		{name: "budget/over", args: "budget -n golden-dev --policy fast --limit github.com=10/h --fail-above 50%"},
		{name: "budget/one", args: "budget gitrepo -n golden-dev -o json"},
		{name: "budget/no-headers", args: "budget -A --env production --no-headers --sort-by requests.planned"},
		{name: "budget/terminal-80", args: "budget -A", with: onTerminal(80)},
		{name: "budget/terminal-100", args: "budget -A", with: onTerminal(100)},
		{name: "budget/markdown", args: "budget -A -o markdown"},
		{name: "budget/empty", args: "budget -n golden-empty"},
	}
}

func TestBudgetOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	r.Getenv = func(name string) string { return "value of " + name }
	var flags BudgetFlags
	parseEvery(t, newBudget(r), func(cmd *cobra.Command) { flags.add(cmd, r) }, fleetValues(clusterValues(with(fileValues(), map[string]string{
		"limit": "git.example.com=2/m", "rows": "true", "fail-above": "80%", "activity": "testdata/fit/activity.yaml",
		"observe": "true", "observe-for": "7s", "metrics-url": "http://localhost:8080",
		"github-rate-limit": "true", "github-token-env": "TOKEN", "github-api-url": "https://ghe.example.com/api/v3",
	}))))
	flags.ClusterFlags.checkAndClear(t)
	flags.FileFlags.checkAndClear(t)
	_, err := flags.toOptions(r, nil)
	assert.ErrorContains(t, err, "--activity is for fitting: say to what in spec.fit of the policy")
	flags.Activity = ""
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	checkPrinter(t, o.printer)
	for kind, want := range map[string]bool{"Kustomization": true, "GitRepository": true, "Bucket": false} {
		object := flux.Object{Ref: flux.Ref{Kind: kind}, Labels: labels.Set{"team": "web"}}
		assert.Equal(t, want, o.shown(object), kind)
		object.Labels = nil
		assert.False(t, o.shown(object), kind)
	}
	want := wantFleet(t)
	want.Policy = want.Policy.WithLimit(policy.Limit{Host: "git.example.com", PerHour: 120, Flag: true})
	want.receivers = true                // what a webhook brings nobody waits for
	want.controllers = true              // their flags decide what intervals cost and buy
	want.costing = true                  // and what else asks hosts
	want.Selection = cluster.Selection{} // all that explains the objects asked for is read
	o.FleetOptions = same(t, want, o.FleetOptions)
	assert.Equal(t, "team=web", o.Chosen.LabelSelector)
	assert.Len(t, o.Chosen.Kinds, 2)
	assert.Equal(t, noon, o.now())
	o.Chosen = cluster.Selection{}
	assert.Equal(t, 30*time.Second, o.HTTP.Timeout)
	o.printer, o.now, o.HTTP = nil, nil, nil
	assert.Equal(t, BudgetOptions{
		Limits: budget.Limits{
			"github.com":      {PerHour: 5000, From: budget.LimitPreset},
			"api.github.com":  {PerHour: 5000, From: budget.LimitPreset},
			"git.example.com": {PerHour: 120, From: budget.LimitFlag},
		},
		FailAbove:      80,
		ObserveOptions: ObserveOptions{Pods: true, MetricsURLs: []string{"http://localhost:8080/metrics"}, Window: 7 * time.Second},
		GitHubOptions:  GitHubOptions{AskGitHub: true, GitHubAPI: "https://ghe.example.com/api/v3", GitHubToken: "value of TOKEN"},
		OutputOptions:  OutputOptions{root: r, sortBy: "interval", Rows: true},
	}, o)
}
