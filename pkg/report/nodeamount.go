package report

import (
	"encoding/json"
	"math"
	"strconv"
)

// amount is a number and what is known of it: it is exactly n; or, with more, n or more, for something was not read; or,
// with old, it was n, and may be more or less by now. What is not known at all is 0 or more. It is the only way in which
// nodes counts, so that no sum, share or text of a number that is not exact can lose its mark.
type amount struct {
	n         int
	more, old bool
}

// exactly is a number that is known, or, of nil, one that is not.
func exactly(n *int) amount {
	if n == nil {
		return amount{more: true}
	}
	return amount{n: *n}
}

// unknown tells whether nothing is known.
func (a amount) unknown() bool { return a.n == 0 && a.more }

// plus adds. What does not fit an int is the largest one or more.
func (a amount) plus(b amount) amount {
	if a.n > math.MaxInt-b.n {
		return amount{math.MaxInt, true, a.old || b.old}
	}
	return amount{a.n + b.n, a.more || b.more, a.old || b.old}
}

// atLeast tells whether it may be too low, and is not too high.
func (a amount) atLeast() bool { return a.more && !a.outdated() }

// outdated tells whether it may be too low or too high.
func (a amount) outdated() bool { return a.old && !a.unknown() }

// String writes a number that may be too low with a plus, one that was so earlier with ~, and one that is not known as a
// question mark.
func (a amount) String() string { return a.mark(strconv.Itoa(a.n)) }

// mark writes what there is an amount of as String writes the number.
func (a amount) mark(text string) string {
	switch {
	case a.unknown():
		return "?"
	case a.old:
		return "~" + text
	case a.more:
		return text + "+"
	default:
		return text
	}
}

// of writes an amount of something: 1 node, ~1 node, 26+ pods.
func (a amount) of(noun string) string {
	if a.n == 1 && (!a.more || a.old) { // 1+ may be many
		return a.String() + " " + noun
	}
	return a.String() + " " + noun + "s"
}

// json is the number as documents have it: null where it is not known.
func (a amount) json() *int {
	if a.unknown() {
		return nil
	}
	return &a.n
}

// csv is empty where the number is not known.
func (a amount) csv() string {
	if a.unknown() {
		return ""
	}
	return strconv.Itoa(a.n)
}

// taken is the part of something that is taken, and whether it may be larger, or was so earlier.
type taken struct {
	percent   Percent
	more, old bool
	nothing   bool // there is no room, and nothing that takes any: no share of that is a number
}

// shareOf is the part of a room that is taken, nil where it is not known: of a room that may be larger nothing can be said.
func shareOf(pods, room amount) *taken {
	switch {
	case pods.unknown() || room.more:
		return nil
	case room.n == 0 && pods.n > 0:
		return &taken{percent: Percent(math.Inf(1)), more: pods.more, old: pods.old || room.old}
	case room.n == 0 && (pods.old || room.old):
		return nil
	case room.n == 0:
		return &taken{nothing: true}
	}
	return &taken{percent: Percent(float64(pods.n) / float64(room.n) * 100), more: pods.more, old: pods.old || room.old}
}

// String writes the share in percent, without the sign.
func (s *taken) String() string {
	switch {
	case s == nil:
		return "?"
	case s.nothing:
		return ""
	case s.old:
		return "~" + s.percent.Whole()
	case s.more:
		return s.percent.atLeast() + "+"
	default:
		return s.percent.Whole()
	}
}

// json is the share as documents have it.
func (s *taken) json() *Percent {
	if s == nil || s.nothing {
		return nil
	}
	return &s.percent
}

// Percent is a share as it was worked out. It is rounded only where it is written, to one digit in JSON: what is rounded
// twice, or compared with a bound after that, is wrong. Rounded it is never 100 below that or above, and never 0 above 0. Where
// something is taken of nothing it is infinite, which JSON writes as 999999, CSV and tables as a word.
type Percent float64

const (
	overNothing     = 999999
	overNothingWord = "over"
)

// MarshalJSON implements json.Marshaler.
func (p Percent) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(p), 1) {
		return json.Marshal(overNothing)
	}
	return json.Marshal(p.rounded(10))
}

// rounded to a part of 1: 10 is one digit.
func (p Percent) rounded(part float64) float64 {
	r := math.Floor(float64(p)*part+0.5) / part
	switch {
	case p > 0 && r <= 0:
		return 1 / part
	case p < 100 && r >= 100:
		return 100 - 1/part
	case p > 100 && r <= 100:
		return 100 + 1/part
	default:
		return r
	}
}

// Whole writes it without digits behind the point.
func (p Percent) Whole() string {
	if math.IsInf(float64(p), 1) {
		return overNothingWord
	}
	return strconv.FormatFloat(p.rounded(1), 'f', 0, 64)
}

// atLeast writes it without digits behind the point, and never as more than it is.
func (p Percent) atLeast() string {
	const inexact = 1e-9 // 29 of 50 are 57.99999999999999
	return (p + inexact).truncated()
}

// truncated writes it as kubectl top does, which leaves out what is behind the point.
func (p Percent) truncated() string {
	if math.IsInf(float64(p), 1) {
		return overNothingWord
	}
	return strconv.FormatFloat(math.Trunc(float64(p)), 'f', 0, 64)
}

// Tenths writes it with one digit behind the point.
func (p Percent) Tenths() string {
	if math.IsInf(float64(p), 1) {
		return overNothingWord // an average leaves it out
	}
	return strconv.FormatFloat(p.rounded(10), 'f', 1, 64)
}

// Above writes it with as many digits, from one on, as show that it is more than a bound.
func (p Percent) Above(bound float64) string {
	if math.IsInf(float64(p), 1) {
		return overNothingWord
	}
	for part := 10.0; part < 1e9; part *= 10 {
		if r := p.rounded(part); r > bound {
			return strconv.FormatFloat(r, 'f', -1, 64)
		}
	}
	return strconv.FormatFloat(float64(p), 'f', -1, 64)
}
