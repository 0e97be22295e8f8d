package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// otherSource is a kind of source that is not Git, with hosts of its own that count.
type otherSource struct {
	name      string
	manifests string // of perKind objects
	requests  func() int
	kind      string        // of which each reconcile asks
	every     time.Duration // it is polled; 0 means polledEvery
}

// countsOfOtherSources counts what registries and chart repositories are asked in a window while
// nothing changes, and compares that with the budget.
func countsOfOtherSources(t *testing.T) {
	w := start(t)
	ns := w.namespace(t, development)
	sources := []otherSource{
		fluxArtifacts(t, "OCIRepository by tag", "tag: v1.0.0"),
		fluxArtifacts(t, "OCIRepository by semver", `semver: ">=1.0.0"`),
		ociCharts(t, "HelmChart from a registry", "*"),
		ociCharts(t, "HelmChart from a registry, exact version,", "1.0.0"),
		chartRepositories(t, "HelmRepository and a HelmChart from it", "interval: EVERY, ", "*"),
		chartRepositories(t, "HelmRepository and a HelmChart from it, exact version,", "interval: EVERY, ", "1.0.0"),
		defaultInterval(chartRepositories(t, "HelmRepository without an interval:", "", "*")),
		helmReleases(t, "HelmRelease from a registry", "1.x"),
		helmReleases(t, "HelmRelease from a registry, exact version,", "1.0.0"),
		httpReleases(t, "HelmRelease from a HelmRepository", "1.x"),
		httpReleases(t, "HelmRelease from a HelmRepository, exact version,", "1.0.0"),
	}
	for i, s := range sources {
		w.Apply(t, strings.NewReplacer("NS", ns, "NAME", fmt.Sprintf("other%d", i), "EVERY", polledEvery.String()).Replace(s.manifests))
	}
	for _, kind := range []string{"helmrelease", "ocirepository", "helmchart"} {
		w.Kubectl(t, "wait", kind, "--all", "-n", ns, "--for=condition=Ready", "--timeout=4m")
	}
	predicted := make([]float64, len(sources))
	for _, item := range w.budget(t, ns).Items {
		for i := range sources {
			// HelmCharts of HelmReleases begin with the namespace.
			if strings.Contains(item.Ref.Name, fmt.Sprintf("other%d-", i)) {
				predicted[i] += item.Requests.Now
			}
		}
	}
	var groups []counted
	for i, s := range sources {
		every := polledEvery
		if s.every > 0 {
			every = s.every
		}
		groups = append(groups, counted{
			what: fmt.Sprintf("requests/h, %d x %s every %s, unchanged", perKind, s.name, every), kind: s.kind, prefix: fmt.Sprintf("other%d-", i),
			every: every, predicted: predicted[i], requests: s.requests,
		})
	}
	w.count(t, ns, groups)
}

// defaultInterval is what source-controller polls at where a HelmRepository sets none.
func defaultInterval(s otherSource) otherSource {
	s.every = time.Minute
	return s
}

func startRegistry(t *testing.T) *testbed.Registry {
	t.Helper()
	r := testbed.StartRegistry()
	t.Cleanup(r.Close)
	return r
}

func fluxArtifacts(t *testing.T, name, ref string) otherSource {
	t.Helper()
	r := startRegistry(t)
	var manifests strings.Builder
	for i := range perKind {
		repository := fmt.Sprintf("acme/app%d", i)
		files := map[string]string{"README": repository}
		require.NoError(t, r.Push(context.Background(), repository, "v1.0.0", testbed.FluxArtifact, testbed.FluxConfig, "{}", files))
		_, _ = fmt.Fprintf(&manifests, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: NAME-%d, namespace: NS}
spec: {interval: EVERY, timeout: 1m, insecure: true, url: "oci://%s/%s", ref: {%s}}
---
`, i, r.Host(), repository, ref)
	}
	return otherSource{name: name, manifests: manifests.String(), requests: r.Requests, kind: "OCIRepository"}
}

func ociCharts(t *testing.T, name, version string) otherSource {
	t.Helper()
	r := startRegistry(t)
	require.NoError(t, r.PushChart(context.Background(), "charts", "app", "1.0.0", nil))
	var manifests strings.Builder
	_, _ = fmt.Fprintf(&manifests, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: NAME-registry, namespace: NS}
spec: {type: oci, interval: EVERY, insecure: true, url: "oci://%s/charts"}
`, r.Host())
	for i := range perKind {
		_, _ = fmt.Fprintf(&manifests, `---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: NAME-%d, namespace: NS}
spec: {interval: EVERY, chart: app, version: %q, sourceRef: {kind: HelmRepository, name: NAME-registry}}
`, i, version)
	}
	return otherSource{name: name, manifests: manifests.String(), requests: r.Requests, kind: "HelmChart"}
}

// helmReleases reconcile as often as their charts do.
func helmReleases(t *testing.T, name, version string) otherSource {
	t.Helper()
	r := startRegistry(t)
	require.NoError(t, r.PushChart(context.Background(), "charts", "app", "1.0.0", nil))
	var manifests strings.Builder
	for i := range perKind {
		release := helmRelease("NS", fmt.Sprintf("NAME-%d", i), r.Host(), version, "EVERY", "EVERY", "")
		manifests.WriteString(strings.ReplaceAll(release, "name: registry", "name: NAME-registry"))
	}
	return otherSource{name: name, manifests: manifests.String(), requests: r.Requests, kind: "HelmChart"}
}

// chartRepositories come with a chart each: charts are found in the index that their repository fetched.
func chartRepositories(t *testing.T, name, interval, version string) otherSource {
	t.Helper()
	url, asked := startChartRepository(t)
	var manifests strings.Builder
	for i := range perKind {
		_, _ = fmt.Fprintf(&manifests, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: NAME-%[1]d, namespace: NS}
spec: {%[3]stimeout: 1m, url: "%[2]s/%[1]d"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: NAME-%[1]d, namespace: NS}
spec: {interval: EVERY, chart: app, version: %[4]q, sourceRef: {kind: HelmRepository, name: NAME-%[1]d}}
---
`, i, url, interval, version)
	}
	return otherSource{name: name, manifests: manifests.String(), requests: func() int { return int(asked.Load()) }, kind: "HelmRepository"}
}

// httpReleases come with a HelmRepository each.
func httpReleases(t *testing.T, name, version string) otherSource {
	t.Helper()
	url, asked := startChartRepository(t)
	var manifests strings.Builder
	for i := range perKind {
		_, _ = fmt.Fprintf(&manifests, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: NAME-%[1]d, namespace: NS}
spec: {interval: EVERY, timeout: 1m, url: "%[2]s/%[1]d"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: NAME-%[1]d, namespace: NS}
spec: {interval: EVERY, chart: {spec: {chart: app, version: %[3]q, interval: EVERY, sourceRef: {kind: HelmRepository, name: NAME-%[1]d}}}}
---
`, i, url, version)
	}
	return otherSource{name: name, manifests: manifests.String(), requests: func() int { return int(asked.Load()) }, kind: "HelmRepository"}
}

// startChartRepository serves a chart repository over HTTP, in any folder, and counts.
func startChartRepository(t *testing.T) (url string, asked *atomic.Int64) {
	t.Helper()
	chart, err := testbed.Tarball(testbed.Chart("app", "1.0.0", nil))
	require.NoError(t, err)
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch {
		case strings.HasSuffix(r.URL.Path, "/index.yaml"):
			_, _ = fmt.Fprintf(w, "apiVersion: v1\nentries: {app: [{apiVersion: v2, name: app, version: 1.0.0, urls: [app.tgz]}]}\n")
		case strings.HasSuffix(r.URL.Path, "/app.tgz"):
			_, _ = w.Write(chart)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}
