package fit_test

import (
	"math"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
)

// reference solves a problem as a general convex program, slowly and by other means than the package: a barrier method
// with Newton steps in the rates x = 1/T, where the objective is convex and all limits are linear. It returns the best
// sum of activity*T/2 to within a part in 10^7 or so. Sources that have nothing to choose are taken out first.
func reference(p fit.Problem) float64 {
	b := barrier{left: append([]float64(nil), p.Shares...)}
	constant := 0.0
	for _, s := range p.Sources {
		low, high := 1/s.Max.Hours(), 1/s.Min.Hours()
		if s.Activity == 0 || high-low < 1e-9 {
			constant += s.Activity / low / 2
			for _, l := range s.Loads {
				b.left[l.Share] -= l.Requests * low
			}
			continue
		}
		costs := make([]float64, len(p.Shares))
		for _, l := range s.Loads {
			costs[l.Share] = l.Requests
		}
		b.activity, b.low, b.high, b.costs = append(b.activity, s.Activity), append(b.low, low), append(b.high, high), append(b.costs, costs)
	}
	if len(b.activity) == 0 {
		return constant
	}
	return constant + b.minimum()
}

type barrier struct {
	activity, low, high []float64
	costs               [][]float64 // by source and share
	left                []float64
}

func (b *barrier) objective(x []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += b.activity[i] / x[i] / 2
	}
	return sum
}

// room is what is left of share k.
func (b *barrier) room(x []float64, k int) float64 {
	room := b.left[k]
	for i := range x {
		room -= b.costs[i][k] * x[i]
	}
	return room
}

// value of the objective with weight t and a barrier at each limit; infinite outside.
func (b *barrier) value(x []float64, t float64) float64 {
	v := t * b.objective(x)
	for i := range x {
		if x[i] <= b.low[i] || x[i] >= b.high[i] {
			return math.Inf(1)
		}
		v -= math.Log(x[i]-b.low[i]) + math.Log(b.high[i]-x[i])
	}
	for k := range b.left {
		room := b.room(x, k)
		if room <= 0 {
			return math.Inf(1)
		}
		v -= math.Log(room)
	}
	return v
}

// minimum follows the central path. The gap is (number of limits)/t there.
func (b *barrier) minimum() float64 {
	x := make([]float64, len(b.activity))
	for f := 0.5; ; f /= 2 { // strictly inside: a little above the least rates
		for i := range x {
			x[i] = b.low[i] + f*(b.high[i]-b.low[i])
		}
		if !math.IsInf(b.value(x, 1), 1) {
			break
		}
	}
	limits := float64(2*len(x) + len(b.left))
	for t := limits / b.objective(x); ; t *= 8 {
		for range 60 {
			if b.newton(x, t) < 1e-10 {
				break
			}
		}
		if limits/t < 1e-7*b.objective(x) {
			return b.objective(x)
		}
	}
}

// newton takes one damped step and returns the decrement.
func (b *barrier) newton(x []float64, t float64) float64 {
	n := len(x)
	gradient, hessian := make([]float64, n), make([][]float64, n)
	for i := range x {
		down, up := x[i]-b.low[i], b.high[i]-x[i]
		gradient[i] = -t*b.activity[i]/x[i]/x[i]/2 - 1/down + 1/up
		hessian[i] = make([]float64, n)
		hessian[i][i] = t*b.activity[i]/x[i]/x[i]/x[i] + 1/down/down + 1/up/up
	}
	for k := range b.left {
		room := b.room(x, k)
		for i := range x {
			gradient[i] += b.costs[i][k] / room
			for j := range x {
				hessian[i][j] += b.costs[i][k] * b.costs[j][k] / room / room
			}
		}
	}
	step := eliminate(hessian, gradient)
	decrement := 0.0
	for i := range step {
		decrement += step[i] * gradient[i]
	}
	before := b.value(x, t)
	next := make([]float64, n)
	for f := 1.0; f > 1e-12; f /= 2 {
		for i := range x {
			next[i] = x[i] - f*step[i]
		}
		if b.value(next, t) <= before-0.1*f*decrement {
			copy(x, next)
			return decrement
		}
	}
	return 0
}

// eliminate solves a system of linear equations, with pivots.
func eliminate(m [][]float64, right []float64) []float64 {
	n := len(right)
	x := append([]float64(nil), right...)
	for c := range n {
		pivot := c
		for r := c + 1; r < n; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[pivot][c]) {
				pivot = r
			}
		}
		m[c], m[pivot], x[c], x[pivot] = m[pivot], m[c], x[pivot], x[c]
		for r := c + 1; r < n; r++ {
			f := m[r][c] / m[c][c]
			for j := c; j < n; j++ {
				m[r][j] -= f * m[c][j]
			}
			x[r] -= f * x[c]
		}
	}
	for c := n - 1; c >= 0; c-- {
		for j := c + 1; j < n; j++ {
			x[c] -= m[c][j] * x[j]
		}
		x[c] /= m[c][c]
	}
	return x
}
