package cluster

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// exposition is what source-controller 1.9 answers, cut down to two objects.
const exposition = `# HELP gotk_reconcile_duration_seconds The duration in seconds of a GitOps Toolkit resource reconciliation.
# TYPE gotk_reconcile_duration_seconds histogram
gotk_reconcile_duration_seconds_bucket{kind="GitRepository",name="web",namespace="apps",le="0.01"} 0
gotk_reconcile_duration_seconds_bucket{kind="GitRepository",name="web",namespace="apps",le="+Inf"} 120
gotk_reconcile_duration_seconds_sum{kind="GitRepository",name="web",namespace="apps"} 30
gotk_reconcile_duration_seconds_count{kind="GitRepository",name="web",namespace="apps"} 120
gotk_reconcile_duration_seconds_bucket{kind="HelmRepository",name="charts",namespace="pod-namespace",exported_namespace="apps",le="+Inf"} 2
gotk_reconcile_duration_seconds_sum{kind="HelmRepository",name="charts",namespace="pod-namespace",exported_namespace="apps"} 3.5
gotk_reconcile_duration_seconds_count{kind="HelmRepository",name="charts",namespace="pod-namespace",exported_namespace="apps"} 2
gotk_reconcile_duration_seconds_bucket{kind="ImagePolicy",name="digests",namespace="apps",le="+Inf"} 4
gotk_reconcile_duration_seconds_sum{kind="ImagePolicy",name="digests",namespace="apps"} 2
gotk_reconcile_duration_seconds_count{kind="ImagePolicy",name="digests",namespace="apps"} 4
gotk_reconcile_duration_seconds_bucket{kind="Alert",name="slack",namespace="apps",le="+Inf"} 9
gotk_reconcile_duration_seconds_sum{kind="Alert",name="slack",namespace="apps"} 1
gotk_reconcile_duration_seconds_count{kind="Alert",name="slack",namespace="apps"} 9
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7000000005e+09
`

var (
	started = time.UnixMilli(1700000000500)
	web     = flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "web"}
	digests = flux.Ref{Group: "image.toolkit.fluxcd.io", Kind: "ImagePolicy", Namespace: "apps", Name: "digests"}
	charts  = flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "HelmRepository", Namespace: "apps", Name: "charts"}
)

func TestParseMetrics(t *testing.T) {
	t.Parallel()
	at := started.Add(2 * time.Hour)
	got, err := ParseMetrics(strings.NewReader(exposition), at)
	require.NoError(t, err)
	assert.Equal(t, Reconciles{Since: started, At: at, Counts: map[flux.Ref]Tally{web: {120, 30}, charts: {2, 3.5}, digests: {4, 2}}}, got)

	_, err = ParseMetrics(strings.NewReader("up 1\n"), at)
	assert.EqualError(t, err, "reading metrics: there is no gotk_reconcile_duration_seconds of a Flux object: is it a Flux controller's /metrics?")
	// A controller that has reconciled nothing yet: without objects of its kinds, or a replica that waits to become the leader.
	for _, idle := range []string{"leader_election_master_status{name=\"helm-controller\"} 0\n", "controller_runtime_active_workers{controller=\"helmrelease\"} 0\n"} {
		got, err = ParseMetrics(strings.NewReader(idle), at)
		require.NoError(t, err)
		assert.Empty(t, got.Counts)
	}
	_, err = ParseMetrics(strings.NewReader("<html>\n"), at)
	assert.ErrorContains(t, err, "reading metrics: text format parsing error")
}

func TestFetchMetrics(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, exposition)
	}))
	t.Cleanup(server.Close)
	clock := func() time.Time { return started.Add(time.Hour) }
	got, err := FetchMetrics(t.Context(), server.Client(), server.URL+"/metrics", clock)
	require.NoError(t, err)
	assert.Len(t, got.Counts, 3)
	_, err = FetchMetrics(t.Context(), server.Client(), server.URL+"/wrong", clock)
	assert.EqualError(t, err, "asking for metrics: "+server.URL+"/wrong answered 404 Not Found")
	_, err = FetchMetrics(t.Context(), server.Client(), "http://127.0.0.1:1/metrics", clock)
	assert.ErrorContains(t, err, "connection refused")
}

// A URL may have a password or a token, and an error is pasted into an issue.
func TestNoSecretOfURLsInErrors(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	t.Cleanup(server.Close)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, host := range []string{strings.TrimPrefix(server.URL, "http://"), "127.0.0.1:1", "a b"} {
		for _, user := range []string{"bot:s3cr3t@", "s3cr3t@"} {
			url := "http://" + user + host
			_, err := FetchMetrics(t.Context(), client, url+"/m?token=s3cr3t", time.Now)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "s3cr3t")
			_, err = GitHubRateLimit(t.Context(), client, url, "sesame")
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "s3cr3t")
		}
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	counts := func(since, at time.Duration, count uint64, seconds float64) Reconciles {
		return Reconciles{Since: started.Add(since), At: started.Add(at), Counts: map[flux.Ref]Tally{web: {count, seconds}}}
	}
	for name, tc := range map[string]struct {
		earlier, later []Reconciles
		want           map[flux.Ref]flux.Observation
	}{
		"since the start": {nil, []Reconciles{counts(0, 2*time.Hour, 120, 30)},
			map[flux.Ref]flux.Observation{web: {PerHour: 60, Mean: 250 * time.Millisecond, Over: 2 * time.Hour}}},
		"over a window": {[]Reconciles{counts(0, time.Hour, 100, 28)}, []Reconciles{counts(0, 2*time.Hour, 120, 30)},
			map[flux.Ref]flux.Observation{web: {PerHour: 20, Mean: 100 * time.Millisecond, Over: time.Hour}}},
		"nothing in the window": {[]Reconciles{counts(0, time.Hour, 120, 30)}, []Reconciles{counts(0, 2*time.Hour, 120, 30)},
			map[flux.Ref]flux.Observation{web: {Over: time.Hour}}},
		"restarted in the window": {[]Reconciles{counts(0, time.Hour, 100, 28)}, []Reconciles{counts(time.Hour, 90*time.Minute, 10, 5)},
			map[flux.Ref]flux.Observation{web: {PerHour: 20, Mean: 500 * time.Millisecond, Over: 30 * time.Minute}}},
		"moved to another shard": {nil, []Reconciles{counts(0, 4*time.Hour, 60, 6), counts(0, 4*time.Hour, 180, 18)},
			map[flux.Ref]flux.Observation{web: {PerHour: 60, Mean: 100 * time.Millisecond, Over: 4 * time.Hour}}},
		"moved to a shard that is new": {nil, []Reconciles{counts(3*time.Hour, 4*time.Hour, 60, 6), counts(0, 4*time.Hour, 180, 18)},
			map[flux.Ref]flux.Observation{web: {PerHour: 60, Mean: 100 * time.Millisecond, Over: 4 * time.Hour}}},
		"moved in the window": {[]Reconciles{counts(0, time.Hour, 60, 6), {Since: started, At: started.Add(time.Hour)}}, []Reconciles{counts(0, 2*time.Hour, 90, 9), counts(0, 2*time.Hour, 30, 3)},
			map[flux.Ref]flux.Observation{web: {PerHour: 60, Mean: 100 * time.Millisecond, Over: time.Hour}}},
		"just started": {nil, []Reconciles{counts(0, time.Millisecond, 1, 1)}, map[flux.Ref]flux.Observation{}},
		"no start":     {nil, []Reconciles{{At: started, Counts: map[flux.Ref]Tally{web: {1, 1}}}}, map[flux.Ref]flux.Observation{}},
	} {
		assert.Equal(t, tc.want, Observe(tc.earlier, tc.later), name)
	}
}

func TestGitHubRateLimit(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v3/rate_limit" && r.Header.Get("Authorization") == "Bearer sesame":
			_, _ = io.WriteString(w, `{"resources":{"core":{"limit":15000,"used":12,"remaining":14988,"reset":1700003600},"graphql":{}},"rate":{}}`)
		case r.URL.Path == "/api/v3/rate_limit":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/broken/rate_limit":
			_, _ = io.WriteString(w, `<html>`)
		case r.URL.Path == "/endless/rate_limit":
			_, _ = io.WriteString(w, strings.Repeat(" ", 1<<20)+`{"resources":{}}`)
		case r.URL.Path == "/busy/rate_limit":
			w.WriteHeader(http.StatusBadGateway)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	got, err := GitHubRateLimit(t.Context(), server.Client(), server.URL+"/api/v3/", "sesame")
	require.NoError(t, err)
	assert.Equal(t, RateLimit{API: server.URL + "/api/v3", Limit: 15000, Used: 12, Remaining: 14988, Reset: time.Unix(1700003600, 0).UTC()}, got)
	for path, want := range map[string]string{
		"/api/v3": "/api/v3 does not accept the token", "/elsewhere": "has none", "/broken": "reading GitHub's rate limit", "/busy": "answered 502 Bad Gateway",
		"/endless": "the answer has more than 1048576 bytes",
	} {
		_, err := GitHubRateLimit(t.Context(), server.Client(), server.URL+path, "guess")
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "guess", "no token in an error")
	}
}

func TestDecodeDeployment(t *testing.T) {
	t.Parallel()
	deployment := func(args string) string {
		return `{"metadata":{"name":"kc","namespace":"flux","labels":{"app.kubernetes.io/component":"kustomize-controller"}},
			"spec":{"selector":{"matchLabels":{"b":"2","app":"kc"}},"template":{"spec":{"containers":[
			{"args":` + args + `,"ports":[{"name":"healthz","containerPort":9440},{"name":"http-prom","containerPort":8081}]},{"args":["--other"]}]}}}}`
	}
	for args, want := range map[string]flux.Controller{
		`[]`: {Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second},
		`["--concurrent=20","--interval-jitter-percentage=10","--requeue-dependency=5s"]`:  {Concurrent: 20, JitterPercent: 10, RequeueDependency: 5 * time.Second},
		`["--concurrent","20","--interval-jitter-percentage","0","--log-level=info"]`:      {Concurrent: 20, JitterPercent: 0, RequeueDependency: 30 * time.Second},
		`["--concurrent=8","--concurrent=9","--concurrent-ssa=16","concurrent=7"]`:         {Concurrent: 9, JitterPercent: 5, RequeueDependency: 30 * time.Second},
		`["--concurrent=many","--interval-jitter-percentage=300","--requeue-dependency"]`:  {Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second},
		`["--concurrent=0","--interval-jitter-percentage=-1","--requeue-dependency=soon"]`: {Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second},
		`["--min-retry-delay=2s","--max-retry-delay=1m","--watch-label-selector=sharding.fluxcd.io/key=a"]`: {
			Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second, MinRetryDelay: 2 * time.Second, MaxRetryDelay: time.Minute, Watches: "sharding.fluxcd.io/key=a"},
		`["--watch-all-namespaces=false"]`: {Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second, Namespace: "flux"},
		`["--watch-all-namespaces"]`:       {Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second},
		`["--override-manager=flux","--override-manager","k9s","--feature-gates=Other=true,DefaultToRetryOnFailure=true,CancelHealthCheckOnNewRevision=true,UseHelm3Defaults=true,DisableCommitStatusEvent=true"]`: {
			Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second, Overrides: []string{"flux", "k9s"}, RetryOnFailure: true, CancelsChecks: true,
			Helm3Defaults: true, TellsFailuresOnly: true},
		`["--override-manager=","--feature-gates=DefaultToRetryOnFailure=false"]`: {Concurrent: 4, JitterPercent: 5, RequeueDependency: 30 * time.Second},
	} {
		if want.MaxRetryDelay == 0 {
			want.MinRetryDelay, want.MaxRetryDelay = 750*time.Millisecond, 15*time.Minute
		}
		got, err := decodeDeployment([]byte(deployment(args)))
		require.NoError(t, err)
		want.Name, want.Found = "kustomize-controller", true
		assert.Equal(t, Deployment{Namespace: "flux", Name: "kc", Controller: want, Selector: "app=kc,b=2", MetricsPort: 8081}, got, args)
	}
}

func TestMergeControllers(t *testing.T) {
	t.Parallel()
	of := func(name string, concurrent, jitter int, requeue time.Duration) Deployment {
		return Deployment{Controller: flux.Controller{Name: name, Concurrent: concurrent, JitterPercent: jitter, RequeueDependency: requeue, Found: true}}
	}
	shard := of("a", 3, 5, 30*time.Second)
	shard.Controller.Watches = "sharding.fluxcd.io/key=a"
	tenant := of("a", 2, 5, 30*time.Second)
	tenant.Controller.Namespace = "team-a"
	assert.Len(t, MergeControllers([]Deployment{tenant, of("a", 2, 10, 5*time.Second)}), 2)
	assert.Equal(t, []flux.Controller{
		{Name: "a", Concurrent: 6, JitterPercent: 10, RequeueDependency: 30 * time.Second, Found: true},
		{Name: "b", Concurrent: 1, Found: true},
		{Name: "a", Concurrent: 3, JitterPercent: 5, RequeueDependency: 30 * time.Second, Watches: "sharding.fluxcd.io/key=a", Found: true},
	}, MergeControllers([]Deployment{of("a", 2, 10, 5*time.Second), of("b", 1, 0, 0), of("a", 4, 5, 30*time.Second), shard}))
}
