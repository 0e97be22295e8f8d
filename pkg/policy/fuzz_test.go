package policy

import (
	"strings"
	"testing"
	"time"

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
		p.Warnings(everywhere, everywhere)
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
		b, err := ParseBound(value, tunable.NoHours)
		require.NoError(t, err)
		assert.Equal(t, value, b.String(), "bounds are kept in one form")
		assertEnds(t, b, tunable.NoHours)
	}
}

// assertEnds holds for what ParseBound accepts: a bound says something, and its ends are durations that
// Flux accepts, longer than zero and the right way round.
func assertEnds(t require.TestingT, b Bound, noHours bool) {
	assert.False(t, b.IsZero())
	assert.True(t, b.Max == 0 || b.Min <= b.Max)
	for _, end := range []struct {
		text string
		d    time.Duration
	}{{b.MinText, b.Min}, {b.MaxText, b.Max}} {
		if end.text == "" {
			assert.Zero(t, end.d)
			continue
		}
		d, err := flux.ParseDuration(end.text, noHours)
		require.NoError(t, err)
		assert.Equal(t, end.d, d)
		assert.Positive(t, d)
	}
}

// FuzzParseBound holds for any text: ParseBound does not panic, what it accepts is as it must be, comes
// back from its own text, and is accepted by the schema; what it refuses the schema refuses, too, where a
// pattern can tell.
func FuzzParseBound(f *testing.F) {
	for _, s := range []string{"", "1m", " 1h30m\t", "AT MOST 1m", "at  least 0.5s", "1m to 90m", "1m To 60s", "3m to 1m", "at most 0s", "0ms to 1h",
		"at mo\u017ft 1m", "at 1m", "to", "1m to", "at most at least 1m", "1m\n", "1m\u00a0to 3m", "9999999h", "0.0000001ms"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	accepts := boundPatterns(f)
	f.Fuzz(func(t *testing.T, s string, noHours bool) {
		b, err := ParseBound(s, noHours)
		if err != nil {
			assert.Equal(t, Bound{}, b)
			assert.False(t, accepts(s, noHours) && !beyondPatterns(s), "%q is refused (%s), and the schema accepts it", s, err)
			return
		}
		assert.True(t, accepts(s, noHours), "%q is accepted, and the schema refuses it", s)
		assertEnds(t, b, noHours)
		again, err := ParseBound(b.String(), noHours)
		require.NoError(t, err)
		assert.Equal(t, b, again)
	})
}

// beyondPatterns tells what no pattern can: that a duration of a text is too long for 64 bits or shorter
// than a nanosecond, or that the first is longer than the second.
func beyondPatterns(s string) bool {
	var ends []time.Duration
	for word := range strings.FieldsSeq(s) {
		if !strings.ContainsAny(word, "0123456789") {
			continue
		}
		d, err := time.ParseDuration(word)
		if err != nil || d == 0 {
			return true
		}
		ends = append(ends, d)
	}
	return len(ends) == 2 && ends[0] > ends[1]
}

// FuzzSet holds for any override: Set does not panic, and does not touch the policy that it starts from.
func FuzzSet(f *testing.F) {
	for _, expr := range []string{"", "=", "..=", "Dev.gitrepo.interval=30s", "*.ks.timeout=1h", "prod.hr.helm.toolkit.fluxcd.io.interval=1m", "*.*.*=*",
		"dev.gitrepo.timeout=At most 90m", "prod.ks.interval=1m to 3m", "prod.ks.interval=3m to 1m"} {
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
		require.Len(t, changed.Overrides, 1)
		again, err := p.Set(changed.Overrides[0])
		require.NoError(t, err)
		assert.Equal(t, changed, again, "an override is kept in a form that Set reads")
		for _, e := range changed.Environments {
			for kind, settings := range e.Kinds {
				assertAccepted(t, kind, settings)
			}
		}
	})
}
