package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func TestDecideUnderPresets(t *testing.T) {
	t.Parallel()
	git := object(t, "GitRepository", timeout("5m"))
	bare := object(t, "GitRepository")
	ks := object(t, "Kustomization", timeout("3m"))
	const dev = "development"
	filled := change(flux.RetryInterval, "", "5m") // it would follow the interval
	for _, tc := range []struct {
		preset, environment string
		shorten             bool
		object              flux.Object
		want                []Change
	}{
		{"per-environment", dev, false, git, []Change{change(flux.Interval, "5m", "1m")}},
		{"per-environment", dev, false, bare, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "2m")}},
		{"per-environment", dev, false, ks, []Change{change(flux.Interval, "5m", "1m"), filled}},
		{"per-environment", dev, false, object(t, "ks", interval("30s"), timeout("3m")), nil},
		{"per-environment", "staging", false, git, []Change{change(flux.Interval, "5m", "3m")}},
		{"per-environment", "staging", false, ks, []Change{change(flux.Interval, "5m", "3m"), filled}},
		{"per-environment", "production", false, git, nil},
		{"per-environment", "production", false, ks, nil},
		{"per-environment", "production", false, object(t, "ks", interval("10m"), timeout("3m")), nil},
		{"per-environment", "production", false, object(t, "ks", interval("1m"), timeout("3m")), []Change{change(flux.Interval, "1m", "5m")}},
		{"per-environment", dev, true, git, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "5m", "2m")}},
		{"per-environment", dev, true, bare, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "2m")}},
		{"per-environment", dev, true, ks, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "3m", "2m"), filled}},
		{"per-environment", "production", true, git, []Change{change(flux.Timeout, "5m", "2m")}},
		{"per-environment", "production", true, ks, []Change{change(flux.Timeout, "3m", "2m")}},
		{"fast", "production", false, git, []Change{change(flux.Interval, "5m", "30s")}},
		{"fast", "production", false, ks, []Change{change(flux.Interval, "5m", "1m"), filled}},
		{"fast", "production", true, git, []Change{change(flux.Interval, "5m", "30s"), change(flux.Timeout, "5m", "2m")}},
		{"relaxed", dev, false, git, nil},
		{"relaxed", dev, false, ks, nil},
		{"relaxed", dev, false, bare, []Change{change(flux.Timeout, "", "5m")}},
		{"fast", "staging", false, object(t, "Bucket"), nil},
	} {
		got := Decide(tc.object, preset(t, tc.preset), in(tc.environment), Options{ShortenTimeouts: tc.shorten})
		assert.Equal(t, tc.want, got.Changes, "%s of %s in %s, shorten: %t", tc.object.Kind, tc.preset, tc.environment, tc.shorten)
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
	got := Decide(object(t, "Kustomization", interval("61s"), timeout("120s"), retry("1m")), p, in("development"), Options{})
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
		{"set", object(t, "hr", chart("1h")), chartOnly, []Change{change(flux.ChartInterval, "1h", "10m")}, []string{fetchNote}, ReasonPolicyDiffers},
		{"unset", object(t, "hr", chart("")), chartOnly, []Change{change(flux.ChartInterval, "", "10m")}, []string{fetchNote}, ReasonPolicyDiffers},
		{"equal", object(t, "hr", chart("600s")), chartOnly, nil, nil, ReasonMatchesPolicy},
		{"both", object(t, "hr", chart("1h")), both, []Change{change(flux.Interval, "5m", "1m"), change(flux.ChartInterval, "1h", "10m")}, []string{fetchNote}, ReasonPolicyDiffers},
		{"both, unset", object(t, "hr", chart("")), both, []Change{change(flux.Interval, "5m", "1m"), change(flux.ChartInterval, "", "10m")}, []string{follows + ", so 10m is set", fetchNote}, ReasonPolicyDiffers},
		{"release only", object(t, "hr", chart("")), releaseOnly, []Change{change(flux.Interval, "5m", "1m")}, []string{follows, fetchNote}, ReasonPolicyDiffers},
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

// What is unset and follows the interval is set to what it is before it would become shorter with it.
func TestDecideFillsInWhatWouldShrink(t *testing.T) {
	t.Parallel()
	settings := func(interval, timeout, retryInterval string) map[string]policy.Settings {
		return map[string]policy.Settings{
			"Kustomization":   {Interval: interval, Timeout: timeout, RetryInterval: retryInterval},
			"ImageRepository": {Interval: interval, Timeout: timeout},
			"GitRepository":   {Interval: interval},
		}
	}
	const (
		timeoutFollows = "timeout is unset and follows the interval: 4m30s -> 30s, so "
		retryFollows   = "retryInterval is unset and follows the interval: 5m -> 1m, so "
	)
	today := []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "4m30s"), change(flux.RetryInterval, "", "5m")}
	todaysNotes := []string{timeoutFollows + "4m30s is set", retryFollows + "5m is set"}
	for _, tc := range []struct {
		name    string
		object  flux.Object
		kinds   map[string]policy.Settings
		options Options
		changes []Change
		notes   []string
	}{
		{"the policy wants both shorter", object(t, "ks"), settings("1m", "2m", "30s"), Options{}, today, todaysNotes},
		{"and may have it", object(t, "ks"), settings("1m", "2m", "30s"), Options{ShortenTimeouts: true},
			[]Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "2m"), change(flux.RetryInterval, "", "30s")},
			[]string{timeoutFollows + "2m is set", retryFollows + "30s is set"}},
		{"the policy says nothing", object(t, "ks"), settings("1m", "", ""), Options{}, today, todaysNotes},
		{"nor where shorter ones are asked for", object(t, "ks"), settings("1m", "", ""), Options{ShortenTimeouts: true}, today, todaysNotes},
		{"explicit values do not follow", object(t, "ks", timeout("3m"), retry("3m")), settings("1m", "", ""), Options{}, today[:1], nil},
		{"growing", object(t, "ks"), settings("10m", "", ""), Options{}, []Change{change(flux.Interval, "5m", "10m")},
			[]string{"timeout is unset and follows the interval: 4m30s -> 9m30s", "retryInterval is unset and follows the interval: 5m -> 10m"}},
		{"growing, with values", object(t, "ks"), settings("10m", "6m", "7m"), Options{},
			[]Change{change(flux.Interval, "5m", "10m"), change(flux.Timeout, "", "6m"), change(flux.RetryInterval, "", "7m")}, nil},
		{"the same", object(t, "ks", timeout("2m")), settings("300s", "2m", ""), Options{}, nil, nil},
		{"30s at least", object(t, "ks", interval("1m"), retry("1m")), settings("30s", "", ""), Options{}, []Change{change(flux.Interval, "1m", "30s")}, nil},
		{"image scans", object(t, "ImageRepository"), settings("1m", "", ""), Options{}, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "5m")},
			[]string{"timeout is unset and follows the interval: 5m -> 1m, so 5m is set"}},
		{"a timeout that takes no h", object(t, "ImageRepository", interval("2h")), settings("1m", "", ""), Options{}, []Change{change(flux.Interval, "2h", "1m"), change(flux.Timeout, "", "120m")},
			[]string{"timeout is unset and follows the interval: 2h -> 1m, so 2h is set"}},
		{"and seconds", object(t, "ImageRepository", interval("1h30m15s")), settings("1m", "", ""), Options{}, []Change{change(flux.Interval, "1h30m15s", "1m"), change(flux.Timeout, "", "90m15s")},
			[]string{"timeout is unset and follows the interval: 1h30m15s -> 1m, so 1h30m15s is set"}},
		{"a fixed default does not follow", object(t, "GitRepository"), settings("1m", "", ""), Options{}, today[:1], nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := Decide(tc.object, ruling(tc.kinds), in("development"), tc.options)
			assert.Equal(t, tc.changes, got.Changes)
			assert.Equal(t, tc.notes, got.Notes)
		})
	}
}

// Timeouts are made shorter where that is asked for, and nothing shows that the object needs longer.
func TestDecideShortensTimeouts(t *testing.T) {
	t.Parallel()
	const (
		half     = time.Minute // of the timeout wanted in most cases, 2m
		tooShort = ": it waits for health, and 2m may be too short for that"
	)
	for _, tc := range []struct {
		name             string
		object           flux.Object
		wanted, interval string // "" = the policy says nothing
		set, kept        string
	}{
		{name: "nothing is known against it", object: object(t, "ks", timeout("5m")), wanted: "2m", set: "2m"},
		{name: "fast so far", object: object(t, "ks", timeout("5m"), slowest(2*time.Second)), wanted: "2m", set: "2m"},
		{name: "exactly half", object: object(t, "ks", timeout("5m"), slowest(half)), wanted: "2m", set: "2m"},
		{
			name: "more than half", object: object(t, "ks", timeout("5m"), slowest(half+time.Millisecond)), wanted: "2m",
			kept: "timeout kept at 5m: a reconcile took 1m0.001s, more than half of 2m",
		},
		{
			name: "told in milliseconds", object: object(t, "ks", timeout("5m"), slowest(90*time.Second+123*time.Microsecond)), wanted: "2m",
			kept: "timeout kept at 5m: a reconcile took 1m30s, more than half of 2m",
		},
		{name: "waits", object: object(t, "ks", timeout("5m"), waits), wanted: "2m", kept: "timeout kept at 5m" + tooShort},
		{name: "waits, and is fast so far", object: object(t, "ks", timeout("5m"), waits, slowest(time.Second)), wanted: "2m", kept: "timeout kept at 5m" + tooShort},
		{
			name: "slowness is the better evidence", object: object(t, "ks", timeout("5m"), waits, slowest(3*time.Minute)), wanted: "2m",
			kept: "timeout kept at 5m: a reconcile took 3m, more than half of 2m",
		},
		{name: "equal", object: object(t, "ks", timeout("120s"), waits, slowest(time.Hour)), wanted: "2m"},
		{name: "growth is never guarded", object: object(t, "ks", timeout("1m"), waits, slowest(time.Hour)), wanted: "2m", set: "2m"},
		{name: "inside a bound", object: object(t, "ks", timeout("5m")), wanted: "at least 2m"},
		{name: "below the controller's minimum nothing shrinks", object: object(t, "ks", timeout("20s"), waits, slowest(time.Hour)), wanted: "10s", set: "10s"},
		{name: "the policy says nothing", object: object(t, "ks", timeout("5m"), waits, slowest(time.Hour)), interval: "1m"},

		// Unset, the timeout is 4m30s at 5m.
		{name: "unset, no evidence", object: object(t, "ks"), wanted: "2m", interval: "1m", set: "2m"},
		{name: "unset, would grow", object: object(t, "ks", waits), wanted: "10m", interval: "1m", set: "10m"},
		{
			name: "unset, waits: set to today's", object: object(t, "ks", waits), wanted: "2m", interval: "1m",
			set: "4m30s", kept: "timeout kept at 4m30s" + tooShort,
		},
		{name: "unset and following, slow: set to today's", object: object(t, "ks", slowest(16*time.Second)), interval: "1m", set: "4m30s"},
		{
			name: "unset, the interval grows: set to today's, for it would follow", object: object(t, "ks", waits), wanted: "2m", interval: "10m",
			set: "4m30s", kept: "timeout kept at 4m30s" + tooShort,
		},
		{name: "unset, the interval stays: left unset", object: object(t, "ks", waits), wanted: "2m", kept: "timeout kept at 4m30s" + tooShort},
		{name: "unset with a default of its own: left unset", object: object(t, "hr", waits), wanted: "2m", interval: "1m", kept: "timeout kept at 5m" + tooShort},
		{name: "a source has no history", object: object(t, "GitRepository", timeout("5m")), wanted: "2m", interval: "1m", set: "2m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := ruling(map[string]policy.Settings{tc.object.Kind: {Interval: tc.interval, Timeout: tc.wanted}})
			p.ShortenTimeouts = true
			for _, item := range []Item{
				Decide(tc.object, p, in("development"), Options{}),
				Decide(tc.object, ruling(p.Environments[0].Kinds), in("development"), Options{ShortenTimeouts: true}),
			} {
				set := ""
				for _, c := range item.Changes {
					if c.Field == flux.Timeout {
						set = *c.To
					}
				}
				assert.Equal(t, tc.set, set)
				assert.Equal(t, tc.kept, item.Kept)
			}
		})
	}
}

// However a plan came about, carrying it out leaves nothing to do, and no timeout or retry interval is shorter than it
// was, unless that was asked for.
func TestDecideNeverShortensUnasked(t *testing.T) {
	t.Parallel()
	values := []string{"", "20s", "30s", "1m", "2m", "5m", "10m", "90m"}
	bounds := []string{"", "45s", "3m", "at most 1m", "at least 5m", "1m to 3m"}
	for _, kind := range flux.KindNames() {
		for _, every := range values[1:] {
			for _, set := range values {
				for _, wantedInterval := range bounds {
					for _, wantedTimeout := range bounds {
						o := object(t, kind, interval(every))
						o.Timeout = optional(set)
						p := ruling(map[string]policy.Settings{kind: {Interval: wantedInterval, Timeout: wantedTimeout}})
						item := Decide(o, p, in("development"), Options{})
						after := o
						for _, c := range item.Changes {
							switch c.Field {
							case flux.Interval:
								after.Interval = c.To
							case flux.Timeout:
								after.Timeout = c.To
							case flux.RetryInterval:
								after.RetryInterval = c.To
							}
						}
						for _, f := range []flux.Field{flux.Timeout, flux.RetryInterval} {
							assert.GreaterOrEqual(t, after.Effective(f), o.Effective(f), "%s of a %s with %s and %q under %q and %q", f, kind, every, set, wantedInterval, wantedTimeout)
						}
						assert.Empty(t, Decide(after, p, in("development"), Options{}).Changes, "a %s with %s and %q under %q and %q", kind, every, set, wantedInterval, wantedTimeout)
					}
				}
			}
		}
	}
}

// A kept timeout shows in the item whatever else changes.
func TestDecideKeepsTimeouts(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	const kept = "timeout kept at 4m30s: it is not made shorter unasked (--shorten-timeouts)"

	got := Decide(object(t, "ks"), p, in("development"), Options{})
	assert.Equal(t, Item{
		Object: object(t, "ks"), Assignment: in("development"),
		Action: ActionChange, Reason: ReasonPolicyDiffers, Message: `differs from policy "per-environment"`,
		Changes: []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "4m30s"), change(flux.RetryInterval, "", "5m")},
		Kept:    kept,
		Notes: []string{
			"timeout is unset and follows the interval: 4m30s -> 30s, so 4m30s is set",
			"retryInterval is unset and follows the interval: 5m -> 1m, so 5m is set",
		},
	}, got)

	// Of two that are kept, the reason is said once.
	both := ruling(map[string]policy.Settings{"Kustomization": {Timeout: "2m", RetryInterval: "1m"}})
	assert.Equal(t, "timeout kept at 4m and retryInterval kept at 5m: they are not made shorter unasked (--shorten-timeouts)",
		Decide(object(t, "ks", timeout("4m"), retry("5m")), both, in("development"), Options{}).Kept)

	// Once that is done, a second plan finds nothing to do.
	done := object(t, "ks", interval("1m"), timeout("4m30s"), retry("5m"))
	assert.Equal(t, Item{
		Object: done, Assignment: in("development"), Action: ActionUnchanged, Reason: ReasonTimeoutKept, Message: kept, Kept: kept,
	}, Decide(done, p, in("development"), Options{}))
}
