package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func ptr(s string) *string { return &s }

// object is one of a kind, with an interval of five minutes and nothing else; the changes state the
// difference.
func object(t testing.TB, kind string, changes ...func(*flux.Object)) flux.Object {
	t.Helper()
	k, err := flux.ParseKind(kind)
	require.NoError(t, err)
	o := flux.Object{
		Ref:     flux.Ref{Group: k.Group, Kind: k.Name, Namespace: "apps", Name: "web"},
		Version: k.Versions[0], ResourceVersion: "7", Interval: ptr("5m"),
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func interval(s string) func(*flux.Object) { return func(o *flux.Object) { o.Interval = ptr(s) } }
func timeout(s string) func(*flux.Object)  { return func(o *flux.Object) { o.Timeout = ptr(s) } }
func retry(s string) func(*flux.Object)    { return func(o *flux.Object) { o.RetryInterval = ptr(s) } }
func annotated(key, value string) func(*flux.Object) {
	return func(o *flux.Object) { o.Annotations = map[string]string{key: value} }
}
func slowest(d time.Duration) func(*flux.Object) {
	return func(o *flux.Object) { o.Status.SlowestReconcile = d }
}
func waits(o *flux.Object)     { o.Waits = true }
func deleting(o *flux.Object)  { o.Deleting = true }
func suspend(o *flux.Object)   { o.Suspended = true }
func oci(o *flux.Object)       { o.OCI = true }
func generated(o *flux.Object) { o.Generated = true }

// chart gives a HelmRelease a chart template; "" leaves its interval unset.
func chart(interval string) func(*flux.Object) {
	return func(o *flux.Object) {
		o.HasChart, o.ChartInterval = true, optional(interval)
	}
}

func preset(t testing.TB, name string) policy.Policy {
	t.Helper()
	p, err := policy.Preset(name)
	require.NoError(t, err)
	return p
}

// ruling is a policy with one environment, "development".
func ruling(kinds map[string]policy.Settings) policy.Policy {
	return policy.Policy{Name: "own", Environments: []policy.Environment{{Name: "development", Kinds: kinds}}}
}

func in(environment string) policy.Assignment {
	return policy.Assignment{Environment: environment, Known: true, Source: policy.SourceNamespace}
}

// optional is a field's value; "" is absent.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func change(f flux.Field, from, to string) Change {
	return Change{Field: f, From: optional(from), To: optional(to)}
}

func TestDecideReasons(t *testing.T) {
	t.Parallel()
	none := policy.Assignment{}
	unknown := policy.Assignment{Environment: "qa"}
	optOut := annotated(OptOutAnnotation, OptOutValue)
	for _, tc := range []struct {
		name    string
		object  flux.Object
		in      policy.Assignment
		options Options
		action  Action
		reason  Reason
		message string
	}{
		{"differs", object(t, "ks"), in("development"), Options{}, ActionChange, ReasonPolicyDiffers, `differs from policy "per-environment"`},
		{"matches", object(t, "ks", timeout("2m")), in("production"), Options{}, ActionUnchanged, ReasonMatchesPolicy, `matches policy "per-environment"`},
		{"deleting", object(t, "ks", deleting), in("development"), Options{}, ActionSkip, ReasonDeleting, "being deleted"},
		{"opted out", object(t, "ks", optOut), in("development"), Options{}, ActionSkip, ReasonOptedOut, "opted out by annotation fluxtune.github.io/tune: disabled"},
		{"opted in", object(t, "ks", annotated(OptOutAnnotation, "enabled")), in("development"), Options{}, ActionChange, ReasonPolicyDiffers, `differs from policy "per-environment"`},
		{"no environment", object(t, "ks"), none, Options{}, ActionSkip, ReasonNoEnvironment, "no environment"},
		{"unknown environment", object(t, "ks"), unknown, Options{}, ActionSkip, ReasonOtherEnvironment, `environment "qa" is not in policy "per-environment"`},
		{"kind", object(t, "Receiver"), in("development"), Options{}, ActionSkip, ReasonKindNotInPolicy, `policy "per-environment" says nothing about Receiver in development`},
		{"suspended", object(t, "ks", suspend), in("development"), Options{}, ActionSkip, ReasonSuspended, "suspended (--include-suspended tunes it too)"},
		{"suspended and included", object(t, "ks", suspend), in("development"), Options{IncludeSuspended: true}, ActionChange, ReasonPolicyDiffers, `differs from policy "per-environment"`},
		{
			"timeout kept", object(t, "ks", timeout("5m"), waits), in("production"), Options{}, ActionSkip, ReasonTimeoutKept,
			"timeout kept at 5m: it waits for health, and 2m may be too short for that",
		},
		{
			"a record that cannot be kept", object(t, "ks", recorded("{")), in("development"), Options{}, ActionSkip, ReasonBadRecord,
			"reading annotation fluxtune.github.io/original: unexpected end of JSON input: restore the object by hand and remove the annotation",
		},
		{"the same where nothing changes", object(t, "ks", recorded("{"), timeout("2m")), in("production"), Options{}, ActionUnchanged, ReasonMatchesPolicy, `matches policy "per-environment"`},

		// Each of these has every later reason too.
		{"deleting first", object(t, "Receiver", deleting, optOut, suspend), none, Options{}, ActionSkip, ReasonDeleting, "being deleted"},
		{"then the opt-out", object(t, "Receiver", optOut, suspend), none, Options{}, ActionSkip, ReasonOptedOut, "opted out by annotation fluxtune.github.io/tune: disabled"},
		{"then no environment", object(t, "Receiver", suspend), none, Options{}, ActionSkip, ReasonNoEnvironment, "no environment"},
		{"then an unknown one", object(t, "Receiver", suspend), unknown, Options{}, ActionSkip, ReasonOtherEnvironment, `environment "qa" is not in policy "per-environment"`},
		{"then the kind", object(t, "HelmRepository", oci, suspend), in("staging"), Options{}, ActionSkip, ReasonKindNotInPolicy, `policy "per-environment" says nothing about HelmRepository in staging`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := Decide(tc.object, preset(t, policy.DefaultName), tc.in, tc.options)
			assert.Equal(t, tc.object, got.Object)
			assert.Equal(t, tc.in, got.Assignment)
			assert.Equal(t, [3]string{string(tc.action), string(tc.reason), tc.message}, [3]string{string(got.Action), string(got.Reason), got.Message})
			assert.Equal(t, tc.action == ActionChange, len(got.Changes) > 0)
		})
	}
}

// Intervals that Flux ignores are left alone even where the policy names their kind.
func TestDecideIgnoredIntervals(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRepository": {Interval: "1m"}, "HelmChart": {Interval: "1m"}})
	for _, tc := range []struct {
		object  flux.Object
		message string
	}{
		{object(t, "HelmRepository", oci, suspend), "Flux ignores the interval of a HelmRepository of type oci"},
		{object(t, "HelmChart", generated, suspend), "made by a HelmRelease, which sets its interval: tune spec.chart.spec.interval there"},
	} {
		want := Item{Object: tc.object, Assignment: in("development"), Action: ActionSkip, Reason: ReasonIntervalIgnored, Message: tc.message}
		assert.Equal(t, want, Decide(tc.object, p, in("development"), Options{}))
	}
	for _, o := range []flux.Object{object(t, "HelmRepository"), object(t, "HelmChart")} {
		assert.Equal(t, []Change{change(flux.Interval, "5m", "1m")}, Decide(o, p, in("development"), Options{}).Changes, o.Kind)
	}
}

func TestDecideUnderPresets(t *testing.T) {
	t.Parallel()
	git := object(t, "GitRepository", timeout("5m"))
	bare := object(t, "GitRepository")
	ks := object(t, "Kustomization", timeout("3m"))
	for _, tc := range []struct {
		preset, environment string
		object              flux.Object
		want                []Change
	}{
		{"per-environment", "development", git, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "5m", "2m")}},
		{"per-environment", "development", bare, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "2m")}},
		{"per-environment", "development", ks, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "3m", "2m")}},
		{"per-environment", "staging", git, []Change{change(flux.Interval, "5m", "3m"), change(flux.Timeout, "5m", "2m")}},
		{"per-environment", "staging", ks, []Change{change(flux.Interval, "5m", "3m"), change(flux.Timeout, "3m", "2m")}},
		{"per-environment", "production", git, []Change{change(flux.Timeout, "5m", "2m")}},
		{"per-environment", "production", ks, []Change{change(flux.Timeout, "3m", "2m")}},
		{"fast", "production", git, []Change{change(flux.Interval, "5m", "30s"), change(flux.Timeout, "5m", "2m")}},
		{"fast", "production", ks, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "3m", "2m")}},
		{"relaxed", "development", git, nil},
		{"relaxed", "development", ks, nil},
		{"relaxed", "development", bare, []Change{change(flux.Timeout, "", "5m")}},
		{"fast", "staging", object(t, "Bucket"), nil},
	} {
		got := Decide(tc.object, preset(t, tc.preset), in(tc.environment), Options{})
		assert.Equal(t, tc.want, got.Changes, "%s of %s in %s", tc.object.Kind, tc.preset, tc.environment)
	}
}

// The environment is looked up as labels write it: by alias, in any case.
func TestDecideByAlias(t *testing.T) {
	t.Parallel()
	got := Decide(object(t, "GitRepository"), preset(t, policy.DefaultName), in("STG"), Options{})
	assert.Equal(t, change(flux.Interval, "5m", "3m"), got.Changes[0])
}

func TestDecideEqualDurations(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	for _, same := range []string{"1m", "60s", "1m0s", "0h1m", "60000ms"} {
		got := Decide(object(t, "Kustomization", interval(same), timeout("2m0s")), p, in("development"), Options{})
		assert.Equal(t, ActionUnchanged, got.Action, same)
		assert.Nil(t, got.Changes, same)
	}
	got := Decide(object(t, "Kustomization", interval("61s"), timeout("120s")), p, in("development"), Options{})
	assert.Equal(t, []Change{change(flux.Interval, "61s", "1m")}, got.Changes)
}

// Every field of every kind takes its value from its own setting.
func TestDecideFieldsOfKinds(t *testing.T) {
	t.Parallel()
	every := policy.Settings{Interval: "11m", Timeout: "12m", RetryInterval: "13m"}
	kinds := make(map[string]policy.Settings)
	for _, name := range flux.KindNames() {
		kinds[name] = every
	}
	both := []Change{change(flux.Interval, "5m", "11m"), change(flux.Timeout, "", "12m")}
	only := []Change{change(flux.Interval, "5m", "11m")}
	want := map[string][]Change{
		"GitRepository": both, "OCIRepository": both, "Bucket": both, "HelmRepository": both, "HelmChart": only,
		"Kustomization": {both[0], both[1], change(flux.RetryInterval, "", "13m")},
		"HelmRelease":   both, "ImageRepository": both, "ImageUpdateAutomation": only, "Receiver": only,
	}
	got := make(map[string][]Change)
	for _, name := range flux.KindNames() {
		got[name] = Decide(object(t, name), ruling(kinds), in("development"), Options{}).Changes
	}
	assert.Equal(t, want, got)
}

// A Receiver without an interval uses its default; the policy sets it none the less.
func TestDecideSetsAnAbsentInterval(t *testing.T) {
	t.Parallel()
	o := object(t, "Receiver", func(o *flux.Object) { o.Interval = nil })
	got := Decide(o, ruling(map[string]policy.Settings{"Receiver": {Interval: "1m"}}), in("development"), Options{})
	assert.Equal(t, []Change{change(flux.Interval, "", "1m")}, got.Changes)
	assert.Empty(t, got.Notes)
}

// The chart interval of a HelmRelease is ruled by the policy's HelmChart.
func TestDecideChartInterval(t *testing.T) {
	t.Parallel()
	chartOnly := map[string]policy.Settings{"HelmChart": {Interval: "10m"}}
	both := map[string]policy.Settings{"HelmChart": {Interval: "10m"}, "HelmRelease": {Interval: "1m"}}
	releaseOnly := map[string]policy.Settings{"HelmRelease": {Interval: "1m"}}
	follows := "chart interval is unset and follows the interval: 5m -> 1m"
	for _, tc := range []struct {
		name    string
		object  flux.Object
		kinds   map[string]policy.Settings
		changes []Change
		notes   []string
		reason  Reason
	}{
		{"set", object(t, "hr", chart("1h")), chartOnly, []Change{change(flux.ChartInterval, "1h", "10m")}, nil, ReasonPolicyDiffers},
		{"unset", object(t, "hr", chart("")), chartOnly, []Change{change(flux.ChartInterval, "", "10m")}, nil, ReasonPolicyDiffers},
		{"equal", object(t, "hr", chart("600s")), chartOnly, nil, nil, ReasonMatchesPolicy},
		{"both", object(t, "hr", chart("1h")), both, []Change{change(flux.Interval, "5m", "1m"), change(flux.ChartInterval, "1h", "10m")}, nil, ReasonPolicyDiffers},
		{"both, unset", object(t, "hr", chart("")), both, []Change{change(flux.Interval, "5m", "1m"), change(flux.ChartInterval, "", "10m")}, []string{follows + ", so the policy's 10m is set"}, ReasonPolicyDiffers},
		{"release only", object(t, "hr", chart("")), releaseOnly, []Change{change(flux.Interval, "5m", "1m")}, []string{follows}, ReasonPolicyDiffers},
		{"release only, set", object(t, "hr", chart("1h")), releaseOnly, []Change{change(flux.Interval, "5m", "1m")}, nil, ReasonPolicyDiffers},
		{"chartRef", object(t, "hr"), both, []Change{change(flux.Interval, "5m", "1m")}, nil, ReasonPolicyDiffers},
		{"chartRef, chart only", object(t, "hr"), chartOnly, nil, nil, ReasonKindNotInPolicy},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := Decide(tc.object, ruling(tc.kinds), in("development"), Options{})
			assert.Equal(t, tc.changes, got.Changes)
			assert.Equal(t, tc.notes, got.Notes)
			assert.Equal(t, tc.reason, got.Reason)
		})
	}
}

func TestDecideNotesWhatShrinks(t *testing.T) {
	t.Parallel()
	settings := func(interval, timeout, retryInterval string) map[string]policy.Settings {
		return map[string]policy.Settings{
			"Kustomization":   {Interval: interval, Timeout: timeout, RetryInterval: retryInterval},
			"ImageRepository": {Interval: interval, Timeout: timeout},
			"GitRepository":   {Interval: interval},
		}
	}
	for _, tc := range []struct {
		name   string
		object flux.Object
		kinds  map[string]policy.Settings
		want   []string
	}{
		{"both set by the policy", object(t, "ks"), settings("1m", "2m", "30s"), []string{
			"timeout is unset and follows the interval: 4m30s -> 30s, so the policy's 2m is set",
			"retryInterval is unset and follows the interval: 5m -> 1m, so the policy's 30s is set",
		}},
		{"neither", object(t, "ks"), settings("1m", "", ""), []string{
			"timeout is unset and follows the interval: 4m30s -> 30s",
			"retryInterval is unset and follows the interval: 5m -> 1m",
		}},
		{"explicit values do not follow", object(t, "ks", timeout("3m"), retry("3m")), settings("1m", "", ""), nil},
		{"growing", object(t, "ks"), settings("10m", "2m", "30s"), nil},
		{"the same", object(t, "ks"), settings("300s", "2m", ""), nil},
		{"30s at least", object(t, "ks", interval("1m"), retry("1m")), settings("30s", "", ""), nil},
		{"image scans", object(t, "ImageRepository"), settings("1m", "", ""), []string{"timeout is unset and follows the interval: 5m -> 1m"}},
		{"a fixed default does not follow", object(t, "GitRepository"), settings("1m", "", ""), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, Decide(tc.object, ruling(tc.kinds), in("development"), Options{}).Notes)
		})
	}
}
