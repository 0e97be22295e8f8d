package e2e

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// slower is how many times slower than the test bed the clock of the rules runs: they look back an hour, and so long
// nobody waits. A scrape every three seconds stands for one a minute, and an interval of 15s for one of 5m.
const (
	slower     = 20
	aScrape    = time.Minute / slower
	whileWell  = 45  // minutes of the slow clock
	whileNot   = 130 // minutes after that: an alarm about a share waits for longer than an hour
	withoutAny = 90  // minutes without metrics, for which nobody waits
)

// fleetAt are the objects with intervals as one of the clocks has them.
func fleetAt(ns, url string, second time.Duration) string {
	return fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: web, namespace: %[1]s}
spec: {interval: %[3]s, url: %[2]q, ref: {branch: main}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: idle, namespace: %[1]s}
spec: {interval: %[3]s, url: %[2]q, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: %[1]s}
spec: {interval: %[4]s, path: ./web, prune: true, sourceRef: {kind: GitRepository, name: web}}
`, ns, url, 15*second, 30*second)
}

// unhealthy is a Kustomization that waits half a minute each time for pods that nobody makes, and then tries again.
func unhealthy(ns string) string {
	return fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: slow, namespace: %s}
spec: {interval: 3s, retryInterval: 3s, timeout: 30s, wait: true, path: ./slow, prune: true, sourceRef: {kind: GitRepository, name: idle}}
`, ns)
}

// scrape reads the metrics that rules use, with the labels that a Prometheus adds and the time of its slow clock.
func scrape(t *testing.T, url, instance string) map[string]float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	found := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, "{")
		at := strings.LastIndex(line, "} ")
		switch name {
		case "gotk_reconcile_duration_seconds_count", "gotk_reconcile_duration_seconds_sum", "controller_runtime_active_workers", "controller_runtime_max_concurrent_reconciles":
		default:
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at+2:]), 64)
		require.NoError(t, err, line)
		if strings.HasSuffix(name, "_sum") {
			value *= slower
		}
		found[fmt.Sprintf(`%s,job="flux",instance=%q}`, line[:at], instance)] = value
	}
	return found
}

// add appends a scrape; a series that is not in it has no sample.
func (s series) add(minute int, scraped map[string]float64) {
	for name := range scraped {
		if s[name] == nil {
			s[name] = minutes(minute, func(int) float64 { return math.NaN() })
		}
	}
	for name := range s {
		value, there := scraped[name]
		if !there {
			value = math.NaN()
		}
		s[name] = append(s[name], value)
	}
}

// The alerts are silent about real controllers that do well, and fire about the same controllers when a host is asked too
// often, the only worker is busy with an object that takes longer than its interval, and a source does not poll.
func TestAlertsOnRealMetrics(t *testing.T) {
	t.Parallel()
	measures(t)
	p := newPromtool(t)
	c := testbed.StartT(t, testbed.Options{})
	git, err := testbed.StartGit(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = git.Close() })
	_, err = git.Push(t.Context(), "app", map[string]string{
		"web/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: default}\n",
		"slow/app.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: slow, namespace: default}\n" +
			"spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: [{name: x, image: x}]}}}\n",
	})
	require.NoError(t, err)
	flux, err := c.StartFlux(t.Context(), testbed.FluxOptions{Flags: map[string][]string{testbed.UnitKustomizeController: {"--concurrent=1"}}})
	require.NoError(t, err)

	host, _, _ := strings.Cut(strings.TrimPrefix(git.URL("app"), "http://"), "/")
	// Both poll 12 times an hour of the slow clock; 32 are too many.
	p.write(t, fleetAt("default", git.URL("app"), slower*time.Second), "--limit", host+"=40/h")
	c.Apply(t, fleetAt("default", git.URL("app"), time.Second))
	scraped := series{}
	begin := time.Now()
	for minute := range whileWell + whileNot {
		if minute == whileWell {
			c.Kubectl(t, "patch", "gitrepository", "web", "-n", "default", "--type=merge", "-p", `{"spec":{"interval":"3s"}}`)
			c.Kubectl(t, "patch", "gitrepository", "idle", "-n", "default", "--type=merge", "-p", `{"spec":{"suspend":true}}`)
			c.Apply(t, unhealthy("default"))
		}
		all := map[string]float64{}
		for i, url := range flux.MetricsURLs() {
			for name, value := range scrape(t, url, []string{"source-controller", "kustomize-controller"}[i]) {
				all[name] = value
			}
		}
		scraped.add(minute, all)
		time.Sleep(time.Until(begin.Add(time.Duration(minute+1) * aScrape)))
	}
	for minute := range withoutAny {
		scraped.add(whileWell+whileNot+minute, nil)
	}
	p.test(t, scenario{"real metrics", scraped, []firing{
		{20, nil}, {30, nil}, {whileWell - 1, nil},
		{whileWell + whileNot - 1, []string{
			fmt.Sprintf(`{alertname="FluxtuneHostAboveShare",host=%q}`, host),
			`{alertname="FluxtuneReconcileExceedsInterval",exported_namespace="default",kind="Kustomization",name="slow"}`,
			`{alertname="FluxtuneSourceNotPolled",exported_namespace="default",kind="GitRepository",name="idle"}`,
			`{alertname="FluxtuneWorkersBusy",controller="kustomization",instance="kustomize-controller"}`,
		}},
		{whileWell + whileNot + withoutAny - 1, []string{
			`{alertname="FluxtuneMetricsMissing",controller="kustomize-controller"}`, `{alertname="FluxtuneMetricsMissing",controller="source-controller"}`,
		}},
	}})
	record(t, "alerts on metrics of real controllers: all well; then a host asked too often, one busy worker, a reconcile of 30s each 3s, a source that does not poll; then none",
		"silent; the four; metrics missing", "silent; the four; metrics missing")
}
