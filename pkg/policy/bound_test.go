package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseBound(t *testing.T) {
	t.Parallel()
	const min, hour = time.Minute, time.Hour
	accepts := boundPatterns(t)
	for _, tc := range []struct {
		in    string
		want  Bound
		text  string // "" = as it was written
		hours bool   // refused where there is no h
	}{
		{in: "1m", want: Bound{min, min, "1m", "1m"}},
		{in: "1m0s", want: Bound{min, min, "1m0s", "1m0s"}},
		{in: "1h30m", want: Bound{90 * min, 90 * min, "1h30m", "1h30m"}, hours: true},
		{in: "at most 1m", want: Bound{0, min, "", "1m"}},
		{in: "at least 5m", want: Bound{5 * min, 0, "5m", ""}},
		{in: "1m to 3m", want: Bound{min, 3 * min, "1m", "3m"}},
		{in: "90s to 90m", want: Bound{90 * time.Second, 90 * min, "90s", "90m"}},
		{in: "90m to 2h", want: Bound{90 * min, 2 * hour, "90m", "2h"}, hours: true},
		{in: "at least 1h", want: Bound{hour, 0, "1h", ""}, hours: true},
		{in: " \tAT  Most\t1m ", want: Bound{0, min, "", "1m"}, text: "at most 1m"},
		{in: "At LEAST 5m", want: Bound{5 * min, 0, "5m", ""}, text: "at least 5m"},
		{in: "1m TO 3m", want: Bound{min, 3 * min, "1m", "3m"}, text: "1m to 3m"},
		{in: "  1m ", want: Bound{min, min, "1m", "1m"}, text: "1m"},
		{in: "60s to 1m", want: Bound{min, min, "60s", "60s"}, text: "60s"},
		{in: "0.5ms to 01m", want: Bound{time.Millisecond / 2, min, "0.5ms", "01m"}},
	} {
		t.Run(tc.in, func(t *testing.T) {
			t.Parallel()
			got, err := ParseBound(tc.in, false)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			if tc.text == "" {
				tc.text = tc.in
			}
			assert.Equal(t, tc.text, got.String())
			assert.True(t, accepts(tc.in, false))

			got, err = ParseBound(tc.in, true)
			assert.Equal(t, !tc.hours, accepts(tc.in, true))
			if tc.hours {
				require.ErrorContains(t, err, "a source's timeout takes no h")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestParseBoundRefuses(t *testing.T) {
	t.Parallel()
	const (
		units   = " is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"
		orBound = "; or a bound: at most 1m, at least 5m, 1m to 3m"
	)
	for in, want := range map[string]string{
		"":                     `""` + units + orBound,
		" ":                    `""` + units + orBound,
		"1 m":                  `"1 m"` + units + orBound,
		"1M":                   `"1M"` + units + orBound,
		"at":                   `"at"` + units + orBound,
		"at most":              `"at most"` + units + orBound,
		"at 1m":                `"at 1m"` + units + orBound,
		"at about 1m":          `"at about 1m"` + units + orBound,
		"at most 1m to 3m":     `"at most 1m to 3m"` + units + orBound,
		"1m to 3m to 5m":       `"1m to 3m to 5m"` + units + orBound,
		"1m-3m":                `"1m-3m"` + units + orBound,
		"1m\nto 3m":            `"1m\nto 3m"` + units + orBound,
		"at\u00a0most 1m":      `"at\u00a0most 1m"` + units + orBound,
		"at mo\u017ft 1m":      "\"at mo\u017ft 1m\"" + units + orBound,
		"at most -1m":          `"at most -1m": "-1m"` + units,
		"at least to":          `"at least to": "to"` + units,
		"at to 1m":             `"at to 1m": "at"` + units,
		"1m to 3":              `"1m to 3": "3"` + units,
		"0s":                   `"0s" is zero: it must be longer, like 30s`,
		"at most 0m0s":         `"at most 0m0s": "0m0s" is zero: it must be longer, like 30s`,
		"0s to 1m":             `"0s to 1m": "0s" is zero: it must be longer, like 30s`,
		"1m to 0.0h":           `"1m to 0.0h": "0.0h" is zero: it must be longer, like 30s`,
		"at least 0.0000001ms": `"at least 0.0000001ms": "0.0000001ms" is zero: it must be longer, like 30s`,
		"3m to 1m":             `"3m to 1m": 3m is longer than 1m: write 1m to 3m`,
		"at least 9999999h":    `"at least 9999999h": "9999999h" is longer than a duration can be (2562047h)`,
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			got, err := ParseBound(in, false)
			assert.EqualError(t, err, want)
			assert.Equal(t, Bound{}, got)
		})
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		bound       string
		exact, zero bool
		below       time.Duration // outside, with its nearest end; 0 = there is nothing below
		least       string
		inside      []time.Duration
		above       time.Duration
		most        string
	}{
		{bound: "60s", exact: true, below: 59 * time.Second, least: "60s", inside: []time.Duration{time.Minute}, above: time.Minute + 1, most: "60s"},
		{bound: "at most 60s", inside: []time.Duration{1, 30 * time.Second, time.Minute}, above: time.Minute + 1, most: "60s"},
		{bound: "at least 90m", below: time.Hour, least: "90m", inside: []time.Duration{90 * time.Minute, 24 * time.Hour}},
		{
			bound: "1m to 3m", below: time.Minute - 1, least: "1m",
			inside: []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}, above: 3*time.Minute + 1, most: "3m",
		},
		{zero: true, inside: []time.Duration{0, 1, 24 * time.Hour}},
	} {
		var b Bound
		if !tc.zero {
			b = mustBound(t, tc.bound)
		}
		assert.Equal(t, tc.exact, b.Exact(), tc.bound)
		assert.Equal(t, tc.zero, b.IsZero(), tc.bound)
		assert.Equal(t, tc.bound, b.String())
		for _, d := range tc.inside {
			text, moves := b.Nearest(d)
			assert.True(t, b.Contains(d), "%s in %q", d, b)
			assert.Equal(t, "", text)
			assert.False(t, moves)
		}
		for d, want := range map[time.Duration]string{tc.below: tc.least, tc.above: tc.most} {
			if want == "" {
				continue
			}
			text, moves := b.Nearest(d)
			assert.False(t, b.Contains(d), "%s in %q", d, b)
			assert.Equal(t, want, text, "%s for %q", d, b)
			assert.True(t, moves)
		}
	}
}

func mustBound(t require.TestingT, s string) Bound {
	b, err := ParseBound(s, false)
	require.NoError(t, err)
	return b
}

// The order of speed, fastest first: none of these waits longer for the one that comes before it than its
// own bound allows.
func TestCompareSpeed(t *testing.T) {
	t.Parallel()
	order := []string{"at most 30s", "30s", "at most 1m", "30s to 1m", "1m", "1m to 3m", "3m", "at most 1h", "at least 1m", "at least 5m", ""}
	for i, a := range order {
		for j, b := range order {
			x, _ := ParseBound(a, false)
			y, _ := ParseBound(b, false)
			want := 0
			if i != j {
				want = map[bool]int{true: -1, false: 1}[i < j]
			}
			assert.Equal(t, want, x.compareSpeed(y), "%q beside %q", a, b)
		}
	}
	assert.Zero(t, mustBound(t, "60s to 3m").compareSpeed(mustBound(t, "1m to 180s")))
}

// durations are texts that Flux accepts, of lengths that meet each other often.
func durations(noHours bool) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		units := []string{"ms", "s", "m", "h"}
		if noHours {
			units = units[:3]
		}
		unit := rapid.SampledFrom(units).Draw(t, "unit")
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			return fmt.Sprintf("%d%s", rapid.IntRange(1, 200).Draw(t, "n"), unit)
		case 1:
			return fmt.Sprintf("%d.%ds", rapid.IntRange(0, 9).Draw(t, "n"), rapid.IntRange(1, 99).Draw(t, "fraction"))
		default:
			return fmt.Sprintf("%d%s%dms", rapid.IntRange(0, 90).Draw(t, "n"), unit, rapid.IntRange(1, 90000).Draw(t, "ms"))
		}
	})
}

// bounds are texts of every form, spelled in every way, with the ends the right way round.
func bounds(noHours bool) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		d := durations(noHours)
		space := func() string { return rapid.StringMatching(`[ \t]{1,3}`).Draw(t, "space") }
		first, second := d.Draw(t, "first"), d.Draw(t, "second")
		if longer(t, first, second) {
			first, second = second, first
		}
		at := rapid.SampledFrom([]string{"at", "At", "AT", "aT"}).Draw(t, "at")
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return rapid.StringMatching(`[ \t]{0,2}`).Draw(t, "space") + first
		case 1:
			return at + space() + rapid.SampledFrom([]string{"most", "Most", "MOST"}).Draw(t, "most") + space() + first
		case 2:
			return at + space() + rapid.SampledFrom([]string{"least", "Least", "LEAST"}).Draw(t, "least") + space() + first
		default:
			return first + space() + rapid.SampledFrom([]string{"to", "TO", "To"}).Draw(t, "to") + space() + second
		}
	})
}

func longer(t require.TestingT, a, b string) bool {
	x, err := time.ParseDuration(a)
	require.NoError(t, err)
	y, err := time.ParseDuration(b)
	require.NoError(t, err)
	return x > y
}

// near draws a duration that lies in a bound, at its ends, right beside them, or anywhere.
func near(t *rapid.T, b Bound) time.Duration {
	anywhere := time.Duration(rapid.Int64Range(0, int64(300*time.Hour)).Draw(t, "anywhere"))
	return rapid.SampledFrom([]time.Duration{anywhere, b.Min, b.Max, max(b.Min-1, 0), b.Min + 1, max(b.Max-1, 0), b.Max + 1, (b.Min + b.Max) / 2}).Draw(t, "d")
}

// What is outside a bound comes to the nearest of its ends, and stays there.
func TestBoundProperties(t *testing.T) {
	t.Parallel()
	accepts := boundPatterns(t)
	rapid.Check(t, func(t *rapid.T) {
		noHours := rapid.Bool().Draw(t, "noHours")
		written := bounds(noHours).Draw(t, "bound")
		b, err := ParseBound(written, noHours)
		require.NoError(t, err)
		assert.True(t, accepts(written, noHours), "the schema accepts it")
		assertEnds(t, b, noHours)
		again, err := ParseBound(b.String(), noHours)
		require.NoError(t, err)
		assert.Equal(t, b, again, "read from its own text")

		d := near(t, b)
		text, moves := b.Nearest(d)
		require.Equal(t, d > 0 && !b.Contains(d), moves, "what is inside stays, what is outside moves, and so does nothing that is not known")
		if !moves {
			assert.Empty(t, text)
			return
		}
		require.True(t, slices.Contains([]string{b.MinText, b.MaxText}, text), "the end as it was written")
		set, err := time.ParseDuration(text)
		require.NoError(t, err)
		assert.True(t, b.Contains(set), "the end lies inside")
		_, moves = b.Nearest(set)
		assert.False(t, moves, "and stays")
		for _, end := range []time.Duration{b.Min, b.Max} {
			assert.True(t, end == 0 || (set-d).Abs() <= (end-d).Abs(), "no end is nearer")
		}
		assert.Equal(t, b.Exact(), b.Min == b.Max)
	})
}

// Whatever is shared by two environments is tuned to the fastest bound. Then nobody waits longer than
// their own bound allows, and it does not matter which of them was read first.
func TestCompareSpeedProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pick := func(name string) Bound { return mustBound(t, bounds(false).Draw(t, name)) }
		a, b, c := pick("a"), pick("b"), pick("c")
		assert.Equal(t, -a.compareSpeed(b), b.compareSpeed(a))
		assert.Negative(t, a.compareSpeed(Bound{}))
		if a.compareSpeed(b) <= 0 && b.compareSpeed(c) <= 0 {
			assert.LessOrEqual(t, a.compareSpeed(c), 0)
		}
		if a.compareSpeed(b) > 0 {
			a, b = b, a
		}
		d := near(t, a)
		if text, moves := a.Nearest(d); moves {
			d = mustBound(t, text).Min
		}
		assert.True(t, b.Max == 0 || d <= b.Max, "%s, of %q, is too long for %q", d, a, b)
	})
}
