package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// object is a Kustomization in a namespace; target, where there is one, is where it applies to.
func object(namespace, name, target string) flux.Object {
	return flux.Object{
		Ref:     flux.Ref{Group: kustomizations.Group, Kind: "Kustomization", Namespace: namespace, Name: name},
		Version: "v1", TargetNamespace: target,
	}
}

func TestNeededNamespaces(t *testing.T) {
	t.Parallel()
	s := flux.Snapshot{
		Objects: []flux.Object{object("b", "web", ""), object("b", "api", "d"), object("a", "web", "b")},
		Related: []flux.Object{object("c", "web", "a")},
	}
	assert.Equal(t, []string{"a", "b", "c", "d"}, neededNamespaces(s))
	assert.Empty(t, neededNamespaces(flux.Snapshot{}))
}

func TestAssemble(t *testing.T) {
	t.Parallel()
	one, two := object("a", "one", ""), object("a", "two", "")
	gap := flux.Gap{What: "buckets", Why: "forbidden"}
	all := flux.Place{Kind: "Kustomization"}
	refused := flux.Place{Kind: "Bucket"}
	assert.Equal(t, flux.Snapshot{Objects: []flux.Object{one, two}, Gaps: []flux.Gap{gap}, Looked: []flux.Place{all}, Tried: []flux.Place{refused}},
		assemble([]part{
			{objects: []*flux.Object{&one}, looked: []flux.Place{all}}, {gaps: []flux.Gap{gap}, tried: []flux.Place{refused}}, {objects: []*flux.Object{&two}},
		}))
}

func TestDecodeNamespace(t *testing.T) {
	t.Parallel()
	n, err := decodeNamespace([]byte(`{"kind":"PartialObjectMetadata","metadata":{"name":"dev","labels":{"environment":"development"}}}`))
	require.NoError(t, err)
	assert.Equal(t, "dev", n.name)
	assert.Equal(t, map[string]string{"environment": "development"}, n.labels)

	_, err = decodeNamespace([]byte(`{"metadata":[]}`))
	require.ErrorContains(t, err, "reading a namespace: ")
}

func TestPaths(t *testing.T) {
	t.Parallel()
	row, err := flux.ParseKind("ks")
	require.NoError(t, err)
	assert.Equal(t, []string{"apis", "kustomize.toolkit.fluxcd.io", "v1", "kustomizations"}, path(row, "v1", ""))
	assert.Equal(t, []string{"apis", "kustomize.toolkit.fluxcd.io", "v1beta2", "namespaces", "apps", "kustomizations"}, path(row, "v1beta2", "apps"))
	assert.Equal(t, []string{"apis", "kustomize.toolkit.fluxcd.io", "v1", "namespaces", "apps", "kustomizations", "web"}, objectPath(object("apps", "web", "")))
	assert.Equal(t, "kustomizations in all namespaces", scope("kustomizations", ""))
	assert.Equal(t, `kustomizations in namespace "apps"`, scope("kustomizations", "apps"))
}
