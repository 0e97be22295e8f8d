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
	strategy := func(name string) func(*flux.Object) { return func(o *flux.Object) { o.WaitStrategy = name } }
	gate := func(controller string) flux.Controller { return flux.Controller{Name: controller, CancelsChecks: true} }
	version := func(c flux.Controller, version string) flux.Controller { c.Version = version; return c }
	helm3 := gate(flux.HelmController)
	helm3.Helm3Defaults = true
	for name, tc := range map[string]struct {
		object     flux.Object
		controller flux.Controller
		want       Reason
	}{
		"a release that is upgraded":            {object(t, "hr", being("Unknown"), waits), gate(flux.HelmController), ReasonRollingOut},
		"one that does not wait":                {object(t, "hr", being("Unknown")), gate(flux.HelmController), ReasonPolicyDiffers},
		"one for which Helm itself waits":       {object(t, "hr", being("Unknown"), waits, strategy("legacy")), gate(flux.HelmController), ReasonPolicyDiffers},
		"which is the default there":            {object(t, "hr", being("Unknown"), waits), helm3, ReasonPolicyDiffers},
		"but this one says how":                 {object(t, "hr", being("Unknown"), waits, strategy("poller")), helm3, ReasonRollingOut},
		"without the gate":                      {object(t, "hr", being("Unknown"), waits), flux.Controller{}, ReasonPolicyDiffers},
		"the gate of another controller":        {object(t, "hr", being("Unknown"), waits), gate(flux.KustomizeController), ReasonPolicyDiffers},
		"that is ready":                         {object(t, "hr", being("True"), waits), gate(flux.HelmController), ReasonPolicyDiffers},
		"that has never been reconciled":        {object(t, "hr", being(""), waits), gate(flux.HelmController), ReasonPolicyDiffers},
		"a Kustomization that waits for health": {object(t, "ks", being("Unknown"), waits), gate(flux.KustomizeController), ReasonRollingOut},
		"of a newer controller":                 {object(t, "ks", being("Unknown"), waits), version(gate(flux.KustomizeController), "1.8.0"), ReasonRollingOut},
		"of one that looks at revisions alone":  {object(t, "ks", being("Unknown"), waits), version(gate(flux.KustomizeController), "1.7.3"), ReasonPolicyDiffers},
		"one that waits for nothing":            {object(t, "ks", being("Unknown")), gate(flux.KustomizeController), ReasonPolicyDiffers},
		"a source":                              {object(t, "gitrepo", being("Unknown")), gate(flux.SourceController), ReasonPolicyDiffers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewGraph(flux.Snapshot{Objects: []flux.Object{tc.object}}.All())
			g.Controllers = flux.NewControllers([]flux.Controller{tc.controller})
			assert.Equal(t, tc.want, Decide(tc.object, p, in("development"), Options{Graph: g}).Reason)
		})
	}
}

// So it is on the way back, but for what is forced, and for what changes no value.
func TestRevertOfWhatIsBeingRolledOut(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s", move(flux.Interval, "5m", "1m"))}}
	tuned := object(t, "hr", interval("1m"), ownedBy(flux.Interval, updates(DefaultManager)), recorded(record.String()), func(o *flux.Object) { o.Status.Ready, o.Waits = "Unknown", true })
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
