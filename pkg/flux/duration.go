package flux

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Flux's CRDs check durations against these patterns (source-controller api/v1,
// kustomize-controller api/v1): Go durations without sign, ns and us, and sources' timeouts without h.
var (
	durationPattern        = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)
	durationNoHoursPattern = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m))+$`)
)

// ParseDuration reads a duration as Flux's CRDs do. With noHours the unit h is refused too, as it is
// in the timeouts of sources. The error says which units are accepted.
func ParseDuration(s string, noHours bool) (time.Duration, error) {
	pattern, example := durationPattern, "30s, 5m or 1h30m (units ms, s, m, h)"
	if noHours {
		pattern, example = durationNoHoursPattern, "30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)"
	}
	if !pattern.MatchString(s) {
		return 0, fmt.Errorf("%q is not a duration that Flux accepts: write it like %s", s, example)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is longer than a duration can be (2562047h)", s)
	}
	return d, nil
}

// TooLong tells whether the API server takes a duration that Go cannot read: the CRDs' patterns know no limit, and a controller that
// lists or watches a kind decodes all of its objects (k8s.io/apimachinery meta/v1 duration.go, UnmarshalJSON).
func TooLong(s string, noHours bool) bool {
	pattern := durationPattern
	if noHours {
		pattern = durationNoHoursPattern
	}
	_, err := time.ParseDuration(s)
	return err != nil && pattern.MatchString(s)
}

// FormatDuration writes a duration in its shortest form: 1m, never 1m0s. It is readable by
// ParseDuration for all durations of whole milliseconds.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ShortDuration writes the value of a field in its shortest form (1m for 1m0s and 60s), and what it
// cannot read as it stands.
func ShortDuration(value string) string {
	d, err := time.ParseDuration(value)
	if err != nil {
		return value
	}
	return FormatDuration(d)
}

// SameDuration tells whether two values of a field mean the same: 60s is 1m is 1m0s. Absent (nil)
// equals only absent.
func SameDuration(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	if *a == *b {
		return true
	}
	da, errA := time.ParseDuration(*a)
	db, errB := time.ParseDuration(*b)
	return errA == nil && errB == nil && da == db
}

// Format writes a duration as the field takes it, in the shortest form: the timeouts of sources take no hours.
func (t Tunable) Format(d time.Duration) string {
	if !t.NoHours || d < time.Hour {
		return FormatDuration(d)
	}
	text := fmt.Sprintf("%dm", d/time.Minute)
	if rest := d % time.Minute; rest > 0 {
		text += FormatDuration(rest)
	}
	return text
}

// Short writes a value of the field in the shortest form that the field takes, and what it cannot read as it stands.
func (t Tunable) Short(value string) string {
	d, err := time.ParseDuration(value)
	if err != nil {
		return value
	}
	return t.Format(d)
}
