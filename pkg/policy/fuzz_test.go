package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// FuzzParse holds for any input: Parse does not panic, what it accepts the schema accepts too, and its
// values are ones that Flux accepts.
func FuzzParse(f *testing.F) {
	for _, name := range PresetNames() {
		document, err := PresetYAML(name)
		require.NoError(f, err)
		f.Add(document)
	}
	f.Add([]byte(validDocument))
	for _, tc := range badDocuments(f) {
		f.Add([]byte(tc.document))
	}
	check := schemaErrors(f)
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := Parse("policy.yaml", document)
		if err != nil {
			assert.NotEmpty(t, err.Error())
			assert.Equal(t, Policy{}, p)
			return
		}
		assert.NoError(t, check(document))
		p.Warnings()
		for _, e := range p.Environments {
			for _, name := range append(e.Aliases, e.Name) {
				found, ok := p.Lookup(name)
				assert.True(t, ok)
				assert.Equal(t, e, found)
			}
			for kind, settings := range e.Kinds {
				assertAccepted(t, kind, settings)
			}
		}
	})
}

func assertAccepted(t *testing.T, kind string, settings Settings) {
	t.Helper()
	k, err := flux.ParseKind(kind)
	require.NoError(t, err)
	for _, s := range []flux.Setting{flux.IntervalSetting, flux.TimeoutSetting, flux.RetryIntervalSetting} {
		value := settings.value(s)
		if value == "" {
			continue
		}
		tunable, err := findSetting(k, string(s))
		require.NoError(t, err)
		d, err := flux.ParseDuration(value, tunable.NoHours)
		assert.NoError(t, err)
		assert.Positive(t, d)
	}
}

// FuzzSet holds for any override: Set does not panic, and does not touch the policy that it starts from.
func FuzzSet(f *testing.F) {
	for _, expr := range []string{"", "=", "..=", "Dev.gitrepo.interval=30s", "*.ks.timeout=1h", "prod.hr.helm.toolkit.fluxcd.io.interval=1m", "*.*.*=*"} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		p := validPolicy()
		changed, err := p.Set(expr)
		assert.Equal(t, validPolicy(), p)
		if err != nil {
			assert.Equal(t, Policy{}, changed)
			return
		}
		for _, e := range changed.Environments {
			for kind, settings := range e.Kinds {
				assertAccepted(t, kind, settings)
			}
		}
	})
}
