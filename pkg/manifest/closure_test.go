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

// Flux Operator 0.53 and later may make resources in steps; what later ones have is not known here.
func TestResourceSetStepsGuardFiles(t *testing.T) {
	t.Parallel()
	const kustomization = `{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": {"path": "./apps/base"}}`
	const template = `"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: ./apps/base}\n"`
	for name, test := range map[string]struct {
		spec       string
		used, lost bool
	}{
		"resources":             {`{"resources": [` + kustomization + `]}`, true, false},
		"resources of steps":    {`{"steps": [{"name": "a", "resources": []}, {"name": "b", "resources": [` + kustomization + `]}]}`, true, false},
		"templates of steps":    {`{"steps": [{"name": "a", "resourcesTemplate": ` + template + `}]}`, true, false},
		"an unknown field":      {`{"phases": [{"objects": [` + kustomization + `]}]}`, false, true},
		"what it depends on":    {`{"resources": [], "dependsOn": [{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "name": "a"}]}`, false, false},
		"annotations it writes": {`{"resources": [], "commonMetadata": {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClosure(NewTree(map[string]string{"apps/base/g.yaml": "x: y\n"}), home{root: Root{Path: "clusters/x"}})
			c.resourceSet([]byte(`{"spec": ` + test.spec + `}`))
			assert.Equal(t, test.used, c.used()["apps/base/g.yaml"])
			assert.Equal(t, test.lost, c.lost != "", c.lost)
		})
	}
}
