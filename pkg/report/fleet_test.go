package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ptr(s string) *string { return &s }

// object is one of a kind, with an interval of five minutes; change states the difference.
func object(t *testing.T, kind, namespace, name string, change func(*flux.Object)) flux.Object {
	t.Helper()
	k, err := flux.ParseKind(kind)
	require.NoError(t, err)
	o := flux.Object{
		Ref:     flux.Ref{Group: k.Group, Kind: k.Name, Namespace: namespace, Name: name},
		Version: k.Versions[0], Interval: ptr("5m"), Status: flux.Status{Ready: "True"},
	}
	if change != nil {
		change(&o)
	}
	return o
}

const record = `{"steps":[{"session":"20260301-110000-ab12","policy":"fast","time":"2026-03-01T11:00:00Z","fields":{"spec.interval":{"from":"5m","to":"3m"}}}]}`

// fleet is a snapshot with an object for each of the things that documents must tell.
func fleet(t *testing.T) flux.Snapshot {
	t.Helper()
	monorepo := flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "sources", Name: "monorepo"}
	return flux.Snapshot{
		Objects: []flux.Object{
			object(t, "GitRepository", "dev", "web", func(o *flux.Object) {
				o.Interval, o.Timeout = ptr("5m0s"), ptr("5m")
				o.Status.SourceChanged = noon.Add(-90 * time.Minute)
				o.Status.ReadyMessage = "stored artifact\n  for revision 'main@sha1:0a1b'"
			}),
			object(t, "Kustomization", "dev", "slow", func(o *flux.Object) {
				o.Status.SlowestReconcile, o.SourceRef = 3*time.Minute, monorepo
			}),
			object(t, "Kustomization", "dev", "web", func(o *flux.Object) { o.SourceRef = monorepo }),
			object(t, "Kustomization", "other", "apart", func(o *flux.Object) { o.Labels = map[string]string{"env": "qa"} }),
			object(t, "HelmRelease", "prod", "shop", func(o *flux.Object) {
				o.HasChart, o.ChartInterval, o.Suspended, o.Status.Ready = true, ptr("1h"), true, "False"
			}),
			object(t, "Kustomization", "prod", "web", func(o *flux.Object) {
				o.Timeout, o.RetryInterval, o.Status.Ready = ptr("2m"), ptr("60s"), "Unknown"
				o.Annotations = map[string]string{tune.RecordAnnotation: record}
			}),
			object(t, "GitRepository", "sources", "monorepo", func(o *flux.Object) {
				o.Timeout, o.Status.SourceChanged = ptr("60s"), noon.Add(-30*time.Second)
			}),
			object(t, "Receiver", "sources", "github", func(o *flux.Object) { o.Interval, o.Status.Ready = nil, "" }),
		},
		Namespaces: map[string]map[string]string{
			"dev": {"environment": "development"}, "prod": {"environment": "production"}, "sources": nil, "other": nil,
		},
		Gaps: []flux.Gap{
			{What: "buckets", Why: "the cluster does not serve buckets.source.toolkit.fluxcd.io", Harmless: true},
			{What: "helmcharts in all namespaces", Why: "forbidden"},
		},
	}
}

func defaultPolicy(t *testing.T) policy.Policy {
	t.Helper()
	p, err := policy.Preset(policy.DefaultName)
	require.NoError(t, err)
	return p
}

// fleetPlan is what the default policy plans for the fleet.
func fleetPlan(t *testing.T) tune.Plan {
	t.Helper()
	p, s := defaultPolicy(t), fleet(t)
	plan := tune.NewPlan(s.Objects, p, policy.NewResolver(p, s, ""), tune.Options{})
	plan.Warnings = append(plan.Warnings, "a warning")
	return plan
}
