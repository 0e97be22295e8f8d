package manifest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a ResourceSet makes of a template may use a path, however the template is written.
func TestResourceSetTemplatesGuardFiles(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]string{
		"a line":         "spec:\n  path: ./apps/base\n",
		"in braces":      "spec: {interval: 4m, path: \"./apps/base\", prune: true}\n",
		"first in them":  "spec: {path: ./apps/base}\n",
		"JSON":           `{"spec":{"path":"./apps/base","prune":true}}`,
		"with an input":  "spec: {path: ./apps/<< inputs.tenant >>, prune: true}\n",
		"no other paths": "spec: {subPath: x, path: './apps/base'}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(map[string]string{"apps/base/g.yaml": "x: y\n", "other/g.yaml": "x: y\n"})
			c := newClosure(tree, home{root: Root{Path: "clusters/x"}})
			set, err := json.Marshal(map[string]any{"spec": map[string]any{"resourcesTemplate": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + spec}})
			require.NoError(t, err)
			c.resourceSet(set)
			assert.True(t, c.used()["apps/base/g.yaml"])
			assert.False(t, c.used()["other/g.yaml"])
			assert.Empty(t, c.lost)
		})
	}
}
