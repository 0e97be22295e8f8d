package fit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// randomChoice is a random fleet with intervals of 10s and more, of which some sources are equal, and what each polls at.
func randomChoice(r *rand.Rand, n, shape int) (fit.Problem, []time.Duration) {
	p := randomProblem(r, n, shape)
	for i := range p.Sources {
		s := &p.Sources[i]
		s.Min, s.Max = max(s.Min, 10*time.Second), max(s.Max, 10*time.Second)
		for range r.IntN(3) {
			p.Sources = append(p.Sources, *s)
		}
	}
	longest := p.Used(each(p, func(s fit.Source) time.Duration { return s.Max }))
	shortest := p.Used(each(p, func(s fit.Source) time.Duration { return s.Min }))
	for k := range p.Shares {
		p.Shares[k] = longest[k] + (shortest[k]-longest[k])*(0.02+1.1*r.Float64()*r.Float64()) + 1e-6
	}
	there := each(p, func(s fit.Source) time.Duration {
		return time.Duration(float64(s.Min) + r.Float64()*float64(s.Max-s.Min)).Round(time.Second)
	})
	if r.IntN(2) == 0 { // near the best
		chosen, err := p.Choose(there)
		if err != nil {
			panic(err)
		}
		for i := range there {
			there[i] = time.Duration(float64(chosen.Intervals[i]) * (1 + 0.15*r.Float64()))
		}
	}
	return p, there
}

// TestChosenWaitHardlyLonger: whatever is there, and whether it is kept or not, a commit waits at most a tenth longer than with
// the best intervals of all, the shares are kept, equal sources have equal intervals, what nobody waits for has its longest,
// and what was chosen is chosen again.
func TestChosenWaitHardlyLonger(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	kept := 0
	for n := range 3000 {
		p, there := randomChoice(r, 5, n%shapes)
		for i := range p.Sources { // equals are hardly seen in the same second
			p.Sources[i].Activity *= 1 + 1e-5*r.Float64()
		}
		chosen, err := p.Choose(there)
		require.NoError(t, err)
		if chosen.Kept {
			kept++
		}
		require.NoError(t, withinShares(p, chosen.Intervals), "fleet %d", n)
		best := reference(p)
		waited := 0.0
		for i, s := range p.Sources {
			waited += s.Activity * chosen.Intervals[i].Hours() / 2
			require.True(t, s.Min <= chosen.Intervals[i] && chosen.Intervals[i] <= s.Max, "fleet %d: source %d has %s", n, i, chosen.Intervals[i])
			if s.Activity == 0 {
				require.Equal(t, s.Max, chosen.Intervals[i], "fleet %d: nobody waits for source %d", n, i)
			}
			for j, other := range p.Sources[:i] {
				if fit.Pace(s.Activity) == fit.Pace(other.Activity) && s.Min == other.Min && s.Max == other.Max && slices.Equal(s.Loads, other.Loads) {
					require.Equal(t, chosen.Intervals[j], chosen.Intervals[i], "fleet %d: sources %d and %d are equal", n, j, i)
				}
			}
		}
		require.LessOrEqual(t, waited, best*1.1*(1+1e-5), "fleet %d: %+v", n, p)
		again, err := p.Choose(chosen.Intervals)
		require.NoError(t, err)
		require.Equal(t, chosen.Intervals, again.Intervals, "fleet %d: chosen again", n)
	}
	assert.Greater(t, kept, 300)
}

// TestOneIntervalKeepsEveryShare: the single interval that a fit is compared with asks no host for more than the fit does.
func TestOneIntervalKeepsEveryShare(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	for n := range 5000 {
		p, there := randomChoice(r, 8, n%shapes)
		chosen, err := p.Choose(there)
		require.NoError(t, err)
		one, intervals := p.Uniform(chosen.Intervals)
		require.Zero(t, one%time.Second)
		require.NoError(t, withinShares(p, intervals), "fleet %d", n)
		used, most := p.Used(intervals), p.Used(chosen.Intervals)
		for k := range used {
			require.LessOrEqual(t, used[k], most[k]*(1+1e-9), "fleet %d, share %d", n, k)
		}
		for i, s := range p.Sources {
			require.GreaterOrEqual(t, intervals[i], min(max(one, s.Min), s.Max))
			require.LessOrEqual(t, intervals[i], s.Max)
			if one > 0 {
				require.Equal(t, min(max(one, s.Min), s.Max), intervals[i], "fleet %d", n)
			}
		}
	}
}

// One source has all of a share: no step between intervals that people write may cost it a fifth of that.
func TestOneSourceUsesItsShare(t *testing.T) {
	t.Parallel()
	p := fit.Problem{Shares: []float64{100}, Sources: []fit.Source{{Loads: []fit.Load{{Share: 0, Requests: 1}}, Activity: 1, Min: 30 * time.Second, Max: 30 * time.Minute}}}
	for there, want := range map[time.Duration]time.Duration{5 * time.Minute: 36 * time.Second, 44900 * time.Millisecond: 36 * time.Second, 38 * time.Second: 38 * time.Second} {
		chosen, err := p.Choose([]time.Duration{there})
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{want}, chosen.Intervals)
		assert.Equal(t, want == there, chosen.Kept)
		assert.Equal(t, 18*time.Second, chosen.Best.Round(time.Microsecond))
	}
}

// With two hosts there is no interval for all: it is as short as each share allows.
func TestOneIntervalForTwoHosts(t *testing.T) {
	t.Parallel()
	source := func(share int) fit.Source {
		return fit.Source{Loads: []fit.Load{{Share: share, Requests: 1}}, Activity: 1, Min: 30 * time.Second, Max: 30 * time.Minute}
	}
	p := fit.Problem{Shares: []float64{20, 80}, Sources: []fit.Source{source(0), source(0), source(1)}}
	chosen, err := p.Choose([]time.Duration{time.Minute, time.Minute, time.Minute})
	require.NoError(t, err)
	want := []time.Duration{6 * time.Minute, 6 * time.Minute, 45 * time.Second}
	assert.Equal(t, want, chosen.Intervals)
	one, intervals := p.Uniform(chosen.Intervals)
	assert.Zero(t, one, "45s would be too much for the first")
	assert.Equal(t, want, intervals)
}

// What nobody waits for gets its longest interval also where all else stays: nothing is asked for nothing.
func TestWhatNobodyWaitsForIsNotKept(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	free := policy.Bound{Min: 30 * time.Second, Max: 20 * time.Minute}
	sources := []tracked{{name: "busy", free: free, interval: 30 * time.Second}}
	for i := range 10 {
		sources = append(sources, tracked{name: fmt.Sprintf("quiet%d", i), free: free, interval: time.Minute})
	}
	in := input(sources, now, policy.Share{Host: "github.com", Percent: 80})
	in.Rules = []fit.Rule{{Name: "busy", PerHour: 4}, {Name: "quiet*"}}
	f, err := fit.New(in)
	require.NoError(t, err)
	assert.True(t, f.Kept)
	assert.Equal(t, 10, f.Changed)
	assert.Equal(t, 10, apply(sources, f))
	assert.Equal(t, 150.0, f.Requests)
	assert.Equal(t, 30*time.Second, sources[0].interval)
}

// Two that were seen some seconds apart change as often; a tenth is a difference, and so is nothing at all.
func TestPace(t *testing.T) {
	t.Parallel()
	assert.Equal(t, fit.Pace(0.0159277), fit.Pace(0.0159280))
	assert.NotEqual(t, fit.Pace(1), fit.Pace(1.1))
	assert.NotEqual(t, fit.Pace(0), fit.Pace(1e-9))
}
