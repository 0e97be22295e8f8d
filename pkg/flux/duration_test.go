package flux

import (
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want time.Duration
		// hours says that it is refused where the unit h is.
		hours bool
	}{
		{in: "30s", want: 30 * time.Second},
		{in: "1m", want: time.Minute},
		{in: "1m0s", want: time.Minute},
		{in: "60s", want: time.Minute},
		{in: "250ms", want: 250 * time.Millisecond},
		{in: "1.5m", want: 90 * time.Second},
		{in: "0s", want: 0},
		{in: "90m", want: 90 * time.Minute},
		{in: "1h", want: time.Hour, hours: true},
		{in: "1.5h", want: 90 * time.Minute, hours: true},
		{in: "1h30m5s", want: time.Hour + 30*time.Minute + 5*time.Second, hours: true},
		{in: "5s1h", want: time.Hour + 5*time.Second, hours: true}, // the CRDs' pattern knows no order
	} {
		got, err := ParseDuration(tc.in, false)
		require.NoError(t, err, tc.in)
		assert.Equal(t, tc.want, got, tc.in)

		got, err = ParseDuration(tc.in, true)
		if tc.hours {
			require.EqualError(t, err, `"`+tc.in+`" is not a duration that Flux accepts: write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)`)
			continue
		}
		require.NoError(t, err, tc.in)
		assert.Equal(t, tc.want, got, tc.in)
	}
}

func TestParseDurationRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " ", "0", "5", "m", "1 min", "1min", "1d", "-1m", "+1m", "1m ", " 1m", "1M", "1,5m", ".5m", "1.m",
		"1us", "1µs", "1ns", "1m\n", "1e3s", "null", "P1D",
	} {
		_, err := ParseDuration(in, false)
		require.ErrorContains(t, err, "is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)", "%q", in)
	}
	_, err := ParseDuration("999999999999h", false)
	require.ErrorContains(t, err, `"999999999999h" is longer than a duration can be (2562047h)`)
	assert.True(t, TooLong("2562048h", false))
	for _, in := range []string{"2562047h", "5m", "1d", ""} {
		assert.False(t, TooLong(in, false), in)
	}
}

func TestFormatDuration(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   time.Duration
		want string
	}{
		{0, "0s"},
		{250 * time.Millisecond, "250ms"},
		{1500 * time.Millisecond, "1.5s"},
		{10 * time.Second, "10s"},
		{time.Minute, "1m"},
		{90 * time.Second, "1m30s"},
		{10 * time.Minute, "10m"},
		{time.Hour, "1h"},
		{time.Hour + time.Second, "1h0m1s"},
		{10*time.Hour + 10*time.Minute, "10h10m"},
		{100 * time.Hour, "100h"},
	} {
		assert.Equal(t, tc.want, FormatDuration(tc.in))
	}
}

// Whatever Flux accepts in whole milliseconds is written so that it reads back as the same, and never
// longer than Go writes it.
func TestFormatDurationIsReadable(t *testing.T) {
	t.Parallel()
	readable := func(ms uint32) bool {
		for _, d := range []time.Duration{
			time.Duration(ms) * time.Millisecond, time.Duration(ms%100_000) * time.Second,
			time.Duration(ms%10_000) * time.Minute, time.Duration(ms%1_000) * time.Hour,
		} {
			s := FormatDuration(d)
			got, err := ParseDuration(s, false)
			if err != nil || got != d || len(s) > len(d.String()) || strings.HasSuffix(s, "m0s") {
				t.Logf("%s is written %q and read as %s, %v", d, s, got, err)
				return false
			}
		}
		return true
	}
	require.NoError(t, quick.Check(readable, &quick.Config{MaxCount: 10_000}))
}

func TestShortDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"1m0s": "1m", "60s": "1m", "1h0m0s": "1h", "90m": "1h30m", "30s": "30s", "soon": "soon", "": "",
	} {
		assert.Equal(t, want, ShortDuration(in))
	}
}

func TestSameDuration(t *testing.T) {
	t.Parallel()
	value := func(s string) *string { return &s }
	for _, tc := range []struct {
		a, b *string
		want bool
	}{
		{nil, nil, true},
		{nil, value("1m"), false},
		{nil, value("0s"), false},
		{nil, value(""), false},
		{value("60s"), value("1m"), true},
		{value("1m"), value("1m0s"), true},
		{value("60s"), value("1m0s"), true},
		{value("60000ms"), value("1m"), true},
		{value("1.5h"), value("90m"), true},
		{value("1m"), value("1m1ms"), false},
		{value("1m"), value("1h"), false},
		{value("soon"), value("soon"), true},
		{value("soon"), value("later"), false}, // neither is a duration: not both zero
		{value("soon"), value("0s"), false},
	} {
		assert.Equal(t, tc.want, SameDuration(tc.a, tc.b), "%v %v", tc.a, tc.b)
		assert.Equal(t, tc.want, SameDuration(tc.b, tc.a), "%v %v", tc.b, tc.a)
	}
}
