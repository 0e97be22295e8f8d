package report

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
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

// Each verb that is missing is named, also get, without which nothing is read again before it is changed.
func TestEachMissingVerbIsNamed(t *testing.T) {
	t.Parallel()
	kind := func(resource string, denied ...string) Right {
		r := NewRight("source.toolkit.fluxcd.io", resource, "", "get, plan", AlikeKinds)
		for _, verb := range []string{"get", "list", "patch"} {
			if slices.Contains(denied, verb) {
				r.Denied = append(r.Denied, verb)
			} else {
				r.Allowed = append(r.Allowed, verb)
			}
		}
		return r
	}
	const buckets = ": you may not get buckets"
	for name, tc := range map[string]struct {
		rows        []Right
		look, write string
	}{
		"no get":           {[]Right{kind("gitrepositories"), kind("buckets", "get")}, "work in all namespaces, but not by name (TYPE NAME)" + buckets, "work in all namespaces, but what somebody changes meanwhile fails, as it is not read again" + buckets},
		"no get, no patch": {[]Right{kind("gitrepositories", "patch"), kind("buckets", "get")}, "work in all namespaces, but not by name (TYPE NAME)" + buckets, "in part: you may not patch gitrepositories in all namespaces; what somebody changes meanwhile fails, as it is not read again" + buckets},
		"no get, no list":  {[]Right{kind("gitrepositories", "list"), kind("buckets", "get")}, "in part: you may not list gitrepositories in all namespaces; and not by name (TYPE NAME)" + buckets, "in part, as get and plan"},
	} {
		access := Access{Rights: Rights{User: "jane", Rows: tc.rows}}
		look := access.LookCheck(flux.Snapshot{})
		write := access.WriteCheck(look)
		assert.Equal(t, tc.look, look.Message, name)
		assert.Equal(t, tc.write, write.Message, name)
		assert.Len(t, look.Run, 2, name)
		assert.Len(t, write.Run, 2, name)
	}
}
