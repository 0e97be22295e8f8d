package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// helmFleet is a chain of HelmReleases of each way to name a chart: chart-N by a HelmChart from a registry, http-N by
// one from a HelmRepository, oci-N by an OCIRepository of its own.
type helmFleet struct {
	quiet
	ns       string
	releases int
}

func (q quiet) helmReleases(n int) helmFleet {
	q.t.Helper()
	f := helmFleet{quiet: q, ns: q.namespace(q.t, development), releases: n}
	registry := startRegistry(q.t)
	require.NoError(q.t, registry.PushChart(q.t.Context(), "charts", "app", "1.0.0", nil))
	repository, _ := startChartRepository(q.t)
	var manifests strings.Builder
	dependsOn := func(name string, i int) string {
		if i == 0 {
			return ", timeout: 2m"
		}
		return fmt.Sprintf(", timeout: 2m, dependsOn: [{name: %s-%d}]", name, i-1)
	}
	for i := range n {
		manifests.WriteString(helmRelease(f.ns, fmt.Sprintf("chart-%d", i), registry.Host(), "1.0.0", "10m", "10m", dependsOn("chart", i)))
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
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: http-%[2]d, namespace: %[1]s}
spec: {interval: 10m, timeout: 2m, url: "%[5]s/%[2]d"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: http-%[2]d, namespace: %[1]s}
spec: {interval: 10m, chart: {spec: {chart: app, version: 1.0.0, interval: 10m, sourceRef: {kind: HelmRepository, name: http-%[2]d}}}%[6]s}
---
`, f.ns, i, registry.Host(), dependsOn("oci", i), repository, dependsOn("http", i))
	}
	q.Apply(q.t, manifests.String())
	q.Kubectl(q.t, "wait", "helmrelease", "--all", "-n", f.ns, "--for=condition=Ready", "--timeout=8m")
	return f
}

// patch changes a spec as fluxtune would.
func (f helmFleet) patch(kind, name, spec string) {
	f.t.Helper()
	f.patchAs(f.t, "fluxtune", kind, f.ns, name, `{"spec":`+spec+`}`)
}

// observed waits until an object's controller has seen its newest spec and it is ready.
func (f helmFleet) observed(kind, name string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		o, err := f.Objects(f.t, kind, f.ns).Get(f.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return false
		}
		now := readyOf(o)
		return now.status == "True" && now.observed == now.generation
	}, 2*time.Minute, 50*time.Millisecond)
}

// each changes one after the other: from the first to the last, which shakes the most, or from the last to the first,
// waiting for each.
func (f helmFleet) each(change func(i int)) {
	for i := range f.releases {
		change(i)
	}
}

func (f helmFleet) calmly(prefix string, change func(i int)) {
	for i := f.releases - 1; i >= 0; i-- {
		change(i)
		f.observed("helmrelease", fmt.Sprintf("%s-%d", prefix, i))
	}
}

// TestHelmReleasesAreCalm: a release whose chart comes by chartRef stays ready while its own interval and its source's
// change. One whose HelmChart changes with it cannot be spared by any order, and the plan names it.
func TestHelmReleasesAreCalm(t *testing.T) {
	t.Parallel()
	measures(t)
	q := startQuiet(t, 5*time.Second, testbed.UnitHelmController)
	f := q.helmReleases(2)
	policy := []string{"-n", f.ns, "--set=development.HelmChart.interval=5m"}
	for _, kind := range []string{"HelmRelease", "OCIRepository", "HelmRepository"} {
		policy = append(policy, "--set=development."+kind+".interval=5m")
	}
	_, named, _ := strings.Cut(f.must(t, append([]string{"plan"}, policy...)...), "may be not ready for ") // no Deployment tells the version
	r := watchReady(t, f.Cluster, f.ns)
	begun := time.Now()
	f.must(t, append([]string{"apply", "--yes"}, policy...)...)
	took := time.Since(begun)
	time.Sleep(2*q.requeue + time.Second)
	r.settled(t, 5*time.Minute)
	spared := 0
	for i := range f.releases {
		for _, prefix := range []string{"chart", "http", "oci"} {
			name := fmt.Sprintf("%s-%d", prefix, i)
			require.Equal(t, "5m", f.read(t, "helmrelease", f.ns, name, ".spec.interval"))
			lost := slices.ContainsFunc(r.lost(), func(l loss) bool { return l.object == "HelmRelease/"+name })
			if prefix == "oci" {
				assert.Equal(t, "5m", f.read(t, "ocirepository", f.ns, name, ".spec.interval"))
				assert.False(t, lost, "%s%s", name, r.story("HelmRelease/"+name))
				assert.NotContains(t, named, f.ns+"/"+name+",")
			} else if lost {
				assert.Contains(t, named, f.ns+"/"+name+",", "the plan names whom it cannot spare")
			}
			if !lost {
				spared++
			}
		}
	}
	for _, l := range r.lost() {
		assert.Equal(t, []string{"SourceNotReady"}, l.reasons, "%s: dependents are spared%s", l.object, r.story(l.object))
	}
	if !t.Failed() {
		record(t, "apply to chains of HelmReleases and their sources: releases that lose Ready", "those whose HelmChart changes, named in the plan",
			fmt.Sprintf("%s, took %s; %d spared", r.summary(), took.Round(time.Second), spared))
	}
}

// TestExploreChangesOfHelmReleases: what does a change of each interval do to releases, and to those that depend on
// them?
func TestExploreChangesOfHelmReleases(t *testing.T) {
	explores(t)
	q := startQuiet(t, 5*time.Second, testbed.UnitHelmController)
	f := q.helmReleases(4)
	n := 0
	// Each change is one, and written as helm-controller writes durations into HelmCharts.
	fresh := func() string { n++; return (9*time.Minute - time.Duration(n)*time.Second).String() }
	release := func(prefix string, i int) {
		f.patch("helmrelease", fmt.Sprintf("%s-%d", prefix, i), fmt.Sprintf(`{"interval":%q}`, fresh()))
	}
	chartOf := func(prefix string, i int) {
		f.patch("helmrelease", fmt.Sprintf("%s-%d", prefix, i), fmt.Sprintf(`{"chart":{"spec":{"interval":%q}}}`, fresh()))
	}
	both := func(prefix string, i int) {
		f.patch("helmrelease", fmt.Sprintf("%s-%d", prefix, i), fmt.Sprintf(`{"interval":%q,"chart":{"spec":{"interval":%q}}}`, fresh(), fresh()))
	}
	source := func(kind, prefix string, i int) {
		f.patch(kind, fmt.Sprintf("%s-%d", prefix, i), fmt.Sprintf(`{"interval":%q}`, fresh()))
	}
	oci := func(i int) { source("ocirepository", "oci", i) }
	repository := func(i int) { source("helmrepository", "http", i) }
	chart := func(i int) { source("helmchart", f.ns+"-chart", i) }
	chartObserved := func(i int) { f.observed("helmchart", fmt.Sprintf("%s-chart-%d", f.ns, i)) }
	for _, tc := range []struct {
		name   string
		change func()
	}{
		{"nothing", func() {}},
		{"interval of the last of a chain", func() { release("oci", 3) }},
		{"interval of a chain, first to last at once", func() { f.each(func(i int) { release("oci", i) }) }},
		{"interval of a chain, last to first, waiting", func() { f.calmly("oci", func(i int) { release("oci", i) }) }},
		{"chart.spec.interval of the last of a chain", func() { chartOf("chart", 3) }},
		{"chart.spec.interval of a chain, first to last at once", func() { f.each(func(i int) { chartOf("chart", i) }) }},
		{"chart.spec.interval of a chain, last to first, waiting", func() { f.calmly("chart", func(i int) { chartOf("chart", i) }) }},
		{"both intervals of a chain, last to first, waiting", func() { f.calmly("chart", func(i int) { both("chart", i) }) }},
		{"both intervals of a chain from HTTP, last to first, waiting", func() { f.calmly("http", func(i int) { both("http", i) }) }},
		{"OCIRepositories alone", func() { f.each(oci) }},
		{"OCIRepositories, then HelmReleases, first to last at once", func() { f.each(oci); f.each(func(i int) { release("oci", i) }) }},
		{"each HelmRelease right after its OCIRepository, at once", func() { f.each(func(i int) { oci(i); release("oci", i) }) }},
		{"OCIRepositories, and right after them HelmReleases last to first, waiting", func() { f.each(oci); f.calmly("oci", func(i int) { release("oci", i) }) }},
		{"OCIRepositories until observed, then HelmReleases last to first, waiting", func() {
			f.each(oci)
			f.each(func(i int) { f.observed("ocirepository", fmt.Sprintf("oci-%d", i)) })
			f.calmly("oci", func(i int) { release("oci", i) })
		}},
		{"HelmReleases last to first, waiting, then OCIRepositories", func() { f.calmly("oci", func(i int) { release("oci", i) }); f.each(oci) }},
		{"HelmCharts alone", func() { f.each(chart); f.each(chartObserved) }},
		{"HelmCharts until observed, then chart.spec.interval last to first, waiting", func() {
			for i := f.releases - 1; i >= 0; i-- {
				value := fresh()
				f.patch("helmchart", fmt.Sprintf("%s-chart-%d", f.ns, i), fmt.Sprintf(`{"interval":%q}`, value))
				chartObserved(i)
				f.patch("helmrelease", fmt.Sprintf("chart-%d", i), fmt.Sprintf(`{"interval":%q,"chart":{"spec":{"interval":%q}}}`, fresh(), value))
				f.observed("helmrelease", fmt.Sprintf("chart-%d", i))
			}
		}},
		{"HelmRepositories alone", func() { f.each(repository) }},
		{"HelmRepositories, and right after them HelmReleases last to first, waiting", func() { f.each(repository); f.calmly("http", func(i int) { release("http", i) }) }},
		{"HelmRepositories, and right after them both intervals last to first, waiting", func() { f.each(repository); f.calmly("http", func(i int) { both("http", i) }) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := watchReady(t, f.Cluster, f.ns)
			begun := time.Now()
			tc.change()
			took := time.Since(begun)
			time.Sleep(2*q.requeue + time.Second)
			r.settled(t, 5*time.Minute)
			t.Logf("took %s: %s", took.Round(100*time.Millisecond), r.summary())
			for _, l := range r.lost() {
				t.Logf("%s%s", l.object, r.story(l.object))
			}
		})
	}
}
