package cmd

import (
	"os"
	"path/filepath"
	"strings"
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

// What no controller reconciles has no series that an alarm could miss, and what is suspended when the rules are made is not due:
// neither is taken for what a session of apply --for polls more often.
func TestAlertsOfWhatIsNotPolled(t *testing.T) {
	t.Parallel()
	const (
		web       = "{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmRepository, metadata: {name: charts-web, namespace: apps}, spec: {interval: 5m, url: 'https://charts.example.com'}}\n---\n"
		oci       = "{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmRepository, metadata: {name: charts-oci, namespace: apps}, spec: {interval: 5m, type: oci, url: 'oci://ghcr.io/acme/charts'}}\n---\n"
		on        = "{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: on, namespace: apps}, spec: {interval: 5m, url: 'https://github.com/acme/on'}}\n---\n"
		suspended = "{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: off, namespace: apps}, spec: {interval: 30m, suspend: true, url: 'https://github.com/acme/off'}}\n---\n"
		image     = "{apiVersion: image.toolkit.fluxcd.io/v1, kind: ImageRepository, metadata: {name: app, namespace: apps}, spec: {interval: 5m, image: ghcr.io/acme/app}}\n---\n"
	)
	rules := func(manifests string) outcome {
		file := filepath.Join(t.TempDir(), "all.yaml")
		require.NoError(t, os.WriteFile(file, []byte(manifests), 0o600))
		return invocation{}.run(t.Context(), "alerts", "-f", file, "-o", "rules")
	}
	both := rules(web + oci)
	assert.Contains(t, both.stdout, `name="charts-web"`)
	assert.NotContains(t, both.stdout, "charts-oci")
	assert.NotContains(t, both.stderr, "session")

	images := rules(oci + image)
	assert.NotContains(t, images.stdout, "HelmRepository")
	assert.Equal(t, 1, strings.Count(images.stdout, "alert: FluxtuneMetricsMissing"))

	alone := rules(oci)
	assert.Equal(t, 1, alone.code)
	assert.Contains(t, alone.stderr, "there is no object to make rules of")

	off := rules(on + suspended)
	assert.NotContains(t, off.stderr, "session")
	assert.NotContains(t, off.stdout, `name="off"`)
	assert.NotContains(t, off.stdout, "interval: 30m")
}
