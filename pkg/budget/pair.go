package budget

import (
	"cmp"
	"time"
)

// Pair is a value as it is now and as it would be under the plan.
type Pair[T any] struct {
	Now     T `json:"now"`
	Planned T `json:"planned"`
}

// Rates are requests or reconciles per hour.
type Rates = Pair[float64]

// moment chooses one half of a Pair.
type moment int

const (
	now moment = iota
	planned
)

var moments = [...]moment{now, planned}

func (p *Pair[T]) at(m moment) *T {
	if m == now {
		return &p.Now
	}
	return &p.Planned
}

// pair asks the same question for both moments.
func pair[T any](f func(moment) T) Pair[T] { return Pair[T]{Now: f(now), Planned: f(planned)} }

func sum(a, b Rates) Rates { return Rates{Now: a.Now + b.Now, Planned: a.Planned + b.Planned} }

func times(a Rates, n float64) Rates { return Rates{Now: a.Now * n, Planned: a.Planned * n} }

// busiest orders rates from high to low.
func busiest(a, b Rates) int {
	return cmp.Or(-cmp.Compare(max(a.Now, a.Planned), max(b.Now, b.Planned)), -cmp.Compare(a.Now, b.Now))
}

// perHour is how often an hour holds an interval; 0 for what is never due.
func perHour(interval time.Duration) float64 {
	if interval <= 0 {
		return 0
	}
	return float64(time.Hour) / float64(interval)
}
