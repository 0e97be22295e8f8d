package fit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// drawnSource is a source of any kind, with any ref, that may fail, be suspended, or have any version of a chart. It asks git.example.com.
func drawnSource(rt *rapid.T, i int, charts flux.Ref) flux.Object {
	kind := rapid.SampledFrom([]string{"GitRepository", "OCIRepository", "HelmRepository", "Bucket", "HelmChart"}).Draw(rt, "kind")
	every := rapid.SampledFrom([]string{"30s", "1m", "5m", "1h"}).Draw(rt, "interval")
	o := flux.Object{Ref: flux.Ref{Group: charts.Group, Kind: kind, Namespace: "apps", Name: fmt.Sprintf("s%d", i)}, Version: "v1", Interval: &every, Generation: 1}
	o.Remote = flux.Remote{URL: "https://git.example.com/" + o.Name, Secret: rapid.SampledFrom([]string{"", "bot"}).Draw(rt, "secret")}
	refs := []flux.RefKind{flux.RefBranch, flux.RefSemver, flux.RefCommit}
	switch kind {
	case "OCIRepository":
		refs = []flux.RefKind{flux.RefTag, flux.RefSemver, flux.RefDigest}
		o.Remote.URL = "oci://git.example.com/" + o.Name
	case "HelmChart":
		o.SourceRef, o.Remote.URL = charts, ""
		o.Polling.Version = rapid.SampledFrom([]string{"1.2.3", "1.x", ""}).Draw(rt, "version")
		o.Polling.Verifies = rapid.Bool().Draw(rt, "verifies")
	case "Bucket":
		o.Remote.Bucket = o.Name
	}
	if kind == "GitRepository" || kind == "OCIRepository" {
		o.Remote.Ref = flux.RemoteRef{Kind: rapid.SampledFrom(refs).Draw(rt, "ref"), Value: "1.x"}
	}
	o.Suspended = rapid.IntRange(0, 9).Draw(rt, "suspended") == 0
	if rapid.IntRange(0, 2).Draw(rt, "fails") == 0 {
		o.Status.Ready, o.Status.Stalled = "False", rapid.Bool().Draw(rt, "stalled")
		o.Status.ReadyReason = rapid.SampledFrom([]string{"GitOperationFailed", "OCIArtifactPullFailed", "OCIArtifactLayerOperationFailed", "VerificationError", "ChartPullError", "AuthenticationFailed"}).Draw(rt, "reason")
	}
	return o
}

// TestFitsAnyFleet: of whatever kinds sources are, and whether they fail or not, they are fitted; what they ask then is within the
// shares, counted anew by a budget in which nothing fails, and each interval lies between its ends.
func TestFitsAnyFleet(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	charts := flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "HelmRepository", Namespace: "apps", Name: "charts"}
	rapid.Check(t, func(rt *rapid.T) {
		repository := flux.Object{Ref: charts, Version: "v1", OCI: true, Remote: flux.Remote{URL: "oci://git.example.com/charts"}}
		in := fit.Input{Limits: budget.Limits{"git.example.com": {PerHour: 1000}}, Now: now, Shares: []policy.Share{
			{Host: "git.example.com", Percent: rapid.Float64Range(1, 100).Draw(rt, "share")},
			{Host: "git.example.com", Credential: "bot", Percent: rapid.Float64Range(1, 100).Draw(rt, "share of bot")},
		}}
		c := fit.Cluster{Free: map[flux.Ref]policy.Bound{}, Objects: []*flux.Object{&repository}}
		items := []tune.Item{{Object: repository}}
		for i := range rapid.IntRange(1, 6).Draw(rt, "sources") {
			o := drawnSource(rt, i, charts)
			item := tune.Item{Object: o}
			if !o.Suspended && rapid.Bool().Draw(rt, "free") {
				probe := flux.FormatDuration(o.Effective(flux.Interval) + time.Second)
				item.Changes = []tune.Change{{Field: flux.Interval, From: o.Interval, To: &probe}}
				least := time.Duration(rapid.IntRange(10, 600).Draw(rt, "least")) * time.Second
				c.Free[o.Ref] = policy.Bound{Min: least, Max: least * time.Duration(rapid.IntRange(1, 6).Draw(rt, "most"))}
			}
			items, c.Objects = append(items, item), append(c.Objects, &o)
			in.Rules = append(in.Rules, fit.Rule{Name: o.Name, PerHour: rapid.SampledFrom([]float64{0, 0.1, 4}).Draw(rt, "commits")})
		}
		c.Budget = budget.New(budget.Input{Items: items, Now: now})
		in.Clusters = []fit.Cluster{c}
		fitted, err := fit.New(in)
		if tooMuch := (*fit.ExcessError)(nil); errors.As(err, &tooMuch) {
			return
		}
		require.NoError(rt, err)
		for i := range items {
			item := &items[i]
			item.Changes = nil
			item.Object.Status = flux.Status{}
			choice, free := fitted.Choices[0][item.Object.Ref]
			if !free {
				continue
			}
			bound := c.Free[item.Object.Ref]
			require.True(rt, bound.Min <= choice.Interval && choice.Interval <= bound.Max, "%s has %s", item.Object.Ref, choice.Interval)
			to := flux.FormatDuration(choice.Interval)
			item.Changes = []tune.Change{{Field: flux.Interval, From: item.Object.Interval, To: &to}}
		}
		asked := budget.New(budget.Input{Items: items, Now: now, Limits: in.Limits})
		for _, use := range fitted.Shares {
			if !use.Idle {
				require.LessOrEqual(rt, asked.Asks(use.Share), use.Allowed*(1+1e-9), "%s", use.Share)
			}
		}
	})
}

// What asks only while it fails has no share of a host, and keeps nothing else from being fitted.
func TestFailingDigestIsNotFitted(t *testing.T) {
	t.Parallel()
	in := askersInput([]asker{
		{host: "ghcr.io", interval: time.Minute, perHour: 1, free: policy.Bound{Min: time.Minute, Max: time.Hour}},
		{host: "ghcr.io", interval: time.Minute, free: policy.Bound{Min: time.Minute, Max: time.Hour}},
	}, policy.Share{Host: "ghcr.io", Percent: 1})
	c := &in.Clusters[0]
	pinned := c.Objects[1]
	delete(c.Free, pinned.Ref)
	pinned.Kind, pinned.Remote.Ref = "OCIRepository", flux.RemoteRef{Kind: flux.RefDigest, Value: "sha256:0"}
	pinned.Status.Ready, pinned.Status.ReadyReason = "False", "OCIArtifactPullFailed"
	c.Free[pinned.Ref] = policy.Bound{Min: time.Minute, Max: time.Hour}
	c.Budget = budget.New(budget.Input{Items: []tune.Item{{Object: *c.Objects[0]}, {Object: *pinned}}, Now: in.Now})
	require.Positive(t, c.Budget.Items[1].Requests.Planned)
	f, err := fit.New(in)
	require.NoError(t, err)
	require.Equal(t, 1, f.Sources)
	require.Equal(t, 6*time.Minute, f.Choices[0][sourceAt(0)].Interval)
}
