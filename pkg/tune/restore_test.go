package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func TestRestores(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}
	tuned := object(t, "ks", interval("1m"), recorded(record.String()))
	broken := object(t, "ks", recorded("{"))
	all := []flux.Object{object(t, "ks"), tuned, broken}
	assert.Equal(t, []Restore{DecideRestore(tuned, RestoreOptions{}), DecideRestore(broken, RestoreOptions{})}, Restores(all, RestoreOptions{}))
	other := RestoreOptions{Session: "s2"}
	named := object(t, "ks", recorded(`{"session": "s2"`))
	assert.Equal(t, []Restore{DecideRestore(named, other)}, Restores(append(all, named), other), "objects of other sessions are left out")
	assert.Empty(t, Restores(all[:1], RestoreOptions{}))
}

// wanted is a restore as the cases state it: without its object.
type wanted struct {
	Action  Action
	Reason  Reason
	Message string
	Changes []Change
	Kept    []string // the reasons, each of the field that it begins with
	Notes   []string
	Record  *Record
	Freed   []flux.Field // sorted
}

func summed(r Restore) wanted {
	w := wanted{Action: r.Action, Reason: r.Reason, Message: r.Message, Changes: r.Changes, Notes: r.Notes, Record: r.Record, Freed: sortedFields(r.Freed)}
	for _, k := range r.Kept {
		w.Kept = append(w.Kept, k.Why)
	}
	return w
}

func TestDecideRestore(t *testing.T) {
	t.Parallel()
	one := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "5m0s", "1m"), move(flux.Timeout, "", "2m")))}}
	three := Record{Steps: []Step{
		step("s1", moves(move(flux.Interval, "5m", "3m"), move(flux.Timeout, "", "2m"))),
		step("s2", moves(move(flux.Interval, "3m", "1m"))),
		step("s3", moves(move(flux.Interval, "1m", "30s"), move(flux.RetryInterval, "", "20s"))),
	}}
	has := func(r Record) func(*flux.Object) { return recorded(r.String()) }
	ofInterval := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}
	ofBoth := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.RetryInterval, "", "20s")))}}
	asTuned := object(t, "ks", interval("1m"), timeout("2m"), has(one))
	asTunedThrice := object(t, "ks", interval("30s"), timeout("2m"), retry("20s"), has(three))
	back := []Change{change(flux.Interval, "1m", "5m0s"), change(flux.Timeout, "2m", "")}
	both := []flux.Field{flux.Interval, flux.Timeout}
	const (
		sinceForget     = ", forget keeps what is there)"
		intervalChanged = "spec.interval was set to 1m and is now 7m: somebody changed it since (--force restores 5m" + sinceForget
		retriesChanged  = "spec.retryInterval was set to 20s and is now 9s: somebody changed it since (--force restores <unset>" + sinceForget
	)
	done := func(session string, changes []Change, record *Record, freed ...flux.Field) wanted {
		return wanted{Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session " + session, Changes: changes, Record: record, Freed: freed}
	}
	followed := func(w wanted, why ...string) wanted { w.Kept = why; return w }
	noted := func(w wanted, note string) wanted { w.Notes = []string{note}; return w }
	for _, tc := range []struct {
		name    string
		object  flux.Object
		options RestoreOptions
		want    wanted
	}{
		{"not tuned", object(t, "ks"), RestoreOptions{}, wanted{Action: ActionUnchanged, Reason: ReasonNotTuned, Message: "not tuned by fluxtune"}},
		{"everything", asTuned, RestoreOptions{}, done("s1", back, nil, both...)},
		{
			"values written otherwise", object(t, "ks", interval("60s"), timeout("2m0s"), has(one)), RestoreOptions{},
			done("s1", []Change{change(flux.Interval, "60s", "5m0s"), change(flux.Timeout, "2m0s", "")}, nil, both...),
		},
		{
			"everything of three sessions", asTunedThrice, RestoreOptions{},
			done("s3", []Change{change(flux.Interval, "30s", "5m"), change(flux.RetryInterval, "20s", ""), change(flux.Timeout, "2m", "")}, nil,
				flux.Interval, flux.RetryInterval, flux.Timeout),
		},
		{
			"the newest session", asTunedThrice, RestoreOptions{Session: "s3"},
			done("s3", []Change{change(flux.Interval, "30s", "1m"), change(flux.RetryInterval, "20s", "")}, &Record{Steps: three.Steps[:2]}, flux.RetryInterval),
		},
		{
			"a session that another one followed is taken out of the record", asTunedThrice, RestoreOptions{Session: "s2"},
			followed(done("s3", nil, &Record{Steps: []Step{three.Steps[0], step("s3", moves(move(flux.Interval, "3m", "30s"), move(flux.RetryInterval, "", "20s")))}}),
				"spec.interval stays 30s: session s3 set it later; reverting that one restores 3m, of session s1"),
		},
		{
			"with force it takes back what came on top", asTunedThrice, RestoreOptions{Session: "s2", Force: true},
			done("s3", []Change{change(flux.Interval, "30s", "3m")}, &Record{Steps: []Step{three.Steps[0], step("s3", move(flux.RetryInterval, "", "20s"))}}),
		},
		{
			"the first session: what follows the interval stays with it", asTunedThrice, RestoreOptions{Session: "s1"},
			followed(done("s3", nil, &Record{Steps: []Step{
				step("s2", move(flux.Interval, "5m", "1m")),
				step("s3", moves(three.Steps[2].Fields, move(flux.Timeout, "", "2m"))),
			}}), "spec.interval stays 30s: session s3 set it later; reverting that one restores 1m, of session s2",
				"spec.timeout stays 2m: it follows the interval where it is not set, and would be 30s with the interval that stays (30s)"),
		},
		{
			"an unknown session", asTunedThrice, RestoreOptions{Session: "s4", Force: true},
			wanted{Action: ActionSkip, Reason: ReasonOtherSession, Message: "tuned by session s3"},
		},
		{
			"changed since", object(t, "ks", interval("7m"), has(ofInterval)), RestoreOptions{},
			wanted{Action: ActionSkip, Reason: ReasonChangedSince, Message: intervalChanged, Kept: []string{intervalChanged}, Record: &ofInterval},
		},
		{
			"everything changed since", object(t, "ks", interval("7m"), retry("9s"), has(ofBoth)), RestoreOptions{},
			wanted{
				Action: ActionSkip, Reason: ReasonChangedSince, Message: intervalChanged + "; " + retriesChanged,
				Kept: []string{intervalChanged, retriesChanged}, Record: &ofBoth,
			},
		},
		{
			"changed since, with force", object(t, "ks", interval("7m"), timeout("2m"), has(one)), RestoreOptions{Force: true},
			done("s1", []Change{change(flux.Interval, "7m", "5m0s"), change(flux.Timeout, "2m", "")}, nil, both...),
		},
		{
			"partly changed since", object(t, "ks", interval("7m"), retry("20s"), has(ofBoth)), RestoreOptions{},
			followed(done("s1", []Change{change(flux.RetryInterval, "20s", "")}, &ofInterval, flux.RetryInterval), intervalChanged),
		},
		{
			"removed since", object(t, "ks", interval("1m"), has(Record{Steps: []Step{step("s1", move(flux.Timeout, "3m", "2m"))}})), RestoreOptions{},
			wanted{
				Action: ActionSkip, Reason: ReasonChangedSince, Record: &Record{Steps: []Step{step("s1", move(flux.Timeout, "3m", "2m"))}},
				Message: "spec.timeout was set to 2m and is now <unset>: somebody changed it since (--force restores 3m" + sinceForget,
				Kept:    []string{"spec.timeout was set to 2m and is now <unset>: somebody changed it since (--force restores 3m" + sinceForget},
			},
		},
		{
			"restored by Git since: only the record goes", object(t, "ks", interval("5m0s"), timeout("2m"), has(one)), RestoreOptions{},
			done("s1", []Change{change(flux.Timeout, "2m", "")}, nil, both...),
		},
		{
			"restored to absent since", object(t, "ks", has(Record{Steps: []Step{step("s1", move(flux.Timeout, "", "2m"))}})), RestoreOptions{},
			done("s1", nil, nil, flux.Timeout),
		},
		{
			"somebody went back to what an earlier session set", object(t, "ks", interval("3m"), timeout("2m"), has(three)), RestoreOptions{Session: "s2"},
			done("s3", nil, &Record{Steps: []Step{three.Steps[0], step("s3", move(flux.RetryInterval, "", "20s"))}}),
		},
		{
			"the chart template is gone since", object(t, "hr", interval("1m"), has(Record{Steps: []Step{
				step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.ChartInterval, "5m", "1m"))),
			}})), RestoreOptions{},
			noted(done("s1", []Change{change(flux.Interval, "1m", "5m")}, nil, flux.ChartInterval, flux.Interval),
				"spec.chart.spec.interval is gone together with its chart template: nothing to restore"),
		},
		{"deleting", object(t, "ks", interval("1m"), has(one), deleting), RestoreOptions{Force: true}, wanted{Action: ActionSkip, Reason: ReasonDeleting, Message: "being deleted"}},
		{"suspended objects are given back too", object(t, "ks", interval("1m"), timeout("2m"), has(one), suspend), RestoreOptions{}, done("s1", back, nil, both...)},
		{
			"an unreadable record", object(t, "ks", recorded("5m"), deleting), RestoreOptions{Force: true},
			wanted{
				Action: ActionSkip, Reason: ReasonBadRecord,
				Message: "reading annotation fluxtune.github.io/original: json: cannot unmarshal JSON number into Go tune.recordRead: restore the object by hand, then run forget on it",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := DecideRestore(tc.object, tc.options)
			assert.Equal(t, tc.object, got.Object)
			assert.Equal(t, tc.want, summed(got))
		})
	}
}

// Who owns a field now tells whether somebody has chosen its value since, also where it is the one that we set.
func TestDecideRestoreByOwners(t *testing.T) {
	t.Parallel()
	git := applies("kustomize-controller")
	once := step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{git}}})
	pinned := step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{git}, Pinned: true}})
	ofTerraform := step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{applies("terraform")}}})
	byAlice := once
	byAlice.Manager = "alice"
	back := []Change{change(flux.Interval, "1m", "5m")}
	for _, tc := range []struct {
		name   string
		now    string
		step   Step
		owners []flux.Manager
		want   wanted
	}{
		{"ours", "1m", once, []flux.Manager{updates("fluxtune")}, wanted{Changes: back, Freed: []flux.Field{flux.Interval}}},
		{"ours by another name", "1m", byAlice, []flux.Manager{updates("alice")}, wanted{Changes: back, Freed: []flux.Field{flux.Interval}}},
		{"ours, as the API server keeps it", "1m", once, []flux.Manager{updates(ancientChanges)}, wanted{Changes: back, Freed: []flux.Field{flux.Interval}}},
		{"another value, of which the API server does not know who set it", "7m", once, []flux.Manager{updates(ancientChanges)}, wanted{Kept: []string{
			"spec.interval was set to 1m and is now 7m: somebody changed it since (--force restores 5m, forget keeps what is there)",
		}}},
		{"set by hand to what we had set", "1m", once, []flux.Manager{updates("kubectl-edit")}, wanted{Kept: []string{
			"spec.interval is 1m, as it was set, and somebody (kubectl-edit) has set it to the same since (--force restores 5m, forget keeps what is there)",
		}}},
		{"applied by hand on the server side", "7m", once, []flux.Manager{applies("kubectl")}, wanted{Kept: []string{
			"spec.interval was set to 1m and is now 7m: somebody (kubectl) changed it since (--force restores 5m, forget keeps what is there)",
		}}},
		{"applied by somebody we do not know", "7m", once, []flux.Manager{applies("bob")}, wanted{Kept: []string{
			"spec.interval was set to 1m and is now 7m: somebody (bob) changed it since (--force restores 5m, forget keeps what is there)",
		}}},
		{"applied again by somebody we do not know", "7m", ofTerraform, []flux.Manager{applies("terraform")}, wanted{
			Notes: []string{"spec.interval is 7m, as terraform sets it now"}, Freed: []flux.Field{flux.Interval},
		}},
		{"applied by somebody by our own name", "4m", once, []flux.Manager{applies("fluxtune")}, wanted{Kept: []string{
			"spec.interval was set to 1m and is now 4m: somebody (fluxtune) changed it since (--force restores 5m, forget keeps what is there)",
		}}},
		{"applied by somebody by the name that we were given", "1m", byAlice, []flux.Manager{updates("alice"), applies("alice")}, wanted{Kept: []string{
			"spec.interval is 1m, as it was set, and somebody (alice) has set it to the same since (--force restores 5m, forget keeps what is there)",
		}}},
		{"set in Git to what we had set", "1m", once, []flux.Manager{git}, wanted{
			Notes: []string{"spec.interval is 1m, as kustomize-controller sets it now"}, Freed: []flux.Field{flux.Interval},
		}},
		{"beside us", "1m", once, []flux.Manager{updates("fluxtune"), git}, wanted{
			Notes: []string{"spec.interval is 1m, as kustomize-controller sets it now"}, Freed: []flux.Field{flux.Interval},
		}},
		{"set in Git to another", "7m", once, []flux.Manager{git}, wanted{
			Notes: []string{"spec.interval is 7m, as kustomize-controller sets it now"}, Freed: []flux.Field{flux.Interval},
		}},
		{"set in Git to what it was, written otherwise", "300s", once, []flux.Manager{git}, wanted{Freed: []flux.Field{flux.Interval}}},
		{"set by an update of a controller", "7m", once, []flux.Manager{updates("helm-controller")}, wanted{
			Notes: []string{"spec.interval is 7m, as helm-controller sets it now"}, Freed: []flux.Field{flux.Interval},
		}},
		{"set by an update of Helm's command", "7m", once, []flux.Manager{updates("helm")}, wanted{
			Notes: []string{"spec.interval is 7m, as helm sets it now"}, Freed: []flux.Field{flux.Interval},
		}},
		{"set by an update of somebody we do not know", "7m", ofTerraform, []flux.Manager{updates("terraform")}, wanted{Kept: []string{
			"spec.interval was set to 1m and is now 7m: somebody (terraform) changed it since (--force restores 5m, forget keeps what is there)",
		}}},
		{"pinned, and Git has adopted it on the way", "1m", pinned, []flux.Manager{updates("fluxtune"), git}, wanted{Changes: back, Freed: []flux.Field{flux.Interval}}},
		{"pinned, and somebody else applies it", "1m", pinned, []flux.Manager{applies("argocd-controller")}, wanted{
			Notes: []string{"spec.interval is 1m, as argocd-controller sets it now"}, Freed: []flux.Field{flux.Interval},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := Record{Steps: []Step{tc.step}}
			got := summed(DecideRestore(object(t, "ks", interval(tc.now), recorded(r.String()), ownedBy(flux.Interval, tc.owners...)), RestoreOptions{}))
			assert.Equal(t, tc.want, wanted{Changes: got.Changes, Kept: got.Kept, Notes: got.Notes, Freed: got.Freed})
		})
	}
}

// What an owner chose between two sessions is what a revert restores.
func TestRestoreGoesBackToTheOwnersLastChoice(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m")), step("s2", move(flux.Interval, "10m", "1m"))}}
	o := object(t, "ks", interval("1m"), recorded(r.String()))
	for _, session := range []string{"", "s2"} {
		assert.Equal(t, []Change{change(flux.Interval, "1m", "10m")}, DecideRestore(o, RestoreOptions{Session: session}).Changes)
	}
	first := DecideRestore(o, RestoreOptions{Session: "s1"})
	assert.Equal(t, wanted{
		Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s2", Record: &Record{Steps: r.Steps[1:]},
	}, summed(first), "the first session's work has ended: only its record goes")
}

func TestShow(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "<unset>", Show(nil))
	assert.Equal(t, "1m", Show(ptr("1m0s")))
	assert.Equal(t, "soon", Show(ptr("soon")))
}

// What follows the interval where it is not set stays, while a later session's interval does: it would become shorter than
// anybody asked for. The later session takes it back with its own.
func TestRestoreKeepsWhatALaterIntervalNeeds(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{
		step("s1", moves(move(flux.Interval, "30m", "1m"), move(flux.Timeout, "", "29m30s"), move(flux.RetryInterval, "", "30m"))),
		step("s2", move(flux.Interval, "1m", "40s")),
	}}
	o := object(t, "ks", interval("40s"), timeout("29m30s"), retry("30m"), recorded(r.String()))
	first := DecideRestore(o, RestoreOptions{Session: "s1"})
	assert.Empty(t, first.Changes)
	assert.Len(t, first.Kept, 3)
	assert.Contains(t, first.KeptMessage(), "spec.timeout stays 29m30s: it follows the interval where it is not set, and would be 30s with the interval that stays (40s)")
	assert.Empty(t, first.Freed)

	o.Annotations = map[string]string{RecordAnnotation: first.Record.String()}
	second := DecideRestore(o, RestoreOptions{Session: "s2"})
	assert.ElementsMatch(t, []Change{
		change(flux.Interval, "40s", "30m"), change(flux.Timeout, "29m30s", ""), change(flux.RetryInterval, "30m", ""),
	}, second.Changes)
	assert.Nil(t, second.Record)

	// In the other order nothing is in the way.
	o.Annotations = map[string]string{RecordAnnotation: r.String()}
	assert.Equal(t, []Change{change(flux.Interval, "40s", "1m")}, DecideRestore(o, RestoreOptions{Session: "s2"}).Changes)
}

// The same where somebody has set the interval since.
func TestRestoreKeepsWhatAnEditedIntervalNeeds(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "30m", "1m"), move(flux.Timeout, "", "29m30s")))}}
	o := object(t, "ks", interval("40s"), timeout("29m30s"), recorded(r.String()), ownedBy(flux.Interval, updates("kubectl-edit")))
	got := DecideRestore(o, RestoreOptions{})
	assert.Empty(t, got.Changes)
	assert.Len(t, got.Kept, 2)
	assert.Len(t, DecideRestore(o, RestoreOptions{Force: true}).Changes, 2)
}

// What an apply would leave alone for what a change sets off, a revert leaves alone, too, unless it is forced: nobody may be there to see
// what comes of it. An apply that was told to include it takes it back at its end.
func TestRestoreSetsNothingOff(t *testing.T) {
	t.Parallel()
	tuned := func(f flux.Field, changes ...func(*flux.Object)) flux.Object {
		r := Record{Steps: []Step{step("s", move(f, "5m", "1m"))}}
		return object(t, "hr", append([]func(*flux.Object){interval("1m"), ownedBy(f, updates(DefaultManager)), recorded(r.String())}, changes...)...)
	}
	gaveUp := tuned(flux.Interval, func(o *flux.Object) {
		o.Status.Ready, o.Status.Stalled, o.Status.StalledReason = "False", true, "RetriesExceeded"
	})
	values := tuned(flux.ChartInterval, chart("1m"), func(o *flux.Object) { o.MergesValues = true })
	unfetched := tuned(flux.ChartInterval, chart("1m"), func(o *flux.Object) {
		o.SourceRef = flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "HelmRepository", Namespace: "apps", Name: "charts"}
	})
	broken := object(t, "helmchart", named("apps", "apps-web"), func(o *flux.Object) { o.Status.Ready, o.Status.ReadyReason = "False", "ChartPullFailed" })
	s := flux.Snapshot{Objects: []flux.Object{unfetched}, Related: []flux.Object{broken}}
	care := Options{Judge: NewJudge(s), Graph: NewGraph(s.All())}
	included := care
	included.IncludeFailed, included.IncludeUpgrades = true, true
	for _, tc := range []struct {
		object flux.Object
		reason Reason
		says   string
	}{
		{gaveUp, ReasonRetriesExhausted, "its retries are used up, and a change makes it try again (revert --force takes it back all the same)"},
		{values, ReasonUpgrades, "its chart is made with valuesFiles, and any change of it makes helm-controller upgrade the release (revert --force takes it back all the same)"},
		{unfetched, ReasonFailingChart, "HelmChart apps/apps-web cannot be fetched (ChartPullFailed), and a change would keep the HelmReleases that use it from being reconciled until it can (revert --force takes it back all the same)"},
	} {
		got := DecideRestore(tc.object, RestoreOptions{Care: &care})
		assert.Equal(t, Restore{Object: tc.object, Action: ActionSkip, Reason: tc.reason, Message: tc.says}, got)
		assert.True(t, got.Deferred())
		decide := func(o flux.Object) Restore { return DecideRestore(o, RestoreOptions{Care: &care}) }
		require.EqualError(t, RestoreWrite{Decide: decide}.Next(tc.object).Err, tc.says, "where it came to be so after the plan was made")
		assert.Equal(t, ActionChange, DecideRestore(tc.object, RestoreOptions{Care: &care, Force: true}).Action)
		assert.Equal(t, ActionChange, DecideRestore(tc.object, RestoreOptions{Care: &included}).Action)
		assert.Equal(t, ActionChange, DecideRestore(tc.object, RestoreOptions{}).Action, "where nothing is written by it")
	}
	restored := gaveUp.WithValue(flux.Interval, ptr("5m"))
	assert.Equal(t, ActionChange, DecideRestore(restored, RestoreOptions{Care: &care}).Action, "its record goes")
	failed := tuned(flux.Interval, func(o *flux.Object) { o.Status.Ready, o.Status.ReadyReason = "False", "UpgradeFailed" })
	assert.Equal(t, []string{failuresNote}, DecideRestore(failed, RestoreOptions{Care: &care}).Notes)
}

// What admission fills in where our value was is nobody's choice, and is not called one.
func TestRestoreOfWhatIsFilledIn(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.Timeout, "", "2m")))}}
	o := object(t, "ks", interval("5m"), timeout("97s"), recorded(record.String()), ownedBy(flux.Interval, flux.Manager{Name: DefaultManager}))
	r := DecideRestore(o, RestoreOptions{})
	require.Len(t, r.Kept, 1)
	assert.Equal(t, "spec.timeout is 1m37s, and nobody owns it: the API server (a default of the CRD, or admission) fills it in where it is not set, as it was before (forget drops the record)", r.Kept[0].Why)
	assert.NotNil(t, r.Record, "that it was not set before is known until somebody forgets it")
	ownedBy(flux.Timeout, flux.Manager{Name: "kubectl-edit"})(&o)
	assert.Contains(t, DecideRestore(o, RestoreOptions{}).Kept[0].Why, "somebody (kubectl-edit) changed it since")
}
