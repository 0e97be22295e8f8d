package fit_test

import (
	"strings"
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

// Who names one version of a chart gets another when Git names it: that tells nothing of the chart repository, and where all
// do so nobody waits for what it publishes.
func TestPinnedSourcesDoNotChange(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	charts := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "HelmRepository", Namespace: "apps", Name: "charts"}, Remote: flux.Remote{URL: "https://charts.example.com"}}
	charts.Created, charts.Status.SourceChanged = now.Add(-1000*time.Hour), now.Add(-time.Hour)
	release := func(name, version string, source flux.Ref) flux.Object {
		o := flux.Object{Ref: flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: name}, SourceRef: source, Polling: flux.Polling{Chart: name, Version: version}}
		o.Status.Changes = []flux.Change{{At: now.Add(-100 * time.Hour), After: "1.0.0"}, {At: now.Add(-50 * time.Hour), Before: "1.0.0", After: "1.1.0"}}
		return o
	}
	chart := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "HelmChart", Namespace: "apps", Name: "chart"}, SourceRef: charts.Ref, Polling: flux.Polling{Chart: "web", Version: "1.1.0"}}
	commit := gitOf(charts)
	commit.Remote.Ref = flux.RemoteRef{Kind: flux.RefCommit, Value: "0a1b"}
	including := commit
	including.Polling.Includes = []flux.Ref{{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "lib"}}
	user := flux.Object{Ref: flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "apps", Name: "web"}, SourceRef: including.Ref}
	user.Status.Changes = []flux.Change{{At: now.Add(-100 * time.Hour), After: "sha1:0a1b"}, {At: now.Add(-50 * time.Hour), Before: "sha1:0a1b", After: "sha1:0a1b"}}
	for name, tc := range map[string]struct {
		source  flux.Object
		others  []flux.Object
		from    fit.Evidence
		changes int
	}{
		"a commit":                       {commit, nil, fit.FromPin, 0},
		"a commit that includes others":  {including, nil, fit.FromArtifact, 1},
		"what is included has a history": {including, []flux.Object{user}, fit.FromHistory, 1},
		"an exact version":               {charts, []flux.Object{release("web", "1.1.0", charts.Ref)}, fit.FromPin, 0},
		"an exact version of a chart":    {charts, []flux.Object{chart, release("web", "", chart.Ref)}, fit.FromPin, 0},
		"a range":                        {charts, []flux.Object{release("web", "1.x", charts.Ref)}, fit.FromHistory, 1},
		"a range beside exact versions":  {charts, []flux.Object{release("web", "1.x", charts.Ref), release("db", "1.1.0", charts.Ref), release("mq", "2.1.0", charts.Ref)}, fit.FromHistory, 1},
		"nobody":                         {charts, nil, fit.FromArtifact, 1},
		"a chart of a repository of Git": {gitOf(charts), []flux.Object{release("web", "1.1.0", gitOf(charts).Ref)}, fit.FromHistory, 1},
	} {
		assert.Equal(t, tc.from, activityOf(t, now, tc.source, tc.others...).From, name)
		assert.Equal(t, tc.changes, activityOf(t, now, tc.source, tc.others...).Changes, name)
		exact := tc.from == fit.FromPin && tc.source.Ref.Kind == "HelmRepository"
		assert.Equal(t, exact, strings.HasSuffix(choiceOf(t, now, tc.source, tc.others...).Why(), "exact versions, of which one that is new waits for the next poll"), name)
	}
}

// Nobody waits for the poll of what a webhook brings. That one does is known once a call has come through, and no longer where somebody
// else has asked since; of files nobody knows.
func TestWebhookCountsOnceItIsCalled(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	web := gitOf(flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Namespace: "apps", Name: "web"}, Remote: flux.Remote{URL: "https://charts.example.com/web"}, Created: now.Add(-1000 * time.Hour)})
	web.Status.SourceChanged = now.Add(-48 * time.Hour)
	hook := flux.Object{
		Ref: flux.Ref{Group: "notification.toolkit.fluxcd.io", Kind: "Receiver", Namespace: "apps", Name: "hook"}, Hook: flux.Hook{Type: "generic-hmac", Secret: "token"},
		Created: now.Add(-time.Hour), Targets: []flux.Target{{Kind: "GitRepository", Namespace: "apps", Name: "web"}},
	}
	for name, tc := range map[string]struct {
		served bool
		by     string
		want   fit.Evidence
	}{
		"of files":          {false, "", fit.FromWebhook},
		"called":            {true, flux.NotificationController, fit.FromWebhook},
		"no call yet":       {true, "", fit.FromArtifact},
		"asked for by flux": {true, "flux", fit.FromArtifact},
	} {
		source, receiver := web, hook
		if tc.served {
			source.ResourceVersion, receiver.ResourceVersion, receiver.Status.Ready = "1", "1", "True"
		}
		if tc.by != "" {
			source.Requested = flux.Request{By: tc.by, At: now.Add(-time.Minute)}
		}
		c := choiceOf(t, now, source, receiver)
		assert.Equal(t, tc.want, c.Activity.From, name)
		assert.Equal(t, tc.want != fit.FromWebhook, strings.HasSuffix(c.Why(), "; not known whether its webhook is called"), "%s: %s", name, c.Why())
	}
}

func gitOf(o flux.Object) flux.Object {
	o.Ref.Kind, o.Remote.Ref = "GitRepository", flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}
	return o
}

// activityOf fits one source, and gives what was known of it.
func activityOf(t *testing.T, now time.Time, source flux.Object, others ...flux.Object) fit.Activity {
	t.Helper()
	return choiceOf(t, now, source, others...).Activity
}

// choiceOf fits one source, and gives what was chosen.
func choiceOf(t *testing.T, now time.Time, source flux.Object, others ...flux.Object) fit.Choice {
	t.Helper()
	every, probe := "5m", "5m1s"
	source.Interval = &every
	c := fit.Cluster{Free: map[flux.Ref]policy.Bound{source.Ref: {Min: time.Minute, Max: time.Hour}}, Objects: []*flux.Object{&source}}
	for i := range others {
		c.Objects = append(c.Objects, &others[i])
	}
	var explain []tune.Item
	for _, o := range others {
		explain = append(explain, tune.Item{Object: o})
	}
	c.Budget = budget.New(budget.Input{Items: []tune.Item{{Object: source, Changes: []tune.Change{{Field: flux.Interval, From: &every, To: &probe}}}}, Others: explain, Now: now})
	share := policy.Share{Host: "charts.example.com", Percent: 100}
	f, err := fit.New(fit.Input{Clusters: []fit.Cluster{c}, Shares: []policy.Share{share}, Limits: budget.NewLimits([]policy.Limit{{Host: share.Host, PerHour: 1000}}, nil), Now: now})
	require.NoError(t, err)
	require.Contains(t, f.Choices[0], source.Ref)
	return f.Choices[0][source.Ref]
}
