package manifest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
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

const fluxKustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: releases, namespace: flux-system}\nspec: {interval: 4m, sourceRef: {kind: GitRepository, name: releases}}\n"

// A folder that nothing says Flux applies, and that cannot be built, uses what its kustomizations name. Where a part of it can be
// built, this tells the paths of its Kustomizations; what is nowhere in the checkout uses nothing of it.
func TestAssumedFoldersThatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	files := func(more map[string]string) *Tree {
		all := map[string]string{
			"bases/flux/kustomization.yaml":      "resources: [../app, core]\n",
			"bases/flux/core/kustomization.yaml": "resources: [../../capa, g.yaml]\n",
			"bases/flux/core/g.yaml":             "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: core}\nspec: {interval: 5m, url: https://github.com/example/core}\n",
			"bases/capa/kustomization.yaml":      "resources: [../releases]\npatches: [{path: releases.yaml}]\n",
			"bases/capa/releases.yaml":           "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: releases, namespace: flux-system}\nspec: {path: capa}\n",
			"bases/releases/kustomization.yaml":  "resources: [releases.yaml]\n",
			"bases/releases/releases.yaml":       fluxKustomization,
			"bases/app/kustomization.yaml":       "helmCharts:\n- {name: flux-app, repo: 'oci://example.com/charts', valuesFile: values.yaml, additionalValuesFiles: [more.yaml], namespace: ../other}\n",
			"bases/app/values.yaml":              "interval: 5m\n", "bases/app/more.yaml": "interval: 5m\n",
			"bases/other/g.yaml":        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: other}\nspec: {interval: 5m, url: https://github.com/example/other}\n",
			"extras/kustomization.yaml": "resources: [g.yaml]\n",
			"extras/g.yaml":             "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: extras, namespace: flux-system}\nspec: {interval: 5m, url: https://github.com/example/extras}\n",
		}
		for p, content := range more {
			all[p] = content
		}
		return NewTree(all)
	}
	used := []string{"bases/app/kustomization.yaml", "bases/app/more.yaml", "bases/app/values.yaml", "bases/capa/kustomization.yaml", "bases/capa/releases.yaml", "bases/flux/core/g.yaml",
		"bases/flux/core/kustomization.yaml", "bases/flux/kustomization.yaml", "bases/releases/kustomization.yaml", "bases/releases/releases.yaml"}
	for name, test := range map[string]struct {
		more map[string]string
		uses []string
		lost bool
	}{
		"a chart from elsewhere": {nil, used, false},
		"a chart of the checkout": {map[string]string{
			"bases/app/kustomization.yaml":              "helmGlobals: {chartHome: ../../charts}\nhelmCharts: [{name: flux-app}]\n",
			"charts/flux-app/templates/deployment.yaml": "x: y\n", "charts/other/templates/deployment.yaml": "x: y\n",
		}, []string{"charts/flux-app/templates/deployment.yaml"}, false},
		"a chart beside it": {map[string]string{
			"bases/app/kustomization.yaml": "helmCharts: [{name: flux-app}]\n", "bases/app/charts/flux-app/templates/deployment.yaml": "x: y\n",
		}, []string{"bases/app/charts/flux-app/templates/deployment.yaml"}, false},
		"a chart of one's own that makes Kustomizations": {map[string]string{
			"bases/app/kustomization.yaml": "helmCharts: [{name: flux-app}]\n", "bases/app/charts/flux-app/templates/k.yaml": fluxKustomization + "{{ end }}\n",
		}, nil, true},
		"a path that is there":              {map[string]string{"bases/capa/releases.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: releases, namespace: flux-system}\nspec: {path: extras}\n"}, []string{"extras/g.yaml"}, false},
		"a path with a variable":            {map[string]string{"bases/capa/releases.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: releases, namespace: flux-system}\nspec: {path: '${x}'}\n"}, nil, true},
		"a path that another patch may set": {map[string]string{"bases/flux/kustomization.yaml": "resources: [../app, core]\npatches: [{target: {kind: Kustomization}, patch: '[{op: add, path: /spec/path, value: extras}]'}]\n"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := files(test.more)
			fleets := tree.Read([]Root{{Path: "bases/flux"}, {Path: "extras"}})
			unbuilt := tree.Unbuilt(fleets)
			require.Len(t, unbuilt, 1)
			assert.Equal(t, test.lost, unbuilt[0].lost != "", unbuilt[0].lost)
			uses := slices.DeleteFunc(sortedKeys(unbuilt[0].files), func(p string) bool { return !tree.isFile(p) })
			assert.Subset(t, uses, test.uses)
			assert.NotContains(t, uses, "bases/other/g.yaml")
			assert.NotContains(t, uses, "charts/other/templates/deployment.yaml")
			if test.more == nil {
				assert.Equal(t, used, uses)
			}
			target := Target{1, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "flux-system", Name: "extras"}, flux.Interval}
			r, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{wantInterval(target, "3m")})
			require.NoError(t, err)
			assert.Equal(t, slices.Contains(test.uses, "extras/g.yaml"), len(r.Refused) > 0, "%v", r.Refused)
		})
	}
}
