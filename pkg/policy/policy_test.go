package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	p := validPolicy()
	for label, want := range map[string]string{
		"Dev": "Dev", "dev": "Dev", " DEV ": "Dev", "Development": "Dev", "d": "Dev", "prod": "prod",
		"": "", " ": "", "qa": "", "*": "", "develop": "",
	} {
		e, ok := p.Lookup(label)
		assert.Equal(t, want, e.Name, "label %q", label)
		assert.Equal(t, want != "", ok, "label %q", label)
	}
	assert.Equal(t, []string{"Dev", "prod"}, p.EnvironmentNames())
}

func TestValue(t *testing.T) {
	t.Parallel()
	e, _ := validPolicy().Lookup("dev")
	exact := func(d time.Duration, text string) Bound { return Bound{d, d, text, text} }
	assert.Equal(t, exact(time.Minute, "1m"), e.Value("Kustomization", flux.IntervalSetting))
	assert.Equal(t, exact(2*time.Minute, "2m"), e.Value("Kustomization", flux.TimeoutSetting))
	assert.Equal(t, exact(30*time.Second, "30s"), e.Value("Kustomization", flux.RetryIntervalSetting))
	assert.True(t, e.Value("GitRepository", flux.RetryIntervalSetting).IsZero())
	assert.True(t, e.Value("Bucket", flux.IntervalSetting).IsZero())
	bound := Environment{Kinds: map[string]Settings{"Bucket": {Interval: "at most 60s"}}}
	assert.Equal(t, Bound{Max: time.Minute, MaxText: "60s"}, bound.Value("Bucket", flux.IntervalSetting))
	assert.True(t, bound.Rules("Bucket"))
	assert.True(t, e.Rules("HelmChart"))
	assert.False(t, e.Rules("Bucket"))
	assert.False(t, Environment{}.Rules("GitRepository"))
}

func TestRange(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		r       Range
		want    string
		inside  []time.Duration
		outside []time.Duration
	}{
		{Range{}, "", []time.Duration{1, time.Hour}, nil},
		{Range{Min: 30 * time.Second, Max: time.Minute}, "30s-1m", []time.Duration{30 * time.Second, time.Minute}, []time.Duration{29 * time.Second, time.Minute + 1}},
		{Range{Min: time.Minute}, "at least 1m", []time.Duration{time.Minute, time.Hour}, []time.Duration{time.Second}},
		{Range{Max: time.Minute}, "at most 1m", []time.Duration{time.Minute, 1}, []time.Duration{time.Hour}},
	} {
		assert.Equal(t, tc.want, tc.r.String())
		for _, d := range tc.inside {
			assert.True(t, tc.r.Contains(d), "%s in %s", d, tc.r)
		}
		for _, d := range tc.outside {
			assert.False(t, tc.r.Contains(d), "%s in %s", d, tc.r)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	p := validPolicy()
	p.Environments[1].Recommended = Range{Min: 5 * time.Minute}
	assert.Equal(t, []string{
		`environment "Dev": HelmChart interval 1h30m is longer than recommended (30s-1m)`,
		`environment "prod": GitRepository interval 2m is shorter than recommended (at least 5m)`,
	}, p.Warnings(everywhere, everywhere))
}

// A bound is judged by what it sets, its ends; what it leaves alone is nobody's fault.
func TestWarningsOfBounds(t *testing.T) {
	t.Parallel()
	production := Range{Min: 3 * time.Minute, Max: 5 * time.Minute}
	for _, tc := range []struct {
		bound       string
		recommended Range
		want        string // "" = no warning
	}{
		{"at least 5m", production, ""},
		{"at least 3m", production, ""},
		{"at most 5m", production, ""},
		{"3m to 5m", production, ""},
		{"180s to 4m", production, ""},
		{"at least 1h", Range{Min: 3 * time.Minute}, ""},
		{"at most 1s", Range{Max: time.Minute}, ""},
		{"30s to 1h", Range{}, ""},
		{"at least 10m", production, "at least 10m is longer than recommended (3m-5m)"},
		{"at least 1m", production, "at least 1m is shorter than recommended (3m-5m)"},
		{"at most 10m", production, "at most 10m is longer than recommended (3m-5m)"},
		{"at most 1m", production, "at most 1m is shorter than recommended (3m-5m)"},
		{"1m to 4m", production, "1m to 4m is shorter than recommended (3m-5m)"},
		{"4m to 10m", production, "4m to 10m is longer than recommended (3m-5m)"},
		{"6m to 10m", production, "6m to 10m is longer than recommended (3m-5m)"},
		{"1m to 10m", production, "1m to 10m is shorter and longer than recommended (3m-5m)"},
		{"at most 30s", Range{Min: time.Minute}, "at most 30s is shorter than recommended (at least 1m)"},
		{"10m", production, "10m is longer than recommended (3m-5m)"},
	} {
		p := Policy{Environments: []Environment{{Name: "prod", Recommended: tc.recommended, Kinds: map[string]Settings{"Bucket": {Interval: tc.bound}}}}}
		var want []string
		if tc.want != "" {
			want = []string{`environment "prod": Bucket interval ` + tc.want}
		}
		assert.Equal(t, want, p.Warnings(everywhere, everywhere), "%s where %s is recommended", tc.bound, tc.recommended)
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	type values map[string]map[string]Settings
	everywhere := func(kinds map[string]Settings) values {
		return values{"development": kinds, "staging": kinds, "production": kinds}
	}
	both := func(interval string) map[string]Settings {
		s := Settings{Interval: interval, Timeout: "2m"}
		return map[string]Settings{"GitRepository": s, "Kustomization": s}
	}
	want := map[string]values{
		"per-environment": {"development": both("at most 1m"), "staging": both("3m"), "production": both("at least 5m")},
		"fast": everywhere(map[string]Settings{
			"GitRepository": {Interval: "30s", Timeout: "2m"}, "Kustomization": {Interval: "1m", Timeout: "2m"},
		}),
		"relaxed": everywhere(map[string]Settings{
			"GitRepository": {Interval: "5m", Timeout: "5m"}, "Kustomization": {Interval: "5m", Timeout: "3m"},
		}),
	}
	ranges := map[string]Range{
		"development": {Min: 30 * time.Second, Max: time.Minute},
		"staging":     {Min: time.Minute, Max: 3 * time.Minute},
		"production":  {Min: 3 * time.Minute, Max: 5 * time.Minute},
	}
	files, err := presets.ReadDir("presets")
	require.NoError(t, err)
	require.Len(t, files, len(PresetNames()), "every embedded preset has a name")

	got := map[string]values{}
	var names []string
	for _, p := range Presets() {
		names = append(names, p.Name)
		got[p.Name] = values{}
		assert.NotEmpty(t, p.Description)
		assert.NotEmpty(t, p.Note)
		assert.False(t, p.ShortenTimeouts, "no preset shortens timeouts unless asked")
		assert.Equal(t, DefaultLabelKeys(), p.LabelKeys)
		assert.Equal(t, []string{"development", "staging", "production"}, p.EnvironmentNames())
		for _, e := range p.Environments {
			got[p.Name][e.Name] = e.Kinds
			assert.Equal(t, ranges[e.Name], e.Recommended)
		}
		for alias, name := range map[string]string{"dev": "development", "DEVEL": "development", "stage": "staging", "stg": "staging", "Prod": "production", "prd": "production"} {
			e, _ := p.Lookup(alias)
			assert.Equal(t, name, e.Name)
		}
	}
	assert.Equal(t, []string{"per-environment", "fast", "relaxed"}, names)
	assert.Equal(t, DefaultName, names[0])
	assert.Equal(t, want, got)
}

func TestPresetWarnings(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	for _, p := range Presets() {
		got[p.Name] = p.Warnings(everywhere, everywhere)
	}
	assert.Equal(t, map[string][]string{
		"per-environment": nil,
		"fast": {
			"intervals shorter than recommended: GitRepository 30s in staging (1m-3m), GitRepository 30s in production (3m-5m), Kustomization 1m in production (3m-5m)",
		},
		"relaxed": {
			"intervals longer than recommended: GitRepository 5m in development (30s-1m), Kustomization 5m in development (30s-1m), GitRepository 5m in staging (1m-3m), Kustomization 5m in staging (1m-3m)",
		},
	}, got)
}

func TestUnknownPreset(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "slow", "Fast", "../presets/fast"} {
		_, err := PresetYAML(name)
		require.Error(t, err, name)
		_, err = Preset(name)
		require.Error(t, err, name)
	}
	_, err := Preset("slow")
	assert.EqualError(t, err, `no preset is named "slow": there are per-environment, fast, relaxed`)
}

func everywhere(_, _ string) bool { return true }

// Of an environment that is not looked at nothing is said.
func TestWarningsOfOneEnvironment(t *testing.T) {
	t.Parallel()
	p, err := Preset("fast")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"intervals shorter than recommended: GitRepository 30s in staging (1m-3m), GitRepository 30s in production (3m-5m), Kustomization 1m in production (3m-5m)",
	}, p.Warnings(everywhere, everywhere))
	assert.Equal(t, []string{`environment "staging": GitRepository interval 30s is shorter than recommended (1m-3m)`},
		p.Warnings(func(name, _ string) bool { return name == "staging" }, everywhere))
	assert.Empty(t, p.Warnings(func(_, _ string) bool { return false }, everywhere))
}
