package manifest

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Builds beside each other give what each gives alone, also while another checkout is read that brings an OpenAPI schema of its
// own, which kustomize keeps for the whole process.
func TestBuildsBesideEachOther(t *testing.T) {
	t.Parallel()
	files := manyManifests(2 * manyBuilds * 100)
	own := manyManifests(200)
	own["apps/f000/kustomization.yaml"] = "openapi: {path: schema.json}\nresources: [r00000.yaml]\n"
	own["apps/f000/schema.json"] = `{"definitions": {}}`
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			tree := NewTree(files)
			fleets := tree.Read(tree.Roots())
			assert.Len(t, fleets[0].Snapshot.Objects, 2*manyBuilds*101)
			for ref, d := range fleets[0].deployments {
				alone := build(d.tree, d.folder, d.Spec, buildOptions{origins: true})
				require.NoError(t, alone.err)
				assert.Equal(t, alone, d.built, ref)
			}
		})
	}
	all.Go(func() {
		tree := NewTree(own)
		require.True(t, newReader(tree).options.schemas)
		assert.Len(t, tree.Read(tree.Roots())[0].Snapshot.Objects, 2+1+100)
	})
	all.Wait()
}

// Of an error that is too long the beginning and the end are told: kustomize's end with the reason.
func TestLongErrorsKeepTheReason(t *testing.T) {
	t.Parallel()
	err := errors.New("accumulating resources: " + strings.Repeat("recursed accumulation of path: ", 40) + "may not add resource with an already registered id")
	assert.True(t, strings.HasPrefix(oneLine(err), "accumulating resources: "))
	assert.True(t, strings.HasSuffix(oneLine(err), "may not add resource with an already registered id"))
	assert.Less(t, len(oneLine(err)), 420)
	assert.Equal(t, "a b", oneLine(errors.New("a\nb")))
}
