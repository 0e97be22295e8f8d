package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func TestKindsCheck(t *testing.T) {
	t.Parallel()
	all := make(map[string]string)
	for _, name := range flux.KindNames() {
		all[name] = "v1"
	}
	assert.Equal(t, Check{Name: "Flux", Status: CheckOK, Message: "v2.9.0, with all 10 kinds that have an interval"}, KindsCheck(all, "v2.9.0"))
	delete(all, "ImageRepository")
	delete(all, "ImageUpdateAutomation")
	assert.Equal(t, "of unknown version (no Deployment of its controllers tells), with 8 of 10 kinds that have an interval; not installed: ImageRepository, ImageUpdateAutomation",
		KindsCheck(all, "").Message)
	assert.Equal(t, CheckFailed, KindsCheck(nil, "v2.9.0").Status)
}

// doctored is a snapshot of GitRepositories, one in each of the namespaces given.
func doctored(namespaces map[string]map[string]string, labels map[string]string) (flux.Snapshot, *policy.Resolver, policy.Policy) {
	s := flux.Snapshot{Namespaces: namespaces}
	for name := range namespaces {
		s.Objects = append(s.Objects, flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: name, Name: "app"}, Labels: labels})
	}
	p, err := policy.Preset(policy.DefaultName)
	if err != nil {
		panic(err)
	}
	return s, policy.NewResolver(p, s, ""), p
}

func TestEnvironmentsCheck(t *testing.T) {
	t.Parallel()
	s, r, p := doctored(map[string]map[string]string{"a": {"environment": "prod"}, "b": {"env": "dev"}}, nil)
	assert.Equal(t, Check{Name: "environments", Status: CheckOK, Message: "2 objects: development 1, production 1"}, EnvironmentsCheck(p, s, r))

	s, r, p = doctored(map[string]map[string]string{"a": {"stage": "prod", "kubernetes.io/metadata.name": "a"}}, nil)
	c := EnvironmentsCheck(p, s, r)
	assert.Equal(t, CheckWarning, c.Status)
	assert.Equal(t, "1 object: without 1; labels of the namespaces without: stage=prod", c.Message)
	assert.True(t, strings.HasPrefix(c.Remedy, "kubectl label namespace a environment=development (one of development, staging, production;"), c.Remedy)

	s, r, p = doctored(map[string]map[string]string{"a": {"environment": "moon"}}, nil)
	assert.Contains(t, EnvironmentsCheck(p, s, r).Remedy, "does not know moon")

	s = flux.Snapshot{Gaps: []flux.Gap{{What: "gitrepositories", Why: "forbidden"}}}
	assert.Equal(t, "unknown: the objects could not be read", EnvironmentsCheck(p, s, r).Message)
}

func TestOwnersCheck(t *testing.T) {
	t.Parallel()
	s, _, _ := doctored(map[string]map[string]string{"a": nil}, nil)
	assert.Equal(t, CheckOK, OwnersCheck(s, true).Status)
	s, _, _ = doctored(map[string]map[string]string{"a": nil}, map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
	c := OwnersCheck(s, true)
	assert.Equal(t, CheckWarning, c.Status)
	assert.Equal(t, "1 of 1 object applied by something: 1 by a Kustomization; what it sets comes back", c.Message)
	assert.Contains(t, c.Remedy, "--managed=pin")
	assert.NotContains(t, OwnersCheck(s, false).Remedy, "--managed=pin")
}

func TestDiagnosisIsDrawn(t *testing.T) {
	t.Parallel()
	d := NewDiagnosis([]Check{IgnoreCheck(true), {Name: "x", Status: CheckFailed, Message: "bad", Remedy: "mend it"}}, []string{"do this", "do that"})
	assert.True(t, d.Failed())
	var out strings.Builder
	require.NoError(t, d.Draw(&out, Layout{Width: 20}))
	assert.Equal(t, `ok       spec.ignore   Kustomizations have it: --managed=pin can hold changes against Git
failed   x             bad
                       -> mend it

Next:
  do this
  do that
`, out.String(), "remedies are never cut")
}
