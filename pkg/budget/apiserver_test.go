package budget

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// What a reconcile asks of the kube-apiserver, as measured; events are one for each, and no more than twelve an hour.
func TestRequestsOfAReconcile(t *testing.T) {
	t.Parallel()
	manages := func(n int) func(*flux.Object) { return func(o *flux.Object) { o.Status.Managed = n } }
	reads := func(r flux.Reads) func(*flux.Object) {
		return func(o *flux.Object) { o.Reads, o.Waits = r, r.Checks > 0 || r.ChecksAll }
	}
	release := func(change ...func(*flux.Object)) tune.Item {
		return item(flux.Object{Ref: ref("HelmRelease", "x"), Interval: ptr("10m")}, "1m", change...)
	}
	chart := func(o *flux.Object) { o.HasChart = true }
	compares := func(o *flux.Object) { o.ComparesDrift = true }
	elsewhere := func(o *flux.Object) { o.AppliesElsewhere = true }
	ks := func(change ...func(*flux.Object)) tune.Item { return kustomization("x", "web", "10m", "1m", change...) }
	for name, tc := range map[string]struct {
		item          tune.Item
		each          float64 // requests of a reconcile
		eventsPlanned float64 // of 60 reconciles
	}{
		"no object":                {ks(), 8, 12},
		"10 objects":               {ks(manages(10)), 28, 12},
		"10 objects, wait":         {ks(manages(10), reads(flux.Reads{ChecksAll: true})), 42, 12},
		"wait, and checks besides": {ks(manages(10), reads(flux.Reads{Checks: 3, ChecksAll: true})), 42, 12},
		"one health check":         {ks(manages(10), reads(flux.Reads{Checks: 1})), 33, 12},
		"two of substituteFrom":    {ks(manages(10), reads(flux.Reads{Variables: 2})), 48, 12},
		"dependsOn":                {ks(manages(10), func(o *flux.Object) { o.DependsOn = []flux.Ref{ref("Kustomization", "first")} }), 29, 12},
		"to another cluster":       {ks(manages(10), elsewhere), 8, 12},
		"release":                  {release(chart, manages(10)), 7, 0},
		"release by a chartRef":    {release(manages(10)), 5, 0},
		"release, drift":           {release(chart, manages(10), compares), 27, 0},
		"source":                   {source("x", "https://github.com/acme/app", "10m", "1m"), 0, 12},
	} {
		b := New(Input{Items: []tune.Item{tc.item}})
		event := min(1, tc.eventsPlanned)
		want := Rates{Now: 6 * (tc.each + event), Planned: 60*tc.each + tc.eventsPlanned}
		assert.Equal(t, want, b.Items[0].APIRequests, name)
		assert.Equal(t, want, b.APIServer.Requests, name)
	}
	suspendedToo := New(Input{Items: []tune.Item{ks(manages(10), suspended), release(func(o *flux.Object) { o.Status.Stalled = true })}})
	assert.Equal(t, Rates{}, suspendedToo.APIServer.Requests)
}
