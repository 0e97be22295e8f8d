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
			require.Len(t, fleets[0].Snapshot.Objects, 1)
			o := fleets[0].Snapshot.Objects[0]
			assert.Equal(t, flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "flux", Name: c.name}, o.Ref)
			assert.Equal(t, c.interval, *o.Interval)
			assert.True(t, o.Generated)
		})
	}
}

// Of a Bucket the reference is its name, and the URL its endpoint.
func TestTheBucketOfAFluxInstance(t *testing.T) {
	t.Parallel()
	o, err := syncSource([]byte(`{"metadata": {"namespace": "flux"}, "spec": {"sync": {"kind": "Bucket", "url": "minio.example.com", "ref": "fleet", "path": "clusters/dev"}}}`))
	require.NoError(t, err)
	assert.Equal(t, "Bucket", o.Kind)
	assert.Equal(t, flux.Remote{URL: "minio.example.com", Bucket: "fleet"}, flux.Remote{URL: o.Remote.URL, Bucket: o.Remote.Bucket})
	assert.Empty(t, o.Remote.Ref)
}
