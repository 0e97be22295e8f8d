package policy

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Bound is what a policy says about one duration: exactly this, at most, at least, or from one to
// another. A value that lies inside is as the policy wants it and stays; one outside is moved to the end
// that is nearest to it. ParseBound makes bounds. The zero Bound says nothing.
type Bound struct {
	// Min and Max are the ends, both included; 0 = open. Where they are equal the bound is exact.
	Min, Max time.Duration
	// MinText and MaxText are the ends as they were written: 90m stays 90m, since the timeout of a
	// source takes no h. "" where the end is open.
	MinText, MaxText string
}

// ParseBound reads "1m", "at most 1m", "at least 5m" and "1m to 3m": the words in any case, with any
// spaces and tabs around them. With noHours the unit h is refused, as it is in the timeouts of sources.
// The error names what is wrong and says what is accepted.
func ParseBound(s string, noHours bool) (Bound, error) {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) != 3 {
		return exactly(strings.Trim(s, " \t"), noHours)
	}
	// Not EqualFold: it takes letters beyond ASCII for an s, which the JSON Schema does not.
	switch first, second := strings.ToLower(words[0]), strings.ToLower(words[1]); {
	case first == "at" && second == "most":
		return between(s, "", words[2], noHours)
	case first == "at" && second == "least":
		return between(s, words[2], "", noHours)
	case second == "to":
		return between(s, words[0], words[2], noHours)
	default:
		return exactly(s, noHours)
	}
}

// exactly is the bound of a single duration. What is none may have been meant for one of the others.
func exactly(text string, noHours bool) (Bound, error) {
	d, err := flux.ParseDuration(text, noHours)
	if err != nil {
		return Bound{}, fmt.Errorf("%w; or a bound: at most 1m, at least 5m, 1m to 3m", err)
	}
	if err := notZero(text, d); err != nil {
		return Bound{}, err
	}
	return Bound{Min: d, Max: d, MinText: text, MaxText: text}, nil
}

// between is the bound from one end to another; "" = open. Two ends of the same length are one value,
// as the first was written.
func between(s, least, most string, noHours bool) (Bound, error) {
	b := Bound{MinText: least, MaxText: most}
	for _, end := range []struct {
		text string
		d    *time.Duration
	}{{least, &b.Min}, {most, &b.Max}} {
		if end.text == "" {
			continue
		}
		d, err := checkDuration(end.text, noHours)
		if err != nil {
			return Bound{}, fmt.Errorf("%q: %w", s, err)
		}
		*end.d = d
	}
	switch {
	case b.Max > 0 && b.Min > b.Max:
		return Bound{}, fmt.Errorf("%q: %s is longer than %s: write %s to %s", s, least, most, most, least)
	case b.Exact():
		b.MaxText = b.MinText
	}
	return b, nil
}

// IsZero tells whether the bound says nothing.
func (b Bound) IsZero() bool { return b.Min == 0 && b.Max == 0 }

// Exact tells whether there is only one duration inside.
func (b Bound) Exact() bool { return b.Min == b.Max && b.Min > 0 }

// Contains tells whether a duration lies inside.
func (b Bound) Contains(d time.Duration) bool {
	return d >= b.Min && (b.Max == 0 || d <= b.Max)
}

// Nearest is the end to set where a duration lies outside, as it was written; "" and false where it lies
// inside, and where it is not known (0): then nobody knows on which side it lies.
func (b Bound) Nearest(d time.Duration) (text string, moves bool) {
	switch {
	case d <= 0:
		return "", false
	case d < b.Min:
		return b.MinText, true
	case !b.Contains(d):
		return b.MaxText, true
	default:
		return "", false
	}
}

// String writes the bound as ParseBound reads it: "1m", "at most 1m", "at least 5m", "1m to 3m"; "" for
// one that says nothing.
func (b Bound) String() string {
	switch {
	case b.IsZero():
		return ""
	case b.Exact():
		return b.MinText
	case b.Min == 0:
		return "at most " + b.MaxText
	case b.Max == 0:
		return "at least " + b.MinText
	default:
		return b.MinText + " to " + b.MaxText
	}
}

// UpTo is the bound with an upper end moved up to a longer duration, so that this lies inside.
func (b Bound) UpTo(d time.Duration) Bound {
	if b.Max > 0 && b.Max < d {
		b.Max, b.MaxText = d, flux.FormatDuration(d)
	}
	return b
}

// never stands for an open end: it is longer than all intervals.
const never = time.Duration(math.MaxInt64)

// compareSpeed orders bounds of intervals by how fast they want to be: first by the longest interval
// that they allow, then by the shortest. So whoever shares something with the fastest bound never waits
// longer than their own allows. "at least 5m" allows any wait and comes behind every "at most"; the
// bound that says nothing comes last.
func (b Bound) compareSpeed(o Bound) int {
	return cmp.Or(
		cmp.Compare(cmp.Or(b.Max, never), cmp.Or(o.Max, never)),
		cmp.Compare(b.fastest(), o.fastest()),
	)
}

// fastest is the shortest interval that the bound allows.
func (b Bound) fastest() time.Duration {
	if b.IsZero() {
		return never
	}
	return b.Min
}
