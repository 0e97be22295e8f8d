package fit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// tracked is a source with when it changed, and what it polls at.
type tracked struct {
	name, secret string
	free         policy.Bound
	interval     time.Duration
	commits      []time.Time
}

// remembered is how many contents a Kustomization remembers in status.history.
const remembered = 5

// objects are the source and the Kustomization that applies it, as their status is.
func (s tracked) objects() (source, user flux.Object) {
	every := flux.FormatDuration(s.interval)
	source = flux.Object{
		Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: s.name}, Version: "v1", Interval: &every,
		Remote: flux.Remote{URL: "https://github.com/acme/" + s.name, Secret: s.secret, Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}},
	}
	minutes := "10m"
	user = flux.Object{
		Ref: flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "apps", Name: s.name}, Version: "v1", Interval: &minutes,
		SourceRef: source.Ref,
	}
	if n := len(s.commits); n > 0 {
		source.Status.SourceChanged = s.commits[n-1]
		for _, at := range s.commits[max(0, n-remembered):] {
			user.Status.Changes = append(user.Status.Changes, flux.Change{At: at})
		}
	}
	return source, user
}

// input is what sources are fitted from: each costs one request a poll.
func input(sources []tracked, now time.Time, shares ...policy.Share) fit.Input {
	c := fit.Cluster{Free: map[flux.Ref]policy.Bound{}}
	var items []tune.Item
	for _, s := range sources {
		source, user := s.objects()
		probe := flux.FormatDuration(s.interval + time.Second)
		items = append(items, tune.Item{Object: source, Changes: []tune.Change{{Field: flux.Interval, From: source.Interval, To: &probe}}}, tune.Item{Object: user})
		c.Objects = append(c.Objects, &source, &user)
		c.Free[source.Ref] = s.free
	}
	c.Budget = budget.New(budget.Input{Items: items, Now: now})
	return fit.Input{Clusters: []fit.Cluster{c}, Shares: shares, Limits: budget.Limits{"github.com": {PerHour: 1000}}, Now: now}
}

// apply gives sources what was fitted, and tells how many that changes.
func apply(sources []tracked, f *fit.Fitting) (changed int) {
	for i := range sources {
		source, _ := sources[i].objects()
		if to := f.Choices[0][source.Ref].Interval; to != sources[i].interval {
			sources[i].interval = to
			changed++
		}
	}
	return changed
}

// TestAtRest: right after an apply there is nothing to fit, and a week in which nobody commits anything changes that
// neither: that time passes tells nothing of who commits next.
func TestAtRest(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	minutes := func(rt *rapid.T, label string, most time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(1, int64(most/time.Minute)).Draw(rt, label)) * time.Minute
	}
	rapid.Check(t, func(rt *rapid.T) {
		var sources []tracked
		for i := range rapid.IntRange(1, 8).Draw(rt, "sources") {
			s := tracked{
				name: fmt.Sprintf("s%d", i), secret: rapid.SampledFrom([]string{"", "bot"}).Draw(rt, "secret"), interval: minutes(rt, "interval", time.Hour),
				free: policy.Bound{Min: 30 * time.Second, Max: 20 * time.Minute},
			}
			at := start
			for range rapid.IntRange(0, 7).Draw(rt, "commits") {
				at = at.Add(-minutes(rt, "before", 10*24*time.Hour))
				s.commits = append([]time.Time{at}, s.commits...)
			}
			sources = append(sources, s)
		}
		shares := []policy.Share{{Host: "github.com", Percent: rapid.Float64Range(3, 60).Draw(rt, "share")}, {Host: "github.com", Credential: "bot", Percent: 2.5}}
		now := start
		fitted := func() int {
			f, err := fit.New(input(sources, now, shares...))
			require.NoError(rt, err)
			return apply(sources, f)
		}
		for range 3 {
			last := now
			for range rapid.IntRange(1, 4).Draw(rt, "commits") {
				i := rapid.IntRange(0, len(sources)-1).Draw(rt, "source")
				now = now.Add(minutes(rt, "until", 12*time.Hour))
				sources[i].commits = append(sources[i].commits, now)
				last = now
			}
			fitted()
			require.Zero(rt, fitted(), "right after an apply")
			for _, part := range []time.Duration{30 * time.Minute, 12 * time.Hour, 40 * time.Hour, 7 * 24 * time.Hour} {
				if last.Add(part).After(now) {
					now = last.Add(part)
				}
				require.Zero(rt, fitted(), "%s after the last commit", part)
			}
		}
	})
}

// What is there stays where the best is hardly better, keeps its shares and its bounds; else all is fitted.
func TestKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	daily := func(n int) (commits []time.Time) {
		for i := range n {
			commits = append(commits, now.Add(-time.Duration(n-i)*24*time.Hour))
		}
		return commits
	}
	free := policy.Bound{Min: 30 * time.Second, Max: 20 * time.Minute}
	fleet := func(a, b time.Duration) []tracked {
		return []tracked{{name: "a", free: free, interval: a, commits: daily(5)}, {name: "b", free: free, interval: b, commits: daily(5)[:3]}}
	}
	share := policy.Share{Host: "github.com", Percent: 4}
	for name, tc := range map[string]struct {
		a, b time.Duration
		kept bool
	}{
		"nearly the best": {3 * time.Minute, 3 * time.Minute, true},
		"much worse":      {5 * time.Minute, 5 * time.Minute, false},
		"above the share": {2 * time.Minute, 3 * time.Minute, false},
		"out of bounds":   {150 * time.Second, 21 * time.Minute, false},
	} {
		f, err := fit.New(input(fleet(tc.a, tc.b), now, share))
		require.NoError(t, err, name)
		assert.Equal(t, tc.kept, f.Kept, name)
		assert.Equal(t, tc.kept, apply(fleet(tc.a, tc.b), f) == 0, name)
		assert.LessOrEqual(t, f.Best, f.Wait, name)
		assert.LessOrEqual(t, f.Shares[0].Used, 40.0, name)
	}
}

// Equal sources get the same interval, whatever they had, also where the share has room for one of them to be faster.
func TestEqualSourcesAreTreatedAlike(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	var sources []tracked
	for i := range 7 {
		sources = append(sources, tracked{
			name: fmt.Sprintf("s%d", i), free: policy.Bound{Min: 30 * time.Second, Max: 20 * time.Minute}, interval: 30 * time.Second,
			commits: []time.Time{now.Add(-100 * time.Hour), now.Add(-50 * time.Hour)},
		})
	}
	f, err := fit.New(input(sources, now, policy.Share{Host: "github.com", Percent: 9.5}))
	require.NoError(t, err)
	apply(sources, f)
	for _, s := range sources {
		assert.Equal(t, 4*time.Minute+30*time.Second, s.interval, s.name)
	}
	assert.Equal(t, 7, f.Sources)
	assert.InDelta(t, 93.33, f.Requests, 0.01)
}
