package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRefPrecedence(t *testing.T) {
	t.Parallel()
	for kind, refs := range map[string]map[string]RemoteRef{
		"GitRepository": {
			`{}`:                                 {},
			`{"branch":"main"}`:                  {RefBranch, "main"},
			`{"branch":"main","tag":"v1"}`:       {RefTag, "v1"},
			`{"branch":"main","semver":"1.x"}`:   {RefSemver, "1.x"},
			`{"tag":"v1","semver":"1.x"}`:        {RefTag, "v1"}, // go-git's order, not that of the API's comments
			`{"tag":"v1","name":"refs"}`:         {RefName, "refs"},
			`{"name":"refs","commit":"0a1b"}`:    {RefCommit, "0a1b"},
			`{"branch":"main","commit":"0a1b"}`:  {RefCommit, "0a1b"},
			`{"branch":"main","digest":"sha:0"}`: {RefBranch, "main"}, // no field of this kind
		},
		"OCIRepository": {
			`{}`: {},
			`{"digest":"sha256:0a","semver":"1.x","tag":"one"}`: {RefDigest, "sha256:0a"},
			`{"semver":"1.x","tag":"one"}`:                      {RefSemver, "1.x"},
			`{"tag":"one"}`:                                     {RefTag, "one"},
		},
	} {
		for ref, want := range refs {
			o, err := Decode([]byte(`{"kind":"` + kind + `","spec":{"url":"https://example.com","ref":` + ref + `}}`))
			require.NoError(t, err)
			assert.Equal(t, want, o.Remote.Ref, "%s %s", kind, ref)
		}
	}
}

func TestTargetCovers(t *testing.T) {
	t.Parallel()
	web := Object{Ref: Ref{Kind: "GitRepository", Namespace: "apps", Name: "web"}, Labels: map[string]string{"team": "web"}}
	for name, tc := range map[string]struct {
		target Target
		want   bool
	}{
		"by name":            {Target{Kind: "GitRepository", Namespace: "apps", Name: "web"}, true},
		"another name":       {Target{Kind: "GitRepository", Namespace: "apps", Name: "api"}, false},
		"another kind":       {Target{Kind: "OCIRepository", Namespace: "apps", Name: "web"}, false},
		"another namespace":  {Target{Kind: "GitRepository", Namespace: "prod", Name: "web"}, false},
		"by label":           {Target{Kind: "GitRepository", Namespace: "apps", Name: "*", MatchLabels: map[string]string{"team": "web"}}, true},
		"one of two labels":  {Target{Kind: "GitRepository", Namespace: "apps", Name: "*", MatchLabels: map[string]string{"team": "web", "tier": "1"}}, false},
		"all without labels": {Target{Kind: "GitRepository", Namespace: "apps", Name: "*"}, false},
	} {
		assert.Equal(t, tc.want, tc.target.Covers(web), name)
	}
}
