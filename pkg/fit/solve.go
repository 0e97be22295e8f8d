package fit

import "math"

// Solution are the intervals with the shortest expected wait, before they are rounded.
type Solution struct {
	// Hours are the intervals.
	Hours []float64
	// Prices are what one request more per hour of each share would save: commit-hours of waiting per hour. 0
	// where a share is not used up. They are the multipliers that prove that nothing better exists.
	Prices []float64
	// Wait is the sum over all sources of activity times half of the interval, and Bound what no intervals can
	// come below, by the prices (the Lagrangian's least value). Together they certify the solution.
	Wait, Bound float64
}

// Gap is how far the solution may be from the best, as a part of it.
func (s Solution) Gap() float64 {
	if s.Wait == 0 {
		return 0
	}
	return max(0, s.Wait-s.Bound) / s.Wait
}

// Solve finds the intervals T with the least sum of activity*T/2, where for each share the sum of requests/T stays
// within it and each T between its ends. The best T is sqrt(2*price/activity), clipped to the ends, where the price of
// a poll is the sum over its shares of requests times the share's price.
//
// Shares that lie within one another, as credentials lie within hosts, are solved exactly, breakpoint by breakpoint
// (nest). Others are solved price by price until the certificate is as good as the numbers get (ascend).
//
// The error is an *InfeasibleError where the shares cannot be kept.
func Solve(p Problem) (Solution, error) {
	if err := p.check(); err != nil {
		return Solution{}, err
	}
	allowed, err := p.allowed()
	if err != nil {
		return Solution{}, err
	}
	m := newModel(p, allowed)
	if parents, nested := m.nesting(); nested {
		m.nest(parents)
	} else {
		m.ascend()
	}
	return m.solution(), nil
}

// model is a problem in hours, with the prices that are being looked for.
type model struct {
	sources []modelSource
	members [][]int // sources by share
	allowed []float64
	prices  []float64
}

type modelSource struct {
	loads    []Load
	activity float64
	min, max float64
}

func newModel(p Problem, allowed []float64) *model {
	m := &model{allowed: allowed, prices: make([]float64, len(allowed)), members: make([][]int, len(allowed))}
	for i, s := range p.Sources {
		m.sources = append(m.sources, modelSource{loads: s.Loads, activity: s.Activity, min: s.Min.Hours(), max: s.Max.Hours()})
		for _, l := range s.Loads {
			m.members[l.Share] = append(m.members[l.Share], i)
		}
	}
	return m
}

// at is the best interval of a source when a poll has a price.
func (s *modelSource) at(price float64) float64 {
	if s.activity == 0 {
		return s.max
	}
	return min(max(math.Sqrt(2*price/s.activity), s.min), s.max)
}

// price of a poll.
func (m *model) price(s *modelSource) float64 {
	price := 0.0
	for _, l := range s.loads {
		price += m.prices[l.Share] * l.Requests
	}
	return price
}

func (m *model) solution() Solution {
	out := Solution{Hours: make([]float64, len(m.sources)), Prices: m.prices}
	for k := range m.allowed {
		out.Bound -= m.prices[k] * m.allowed[k]
	}
	for i := range m.sources {
		s := &m.sources[i]
		price := m.price(s)
		t := s.at(price)
		out.Hours[i] = t
		out.Bound += s.activity*t/2 + price/t
	}
	m.keep(out.Hours)
	for i, s := range m.sources {
		out.Wait += s.activity * out.Hours[i] / 2
	}
	return out
}

// keep lengthens intervals until no share is exceeded: prices that are only nearly right may leave some a little above.
// The longest intervals keep all shares.
func (m *model) keep(hours []float64) {
	stretch := 1.0
	for range 200 {
		worst := 1.0
		for k, members := range m.members {
			used := 0.0
			for _, i := range members {
				used += requests(m.sources[i].loads, k) / min(hours[i]*stretch, m.sources[i].max)
			}
			worst = max(worst, used/m.allowed[k])
		}
		if worst <= 1+1e-13 {
			break
		}
		stretch *= worst
	}
	for i, s := range m.sources {
		hours[i] = min(hours[i]*stretch, s.max)
	}
}

func requests(loads []Load, share int) float64 {
	for _, l := range loads {
		if l.Share == share {
			return l.Requests
		}
	}
	return 0
}
