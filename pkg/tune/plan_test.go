package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// named puts an object into a namespace.
func named(namespace, name string) func(*flux.Object) {
	return func(o *flux.Object) { o.Namespace, o.Name = namespace, name }
}

func labelled(key, value string) func(*flux.Object) {
	return func(o *flux.Object) { o.Labels = map[string]string{key: value} }
}

// defaultResolver gives objects without labels the environment development.
func defaultResolver(p policy.Policy) *policy.Resolver {
	return policy.NewResolver(p, flux.Snapshot{}, "development")
}

func TestNewPlan(t *testing.T) {
	t.Parallel()
	p := preset(t, "fast")
	contrary := object(t, "ks", named("prod", "contrary"), labelled("env", "dev"))
	objects := []flux.Object{
		object(t, "GitRepository", named("dev", "web"), timeout("2m")),
		object(t, "GitRepository", named("prod", "web"), interval("30s"), timeout("2m")),
		contrary,
		object(t, "GitRepository", named("nowhere", "web")),
	}
	s := flux.Snapshot{Objects: objects, Namespaces: map[string]map[string]string{
		"dev": {"environment": "development"}, "prod": {"environment": "production"}, "nowhere": nil,
	}}
	plan := NewPlan(objects, p, policy.NewResolver(p, s, ""), Options{})

	assert.Equal(t, "fast", plan.Policy)
	assert.Equal(t, p.Note, plan.Note)
	var got []Action
	for i, item := range plan.Items {
		assert.Equal(t, objects[i], item.Object, "in the snapshot's order")
		got = append(got, item.Action)
	}
	assert.Equal(t, []Action{ActionChange, ActionUnchanged, ActionChange, ActionSkip}, got)
	assert.Equal(t, []Item{plan.Items[0], plan.Items[2]}, plan.Changed())
	assert.Equal(t, []string{
		`environment "production": GitRepository interval 30s is shorter than recommended (3m-5m)`,
		`label env=dev on Kustomization prod/contrary and label environment=production on namespace "prod" disagree: development is taken`,
	}, plan.Warnings)
}

func TestNewPlanOfNothing(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	plan := NewPlan(nil, p, policy.NewResolver(p, flux.Snapshot{}, ""), Options{})
	assert.Equal(t, Plan{Policy: "per-environment", Note: p.Note, Items: []Item{}}, plan)
	assert.Empty(t, plan.Changed())
}

// A pin whose rule somebody took away is said to be gone, and comes back where pins are asked for.
func TestLostPins(t *testing.T) {
	t.Parallel()
	pinned := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{applies("kustomize-controller")}, Pinned: true}})}}
	web := object(t, "ks", child(), interval("1m"), timeout("4m30s"), retry("5m"), ownedBy(flux.Interval, updates("fluxtune")), recorded(pinned.String()))
	p := preset(t, policy.DefaultName)
	resolver := defaultResolver(p)
	plan := func(managed Managed, owner flux.Object) Plan {
		s := flux.Snapshot{Objects: []flux.Object{web}, Related: []flux.Object{owner}}
		return NewPlan(s.Objects, p, resolver, Options{Managed: managed, Judge: NewJudge(s)})
	}
	gone := plan(ManagedSkip, parent(t))
	assert.Equal(t, []any{ActionSkip, ReasonPinLost, "the rule in spec.ignore that kept its values is gone: undone within about 10m by Kustomization flux-system/apps (--managed=pin sets it again)"},
		[]any{gone.Items[0].Action, gone.Items[0].Reason, gone.Items[0].Message})

	again := plan(ManagedPin, parent(t))
	assert.Equal(t, []any{ActionChange, ReasonPinLost, "the rule in spec.ignore that kept its values is gone: it is set again"}, []any{again.Items[0].Action, again.Items[0].Reason, again.Items[0].Message})
	assert.Equal(t, 1, again.Changes())
	assert.True(t, again.Items[0].Repins())
	assert.Equal(t, Held, again.Items[0].Stick.Verdict)
	if assert.Len(t, again.Pins, 1) {
		assert.Equal(t, 1, again.Pins[0].Objects)
		assert.NotEmpty(t, again.Pins[0].Rules)
	}

	taken := parent(t, ignoring(flux.IgnoreRule{Paths: []string{"/spec/suspend"}}), ownedBy(flux.IgnoreField, applies("kustomize-controller")))
	refused := plan(ManagedPin, taken)
	assert.Equal(t, ReasonCannotPin, refused.Items[0].Reason)
	assert.Contains(t, refused.Items[0].Message, "the rule in spec.ignore that kept its values is gone, and cannot be set again: spec.ignore of Kustomization flux-system/apps is itself set by kustomize-controller")
	assert.Empty(t, refused.Pins)

	held := plan(ManagedSkip, pinningParent(t, flux.Interval))
	assert.Equal(t, ActionUnchanged, held.Items[0].Action)
	assert.NotContains(t, held.Items[0].Message, "its pin")

	unseen := plan(ManagedPin, parent(t, named("flux-system", "other"))).Items[0]
	assert.Equal(t, ActionUnchanged, unseen.Action)
	assert.Equal(t, Unknown, unseen.Stick.Verdict)
	assert.Contains(t, unseen.Message, "; whether its pin holds is not known: applied by Kustomization flux-system/apps, which was not read")
}

// What asks less afterwards comes first, so that a host never gets more midway than before or after.
func TestSlowerFirst(t *testing.T) {
	t.Parallel()
	var items []Item
	for _, c := range [][2]string{{"20m", "1m"}, {"30s", "5m"}, {"5m", "5m"}, {"10m", "2m"}, {"1m", "90s"}} {
		items = append(items, Item{Object: object(t, "gitrepo", interval(c[0])), Changes: []Change{change(flux.Interval, c[0], c[1])}})
	}
	var order []string
	for _, i := range SlowerFirst(items) {
		order = append(order, *i.Object.Interval)
	}
	assert.Equal(t, []string{"30s", "1m", "5m", "20m", "10m"}, order)
	assert.Equal(t, "20m", *items[0].Object.Interval, "the plan stays as it is shown")
}
