package e2e

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/alerts"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cmd"
)

// promtool is Prometheus' own checker, and a folder that it reads from.
type promtool struct{ program, dir string }

// newPromtool builds it: only where everything is measured, since that takes minutes.
func newPromtool(t *testing.T) promtool {
	t.Helper()
	if !full() {
		t.Skip("promtool is built by make e2e")
	}
	dir, err := testbed.Build(t.Context(), os.Stderr, testbed.UnitPromtool)
	require.NoError(t, err)
	return promtool{filepath.Join(dir, "promtool"), t.TempDir()}
}

func (p promtool) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), p.program, args...)
	c.Dir = p.dir
	out, err := c.CombinedOutput()
	return string(out), err
}

// write writes rules for manifests, as a user would print them, and checks them.
func (p promtool) write(t *testing.T, manifests string, args ...string) {
	t.Helper()
	text := printRules(t, manifests, append(args, "-o", "rules")...)
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "rules.yaml"), []byte(text), 0o644))
	out, err := p.run(t, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
	require.NoError(t, err, "%s\n%s", out, text)
}

// printRules is what alerts prints for manifests.
func printRules(t *testing.T, manifests string, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	sys := cmd.System{
		IOStreams: genericiooptions.IOStreams{In: strings.NewReader(manifests), Out: &out, ErrOut: &errOut},
		Now:       time.Now, Getenv: func(string) string { return "" },
	}
	code := cmd.Run(t.Context(), sys, cmd.Build{Version: "e2e"}, append([]string{"kubectl-fluxtune", "alerts", "-f", "-"}, args...))
	require.Zero(t, code, errOut.String())
	return out.String()
}

// series are samples by the minute; NaN is none.
type series map[string][]float64

// minutes makes samples for so many minutes.
func minutes(n int, value func(minute int) float64) []float64 {
	list := make([]float64, 0, n)
	for i := range n {
		list = append(list, value(i))
	}
	return list
}

// firing is what is expected at a minute: alerts as Prometheus writes their labels, sorted.
type firing struct {
	minute int
	alerts []string
}

// scenario is a test of promtool.
type scenario struct {
	name   string
	series series
	want   []firing
}

// The labels that are compared: those that say which alert it is, and about what.
const compared = "alertname, controller, exported_namespace, host, instance, kind, name"

// test runs scenarios on the rules.
func (p promtool) test(t *testing.T, scenarios ...scenario) {
	t.Helper()
	type sample struct {
		Labels string  `json:"labels"`
		Value  float64 `json:"value"`
	}
	type query struct {
		Expr    string   `json:"expr"`
		At      string   `json:"eval_time"`
		Samples []sample `json:"exp_samples"`
	}
	type input struct {
		Series string `json:"series"`
		Values string `json:"values"`
	}
	type test struct {
		Name     string  `json:"name"`
		Interval string  `json:"interval"`
		Input    []input `json:"input_series"`
		Queries  []query `json:"promql_expr_test"`
	}
	var tests []test
	for _, s := range scenarios {
		one := test{Name: s.name, Interval: "1m"}
		for name, values := range s.series {
			var texts []string
			for _, v := range values {
				if math.IsNaN(v) {
					texts = append(texts, "_")
					continue
				}
				texts = append(texts, fmt.Sprintf("%g", v))
			}
			// A scrape without the series marks its end.
			for i := 1; i < len(texts); i++ {
				if texts[i] == "_" && texts[i-1] != "_" && texts[i-1] != "stale" {
					texts[i] = "stale"
				}
			}
			one.Input = append(one.Input, input{name, strings.Join(texts, " ")})
		}
		slices.SortFunc(one.Input, func(a, b input) int { return strings.Compare(a.Series, b.Series) })
		for _, f := range s.want {
			q := query{Expr: "group by (" + compared + `) (ALERTS{alertstate="firing"})`, At: fmt.Sprintf("%dm", f.minute), Samples: []sample{}}
			for _, labels := range f.alerts {
				q.Samples = append(q.Samples, sample{labels, 1})
			}
			one.Queries = append(one.Queries, q)
		}
		tests = append(tests, one)
	}
	text, err := yaml.Marshal(map[string]any{"rule_files": []string{"rules.yaml"}, "evaluation_interval": "1m", "tests": tests})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "test.yaml"), text, 0o644))
	out, err := p.run(t, "test", "rules", "test.yaml")
	require.NoError(t, err, out)
}

const alertFleet = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: web, namespace: apps}
spec: {interval: 1m, url: "https://github.com/acme/web", ref: {branch: main}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: api, namespace: apps}
spec: {interval: 5m, url: "https://github.com/acme/api", ref: {semver: 1.x}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: apps}
spec: {interval: 5m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: web}}
`

// hours is how long scenarios last, in minutes.
const hours = 200

// reconciles are the two series of an object, as a Prometheus has them that scrapes pods: so many reconciles by each
// minute, of so many seconds.
func reconciles(kind, name string, count func(minute int) float64, seconds float64) series {
	job := "source-controller"
	if kind == "Kustomization" {
		job = "kustomize-controller"
	}
	labels := fmt.Sprintf(`{kind=%q,name=%q,exported_namespace="apps",namespace="flux-system",job="flux",instance=%q}`, kind, name, job)
	return series{
		"gotk_reconcile_duration_seconds_count" + labels: minutes(hours, count),
		"gotk_reconcile_duration_seconds_sum" + labels:   minutes(hours, func(m int) float64 { return seconds * count(m) }),
	}
}

// busy are the workers of a controller.
func busy(controller, job, instance string, active, all float64) series {
	labels := fmt.Sprintf(`{controller=%q,job=%q,instance=%q}`, controller, job, instance)
	return series{
		"controller_runtime_active_workers" + labels:            minutes(hours, func(int) float64 { return active }),
		"controller_runtime_max_concurrent_reconciles" + labels: minutes(hours, func(int) float64 { return all }),
	}
}

func every(n int) func(int) float64 {
	return func(minute int) float64 { return math.Floor(float64(minute)/float64(n)) + 1 }
}

// until is a count that goes on no longer after a minute.
func until(last int, count func(int) float64) func(int) float64 {
	return func(minute int) float64 { return count(min(minute, last)) }
}

// within has samples from one minute to another only.
func within(first, last int, count func(int) float64) func(int) float64 {
	return func(minute int) float64 {
		if minute < first || minute > last {
			return math.NaN()
		}
		return count(minute)
	}
}

// healthy is a fleet in which all is well, with other series in the place of some.
func healthy(others ...series) series {
	all := series{}
	for _, s := range slices.Concat([]series{
		reconciles("GitRepository", "web", every(1), 0.5), reconciles("GitRepository", "api", every(5), 2), reconciles("Kustomization", "web", every(5), 1),
		busy("gitrepository", "flux", "source-controller", 1, 10), busy("kustomization", "flux", "kustomize-controller", 1, 10),
	}, others) {
		for name, values := range s {
			all[name] = values
		}
	}
	return all
}

const (
	notPolled = `{alertname="FluxtuneSourceNotPolled",kind="GitRepository",exported_namespace="apps",name="web"}`
	overShare = `{alertname="FluxtuneHostAboveShare",host="github.com"}`
)

// Each alert fires where it must, and not before or beside.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	p := newPromtool(t)
	p.write(t, alertFleet, "--limit", "github.com=200/h")
	plain := func(s series) series { // a Prometheus that honours the labels of what it scrapes
		other := series{}
		for name, values := range s {
			other[strings.Replace(name, `exported_namespace="apps",namespace="flux-system"`, `namespace="apps"`, 1)] = values
		}
		return other
	}
	silent := func(at ...int) []firing {
		var list []firing
		for _, minute := range at {
			list = append(list, firing{minute: minute})
		}
		return list
	}
	// Above 160 requests an hour, 80% of the limit: 24 are those of api.
	polls := func(perMinute float64) series {
		return reconciles("GitRepository", "web", func(m int) float64 { return perMinute * float64(m) }, 0)
	}
	restarted := reconciles("GitRepository", "web", within(0, 100, every(1)), 0.5)
	for name, values := range reconciles("GitRepository", "web", within(101, hours, func(m int) float64 { return float64(m - 100) }), 0.5) {
		restarted[strings.Replace(name, `job="flux"`, `pod="new",job="flux"`, 1)] = values
	}
	gone := healthy()
	for name := range gone {
		for i := 101; i < hours; i++ {
			gone[name][i] = math.NaN()
		}
	}
	suspended := series{`gotk_resource_info{customresource_kind="GitRepository",exported_namespace="apps",name="web",suspended="true"}`: minutes(hours, func(int) float64 { return 1 })}
	ends := func(seconds float64) series {
		return series{`gotk_fluxtune_session_end_seconds{customresource_kind="GitRepository",exported_namespace="apps",name="web"}`: minutes(hours, func(int) float64 { return seconds })}
	}
	slow := func(seconds float64) series { return reconciles("Kustomization", "web", every(1), seconds) }
	p.test(t,
		scenario{"all is well", healthy(), silent(1, 5, 20, 100, 199)},
		scenario{"all is well, labels honoured", plain(healthy()), silent(1, 5, 20, 100, 199)},
		scenario{"just within the share", healthy(polls(2.2)), silent(100, 199)},
		scenario{"above the share", healthy(polls(2.4)), []firing{{100, nil}, {140, []string{overShare}}, {199, []string{overShare}}}},
		scenario{"above the share, labels honoured", plain(healthy(polls(2.4))), []firing{{199, []string{overShare}}}},
		scenario{"70% busy", healthy(busy("gitrepository", "flux", "source-controller", 7, 10)), silent(100, 199)},
		scenario{"80% busy", healthy(busy("gitrepository", "flux", "source-controller", 8, 10)), []firing{{5, nil}, {30, []string{
			`{alertname="FluxtuneWorkersBusy",controller="gitrepository",instance="source-controller"}`}}}},
		scenario{"another operator is busy", healthy(busy("gitrepository", "other", "operator", 10, 10)), silent(100, 199)},
		scenario{"reconciled less than half of the time", healthy(slow(29)), silent(100, 199)},
		scenario{"reconciled more than half of the time", healthy(slow(31)), []firing{{100, []string{
			`{alertname="FluxtuneReconcileExceedsInterval",kind="Kustomization",exported_namespace="apps",name="web"}`}}}},
		scenario{"polls no more", healthy(reconciles("GitRepository", "web", until(100, every(1)), 0.5)), []firing{{104, nil}, {107, []string{notPolled}}, {199, []string{notPolled}}}},
		scenario{"polls again", healthy(reconciles("GitRepository", "web", func(m int) float64 {
			if m > 100 && m < 120 {
				m = 100
			}
			return float64(m)
		}, 0.5)), []firing{{110, []string{notPolled}}, {121, nil}, {199, nil}}},
		scenario{"a slow one polls no more", healthy(reconciles("GitRepository", "api", until(100, every(5)), 2)), []firing{
			{116, nil}, {119, []string{strings.Replace(notPolled, `"web"`, `"api"`, 1)}}}},
		scenario{"is suspended", healthy(suspended, reconciles("GitRepository", "web", until(100, every(1)), 0.5)), silent(107, 199)},
		scenario{"is deleted", healthy(reconciles("GitRepository", "web", within(0, 100, every(1)), 0.5)), silent(101, 103, 105, 107, 110, 199)},
		scenario{"is deleted between two polls", healthy(reconciles("GitRepository", "api", within(0, 104, every(5)), 2)), silent(105, 117, 118, 119, 120, 121, 122, 199)},
		scenario{"is new", healthy(reconciles("GitRepository", "web", within(100, hours, func(int) float64 { return 1 }), 0.5)), silent(101, 103, 104)},
		scenario{"the controller starts anew", healthyWithout("GitRepository", "web", restarted), silent(101, 102, 103, 104, 105, 107, 110, 199)},
		scenario{"no metrics", gone, []firing{{110, nil}, {120, []string{
			`{alertname="FluxtuneMetricsMissing",controller="kustomize-controller"}`, `{alertname="FluxtuneMetricsMissing",controller="source-controller"}`}}}},
		scenario{"the controller ends every 10 minutes", healthy(startsEvery(10)), []firing{{5, nil}, {100, []string{`{alertname="FluxtuneControllerRestarts",instance="source-controller"}`}}}},
		scenario{"the controller ends every 40 minutes", healthy(startsEvery(40)), silent(100, 199)},
		scenario{"polls once more for an apply", healthy(reconciles("GitRepository", "web", func(m int) float64 {
			if m > 100 {
				m += 60
			}
			return float64(m)
		}, 0)), silent(110, 130, 160, 199)},
		scenario{"a session is not over", healthy(ends(100 * 60)), silent(99, 100, 109)},
		scenario{"a session is over", healthy(ends(100 * 60)), []firing{{112, []string{`{alertname="FluxtuneSessionOverdue",exported_namespace="apps"}`}}}},
	)
}

// inShard are the series of an object as another process of its controller tells them.
func inShard(shard string, s series) series {
	other := series{}
	for name, values := range s {
		other[strings.NewReplacer(`instance="source-controller"`, fmt.Sprintf("instance=%q", shard)).Replace(name)] = values
	}
	return other
}

// What was moved to another shard stays in the metrics of the old one, which counts it no more: that is no missed poll, and
// what the new one asks counts at once.
func TestMovedToAnotherShard(t *testing.T) {
	t.Parallel()
	p := newPromtool(t)
	p.write(t, alertFleet, "--limit", "github.com=200/h")
	const moved = 20
	left := func(perMinute float64) series {
		return reconciles("GitRepository", "web", func(m int) float64 { return 14_400 + perMinute*float64(min(m, moved)) }, 0)
	}
	arrived := func(perMinute float64, last int) series {
		count := func(m int) float64 { return 1 + perMinute*float64(min(m, last)-moved) }
		return inShard("shard", reconciles("GitRepository", "web", within(moved, hours, count), 0))
	}
	twice := series{} // by another job, with labels of its own
	for name, values := range arrived(1, hours) {
		twice[strings.Replace(name, `job="flux"`, `job="pods"`, 1)] = values
	}
	p.test(t,
		scenario{"polls in the other shard", healthy(left(1), arrived(1, hours)), []firing{{25, nil}, {30, nil}, {100, nil}, {199, nil}}},
		scenario{"scraped by two jobs", healthy(left(1), arrived(1, hours), twice), []firing{{25, nil}, {30, nil}, {100, nil}, {199, nil}}},
		scenario{"the other shard does not take it", healthy(left(1)), []firing{{23, nil}, {27, []string{notPolled}}, {199, []string{notPolled}}}},
		scenario{"polls no more in the other shard", healthy(left(1), arrived(1, 100)), []firing{{100, nil}, {107, []string{notPolled}}}},
		scenario{"asks too much there", healthy(left(1), arrived(2.4, hours)), []firing{{100, nil}, {199, []string{overShare}}}},
		scenario{"just within the share there", healthy(left(2.2), arrived(2.2, hours)), []firing{{100, nil}, {199, nil}}},
	)
}

// A source that is there and that no controller has reconciled since it started is known where kube-state-metrics tells of it.
func TestNeverPolled(t *testing.T) {
	t.Parallel()
	p := newPromtool(t)
	p.write(t, alertFleet)
	const never = `{alertname="FluxtuneSourceNeverPolled",kind="GitRepository",exported_namespace="apps",name="web"}`
	info := func(name, suspended string, first int) series {
		labels := fmt.Sprintf(`{customresource_kind="GitRepository",exported_namespace="apps",name=%q,suspended=%q}`, name, suspended)
		return series{"gotk_resource_info" + labels: minutes(hours, within(first, hours, func(int) float64 { return 1 }))}
	}
	started := func(minute int) series {
		return series{`process_start_time_seconds{job="flux",instance="source-controller"}`: minutes(hours, func(int) float64 { return float64(minute * 60) })}
	}
	without := func(others ...series) series {
		all := healthyWithout("GitRepository", "web", nil)
		for _, s := range others {
			for name, values := range s {
				all[name] = values
			}
		}
		return all
	}
	none := []firing{{59, nil}, {100, nil}, {199, nil}}
	p.test(t,
		scenario{"all are polled", healthy(info("web", "", 0), info("api", "", 0)), none},
		scenario{"one is not", without(info("web", "", 0), info("api", "false", 0), started(0)), []firing{{59, nil}, {80, []string{never}}, {199, []string{never}}}},
		scenario{"its shard is gone", healthy(info("web", "", 0), inShard("shard", reconciles("GitRepository", "web", within(0, 50, every(1)), 0)),
			reconciles("GitRepository", "web", within(-1, -1, every(1)), 0)), []firing{{59, nil}, {80, []string{never}}, {199, []string{never}}}},
		scenario{"the controller has just started", without(info("web", "", 0), started(100)), []firing{{120, nil}, {150, nil}, {180, []string{never}}}},
		scenario{"it is new", without(info("web", "", 100), started(0)), []firing{{120, nil}, {150, nil}, {180, []string{never}}}},
		scenario{"it is suspended", without(info("web", "true", 0), started(0)), none},
		scenario{"nothing tells that it is there", without(started(0)), none},
	)
}

// A source-controller that lives shorter than an interval polls each time it starts, and its counter is 1 each time: that is
// no missed poll. One that lives on and does not poll is.
func TestRestartsAreNoMissedPolls(t *testing.T) {
	t.Parallel()
	p := newPromtool(t)
	p.write(t, strings.Replace(alertFleet, "interval: 1m,", "interval: 1h,", 1))
	const length = 20 * 60
	one := func(int) float64 { return 1 }
	labels := func(pod, instance string) string {
		return fmt.Sprintf(`{kind="GitRepository",name="web",exported_namespace="apps",namespace="flux-system",pod=%q,job="flux",instance=%q}`, pod, instance)
	}
	restarts := series{"gotk_reconcile_duration_seconds_count" + labels("a", "a"): minutes(length, one)} // out of memory every 40 minutes
	started := func(instance string, at func(minute int) float64) {
		restarts[fmt.Sprintf(`process_start_time_seconds{job="flux",instance=%q}`, instance)] = minutes(length, at)
	}
	started("a", func(m int) float64 { return float64(m / 40 * 40 * 60) })
	pods := series{}
	for i := range length / 300 { // a pod of its own for 2 of 5 hours
		name := fmt.Sprintf("pod-%d", i)
		pods["gotk_reconcile_duration_seconds_count"+labels(name, name)] = minutes(length, within(i*300, i*300+120, one))
		pods[fmt.Sprintf(`process_start_time_seconds{job="flux",instance=%q}`, name)] = minutes(length, within(i*300, i*300+120, func(int) float64 { return float64(i * 300 * 60) }))
	}
	hangs := series{"gotk_reconcile_duration_seconds_count" + labels("a", "a"): minutes(length, one), `process_start_time_seconds{job="flux",instance="a"}`: minutes(length, func(int) float64 { return 0 })}
	missing := func(s series) series { // another kind is not what this is about
		s[`gotk_reconcile_duration_seconds_count{kind="Kustomization",name="web",exported_namespace="apps",namespace="flux-system",job="flux",instance="k"}`] = minutes(length, every(5))
		return s
	}
	quiet := []firing{{190, nil}, {200, nil}, {400, nil}, {700, nil}, {1000, nil}, {1190, nil}}
	p.test(t,
		scenario{"out of memory each 40 minutes", missing(restarts), quiet},
		scenario{"a new pod each 5 hours", missing(pods), []firing{{310, nil}, {311, nil}, {611, nil}, {911, nil}}},
		scenario{"polls no more", missing(hangs), []firing{{180, nil}, {200, []string{notPolled}}, {1190, []string{notPolled}}}},
	)
}

// startsEvery is a source-controller that starts after so many minutes each time.
func startsEvery(n int) series {
	return series{`process_start_time_seconds{job="flux",instance="source-controller"}`: minutes(hours, func(m int) float64 { return float64(m / n * n * 60) })}
}

// healthyWithout is healthy without the series of one object, and with others.
func healthyWithout(kind, name string, others series) series {
	all := healthy()
	for series := range reconciles(kind, name, every(1), 0) {
		delete(all, series)
	}
	for name, values := range others {
		all[name] = values
	}
	return all
}

// The PrometheusRule has the same rules as the file, and what Prometheus' own operator expects of one.
func TestPrometheusRule(t *testing.T) {
	t.Parallel()
	var object alerts.PrometheusRule
	require.NoError(t, yaml.UnmarshalStrict([]byte(printRules(t, alertFleet)), &object))
	var file alerts.Rules
	require.NoError(t, yaml.UnmarshalStrict([]byte(printRules(t, alertFleet, "-o", "rules")), &file))
	assert.Equal(t, file, object.Spec)
	assert.Equal(t, "monitoring.coreos.com/v1 PrometheusRule fluxtune", object.APIVersion+" "+object.Kind+" "+object.Metadata.Name)
}
