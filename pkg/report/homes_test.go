package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// The places where values live are told from the objects that are counted beside them.
func TestHomes(t *testing.T) {
	t.Parallel()
	item := func(reason tune.Reason, home string) tune.Item {
		return tune.Item{Object: object(t, "ks", "dev", "web", func(*flux.Object) {}), Action: tune.ActionSkip, Reason: reason, Stick: tune.Stick{Home: home}}
	}
	const apps, infra = "Kustomization flux-system/apps: path ./apps", "Kustomization flux-system/infra: path ./infra"
	for _, tc := range []struct {
		items []tune.Item
		want  []string
	}{
		{nil, nil},
		{[]tune.Item{item(tune.ReasonSetInGit, "")}, nil},
		{[]tune.Item{item(tune.ReasonSetInGit, apps)}, []string{"where: " + apps}},
		{[]tune.Item{item(tune.ReasonSetInGit, apps), item(tune.ReasonSetInGit, apps), item(tune.ReasonSuspended, infra)}, []string{"where: both in " + apps}},
		{[]tune.Item{item(tune.ReasonSetInGit, infra), item(tune.ReasonSetInGit, apps), item(tune.ReasonSetInGit, apps), item(tune.ReasonSetInGit, "")},
			[]string{"where: 2 of the 4 in " + apps, "where: 1 of the 4 in " + infra}},
	} {
		plan := tune.Plan{Items: tc.items}
		assert.Equal(t, tc.want, Homes(plan, tune.ReasonSetInGit))
	}
	o := Overview{Plan: tune.Plan{Items: []tune.Item{item(tune.ReasonSetInGit, infra), item(tune.ReasonSetInGit, apps), item(tune.ReasonSetInGit, apps)}}}
	assert.Equal(t, []string{"  where: 2 of the 3 in " + apps + "; the others in 1 more place (--rows says which)"}, o.homes(tune.ReasonSetInGit, limits{named: 1}))
}
