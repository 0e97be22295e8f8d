package tune

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

var theirs = flux.IgnoreRule{Paths: []string{"/metadata/labels/theirs"}, Target: &flux.IgnoreTarget{Kind: "Kustomization"}}

// pinning is the parent with rules of ours, as the API server would have it after they were written.
func pinning(t testing.TB, rules ...flux.IgnoreRule) flux.Object {
	t.Helper()
	before := parent(t)
	return patched(t, before, PinWrite{Pin: Pin{Owner: before, Rules: rules}}.Next(before))
}

// patched reads what a patch of a Kustomization sets.
func patched(t testing.TB, o flux.Object, next Next) flux.Object {
	t.Helper()
	require.NoError(t, next.Err)
	require.NotNil(t, next.Patch, next.Why)
	var p struct {
		Metadata struct {
			ResourceVersion string
			Annotations     map[string]*string
		}
		Spec struct{ Ignore *[]flux.IgnoreRule }
	}
	require.NoError(t, json.Unmarshal(next.Patch, &p))
	assert.Equal(t, o.ResourceVersion, p.Metadata.ResourceVersion)
	if strings.Contains(string(next.Patch), `"ignore":`) {
		o.Ignore = nil
		if p.Spec.Ignore != nil {
			o.Ignore = *p.Spec.Ignore
		}
	}
	annotations := map[string]string{}
	for key, value := range o.Annotations {
		annotations[key] = value
	}
	for key, value := range p.Metadata.Annotations {
		delete(annotations, key)
		if value != nil {
			annotations[key] = *value
		}
	}
	o.Annotations = annotations
	return o
}

func need(o flux.Object, fields ...flux.Field) Need { return Need{o.Ref, fields} }

func TestRules(t *testing.T) {
	t.Parallel()
	web := object(t, "ks")
	shop := object(t, "ks", named("apps", "shop.v2"))
	repo := object(t, "gitrepo")
	other := object(t, "gitrepo", named("other", "web"))
	both := []string{"/spec/interval", "/spec/timeout"}
	want := []flux.IgnoreRule{
		{Paths: both, Target: &flux.IgnoreTarget{Group: `source\.toolkit\.fluxcd\.io`, Kind: "GitRepository", Namespace: "apps", Name: "web"}},
		{Paths: both, Target: &flux.IgnoreTarget{Group: `kustomize\.toolkit\.fluxcd\.io`, Kind: "Kustomization", Namespace: "apps", Name: `shop\.v2|web`}},
		{Paths: both[:1], Target: &flux.IgnoreTarget{Group: `source\.toolkit\.fluxcd\.io`, Kind: "GitRepository", Namespace: "other", Name: "web"}},
	}
	assert.Equal(t, want, Rules([]Need{
		need(other, flux.Interval), need(web, flux.Timeout), need(repo, flux.Interval, flux.Timeout), need(web, flux.Interval, flux.Timeout),
		need(shop, flux.Timeout, flux.Interval),
	}))
	assert.Equal(t, []flux.IgnoreRule{}, Rules(nil))
	var names []flux.Ref
	for _, rule := range want {
		names = append(names, Targets(rule)...)
	}
	assert.Equal(t, []flux.Ref{repo.Ref, shop.Ref, web.Ref, other.Ref}, names)
	assert.Empty(t, Targets(flux.IgnoreRule{Paths: both}))
	assert.Empty(t, Targets(flux.IgnoreRule{Paths: both, Target: &flux.IgnoreTarget{Name: "w.*"}}))
}

func TestPinAndUnpin(t *testing.T) {
	t.Parallel()
	web := object(t, "ks", child(flux.Interval))
	dotted := object(t, "gitrepo", child(flux.Interval), named("apps", "web.v1"))
	before := parent(t, ignoring(theirs))
	rules := Rules([]Need{need(web, flux.Interval, flux.Timeout), need(dotted, flux.Interval)})
	w := PinWrite{Pin: Pin{Owner: before, Rules: rules}}
	assert.Equal(t, before, w.Target())
	after := patched(t, before, w.Next(before))
	assert.Equal(t, append([]flux.IgnoreRule{theirs}, rules...), after.Ignore)
	assert.Equal(t, rules, OurRules(after))
	assert.True(t, Pinning(after))
	tuned := web
	tuned.Annotations = map[string]string{RecordAnnotation: Record{Steps: []Step{step("s", map[flux.Field]Move{
		flux.Interval: {From: ptr("10m"), To: ptr("5m"), Pinned: true}, flux.Timeout: {To: ptr("2m"), Pinned: true},
	})}}.String()}
	assert.Equal(t, Held, NewJudge(flux.Snapshot{Related: []flux.Object{after}}).Judge(tuned, []flux.Field{flux.Interval, flux.Timeout}).Verdict)
	assert.Equal(t, Next{State: StateAsWanted, Why: "has the rules already"}, w.Next(after), "not added twice")

	fewer := PinWrite{Pin: Pin{Owner: after, Rules: rules[:1]}, Settles: true}
	assert.Equal(t, []flux.IgnoreRule{theirs, rules[0]}, patched(t, after, fewer.Next(after)).Ignore)

	none := PinWrite{Pin: Pin{Owner: after}, Settles: true}
	next := none.Next(after)
	left := patched(t, after, next)
	assert.Equal(t, []flux.IgnoreRule{theirs}, left.Ignore, "others' rules stay")
	assert.True(t, Pinning(left))
	last := none.Next(left)
	healed := patched(t, left, last)
	assert.Equal(t, []flux.IgnoreRule{theirs}, healed.Ignore)
	assert.Empty(t, healed.Annotations)
	assert.Equal(t, StateAsWanted, none.Next(healed).State)
}

func TestUnpinOfTheLastRule(t *testing.T) {
	t.Parallel()
	after := pinning(t, Rules([]Need{need(object(t, "ks"), flux.Interval)})...)
	next := PinWrite{Pin: Pin{Owner: after}, Settles: true}.Next(after)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/pins":"{\"rules\":[],\"manager\":\"fluxtune\"}"}},"spec":{"ignore":null}}`, string(next.Patch))
	gone := patched(t, after, next)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/pins":null}}}`, string(PinWrite{Pin: Pin{Owner: gone}, Settles: true}.Next(gone).Patch))
}

// A rule that somebody has changed is theirs now.
func TestRulesThatOthersChanged(t *testing.T) {
	t.Parallel()
	after := pinning(t, Rules([]Need{need(object(t, "ks"), flux.Interval)})...)
	after.Ignore[0].Paths = append(after.Ignore[0].Paths, "/spec/wait")
	assert.Empty(t, OurRules(after))
	next := PinWrite{Pin: Pin{Owner: after}, Settles: true}.Next(after)
	assert.Equal(t, after.Ignore, patched(t, after, next).Ignore)
}

// Of two rules that are equal, one is somebody else's and stays.
func TestEqualRuleOfOthers(t *testing.T) {
	t.Parallel()
	rule := Rules([]Need{need(object(t, "ks"), flux.Interval)})[0]
	after := pinning(t, rule)
	after.Ignore = append([]flux.IgnoreRule{rule, theirs}, after.Ignore...)
	next := PinWrite{Pin: Pin{Owner: after}, Settles: true}.Next(after)
	assert.Equal(t, []flux.IgnoreRule{rule, theirs}, patched(t, after, next).Ignore, "as they had them")
}

// A list that Git has adopted is Git's: nothing is taken out of it, and only the note of ours goes.
func TestUnpinLeavesWhatGitHasAdopted(t *testing.T) {
	t.Parallel()
	after := pinning(t, Rules([]Need{need(object(t, "ks"), flux.Interval)})...)
	ownedBy(flux.IgnoreField, updates("fluxtune"), applies("kustomize-controller"))(&after)
	assert.Empty(t, OurRules(after))
	next := PinWrite{Pin: Pin{Owner: after}, Settles: true}.Next(after)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/pins":null}}}`, string(next.Patch))

	more := PinWrite{Pin: Pin{Owner: after, Rules: Rules([]Need{need(object(t, "gitrepo"), flux.Interval)})}}
	assert.Equal(t, Next{State: StateLeftAlone, Why: "spec.ignore of Kustomization flux-system/apps is itself set by kustomize-controller: add the rule there"}, more.Next(after))
	same := PinWrite{Pin: Pin{Owner: after, Rules: after.Ignore}, Settles: true}
	assert.Equal(t, Next{State: StateAsWanted, Why: "has the rules already"}, same.Next(after), "what is still pinned is held by it")
}

// Whoever adds a rule of their own by an update becomes the owner of the whole list (it is atomic), under whatever name: ours are ours all
// the same, and go when no record needs them; theirs stays, and is theirs again.
func TestUnpinOfAListThatSomebodyHasAddedTo(t *testing.T) {
	t.Parallel()
	ours := Rules([]Need{need(object(t, "ks"), flux.Interval), need(object(t, "gitrepo"), flux.Interval)})
	for _, name := range []string{"jane", "terraform", "acme-controller", "kubectl-edit", "helm"} {
		after := pinning(t, ours...)
		after.Ignore = append(after.Ignore, theirs)
		ownedBy(flux.IgnoreField, updates(name))(&after)
		assert.Equal(t, ours, OurRules(after), name)
		one := PinWrite{Pin: Pin{Owner: after, Rules: ours[:1]}, Settles: true}
		assert.Equal(t, []flux.IgnoreRule{theirs, ours[0]}, patched(t, after, one.Next(after)).Ignore, name)
		left := patched(t, after, PinWrite{Pin: Pin{Owner: after}, Settles: true}.Next(after))
		assert.Equal(t, []flux.IgnoreRule{theirs}, left.Ignore, name)
		assert.Contains(t, left.Annotations[PinsAnnotation], `"owners":[{"manager":"`+name+`"`)
		assert.Equal(t, Next{State: StateAsWanted, Why: "has the rules already"}, PinWrite{Pin: Pin{Owner: after, Rules: ours}}.Next(after), "%s: nothing is to be added", name)
	}
}

// So is one that anybody has declared since with these rules: by server-side apply, which makes them its owner, or by kubectl
// apply, which then patches nothing but its annotation. Whoever has only changed it has declared nothing.
func TestUnpinLeavesWhatAnybodyHasDeclared(t *testing.T) {
	t.Parallel()
	rules := Rules([]Need{need(object(t, "ks"), flux.Interval)})
	list, err := json.Marshal(rules)
	require.NoError(t, err)
	declared := func(ignore string) func(*flux.Object) {
		return func(o *flux.Object) {
			o.Annotations[corev1.LastAppliedConfigAnnotation] = `{"spec":{"interval":"10m","ignore":` + ignore + `}}`
		}
	}
	for name, tc := range map[string]struct {
		change  func(*flux.Object)
		adopter string
	}{
		"kubectl, on the server": {ownedBy(flux.IgnoreField, updates("fluxtune"), applies("kubectl")), "kubectl"},
		"flux":                   {ownedBy(flux.IgnoreField, updates("fluxtune"), applies("flux")), "flux"},
		"its release, by an update": {func(o *flux.Object) {
			marked("helm.toolkit.fluxcd.io/name", "platform", "helm.toolkit.fluxcd.io/namespace", "ops")(o)
			ownedBy(flux.IgnoreField, updates("helm-controller"))(o)
		}, "helm-controller"},
		"kubectl, here":        {declared(string(list)), "kubectl-client-side-apply"},
		"kubectl, other rules": {declared(`[{"paths":["/spec/timeout"]}]`), ""},
		"kubectl, no rules":    {declared("null"), ""},
		"somebody's edit":      {ownedBy(flux.IgnoreField, updates("kubectl-edit")), ""},
		"nobody":               {ownedBy(flux.IgnoreField, updates("fluxtune")), ""},
	} {
		after := pinning(t, rules...)
		tc.change(&after)
		if tc.adopter == "" {
			assert.Equal(t, rules, OurRules(after), name)
			continue
		}
		assert.Empty(t, OurRules(after), name)
		next := PinWrite{Pin: Pin{Owner: after}, Settles: true}.Next(after)
		assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/pins":null}}}`, string(next.Patch), name)
		assert.Equal(t, "spec.ignore of Kustomization flux-system/apps is itself set by "+tc.adopter+": add the rule there", CannotPin(after), name)
	}
	before := parent(t, ignoring(theirs), ownedBy(flux.IgnoreField, applies("kubectl")))
	assert.Empty(t, CannotPin(before), "it has declared none of ours")
}

// A note that cannot be read names no rule: none is touched, the note stays for whoever mends it, and all who come past say so.
func TestUnreadablePins(t *testing.T) {
	t.Parallel()
	const remedy = ": take those that are not needed out of spec.ignore by hand, then run: kubectl annotate kustomization.kustomize.toolkit.fluxcd.io -n flux-system apps fluxtune.github.io/pins-"
	for note, why := range map[string]string{"{": "unexpected end of JSON input", "{}": "it names no rules", `"x"`: "json: cannot unmarshal string into Go value of type tune.pins"} {
		broken := parent(t, annotated(PinsAnnotation, note), ignoring(theirs))
		want := "reading annotation fluxtune.github.io/pins, which tells the rules of fluxtune in spec.ignore from those of others: " + why + remedy
		assert.Empty(t, OurRules(broken))
		require.EqualError(t, PinWrite{Pin: Pin{Owner: broken}, Settles: true}.Next(broken).Err, want)
		assert.Equal(t, "Kustomization flux-system/apps: "+want, CannotPin(broken))
		assert.Len(t, RulesAfter([]flux.Object{broken}, nil, nil, nil, time.Time{}, nil), 1, "named in revert, forget and doctor")
	}
	// Without a rule there is nothing to tell from others.
	empty := parent(t, annotated(PinsAnnotation, "{"))
	require.NoError(t, BadPins(empty))
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/pins":null}}}`, string(PinWrite{Pin: Pin{Owner: empty}, Settles: true}.Next(empty).Patch))
}

func TestCannotPin(t *testing.T) {
	t.Parallel()
	chartHas := parent(t, marked("helm.toolkit.fluxcd.io/name", "platform", "helm.toolkit.fluxcd.io/namespace", "ops"), ignoring(flux.IgnoreRule{Paths: []string{"/data"}}))
	const mayTakeAway = ", which may take the rules away: add them where that is written"
	for _, tc := range []struct {
		name  string
		owner flux.Object
		want  string
	}{
		{"a Kustomization", parent(t), ""},
		{"applied by Git", parent(t, child(flux.Interval)), ""},
		{"of a bootstrap", parent(t, child(flux.Interval), ownedBy(flux.Interval, applies("flux"))), ""},
		{"by hand", parent(t, ownedBy(flux.Interval, updates("kubectl-edit"))), ""},
		{"a HelmRelease", release()(t), "HelmRelease ops/platform has rules for drift only, none that hold an upgrade"},
		{"of another cluster", parent(t, func(o *flux.Object) { o.AppliesElsewhere = true }), "Kustomization flux-system/apps applies to another cluster"},
		{"opted out", parent(t, annotated(OptOutAnnotation, "no")), "Kustomization flux-system/apps is itself opted out by fluxtune.github.io/tune: no"},
		{"deleting", parent(t, deleting), "Kustomization flux-system/apps is being deleted"},
		{"spec.ignore is in Git", parent(t, ownedBy(flux.IgnoreField, applies("kustomize-controller"))), "spec.ignore of Kustomization flux-system/apps is itself set by kustomize-controller: add the rule there"},
		{"by a ResourceSet", parent(t, operated(flux.Interval), writtenBy(noon, applies("flux-operator"))), ""},
		{"by a FluxInstance", parent(t, marked("fluxcd.controlplane.io/name", "flux", "fluxcd.controlplane.io/namespace", "flux-system"), writtenBy(noon, applies("flux-operator"))), ""},
		{"by a ResourceSet that has rules", parent(t, operated(flux.IgnoreField), writtenBy(noon, applies("flux-operator"))), "spec.ignore of Kustomization flux-system/apps is itself set by flux-operator: add the rule there"},
		{"by a ResourceSet and somebody else", parent(t, operated(), writtenBy(noon, applies("flux-operator")), writtenBy(noon, applies("terraform"))), "Kustomization flux-system/apps is itself applied by terraform" + mayTakeAway},
		{"by a HelmRelease", parent(t, marked("helm.toolkit.fluxcd.io/name", "platform", "helm.toolkit.fluxcd.io/namespace", "ops"), writtenBy(noon, updates("helm-controller"))), ""},
		{"by a HelmRelease, with rules of nobody knows whom", chartHas, "spec.ignore of Kustomization flux-system/apps may be set by HelmRelease ops/platform: add the rule there"},
		{"by the helm command", parent(t, annotated("meta.helm.sh/release-name", "apps")), "Kustomization flux-system/apps is itself applied by Helm release apps" + mayTakeAway},
		{"by Argo CD", parent(t, annotated("argocd.argoproj.io/tracking-id", "fleet:x")), "Kustomization flux-system/apps is itself applied by Application fleet" + mayTakeAway},
		{"by Argo CD, without marks", parent(t, ownedBy(flux.Interval, updates("argocd-controller"))), "Kustomization flux-system/apps is itself applied by argocd-controller" + mayTakeAway},
		{"by Terraform, with an interval that a hand has set since", parent(t, ownedBy(flux.Interval, updates("kubectl-edit")), writtenBy(noon, applies("terraform"))), "Kustomization flux-system/apps is itself applied by terraform" + mayTakeAway},
		{"by Terraform", parent(t, ownedBy(flux.Interval, applies("terraform"))), "Kustomization flux-system/apps is itself applied by terraform" + mayTakeAway},
	} {
		assert.Equal(t, tc.want, CannotPin(tc.owner), tc.name)
	}
}

// What a HelmRelease applies keeps what the chart does not set, unless it is replaced; of a release that was not read nobody knows.
func TestCannotPinWhatAReleaseReplaces(t *testing.T) {
	t.Parallel()
	const itself = "Kustomization flux-system/apps is itself applied by HelmRelease ops/platform, "
	of := marked("helm.toolkit.fluxcd.io/name", "platform", "helm.toolkit.fluxcd.io/namespace", "ops")
	for name, tc := range map[string]struct {
		upgrade flux.Upgrade
		by      flux.Manager
		want    string
	}{
		"merged":                     {flux.Upgrade{}, updates("helm-controller"), ""},
		"applied on the server":      {flux.Upgrade{Force: true}, applies("helm-controller"), ""},
		"replaced by an upgrade":     {flux.Upgrade{Force: true}, updates("helm-controller"), itself + "whose next upgrade would take the rules away (force): add them where that is written"},
		"replaced by a rollback":     {flux.Upgrade{ForceRollback: true}, updates("helm-controller"), itself + "whose next rollback would take the rules away (force): add them where that is written"},
		"replaced, applied or not":   {flux.Upgrade{Force: true, ServerSide: "disabled"}, applies("helm-controller"), itself + "whose next upgrade would take the rules away (force): add them where that is written"},
		"never, where it is applied": {flux.Upgrade{Force: true, ServerSide: "enabled"}, updates("helm-controller"), ""},
	} {
		owner := parent(t, of, writtenBy(noon, tc.by))
		by := release()(t)
		by.Upgrade = tc.upgrade
		assert.Equal(t, tc.want, NewJudge(flux.Snapshot{Objects: []flux.Object{owner, by}}).cannotPin(owner.Ref), name)
	}
	elsewhere := release(func(o *flux.Object) { o.AppliesElsewhere = true })(t)
	owner := parent(t, of)
	assert.Equal(t, itself+"which may take the rules away: add them where that is written", NewJudge(flux.Snapshot{Objects: []flux.Object{owner, elsewhere}}).cannotPin(owner.Ref))
	assert.Equal(t, itself+"which may take the rules away: add them where that is written", NewJudge(flux.Snapshot{Objects: []flux.Object{owner}}).cannotPin(owner.Ref))
}

// Whoever applies the owner is looked at again each time: also when that changes after the plan.
func TestPinNextLooksAtTheOwnerAgain(t *testing.T) {
	t.Parallel()
	rules := Rules([]Need{need(object(t, "ks"), flux.Interval)})
	w := PinWrite{Pin: Pin{Owner: parent(t), Rules: rules}}
	require.NotNil(t, w.Next(parent(t)).Patch)
	now := parent(t, marked("argocd.argoproj.io/instance", "fleet"), version("8"))
	assert.Equal(t, Next{State: StateLeftAlone, Why: "Kustomization flux-system/apps is itself applied by Application fleet, which may take the rules away: add them where that is written"}, w.Next(now))

	// Rules of ours can be taken away whoever applies it.
	held := pinning(t, rules...)
	held.Labels = now.Labels
	assert.NotNil(t, PinWrite{Pin: Pin{Owner: held}, Settles: true}.Next(held).Patch)
}

// Whoever wrote the list of rules last, beside us, gets it back.
func TestPinNotesWhoWroteTheRulesLast(t *testing.T) {
	t.Parallel()
	theirs := flux.IgnoreRule{Paths: []string{"/data"}}
	ours := Rules([]Need{need(object(t, "ks"), flux.Interval)})
	edited := pinning(t, ours...)
	edited.Ignore = append([]flux.IgnoreRule{theirs}, ours...)
	ownedBy(flux.IgnoreField, updates("kubectl-edit"))(&edited)
	next := PinWrite{Pin: Pin{Owner: edited}, Settles: true}.Next(edited)
	require.NoError(t, next.Err)
	assert.Contains(t, string(next.Patch), `\"owners\":[{\"manager\":\"kubectl-edit\"`)
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	held := func(from string) Move { return Move{From: ptr(from), To: ptr("1m"), Pinned: true} }
	pinnedRecord := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: held("5m"), flux.Timeout: {To: ptr("2m")}})}}
	free := Record{Steps: []Step{step("s", move(flux.Interval, "5m", "1m"))}}
	web := object(t, "ks", child(), recorded(pinnedRecord.String()))
	bad := object(t, "Bucket", child(), recorded("{"))
	needed := Needs(flux.Each([]flux.Object{
		web,
		object(t, "gitrepo", child(), recorded(free.String())),
		object(t, "hr", recorded(pinnedRecord.String())), // nobody applies it any more
		bad,
		object(t, "Receiver", child()),
	}))
	assert.Equal(t, map[flux.Ref][]Need{parentRef: {need(web, flux.Interval)}}, needed.by)
	assert.Equal(t, []Need{need(web, flux.Interval)}, needed.Of(parentRef))
	owner := pinning(t, Rules([]Need{need(web, flux.Interval), need(bad, flux.Interval), need(object(t, "Receiver"), flux.Interval)})...)
	assert.Equal(t, Rules([]Need{need(web, flux.Interval), need(bad, flux.Interval)}), needed.Pin(owner).Rules, "nobody knows what a record that cannot be read needs")
}

// A rule that is gone does not come back for a field that has been set since: it would freeze that. What rules hold, they hold on to.
func TestRuleThatIsGone(t *testing.T) {
	t.Parallel()
	git := applies("kustomize-controller")
	pinned := Record{Steps: []Step{
		step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("2m"), Owners: []flux.Manager{git}, Pinned: true}}),
		step("s2", map[flux.Field]Move{flux.Interval: {From: ptr("2m"), To: ptr("1m"), Pinned: true}}),
	}}
	for name, tc := range map[string]struct {
		now    string
		by     flux.Manager
		undone bool
	}{
		"as we set it":                     {"1m", updates("fluxtune"), false},
		"as we set it, and Git adopted it": {"1m", git, false},
		"one session is taken back":        {"2m", updates("fluxtune"), false},
		"somebody has another value":       {"3m", updates("k9s"), false},
		"somebody has set it back":         {"5m", updates("kubectl-edit"), true},
		"Git has another value":            {"3m", git, true},
		"Git has set it back":              {"5m", git, true},
	} {
		o := object(t, "ks", child(), interval(tc.now), ownedBy(flux.Interval, tc.by), recorded(pinned.String()))
		rules := Rules([]Need{need(o, flux.Interval)})
		needs, there, gone := Needs(flux.Each([]flux.Object{o})), pinning(t, rules...), parent(t)
		assert.Equal(t, rules, needs.Pin(there).Rules, "%s: the rule is there", name)
		assert.Equal(t, tc.undone, len(needs.Pin(gone).Rules) == 0, "%s: the rule is gone", name)
		assert.Equal(t, tc.undone, len(needs.Undone(gone)) == 1, name)
		assert.Empty(t, needs.Undone(there), name)
		assert.Equal(t, rules, needs.Since(there).Pin(there).Rules, "%s: the rule was there before the run", name)
		assert.Equal(t, tc.undone, len(needs.Since(gone).Pin(there).Rules) == 0, "%s: the rule has come with the run", name)
		if tc.undone && tc.by == git {
			assert.Empty(t, Exceptions(o), "%s: it is no exception from what Git says", name)
		}
		record, err := ReadRecord(o)
		require.NoError(t, err)
		next := record.with(step("s3", move(flux.Interval, tc.now, "30s")), o)
		assert.Equal(t, tc.undone, len(next.Pinned()) == 0, "%s: a patch that is to be undone brings no rule back", name)
	}
}

// What rules say about objects that could not be read stays.
func TestPinOfTheUnread(t *testing.T) {
	t.Parallel()
	web, shop := object(t, "ks"), object(t, "ks", named("apps", "shop"))
	owner := pinning(t, Rules([]Need{need(web, flux.Interval), need(shop, flux.Interval, flux.Timeout)})...)
	unread, all := Needs(flux.Each([]flux.Object{}), shop.Ref), Needs(flux.Each([]flux.Object{}))
	assert.Equal(t, Pin{Owner: owner, Objects: 1, Rules: Rules([]Need{need(shop, flux.Interval, flux.Timeout)})}, unread.Pin(owner))
	assert.Equal(t, Pin{Owner: owner, Rules: []flux.IgnoreRule{}}, all.Pin(owner))
	assert.Equal(t, Pin{Owner: owner, Objects: 1, Rules: Rules([]Need{need(web, flux.Timeout)})}, all.Pin(owner, need(web, flux.Timeout)))
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	var needs []Need
	for i := range 5000 {
		needs = append(needs, need(object(t, "ks", named("apps", fmt.Sprintf("%s-%d", strings.Repeat("x", 240), i))), flux.Interval))
	}
	owner := parent(t)
	owner.Size = 100 << 10
	assert.Empty(t, (Needed{}).Pin(owner, needs[:4000]...).TooLarge())
	assert.Regexp(t, `^Kustomization flux-system/apps would have 1\d{3} KiB with rules for 5000 objects, and the API server takes 1280: choose fewer objects$`,
		(Needed{}).Pin(owner, needs...).TooLarge())
}

// A plan to pin judges what it would bring about, and lists the owners that it needs.
func TestPlanPins(t *testing.T) {
	t.Parallel()
	web, repo := object(t, "ks", child(flux.Interval)), object(t, "gitrepo", child(flux.Interval))
	p := preset(t, "fast")
	plan := func(managed Managed, known ...flux.Object) Plan {
		j := NewJudge(flux.Snapshot{Objects: []flux.Object{web, repo}, Related: known})
		return NewPlan([]flux.Object{web, repo}, p, defaultResolver(p), Options{Judge: j, Managed: managed})
	}
	got := plan(ManagedPin, parent(t))
	require.Len(t, got.Pins, 1)
	assert.Equal(t, Pin{Owner: parent(t), Objects: 2, Rules: Rules([]Need{need(web, flux.Interval), need(repo, flux.Interval)})}, got.Pins[0])
	for _, item := range got.Items {
		assert.Equal(t, ActionChange, item.Action)
		assert.Equal(t, Held, item.Stick.Verdict)
		assert.Equal(t, "held by a rule that apply adds to spec.ignore of Kustomization flux-system/apps", item.Stick.Message)
		assert.True(t, item.Pinned())
	}
	assert.Empty(t, plan(ManagedPatch, parent(t)).Pins)
	assert.Empty(t, plan(ManagedSkip, parent(t)).Pins)

	// What others hold needs no rule of ours.
	assert.Empty(t, plan(ManagedPin, parent(t, ignoring(flux.IgnoreRule{Paths: []string{"/spec"}}))).Pins)

	// What ours hold already stays in the rules.
	held := got.Pins[0].Rules
	again := plan(ManagedPin, pinning(t, held...))
	require.Len(t, again.Pins, 1)
	assert.Equal(t, held, again.Pins[0].Rules)

	large := parent(t)
	large.Size = maxObject
	assert.Empty(t, plan(ManagedPin, large).Pins)
	assert.Equal(t, ReasonCannotPin, plan(ManagedPin, large).Items[0].Reason)
}

// Rules are a change of the owner: while it is rolled out, none are added that would break that off. What rules hold already needs
// no more of it.
func TestOwnerThatIsBeingRolledOut(t *testing.T) {
	t.Parallel()
	pinned := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("2m"), Owners: []flux.Manager{applies("kustomize-controller")}, Pinned: true}})}}
	web := object(t, "ks", child(), interval("2m"), ownedBy(flux.Interval, updates("fluxtune")), recorded(pinned.String()))
	repo := object(t, "gitrepo", child(flux.Interval))
	p := preset(t, "fast")
	plan := func(cancels bool, owner flux.Object) Plan {
		s := flux.Snapshot{Objects: []flux.Object{web, repo}, Related: []flux.Object{owner}}
		g := NewGraph(s.All())
		g.Controllers = flux.NewControllers([]flux.Controller{{Name: flux.KustomizeController, CancelsChecks: cancels}})
		return NewPlan(s.Objects, p, defaultResolver(p), Options{Judge: NewJudge(s), Graph: g, Managed: ManagedPin})
	}
	being := func(ready string, waits bool) func(*flux.Object) {
		return func(o *flux.Object) { o.Status.Ready, o.Status.ReadyReason, o.Waits = ready, "Progressing", waits }
	}
	of := func(plan Plan) []any { return []any{plan.Changes(), len(plan.Pins), plan.Items[0].Reason} }
	waits := plan(true, parent(t, being("Unknown", true)))
	assert.Equal(t, []any{0, 0, ReasonRollingOut}, of(waits))
	assert.Equal(t, "cannot be pinned now: its owner Kustomization flux-system/apps is being rolled out (Ready is Unknown: Progressing), and a change would have "+
		"kustomize-controller break that off and begin anew (its feature gate CancelHealthCheckOnNewRevision): try again when it is ready", waits.Items[0].Message)
	assert.Equal(t, []any{2, 1, ReasonPolicyDiffers}, of(plan(false, parent(t, being("Unknown", true)))), "without the gate")
	assert.Equal(t, []any{2, 1, ReasonPolicyDiffers}, of(plan(true, parent(t, being("True", true)))), "it is ready")
	assert.Equal(t, []any{2, 1, ReasonPolicyDiffers}, of(plan(true, parent(t, being("Unknown", false)))), "it waits for nothing")
	held := pinning(t, Rules([]Need{need(web, flux.Interval), need(repo, flux.Interval)})...)
	being("Unknown", true)(&held)
	assert.Equal(t, []any{2, 1, ReasonPolicyDiffers}, of(plan(true, held)), "its rules stay as they are")
	part := pinning(t, Rules([]Need{need(web, flux.Interval)})...)
	being("Unknown", true)(&part)
	got := plan(true, part)
	assert.Equal(t, []any{1, 1, ReasonPolicyDiffers}, of(got))
	assert.Equal(t, ReasonRollingOut, got.Items[1].Reason)
	assert.Equal(t, OurRules(part), got.Pins[0].Rules)
}

// Which rules are left when records go.
func TestRulesAfter(t *testing.T) {
	t.Parallel()
	pinned := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Pinned: true}})}}
	web := object(t, "ks", child(flux.Interval), interval("1m"), recorded(pinned.String()))
	shop := object(t, "ks", child(flux.Interval), named("apps", "shop"), interval("1m"), recorded(pinned.String()))
	owner := pinning(t, Rules([]Need{need(web, flux.Interval), need(shop, flux.Interval)})...)
	after := func(objects []flux.Object, unread []flux.Ref, restored ...flux.Object) []Pin {
		return RulesAfter([]flux.Object{owner}, objects, unread, Restores(restored, RestoreOptions{}), time.Time{}, nil)
	}
	both := []flux.Object{web, shop}
	assert.Empty(t, after(both, nil), "nothing changes")
	assert.Equal(t, []Pin{{Owner: owner, Objects: 1, Rules: Rules([]Need{need(shop, flux.Interval)})}}, after(both, nil, web))
	assert.Equal(t, []Pin{{Owner: owner, Rules: []flux.IgnoreRule{}}}, after(both, nil, web, shop))
	assert.Equal(t, []Pin{{Owner: owner, Objects: 1, Rules: Rules([]Need{need(web, flux.Interval)})}}, after([]flux.Object{web}, nil), "an object that Git has deleted needs no rule")
	assert.Empty(t, after([]flux.Object{web}, []flux.Ref{shop.Ref}), "of one that could not be read, what is there stays")
}

// A rule that admission keeps is still there, whatever the note says: the note is put back, so that the next run finds it.
func TestVerifyRulesThatAreKept(t *testing.T) {
	t.Parallel()
	web := object(t, "ks")
	rules := Rules([]Need{need(web, flux.Interval)})
	before := pinning(t, rules...)
	w := PinWrite{Pin: Pin{Owner: before}, Settles: true}
	gone := before
	gone.Ignore, gone.Annotations = nil, map[string]string{PinsAnnotation: `{"rules":[]}`}
	require.NoError(t, w.Verify(before, gone))
	kept := gone
	kept.Ignore = rules
	const says = "the API server kept rules in spec.ignore that were taken away: admission (a policy or webhook) changes what is written"
	require.EqualError(t, w.Verify(before, kept), says)
	require.EqualError(t, w.VerifyLater(before, kept), says, "also where the answer got lost")
	back := w.Undo(before, kept).Next(kept)
	require.NoError(t, back.Err)
	assert.Contains(t, string(back.Patch), digest(rules[0]))

	// One that is somebody else's, too, stays once.
	twice := before
	twice.Ignore = slices.Concat(rules, rules)
	require.NoError(t, w.Verify(twice, kept))
}
