package cluster_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/hack/sim"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// TestRecordsTakenAwayMeanwhile: somebody takes a record away between any two requests of a revert. What was put back by then bears no name of
// ours in the end, and belongs to who owned it before.
func TestRecordsTakenAwayMeanwhile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine()
		manager := func() string { return rapid.SampledFrom(sim.Managers).Draw(t, "manager") }
		for _, session := range []string{"s1", "s2"}[:rapid.IntRange(1, 2).Draw(t, "sessions")] {
			m.step(t, sim.Step{Command: &sim.Command{
				Verb: sim.VerbApply, Session: session, Policy: rapid.IntRange(0, 4).Draw(t, "policy"), Shorten: rapid.Bool().Draw(t, "shorten"),
				Managed: rapid.SampledFrom([]tune.Managed{tune.ManagedSkip, tune.ManagedPatch, tune.ManagedPin}).Draw(t, "managed"), Manager: manager(),
			}})
		}
		m.step(t, sim.Step{Command: &sim.Command{Verb: sim.VerbRevert, Manager: manager()},
			Fault: sim.Meanwhile, At: rapid.IntRange(1, 16).Draw(t, "at"), Event: sim.Event{What: sim.Unrecord}})
		m.complain(t)
		m.checkWayBack(t)
	})
}
