package cmd

import (
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// chartSources are what the releases of a checkout take their charts from.
const chartSources = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: registry, namespace: platform}
spec: {type: oci, interval: 5m, url: "oci://ghcr.io/acme/charts"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: own, namespace: apps}
spec: {type: oci, interval: 5m, url: "oci://registry.example.com/charts"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: web, namespace: apps}
spec: {interval: 10m, url: "https://charts.example.com"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: repo, namespace: apps}
spec: {interval: 3m, url: "https://github.com/acme/charts", ref: {branch: main}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: chart, namespace: apps}
spec: {interval: 4m, url: "oci://ghcr.io/acme/charts/direct", ref: {semver: ">=1"}}
`

// chartReleases are the specs of HelmReleases, by their names.
var chartReleases = map[string]string{
	"http":          `{interval: 7m, chart: {spec: {chart: a, sourceRef: {kind: HelmRepository, name: web}}}}`,
	"git":           `{interval: 7m, chart: {spec: {chart: ./a, sourceRef: {kind: GitRepository, name: repo}}}}`,
	"newest":        `{interval: 7m, chart: {spec: {chart: b, sourceRef: {kind: HelmRepository, name: own}}}}`,
	"own-interval":  `{interval: 7m, chart: {spec: {chart: b, interval: 13m, sourceRef: {kind: HelmRepository, name: own}}}}`,
	"range":         `{interval: 11m, chart: {spec: {chart: c, version: "1.x", sourceRef: {kind: HelmRepository, name: registry, namespace: platform}}}}`,
	"exact":         `{interval: 2m, chart: {spec: {chart: d, version: 1.2.3, sourceRef: {kind: HelmRepository, name: own}}}}`,
	"verified":      `{interval: 9m, chart: {spec: {chart: d, version: 1.2.3, verify: {provider: cosign}, sourceRef: {kind: HelmRepository, name: own}}}}`,
	"suspended":     `{suspend: true, interval: 6m, chart: {spec: {chart: e, sourceRef: {kind: HelmRepository, name: own}}}}`,
	"by-reference":  `{interval: 7m, chartRef: {kind: OCIRepository, name: chart}}`,
	"without-chart": `{interval: 7m, chart: {spec: {chart: f, sourceRef: {kind: HelmRepository, name: elsewhere}}}}`,
}

// madeCharts are the HelmCharts that helm-controller makes of them, by its own types.
func madeCharts(t *testing.T, releases string) string {
	t.Helper()
	var charts []string
	for _, text := range strings.Split(releases, "\n---\n") {
		var release helmv2.HelmRelease
		require.NoError(t, yaml.UnmarshalStrict([]byte(text), &release))
		template := release.Spec.Chart
		if template == nil {
			continue
		}
		chart := sourcev1.HelmChart{
			TypeMeta: metav1.TypeMeta{APIVersion: sourcev1.GroupVersion.String(), Kind: sourcev1.HelmChartKind},
			ObjectMeta: metav1.ObjectMeta{Name: release.GetHelmChartName(), Namespace: template.GetNamespace(release.Namespace), Labels: map[string]string{
				helmv2.GroupVersion.Group + "/name": release.Name, helmv2.GroupVersion.Group + "/namespace": release.Namespace}},
			Spec: sourcev1.HelmChartSpec{Chart: template.Spec.Chart, Version: template.Spec.Version, Interval: template.GetInterval(release.Spec.Interval),
				SourceRef: sourcev1.LocalHelmChartSourceReference{Kind: template.Spec.SourceRef.Kind, Name: template.Spec.SourceRef.Name}},
		}
		if template.Spec.Verify != nil {
			chart.Spec.Verify = &sourcev1.HelmChartVerification{Provider: template.Spec.Verify.Provider}
		}
		data, err := yaml.Marshal(chart)
		require.NoError(t, err)
		charts = append(charts, string(data))
	}
	return strings.Join(charts, "---\n")
}

// Files cost what a cluster costs that has applied them, where helm-controller has made its charts: one truth.
func TestFilesCostWhatTheClusterCosts(t *testing.T) {
	t.Parallel()
	var releases []string
	for name, spec := range chartReleases {
		releases = append(releases, fmt.Sprintf("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: %s, namespace: apps}\nspec: %s", name, spec))
	}
	all := strings.Join(releases, "\n---\n")
	c := bed.Own(t)
	c.CreateNamespace(t, "apps", map[string]string{"environment": "production"})
	c.CreateNamespace(t, "platform", map[string]string{"environment": "staging"})
	c.Apply(t, chartSources)
	c.Apply(t, all)
	c.Apply(t, madeCharts(t, all))
	const namespaces = "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps, labels: {environment: production}}\n---\n" +
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: platform, labels: {environment: staging}}\n---\n"
	dir := writeFiles(t, map[string]string{"cluster/all.yaml": namespaces + strings.TrimPrefix(chartSources, "\n") + "---\n" + all + "\n"})

	live := decode[report.Budget](t, on(c).must(t, "budget", "-A", "-o", "json"))
	files := decode[report.Budget](t, invocation{}.must(t, "budget", "-f", dir, "--root", "cluster", "-o", "json"))
	require.NotEmpty(t, live.Hosts)
	assert.Equal(t, live.Hosts, files.Hosts)
	assert.Equal(t, live.Credentials, files.Credentials)
	assert.Equal(t, live.Summary.Requests, files.Summary.Requests)
	assert.Equal(t, live.Environments, files.Environments)

	for _, fitted := range [][]string{nil, {"--fit=ghcr.io=60%", "--limit=ghcr.io=200/h", "--set=*.OCIRepository.interval=10s to 1h"}} {
		live := decode[report.Plan](t, on(c).must(t, append([]string{"plan", "-A", "-o", "json"}, fitted...)...))
		files := decode[report.Plan](t, invocation{}.must(t, append([]string{"plan", "-f", dir, "--root", "cluster", "-o", "json"}, fitted...)...))
		assert.Equal(t, live.Summary, files.Summary, "%v", fitted)
	}
	checked := decode[report.BranchCheck](t, invocation{}.must(t, "check", "-f", dir, "--root", "cluster", "-o", "json"))
	asked := map[string]float64{}
	for _, host := range checked.Hosts {
		asked[host.Host] = host.Requests.After
	}
	want := map[string]float64{}
	for _, host := range live.Hosts {
		want[host.Host] = host.Requests.Now
	}
	assert.Equal(t, want, asked)
}
