package fit

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// ladder has the intervals that people write: they read at a glance, and each is a quarter to a half longer than the
// one before. Finer steps save nobody time where many sources share: what rounding leaves of a share is used up by others.
var ladder = rungs{
	time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 7 * time.Second,
	10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second,
	time.Minute, 75 * time.Second, 90 * time.Second, 2 * time.Minute, 150 * time.Second,
	3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 6 * time.Minute, 8 * time.Minute,
	10 * time.Minute, 12 * time.Minute, 15 * time.Minute, 20 * time.Minute, 25 * time.Minute, 30 * time.Minute, 45 * time.Minute,
	time.Hour, 90 * time.Minute, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// fine has the intervals of which each is at most a tenth longer than the one before, from 10s on: for few sources, or many
// that are equal, where a step of the ladder would be much of all.
var fine = func() (all rungs) {
	at := time.Duration(0)
	for _, band := range []struct{ until, step time.Duration }{
		{time.Minute, time.Second}, {5 * time.Minute, 5 * time.Second}, {10 * time.Minute, 15 * time.Second}, {20 * time.Minute, 30 * time.Second},
		{time.Hour, time.Minute}, {2 * time.Hour, 5 * time.Minute}, {6 * time.Hour, 10 * time.Minute}, {24 * time.Hour, 30 * time.Minute},
		{72 * time.Hour, 2 * time.Hour}, {31 * 24 * time.Hour, 6 * time.Hour},
	} {
		for at < band.until {
			at += band.step
			all = append(all, at)
		}
	}
	return all
}()

// rungs are intervals to choose from, the shortest first. The ends of a source are rungs, too, whatever they are.
type rungs []time.Duration

// above is the shortest rung of a source that is not shorter than an interval.
func (r rungs) above(s Source, d time.Duration) time.Duration {
	i, _ := slices.BinarySearch(r, d)
	if d <= s.Min {
		return s.Min
	}
	if i == len(r) {
		return s.Max
	}
	return min(r[i], s.Max)
}

// below is the next rung of a source below one of its rungs; false at its shortest.
func (r rungs) below(s Source, d time.Duration) (time.Duration, bool) {
	if d <= s.Min {
		return 0, false
	}
	i, _ := slices.BinarySearch(r, d)
	if i == 0 {
		return s.Min, true
	}
	return max(r[i-1], s.Min), true
}

// rounding makes intervals of a solution that are rungs.
type rounding struct {
	Problem
	rungs
}

// Coarse is by how many percent the expected wait may be longer than the best where intervals are rounded to the ladder;
// where it would be more, the fine rungs are taken.
const Coarse = 5

// Round makes intervals of a solution that people write: those of the ladder, or the fine ones (Coarse).
func (p Problem) Round(s Solution) []time.Duration {
	intervals := rounding{p, ladder}.round(s)
	if p.waited(intervals) <= s.Wait*(1+Coarse/100.0) {
		return intervals
	}
	if finer := (rounding{p, fine}).round(s); p.waited(finer) < p.waited(intervals) {
		return finer
	}
	return intervals
}

// round rounds all intervals up first, which keeps every share; what that leaves of the shares is then spent rung by rung
// where a request saves most waiting. Where the solution is on a rung it stays.
func (p rounding) round(s Solution) []time.Duration {
	intervals := make([]time.Duration, len(p.Sources))
	for i, source := range p.Sources {
		// A hair above a rung is the rung: what is that much too short is taken back below.
		intervals[i] = p.above(source, time.Duration(s.Hours[i]*float64(time.Hour)*(1-1e-9)))
	}
	p.retreat(intervals)
	p.spend(intervals)
	p.retreat(intervals)
	return intervals
}

// room is what is left of each share.
func (p Problem) room(intervals []time.Duration) []float64 {
	room := p.Used(intervals)
	for k := range room {
		room[k] = p.Shares[k] - room[k]
	}
	return room
}

// retreat lengthens intervals while a share is exceeded, those first that lose least by it. Only what was taken for a rung
// above can make this necessary.
func (p rounding) retreat(intervals []time.Duration) {
	room := p.room(intervals)
	for k := range room {
		for room[k] < -grain*p.Shares[k] {
			best, least := -1, 0.0
			for i, s := range p.Sources {
				if requests(s.Loads, k) == 0 || intervals[i] >= s.Max {
					continue
				}
				next := p.above(s, intervals[i]+1)
				if price := p.step(i, next, intervals[i]).worth; best < 0 || price < least {
					best, least = i, price
				}
			}
			if best < 0 {
				break // the longest intervals use the share up to a grain
			}
			s := p.Sources[best]
			next := p.above(s, intervals[best]+1)
			pay(s, room, intervals[best], next)
			intervals[best] = next
		}
	}
}

// pay moves a source from an interval to another.
func pay(s Source, room []float64, from, to time.Duration) {
	for _, l := range s.Loads {
		room[l.Share] += l.Requests * (perHour(from) - perHour(to))
	}
}

// step is a source's way from one rung to a shorter one.
type step struct {
	source   int
	from, to time.Duration
	worth    float64 // commit-hours of waiting that a request saves
}

func (p Problem) step(i int, from, to time.Duration) step {
	s := p.Sources[i]
	return step{source: i, from: from, to: to, worth: s.Activity * from.Hours() * to.Hours() / 2 / max(s.most(), 1e-300)}
}

// steps is a heap (container/heap) with the worthiest step first.
type steps []step

// Len implements heap.Interface.
func (h steps) Len() int { return len(h) }

// Swap implements heap.Interface.
func (h steps) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Less implements heap.Interface: of steps worth the same, that of the first source comes first.
func (h steps) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].worth, h[i].worth), cmp.Compare(h[i].source, h[j].source)) < 0
}

// Push implements heap.Interface.
func (h *steps) Push(x any) { *h = append(*h, x.(step)) }

// Pop implements heap.Interface.
func (h *steps) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// spend takes steps while they fit. A step that does not fit never will: room only gets less.
func (p rounding) spend(intervals []time.Duration) {
	room := p.room(intervals)
	var next steps
	offer := func(i int) {
		if to, ok := p.below(p.Sources[i], intervals[i]); ok && p.Sources[i].Activity > 0 {
			next = append(next, p.step(i, intervals[i], to))
		}
	}
	for i := range p.Sources {
		offer(i)
	}
	heap.Init(&next)
	for len(next) > 0 {
		s := next[0]
		if !p.fits(s, room) {
			heap.Pop(&next)
			continue
		}
		pay(p.Sources[s.source], room, s.from, s.to)
		intervals[s.source] = s.to
		if to, ok := p.below(p.Sources[s.source], s.to); ok {
			next[0] = p.step(s.source, s.to, to)
			heap.Fix(&next, 0)
		} else {
			heap.Pop(&next)
		}
	}
}

func (p Problem) fits(s step, room []float64) bool {
	for _, l := range p.Sources[s.source].Loads {
		if l.Requests*(perHour(s.to)-perHour(s.from)) > room[l.Share]+grain/2*p.Shares[l.Share] {
			return false
		}
	}
	return true
}
