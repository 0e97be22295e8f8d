package fit

import (
	"slices"
	"time"
)

// Margin is by how many percent the expected wait has to be worse than the best before anything is changed: each change
// reconciles its object, and what is known of activities is not known more exactly than this.
const Margin = 10

// Keeps tells whether intervals that are there may stay: all lie within their ends, all shares are kept, and the
// expected wait is at most Margin percent longer than with the best intervals.
func (p Problem) Keeps(there, best []time.Duration) bool {
	for i, s := range p.Sources {
		if there[i] < s.Min || there[i] > s.Max {
			return false
		}
	}
	for k, used := range p.Used(there) {
		if used > p.Shares[k]*(1+grain) {
			return false
		}
	}
	return float64(p.Wait(there)) <= float64(p.Wait(best))*(1+Margin/100.0)
}

// merged makes one source of those that are equal: one that costs and changes as much as all of them. So they are solved
// and rounded together, and none of them gets what there is not for all. The second result is the place of each in it.
func (p Problem) merged() (Problem, []int) {
	out := Problem{Shares: p.Shares}
	places := make([]int, len(p.Sources))
	counts := []float64{}
	var first []Source // as they were
	like := map[alike][]int{}
	for i, s := range p.Sources {
		kind := alike{s.Activity, s.Min, s.Max, len(s.Loads)}
		at := slices.IndexFunc(like[kind], func(j int) bool { return slices.Equal(first[j].Loads, s.Loads) })
		if at < 0 {
			like[kind] = append(like[kind], len(first))
			at = len(like[kind]) - 1
			first, counts = append(first, s), append(counts, 0)
		}
		places[i] = like[kind][at]
		counts[places[i]]++
	}
	for j, s := range first {
		s.Activity *= counts[j]
		s.Loads = slices.Clone(s.Loads)
		for k := range s.Loads {
			s.Loads[k].Requests *= counts[j]
		}
		out.Sources = append(out.Sources, s)
	}
	return out, places
}

// alike is what equal sources have in common beside their loads.
type alike struct {
	activity float64
	min, max time.Duration
	loads    int
}

// Best are the best intervals that people write. Equal sources get the same. The error is Solve's.
func (p Problem) Best() ([]time.Duration, error) {
	merged, places := p.merged()
	solution, err := Solve(merged)
	if err != nil {
		return nil, err
	}
	rounded := merged.Round(solution)
	intervals := make([]time.Duration, len(places))
	for i, at := range places {
		intervals[i] = rounded[at]
	}
	return intervals, nil
}
