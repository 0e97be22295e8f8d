package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	p := fleetPlan(t)
	plan := NewPlan(p, fleet(t).Gaps, defaultPolicy(t).EnvironmentNames())
	goldenJSON(t, "plan/fleet.json", plan)
	goldenTable(t, "plan/fleet.txt", plan.Table(true), Layout{})
	goldenTable(t, "plan/wide.txt", plan.Table(true), Layout{Wide: true})
	goldenTable(t, "plan/namespace.txt", plan.Table(false), Layout{})
	goldenTable(t, "plan/80.txt", plan.Table(true), Layout{Width: 80})
	assert.Equal(t, []string{
		"gitrepository.source.toolkit.fluxcd.io/web", "kustomization.kustomize.toolkit.fluxcd.io/slow",
		"kustomization.kustomize.toolkit.fluxcd.io/web", "gitrepository.source.toolkit.fluxcd.io/monorepo",
	}, plan.Names())
}

func TestEmptyPlan(t *testing.T) {
	t.Parallel()
	plan := NewPlan(tune.Plan{Policy: "fast"}, nil, nil)
	goldenJSON(t, "plan/empty.json", plan)
	assert.Equal(t, []string{}, plan.Names())
	assert.Equal(t, "   KIND   NAME   ENVIRONMENT   INTERVAL   TIMEOUT   WHY\n", draw(t, plan.Table(false), Layout{Width: 200}))
}

// Retry and chart intervals have a column where they change, or are asked for with -o wide; a pipe has the same columns always.
func TestPlanColumns(t *testing.T) {
	t.Parallel()
	header := func(l Layout, changes ...tune.Change) string {
		o := object(t, "hr", "apps", "web", nil)
		plan := NewPlan(tune.Plan{Items: []tune.Item{{Object: o, Action: tune.ActionChange, Changes: changes}}}, nil, nil)
		table := plan.Table(false)
		table.Rows = nil
		return draw(t, table, l)
	}
	assert.Equal(t, "   KIND   NAME   ENVIRONMENT   INTERVAL   TIMEOUT   WHY\n", header(Layout{Width: 200}))
	assert.Equal(t, "   KIND   NAME   ENVIRONMENT   INTERVAL   TIMEOUT   CHART-INTERVAL   WHY\n",
		header(Layout{Width: 200}, tune.Change{Field: "spec.chart.spec.interval", To: ptr("1m")}))
	assert.Equal(t, "   KIND   NAME   ENVIRONMENT   INTERVAL   TIMEOUT   RETRY   WHY\n",
		header(Layout{Width: 200}, tune.Change{Field: "spec.retryInterval", To: ptr("1m")}))
	for _, changes := range [][]tune.Change{nil, {{Field: "spec.retryInterval", To: ptr("1m")}}} {
		assert.Equal(t, "   KIND   NAME   ENVIRONMENT   INTERVAL   TIMEOUT   RETRY   CHART-INTERVAL   STICKS   WHY\n", header(Layout{}, changes...))
	}
	assert.Equal(t, "   KIND   NAME   ENVIRONMENT   VIA   INTERVAL   TIMEOUT   RETRY   CHART-INTERVAL   STICKS   WHY   NOTES\n", header(Layout{Wide: true}))
}

// What is unset and follows the interval changes with it, though nothing is written there.
func TestPlanShowsWhatFollows(t *testing.T) {
	t.Parallel()
	changes := []tune.Change{{Field: flux.Interval, From: ptr("5m"), To: ptr("30m")}}
	plan := NewPlan(tune.Plan{Items: []tune.Item{{Object: object(t, "ks", "apps", "web", nil), Action: tune.ActionChange, Changes: changes}}}, nil, nil)
	assert.Equal(t, lines(
		"    KIND            NAME   ENVIRONMENT   INTERVAL    TIMEOUT               RETRY           WHY",
		"~   Kustomization   web    <none>        5m -> 30m   (4m30s) -> (29m30s)   (5m) -> (30m)",
	), draw(t, plan.Table(false), Layout{Width: 200}))
}

func TestArrow(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "5m -> 1m", Arrow(Change{From: ptr("300s"), To: ptr("1m0s")}))
	assert.Equal(t, "<unset> -> 2m", Arrow(Change{To: ptr("2m")}))
	assert.Equal(t, "2m -> <unset>", Arrow(Change{From: ptr("2m")}))
}

// The owners whose rules a plan needs are part of it.
func TestPlanPins(t *testing.T) {
	t.Parallel()
	owner := object(t, "ks", "flux-system", "apps", nil)
	plan := NewPlan(tune.Plan{Pins: []tune.Pin{{Owner: owner, Objects: 3, Rules: make([]flux.IgnoreRule, 2)}}}, nil, nil)
	assert.Equal(t, []PlanPin{{Ref: NewRef(owner), Objects: 3, Rules: 2}}, plan.Pins)
}

// A way back is shown like a plan: what comes back, what cannot, and why.
func TestNewRestores(t *testing.T) {
	t.Parallel()
	restores := []tune.Restore{
		{Object: object(t, "ks", "dev", "web", nil), Action: tune.ActionChange, Reason: tune.ReasonTuned, Message: "tuned by session s1",
			Changes: []tune.Change{{Field: flux.Interval, From: ptr("1m"), To: ptr("5m")}}, Kept: []tune.KeptField{{Field: flux.Timeout, Why: "spec.timeout stays 2m"}}, Notes: []string{"a note"}},
		{Object: object(t, "ks", "dev", "api", nil), Action: tune.ActionSkip, Reason: tune.ReasonChangedSince, Message: "somebody changed it"},
	}
	assert.Equal(t, lines(
		"    NAMESPACE   KIND            NAME   ENVIRONMENT   INTERVAL   TIMEOUT   WHY",
		"~   dev         Kustomization   web    <none>        1m -> 5m   (4m30s)   spec.timeout stays 2m; a note",
		"-   dev         Kustomization   api    <none>        5m         (4m30s)   somebody changed it",
	), draw(t, NewRestores(restores, nil).Table(true), Layout{Width: 200}))
}

// Of what was not tried, those are not said to be all that are named.
func TestNotAttemptedCountsWhatItNames(t *testing.T) {
	t.Parallel()
	item := func(name string, ended bool) Result {
		return Result{Ref: NewRef(object(t, "ks", "apps", name, nil)), Action: "notAttempted", Error: "why", runEnded: ended}
	}
	r := Results{Items: []Result{item("a", false), item("b", true), item("c", false)}, Summary: ResultSummary{NotAttempted: 3}}
	assert.Equal(t, "3 objects were not attempted: 2 for what is said above, and Kustomization apps/b", r.NotAttempted())
	assert.True(t, r.RunAgain())
	assert.Equal(t, "The object", each(1))
	assert.Equal(t, "Each of the 2 objects", each(2))
}

// What a revert leaves alone for what a change sets off is named with its reason, and with what revert has to offer.
func TestWhatARevertDefers(t *testing.T) {
	t.Parallel()
	const why = "its retries are used up (" + tune.ForceTakesBack + ")"
	restore := func(name string) tune.Restore {
		return tune.Restore{Object: object(t, "hr", "apps", name, nil), Action: tune.ActionSkip, Reason: tune.ReasonRetriesExhausted, Message: why}
	}
	restores := []tune.Restore{restore("a"), restore("b")}
	r := NewResults("", cluster.Restored, PlannedRestores(restores)).With(cluster.Outcomes{}, nil)
	assert.Equal(t, []string{"Not taken back: HelmRelease apps/a, HelmRelease apps/b: " + why}, r.Troubles())
	assert.Equal(t, "2 objects were not attempted", r.NotAttempted())
	assert.False(t, r.RunAgain(), "it would come to the same: --force is what it takes")
	assert.False(t, r.OthersChose())
	summary := tune.Summarize(tune.Plan{Items: RestoreItems(restores)}, nil)
	assert.Equal(t, "that gave up, and that a change would make try again: --force takes them back all the same", reasonLine(summary.Reasons[0], false))
}
