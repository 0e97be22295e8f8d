package fit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// What is known of a repository's commits is known of all that polls the same URL and ref, in whatever cluster and however it is
// written; of another branch, what fails, what is suspended or has a webhook, nothing is.
func TestWhatIsKnownOfTheSameContent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	hourly := []time.Time{now.Add(-5 * time.Hour), now.Add(-4 * time.Hour), now.Add(-3 * time.Hour), now.Add(-2 * time.Hour), now.Add(-time.Hour)}
	type change func(source, user *flux.Object)
	for name, tc := range map[string]struct {
		change change
		told   bool
	}{
		"the same":         {func(*flux.Object, *flux.Object) {}, true},
		"written with git": {func(s, _ *flux.Object) { s.Remote.URL = "ssh://git@github.com/acme/app.git" }, true},
		"another secret":   {func(s, _ *flux.Object) { s.Remote.Secret = "bot" }, true},
		"another branch":   {func(s, _ *flux.Object) { s.Remote.Ref.Value = "next" }, false},
		"another URL":      {func(s, _ *flux.Object) { s.Remote.URL += "2" }, false},
		"suspended":        {func(s, _ *flux.Object) { s.Suspended = true }, false},
		"users say little": {func(_, u *flux.Object) { u.Status.Changes = u.Status.Changes[4:] }, false},
	} {
		known, user := tracked{name: "app", interval: time.Minute, commits: hourly}.objects()
		known.Status.SourceChanged = time.Time{}
		known.Ref.Namespace, user.Ref.Namespace, user.SourceRef.Namespace = "development", "development", "development"
		tc.change(&known, &user)
		unknown, _ := tracked{name: "app", interval: time.Minute}.objects()
		cluster := func(name string, objects ...*flux.Object) fit.Cluster {
			c := fit.Cluster{Names: []string{name}, Free: map[flux.Ref]policy.Bound{}, Objects: objects}
			var items []tune.Item
			for _, o := range objects {
				items = append(items, tune.Item{Object: *o})
			}
			c.Budget = budget.New(budget.Input{Items: items, Now: now})
			return c
		}
		in := fit.Input{
			Clusters: []fit.Cluster{cluster("prod", &unknown), cluster("dev", &known, &user)}, Shares: []policy.Share{{Host: "github.com", Percent: 90}},
			Limits: budget.NewLimits(nil, nil), Now: now,
		}
		in.Clusters[0].Free[unknown.Ref] = policy.Bound{Min: 30 * time.Second, Max: 20 * time.Minute}
		f, err := fit.New(in)
		require.NoError(t, err, name)
		c := f.Choices[0][unknown.Ref]
		a := c.Activity
		if !tc.told {
			assert.Equal(t, fit.FromNothing, a.From, name)
			continue
		}
		assert.Equal(t, fit.FromHistory, a.From, name)
		assert.InDelta(t, 1, a.PerHour, 0.01, name)
		assert.Equal(t, "4 commits in 5h (status.history), as dev: GitRepository development/app", c.Why(), name)
		assert.Equal(t, map[fit.Evidence]int{fit.FromHistory: 1}, f.Evidence, name)
	}
}
