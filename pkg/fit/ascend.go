package fit

import "math"

const (
	// goodEnough is the gap at which looking for better prices ends; numbers are not much better.
	goodEnough = 1e-10
	maxSweeps  = 3000
)

// ascend solves shares that overlap in any way: each price in turn is set so that its share is just kept, the others
// staying as they are, until nothing moves. The dual of this problem is concave and smooth, so that this climbs to its
// top; how near it came is told by the solution's gap, and not by how little the last step moved.
func (m *model) ascend() {
	for range maxSweeps {
		moved := 0.0
		for k := range m.allowed {
			before := m.prices[k]
			m.prices[k] = m.settle(k)
			moved = max(moved, math.Abs(m.prices[k]-before)/max(m.prices[k], before, math.SmallestNonzeroFloat64))
		}
		if moved < 1e-14 || moved < 1e-6 && m.solution().Gap() < goodEnough {
			return
		}
	}
}

// settle is the price of share k at which it is just kept, with the other prices as they are; 0 where it is kept in any
// case. What is asked falls with the price: the answer is closed in on from both sides.
func (m *model) settle(k int) float64 {
	others := make([]float64, len(m.members[k]))
	m.prices[k] = 0
	for j, i := range m.members[k] {
		others[j] = m.price(&m.sources[i])
	}
	asked := func(price float64) float64 {
		sum := 0.0
		for j, i := range m.members[k] {
			s := &m.sources[i]
			cost := requests(s.loads, k)
			sum += cost / s.at(others[j]+price*cost)
		}
		return sum
	}
	if asked(0) <= m.allowed[k] {
		return 0
	}
	high := m.dearest(k)
	low := 0.0
	if high > 0 { // prices differ by orders of magnitude: the root is looked for among their logarithms
		low = high
		for asked(low) <= m.allowed[k] && low > math.SmallestNonzeroFloat64*1e10 {
			high, low = low, low/16
		}
	}
	for range 200 {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if asked(middle) > m.allowed[k] {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// dearest is the price at which all sources of share k have their longest interval whatever the others cost.
func (m *model) dearest(k int) float64 {
	most := 0.0
	for _, i := range m.members[k] {
		s := &m.sources[i]
		most = max(most, s.max*s.max*s.activity/2/requests(s.loads, k))
	}
	return most * (1 + 1e-12)
}
