package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// variable is a cluster whose Kustomization apps takes the interval of web from a ConfigMap that Kustomization vars applies.
func variable(from, configMap, vars string) map[string]string {
	files := applied("  postBuild: {substituteFrom: ["+from+"]}\n", map[string]string{"apps/web.yaml": source("web", "  interval: ${poll:=1m}\n  timeout: 2m\n")})
	files["clusters/development/vars.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: vars, namespace: apps}\nspec:\n  interval: 40s\n  timeout: 20m\n" +
		"  retryInterval: 1m\n  path: ./vars\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n" + vars
	files["vars/other.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: apps}\n"
	if configMap != "" {
		files["vars/cm.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: apps}\ndata: {poll: " + configMap + "}\n"
	}
	return files
}

// A variable whose value one side does not tell makes nothing cheaper, and is told; one that does not arrive changes nothing.
func TestVariablesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	const from = "{kind: ConfigMap, name: vars}"
	const refused = "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: bad, namespace: apps}\nspec: {interval: 1d, url: https://example.com/bad}\n"
	whole := variable(from, "5m", "")
	broken := func(files map[string]string) map[string]string {
		files["vars/bad.yaml"] = refused
		return files
	}
	for name, c := range map[string]struct {
		base, head map[string]string
		git        Delta[float64]
		incomplete Delta[bool]
		changes    int
		kept       int
	}{
		"it arrives":                 {whole, variable(from, "6m", ""), Delta[float64]{12, 10}, Delta[bool]{}, 1, 0},
		"the ConfigMap is gone":      {whole, variable(from, "", ""), Delta[float64]{12, 12}, Delta[bool]{false, true}, 0, 0},
		"a Secret may have it":       {whole, variable(from+", {kind: Secret, name: s}", "5m", ""), Delta[float64]{12, 12}, Delta[bool]{false, true}, 0, 0},
		"a Secret had it":            {variable(from+", {kind: Secret, name: s}", "5m", ""), whole, Delta[float64]{12, 12}, Delta[bool]{true, false}, 0, 0},
		"what applies it suspended":  {variable(from, "5m", "  suspend: true\n"), variable(from, "6m", "  suspend: true\n"), Delta[float64]{12, 12}, Delta[bool]{}, 0, 1},
		"what applies it is refused": {whole, broken(variable(from, "6m", "")), Delta[float64]{12, 12}, Delta[bool]{}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := side(t, c.base), side(t, c.head)
			got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
			require.Len(t, got.Clusters, 1)
			assert.Equal(t, c.git, got.Git)
			assert.Equal(t, c.incomplete, got.Incomplete, "%v", got.Clusters[0].Gaps)
			assert.Len(t, got.Clusters[0].Changes, c.changes, "%v", got.Clusters[0].Changes)
			assert.Len(t, got.Clusters[0].Kept, c.kept, "%v", got.Clusters[0].Kept)
		})
	}
}

// What nobody can count is told, and what does not arrive.
func TestUndecidedIntervalsAreTold(t *testing.T) {
	t.Parallel()
	for says, files := range map[string]map[string]string{
		"spec.interval of GitRepository apps/web: it is a variable that has no value in the checkout: how often it asks is not known": variable("{kind: Secret, name: s}", "", ""),
		"what Kustomization apps/vars applies: it is suspended: what the files have reaches the cluster when it is resumed":           variable("{kind: ConfigMap, name: vars}", "5m", "  suspend: true\n"),
	} {
		tree := manifest.NewTree(files)
		var gaps []string
		for _, g := range tree.Read(tree.Roots())[0].Snapshot.Gaps {
			gaps = append(gaps, g.What+": "+g.Why)
		}
		assert.Contains(t, gaps, says)
	}
}
