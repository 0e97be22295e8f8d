package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for expr, change := range map[string]func(dev, prod map[string]Settings){
		"Dev.GitRepository.interval=30s": func(dev, _ map[string]Settings) {
			dev["GitRepository"] = Settings{Interval: "30s", Timeout: "90s"}
		},
		"DEVELOPMENT.gitrepo.timeout=90m": func(dev, _ map[string]Settings) {
			dev["GitRepository"] = Settings{Interval: "1m", Timeout: "90m"}
		},
		"prod.ks.retryInterval=2m": func(_, prod map[string]Settings) {
			prod["Kustomization"] = Settings{RetryInterval: "2m"}
		},
		"*.kustomizations.kustomize.toolkit.fluxcd.io.interval=1h": func(dev, prod map[string]Settings) {
			dev["Kustomization"] = Settings{Interval: "1h", Timeout: "2m", RetryInterval: "30s"}
			prod["Kustomization"] = Settings{Interval: "1h"}
		},
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			p := validPolicy()
			got, err := p.Set(expr)
			require.NoError(t, err)
			want := validPolicy()
			change(want.Environments[0].Kinds, want.Environments[1].Kinds)
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
	}}, got)
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	const (
		form  = "write it like development.GitRepository.interval=30s"
		kinds = "GitRepository, OCIRepository, Bucket, HelmRepository, HelmChart, Kustomization, HelmRelease, ImageRepository, ImageUpdateAutomation, Receiver"
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
		"dev.ks.interval=":            `"dev.ks.interval=": "" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)`,
		"dev.ks.interval=0s":          `"dev.ks.interval=0s": "0s" is zero: it must be longer, like 30s`,
		"*.gitrepo.timeout=1h": `"*.gitrepo.timeout=1h": "1h" is not a duration that Flux accepts: ` +
			`write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)`,
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			got, err := validPolicy().Set(expr)
			assert.Equal(t, Policy{}, got)
			assert.EqualError(t, err, want)
		})
	}
}
