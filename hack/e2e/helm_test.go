package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// TestExploreChangesOfHelmReleases: what does a change of each interval do to releases, and to those that depend on
// them?
func TestExploreChangesOfHelmReleases(t *testing.T) {
	explores(t)
	t.Parallel()
	q := startQuiet(t, testbed.UnitHelmController)
	ns := q.Namespace(t, development)
	registry := startRegistry(t)
	require.NoError(t, registry.PushChart(t.Context(), "charts", "app", "1.0.0", nil))
	const releases = 5
	var manifests strings.Builder
	dependsOn := func(name string, i int) string {
		if i == 0 {
			return ", timeout: 2m"
		}
		return fmt.Sprintf(", timeout: 2m, dependsOn: [{name: %s-%d}]", name, i-1)
	}
	for i := range releases {
		manifests.WriteString(helmRelease(ns, fmt.Sprintf("chart-%d", i), registry.Host(), "1.0.0", "10m", "10m", dependsOn("chart", i)))
		_, _ = fmt.Fprintf(&manifests, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: oci-%[2]d, namespace: %[1]s}
spec: {interval: 10m, timeout: 2m, insecure: true, url: "oci://%[3]s/charts/app", ref: {tag: 1.0.0}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: oci-%[2]d, namespace: %[1]s}
spec: {interval: 10m, chartRef: {kind: OCIRepository, name: oci-%[2]d}%[4]s}
---
`, ns, i, registry.Host(), dependsOn("oci", i))
	}
	q.Apply(t, manifests.String())
	q.Kubectl(t, "wait", "helmrelease", "--all", "-n", ns, "--for=condition=Ready", "--timeout=8m")
	time.Sleep(2 * time.Second)
	patch := func(kind, name, spec string) {
		q.Kubectl(t, "patch", kind, name, "-n", ns, "--type=merge", "--field-manager=fluxtune", "-p", `{"spec":`+spec+`}`)
	}
	each := func(change func(i int)) func() {
		return func() {
			// From the first to the last: the order that shakes the most.
			for i := range releases {
				change(i)
			}
		}
	}
	for _, tc := range []struct {
		name   string
		change func()
	}{
		{"spec.chart.spec.interval of the last of a chain", func() { patch("helmrelease", "chart-4", `{"chart":{"spec":{"interval":"9m"}}}`) }},
		{"spec.chart.spec.interval of a chain of 5", each(func(i int) { patch("helmrelease", fmt.Sprintf("chart-%d", i), `{"chart":{"spec":{"interval":"5m"}}}`) })},
		{"spec.interval of the last of a chain", func() { patch("helmrelease", "chart-4", `{"interval":"9m"}`) }},
		{"spec.interval of a chain of 5", each(func(i int) { patch("helmrelease", fmt.Sprintf("chart-%d", i), `{"interval":"5m"}`) })},
		{"interval of OCIRepositories, then of the HelmReleases that use them", func() {
			each(func(i int) { patch("ocirepository", fmt.Sprintf("oci-%d", i), `{"interval":"5m"}`) })()
			each(func(i int) { patch("helmrelease", fmt.Sprintf("oci-%d", i), `{"interval":"5m"}`) })()
		}},
		{"interval of each HelmRelease right after its OCIRepository", each(func(i int) {
			patch("ocirepository", fmt.Sprintf("oci-%d", i), `{"interval":"4m"}`)
			patch("helmrelease", fmt.Sprintf("oci-%d", i), `{"interval":"4m"}`)
		})},
	} {
		r := watchReady(t, q.Cluster, ns)
		before := registry.Requests()
		tc.change()
		time.Sleep(2*q.requeue + time.Second)
		r.settled(t, 5*time.Minute)
		t.Logf("%s: %s; the registry was asked %d times", tc.name, r.summary(), registry.Requests()-before)
		for _, l := range r.lost() {
			t.Logf("%s%s", l.object, r.story(l.object))
		}
		if len(r.lost()) == 0 {
			t.Logf("HelmRelease/chart-4%s", r.story("HelmRelease/chart-4"))
		}
	}
}
