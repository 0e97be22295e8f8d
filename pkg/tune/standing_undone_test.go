package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// What an apply has set against Git is as the policy wants, but only until Git sets it again; what Git itself sets so lasts.
func TestAStandingChangeWillBeUndone(t *testing.T) {
	t.Parallel()
	patched := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{applies("kustomize-controller")}}})}}
	ours := object(t, "ks", child(), interval("1m"), timeout("4m30s"), retry("5m"), ownedBy(flux.Interval, updates("fluxtune")), recorded(patched.String()))
	theirs := object(t, "ks", child(), named("flux-system", "theirs"), interval("1m"), timeout("4m30s"), retry("5m"), ownedBy(flux.Interval, applies("kustomize-controller")))
	s := flux.Snapshot{Objects: []flux.Object{ours, theirs}, Related: []flux.Object{parent(t)}}
	p := preset(t, policy.DefaultName)
	plan := NewPlan(s.Objects, p, defaultResolver(p), Options{Judge: NewJudge(s)})

	first, second := plan.Items[0], plan.Items[1]
	assert.Equal(t, []any{ActionUnchanged, true, Reverted, "undone within about 10m by Kustomization flux-system/apps"}, []any{first.Action, first.Standing, first.Stick.Verdict, first.Stick.Message})
	assert.Equal(t, []any{ActionUnchanged, false}, []any{second.Action, second.Standing})
	assert.True(t, plan.LivesInGit())
	assert.False(t, Plan{Items: plan.Items[1:]}.LivesInGit())
}
