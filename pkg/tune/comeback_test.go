package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// What Git undoes is not changed in the end, and what an earlier change made of it goes back, too; what is pinned stays.
func TestUndone(t *testing.T) {
	t.Parallel()
	record := func(pinned string) func(*flux.Object) {
		return func(o *flux.Object) {
			annotated(RecordAnnotation, `{"steps":[{"session":"s","policy":"own","time":"2026-03-01T12:00:00Z","fields":{"spec.interval":{"from":"30s","to":"5m","owners":[{"manager":"kustomize-controller","apply":true}]`+pinned+`}}}]}`)(o)
			ownedBy(flux.Interval, updates(DefaultManager))(o)
		}
	}
	child := child(flux.Interval)
	tuned := func(pinned string) []func(*flux.Object) {
		return []func(*flux.Object){func(o *flux.Object) { child(o); o.Owners = nil }, record(pinned)}
	}
	for name, c := range map[string]struct {
		object  flux.Object
		managed Managed
		wants   string // of the interval
		left    []Change
		some    bool
	}{
		"a patch of what Git sets": {object: object(t, "gitrepo", child), managed: ManagedPatch, wants: "20m", some: true},
		"pinned":                   {object: object(t, "gitrepo", child), managed: ManagedPin, wants: "20m", left: []Change{change(flux.Interval, "5m", "20m")}},
		"nobody's":                 {object: object(t, "gitrepo"), managed: ManagedPatch, wants: "20m", left: []Change{change(flux.Interval, "5m", "20m")}},
		"left alone":               {object: object(t, "gitrepo", child), managed: ManagedSkip, wants: "20m"},
		"an earlier patch that Git has yet to undo": {object: object(t, "gitrepo", tuned("")...), managed: ManagedSkip, wants: "20m", left: []Change{change(flux.Interval, "5m", "30s")}, some: true},
		"patched again":   {object: object(t, "gitrepo", tuned("")...), managed: ManagedPatch, wants: "20m", left: []Change{change(flux.Interval, "5m", "30s")}, some: true},
		"pinned then":     {object: object(t, "gitrepo", tuned("")...), managed: ManagedPin, wants: "20m", left: []Change{change(flux.Interval, "5m", "20m")}},
		"its pin is gone": {object: object(t, "gitrepo", tuned(`,"pinned":true`)...), managed: ManagedSkip, wants: "5m", left: []Change{change(flux.Interval, "5m", "30s")}, some: true},
		"pinned again":    {object: object(t, "gitrepo", tuned(`,"pinned":true`)...), managed: ManagedPin, wants: "5m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := ruling(map[string]policy.Settings{"GitRepository": {Interval: c.wants}})
			s := flux.Snapshot{Objects: []flux.Object{c.object, parent(t)}}
			judge := NewJudge(s)
			plan := NewPlan(s.Objects[:1], p, policy.NewResolver(p, s, "development"), Options{Judge: judge, Managed: c.managed})
			undone, some := judge.Undone(plan.Items)
			require.Len(t, undone, 1)
			assert.Equal(t, c.some, some)
			assert.ElementsMatch(t, c.left, undone[0].Changes)
		})
	}
}
