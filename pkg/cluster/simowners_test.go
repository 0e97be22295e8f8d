package cluster_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/sim"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// checkOwnersTold: of a parent that may not be read it is said that its rules were not compared where a pinned object was
// written, and only where one was to be.
func (m *machine) checkOwnersTold(t failing, s *sim.Store, out cluster.Outcomes) {
	for _, parent := range m.touched.Parents {
		if !s.Forbidden[parent.Namespace] {
			continue
		}
		pinned, written := false, false
		for _, r := range out.Objects {
			ref := r.Write.Target().Ref
			if m.touched.ParentOf[ref] != parent || m.records[ref] == "" {
				continue
			}
			record, err := m.recordOf(&sim.Resource{Ref: ref}, m.records[ref])
			if err == nil && len(record.Pinned()) > 0 {
				pinned, written = true, written || s.Written[ref] > 0
			}
		}
		named := slices.ContainsFunc(out.Owners, func(r cluster.Result) bool { return r.Write.Target().Ref == parent })
		since := s.Fault == sim.Beside || s.Fault == sim.Meanwhile // somebody may have pinned them
		switch {
		case written && !named:
			m.fail(t, "%s: the rules of %s were not compared, and nothing says so", m.command, parent)
		case named && !pinned && !since:
			m.fail(t, "%s: the rules of %s hold none of its objects, and it is named", m.command, parent)
		}
	}
}

// TestOwnersThatWereNotListed: a pin whose owner may be written but was not listed is taken back with its rules.
func TestOwnersThatWereNotListed(t *testing.T) {
	t.Parallel()
	m := newMachine()
	rules := func() (list []flux.IgnoreRule) {
		for _, parent := range m.touched.Parents {
			list = append(list, tune.OurRules(m.touched.Resources[parent].Object())...)
		}
		return list
	}
	m.run(sim.Step{Command: &sim.Command{Verb: sim.VerbApply, Managed: tune.ManagedPin, Session: "s1"}})
	require.NotEmpty(t, rules())
	m.touched.Wrote = nil
	c := sim.Command{Verb: sim.VerbRevert}
	planned := c.Plan(c.Snapshot(m.touched.Layout, m.touched.Objects()))
	planned.Run.Owners = nil
	planned.Carry(context.Background(), &sim.Store{Now: m.now, Store: sim.Server{World: m.touched}, Sleep: func(time.Duration) { m.touched.Settle() }})
	assert.Empty(t, rules())
}
