package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Rules that Git has adopted are Git's for all who ask: they hold also what no record needs, they stay when we go, and
// nothing is to be pinned beside them.
func TestAdoptedRulesAreGits(t *testing.T) {
	t.Parallel()
	pinned := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {From: ptr("10m"), To: ptr("1m"), Pinned: true}})}}
	web := object(t, "gitrepo", child(flux.Interval), interval("1m"), recorded(pinned.String()))
	shop := object(t, "gitrepo", child(flux.Interval), named("apps", "shop")) // taken back since
	rules := Rules([]Need{need(web, flux.Interval), need(shop, flux.Interval)})
	owner := pinning(t, rules...)
	ownedBy(flux.IgnoreField, applies("kustomize-controller"))(&owner)
	j := NewJudge(flux.Snapshot{Objects: []flux.Object{web, shop}, Related: []flux.Object{owner}})

	assert.Empty(t, OurRules(owner))
	for _, o := range []flux.Object{web, shop} {
		s := j.Judge(o, []flux.Field{flux.Interval})
		assert.Equal(t, Held, s.Verdict, o.Ref)
		assert.False(t, s.Pinned, "%s: Git's rule holds it, not ours", o.Ref)
	}
	restores := []Restore{{Object: web, Action: ActionChange}}
	assert.Equal(t, []string{"spec.ignore of Kustomization flux-system/apps keeps a rule that is not fluxtune's, or not any more: it leaves spec.interval of 1 to the cluster, so that Git does not set it"}, RulesLeft(j, restores))
	assert.Empty(t, j.ComesBack(web), "Git's rule stays when the record goes")

	own := NewJudge(flux.Snapshot{Objects: []flux.Object{web, shop}, Related: []flux.Object{pinning(t, rules...)}})
	assert.Equal(t, []flux.Field{flux.Interval}, own.ComesBack(web))
	assert.Empty(t, RulesLeft(own, restores))
	assert.Empty(t, own.ComesBack(shop), "it has no record")
	gone := NewJudge(flux.Snapshot{Objects: []flux.Object{web}, Related: []flux.Object{parent(t)}})
	assert.Empty(t, gone.ComesBack(web), "the rule is gone already")
}

// Of an owner that was not read it is said how many of the objects its rules hold: those that are pinned by their records.
func TestOwnersUnread(t *testing.T) {
	t.Parallel()
	tuned := func(name string, pinned bool) flux.Object {
		record := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {From: ptr("10m"), To: ptr("1m"), Pinned: pinned}})}}
		return object(t, "gitrepo", child(flux.Interval), interval("1m"), recorded(record.String()), named("apps", name))
	}
	objects := []flux.Object{tuned("held", true), tuned("patched", false)}
	var restores []Restore
	for _, o := range objects {
		restores = append(restores, Restore{Object: o, Action: ActionChange})
	}
	unread := NewJudge(flux.Snapshot{Objects: objects})
	assert.Equal(t, []string{"Kustomization flux-system/apps, whose rules hold 1 of these, was not read: whether the rules can be taken away shows when it is tried; doctor names those that stay to whoever may read it"},
		OwnersUnread(unread, restores))
	assert.Empty(t, OwnersUnread(unread, restores[1:]), "it is not pinned")
	assert.Empty(t, OwnersUnread(NewJudge(flux.Snapshot{Objects: objects, Related: []flux.Object{parent(t)}}), restores))
}

// While a session may be about to change objects under rules, none of ours goes; it is said which, whose they are, and until when.
func TestRulesAwaited(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	web := object(t, "gitrepo", child(flux.Interval))
	before := parent(t)
	w := PinWrite{Pin: Pin{Owner: before, Rules: Rules([]Need{need(web, flux.Interval)})}, Run: "s1", Until: noon.Add(time.Minute)}
	owner := patched(t, before, w.Next(before))
	assert.Equal(t, Next{State: StateAsWanted, Why: "has the rules already"}, w.Next(owner), "it is noted once")
	assert.Equal(t, map[string]time.Time{"s1": noon.Add(time.Minute)}, Waiting(owner, noon))

	owners, objects := []flux.Object{owner}, []flux.Object{web}
	assert.Empty(t, RulesAfter(owners, objects, nil, nil, noon, nil))
	assert.Equal(t, []string{"spec.ignore of Kustomization flux-system/apps keeps rules that no object needs (GitRepository apps/web): session s1 has set rules there, and is about to change objects under them. They go at its end; if it was killed, with a revert of what it was to change, or with any after 2026-03-01 12:01:00 UTC"},
		RulesAwaited(owners, objects, nil, nil, noon, nil))
	assert.Empty(t, RulesAwaited(owners, objects, []flux.Ref{web.Ref}, nil, noon, nil), "nobody knows whether it needs them")

	takes := func(ref flux.Ref) bool { return ref == web.Ref }
	assert.Len(t, RulesAfter(owners, objects, nil, nil, noon, takes), 1, "a revert of the object takes its rule")
	assert.Empty(t, RulesAwaited(owners, objects, nil, nil, noon, takes))
	taken := patched(t, owner, PinWrite{Pin: Pin{Owner: owner}, Settles: true, Now: noon, Takes: takes}.Next(owner))
	assert.Empty(t, OurRules(taken))
	assert.Empty(t, Waiting(taken, noon), "there is nothing to wait for")

	later := noon.Add(time.Minute)
	assert.Len(t, RulesAfter(owners, objects, nil, nil, later, nil), 1)
	assert.Empty(t, RulesAwaited(owners, objects, nil, nil, later, nil))

	// Another session that counts on the same rules is noted beside it, and leaves by itself.
	second := patched(t, owner, PinWrite{Pin: Pin{Owner: owner, Rules: w.Pin.Rules}, Run: "s2", Until: later}.Next(owner))
	left := patched(t, second, LeaveWrite{Owner: second, Session: "s1"}.Next(second))
	assert.Equal(t, map[string]time.Time{"s2": later}, Waiting(left, noon))
	settles := PinWrite{Pin: Pin{Owner: left, Rules: []flux.IgnoreRule{}}, Settles: true, Run: "s1", Now: noon}
	assert.Equal(t, StateAsWanted, settles.Next(left).State, "the rules are left to the last one")
	assert.Nil(t, settles.Next(left).Patch)
	last := patched(t, left, LeaveWrite{Owner: left, Session: "s2"}.Next(left))
	assert.Equal(t, Next{State: StateAsWanted}, LeaveWrite{Owner: last, Session: "s2"}.Next(last))
	settles.Pin.Owner = last
	assert.NotNil(t, settles.Next(last).Patch)
}
