package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// With --no-cross-namespace-refs kustomize-controller applies nothing of a Kustomization whose source is in another namespace.
func TestIsolatedNamespaces(t *testing.T) {
	t.Parallel()
	deployment := func(args string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\nspec: {template: {spec: {containers: [{name: manager, args: [" + args + "]}]}}}\n"
	}
	instance := func(spec string) string {
		return "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec: " + spec + "\n"
	}
	patch := func(target string) string {
		return instance("{kustomize: {patches: [{target: {kind: Deployment, name: " + target + "}, patch: '[{op: add, path: /spec/template/spec/containers/0/args/-, value: --no-cross-namespace-refs=true}]'}]}}")
	}
	for name, c := range map[string]struct {
		controller string
		applied    bool
	}{
		"nothing":             {deployment("--log-level=info"), true},
		"on":                  {deployment("--no-cross-namespace-refs=true"), false},
		"on without a value":  {deployment("--no-cross-namespace-refs"), false},
		"off":                 {deployment("--no-cross-namespace-refs=false"), true},
		"a patch":             {patch("(kustomize-controller|helm-controller)"), false},
		"another's patch":     {patch("helm-controller"), true},
		"a tenants' instance": {instance("{cluster: {multitenant: true}}"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(map[string]string{
				"clusters/a/flux-system/gotk-sync.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {path: ./clusters/a, interval: 1m, sourceRef: {kind: GitRepository, name: flux-system}}\n",
				"clusters/a/controller.yaml":            c.controller,
				"clusters/a/apps.yaml":                  "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: team}\nspec: {path: ./apps, interval: 1m, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}\n",
				"apps/web.yaml":                         release,
			})
			f := tree.Read(tree.Roots())[0]
			assert.Equal(t, c.applied, f.Manifest(webRelease) != nil)
			if !c.applied {
				require.Len(t, f.Snapshot.Gaps, 1)
				assert.Equal(t, "GitRepository flux-system/flux-system is in another namespace, and kustomize-controller has --no-cross-namespace-refs", f.Snapshot.Gaps[0].Why)
				assert.False(t, f.Snapshot.Gaps[0].Harmless)
			}
		})
	}
}
