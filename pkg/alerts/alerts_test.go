package alerts

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// object is a source or Kustomization that polls at an interval.
func object(kind, namespace, name, interval string, change ...func(*flux.Object)) tune.Item {
	row, _ := flux.ParseKind(kind)
	o := flux.Object{Ref: flux.Ref{Group: row.Group, Kind: row.Name, Namespace: namespace, Name: name}, Version: "v1", Interval: &interval}
	if row.Source {
		o.Remote = flux.Remote{URL: "https://github.com/acme/" + name, Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}}
	}
	for _, c := range change {
		c(&o)
	}
	return tune.Item{Object: o}
}

func semver(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: flux.RefSemver, Value: "1.x"} }

func at(url string) func(*flux.Object) { return func(o *flux.Object) { o.Remote.URL = url } }

// made makes the rules of objects with a limit of 1,000/h for github.com.
func made(t *testing.T, shares []policy.Share, objects ...tune.Item) Result {
	t.Helper()
	limits := budget.NewLimits([]policy.Limit{{Host: "github.com", PerHour: 1000}}, nil)
	return New(Input{Items: budget.New(budget.Input{Items: objects, Limits: limits}).Items, Limits: limits, Shares: shares, Above: 80})
}

// find is the rule that alerts by a name or records it; the last of several.
func find(t *testing.T, r Result, name string) Rule {
	t.Helper()
	var found Rule
	require.Len(t, r.Rules.Groups, 1)
	for _, rule := range r.Rules.Groups[0].Rules {
		if rule.Alert == name || rule.Record == name {
			found = rule
		}
	}
	require.NotEmpty(t, found.Expr, name)
	return found
}

// A host's requests are the polls of its objects, each times what its kind of ref costs.
func TestHostRequests(t *testing.T) {
	t.Parallel()
	r := made(t, nil,
		object("gitrepo", "apps", "web", "1m"), object("gitrepo", "apps", "api", "5m", semver), object("gitrepo", "tools", "lint", "5m", at("https://git.example.com/lint")),
		object("ks", "apps", "web", "5m"),
	)
	assert.Equal(t, Rule{
		Record: "fluxtune:host_requests:per_hour", Labels: map[string]string{"host": "github.com"},
		Expr: "3600 * sum(\n" +
			`rate(fluxtune:reconciles:total{kind="GitRepository",exported_namespace="apps",name="web"}[1h]) * 1` + "\n" +
			`or rate(fluxtune:reconciles:total{kind="GitRepository",exported_namespace="apps",name="api"}[1h]) * 2` + "\n)",
	}, find(t, r, hostRequests))
	assert.Equal(t, `fluxtune:host_requests:per_hour{exported_namespace="",host="github.com"} > 800`, find(t, r, HostAboveShare).Expr)
	// Help and documentation of alerts say how the sum of several clusters is alarmed about.
	for _, file := range []string{"../cmd/alerts.go", "../../hack/docs/tuning.md"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(text), fmt.Sprintf(`sum by (host) (%s{%s=""}) > 4000`, hostRequests, namespaceLabel), file)
	}
	assert.Equal(t, []string{"no alarm about git.example.com: no limit is known (--limit HOST=5000/h, or spec.limits of the policy)"}, r.Notes)
}

// What each object is counted with in an expression of requests.
func counted(t *testing.T, expr string, ref flux.Ref) float64 {
	t.Helper()
	total := 0.0
	for _, term := range regexp.MustCompile(`total(\{[^}]*\})\[1h\]\) \* ([0-9.e+]+)`).FindAllStringSubmatch(expr, -1) {
		chosen := true
		for label, value := range map[string]string{"kind": ref.Kind, "exported_namespace": ref.Namespace, "name": ref.Name} {
			for _, m := range regexp.MustCompile(`[{,]`+label+`(=~?)"([^"]*)"`).FindAllStringSubmatch(term[1], -1) {
				pattern := strings.ReplaceAll(m[2], `\\`, `\`)
				if m[1] == "=" {
					pattern = regexp.QuoteMeta(m[2])
				}
				chosen = chosen && regexp.MustCompile("^(?:"+pattern+")$").MatchString(value)
			}
		}
		cost, err := strconv.ParseFloat(term[2], 64)
		require.NoError(t, err)
		if chosen {
			total += cost
		}
	}
	return total
}

// Each object of the fleet, also what is never due, is counted with what one reconcile of it asks the host, and with nothing else.
func TestRequestsAreThoseOfTheFleet(t *testing.T) {
	t.Parallel()
	images := object("imagerepository", "n0", "images", "1h", at("ghcr.io/acme/web"))
	rapid.Check(t, func(rt *rapid.T) {
		objects := []tune.Item{images}
		seen := map[flux.Ref]bool{}
		for range rapid.IntRange(0, 20).Draw(rt, "objects") {
			namespace, name := fmt.Sprintf("n%d", rapid.IntRange(0, 2).Draw(rt, "namespace")), fmt.Sprintf("o%d", rapid.IntRange(0, 3).Draw(rt, "name"))
			o := tune.Item{Object: flux.Object{
				Ref:      flux.Ref{Group: "image.toolkit.fluxcd.io", Kind: flux.ImagePolicyKind, Namespace: namespace, Name: name},
				Interval: new(string), Polling: flux.Polling{NoInterval: rapid.Bool().Draw(rt, "no interval"), Made: []flux.Ref{images.Object.Ref}},
			}}
			*o.Object.Interval = "10m"
			if rapid.Bool().Draw(rt, "source") {
				o = object("ocirepo", namespace, name, "10m", at(rapid.SampledFrom([]string{"oci://ghcr.io/acme/x", "oci://quay.io/acme/x"}).Draw(rt, "url")))
			}
			if !seen[o.Object.Ref] {
				seen[o.Object.Ref] = true
				objects = append(objects, o)
			}
		}
		limits := budget.NewLimits([]policy.Limit{{Host: "ghcr.io", PerHour: 1000}}, nil)
		b := budget.New(budget.Input{Items: objects, Limits: limits})
		r := New(Input{Items: b.Items, Idle: b.Idle, Limits: limits, Above: 80})
		expr := find(t, r, hostRequests).Expr
		asks := map[flux.Ref]float64{}
		for _, i := range b.Items {
			if i.Address.Host == "ghcr.io" {
				asks[i.Object.Ref] = i.PerPoll()
			}
		}
		for _, o := range objects {
			assert.InDelta(rt, asks[o.Object.Ref], counted(t, expr, o.Object.Ref), 0, "%s\n%s", o.Object.Ref, expr)
		}
	})
}

// What the policy fits a host or a credential to is its share.
func TestSharesOfThePolicy(t *testing.T) {
	t.Parallel()
	withSecret := func(o *flux.Object) { o.Remote.Secret = "bot" }
	r := made(t, []policy.Share{{Host: "github.com", Percent: 60}, {Host: "github.com", Credential: "bot", Percent: 20}, {Host: "github.com", Credential: "nobody", Percent: 1}},
		object("gitrepo", "apps", "web", "1m"), object("gitrepo", "apps", "api", "1m", withSecret))
	assert.Equal(t, `fluxtune:host_requests:per_hour{exported_namespace="",host="github.com"} > 630`, find(t, r, HostAboveShare).Expr)
	assert.Equal(t, `fluxtune:credential_requests:per_hour{credential="bot",exported_namespace="",host="github.com"} > 210`, find(t, r, CredentialAbove).Expr)
	assert.Contains(t, find(t, r, credentialRequests).Expr, `name="api"`)
	assert.NotContains(t, find(t, r, credentialRequests).Expr, `name="web"`)
	assert.NotContains(t, fmt.Sprint(r.Rules), "nobody at github.com", "a credential that no object has")
}

// What is suspended is not due, so that it is not missed; once it is resumed it asks, so that it is counted.
func TestSuspended(t *testing.T) {
	t.Parallel()
	r := made(t, nil, object("gitrepo", "apps", "web", "1m"), object("gitrepo", "apps", "old", "1m", func(o *flux.Object) { o.Suspended = true }))
	assert.Contains(t, find(t, r, SourceNotPolled).Expr, `{kind="GitRepository",exported_namespace="apps",name="web"}[5m9s]`)
	assert.NotContains(t, find(t, r, SourceNotPolled).Expr, `name="old"`)
	assert.Contains(t, find(t, r, hostRequests).Expr, `{kind="GitRepository"}`)
}

// Where the policy is still to be applied, the longer interval counts. A class of intervals has one rule.
func TestIntervalClasses(t *testing.T) {
	t.Parallel()
	slower := object("gitrepo", "a", "web", "1m")
	becomes := "4m"
	slower.Changes = []tune.Change{{Field: flux.Interval, From: slower.Object.Interval, To: &becomes}}
	r := made(t, nil, slower, object("gitrepo", "a", "api", "5m"), object("gitrepo", "b", "x", "10s"), object("ocirepo", "b", "never", "1000h"))
	var rules []string
	for _, rule := range r.Rules.Groups[0].Rules {
		if rule.Alert == SourceNotPolled {
			rules = append(rules, strings.Split(rule.Expr, "\n")[1])
		}
	}
	want := func(namespace, window string) string {
		s := fmt.Sprintf(`fluxtune:reconciles:total{kind="GitRepository",exported_namespace=%q}`, namespace)
		const of = "(kind, exported_namespace, name)"
		return fmt.Sprintf("(sum by %[3]s (increase(%[1]s[%[2]s])) == 0 and on %[3]s %[1]s and on %[3]s %[1]s offset %[2]s)", s, window, of)
	}
	assert.Equal(t, []string{want("b", "3m35s"), want("a", "17m45s")}, rules)
	assert.Contains(t, r.Notes, "no alarm about missed polls of 1 source with an interval above 24h")
}

// A fleet of ten thousand objects has few rules, always the same.
func TestManyObjects(t *testing.T) {
	t.Parallel()
	var objects []tune.Item
	for i := range 5000 {
		interval := []string{"1m", "3m", "5m"}[i%3]
		namespace := fmt.Sprintf("team-%d-%s", i/30, interval)
		objects = append(objects, object("gitrepo", namespace, fmt.Sprintf("app-%d", i), interval), object("ks", namespace, fmt.Sprintf("app-%d", i), interval))
	}
	r := made(t, nil, objects...)
	assert.Less(t, len(r.Rules.Groups[0].Rules), 15)
	assert.Less(t, len(fmt.Sprint(r.Rules)), 100_000)
	assert.Equal(t, r, made(t, nil, objects...))
}

func TestNothing(t *testing.T) {
	t.Parallel()
	assert.Equal(t, Result{}, made(t, nil))
}

// A namespace has a group of its own, about its own objects, wherever Prometheus has their namespace.
func TestOneNamespace(t *testing.T) {
	t.Parallel()
	items := budget.New(budget.Input{Items: []tune.Item{object("gitrepo", "apps", "web", "1m")}}).Items
	r := New(Input{Items: items, Namespace: "apps", Above: 80})
	assert.Equal(t, "fluxtune-apps", r.Rules.Groups[0].Name)
	const both = `gotk_reconcile_duration_seconds_count{kind="GitRepository",exported_namespace="apps"} or ` +
		`gotk_reconcile_duration_seconds_count{kind="GitRepository",exported_namespace="",namespace="apps"}`
	assert.Contains(t, find(t, r, reconcilesTotal).Expr, both)
	assert.Equal(t, "group(absent("+both+"))", find(t, r, MetricsMissing).Expr)
}

// Rules of several namespaces, and of all, stand beside each other: each selects its own objects, and none records what
// another does.
func TestNamespacesDoNotMix(t *testing.T) {
	t.Parallel()
	recorded := map[string]string{}
	for _, namespace := range []string{"", "apps", "tools"} {
		in := Input{Namespace: namespace, Above: 80, Limits: budget.NewLimits(nil, nil)}
		bot := func(o *flux.Object) { o.Remote.Secret = "bot" }
		of := namespace
		if of == "" {
			of = "apps"
		}
		in.Shares = []policy.Share{{Host: "github.com", Credential: "bot", Percent: 20}}
		in.Items = budget.New(budget.Input{Items: []tune.Item{object("gitrepo", of, "web", "1m", bot), object("gitrepo", of, "api", "1m", bot), object("ks", of, "web", "5m")}}).Items
		for _, rule := range New(in).Rules.Groups[0].Rules {
			for _, selector := range regexp.MustCompile(`fluxtune:\S+?{[^}]*}`).FindAllString(rule.Expr, -1) {
				if strings.Contains(selector, hostRequests) || strings.Contains(selector, credentialRequests) || namespace != "" {
					assert.Contains(t, selector, fmt.Sprintf("exported_namespace=%q", namespace), selector)
				}
			}
			if rule.Record == hostRequests || rule.Record == credentialRequests {
				series := rule.Record + labelText(rule.Labels)
				assert.Empty(t, recorded[series], series)
				recorded[series] = "recorded of " + of
			}
			if rule.Alert == HostAboveShare && namespace != "" {
				assert.Contains(t, rule.Annotations["description"], "Only namespace "+namespace+" is counted")
			}
		}
	}
}

// The room above a share ends at the limit: what is above that is an alarm in any case.
func TestShareLeavesNoRoomAboveTheLimit(t *testing.T) {
	t.Parallel()
	for percent, want := range map[float64]struct{ above, than string }{
		100: {"1000", "more than its limit of 1000. "}, 97: {"1000", "more than its limit of 1000. "},
		95: {"998", "more than 5% above its share, which is 95% of its limit of 1000. "},
	} {
		a := find(t, made(t, []policy.Share{{Host: "github.com", Percent: percent}}, object("gitrepo", "apps", "web", "1m")), HostAboveShare)
		assert.True(t, strings.HasSuffix(a.Expr, " > "+want.above), a.Expr)
		assert.Contains(t, a.Annotations["description"], want.than)
	}
}

// A fit uses all of a share, and each change and each restart reconciles once more: neither is an alarm.
func TestShareLeavesRoom(t *testing.T) {
	t.Parallel()
	r := made(t, []policy.Share{{Host: "github.com", Percent: 60}}, object("gitrepo", "apps", "web", "1m"))
	a := find(t, r, HostAboveShare)
	assert.Equal(t, `fluxtune:host_requests:per_hour{exported_namespace="",host="github.com"} > 630`, a.Expr)
	assert.Equal(t, "1h10m", a.For)
	assert.Contains(t, a.Annotations["description"], "5% above its share")
	assert.Contains(t, a.Annotations["description"], "other clusters")
	assert.Equal(t, "1h10m", find(t, made(t, nil, object("gitrepo", "apps", "web", "1m")), HostAboveShare).For)

	few := New(Input{
		Items:  budget.New(budget.Input{Items: []tune.Item{object("gitrepo", "apps", "web", "1m")}}).Items,
		Limits: budget.NewLimits([]policy.Limit{{Host: "github.com", PerHour: 1}}, nil), Above: 25,
	})
	assert.Contains(t, find(t, few, HostAboveShare).Expr, "> 0.25")
}

// A controller that starts again and again hides what the other alarms are about.
func TestRestarts(t *testing.T) {
	t.Parallel()
	r := made(t, nil, object("gitrepo", "apps", "web", "1m"), object("ks", "apps", "web", "1m"))
	assert.Equal(t, "changes(process_start_time_seconds[1h]) >= 3\nand on (job, instance) (last_over_time(gotk_reconcile_duration_seconds_count{kind=~\"GitRepository|Kustomization\"}[1h]))",
		find(t, r, ControllerRestarts).Expr)
}

// What is said of an alarm names the causes that have nothing to do with intervals.
func TestCauses(t *testing.T) {
	t.Parallel()
	r := made(t, nil, object("gitrepo", "apps", "web", "1m"), object("ks", "apps", "web", "1m"))
	assert.Contains(t, find(t, r, SlowReconcile).Annotations["description"], "retry interval")
	assert.NotContains(t, find(t, r, SlowReconcile).Annotations["summary"], "longer to reconcile than its interval")
	assert.Contains(t, find(t, r, SourceNotPolled).Annotations["description"], "stalled")
	assert.Contains(t, find(t, r, MetricsMissing).Annotations["description"], "shard")
}

// kube-state-metrics reads the end of a session where it is written.
func TestStateMetrics(t *testing.T) {
	t.Parallel()
	c := NewStateMetrics([]flux.Object{{Ref: flux.Ref{Kind: "GitRepository"}, Version: "v1beta2"}})
	require.Len(t, c.Spec.Resources, len(flux.Kinds()))
	assert.Equal(t, StateKind{Group: "source.toolkit.fluxcd.io", Version: "v1beta2", Kind: "GitRepository"}, c.Spec.Resources[0].GroupVersionKind)
	assert.Equal(t, "gotk_resource_info", c.Spec.Resources[0].MetricNamePrefix+"_"+c.Spec.Resources[0].Metrics[0].Name)
	assert.Contains(t, find(t, made(t, nil, object("gitrepo", "apps", "web", "1m")), SessionOverdue).Expr, c.Spec.Resources[0].MetricNamePrefix+"_"+c.Spec.Resources[0].Metrics[1].Name+" < time()")
	assert.Equal(t, []string{"metadata", "annotations", "fluxtune.github.io/until"}, c.Spec.Resources[0].Metrics[1].Each.Gauge.Path)
	assert.Equal(t, 10, c.Spec.Resources[0].Metrics[1].ErrorLogV, "hardly any object has it")
}

// Alarms about two hosts are two rules, as promtool's lint wants them, and what flags said of policy and limits is in the commands of the runbook.
func TestRulesOfTwoHosts(t *testing.T) {
	t.Parallel()
	limits := budget.NewLimits([]policy.Limit{{Host: "github.com", PerHour: 1000}}, []policy.Limit{{Host: "git.example.com", PerHour: 100}})
	items := budget.New(budget.Input{Items: []tune.Item{
		object("gitrepo", "apps", "web", "1m"), object("gitrepo", "tools", "lint", "5m", at("https://git.example.com/lint")),
	}, Limits: limits}).Items
	r := New(Input{Items: items, Limits: limits, Shares: []policy.Share{{Host: "github.com", Credential: "bot", Percent: 20}}, Above: 80, Under: " --limit git.example.com=100/h", PolicyFile: "policy.yaml"})
	seen := map[string]bool{}
	for _, rule := range r.Rules.Groups[0].Rules {
		key := fmt.Sprint(rule.Record, rule.Alert, rule.Labels)
		assert.False(t, seen[key], key)
		seen[key] = true
		if rule.Alert != HostAboveShare {
			continue
		}
		assert.Equal(t, "kubectl fluxtune budget -A --limit git.example.com=100/h --rows names who asks most: give that longer intervals, or a webhook. "+
			"The share is of all clusters that ask with one credential: plan --fit of this cluster alone would give it the whole, so fit all of them together (plan --all-contexts). "+
			"The rules were made with --policy policy.yaml: add it from where you have that file", rule.Annotations["runbook"])
	}
}

// Whoever an alarm reaches has another current context: each command that an alarm names asks the cluster that the alarm is about.
func TestEveryCommandNamesTheCluster(t *testing.T) {
	t.Parallel()
	for _, namespace := range []string{"", "apps"} {
		limits := budget.NewLimits([]policy.Limit{{Host: "github.com", PerHour: 1000}}, nil)
		withSecret := func(o *flux.Object) { o.Remote.Secret = "bot" }
		items := budget.New(budget.Input{Items: []tune.Item{object("gitrepo", "apps", "web", "1m", withSecret), object("ks", "apps", "web", "1m")}, Limits: limits}).Items
		r := New(Input{Items: items, Limits: limits, Shares: []policy.Share{{Host: "github.com", Credential: "bot", Percent: 20}}, Above: 80, Namespace: namespace, Cluster: " --context prod-us"})
		seen := map[string]bool{}
		for _, rule := range r.Rules.Groups[0].Rules {
			seen[rule.Alert] = true
			for name, text := range rule.Annotations {
				for _, words := range strings.Split(text, "kubectl ")[1:] {
					if !strings.HasPrefix(words, "fluxtune apply --for ") { // tells what made a session, and is not to be run
						assert.Regexp(t, `^fluxtune [a-z]+ --context prod-us\b`, words, "%s: %s", rule.Alert, name)
					}
				}
			}
		}
		for _, alert := range []string{HostAboveShare, CredentialAbove, WorkersBusy, SlowReconcile, SourceNotPolled, SourceNeverPolled, SessionOverdue, MetricsMissing, ControllerRestarts} {
			assert.True(t, seen[alert], alert)
		}
	}
}
