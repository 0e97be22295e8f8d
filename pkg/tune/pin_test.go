package tune

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

var theirs = flux.IgnoreRule{Paths: []string{"/metadata/labels/theirs"}, Target: &flux.IgnoreTarget{Kind: "Kustomization"}}

// pinnedParent goes through the whole way: plan, pin, and the parent as the API server would have it.
func pinnedParent(t *testing.T, before flux.Object, session string, changed ...flux.Object) flux.Object {
	t.Helper()
	j := NewJudge(flux.Snapshot{Related: []flux.Object{before}})
	var plan Plan
	for _, o := range changed {
		plan.Items = append(plan.Items, Decide(o, preset(t, "per-environment"), inDevelopment, Options{Judge: j, Managed: ManagedPin}))
	}
	pins := PlanPins(plan, j)
	require.Len(t, pins, 1)
	patch, err := PinPatch(pins[0], Stamp{Session: session})
	require.NoError(t, err)
	return patched(t, before, patch)
}

// patched reads what a patch of a Kustomization sets.
func patched(t *testing.T, o flux.Object, patch []byte) flux.Object {
	t.Helper()
	var p struct {
		Metadata struct {
			ResourceVersion string
			Annotations     map[string]*string
		}
		Spec struct{ Ignore []flux.IgnoreRule }
	}
	require.NoError(t, json.Unmarshal(patch, &p))
	assert.Equal(t, o.ResourceVersion, p.Metadata.ResourceVersion)
	o.Ignore, o.Annotations = p.Spec.Ignore, map[string]string{}
	for key, value := range p.Metadata.Annotations {
		if value != nil {
			o.Annotations[key] = *value
		}
	}
	return o
}

func TestPinAndUnpin(t *testing.T) {
	t.Parallel()
	web := object(t, "ks", child(flux.Interval))
	dotted := object(t, "gitrepo", child(flux.Interval), func(o *flux.Object) { o.Name = "web.v1" })
	before := parent(t, ignoring(theirs))
	after := pinnedParent(t, before, "one", web, dotted)
	assert.Equal(t, []flux.IgnoreRule{
		theirs,
		{Paths: []string{"/spec/interval", "/spec/timeout"}, Target: &flux.IgnoreTarget{
			Group: `kustomize\.toolkit\.fluxcd\.io`, Kind: "Kustomization", Namespace: "apps", Name: "web"}},
		{Paths: []string{"/spec/interval", "/spec/timeout"}, Target: &flux.IgnoreTarget{
			Group: `source\.toolkit\.fluxcd\.io`, Kind: "GitRepository", Namespace: "apps", Name: `web\.v1`}},
	}, after.Ignore)
	assert.Equal(t, Held, NewJudge(flux.Snapshot{Related: []flux.Object{after}}).Judge(web, []flux.Field{flux.Interval, flux.Timeout}).Verdict)
	assert.Equal(t, ActionUnchanged, DecidePin(after, after.Ignore[1:]).Action, "not added twice")

	all := UnpinOptions{Tuned: func(flux.Ref) bool { return false }, Covered: func(flux.Ref) bool { return true }}
	item := DecideUnpin(after, all)
	assert.Equal(t, "gives the fields of 2 objects back to Git", item.Message)
	patch, err := UnpinPatch(item)
	require.NoError(t, err)
	healed := patched(t, after, patch)
	assert.Equal(t, []flux.IgnoreRule{theirs}, healed.Ignore, "others' rules stay")
	assert.Empty(t, healed.Annotations)

	stays := all
	stays.Tuned = func(r flux.Ref) bool { return r == web.Ref }
	assert.Equal(t, []flux.IgnoreRule{after.Ignore[2]}, DecideUnpin(after, stays).Rules, "the rule of an object that stays tuned")
	stays = all
	stays.Covered = func(r flux.Ref) bool { return r == web.Ref }
	assert.Equal(t, []flux.IgnoreRule{after.Ignore[1]}, DecideUnpin(after, stays).Rules, "the rule of an object that was not looked at")
	other := all
	other.Session = "two"
	assert.Equal(t, ActionUnchanged, DecideUnpin(after, other).Action)
}

func TestUnpinOfTheLastRule(t *testing.T) {
	t.Parallel()
	after := pinnedParent(t, parent(t), "one", object(t, "ks", child(flux.Interval)))
	patch, err := UnpinPatch(DecideUnpin(after, UnpinOptions{Tuned: func(flux.Ref) bool { return false }, Covered: func(flux.Ref) bool { return true }}))
	require.NoError(t, err)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/pins":null}},"spec":{"ignore":null}}`, string(patch))
}

func TestRulesThatOthersChanged(t *testing.T) {
	t.Parallel()
	after := pinnedParent(t, parent(t), "one", object(t, "ks", child(flux.Interval)))
	after.Ignore[0].Paths = append(after.Ignore[0].Paths, "/spec/wait")
	patch, err := UnpinPatch(DecideUnpin(after, UnpinOptions{Tuned: func(flux.Ref) bool { return false }, Covered: func(flux.Ref) bool { return true }}))
	require.NoError(t, err)
	assert.Equal(t, after.Ignore, patched(t, after, patch).Ignore)
}

func TestUnreadablePins(t *testing.T) {
	t.Parallel()
	broken := parent(t, annotated(PinsAnnotation, "{"))
	for _, item := range []Item{DecidePin(broken, []flux.IgnoreRule{theirs}), DecideUnpin(broken, UnpinOptions{})} {
		assert.Equal(t, ActionSkip, item.Action)
		assert.Equal(t, ReasonBadRecord, item.Reason)
		assert.Contains(t, item.Message, "take the rules out of spec.ignore by hand and remove the annotation")
	}
}
