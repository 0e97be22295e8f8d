package cmd

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// clusterFleet is a fleet of so many sources, each with a Kustomization, all in development.
func clusterFleet(t *testing.T, place int, cluster, interval string, sources int) fleet {
	t.Helper()
	p, err := policy.Preset("per-environment")
	require.NoError(t, err)
	s := flux.Snapshot{}
	for i := range sources {
		for _, text := range []string{
			`{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{"name":"app%d","namespace":"apps"},"spec":{"interval":%q,"url":"https://github.com/acme/app"}}`,
			`{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"app%[1]d","namespace":"apps"},"spec":{"interval":%[2]q,"path":".","prune":true,"sourceRef":{"kind":"GitRepository","name":"app%[1]d"}}}`,
		} {
			o, err := flux.Decode(fmt.Appendf(nil, text, i, interval))
			require.NoError(t, err)
			o.Cluster = cluster
			s.Objects = append(s.Objects, o)
		}
	}
	f := FleetOptions{Policy: p, DefaultEnvironment: "development", Cluster: cluster}.fleetOf(s)
	f.place = place
	return f
}

// How long commits take is of the cluster that is changed, also where most are in others, while hosts get what all ask.
func TestCostsTellLatencyOfTheClusterThatChanges(t *testing.T) {
	t.Parallel()
	east, west := clusterFleet(t, 0, "east", "10m", 1), clusterFleet(t, 1, "west", "1m", 9)
	fs := fleets{all: []fleet{east, west}}
	o := WriteOptions{OutputOptions: OutputOptions{root: &root{System: System{Now: func() time.Time { return noon }}}}, together: newTogether(fs, east.options, noon)}
	plan := east.plan(&tune.Options{})
	cost := o.cost(east, plan)
	own := east.budget(plan, noon)
	require.NotEmpty(t, own.Environments)
	assert.Equal(t, own.Environments, cost.Environments)
	assert.NotEqual(t, cost.Environments[0].Latency.Now, cost.Environments[0].Latency.Planned, "it changes here")
	assert.InDelta(t, 6+9*60, cost.Git.Now, 0.01)
}

// A share counts what was read and is not shown, and the sentence tells both.
func TestFailAboveTellsAllThatAHostGets(t *testing.T) {
	t.Parallel()
	b := budget.Budget{Hosts: []budget.Host{{Name: "github.com", Requests: budget.Rates{Now: 324}, Others: 792, Limit: &budget.Limit{PerHour: 1200}, Used: budget.Rates{Now: 93}}}}
	o := BudgetOptions{FailAbove: 50}
	require.EqualError(t, o.judge(b), "github.com gets 1,116 requests/h (792/h of them by what is not shown), 93% of its limit of 1,200/h: more than --fail-above 50%")
	b.Hosts[0].Others, b.Hosts[0].Used.Now = 0, 27
	o.FailAbove = 20
	require.EqualError(t, o.judge(b), "github.com gets 324 requests/h, 27% of its limit of 1,200/h: more than --fail-above 20%")
}

// What all clusters are warned of is said once, with their number.
func TestWarningsOfSeveralClustersOnce(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"all 3 clusters: long", "2 of 3 clusters (a, c): short", "c: only here"},
		once([]clusterWarnings{{"a", []string{"long", "short"}}, {"b", []string{"long"}}, {"c", []string{"long", "only here", "short", "short"}}}))
	assert.Equal(t, []string{"long"}, once([]clusterWarnings{{"", []string{"long", "long"}}}))
	assert.Empty(t, once(nil))
}

// A cluster in which nothing came to be changed, whatever kept it from that, is one that was not changed as planned: what was fitted
// for all is not told of the next one.
func TestWhatFailsBeforeItChangesIsNotAsPlanned(t *testing.T) {
	t.Parallel()
	east, west := clusterFleet(t, 0, "east", "10m", 1), clusterFleet(t, 1, "west", "1m", 1)
	all := newTogether(fleets{all: []fleet{east, west}}, east.options, noon)
	require.NoError(t, all.noting(east, func() error { return nil }))
	assert.False(t, all.parts)
	require.Error(t, all.noting(east, func() error { all.done = append(all.done, report.Results{}); return assert.AnError }))
	assert.False(t, all.parts, "of what was written the results tell")
	require.Error(t, all.noting(west, func() error { return assert.AnError }))
	assert.True(t, all.parts)
	assert.Equal(t, []string{"west"}, all.behind)
	require.Error(t, (*together)(nil).noting(west, func() error { return assert.AnError }))
}

// After Ctrl-C the same command does the rest under a session of its own: the first is as much a part of it.
func TestEarlierSessionsOfTheSameWork(t *testing.T) {
	t.Parallel()
	now := noon.UTC()
	f := clusterFleet(t, 0, "", "10m", 1)
	was, is := "5m", "10m"
	record := func(session, policy string, at time.Time, until *time.Time) []flux.Object {
		o := f.objects[0]
		r := tune.Record{Steps: []tune.Step{{Session: session, Policy: policy, Time: at, Until: until, Fields: map[flux.Field]tune.Move{flux.Interval: {From: &was, To: &is}}}}}
		o.Annotations = map[string]string{tune.RecordAnnotation: r.String()}
		return []flux.Object{o}
	}
	stamp := tune.Stamp{Session: "second", Policy: "fast", Time: now}
	assert.Equal(t, []string{"first"}, earlierSessions(record("first", "fast", now.Add(-time.Minute), nil), stamp))
	assert.Empty(t, earlierSessions(record("first", "fast", now.Add(-2*time.Hour), nil), stamp), "another day's work")
	assert.Empty(t, earlierSessions(record("first", "slow", now.Add(-time.Minute), nil), stamp), "of another policy")
	assert.Empty(t, earlierSessions(record("first", "fast", now.Add(-time.Minute), &now), stamp), "it ends by itself")
	assert.Empty(t, earlierSessions(record("second", "fast", now, nil), stamp))
}

// What all clusters come to is known before the first is changed; where one was not changed, that counts for those behind it, and a
// dry run, which changes none, adds up what is planned.
func TestTogetherTellsAllAhead(t *testing.T) {
	t.Parallel()
	east, west := clusterFleet(t, 0, "east", "10m", 1), clusterFleet(t, 1, "west", "10m", 2)
	fs := fleets{all: []fleet{east, west}}
	all := newTogether(fs, east.options, noon)
	assert.Nil(t, all.withAll(), "a revert does not plan all beforehand")
	all.planning(fs, func(f fleet) tune.Plan { return f.plan(&tune.Options{}) }, noon)
	assert.InDelta(t, 3*6, all.withAll().Git.Now, 0.01)
	assert.InDelta(t, 3*60, all.withAll().Git.Planned, 0.01)
	all.passed(east, true)
	assert.InDelta(t, 3*60, all.withAll().Git.Planned, 0.01, "a dry run")
	all.passed(east, false)
	assert.InDelta(t, 6+2*60, all.withAll().Git.Planned, 0.01, "it was not changed")

	all.turn = 2
	assert.Equal(t, " (2 of 2)", all.nth())
	assert.Empty(t, (*together)(nil).nth())
}
