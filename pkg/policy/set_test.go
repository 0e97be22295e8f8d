package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for expr, tc := range map[string]struct {
		title  string
		change func(dev, prod map[string]Settings)
	}{
		"Dev.GitRepository.interval=30s": {"Dev.GitRepository.interval=30s", func(dev, _ map[string]Settings) {
			dev["GitRepository"] = Settings{Interval: "30s", Timeout: "90s"}
		}},
		"DEVELOPMENT.gitrepo.timeout=90m": {"Dev.GitRepository.timeout=90m", func(dev, _ map[string]Settings) {
			dev["GitRepository"] = Settings{Interval: "1m", Timeout: "90m"}
		}},
		"prod.ks.retryInterval=2m": {"prod.Kustomization.retryInterval=2m", func(_, prod map[string]Settings) {
			prod["Kustomization"] = Settings{RetryInterval: "2m"}
		}},
		"*.kustomizations.kustomize.toolkit.fluxcd.io.interval=1h": {"*.Kustomization.interval=1h", func(dev, prod map[string]Settings) {
			dev["Kustomization"] = Settings{Interval: "1h", Timeout: "2m", RetryInterval: "30s"}
			prod["Kustomization"] = Settings{Interval: "1h"}
		}},
		" d .gitrepo.interval= AT most  30s ": {"Dev.GitRepository.interval=at most 30s", func(dev, _ map[string]Settings) {
			dev["GitRepository"] = Settings{Interval: "at most 30s", Timeout: "90s"}
		}},
		"prod.gitrepo.timeout=2m to 90m": {"prod.GitRepository.timeout=2m to 90m", func(_, prod map[string]Settings) {
			prod["GitRepository"] = Settings{Interval: "2m", Timeout: "2m to 90m"}
		}},
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			p := validPolicy()
			got, err := p.Set(expr)
			require.NoError(t, err)
			want := validPolicy()
			tc.change(want.Environments[0].Kinds, want.Environments[1].Kinds)
			want.Overrides = []string{tc.title}
			assert.Equal(t, want, got)
			assert.Equal(t, validPolicy(), p, "the policy that it starts from stays as it is")
		})
	}
}

func TestSetEnvironmentWithDots(t *testing.T) {
	t.Parallel()
	p := Policy{Environments: []Environment{{Name: "eu"}, {Name: "eu.west"}}}
	got, err := p.Set("eu.west.hr.interval=1m")
	require.NoError(t, err)
	assert.Equal(t, Policy{Environments: []Environment{
		{Name: "eu"}, {Name: "eu.west", Kinds: map[string]Settings{"HelmRelease": {Interval: "1m"}}},
	}, Overrides: []string{"eu.west.HelmRelease.interval=1m"}}, got)
}

// The title says what the policy is now, not only what it started from; policies that start from the same
// one do not see each other's overrides.
func TestTitle(t *testing.T) {
	t.Parallel()
	set := func(p Policy, exprs ...string) Policy {
		for _, expr := range exprs {
			var err error
			p, err = p.Set(expr)
			require.NoError(t, err)
		}
		return p
	}
	p := preset(t, DefaultName)
	assert.Equal(t, "per-environment", p.Title())
	one := set(p, "dev.gitrepo.interval=30s")
	assert.Equal(t, "per-environment with development.GitRepository.interval=30s", one.Title())
	// Three, so that a fourth would find room behind them.
	three := set(one, "*.ks.timeout=At least 5m", "dev.gitrepo.interval=45s")
	const title = "per-environment with development.GitRepository.interval=30s, *.Kustomization.timeout=at least 5m, development.GitRepository.interval=45s"
	assert.Equal(t, title, three.Title(), "in their order, the last one counts")
	first := set(three, "prod.ks.interval=10m")
	second := set(three, "stage.ks.interval=2m to 4m")
	assert.Equal(t, title+", production.Kustomization.interval=10m", first.Title())
	assert.Equal(t, title+", staging.Kustomization.interval=2m to 4m", second.Title())
	assert.Equal(t, title, three.Title())
	assert.Equal(t, "per-environment", p.Title())

	again := set(p, second.Overrides...)
	assert.Equal(t, second, again, "the title tells how to get there again")
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	const (
		orBound = "; or a bound: at most 1m, at least 5m, 1m to 3m"
		form    = "write it like development.GitRepository.interval=30s"
		kinds   = "GitRepository, OCIRepository, Bucket, HelmRepository, HelmChart, Kustomization, HelmRelease, ImageRepository, ImageUpdateAutomation, Receiver"
	)
	for expr, want := range map[string]string{
		"":                            `"": it has no value: ` + form,
		"dev.GitRepository.interval":  `"dev.GitRepository.interval": it has no value: ` + form,
		"interval=30s":                `"interval=30s": "interval" is not environment, kind and setting: ` + form,
		"GitRepository.interval=30s":  `"GitRepository.interval=30s": "GitRepository.interval" is not environment, kind and setting: ` + form,
		"qa.GitRepository.timeout=1m": `"qa.GitRepository.timeout=1m": unknown environment "qa": it is one of Dev, prod, or * for all of them`,
		"dev.Pod.interval=30s":        `"dev.Pod.interval=30s": unknown kind "Pod": it is one of ` + kinds,
		"dev.ks.every=30s":            `"dev.ks.every=30s": Kustomization has no every: it takes interval, timeout, retryInterval`,
		"dev.gitrepo.retryInterval=1": `"dev.gitrepo.retryInterval=1": GitRepository has no retryInterval: it takes interval, timeout`,
		"dev.ks.interval=":            `"dev.ks.interval=": "" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)` + orBound,
		"dev.ks.interval=0s":          `"dev.ks.interval=0s": "0s" is zero: it must be longer, like 30s`,
		"*.gitrepo.timeout=1h": `"*.gitrepo.timeout=1h": "1h" is not a duration that Flux accepts: ` +
			`write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)` + orBound,
		"dev.gitrepo.timeout=at least 1h": `"dev.gitrepo.timeout=at least 1h": "at least 1h": "1h" is not a duration that Flux accepts: ` +
			`write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)`,
		"dev.ks.interval=5m to 1m": `"dev.ks.interval=5m to 1m": "5m to 1m": 5m is longer than 1m: write 1m to 5m`,
		"dev.ks.interval=most 1m":  `"dev.ks.interval=most 1m": "most 1m" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)` + orBound,
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			got, err := validPolicy().Set(expr)
			assert.Equal(t, Policy{}, got)
			assert.EqualError(t, err, want)
		})
	}
}
