package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

func TestAlertsOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags AlertsFlags
	parseEvery(t, newAlerts(r), flags.add, with(fileValues(), map[string]string{
		"all-namespaces": "true", "policy": "fast", "set": "dev.gitrepo.interval=31s", "default-env": "stg", "env-alias": "uat=stg",
		"limit": "git.example.com=2/m", "above": "70%", "output": "rules",
	}))
	flags.FileFlags.checkAndClear(t)
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	want := wantFleet(t)
	assert.Equal(t, want.Policy, o.Policy)
	assert.Equal(t, want.DefaultEnvironment, o.DefaultEnvironment)
	assert.True(t, o.allNamespaces())
	assert.NotNil(t, o.Client)
	o.FleetOptions = FleetOptions{}
	assert.Equal(t, AlertsOptions{
		Limits: budget.Limits{
			"github.com":      {PerHour: 5000, From: budget.LimitPreset},
			"api.github.com":  {PerHour: 5000, From: budget.LimitPreset},
			"git.example.com": {PerHour: 120, From: budget.LimitFlag},
		},
		Above: 70, As: "rules", root: r,
		under: " --policy fast --set dev.gitrepo.interval=31s --default-env stg --env-alias uat=stg --limit git.example.com=2/m",
	}, o)
}
