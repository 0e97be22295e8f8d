package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Where the flags of Flux's controllers could not be read, and what is planned hangs on them, that is said.
func TestUncheckedFlags(t *testing.T) {
	t.Parallel()
	const unread = "the flags of Flux's controllers could not be read, and their defaults are assumed: "
	object := func(kind, name string, change func(*flux.Object)) flux.Object {
		row, err := flux.ParseKind(kind)
		assert.NoError(t, err)
		o := flux.Object{Ref: flux.Ref{Group: row.Group, Kind: row.Name, Namespace: "apps", Name: name}}
		change(&o)
		return o
	}
	quiet := object("ks", "quiet", func(o *flux.Object) { o.Status.Ready, o.Waits = "True", true })
	web := object("hr", "web", func(o *flux.Object) { o.Status.Ready, o.Waits = "Unknown", true })
	shop := object("ks", "shop", func(o *flux.Object) { o.Status.Ready, o.Waits = "Unknown", true })
	child := object("gitrepo", "child", func(o *flux.Object) {
		o.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "apps"}
	})
	plan := func(action tune.Action, objects ...flux.Object) (p tune.Plan) {
		for _, o := range objects {
			p.Items = append(p.Items, tune.Item{Object: o, Action: action})
		}
		return p
	}
	for name, tc := range map[string]struct {
		plan tune.Plan
		want []string
	}{
		"nothing hangs on them":    {plan(tune.ActionChange, quiet), nil},
		"nothing of it is changed": {plan(tune.ActionSkip, web, child), nil},
		"what is rolled out":       {plan(tune.ActionChange, quiet, web, shop), []string{unread + "with the feature gate CancelHealthCheckOnNewRevision a change breaks off what is being rolled out, HelmRelease apps/web and 1 more"}},
		"what something applies":   {plan(tune.ActionChange, child), []string{unread + `with an --override-manager that "fluxtune" begins with, what is changed, and the records of how to take it back, are taken over`}},
		"rules of what something applies": {tune.Plan{Pins: []tune.Pin{{Owner: child}}},
			[]string{unread + `with an --override-manager that "fluxtune" begins with, what is changed, and the records of how to take it back, are taken over`}},
		"an owner that is rolled out": {tune.Plan{Pins: []tune.Pin{{Owner: shop, Rules: tune.Rules([]tune.Need{{Object: child.Ref, Fields: []flux.Field{flux.Interval}}})}}},
			[]string{unread + "with the feature gate CancelHealthCheckOnNewRevision a change breaks off what is being rolled out, Kustomization apps/shop"}},
	} {
		assert.Equal(t, tc.want, fleet{flagsUnread: true}.unchecked(tc.plan, "fluxtune"), name)
		assert.Empty(t, fleet{}.unchecked(tc.plan, "fluxtune"), name)
	}
}
