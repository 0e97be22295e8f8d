package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Who lacks a right is told which of the two roles has it: also of apply --fit, which counts what only viewers may list.
func TestWhichRoleHasARight(t *testing.T) {
	t.Parallel()
	listing := func(group, resource, alike string, may bool) Right {
		r := NewRight(group, resource, "", "budget", alike)
		if r.Allowed = []string{"list"}; !may {
			r.Allowed, r.Denied = nil, r.Allowed
		}
		return r
	}
	rights := func(policies, providers bool) Access {
		return Access{Rights: Rights{Rows: []Right{
			listing("image.toolkit.fluxcd.io", "imagepolicies", AlikeCosts, policies), listing("notification.toolkit.fluxcd.io", "artifactgenerators", AlikeCosts, providers),
		}}}
	}
	const refused = "; apply --fit, which counts them, is refused (the role viewer has the right to list them)"
	works := Check{Status: CheckOK}
	assert.Contains(t, rights(false, true).BudgetCheck(works).Message, "what these cost is left out: imagepolicies"+refused)
	assert.NotContains(t, rights(true, false).BudgetCheck(works).Message, refused, "ArtifactGenerators ask hosts for nothing that is fitted")
	for role, want := range map[string]string{"viewer": "viewer", "tuner": "tuner", "nodes": "viewer"} {
		remedy, _ := Access{}.grant(role)
		assert.Equal(t, "ask an administrator for the role that kubectl fluxtune rbac "+want+" prints, and a binding", remedy)
	}
}
