package fit_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
)

// withinShares adds up what each share gets in numbers of 200 bits. A share is kept to a part in 10^12: that is what
// a float64 that says "60% of 5000" is worth.
func withinShares(p fit.Problem, intervals []time.Duration) error {
	big200 := func(f float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(f) }
	for k, share := range p.Shares {
		used := big200(0)
		for i, s := range p.Sources {
			for _, l := range s.Loads {
				if l.Share == k {
					asked := new(big.Float).Mul(big200(l.Requests), big200(float64(time.Hour)))
					used.Add(used, asked.Quo(asked, big200(float64(intervals[i]))))
				}
			}
		}
		if used.Cmp(big200(share*(1+1e-12))) > 0 {
			return fmt.Errorf("share %d of %v gets %v", k, share, used)
		}
	}
	return nil
}

// TestNeverAboveAShare: whatever the fleet, rounded intervals keep all shares and lie within their ends.
func TestNeverAboveAShare(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 100_000 {
		shape := n % overlaps
		if n%40 == 0 { // these take long, and no host and credential lies so
			shape = overlaps
		}
		p := randomProblem(r, 12, shape)
		s, err := fit.Solve(p)
		require.NoError(t, err, "fleet %d", n)
		intervals := p.Round(s)
		require.NoError(t, withinShares(p, intervals), "fleet %d", n)
		for i, source := range p.Sources {
			require.True(t, source.Min <= intervals[i] && intervals[i] <= source.Max, "fleet %d: source %d has %s", n, i, intervals[i])
			if source.Activity == 0 {
				require.Equal(t, source.Max, intervals[i], "fleet %d: nobody waits for source %d", n, i)
			}
		}
	}
}

// TestOptimal: the conditions of Karush, Kuhn and Tucker hold, with every clipping exact, and the certificate says so.
func TestOptimal(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	for n := range 20_000 {
		p := randomProblem(r, 12, n%overlaps)
		s, err := fit.Solve(p)
		require.NoError(t, err)
		require.Less(t, s.Gap(), 1e-8, "fleet %d", n)
		require.NoError(t, optimal(p, s, 1e-7), "fleet %d: %+v", n, p)
	}
}

func TestOptimalWhereSharesOverlap(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	for n := range 1000 {
		p := randomProblem(r, 10, overlaps)
		s, err := fit.Solve(p)
		require.NoError(t, err)
		require.Less(t, s.Gap(), 1e-6, "fleet %d", n)
	}
}

// optimal names the condition that does not hold.
func optimal(p fit.Problem, s fit.Solution, tolerance float64) error {
	used := make([]float64, len(p.Shares))
	for i, source := range p.Sources {
		hours, price := s.Hours[i], 0.0
		for _, l := range source.Loads {
			used[l.Share] += l.Requests / hours
			price += s.Prices[l.Share] * l.Requests
		}
		slope := source.Activity/2 - price/hours/hours // of the Lagrangian
		scale := tolerance * max(source.Activity/2, 1e-12)
		switch {
		case source.Activity == 0 && hours == source.Max.Hours():
		case slope > scale && hours > source.Min.Hours()*(1+1e-12):
			return fmt.Errorf("source %d should poll more often than every %vh", i, hours)
		case slope < -scale && hours < source.Max.Hours()*(1-1e-12):
			return fmt.Errorf("source %d should poll less often than every %vh", i, hours)
		}
	}
	for k, share := range p.Shares {
		switch {
		case s.Prices[k] < 0:
			return fmt.Errorf("share %d has the price %v", k, s.Prices[k])
		case used[k] > share*(1+1e-11):
			return fmt.Errorf("share %d is %v and gets %v", k, share, used[k])
		case s.Prices[k] > 0 && used[k] < share*(1-tolerance):
			return fmt.Errorf("share %d has a price and is not used up: %v of %v", k, used[k], share)
		}
	}
	return nil
}

// TestAgainstReference: within 0.5% of a general convex solver, here much nearer.
func TestAgainstReference(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	worst := 0.0
	for n := range 1500 {
		p := randomProblem(r, 6, n%shapes)
		s, err := fit.Solve(p)
		require.NoError(t, err)
		want := reference(p)
		if want == 0 {
			require.Zero(t, s.Wait)
			continue
		}
		worst = max(worst, math.Abs(s.Wait-want)/want)
		require.InEpsilon(t, want, s.Wait, 0.005, "fleet %d: %+v", n, p)
	}
	t.Logf("at most %.2g%% apart", worst*100)
	assert.Less(t, worst, 1e-5)
}

// TestMoreRoomNeverWaitsLonger: a larger share makes the expected wait no longer.
func TestMoreRoomNeverWaitsLonger(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	for n := range 10_000 {
		p := randomProblem(r, 12, n%overlaps)
		before, err := fit.Solve(p)
		require.NoError(t, err)
		k := r.IntN(len(p.Shares))
		p.Shares[k] *= 1 + r.Float64()
		after, err := fit.Solve(p)
		require.NoError(t, err)
		require.LessOrEqual(t, after.Wait, before.Wait*(1+1e-12), "fleet %d", n)
	}
}

// TestRoundingUsesWhatIsLeft: behind rounding, no step to a shorter rung that somebody would gain by is left.
func TestRoundingUsesWhatIsLeft(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	for n := range 2000 {
		p := randomProblem(r, 12, n%overlaps)
		s, err := fit.Solve(p)
		require.NoError(t, err)
		intervals := p.Round(s)
		require.Equal(t, intervals, p.Round(s), "the same again")
		for i, source := range p.Sources {
			if source.Activity == 0 || intervals[i] == source.Min {
				continue
			}
			was := intervals[i]
			intervals[i] = max(source.Min, was*2/3) // a rung or more
			require.Error(t, withinShares(p, intervals), "fleet %d: source %d could have %s instead of %s", n, i, intervals[i], was)
			intervals[i] = was
		}
	}
}

func TestInfeasible(t *testing.T) {
	t.Parallel()
	load := []fit.Load{{Share: 0, Requests: 2}}
	p := fit.Problem{Shares: []float64{30}, Sources: []fit.Source{
		{Loads: load, Activity: 1, Min: time.Minute, Max: 5 * time.Minute},
		{Loads: load, Activity: 0, Min: time.Minute, Max: 6 * time.Minute},
	}}
	_, err := fit.Solve(p)
	var infeasible *fit.InfeasibleError
	require.True(t, errors.As(err, &infeasible))
	assert.Equal(t, []fit.Excess{{Share: 0, Least: 44, Allowed: 30}}, infeasible.Excesses)
	require.EqualError(t, err, "share 0: the longest intervals ask 44 requests/h, 14 more than 30")

	p.Shares[0] = 44 // just enough, and nothing to choose
	s, err := fit.Solve(p)
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{5 * time.Minute, 6 * time.Minute}, p.Round(s))
}

func TestExamples(t *testing.T) {
	t.Parallel()
	load := func(requests float64, shares ...int) (loads []fit.Load) {
		for _, k := range shares {
			loads = append(loads, fit.Load{Share: k, Requests: requests})
		}
		return loads
	}
	const m = time.Minute
	for name, c := range map[string]struct {
		problem fit.Problem
		hours   []float64
		rounded []time.Duration
	}{
		"four times the commits, half the interval": {
			fit.Problem{Shares: []float64{90}, Sources: []fit.Source{
				{Loads: load(1, 0), Activity: 4, Min: m / 6, Max: 60 * m}, {Loads: load(1, 0), Activity: 1, Min: m / 6, Max: 60 * m},
			}},
			[]float64{1.0 / 60, 2.0 / 60}, []time.Duration{m, 2 * m},
		},
		"four times the cost, twice the interval": {
			fit.Problem{Shares: []float64{180}, Sources: []fit.Source{
				{Loads: load(1, 0), Activity: 1, Min: m / 6, Max: 60 * m}, {Loads: load(4, 0), Activity: 1, Min: m / 6, Max: 60 * m},
			}},
			[]float64{1.0 / 60, 2.0 / 60}, []time.Duration{m, 2 * m},
		},
		"what one may not use the other gets": {
			fit.Problem{Shares: []float64{32}, Sources: []fit.Source{
				{Loads: load(1, 0), Activity: 100, Min: 3 * m, Max: 60 * m}, {Loads: load(1, 0), Activity: 1, Min: m, Max: 60 * m},
			}},
			[]float64{3.0 / 60, 5.0 / 60}, []time.Duration{3 * m, 5 * m},
		},
		"a credential has less than its host": {
			fit.Problem{Shares: []float64{70, 10}, Sources: []fit.Source{
				{Loads: load(1, 0), Activity: 1, Min: m / 6, Max: 60 * m}, {Loads: load(1, 0, 1), Activity: 100, Min: m / 6, Max: 60 * m},
			}},
			[]float64{1.0 / 60, 6.0 / 60}, []time.Duration{m, 6 * m},
		},
		"nothing in the way": {
			fit.Problem{Shares: []float64{1000}, Sources: []fit.Source{
				{Loads: load(1, 0), Activity: 1, Min: 30 * time.Second, Max: 60 * m}, {Activity: 1, Min: m, Max: 60 * m},
			}},
			[]float64{0.5 / 60, 1.0 / 60}, []time.Duration{30 * time.Second, m},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := fit.Solve(c.problem)
			require.NoError(t, err)
			assert.InDeltaSlice(t, c.hours, s.Hours, 1e-9)
			assert.Equal(t, c.rounded, c.problem.Round(s))
		})
	}
}

func TestRefusesWhatIsNoProblem(t *testing.T) {
	t.Parallel()
	good := fit.Source{Loads: []fit.Load{{Share: 0, Requests: 1}}, Min: 1, Max: 1}
	with := func(change func(*fit.Source)) fit.Problem {
		s := good
		change(&s)
		return fit.Problem{Shares: []float64{1e15}, Sources: []fit.Source{s}}
	}
	for want, p := range map[string]fit.Problem{
		"share 0 is 0 requests/h: it must be more than none":                                           {Shares: []float64{0}},
		"source 0 has intervals from 0s to 1ns: they must be longer than zero, the shorter one first":  with(func(s *fit.Source) { s.Min = 0 }),
		"source 0 has intervals from 2ns to 1ns: they must be longer than zero, the shorter one first": with(func(s *fit.Source) { s.Min = 2 }),
		"source 0 has -1 commits/h":             with(func(s *fit.Source) { s.Activity = -1 }),
		"source 0 costs share 1 1 requests":     with(func(s *fit.Source) { s.Loads = []fit.Load{{Share: 1, Requests: 1}} }),
		"source 0 costs share 0 0 requests":     with(func(s *fit.Source) { s.Loads = []fit.Load{{Share: 0}} }),
		"source 0 counts against share 0 twice": with(func(s *fit.Source) { s.Loads = append(s.Loads, s.Loads...) }),
	} {
		_, err := fit.Solve(p)
		require.EqualError(t, err, want)
	}
}

// BenchmarkFit fits 10,000 sources of five hosts and fifty credentials, solving and rounding.
func BenchmarkFit(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 7))
	p := fit.Problem{Shares: make([]float64, 55)}
	for range 10_000 {
		host := r.IntN(5)
		cost := float64(1 + r.IntN(3))
		p.Sources = append(p.Sources, fit.Source{
			Loads:    []fit.Load{{Share: host, Requests: cost}, {Share: 5 + host*10 + r.IntN(10), Requests: cost}},
			Activity: 10 / (1 + 1000*r.Float64()), Min: 30 * time.Second, Max: 30 * time.Minute,
		})
	}
	fast := p.Used(each(p, func(s fit.Source) time.Duration { return 2 * time.Minute }))
	for k := range p.Shares {
		p.Shares[k] = fast[k] * (0.5 + r.Float64())
	}
	for b.Loop() {
		s, err := fit.Solve(p)
		if err != nil || s.Gap() > 1e-9 {
			b.Fatal(err, s.Gap())
		}
		if err := withinShares(p, p.Round(s)); err != nil {
			b.Fatal(err)
		}
	}
}
