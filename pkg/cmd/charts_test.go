package cmd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// chartFleet is a release whose chart and repository are in another namespace, as they are where a platform team keeps
// them, and an OCIRepository whose user is elsewhere. Both can be fetched.
type chartFleet struct {
	*testbed.Cluster
	apps, sources, users string // namespaces; that of the apps is development
}

func newChartFleet(t *testing.T) chartFleet {
	t.Helper()
	c := bed.Cluster(t)
	f := chartFleet{c, c.Namespace(t, map[string]string{"environment": "development"}), c.Namespace(t, nil), c.Namespace(t, nil)}
	f.Apply(t, fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: %[2]s}
spec: {interval: 5m, url: "https://charts.example.com"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: %[1]s-web, namespace: %[2]s, labels: {helm.toolkit.fluxcd.io/name: web, helm.toolkit.fluxcd.io/namespace: %[1]s}}
spec: {interval: 5m, chart: web, version: 1.2.3, sourceRef: {kind: HelmRepository, name: charts}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: %[1]s, labels: {team: %[1]s}}
spec: {interval: 5m, chart: {spec: {chart: web, version: 1.2.3, sourceRef: {kind: HelmRepository, name: charts, namespace: %[2]s}}}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: web, namespace: %[1]s}
spec: {interval: 5m, timeout: 2m, url: "oci://registry.example.com/charts/web"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: user, namespace: %[3]s}
spec: {interval: 5m, chartRef: {kind: OCIRepository, name: web, namespace: %[1]s}}
`, f.apps, f.sources, f.users))
	for _, o := range [][2]string{{"helmrepository", "charts"}, {"helmchart", f.apps + "-web"}} {
		f.ready(t, o[0], f.sources, o[1], "True", "Succeeded")
	}
	f.ready(t, "ocirepository", f.apps, "web", "True", "Succeeded")
	return f
}

// ready sets the Ready condition of an object, as its controller does.
func (f chartFleet) ready(t *testing.T, kind, namespace, name, status, reason string) {
	t.Helper()
	f.Kubectl(t, "patch", kind, name, "-n", namespace, "--subresource=status", "--type=merge", "-p", fmt.Sprintf(
		`{"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":%q,"reason":%q,"message":"","lastTransitionTime":"2026-03-01T12:00:00Z"}]}}`, status, reason))
}

// decided is what a plan does with one object, and why, whatever else it is about.
func (f chartFleet) decided(t *testing.T, i invocation, kind, name string, args ...string) [2]string {
	t.Helper()
	args = append([]string{"plan", "-o", "json", "--set", "*.HelmRelease.interval=1m", "--set", "*.OCIRepository.interval=1m"}, args...)
	for _, item := range decode[report.Plan](t, i.must(t, args...)).Items {
		if item.Ref.Kind == kind && item.Ref.Namespace == f.apps && item.Ref.Name == name {
			return [2]string{item.Action, item.Reason}
		}
	}
	require.Fail(t, "not planned", "%s %s: %v", kind, name, args)
	return [2]string{}
}

// Whatever is selected, it is known whether the charts of what is changed can be fetched.
func TestChartsOutsideTheSelection(t *testing.T) {
	t.Parallel()
	f := newChartFleet(t)
	selections := map[string][]string{
		"a namespace": {"-n", f.apps}, "a kind": {"hr", "-A"}, "a kind in a namespace": {"hr", "-n", f.apps},
		"labels": {"-A", "-l", "team=" + f.apps}, "a name": {"hr/web", "-n", f.apps}, "everything": {"-A"},
	}
	for name, args := range selections {
		assert.Equal(t, [2]string{"change", "PolicyDiffers"}, f.decided(t, on(f.Cluster), "HelmRelease", "web", args...), name)
	}
	f.ready(t, "helmchart", f.sources, f.apps+"-web", "False", "ChartPullError")
	for name, args := range selections {
		assert.Equal(t, [2]string{"skip", "FailingChart"}, f.decided(t, on(f.Cluster), "HelmRelease", "web", args...), name)
	}
	f.ready(t, "helmchart", f.sources, f.apps+"-web", "True", "Succeeded")
	f.ready(t, "helmrepository", f.sources, "charts", "False", "Failed") // its host is down: the chart is what was fetched before
	for name, args := range selections {
		assert.Equal(t, [2]string{"skip", "FailingChart"}, f.decided(t, on(f.Cluster), "HelmRelease", "web", args...), name)
	}
	f.Kubectl(t, "delete", "helmchart", f.apps+"-web", "-n", f.sources)
	for name, args := range selections {
		assert.Equal(t, [2]string{"change", "PolicyDiffers"}, f.decided(t, on(f.Cluster), "HelmRelease", "web", args...), "no chart that could be lost: "+name)
	}
}

// The same for a source whose users are elsewhere.
func TestUsersOutsideTheSelection(t *testing.T) {
	t.Parallel()
	f := newChartFleet(t)
	f.ready(t, "ocirepository", f.apps, "web", "False", "OCIPullFailed")
	selections := map[string][]string{"a kind": {"ocirepositories", "-n", f.apps}, "a name": {"ocirepo/web", "-n", f.apps}, "everything": {"-A"}}
	for name, args := range selections {
		assert.Equal(t, [2]string{"skip", "FailingChart"}, f.decided(t, on(f.Cluster), "OCIRepository", "web", args...), name)
	}
	f.Kubectl(t, "delete", "helmrelease", "user", "-n", f.users)
	for name, args := range selections {
		assert.Equal(t, [2]string{"change", "PolicyDiffers"}, f.decided(t, on(f.Cluster), "OCIRepository", "web", args...), "nobody uses it: "+name)
	}
}

// What may not be read is left alone, and that is said.
func TestChartsThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	f := newChartFleet(t)
	tuner, _, err := role(tunerRole)
	require.NoError(t, err)
	tenant := "tenant-" + f.apps
	grant(t, f.Cluster, tenant, f.apps, tuner)
	i := invocation{kubeconfig: f.KubeconfigFor(t, tenant)}
	assert.Equal(t, [2]string{"skip", "ChartUnknown"}, f.decided(t, i, "HelmRelease", "web", "-n", f.apps))
	assert.Equal(t, [2]string{"change", "PolicyDiffers"}, f.decided(t, i, "HelmRelease", "web", "-n", f.apps, "--include-failed"))
	f.ready(t, "ocirepository", f.apps, "web", "False", "OCIPullFailed")
	assert.Equal(t, [2]string{"skip", "FailingChart"}, f.decided(t, i, "OCIRepository", "web", "-n", f.apps))
	o := i.must(t, "plan", "-n", f.apps, "hr", "--set", "*.HelmRelease.interval=1m")
	assert.Contains(t, o.stdout, "whether HelmChart "+f.sources+"/"+f.apps+"-web can be fetched is not known: it could not be read")
}

// A few are asked for by name, and many by one list.
func TestChartsAreReadInBulk(t *testing.T) {
	t.Parallel()
	f := newChartFleet(t)
	i, asked := counting(t, gitFleet{Cluster: f.Cluster, apps: f.apps})
	i.must(t, "plan", "hr/web", "-n", f.apps, "--set", "*.HelmRelease.interval=1m")
	assert.Equal(t, 1, asked("/namespaces/"+f.sources+"/helmcharts/"+f.apps+"-web"))
	assert.Equal(t, 1, asked("/namespaces/"+f.sources+"/helmrepositories/charts"))
	for _, resource := range []string{"helmcharts", "helmrepositories"} {
		assert.Zero(t, asked("/"+resource+"?"), "nothing is listed for one")
	}
	i, asked = counting(t, gitFleet{Cluster: f.Cluster, apps: f.apps})
	i.must(t, "plan", "-A", "--set", "*.HelmRelease.interval=1m")
	assert.Equal(t, 1, asked("/helmcharts?"), "listed already")
	assert.Zero(t, asked("/helmcharts/"))
}
