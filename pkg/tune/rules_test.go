package tune

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func TestRuleTargets(t *testing.T) {
	t.Parallel()
	web := object(t, "GitRepository", marked("team", "web"))
	for _, tc := range []struct {
		target *flux.IgnoreTarget
		want   bool
	}{
		{nil, true},
		{&flux.IgnoreTarget{}, true},
		{&flux.IgnoreTarget{Kind: "GitRepository", Name: "web", Namespace: "apps"}, true},
		{&flux.IgnoreTarget{Group: `source\.toolkit\.fluxcd\.io`}, true},
		{&flux.IgnoreTarget{Name: "w.*"}, true},
		{&flux.IgnoreTarget{Name: "we"}, false},
		{&flux.IgnoreTarget{Name: "web|shop"}, true},
		{&flux.IgnoreTarget{Name: "["}, false},
		{&flux.IgnoreTarget{Kind: "Kustomization"}, false},
		{&flux.IgnoreTarget{Namespace: "other"}, false},
		{&flux.IgnoreTarget{LabelSelector: "team=web"}, true},
		{&flux.IgnoreTarget{LabelSelector: "team=shop"}, false},
		{&flux.IgnoreTarget{LabelSelector: "=="}, false},
		{&flux.IgnoreTarget{AnnotationSelector: "frozen"}, false},
	} {
		assert.Equal(t, tc.want, compile(object(t, "ks", ignoring(flux.IgnoreRule{Paths: []string{"/spec"}, Target: tc.target})))[0].selects(web), "%+v", tc.target)
	}
}

// What a rule of ours names is found again, whatever is in the names: dots are no wildcards.
func TestNamesAsPattern(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"web"}, {"web", "shop"}, {"web.v1", "source.toolkit.fluxcd.io", "a-b"}, {`a\b`, "a+b", "(x)"}} {
		got, ok := splitNames(joinNames(names))
		assert.True(t, ok, names)
		assert.Equal(t, names, got)
	}
	for _, pattern := range []string{"w.*", "web.v1", "(web|shop)", "[", `\d`, "web|w.*"} {
		_, ok := splitNames(pattern)
		assert.False(t, ok, pattern)
	}
	p := newPattern(joinNames([]string{"web.v1", "shop"}))
	for name, want := range map[string]bool{"web.v1": true, "shop": true, "webxv1": false, "web": false, "web.v1|shop": false} {
		assert.Equal(t, want, p.matches(name), name)
	}
}

// A version is compared with that of the manifest that is applied, and where that is not known, nobody can tell.
func TestRulesOfAVersion(t *testing.T) {
	t.Parallel()
	web := object(t, "GitRepository")
	list := compile(object(t, "ks", ignoring(flux.IgnoreRule{Paths: []string{"/spec"}, Target: &flux.IgnoreTarget{Version: "v1beta.*"}})))
	for version, want := range map[string]leave{"v1beta2": {byOthers: true}, "v1": {}, "": {unsure: true}} {
		assert.Equal(t, want, list.leaves(web, version, flux.Interval), version)
	}
}

func TestRulesLeave(t *testing.T) {
	t.Parallel()
	web := object(t, "gitrepo")
	ours := Rules([]Need{{web.Ref, []flux.Field{flux.Interval}}})[0]
	theirs := flux.IgnoreRule{Paths: []string{"/spec/timeout"}}
	pinned := pinning(t, ours)
	pinned.Ignore = append(pinned.Ignore, theirs)
	list := compile(pinned)
	for f, want := range map[flux.Field][2]bool{flux.Interval: {false, true}, flux.Timeout: {true, false}, flux.RetryInterval: {false, false}} {
		assert.Equal(t, leave{byOthers: want[0], byUs: want[1]}, list.leaves(web, "v1", f), f)
	}
	pinned.Ignore = append(pinned.Ignore, ours) // somebody has added the same
	assert.Equal(t, leave{byOthers: true, byUs: true}, compile(pinned).leaves(web, "v1", flux.Interval))
}

// Of rules without a target only the last counts, and a path with a slash behind it is another field.
func TestRulesAsFluxReadsThem(t *testing.T) {
	t.Parallel()
	web := object(t, "gitrepo")
	rule := func(paths ...string) flux.IgnoreRule { return flux.IgnoreRule{Paths: paths} }
	forAll := rule("/spec/interval")
	forAll.Target = &flux.IgnoreTarget{}
	for _, tc := range []struct {
		rules []flux.IgnoreRule
		want  bool
	}{
		{[]flux.IgnoreRule{rule("/spec/interval")}, true},
		{[]flux.IgnoreRule{rule("/spec/interval"), rule("/spec/suspend")}, false},
		{[]flux.IgnoreRule{rule("/spec/suspend"), rule("/spec/interval")}, true},
		{[]flux.IgnoreRule{forAll, rule("/spec/suspend")}, true},
		{[]flux.IgnoreRule{rule("/spec")}, true},
		{[]flux.IgnoreRule{rule("/spec/")}, false},
		{[]flux.IgnoreRule{rule("/")}, false},
		{[]flux.IgnoreRule{rule("")}, false},
	} {
		assert.Equal(t, leave{byOthers: tc.want}, compile(object(t, "ks", ignoring(tc.rules...))).leaves(web, "v1", flux.Interval), "%+v", tc.rules)
	}
}

// Thousands of objects of one parent are judged by looking names up: a rule is compiled once, and a list of names is
// no expression.
func TestManyPinnedSiblings(t *testing.T) {
	t.Parallel()
	const n = 2000
	pinned := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {From: ptr("10m"), To: ptr("5m"), Pinned: true}})}}
	var needs []Need
	objects := make([]flux.Object, 0, n)
	for i := range n {
		o := object(t, "gitrepo", child(flux.Interval), named("apps", fmt.Sprintf("web-%d", i)), recorded(pinned.String()))
		objects = append(objects, o)
		needs = append(needs, Need{o.Ref, []flux.Field{flux.Interval}})
	}
	rules := Rules(needs)
	assert.Len(t, rules, 1, "one rule for all")
	pattern := newPattern(rules[0].Target.Name)
	assert.Nil(t, pattern.re)
	assert.Len(t, pattern.literals, n)
	owner := pinning(t, rules...)
	assert.Less(t, len(owner.Annotations[PinsAnnotation]), 100, "the annotation does not grow with them")
	j := NewJudge(flux.Snapshot{Objects: objects, Related: []flux.Object{owner}})
	for _, o := range objects {
		assert.Equal(t, Held, j.Judge(o, []flux.Field{flux.Interval}).Verdict)
	}
}
