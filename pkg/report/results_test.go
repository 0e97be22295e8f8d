package report

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// applied is what became of the fleet's plan: one change was done, one refused, one not needed any
// more, and one not attempted.
func applied(p tune.Plan) cluster.Outcomes {
	var writes []tune.ApplyWrite
	for _, item := range p.Changed() {
		writes = append(writes, tune.ApplyWrite{Item: item})
	}
	return cluster.Outcomes{Objects: []cluster.Result{
		{Write: writes[3], Outcome: cluster.NotAttempted, Err: errors.New("interrupted")},
		{Write: writes[0], Outcome: cluster.Configured, Generation: 2},
		{Write: writes[1], Outcome: cluster.Failed, Err: errors.New("admission webhook \"policy\" denied the request:\n  too fast")},
		{Write: writes[2], Outcome: cluster.Unchanged, Why: `matches policy "per-environment"`},
	}}
}

func TestResults(t *testing.T) {
	t.Parallel()
	p := fleetPlan(t)
	results := NewResults(p.Policy, cluster.Configured, PlannedItems(p.Items)).With(applied(p), fleet(t).Gaps)
	results.Session = "20260301-120000-cd34"
	goldenJSON(t, "results/fleet.json", results)
	goldenTable(t, "results/fleet.txt", results.Table(true), Layout{})
	goldenTable(t, "results/namespace.txt", results.Table(false), Layout{})
	assert.Equal(t, []string{"gitrepository.source.toolkit.fluxcd.io/web"}, results.Names())
	assert.Equal(t, []string{
		`Failed: Kustomization dev/slow: admission webhook "policy" denied the request: too fast`,
		"Not attempted: GitRepository sources/monorepo: interrupted",
	}, results.Troubles())

	results.DryRun = "server"
	goldenTable(t, "results/dry-run-server.txt", results.Table(true), Layout{})
	results.DryRun = "client"
	assert.Contains(t, draw(t, results.Table(true), Layout{}), "configured (dry run)")
}

func TestEmptyResults(t *testing.T) {
	t.Parallel()
	results := NewResults("", cluster.Configured, nil).With(cluster.Outcomes{}, nil)
	goldenJSON(t, "results/empty.json", results)
	assert.Equal(t, []string{}, results.Names())
	assert.Empty(t, results.Troubles())
	assert.Empty(t, results.RulesLine())
}

// A record that revert cannot read is a failure, not something left alone.
func TestResultsOfABrokenRecord(t *testing.T) {
	t.Parallel()
	o := object(t, "ks", "prod", "web", func(o *flux.Object) { o.Annotations = map[string]string{tune.RecordAnnotation: "{"} })
	restores := tune.Restores([]flux.Object{o}, tune.RestoreOptions{})
	results := NewResults("", cluster.Restored, PlannedRestores(restores)).With(cluster.Outcomes{}, nil)
	assert.Equal(t, ResultSummary{Failed: 1}, results.Summary)
	const message = "reading annotation fluxtune.github.io/original: jsontext: unexpected EOF after offset 1: restore the object by hand, then run forget on it"
	assert.Equal(t, []Result{{Ref: NewRef(o), Action: "failed", Changes: []Change{}, Error: message, object: o, done: "restored"}}, results.Items)
	assert.Equal(t, []string{"Failed: Kustomization prod/web: " + message}, results.Troubles())
}

// What an apply wrote, and what came out otherwise and could not be taken back, is not called configured in the sum.
func TestAppliedInPart(t *testing.T) {
	t.Parallel()
	o := object(t, "ks", "prod", "web", nil)
	item := tune.Item{Object: o, Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.Interval, From: ptr("5m"), To: ptr("1m")}}}
	result := cluster.Result{Write: tune.ApplyWrite{Item: item}, Outcome: cluster.Configured, Err: errors.New("not all of it is done: spec.interval became 7m")}
	results := NewResults("", cluster.Configured, PlannedItems([]tune.Item{item})).With(cluster.Outcomes{Objects: []cluster.Result{result}}, nil)
	assert.Equal(t, ResultSummary{Partial: 1}, results.Summary)
	assert.Equal(t, "0 configured, 0 unchanged, 0 left alone, 0 failed, 1 not as planned", results.Summary.Line(results.Done))
}

// What somebody has made something else of is not called restored.
func TestRestoredInPart(t *testing.T) {
	t.Parallel()
	was := object(t, "gitrepository", "dev", "web", func(o *flux.Object) {
		o.Interval, o.Timeout = ptr("1m"), ptr("2m")
		o.Annotations = map[string]string{tune.RecordAnnotation: "{}"}
	})
	now := was
	now.Interval, now.Timeout, now.Annotations = ptr("6m"), ptr("60s"), nil
	filled, same := was, was
	filled.Interval, filled.Timeout = ptr("5m"), ptr("77s")
	same.ResourceVersion = "2"
	interval := tune.Change{Field: flux.Interval, From: ptr("1m"), To: ptr("5m")}
	timeout := tune.Change{Field: flux.Timeout, From: ptr("2m"), To: ptr("60s")}
	removed := tune.Change{Field: flux.Timeout, From: ptr("2m")} // and admission may fill it in
	for _, tc := range []struct {
		now     flux.Object
		planned []tune.Change
		action  cluster.Outcome
		want    []tune.Change
	}{
		{now, []tune.Change{interval, timeout}, cluster.Restored, []tune.Change{timeout}},
		{now, []tune.Change{interval}, cluster.Released, []tune.Change{}},
		{filled, []tune.Change{interval, removed}, cluster.Restored, []tune.Change{interval, {Field: flux.Timeout, From: ptr("2m"), To: ptr("77s")}}},
		{same, []tune.Change{interval, removed}, cluster.Failed, []tune.Change{}},
	} {
		restore := tune.Restore{Object: was, Action: tune.ActionChange, Changes: tc.planned}
		out := cluster.Outcomes{Objects: []cluster.Result{{Write: tune.RestoreWrite{Restore: restore}, Back: &restore, Outcome: cluster.Configured, Err: errors.New("changed since"), Left: &tc.now}}}
		item := NewResults("", cluster.Restored, PlannedRestores([]tune.Restore{restore})).With(out, nil).Items[0]
		assert.Equal(t, string(tc.action), item.Action)
		assert.Equal(t, newChanges(tc.want), item.Changes)
	}
}

// What is told of a way back is what was decided when it was gone, and never what was planned.
func TestToldIsWhatWasDone(t *testing.T) {
	t.Parallel()
	o := object(t, "ks", "prod", "web", nil)
	restored := object(t, "ks", "prod", "web", func(o *flux.Object) { o.Interval = ptr("5m") })
	planned := tune.Restore{Object: o, Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.Interval, From: ptr("1m"), To: ptr("5m")}}, Notes: []string{"planned"}}
	kept := []tune.KeptField{{Field: flux.Interval, Why: "spec.interval stays 1m: session s2 set it later"}}
	for name, tc := range map[string]struct {
		result  cluster.Result
		want    Result
		trouble []string
		summary ResultSummary
	}{
		"its owner has set it": {cluster.Result{Outcome: cluster.Configured, Back: &tune.Restore{Notes: []string{"spec.interval is 1m, as kubectl sets it now"}}},
			Result{Action: "released", Message: "spec.interval is 1m, as kubectl sets it now"}, nil, ResultSummary{Released: 1}},
		"a later session keeps it": {cluster.Result{Outcome: cluster.Configured, Back: &tune.Restore{Kept: kept}},
			Result{Action: "released", Kept: kept[0].Why}, []string{"Not taken back: Kustomization prod/web: " + kept[0].Why}, ResultSummary{Partial: 1}},
		"somebody has set another value": {cluster.Result{Outcome: cluster.Skipped, Why: kept[0].Why, Back: &tune.Restore{Kept: kept}},
			Result{Action: "skipped", Message: kept[0].Why, Kept: kept[0].Why}, []string{"Not taken back: Kustomization prod/web: " + kept[0].Why}, ResultSummary{Skipped: 1}},
		"taken back by somebody else": {cluster.Result{Outcome: cluster.Unchanged}, Result{Action: "unchanged"}, nil, ResultSummary{Unchanged: 1}},
		"its record is gone": {cluster.Result{Outcome: cluster.Skipped, Why: "not taken back"},
			Result{Action: "skipped", Message: "not taken back"}, []string{"Left alone: Kustomization prod/web: not taken back"}, ResultSummary{Skipped: 1}},
		"somebody has changed it while it was waited for": {cluster.Result{Outcome: cluster.Configured, Back: &planned, Left: &restored, Now: &o},
			Result{Action: "restored", Message: "planned", Changes: newChanges(planned.Changes)}, nil, ResultSummary{Changed: 1}},
		"nothing was decided": {cluster.Result{Outcome: cluster.Configured}, Result{Action: "released"}, nil, ResultSummary{Released: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.result.Write = tune.RestoreWrite{Restore: planned}
			results := NewResults("", cluster.Restored, PlannedRestores([]tune.Restore{planned})).With(cluster.Outcomes{Objects: []cluster.Result{tc.result}}, nil)
			tc.want.Ref, tc.want.object, tc.want.done, tc.want.tried = NewRef(o), o, "restored", true
			if tc.want.Changes == nil {
				tc.want.Changes = []Change{}
			}
			assert.Equal(t, tc.want, results.Items[0])
			assert.Equal(t, tc.trouble, results.Troubles())
			assert.Equal(t, tc.summary, results.Summary)
		})
	}
}

// Every outcome has its word, is counted once, and is a trouble where it is not what was asked for.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	o := object(t, "ks", "prod", "web", nil)
	restore := tune.Restore{Object: o, Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.Interval, From: ptr("1m"), To: ptr("5m")}}}
	kept := restore
	kept.Kept = []tune.KeptField{{Field: flux.Timeout, Why: "spec.timeout stays 2m"}}
	record := tune.Restore{Object: o, Action: tune.ActionChange, Notes: []string{"spec.interval is 7m, as kustomize-controller sets it now"}}
	const place = ": Kustomization prod/web: "
	for _, tc := range []struct {
		name    string
		restore tune.Restore
		result  cluster.Result
		action  string
		changes int
		summary ResultSummary
		line    string
		trouble string // "" = none
	}{
		{name: "restored", restore: restore, result: cluster.Result{Outcome: cluster.Configured}, action: "restored", changes: 1, summary: ResultSummary{Changed: 1},
			line: "1 restored, 0 unchanged, 0 left alone, 0 failed"},
		{name: "not whole", restore: kept, result: cluster.Result{Outcome: cluster.Configured}, action: "restored", changes: 1, summary: ResultSummary{Partial: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 0 failed, 1 not taken back whole", trouble: "Not taken back" + place + "spec.timeout stays 2m"},
		{name: "nothing to restore but the record", restore: record, result: cluster.Result{Outcome: cluster.Configured}, action: "released", summary: ResultSummary{Released: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 0 failed, 1 released"},
		{name: "nothing to restore, and the record cannot be written", restore: record, result: cluster.Result{Outcome: cluster.Failed, Err: errors.New("no")}, action: "failed", summary: ResultSummary{Failed: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 1 failed", trouble: "Failed" + place + "no"},
		{name: "written, and not ready", restore: restore, result: cluster.Result{Outcome: cluster.Configured, NotReady: "Ready is False"}, action: "restored", changes: 1, summary: ResultSummary{Changed: 1, NotReady: 1},
			line: "1 restored, 0 unchanged, 0 left alone, 0 failed, 1 not ready yet", trouble: "Changed, and not ready yet" + place + "Ready is False"},
		{name: "written half", restore: restore, result: cluster.Result{Outcome: cluster.Configured, Err: errors.New("not all of it is done: no")}, action: "restored", changes: 1, summary: ResultSummary{Partial: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 0 failed, 1 not taken back whole", trouble: "Not complete" + place + "not all of it is done: no"},
		{name: "unchanged", restore: restore, result: cluster.Result{Outcome: cluster.Unchanged}, action: "unchanged", summary: ResultSummary{Unchanged: 1},
			line: "0 restored, 1 unchanged, 0 left alone, 0 failed"},
		{name: "left alone", restore: restore, result: cluster.Result{Outcome: cluster.Skipped, Why: "being deleted"}, action: "skipped", summary: ResultSummary{Skipped: 1},
			line: "0 restored, 0 unchanged, 1 left alone, 0 failed", trouble: "Left alone" + place + "being deleted"},
		{name: "failed", restore: restore, result: cluster.Result{Outcome: cluster.Failed, Err: errors.New("no\nway")}, action: "failed", changes: 1, summary: ResultSummary{Failed: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 1 failed", trouble: "Failed" + place + "no way"},
		{name: "not attempted", restore: kept, result: cluster.Result{Outcome: cluster.NotAttempted, Err: errors.New("interrupted")}, action: "notAttempted", summary: ResultSummary{NotAttempted: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 0 failed, 1 not attempted", trouble: "Not attempted" + place + "interrupted"},
		{name: "the run ended before", restore: kept, result: cluster.Result{Outcome: cluster.NotAttempted, Err: cluster.ErrInterrupted}, action: "notAttempted", summary: ResultSummary{NotAttempted: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 0 failed, 1 not attempted"}, // counted: it is the same for many
		{name: "uncertain", restore: restore, result: cluster.Result{Outcome: cluster.Uncertain, Err: errors.New("EOF")}, action: "uncertain", changes: 1, summary: ResultSummary{Uncertain: 1},
			line: "0 restored, 0 unchanged, 0 left alone, 0 failed, 1 uncertain", trouble: "Uncertain, it may have been changed" + place + "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.result.Write = tune.RestoreWrite{Restore: tc.restore}
			if tc.result.Outcome == cluster.Configured {
				tc.result.Back = &tc.restore
			}
			results := NewResults("", cluster.Restored, PlannedRestores([]tune.Restore{tc.restore})).With(cluster.Outcomes{Objects: []cluster.Result{tc.result}}, nil)
			assert.Equal(t, tc.action, results.Items[0].Action)
			assert.Len(t, results.Items[0].Changes, tc.changes)
			assert.Equal(t, tc.summary, results.Summary)
			assert.Equal(t, tc.line, results.Summary.Line(results.Done))
			var troubles []string
			if tc.trouble != "" {
				troubles = []string{tc.trouble}
			}
			assert.Equal(t, troubles, results.Troubles())
		})
	}
}

// What became of the rules of owners is told beside the objects, and not counted with them unless it failed.
func TestResultsOfRules(t *testing.T) {
	t.Parallel()
	owner := object(t, "ks", "flux-system", "apps", nil)
	other := object(t, "ks", "flux-system", "infra", nil)
	adopted := object(t, "ks", "flux-system", "shop", func(o *flux.Object) {
		o.Ignore = []flux.IgnoreRule{{Paths: []string{"/spec/interval"}}}
		o.Annotations = map[string]string{tune.PinsAnnotation: `{"rules":["9279f48e6ecf3fb5"]}`}
		o.Owners = []flux.FieldOwner{{Field: flux.IgnoreField, Manager: flux.Manager{Name: "kustomize-controller", Apply: true}}}
	})
	pin := tune.Pin{Owner: owner, Objects: 2, Rules: tune.Rules([]tune.Need{{Object: object(t, "ks", "dev", "web", nil).Ref, Fields: []flux.Field{flux.Interval}}})}
	results := NewResults("", cluster.Configured, nil).With(cluster.Outcomes{Owners: []cluster.Result{
		{Write: tune.PinWrite{Pin: pin}, Outcome: cluster.Configured},
		{Write: tune.PinWrite{Pin: tune.Pin{Owner: other}}, Outcome: cluster.Configured},
		{Write: tune.PinWrite{Pin: tune.Pin{Owner: adopted}}, Outcome: cluster.Configured},
		{Write: tune.PinWrite{Pin: pin}, Outcome: cluster.Failed, Err: errors.New("no")},
		{Write: tune.PinWrite{Pin: tune.Pin{Owner: other}}, Outcome: cluster.Unchanged, Why: "taken away again", TakenBack: true},
	}}, nil)
	assert.Equal(t, ResultSummary{Failed: 1}, results.Summary)
	assert.Equal(t, "The rules in spec.ignore of 1 Kustomization changed.\nThe rules in spec.ignore of 1 Kustomization were set, and taken away again.", results.RulesLine())
	assert.Equal(t, []string{"Failed: Kustomization flux-system/apps: no"}, results.Troubles())
	assert.Equal(t, lines(
		"NAMESPACE     KIND            NAME    RESULT       CHANGES   WHY",
		"flux-system   Kustomization   apps    configured             leaves the changed fields of 2 objects to fluxtune",
		"flux-system   Kustomization   infra   configured             had no rule of fluxtune any more: the note of them is gone",
		"flux-system   Kustomization   shop    configured             the rules that fluxtune added are declared by kustomize-controller now: they stay, and the note of them is gone",
		"flux-system   Kustomization   apps    failed                 no",
		"flux-system   Kustomization   infra   unchanged              taken away again",
	), draw(t, results.Table(true), Layout{}))
}

func TestVersion(t *testing.T) {
	t.Parallel()
	v := Version{ClientVersion: ClientVersion{Version: "v1.2.3"}}
	assert.Equal(t, "Client Version: v1.2.3\n", v.String())
	v.ServerVersion = "v1.36.3"
	assert.Equal(t, "Client Version: v1.2.3\nServer Version: v1.36.3\n", v.String())
	v.Head = Head{APIVersion, "Version"}
	v.ClientVersion.GoVersion, v.ClientVersion.Platform = "go1.26.0", "linux/amd64"
	goldenJSON(t, "version/version.json", v)
}

// Many objects with the same trouble share a line, which names the first and counts the rest.
func TestTroublesAreGrouped(t *testing.T) {
	t.Parallel()
	var restores []tune.Restore
	var out cluster.Outcomes
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		kept := "spec.interval stays 1m, as session s2 set it"
		if name == "f" {
			kept = "spec.interval stays 3m, as session s2 set it"
		}
		r := tune.Restore{Object: object(t, "ks", "prod", name, nil), Action: tune.ActionChange, Kept: []tune.KeptField{{Field: flux.Interval, Why: kept}}}
		restores = append(restores, r)
		out.Objects = append(out.Objects, cluster.Result{Write: tune.RestoreWrite{Restore: r}, Back: &r, Outcome: cluster.Configured})
	}
	assert.Equal(t, []string{
		"Not taken back: Kustomization prod/a, Kustomization prod/b, Kustomization prod/c and 2 more: spec.interval stays 1m, as session s2 set it",
		"Not taken back: Kustomization prod/f: spec.interval stays 3m, as session s2 set it",
	}, NewResults("", cluster.Restored, PlannedRestores(restores)).With(out, nil).Troubles())

	for i, r := range out.Objects { // the API server names what it refuses
		out.Objects[i].Outcome = cluster.Failed
		out.Objects[i].Err = fmt.Errorf("kustomizations %q is forbidden: User \"carol\" cannot patch", r.Write.Target().Name)
	}
	assert.Contains(t, NewResults("", cluster.Restored, PlannedRestores(restores)).With(out, nil).Troubles(),
		`Failed: Kustomization prod/a, Kustomization prod/b, Kustomization prod/c and 3 more: kustomizations "..." is forbidden: User "carol" cannot patch`)
}
