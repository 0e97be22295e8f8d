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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// otherSource is a kind of source that is not Git, with hosts of its own that count.
type otherSource struct {
	name      string
	manifests string // of perKind objects
	requests  func() int
}

const chartYAML = "apiVersion: v2\nname: app\nversion: 1.0.0\n"

// TestRequestsOfOtherSources counts what registries and chart repositories are asked in a window while
// nothing changes, and compares that with the budget.
func TestRequestsOfOtherSources(t *testing.T) {
	t.Parallel()
	measures(t)
	w := start(t)
	ns := w.Namespace(t, development)
	sources := []otherSource{
		fluxArtifacts(t, "OCIRepository by tag", "tag: v1.0.0"),
		fluxArtifacts(t, "OCIRepository by semver", `semver: ">=1.0.0"`),
		ociCharts(t, "HelmChart from a registry"),
		chartRepositories(t, "HelmRepository"),
	}
	for i, s := range sources {
		w.Apply(t, strings.NewReplacer("NS", ns, "NAME", fmt.Sprintf("other%d", i), "EVERY", polledEvery.String()).Replace(s.manifests))
	}
	for _, kind := range []string{"ocirepository", "helmchart"} {
		w.Kubectl(t, "wait", kind, "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	}
	predicted := make([]float64, len(sources))
	for _, item := range w.budget(t, ns).Items {
		for i := range sources {
			if strings.HasPrefix(item.Ref.Name, fmt.Sprintf("other%d-", i)) {
				predicted[i] += item.Requests.Now
			}
		}
	}
	before := make([]int, len(sources))
	for i, s := range sources {
		before[i] = s.requests()
	}
	start := time.Now()
	time.Sleep(window) // the measurement itself
	hours := time.Since(start).Hours()
	for i, s := range sources {
		counted := float64(s.requests()-before[i]) / hours
		assert.InEpsilon(t, predicted[i], counted, 0.05, "requests per hour of %s", s.name)
		record(t, fmt.Sprintf("requests/h, %d x %s every %s, unchanged", perKind, s.name, polledEvery), fmt.Sprintf("%.0f", predicted[i]), fmt.Sprintf("%.0f (%+.1f%%)", counted, 100*(counted/predicted[i]-1)))
	}
}

func startRegistry(t *testing.T) *testbed.Registry {
	t.Helper()
	r, err := testbed.StartRegistry()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
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
	return otherSource{name, manifests.String(), r.Requests}
}

func ociCharts(t *testing.T, name string) otherSource {
	t.Helper()
	r := startRegistry(t)
	const config = `{"apiVersion":"v2","name":"app","version":"1.0.0"}`
	files := map[string]string{"app/Chart.yaml": chartYAML}
	require.NoError(t, r.Push(context.Background(), "charts/app", "1.0.0", testbed.HelmArtifact, testbed.HelmConfig, config, files))
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
spec: {interval: EVERY, chart: app, version: "*", sourceRef: {kind: HelmRepository, name: NAME-registry}}
`, i)
	}
	return otherSource{name, manifests.String(), r.Requests}
}

// chartRepositories come with a chart each: charts are found in the index that their repository fetched.
func chartRepositories(t *testing.T, name string) otherSource {
	t.Helper()
	chart, err := testbed.Tarball(map[string]string{"app/Chart.yaml": chartYAML})
	require.NoError(t, err)
	var asked atomic.Int64
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
	var manifests strings.Builder
	for i := range perKind {
		_, _ = fmt.Fprintf(&manifests, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: NAME-%[1]d, namespace: NS}
spec: {interval: EVERY, timeout: 1m, url: "%[2]s/%[1]d"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: NAME-%[1]d, namespace: NS}
spec: {interval: EVERY, chart: app, version: "*", sourceRef: {kind: HelmRepository, name: NAME-%[1]d}}
---
`, i, server.URL)
	}
	return otherSource{name, manifests.String(), func() int { return int(asked.Load()) }}
}
