package fit

import "time"

// Uniform is the shortest single interval for all sources at which no share gets more than at some intervals: as far as the
// ends of each source let it have that, and longer for those of a share that is used up before the others: then it is one for all
// that count to the same shares, and the first result is 0. It is the policy that one compares with. It has whole seconds. The
// second result are the intervals.
func (p Problem) Uniform(intervals []time.Duration) (time.Duration, []time.Duration) {
	u := uniform{Problem: p, most: p.Used(intervals), intervals: make([]time.Duration, len(p.Sources)), settled: make([]bool, len(p.Sources))}
	one := time.Duration(0)
	for first := true; ; first = false {
		d := u.shortest()
		if d == 0 {
			return u.common(one), u.intervals
		}
		if u.at(d); first || d < one {
			one = d
		}
		u.settle(d)
	}
}

// common is an interval if all have that, or the nearest between their ends; else 0.
func (u *uniform) common(one time.Duration) time.Duration {
	for i, s := range u.Sources {
		if u.intervals[i] != min(max(one, s.Min), s.Max) {
			return 0
		}
	}
	return one
}

// uniform looks for one interval. Settled are the sources that can have no shorter one.
type uniform struct {
	Problem
	most      []float64 // by share
	intervals []time.Duration
	settled   []bool
}

// at gives all that are not settled an interval, and tells which shares that exceeds.
func (u *uniform) at(d time.Duration) (exceeded []bool, any bool) {
	for i, s := range u.Sources {
		if !u.settled[i] {
			u.intervals[i] = min(max(d, s.Min), s.Max)
		}
	}
	exceeded = make([]bool, len(u.most))
	for k, used := range u.Used(u.intervals) {
		exceeded[k] = used > u.most[k]*(1+grain)
		any = any || exceeded[k]
	}
	return exceeded, any
}

// shortest is the shortest interval, in whole seconds, that keeps the shares; 0 where all sources are settled.
func (u *uniform) shortest() time.Duration {
	low, high := time.Duration(0), time.Duration(0) // in seconds
	for i, s := range u.Sources {
		if u.settled[i] {
			continue
		}
		if shortest := max(1, s.Min/time.Second); low == 0 || shortest < low {
			low = shortest // what is shorter is nobody's
		}
		high = max(high, (s.Max+time.Second-1)/time.Second)
	}
	for low < high {
		if middle := low + (high-low)/2; !u.exceeds(middle * time.Second) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return high * time.Second
}

func (u *uniform) exceeds(d time.Duration) bool {
	_, any := u.at(d)
	return any
}

// settle has the sources keep an interval whose share would be exceeded by a shorter one, and those at their shortest.
func (u *uniform) settle(d time.Duration) {
	exceeded, any := u.at(max(d-time.Second, 1))
	u.at(d)
	for i, s := range u.Sources {
		stays := !any || u.intervals[i] <= s.Min
		for _, l := range s.Loads {
			stays = stays || exceeded[l.Share]
		}
		u.settled[i] = u.settled[i] || stays
	}
}
