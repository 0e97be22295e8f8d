package fit

import (
	"math"
	"slices"
	"time"
)

// Margin is by how many percent the expected wait has to be longer than the best before all is fitted anew: each change
// reconciles its object, and what is known of activities is not known more exactly than this.
const Margin = 10

// Chosen are the intervals that a fit gives.
type Chosen struct {
	Intervals []time.Duration
	// Kept says that they are those that were there, but for the sources that settle changes.
	Kept bool
	// Best is the expected wait with the best intervals, before they are rounded: nothing waits shorter within the shares.
	Best time.Duration
}

// Choose gives the intervals that are there, settled, if these lie within all ends, keep all shares, and the expected wait
// is at most Margin percent longer than the best; else the best, rounded. In both equal sources have the same, and those that
// nobody waits for their longest. The error is Solve's.
func (p Problem) Choose(there []time.Duration) (Chosen, error) {
	rounded, best, err := p.best()
	if err != nil {
		return Chosen{}, err
	}
	chosen := Chosen{Intervals: rounded, Best: p.mean(best)}
	settled := p.settle(there)
	if p.keeps(settled) && p.waited(settled) <= max(best*(1+Margin/100.0), p.waited(rounded)) {
		chosen.Intervals, chosen.Kept = settled, true
	}
	return chosen, nil
}

// there are the intervals that the fitted sources have.
func (f *fitter) there() []time.Duration {
	there := make([]time.Duration, 0, len(f.names))
	for _, n := range f.names {
		there = append(there, n.Interval)
	}
	return there
}

// keeps tells whether intervals lie within their ends and keep all shares.
func (p Problem) keeps(intervals []time.Duration) bool {
	for i, s := range p.Sources {
		if intervals[i] < s.Min || intervals[i] > s.Max {
			return false
		}
	}
	for k, used := range p.Used(intervals) {
		if used > p.Shares[k]*(1+grain) {
			return false
		}
	}
	return true
}

// settle gives equal sources the interval that most of them have, or the longer of these, and the longest to what nobody
// waits for; all others stay. So little changes, and nobody asks why of two equal sources one polls more often.
func (p Problem) settle(there []time.Duration) []time.Duration {
	merged, places := p.merged()
	have := make([]map[time.Duration]int, len(merged.Sources))
	for i, at := range places {
		if have[at] == nil {
			have[at] = map[time.Duration]int{}
		}
		have[at][there[i]]++
	}
	settled := make([]time.Duration, len(there))
	for i, at := range places {
		if settled[i] = there[i]; merged.Sources[at].Activity == 0 {
			settled[i] = merged.Sources[at].Max
			continue
		}
		for d, n := range have[at] {
			if most := have[at][settled[i]]; n > most || n == most && d > settled[i] {
				settled[i] = d
			}
		}
	}
	return settled
}

// merged makes one source of those that are equal (pace): one that costs and changes as much as all of them. So they are solved
// and rounded together, and none of them gets what there is not for all. The second result is the place of each in it.
func (p Problem) merged() (Problem, []int) {
	out := Problem{Shares: p.Shares}
	places := make([]int, len(p.Sources))
	var counts, active []float64
	var first []Source // as they were
	like := map[alike][]int{}
	for i, s := range p.Sources {
		kind := alike{pace(s.Activity), s.Min, s.Max, len(s.Loads)}
		at := slices.IndexFunc(like[kind], func(j int) bool { return slices.Equal(first[j].Loads, s.Loads) })
		if at < 0 {
			like[kind] = append(like[kind], len(first))
			at = len(like[kind]) - 1
			first, counts, active = append(first, s), append(counts, 0), append(active, 0)
		}
		places[i] = like[kind][at]
		counts[places[i]]++
		active[places[i]] += s.Activity
	}
	for j, s := range first {
		s.Activity = active[j]
		s.Loads = slices.Clone(s.Loads)
		for k := range s.Loads {
			s.Loads[k].Requests *= counts[j]
		}
		out.Sources = append(out.Sources, s)
	}
	return out, places
}

// pace is an activity in steps of 2%: nobody knows more, and two that were seen some seconds apart read as the same.
func pace(activity float64) float64 {
	if activity <= 0 {
		return math.Inf(-1)
	}
	return math.Round(math.Log(activity) / 0.02)
}

// alike is what equal sources have in common beside their loads.
type alike struct {
	pace     float64
	min, max time.Duration
	loads    int
}

// best are the best intervals, rounded to what people write, and how long all commits of an hour would wait with those that
// are not rounded. Equal sources get the same. The error is Solve's.
func (p Problem) best() (rounded []time.Duration, waited float64, err error) {
	merged, places := p.merged()
	solution, err := Solve(merged)
	if err != nil {
		return nil, 0, err
	}
	each := merged.Round(solution)
	rounded = make([]time.Duration, len(places))
	for i, at := range places {
		rounded[i] = each[at]
	}
	return rounded, solution.Wait, nil
}
