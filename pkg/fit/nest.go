package fit

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"math"
	"slices"
)

// nesting is each share's parent, -1 for the outermost: the smallest share that holds all of its sources. It is false
// where shares overlap in another way, or where a poll costs its shares differently.
func (m *model) nesting() (parents []int, nested bool) {
	parents = make([]int, len(m.allowed))
	const unseen = -2
	for k := range parents {
		parents[k] = unseen
	}
	for _, s := range m.sources {
		chain := m.chain(s.loads)
		for j, l := range chain {
			parent := -1
			if j+1 < len(chain) {
				parent = chain[j+1].Share
			}
			if l.Requests != chain[0].Requests || parents[l.Share] != unseen && parents[l.Share] != parent {
				return nil, false
			}
			parents[l.Share] = parent
		}
	}
	for k := range parents {
		parents[k] = max(parents[k], -1)
	}
	return parents, true
}

// chain are loads from the smallest share to the largest, by how many sources these have.
func (m *model) chain(loads []Load) []Load {
	chain := slices.Clone(loads)
	sorting.By(chain, func(a, b Load) int {
		return cmp.Or(cmp.Compare(len(m.members[a.Share]), len(m.members[b.Share])), cmp.Compare(b.Share, a.Share))
	})
	return chain
}

// nest solves nested shares exactly. A request has one price for each source: the sum of the prices of the shares that
// it counts against. From the inside out, least[k] is the lowest such sum at which share k is kept, while what is inside
// of it keeps its own. Then, from the outside in, a share whose least is above what the shares around it already cost
// has the difference as its own price, and is used up exactly; one whose least is below has the price 0. These are the
// conditions under which intervals are the best there are (Karush, Kuhn and Tucker).
func (m *model) nest(parents []int) {
	order := make([]int, len(parents))
	for k := range order {
		order[k] = k
	}
	sorting.By(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(len(m.members[a]), len(m.members[b])), cmp.Compare(b, a))
	})
	floors := make([]float64, len(m.sources)) // what the shares inside make a request cost at least
	least := make([]float64, len(parents))
	for _, k := range order {
		least[k] = m.leastPrice(k, floors)
		for _, i := range m.members[k] {
			floors[i] = max(floors[i], least[k])
		}
	}
	total := make([]float64, len(parents))
	for _, k := range slices.Backward(order) {
		around := 0.0
		if parents[k] >= 0 {
			around = total[parents[k]]
		}
		total[k] = max(around, least[k])
		m.prices[k] = total[k] - around
	}
}

// A source asks a constant until the price reaches a point, then cost/(root*k) where root is the square root of the
// price and k = sqrt(2*cost/activity), until its longest interval is reached.
type breakpoint struct {
	root float64
	// What is asked for certain, and what is asked in inverse proportion to the root, from there on.
	fixed, falling float64
}

// leastPrice is the lowest price of a request at which share k is kept, where each source pays its floor at least. It is
// exact: what is asked falls with the price, and between two neighbouring breakpoints it is fixed + falling/root.
func (m *model) leastPrice(k int, floors []float64) float64 {
	points, fixed := m.breakpoints(k, floors)
	if fixed <= m.allowed[k] {
		return 0
	}
	sorting.By(points, func(a, b breakpoint) int { return cmp.Compare(a.root, b.root) })
	falling := 0.0
	for j, point := range points {
		fixed += point.fixed
		falling += point.falling
		if j+1 < len(points) && fixed+falling/points[j+1].root > m.allowed[k] {
			continue
		}
		// Sums that were added to and taken from are a little off: here they are made again.
		root := points[j].root
		fixed, falling = m.between(k, floors, root, nextRoot(points, j))
		if room := m.allowed[k] - fixed; room > 0 && falling > 0 {
			root = max(root, falling/room)
		}
		return root * root
	}
	return 0
}

// nextRoot is the end of the stretch that begins at a breakpoint.
func nextRoot(points []breakpoint, j int) float64 {
	if j+1 < len(points) {
		return points[j+1].root
	}
	return math.Inf(1)
}

// breakpoints of what is asked of share k, and what is asked at the floors.
func (m *model) breakpoints(k int, floors []float64) (points []breakpoint, atFloors float64) {
	points = make([]breakpoint, 0, 2*len(m.members[k]))
	for _, i := range m.members[k] {
		s := &m.sources[i]
		cost := requests(s.loads, k)
		start := s.at(floors[i] * cost)
		atFloors += cost / start
		if start == s.max { // no price makes it ask less
			continue
		}
		slope := math.Sqrt(2 * cost / s.activity)
		points = append(points,
			breakpoint{root: start / slope, fixed: -cost / start, falling: cost / slope},
			breakpoint{root: s.max / slope, fixed: cost / s.max, falling: -cost / slope})
	}
	return points, atFloors
}

// between is what share k is asked between two neighbouring breakpoints.
func (m *model) between(k int, floors []float64, from, to float64) (fixed, falling float64) {
	for _, i := range m.members[k] {
		s := &m.sources[i]
		cost := requests(s.loads, k)
		start := s.at(floors[i] * cost)
		slope := math.Inf(1)
		if s.activity > 0 {
			slope = math.Sqrt(2 * cost / s.activity)
		}
		switch {
		case start == s.max || s.max/slope <= from:
			fixed += cost / s.max
		case start/slope >= to:
			fixed += cost / start
		default:
			falling += cost / slope
		}
	}
	return fixed, falling
}
