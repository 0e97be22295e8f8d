package fit_test

import (
	"errors"
	"fmt"
	"slices"
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

// asker is a source at a host, with how often it changes; free is zero where it was not chosen.
type asker struct {
	host, secret string
	interval     time.Duration
	perHour      float64
	free         policy.Bound
	provider     string
}

// fittedTo fits sources by limits of 1,000/h for each host.
func fittedTo(askers []asker, shares ...policy.Share) (*fit.Fitting, error) {
	return fit.New(askersInput(askers, shares...))
}

func askersInput(askers []asker, shares ...policy.Share) fit.Input {
	c := fit.Cluster{Free: map[flux.Ref]policy.Bound{}}
	in := fit.Input{Shares: shares, Limits: budget.Limits{}, Now: time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)}
	var items []tune.Item
	for i, a := range askers {
		every, probe := flux.FormatDuration(a.interval), flux.FormatDuration(a.interval+time.Second)
		source := flux.Object{
			Ref: sourceAt(i), Version: "v1", Interval: &every,
			Remote: flux.Remote{URL: "https://" + a.host + "/acme/" + sourceAt(i).Name, Secret: a.secret, Provider: a.provider, Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}},
		}
		item := tune.Item{Object: source}
		if a.free != (policy.Bound{}) {
			item.Changes = []tune.Change{{Field: flux.Interval, From: &every, To: &probe}}
			c.Free[source.Ref] = a.free
		}
		items = append(items, item)
		c.Objects = append(c.Objects, &source)
		in.Limits[a.host] = budget.Limit{PerHour: 1000}
		in.Rules = append(in.Rules, fit.Rule{Name: source.Ref.Name, PerHour: a.perHour})
	}
	c.Budget = budget.New(budget.Input{Items: items, Now: in.Now})
	in.Clusters = []fit.Cluster{c}
	return in
}

func sourceAt(i int) flux.Ref {
	return flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: fmt.Sprintf("s%d", i)}
}

// drawAskers are sources of a fleet: chosen ones at github.com with the Secret bot or none, and others anywhere.
func drawAskers(rt *rapid.T) (askers []asker) {
	seconds := func(label string, least, most int) time.Duration {
		return time.Duration(rapid.IntRange(least, most).Draw(rt, label)) * time.Second
	}
	for range rapid.IntRange(1, 8).Draw(rt, "chosen") {
		free := policy.Bound{Min: 30 * time.Second, Max: seconds("longest", 30, 3600)}
		askers = append(askers, asker{
			host: "github.com", secret: rapid.SampledFrom([]string{"", "bot"}).Draw(rt, "secret"), interval: seconds("interval", 10, 3600),
			perHour: rapid.SampledFrom([]float64{0, 0.01, 0.1, 1, 4}).Draw(rt, "commits"), free: free,
		})
	}
	for range rapid.IntRange(0, 6).Draw(rt, "others") {
		askers = append(askers, asker{
			host: rapid.SampledFrom([]string{"github.com", "gitlab.com"}).Draw(rt, "host"), secret: rapid.SampledFrom([]string{"", "bot", "prod", "deploy"}).Draw(rt, "secret"),
			interval: seconds("interval", 10, 3600),
		})
	}
	return askers
}

// TestIdleSharesChangeNothing: whatever share there is that nothing that was chosen counts to, and however much more it gets, all
// that was chosen gets the intervals that it has without that share; and where the others cannot be kept, the same is said.
func TestIdleSharesChangeNothing(t *testing.T) {
	t.Parallel()
	above := 0
	rapid.Check(t, func(rt *rapid.T) {
		askers := drawAskers(rt)
		percent := func() float64 { return float64(rapid.IntRange(1, 100).Draw(rt, "percent")) }
		shares := []policy.Share{{Host: "github.com", Percent: percent()}}
		if rapid.Bool().Draw(rt, "credential") {
			shares = append(shares, policy.Share{Host: "github.com", Credential: "bot", Percent: percent()})
		}
		alone, failed := fittedTo(askers, shares...)
		for _, idle := range []policy.Share{{Host: "gitlab.com", Percent: percent()}, {Host: "gitlab.com", Credential: "bot", Percent: percent()}, {Host: "github.com", Credential: "prod", Percent: percent()}, {Host: "github.com", Credential: "deploy", Percent: percent()}} {
			shares = slices.Insert(shares, rapid.IntRange(0, len(shares)).Draw(rt, "at"), idle)
		}
		all, err := fittedTo(askers, shares...)
		var tooMuch, before *fit.ExcessError
		if errors.As(failed, &before) {
			require.EqualError(rt, err, failed.Error())
			require.True(rt, errors.As(err, &tooMuch))
			require.Equal(rt, before.Nearest.Choices, tooMuch.Nearest.Choices)
			return
		}
		require.NoError(rt, failed)
		require.NoError(rt, err)
		require.Equal(rt, alone.Choices, all.Choices)
		for _, s := range all.Shares {
			if s.Idle && s.Above() {
				above++
			}
		}
	})
	assert.Positive(t, above, "some idle shares are exceeded")
}

// TestOnlyWhatCannotBeKeptGetsTheLongest: where a share cannot be kept, all that counts to it has its longest interval; what counts
// to none of these has what it would have if they were not there, and every other share is kept.
func TestOnlyWhatCannotBeKeptGetsTheLongest(t *testing.T) {
	t.Parallel()
	lost := 0
	rapid.Check(t, func(rt *rapid.T) {
		askers := drawAskers(rt)
		there := len(askers)
		for i := range there { // the same at another host
			other := askers[i]
			other.host = "git.example.com"
			askers = append(askers, other)
		}
		kept := []policy.Share{{Host: "github.com", Percent: float64(rapid.IntRange(1, 100).Draw(rt, "percent"))}, {Host: "github.com", Credential: "bot", Percent: float64(rapid.IntRange(1, 100).Draw(rt, "percent"))}}
		alone, failed := fittedTo(askers, kept...)
		if failed != nil {
			var tooMuch *fit.ExcessError
			require.True(rt, errors.As(failed, &tooMuch))
			for _, s := range tooMuch.Nearest.Shares {
				inTheWay := slices.ContainsFunc(tooMuch.Shares, func(x policy.Share) bool { return x == s.Share })
				require.True(rt, s.Idle || inTheWay == s.Above(), "%s: %v of %v", s.Share, s.Used, s.Allowed)
				for i, a := range askers {
					c, is := tooMuch.Nearest.Choices[0][sourceAt(i)]
					if counts := a.host == s.Host && (s.Credential == "" || s.Credential == a.secret); is && counts && inTheWay {
						require.Equal(rt, a.free.Max, c.Interval, "%s counts to %s", sourceAt(i), s.Share)
					}
				}
			}
			return
		}
		_, err := fittedTo(askers, append(kept, policy.Share{Host: "git.example.com", Percent: 0.0001})...)
		var tooMuch *fit.ExcessError
		require.True(rt, errors.As(err, &tooMuch), "%v", err)
		require.Equal(rt, []policy.Share{{Host: "git.example.com", Percent: 0.0001}}, tooMuch.Shares)
		lost++
		for i, a := range askers {
			c, is := tooMuch.Nearest.Choices[0][sourceAt(i)]
			require.Equal(rt, a.free != policy.Bound{}, is)
			switch {
			case !is:
			case a.host == "git.example.com":
				require.Equal(rt, a.free.Max, c.Interval)
			default:
				require.Equal(rt, alone.Choices[0][sourceAt(i)], c, "%s", sourceAt(i))
			}
		}
	})
	assert.Positive(t, lost)
}

// A share that nothing fitted counts to is no error where nothing was chosen, and one where something was that is left alone: whoever
// chose it wants to know.
func TestSharesOfWhatIsLeftAlone(t *testing.T) {
	t.Parallel()
	askers := []asker{{host: "github.com", interval: time.Minute, free: policy.Bound{Min: time.Minute, Max: time.Hour}}, {host: "gitlab.com", interval: time.Minute}}
	shares := []policy.Share{{Host: "github.com", Percent: 50}, {Host: "gitlab.com", Percent: 1}}
	fitting, err := fittedTo(askers, shares...)
	require.NoError(t, err)
	assert.Equal(t, []bool{false, true}, []bool{fitting.Shares[0].Idle, fitting.Shares[1].Idle})
	assert.True(t, fitting.Shares[1].Above())
	assert.InDelta(t, 120, fitting.Shares[1].Used, 0.01)
	assert.Len(t, fitting.Choices[0], 1)

	in := askersInput(askers, shares...)
	in.Clusters[0].Chosen = map[flux.Ref]bool{sourceAt(1): true}
	_, err = fit.New(in)
	require.ErrorContains(t, err, "1% of the limit of gitlab.com are 10 requests/h, and what is not fitted asks 120 alone (GitRepository apps/s1 120)")
}

// What fails asks in its back-off, be that more or less than at its interval: that it counts as if it was mended is told in both cases.
func TestFailingSourcesAreTold(t *testing.T) {
	t.Parallel()
	for _, interval := range []time.Duration{time.Minute, time.Hour} {
		for _, free := range []policy.Bound{{}, {Min: interval, Max: interval}} {
			in := askersInput([]asker{{host: "github.com", interval: interval, free: free}, {host: "github.com", interval: interval, free: policy.Bound{Min: interval, Max: interval}}}, policy.Share{Host: "github.com", Percent: 50})
			failing := in.Clusters[0].Objects[0]
			failing.Status.Ready, failing.Status.ReadyReason = "False", "GitOperationFailed"
			in.Clusters[0].Budget = budget.New(budget.Input{Items: []tune.Item{{Object: *failing}, {Object: *in.Clusters[0].Objects[1]}}, Now: in.Now})
			f, err := fit.New(in)
			require.NoError(t, err)
			// Of what is not fitted the larger counts, which is the back-off where the interval is an hour.
			want := 1
			if free == (policy.Bound{}) && interval == time.Hour {
				want = 0
			}
			assert.Equal(t, want, f.Failing, "%s %v", interval, free)
		}
	}
}

// A share of a credential is of the Secret and of the provider with its name, which budget shows apart: that is told of both.
func TestShareOfASecretAndAProvider(t *testing.T) {
	t.Parallel()
	free := policy.Bound{Min: time.Minute, Max: time.Hour}
	secret := asker{host: "dev.azure.com", secret: "azure", interval: time.Hour, perHour: 1, free: free}
	provider := asker{host: "dev.azure.com", provider: "azure", interval: time.Hour, perHour: 1, free: free}
	both := asker{host: "dev.azure.com", secret: "azure", provider: "azure", interval: time.Hour, perHour: 1, free: free}
	for _, tc := range []struct {
		askers []asker
		mixed  bool
	}{
		{[]asker{secret, secret}, false}, {[]asker{provider}, false}, {[]asker{secret, both}, false}, {[]asker{secret, provider}, true},
	} {
		fitting, err := fittedTo(tc.askers, policy.Share{Host: "dev.azure.com", Credential: "azure", Percent: 50}, policy.Share{Host: "dev.azure.com", Percent: 60})
		require.NoError(t, err)
		assert.Equal(t, tc.mixed, fitting.Shares[0].Mixed)
		assert.False(t, fitting.Shares[1].Mixed, "of a whole host")
	}
}
