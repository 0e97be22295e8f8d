package fit

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Problem is what is to be fitted: sources that poll, and the shares that they must stay within.
type Problem struct {
	// Shares are the requests per hour that may be asked, each of a host or of one credential of it.
	Shares  []float64
	Sources []Source
}

// Source is one thing that polls.
type Source struct {
	// Loads are what a poll costs, one for each share that it counts against. A source without any is in
	// nobody's way and gets its shortest interval.
	Loads []Load
	// Activity is how many commits an hour are waited for. Nobody waits where it is 0: such a source gets its
	// longest interval.
	Activity float64
	// Min and Max are the shortest and longest interval that are allowed, both included. Where they are equal
	// there is nothing to choose, and the source only takes its part of the shares.
	Min, Max time.Duration
}

// most is what a poll costs the share that it costs most: what it asks.
func (s Source) most() float64 {
	most := 0.0
	for _, l := range s.Loads {
		most = max(most, l.Requests)
	}
	return most
}

// Load is what one poll costs one share.
type Load struct {
	Share    int // index in Problem.Shares
	Requests float64
}

// Excess is a share that cannot be kept.
type Excess struct {
	Share int
	// Least is what is asked per hour when all sources have their longest interval, Allowed the share.
	Least, Allowed float64
}

// InfeasibleError says that even the longest intervals ask more than some shares allow.
type InfeasibleError struct{ Excesses []Excess }

// Error implements error: each share, with what is asked at least (requests an hour) and what is allowed.
func (e *InfeasibleError) Error() string {
	var parts []string
	for _, x := range e.Excesses {
		parts = append(parts, fmt.Sprintf("share %d: the longest intervals ask %.4g requests/h, %.4g more than %.4g", x.Share, x.Least, x.Least-x.Allowed, x.Allowed))
	}
	return strings.Join(parts, "; ")
}

// check refuses what is no problem at all.
func (p Problem) check() error {
	for k, s := range p.Shares {
		if !(s > 0) || math.IsInf(s, 1) {
			return fmt.Errorf("share %d is %g requests/h: it must be more than none", k, s)
		}
	}
	for i, s := range p.Sources {
		if s.Min <= 0 || s.Max < s.Min {
			return fmt.Errorf("source %d has intervals from %s to %s: they must be longer than zero, the shorter one first", i, s.Min, s.Max)
		}
		if !(s.Activity >= 0) || math.IsInf(s.Activity, 1) {
			return fmt.Errorf("source %d has %g commits/h", i, s.Activity)
		}
		for j, l := range s.Loads {
			if l.Share < 0 || l.Share >= len(p.Shares) || !(l.Requests > 0) || math.IsInf(l.Requests, 1) {
				return fmt.Errorf("source %d costs share %d %g requests", i, l.Share, l.Requests)
			}
			for _, other := range s.Loads[:j] {
				if other.Share == l.Share {
					return fmt.Errorf("source %d counts against share %d twice", i, l.Share)
				}
			}
		}
	}
	return nil
}

// grain is as exactly as shares are kept, as a part of them: sums of thousands of fractions are not more exact.
const grain = 1e-12

// allowed are the shares, made no smaller than what the longest intervals ask by a grain. An excess is a share that they
// do not keep.
func (p Problem) allowed() ([]float64, error) {
	excesses, least := p.excesses()
	if len(excesses) > 0 {
		return nil, &InfeasibleError{excesses}
	}
	allowed := make([]float64, len(p.Shares))
	for k, share := range p.Shares {
		allowed[k] = max(share, least[k])
	}
	return allowed, nil
}

// excesses are the shares that even the longest intervals do not keep. The second result is what these ask of each share.
func (p Problem) excesses() (excesses []Excess, least []float64) {
	longest := make([]time.Duration, len(p.Sources))
	for i, s := range p.Sources {
		longest[i] = s.Max
	}
	least = p.Used(longest)
	for k, share := range p.Shares {
		if least[k] > share*(1+grain) {
			excesses = append(excesses, Excess{Share: k, Least: least[k], Allowed: share})
		}
	}
	return excesses, least
}

// Used is what each share gets per hour at some intervals.
func (p Problem) Used(intervals []time.Duration) []float64 {
	used, lost := make([]float64, len(p.Shares)), make([]float64, len(p.Shares))
	for i, s := range p.Sources {
		for _, l := range s.Loads {
			used[l.Share], lost[l.Share] = add(used[l.Share], lost[l.Share], l.Requests*perHour(intervals[i]))
		}
	}
	return used
}

// add adds to a sum, and remembers what the addition lost (Kahan).
func add(sum, lost, x float64) (newSum, newLost float64) {
	x -= lost
	newSum = sum + x
	return newSum, newSum - sum - x
}

// perHour is how often an hour holds an interval; exact where it does so a whole number of times.
func perHour(d time.Duration) float64 { return float64(time.Hour) / float64(d) }

// Wait is the expected wait from a commit to the poll that finds it, over all commits: half of the interval of
// the source that each is made to. 0 where no commits come.
func (p Problem) Wait(intervals []time.Duration) time.Duration { return p.mean(p.waited(intervals)) }

// waited is how long all commits of an hour wait together, in commit-hours: the Wait of a Solution.
func (p Problem) waited(intervals []time.Duration) float64 {
	waited := 0.0
	for i, s := range p.Sources {
		waited += s.Activity * intervals[i].Hours() / 2
	}
	return waited
}

// mean is the wait of each commit where all of an hour wait so many commit-hours; 0 where no commits come.
func (p Problem) mean(waited float64) time.Duration {
	commits := 0.0
	for _, s := range p.Sources {
		commits += s.Activity
	}
	if commits == 0 {
		return 0
	}
	return time.Duration(waited / commits * float64(time.Hour))
}
