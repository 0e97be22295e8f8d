package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// A Kustomization that waits for what it applies is not ready as long as that is not, where it is reconciled meanwhile: the plan
// names it beside the release whose chart changes.
func TestWhoWaitsForWhatIsDisturbed(t *testing.T) {
	t.Parallel()
	release := object(t, "hr", named("apps", "web"), func(o *flux.Object) {
		o.HasChart, o.SourceRef, o.Status.Ready = true, object(t, "helmrepo", named("apps", "charts")).Ref, "True"
	})
	second := release
	second.Name = "db"
	parent := func(name string, change func(*flux.Object)) flux.Object {
		o := node(t, name)
		o.Interval, o.Reads.ChecksAll, o.Status.Inventory = ptr("1m"), true, []flux.Ref{o.Ref, release.Ref, second.Ref}
		change(&o)
		return o
	}
	const fails = "it waits until that is healthy where it is reconciled meanwhile, and fails after 30s"
	for name, tc := range map[string]struct {
		objects []flux.Object
		want    map[string]string
	}{
		"wait":           {[]flux.Object{parent("parent", func(*flux.Object) {})}, map[string]string{"parent": release.Ref.String() + ": " + fails}},
		"does not wait":  {[]flux.Object{parent("parent", func(o *flux.Object) { o.Reads.ChecksAll = false })}, map[string]string{}},
		"suspended":      {[]flux.Object{parent("parent", func(o *flux.Object) { o.Suspended = true })}, map[string]string{}},
		"applies others": {[]flux.Object{parent("parent", func(o *flux.Object) { o.Status.Inventory = []flux.Ref{ksRef("other")} })}, map[string]string{}},
		"a health check": {[]flux.Object{parent("parent", func(o *flux.Object) {
			o.Reads.ChecksAll, o.HealthChecks, o.Timeout = false, []flux.Ref{ksRef("other"), second.Ref}, ptr("2m")
		})}, map[string]string{"parent": second.Ref.String() + ": it waits until that is healthy where it is reconciled meanwhile, and fails after 2m"}},
		"and whoever waits for that": {[]flux.Object{
			parent("a-root", func(o *flux.Object) { o.Status.Inventory = []flux.Ref{ksRef("parent")} }), parent("parent", func(*flux.Object) {}),
		}, map[string]string{"a-root": ksRef("parent").String() + ": " + fails, "parent": release.Ref.String() + ": " + fails}},
	} {
		g := NewGraph(flux.Each(append(tc.objects, release, second)))
		var items []Item
		for _, o := range []flux.Object{release, second} {
			items = append(items, Item{Object: o, Action: ActionChange, Changes: []Change{{Field: flux.ChartInterval, To: ptr("1m")}}})
		}
		got := map[string]string{}
		for _, d := range g.Forecast(items, nil, 5).Disturbed {
			if d.Object.Kind == "Kustomization" {
				got[d.Object.Name] = d.On.String() + ": " + d.Why
			}
		}
		assert.Equal(t, tc.want, got, name)
	}
}
