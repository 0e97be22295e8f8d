package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// The source that the Flux Operator makes for a FluxInstance polls as any other, and is not tuned in its place.
func TestTheSourceOfAFluxInstance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sync, name, interval string }{
		"as it is by default": {"{kind: GitRepository, url: https://github.com/acme/fleet.git, ref: refs/heads/main, path: clusters/dev}", "flux", "1m"},
		"with its own values": {"{kind: GitRepository, name: fleet, interval: 7m, url: https://github.com/acme/fleet.git, ref: refs/heads/main, path: clusters/dev}", "fleet", "7m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(map[string]string{
				"clusters/dev/flux.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux}\nspec:\n  sync: " + c.sync + "\n",
			})
			fleets := tree.Read(tree.Roots())
			require.Len(t, fleets, 1)
			require.Len(t, fleets[0].Snapshot.Objects, 2)
			o, k := fleets[0].Snapshot.Objects[0], fleets[0].Snapshot.Objects[1]
			assert.Equal(t, flux.Ref{Group: kustomizeGroup, Kind: "Kustomization", Namespace: "flux", Name: c.name}, k.Ref)
			assert.Equal(t, "10m0s", *k.Interval)
			assert.True(t, k.Generated)
			assert.Empty(t, fleets[0].Snapshot.Gaps)
			assert.Equal(t, flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "flux", Name: c.name}, o.Ref)
			assert.Equal(t, c.interval, *o.Interval)
			assert.True(t, o.Generated)
		})
	}
}

// Of a Bucket the reference is its name, and the URL its endpoint.
func TestTheBucketOfAFluxInstance(t *testing.T) {
	t.Parallel()
	made, err := synchronised([]byte(`{"metadata": {"namespace": "flux"}, "spec": {"sync": {"kind": "Bucket", "url": "minio.example.com", "ref": "fleet", "path": "clusters/dev"}}}`))
	require.NoError(t, err)
	o, err := flux.Decode(made[0].json)
	require.NoError(t, err)
	assert.Equal(t, "Bucket", o.Kind)
	assert.Equal(t, flux.Remote{URL: "minio.example.com", Bucket: "fleet"}, flux.Remote{URL: o.Remote.URL, Bucket: o.Remote.Bucket})
	assert.Empty(t, o.Remote.Ref)
}

// The operator patches what it makes for spec.sync as all that it installs.
func TestPatchesOfAFluxInstance(t *testing.T) {
	t.Parallel()
	const source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: \"${poll:=1m}\", url: https://example.com/web}\n"
	for name, c := range map[string]struct{ patches, interval, gap string }{
		"none":             {"", "${poll:=1m}", ""},
		"variables":        {"[{target: {kind: Kustomization}, patch: '- {op: add, path: /spec/postBuild, value: {substitute: {poll: 9m}}}'}]", "9m", ""},
		"without a target": {"[{patch: '{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: flux, namespace: flux}, spec: {postBuild: {substitute: {poll: 9m}}}}'}]", "9m", ""},
		"patches":          {"[{target: {kind: Kustomization}, patch: '- {op: add, path: /spec/patches, value: [{target: {kind: GitRepository}, patch: \"- {op: replace, path: /spec/interval, value: 30m}\"}]}'}]", "30m", ""},
		"ignored":          {"[{target: {kind: GitRepository}, patch: '- {op: add, path: /spec/ignore, value: web.yaml}'}]", "", ""},
		"others":           {"[{target: {kind: Deployment}, patch: '- {op: remove, path: /spec/none}'}, {patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: source-controller}, spec: {replicas: 2}}'}]", "${poll:=1m}", ""},
		"two in one": {"[{patch: \"apiVersion: kustomize.toolkit.fluxcd.io/v1\\nkind: Kustomization\\nmetadata: {name: flux, namespace: flux}\\nspec: {postBuild: {substitute: {poll: 9m}}}\\n" +
			"---\\napiVersion: apps/v1\\nkind: Deployment\\nmetadata: {name: kustomize-controller, namespace: flux}\\nspec: {replicas: 2}\\n\"}]", "9m", ""},
		"wrong": {"[{target: {kind: Kustomization}, patch: '- {op: remove, path: /spec/none}'}]", "${poll:=1m}", "its spec.kustomize.patches do not fit what it makes of spec.sync"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := "{kustomize: {patches: " + c.patches + "}, sync: {kind: GitRepository, url: https://github.com/acme/fleet.git, ref: refs/heads/main, path: clusters/dev}}\n"
			for where, instance := range map[string]string{
				"clusters/dev/flux.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux}\nspec: " + spec,
				"install/flux.yaml":      "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux}\nspec: " + spec,
			} {
				applied := where == "clusters/dev/flux.yaml"
				if !applied && (name == "ignored" || name == "wrong") { // of what is not applied only the Kustomization is known
					continue
				}
				tree := NewTree(map[string]string{where: instance, "clusters/dev/web.yaml": source})
				f := tree.Read(tree.Roots())[0]
				got, gap := "", ""
				for _, o := range f.Snapshot.Objects {
					if o.Name == "web" {
						got = *o.Interval
					}
				}
				for _, g := range f.Snapshot.Gaps {
					gap += g.Why
				}
				assert.Equal(t, c.interval, got, where)
				assert.Contains(t, gap, c.gap, where)
				assert.Equal(t, c.gap == "", gap == "", where+gap)
			}
		})
	}
}
