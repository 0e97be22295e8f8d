package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// What a change would break off is left alone until it is done: with the feature gate of its controller that does that.
func TestWhatIsBeingRolledOut(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "1m"}, "Kustomization": {Interval: "1m"}, "GitRepository": {Interval: "1m"}})
	being := func(ready string) func(*flux.Object) {
		return func(o *flux.Object) { o.Status.Ready, o.Status.ReadyReason = ready, "Progressing" }
	}
	waits := func(o *flux.Object) { o.Waits = true }
	for name, tc := range map[string]struct {
		object     flux.Object
		controller string // that has the gate
		want       Reason
	}{
		"a release that is upgraded":            {object(t, "hr", being("Unknown")), flux.HelmController, ReasonRollingOut},
		"without the gate":                      {object(t, "hr", being("Unknown")), "", ReasonPolicyDiffers},
		"the gate of another controller":        {object(t, "hr", being("Unknown")), flux.KustomizeController, ReasonPolicyDiffers},
		"that is ready":                         {object(t, "hr", being("True")), flux.HelmController, ReasonPolicyDiffers},
		"that has never been reconciled":        {object(t, "hr", being("")), flux.HelmController, ReasonPolicyDiffers},
		"a Kustomization that waits for health": {object(t, "ks", being("Unknown"), waits), flux.KustomizeController, ReasonRollingOut},
		"one that waits for nothing":            {object(t, "ks", being("Unknown")), flux.KustomizeController, ReasonPolicyDiffers},
		"a source":                              {object(t, "gitrepo", being("Unknown")), flux.SourceController, ReasonPolicyDiffers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewGraph(flux.Snapshot{Objects: []flux.Object{tc.object}}.All())
			g.Controllers = flux.NewControllers([]flux.Controller{{Name: tc.controller, CancelsChecks: true}})
			assert.Equal(t, tc.want, Decide(tc.object, p, in("development"), Options{Graph: g}).Reason)
		})
	}
}

// So it is on the way back, but for what is forced, and for what changes no value.
func TestRevertOfWhatIsBeingRolledOut(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s", move(flux.Interval, "5m", "1m"))}}
	tuned := object(t, "hr", interval("1m"), ownedBy(flux.Interval, updates(DefaultManager)), recorded(record.String()), func(o *flux.Object) { o.Status.Ready = "Unknown" })
	restored := tuned.WithValue(flux.Interval, ptr("5m"))
	gate := &Options{Graph: &Graph{Controllers: flux.NewControllers([]flux.Controller{{Name: flux.HelmController, CancelsChecks: true}})}}
	assert.Equal(t, ReasonTuned, DecideRestore(tuned, RestoreOptions{}).Reason)
	waits := DecideRestore(tuned, RestoreOptions{Care: gate})
	assert.Equal(t, ReasonRollingOut, waits.Reason)
	assert.Equal(t, ActionSkip, waits.Action)
	assert.Equal(t, ReasonTuned, DecideRestore(tuned, RestoreOptions{Care: gate, Force: true}).Reason)
	assert.Equal(t, ActionChange, DecideRestore(restored, RestoreOptions{Care: gate}).Action, "its record goes")
	decide := func(o flux.Object) Restore { return DecideRestore(o, RestoreOptions{Care: gate}) }
	assert.Error(t, RestoreWrite{Restore: DecideRestore(tuned, RestoreOptions{}), Decide: decide}.Next(tuned).Err, "where it began after the plan was made")
}
