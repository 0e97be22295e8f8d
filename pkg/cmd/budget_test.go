package cmd

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// The numbers of the fleet that this project started with, under each preset; and after an apply that
// made it fast, what the default policy saves.
func TestBudgetOfTheFleet(t *testing.T) {
	t.Parallel()
	c := bed.Own(t, testbed.Fleet(testbed.FleetOptions{}))
	user := on(c)
	before := objects(t, c, "-A")

	for preset, want := range map[string]struct {
		planned, perDay, percent float64
		headline                 string
	}{
		"relaxed":         {936, 22464, 18.72, "Git requests: 936/h (22,464 a day), now and under policy relaxed."},
		"fast":            {9360, 224640, 187.2, "Git requests: 936/h now (22,464 a day), 9,360/h under policy fast (224,640 a day): 900% more."},
		"per-environment": {2392, 57408, 47.84, "Git requests: 936/h now (22,464 a day), 2,392/h under policy per-environment (57,408 a day): 156% more."},
	} {
		b := decode[report.Budget](t, user.must(t, "budget", "-A", "--policy", preset, "-o", "json"))
		assert.Equal(t, budget.Rates{Now: 936, Planned: want.planned}, b.Summary.GitRequests, preset)
		require.Len(t, b.Hosts, 1)
		assert.Equal(t, "github.com", b.Hosts[0].Host)
		assert.Equal(t, budget.Rates{Now: 22464, Planned: want.perDay}, b.Hosts[0].PerDay, preset)
		assert.Equal(t, &budget.Rates{Now: 18.72, Planned: want.percent}, b.Hosts[0].UsedPercent, preset)
		assert.Equal(t, want.headline, b.Headline())
		assert.Equal(t, want.headline, strings.SplitN(user.must(t, "budget", "-A", "--policy", preset).stdout, "\n", 2)[0])
	}
	assert.Equal(t, before, objects(t, c, "-A"), "budget writes nothing")

	table := user.must(t, "budget", "-A").stdout
	for _, line := range []string{
		"github.com        78   936 -> 2,392   22,464 -> 57,408           -   5,000/h   19% -> 48%",
		"development     312 -> 1,560   2m32s -> 32s        5m18s -> 1m6s    5m15s -> 1m3s",
		"production               312   2m32s               5m18s            5m15s",
		"Sharing across namespaces would save 624 -> 832 requests/h, where Flux allows references across namespaces.",
		"A shorter Kustomization interval does not bring commits any sooner",
		"Git traffic is not REST",
	} {
		assert.Contains(t, table, line)
	}

	user.must(t, "apply", "-A", "--policy", "fast", "--yes", "--patches-per-second", "0")
	assert.Contains(t, user.must(t, "budget", "-A").stdout,
		"Git requests: 9,360/h now (224,640 a day), 3,952/h under policy per-environment (94,848 a day): 58% fewer.",
		"development stays at the 30s that it has: at most 1m")

	over := user.run(t.Context(), "budget", "-A", "--fail-above", "80%")
	assert.Equal(t, exitOverBudget, over.code, "it is fast now")
	assert.Contains(t, over.stderr, "error: github.com gets 9,360 requests/h, 187% of its limit of 5,000/h: more than --fail-above 80%\n")
	assert.Contains(t, over.stdout, "187% -> 79%", "what was asked for is shown all the same")
	user.must(t, "budget", "-A", "--policy", "per-environment", "--fail-above", "80%")
	user.must(t, "budget", "-A", "--fail-above", "80%", "--limit", "github.com=20000/h")
	over = user.run(t.Context(), "budget", "-A", "--set", "*.GitRepository.interval=1m", "--fail-above", "80%")
	assert.Equal(t, exitOverBudget, over.code)
	assert.Contains(t, over.stderr, "github.com would get 4,680 requests/h, 94%")

	// One environment, one namespace and one kind are parts of the same.
	for _, args := range [][]string{{"-A", "--env", "stg"}, {"-n", "staging"}, {"gitrepo", "-n", "staging"}} {
		b := decode[report.Budget](t, user.must(t, append([]string{"budget", "-o", "json"}, args...)...))
		assert.Equal(t, budget.Rates{Now: 3120, Planned: 520}, b.Summary.GitRequests, args)
	}
	one := decode[report.Budget](t, user.must(t, "budget", "ks/project-01", "-n", "staging", "-o", "json"))
	require.Len(t, one.Items, 1)
	assert.Equal(t, &report.BudgetLatency{
		Typical: budget.Pair[string]{Now: "17s", Planned: "1m32s"}, Worst: budget.Pair[string]{Now: "34s", Planned: "3m11s"},
	}, one.Items[0].Latency, "its source is known though it was not asked for")
}

// TestBudgetOfEverything has every kind of source, credentials, a Receiver and dependencies.
func TestBudgetOfEverything(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	other := c.Namespace(t, nil)
	c.Apply(t, strings.NewReplacer("NS", ns, "OTHER", other).Replace(everything))
	c.ApplyAs(t, fmt.Sprintf(readyReceiver, ns), testbed.ApplyOptions{Subresource: "status"})
	user := on(c)
	assert.Contains(t, user.must(t, "budget", "-n", ns).stdout, "1 source has a Receiver, and it is not known whether its")
	callFor(t, c, ns, "branch")
	b := decode[report.Budget](t, user.must(t, "budget", "-n", ns, "-o", "json", "--limit", "ghcr.io=1/s", "--policy", "relaxed"))
	hosts := map[string]budget.Rates{}
	for _, h := range b.Hosts {
		hosts[h.Host] = h.Requests
	}
	assert.Equal(t, map[string]budget.Rates{
		"github.com":       {Now: 60 + 2*30 + 60, Planned: 12 + 2*12 + 12}, // branch, semver, tag
		"ghcr.io":          {Now: 3*6 + 3*1, Planned: 3*6 + 3*1},           // artifact and image scan
		"charts.acme.dev":  {Now: 2, Planned: 2},
		"minio.acme.dev":   {Now: 4 * 4, Planned: 4 * 4}, // of a bucket that names no region
		"git.acme.dev:443": {Now: 1, Planned: 12},        // http
	}, hosts)
	assert.Equal(t, report.BudgetWebhooks{Sources: 1, Requests: budget.Rates{Now: 60, Planned: 12}}, b.Summary.Webhooks)
	assert.Contains(t, b.Credentials, report.BudgetCredential{Host: "github.com", Secret: "token", Namespaces: 1, Sources: 2, Requests: budget.Rates{Now: 120, Planned: 36}})
	assert.Equal(t, []string{"GitRepository " + ns + "/branch", "GitRepository " + ns + "/tag"}, b.Repositories[0].Objects)
	assert.Equal(t, budget.Rates{}, b.Repositories[0].Saving, "they look for different refs")

	latency := map[string]string{}
	for _, item := range b.Items {
		if item.Latency != nil {
			latency[item.Ref.Name] = item.Latency.Typical.Now + " " + item.Latency.Worst.Now + " " + item.Receiver
		} else if item.LatencyUnknown != "" {
			latency[item.Ref.Name] = item.LatencyUnknown
		}
	}
	assert.Equal(t, map[string]string{
		"webhook": "2s 2s Receiver " + ns + "/github", "depends": "32s 32s Receiver " + ns + "/github", "elsewhere": "7m32s 15m47s ",
		"stopped": "suspended", "lost": "GitRepository " + ns + "/gone was not read",
	}, latency)

	plan := decode[report.Plan](t, user.must(t, "plan", "-n", ns, "-o", "json", "--policy", "relaxed"))
	require.NotNil(t, plan.Summary.GitRequests)
	assert.Equal(t, budget.Rates{Now: 181, Planned: 60}, *plan.Summary.GitRequests)
	text := user.must(t, "plan", "-n", ns, "--policy", "relaxed").stdout
	assert.Contains(t, text, "Git requests 181/h -> 60/h: 67% fewer")
	assert.Contains(t, text, "1 source has a Receiver, so a webhook brings its commits at once. Polling it (60 -> 12 requests/h)")
}

const everything = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: branch, namespace: NS}
spec: {interval: 1m, url: "https://github.com/acme/app", ref: {branch: main}, secretRef: {name: token}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: tag, namespace: NS}
spec: {interval: 1m, url: "ssh://git@GitHub.com:22/acme/app.git", ref: {tag: v1}, secretRef: {name: key}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: semver, namespace: NS}
spec: {interval: 2m, url: "https://github.com/acme/lib.git", ref: {semver: 1.x}, secretRef: {name: token}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: plain, namespace: NS}
spec: {interval: 1h, url: "http://git.acme.dev:443/app"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: idle, namespace: NS}
spec: {interval: 10s, suspend: true, url: "https://gitlab.com/acme/idle"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shared, namespace: OTHER}
spec: {interval: 15m, url: "https://github.com/acme/shared"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: artifact, namespace: NS}
spec: {interval: 10m, url: "oci://ghcr.io/acme/app", ref: {tag: latest}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: NS}
spec: {interval: 30m, url: "https://charts.acme.dev"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata: {name: bucket, namespace: NS}
spec: {interval: 15m, bucketName: b, endpoint: minio.acme.dev, secretRef: {name: s3}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: image, namespace: NS}
spec: {interval: 1h, image: ghcr.io/acme/app}
---
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: github, namespace: NS}
spec: {type: github, secretRef: {name: hook}, resources: [{kind: GitRepository, name: branch}]}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: webhook, namespace: NS}
spec: {interval: 10m, prune: true, path: ./, sourceRef: {kind: GitRepository, name: branch}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: depends, namespace: NS}
spec: {interval: 10m, prune: true, path: ./, sourceRef: {kind: GitRepository, name: branch}, dependsOn: [{name: webhook}]}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: elsewhere, namespace: NS}
spec: {interval: 10m, prune: true, path: ./, sourceRef: {kind: GitRepository, name: shared, namespace: OTHER}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: stopped, namespace: NS}
spec: {interval: 10m, suspend: true, prune: true, path: ./, sourceRef: {kind: GitRepository, name: branch}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: lost, namespace: NS}
spec: {interval: 10m, prune: true, path: ./, sourceRef: {kind: GitRepository, name: gone}}
`

func TestBudgetGitHub(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "app", "interval: 30s"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v3/rate_limit" || r.Header.Get("Authorization") != "Bearer sesame" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"resources":{"core":{"limit":5000,"used":1234,"remaining":3766,"reset":1700003600}}}`)
	}))
	t.Cleanup(server.Close)
	user := on(c)
	user.env = map[string]string{"MY_TOKEN": "sesame", "BAD": "guess"}
	args := []string{"budget", "-n", ns, "--github-rate-limit", "--github-api-url", server.URL + "/api/v3"}
	assert.Contains(t, user.must(t, append(args, "--github-token-env", "MY_TOKEN")...).stdout,
		server.URL+"/api/v3 says of its REST API: 1,234 of 5,000 requests used by this token, until 23:13 UTC. Git traffic is not in it.")
	b := decode[report.Budget](t, user.must(t, append(args, "--github-token-env", "MY_TOKEN", "-o", "json")...))
	assert.Equal(t, 3766, b.GitHub.Remaining)
	bad := user.run(t.Context(), append(args, "--github-token-env", "BAD")...)
	assert.Equal(t, exitFailed, bad.code)
	assert.Contains(t, bad.stderr, "does not accept the token")
	assert.NotContains(t, bad.stderr, "guess")

	elsewhere := httptest.NewServer(http.RedirectHandler(server.URL+"/api/v3/rate_limit", http.StatusFound))
	t.Cleanup(elsewhere.Close)
	led := user.run(t.Context(), append(args, "--github-token-env", "MY_TOKEN", "--github-api-url", elsewhere.URL)...)
	assert.Contains(t, led.stderr, elsewhere.URL+" answered 302 Found", "nobody else gets the token")
}

func TestBudgetFlagErrors(t *testing.T) {
	t.Parallel()
	user := on(bed.Cluster(t))
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--limit", "github.com"}, `--limit: "github.com" has no rate: write it like github.com=5000/h`},
		{[]string{"--limit", "github.com=5000"}, `--limit: "5000" is not a rate: write it like 5000/h (requests per s, m, h or d), or none`},
		{[]string{"--fail-above", "lots"}, `--fail-above: "lots" is not a share of a limit: write it like 60%, more than 0% and at most 100%`},
		{[]string{"--fail-above", "0%"}, `--fail-above: "0%" is not a share of a limit: write it like 60%, more than 0% and at most 100%`},
		{[]string{"--fail-above", "100"}, `--fail-above: "100" is not a share of a limit: write it like 60%, more than 0% and at most 100%`},
		{[]string{"--fail-above", "1000%"}, `--fail-above: "1000%" is not a share of a limit: write it like 60%, more than 0% and at most 100%`},
		{[]string{"--fail-above", "NaN"}, `--fail-above: "NaN" is not a share of a limit: write it like 60%, more than 0% and at most 100%`},
		{[]string{"--metrics-url", "localhost:8080"}, `--metrics-url "localhost:8080" is not a URL: write it like http://localhost:8080/metrics`},
		{[]string{"--observe-for", "-1m"}, "--observe-for -1m0s: it takes a time above 0, like 5m"},
		{[]string{"--github-rate-limit"}, "--github-rate-limit takes a token: name the environment variable that holds it (--github-token-env GITHUB_TOKEN)"},
		{[]string{"--github-token-env", "X"}, "--github-token-env is for --github-rate-limit: give both"},
		{[]string{"--github-rate-limit", "--github-token-env", "X"}, `--github-token-env: the environment variable "X" is empty: export it with a token`},
		{[]string{"--github-rate-limit", "--github-token-env", "X", "--github-api-url", "http://ghe.example.com"}, `--github-api-url "http://ghe.example.com": a token is not sent without TLS: use https`},
		{[]string{"-o", "csv"}, `unknown output format "csv": -o takes one of table, wide, json, yaml, name, jsonpath, go-template, custom-columns, markdown`},
	} {
		o := user.run(t.Context(), append([]string{"budget", "-A"}, tc.args...)...)
		assert.Equal(t, exitFailed, o.code, tc.args)
		assert.Equal(t, "error: "+tc.want+"\n", o.stderr, tc.args)
	}
}

func TestBudgetFormats(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 2m"))
	user := on(c)
	for format, want := range map[string]string{
		"name":                                  "gitrepository.source.toolkit.fluxcd.io/app\n",
		"jsonpath={.summary.gitRequests}":       `{"now":30,"planned":60}`,
		"jsonpath={.items[0].interval.planned}": "1m",
		"go-template={{.policy}}":               "per-environment",
		"custom-columns=N:.ref.name,R:.requests.now,P:.requests.planned": "N     R     P\napp   30    60\n",
	} {
		assert.Equal(t, want, user.must(t, "budget", "-n", ns, "-o", format).stdout, format)
	}
	assert.Contains(t, user.must(t, "budget", "-n", ns, "-o", "yaml").stdout, "kind: Budget\n")
	assert.Equal(t, "GitRepository   app   development   2m -> 1m   30 -> 60   12", strings.TrimSpace(strings.Split(
		user.must(t, "budget", "-n", ns, "--no-headers").stdout, "   -")[0]))
	missing := user.run(t.Context(), "budget", "gitrepo/gone", "-n", ns)
	assert.Equal(t, exitFailed, missing.code)
	assert.Contains(t, missing.stderr, fmt.Sprintf(`error: gitrepositories.source.toolkit.fluxcd.io "gone" not found in namespace %q`, ns))
	unlimited := user.run(t.Context(), "budget", "-n", ns, "--fail-above", "80%", "--limit", "github.com=none")
	assert.Equal(t, exitFailed, unlimited.code)
	assert.Contains(t, unlimited.stderr, "error: --fail-above: none of the hosts has a limit: give one (--limit github.com=5000/h)")
	empty := user.must(t, "budget", "-n", c.Namespace(t, nil))
	assert.Contains(t, empty.stderr, "No Flux objects found")
}

// A limit of a host that nobody polls is mistyped: a gate that it would open says so, and whoever only looks is warned.
func TestUnpolledLimits(t *testing.T) {
	t.Parallel()
	limit := func(host string) budget.Limits {
		l, err := policy.ParseLimit(host + "=10/h")
		require.NoError(t, err)
		return budget.NewLimits(nil, []policy.Limit{l})
	}
	polled := []string{"git.example.com", "github.com", "registry.example.com:5000"}
	for _, host := range []string{"git.example.com", "GIT.example.com:443", "git.example.com:22", "ssh.github.com", "ssh.github.com:443", "registry.example.com", "registry.example.com:5000"} {
		assert.Empty(t, unpolled(limit(host), polled), host)
	}
	assert.Equal(t, "--limit git.exmaple.com: nothing that was read polls it; polled are git.example.com, github.com, registry.example.com:5000", unpolled(limit("git.exmaple.com"), polled))
	assert.Equal(t, "--limit git.exmaple.com: nothing that was read polls it; polled is github.com", unpolled(limit("git.exmaple.com"), []string{"github.com"}))
	assert.Equal(t, "--limit git.exmaple.com: nothing that was read polls a host", unpolled(limit("git.exmaple.com"), nil))
	assert.Empty(t, unpolled(budget.NewLimits([]policy.Limit{{Host: "elsewhere.example.com", PerHour: 1}}, nil), polled), "a policy serves many clusters")

	b := budget.Budget{Hosts: []budget.Host{{Name: "git.example.com", Requests: budget.Rates{Now: 120}}}}
	require.EqualError(t, BudgetOptions{FailAbove: 80, Limits: limit("git.exmaple.com")}.judge(b),
		"--limit git.exmaple.com: nothing that was read polls it; polled is git.example.com")
}
