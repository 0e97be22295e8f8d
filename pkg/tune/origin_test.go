package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What applies an object as a whole is told by its marks, or else by who has written its spec; marks that keep updates away
// count before.
func TestOrigin(t *testing.T) {
	t.Parallel()
	ofRoot := map[string]string{"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	marked := func(key, value string) map[string]string {
		return map[string]string{"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system", key: value}
	}
	by := func(names ...string) (writers []flux.Writer) {
		for _, name := range names {
			writers = append(writers, flux.Writer{Manager: flux.Manager{Name: name, Apply: true}})
		}
		return writers
	}
	const home = "Kustomization flux-system/root: path ./apps of GitRepository flux-system/fleet"
	for name, tc := range map[string]struct {
		object flux.Object
		want   string
	}{
		"by hand":      {flux.Object{Writers: by("kubectl", "flux")}, ""},
		"from Git":     {flux.Object{Labels: ofRoot, Writers: by("kustomize-controller")}, home},
		"passed over":  {flux.Object{Labels: marked("kustomize.toolkit.fluxcd.io/reconcile", "disabled")}, ""},
		"created only": {flux.Object{Labels: marked("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent")}, ""},
		"of a chart":   {flux.Object{Labels: map[string]string{"helm.toolkit.fluxcd.io/name": "hooks", "helm.toolkit.fluxcd.io/namespace": "apps"}}, "HelmRelease apps/hooks"},
		"from a URL with a password": {flux.Object{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "secret", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
			"Kustomization flux-system/secret: path ./apps of https://bot:...@git.example.com/fleet"},
		"without marks":          {flux.Object{Writers: by("kubectl", "argocd-controller", "argocd-controller", "hooks-operator")}, "argocd-controller and hooks-operator"},
		"the labels of an owner": {flux.Object{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "full", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, Writers: by("kubectl")}, ""},
	} {
		root := flux.Object{Ref: flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "flux-system", Name: "root"}, Path: "./apps"}
		root.SourceRef = flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "flux-system", Name: "fleet"}
		full := root
		full.Name, full.Status.Managed, full.Status.Ready = "full", 1, "True" // which does not list it
		secret := root
		secret.Name, secret.SourceRef.Name = "secret", "secret"
		source := flux.Object{Ref: secret.SourceRef, Remote: flux.Remote{URL: "https://bot:s3cr3t@git.example.com/fleet"}}
		assert.Equal(t, tc.want, NewJudge(flux.Snapshot{Objects: []flux.Object{root, full, secret, source}}).Origin(tc.object), name)
	}
}
