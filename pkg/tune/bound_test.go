package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// What lies inside a bound is left alone, also where it is unset and Flux's default lies inside; what lies
// outside comes to the nearest end, as the policy wrote it.
func TestDecideByBounds(t *testing.T) {
	t.Parallel()
	own := func(s policy.Settings, kinds ...string) policy.Policy {
		rules := map[string]policy.Settings{}
		for _, kind := range kinds {
			rules[kind] = s
		}
		return ruling(rules)
	}
	for _, tc := range []struct {
		name     string
		object   flux.Object
		settings policy.Settings
		want     []Change
	}{
		{"at most: shorter stays", object(t, "GitRepository", interval("30s")), policy.Settings{Interval: "at most 1m"}, nil},
		{"at most: the end stays, however it is written", object(t, "GitRepository", interval("60s")), policy.Settings{Interval: "at most 1m"}, nil},
		{"at most: longer comes to the end", object(t, "GitRepository", interval("61s")), policy.Settings{Interval: "at most 1m"}, []Change{change(flux.Interval, "61s", "1m")}},
		{"at least: longer stays", object(t, "GitRepository", interval("10m")), policy.Settings{Interval: "at least 5m"}, nil},
		{"at least: shorter comes to the end", object(t, "GitRepository", interval("4m59s")), policy.Settings{Interval: "at least 300s"}, []Change{change(flux.Interval, "4m59s", "300s")}},
		{"from to: inside stays", object(t, "GitRepository", interval("2m")), policy.Settings{Interval: "1m to 3m"}, nil},
		{"from to: shorter", object(t, "GitRepository", interval("10s")), policy.Settings{Interval: "1m to 3m"}, []Change{change(flux.Interval, "10s", "1m")}},
		{"from to: longer", object(t, "GitRepository", interval("1h")), policy.Settings{Interval: "1m to 3m"}, []Change{change(flux.Interval, "1h", "3m")}},

		{"unset, and Flux's default is inside", object(t, "GitRepository"), policy.Settings{Timeout: "30s to 2m"}, nil},
		{"unset, and Flux's default is the exact value", object(t, "GitRepository"), policy.Settings{Timeout: "60s"}, nil},
		{"unset, and Flux's default is outside", object(t, "GitRepository"), policy.Settings{Timeout: "at least 90m"}, []Change{change(flux.Timeout, "", "90m")}},
		{"unset Receiver", object(t, "Receiver", func(o *flux.Object) { o.Interval = nil }), policy.Settings{Interval: "at least 5m"}, nil},
		{
			"unset and following: judged by the new interval", object(t, "ks"), policy.Settings{Interval: "at most 1m", Timeout: "at least 2m", RetryInterval: "at most 2m"},
			[]Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "2m")},
		},
		{
			"unset and following, the interval stays", object(t, "ks"), policy.Settings{Interval: "at least 1m", Timeout: "at least 2m", RetryInterval: "at most 2m"},
			[]Change{change(flux.RetryInterval, "", "2m")},
		},
		{"below the controller's minimum nothing moves for ever", object(t, "ks", timeout("10s")), policy.Settings{Timeout: "at most 10s"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := Decide(tc.object, own(tc.settings, tc.object.Kind), in("development"), Options{ShortenTimeouts: true})
			assert.Equal(t, tc.want, got.Changes)
			if tc.want == nil {
				assert.Equal(t, ActionUnchanged, got.Action)
			}
		})
	}
}

// The default policy is for a calm production and a fast development: it undoes neither.
func TestDefaultPolicyLeavesIntentionsAlone(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	for _, tc := range []struct{ environment, interval, want string }{
		{"production", "10m", ""},
		{"production", "5m", ""},
		{"production", "1h", ""},
		{"production", "3m", "5m"},
		{"production", "30s", "5m"},
		{"development", "30s", ""},
		{"development", "1m", ""},
		{"development", "5m", "1m"},
		{"staging", "3m", ""},
		{"staging", "1m", "3m"},
		{"staging", "5m", "3m"},
	} {
		for _, kind := range []string{"GitRepository", "Kustomization"} {
			objects := []flux.Object{object(t, kind, interval(tc.interval), timeout("2m"), retry("10m"), labelled("env", tc.environment))}
			plan := NewPlan(objects, p, policy.NewResolver(p, flux.Snapshot{Objects: objects}, ""), Options{})
			var want []Change
			if tc.want != "" {
				want = []Change{change(flux.Interval, tc.interval, tc.want)}
			}
			assert.Equal(t, want, plan.Items[0].Changes, "%s of %s in %s", kind, tc.interval, tc.environment)
			assert.Empty(t, plan.Warnings, "%s of %s in %s", kind, tc.interval, tc.environment)
		}
	}
}

// A plan under an overridden policy does not pretend to be one under the policy as it came.
func TestPlanNamesOverrides(t *testing.T) {
	t.Parallel()
	p, err := preset(t, policy.DefaultName).Set("dev.gitrepo.interval=at most 30s")
	require.NoError(t, err)
	plan := NewPlan(nil, p, policy.NewResolver(p, flux.Snapshot{}, ""), Options{})
	assert.Equal(t, "per-environment with development.GitRepository.interval=at most 30s", plan.Policy)
}

// Whatever the bounds and the object: once a plan is carried out, the next one finds nothing to do.
func TestDecideByBoundsSettles(t *testing.T) {
	t.Parallel()
	durations := rapid.SampledFrom([]string{"10s", "29s", "30s", "59s", "60s", "1m", "90s", "2m", "270s", "5m", "10m", "90m"})
	rapid.Check(t, func(r *rapid.T) {
		value := func(name string) string {
			first, second := durations.Draw(r, name+" from"), durations.Draw(r, name+" to")
			text := rapid.SampledFrom([]string{"", first, "at most " + first, "at least " + first, first + " to " + second}).Draw(r, name)
			if _, err := policy.ParseBound(text, true); err != nil {
				return "" // the ends are the wrong way round
			}
			return text
		}
		p := ruling(map[string]policy.Settings{
			"GitRepository":   {Interval: value("git interval"), Timeout: value("git timeout")},
			"Kustomization":   {Interval: value("ks interval"), Timeout: value("ks timeout"), RetryInterval: value("ks retry interval")},
			"HelmRelease":     {Interval: value("hr interval"), Timeout: value("hr timeout")},
			"HelmChart":       {Interval: value("chart interval")},
			"ImageRepository": {Interval: value("image interval"), Timeout: value("image timeout")},
		})
		optionally := func(name string) *string {
			return rapid.Ptr(durations, true).Draw(r, name)
		}
		o := object(t, rapid.SampledFrom([]string{"GitRepository", "Kustomization", "HelmRelease", "ImageRepository"}).Draw(r, "kind"))
		o.Interval = ptr(durations.Draw(r, "interval"))
		o.Timeout, o.RetryInterval, o.ChartInterval = optionally("timeout"), optionally("retryInterval"), optionally("chart interval")
		o.HasChart = rapid.Bool().Draw(r, "has chart")
		o.Waits = rapid.Bool().Draw(r, "waits")
		o.Status.SlowestReconcile = time.Duration(rapid.IntRange(0, 120).Draw(r, "slowest")) * time.Second

		first := Decide(o, p, in("development"), Options{})
		after := o
		for _, c := range first.Changes {
			require.NotEmpty(r, *c.To)
			switch c.Field {
			case flux.Interval:
				after.Interval = c.To
			case flux.Timeout:
				after.Timeout = c.To
			case flux.RetryInterval:
				after.RetryInterval = c.To
			case flux.ChartInterval:
				after.ChartInterval = c.To
			}
		}
		assert.Empty(r, Decide(after, p, in("development"), Options{}).Changes, "planned again after %v", first.Changes)

		environment, _ := p.Lookup("development")
		b := environment.Value(o.Kind, flux.IntervalSetting)
		assert.True(r, b.Contains(after.Effective(flux.Interval)), "the interval %s lies in %q", *after.Interval, b)
	})
}
