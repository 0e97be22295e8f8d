package manifest

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// A variable that something else may read stays as it is, and the object gets a patch.
func TestVariablesThatOthersRead(t *testing.T) {
	t.Parallel()
	const (
		cluster = "clusters/production/"
		other   = "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: ext, namespace: flux-system}\nspec:\n  interval: 5m\n  path: ./x\n" +
			"  sourceRef: {kind: GitRepository, name: SOURCE}\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n"
		pod   = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: flux-system}\nspec:\n  containers: [{name: c, image: c, SPEC}]\n"
		named = "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: w, namespace: flux-system}\nspec:\n  interval: 5m\n  path: ./w\n" +
			"  sourceRef: {kind: GitRepository, name: flux-system}\n  postBuild: {substitute: {n: ars}}\n"
		release2 = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: h, namespace: flux-system}\nspec:\n  interval: 5m\n  chartRef: {kind: OCIRepository, name: h}\n  valuesFrom: [{kind: ConfigMap, name: 'v${n}', valuesKey: poll, targetPath: poll}]\n"
	)
	x := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: b, namespace: x}\nspec: {interval: '${poll}', url: https://example.com/b}\n"
	for name, edits := range map[string]map[string]string{
		"nobody else":          {},
		"built by another":     {cluster + "apps.yaml": replaced(other, "SOURCE", "flux-system"), "x/b.yaml": replaced(x, "${poll}", "5m")},
		"another cluster":      {cluster + "apps.yaml": replaced(other, "SOURCE}", "flux-system}\n  kubeConfig: {secretRef: {name: k}}"), "x/b.yaml": x},
		"another repository":   {cluster + "apps.yaml": replaced(other, "SOURCE", "elsewhere")},
		"what is fetched":      {"apps/kustomization.yaml": "resources: [a.yaml, 'https://example.com/more//x?ref=v1']\n"},
		"a Helm release":       {cluster + "apps.yaml": "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: h, namespace: flux-system}\nspec:\n  interval: 5m\n  chartRef: {kind: OCIRepository, name: h}\n  valuesFrom: [{kind: ConfigMap, name: vars, valuesKey: poll, targetPath: poll}]\n"},
		"a name by a variable": {cluster + "apps.yaml": named, "w/hr.yaml": release2},
		"an environment":       {cluster + "apps.yaml": replaced(pod, "SPEC", "envFrom: [{configMapRef: {name: vars}}]")},
		"a variable of one":    {cluster + "apps.yaml": replaced(pod, "SPEC", "env: [{name: X, valueFrom: {configMapKeyRef: {name: vars, key: poll}}}]")},
		"a volume":             {cluster + "apps.yaml": replaced(pod, ", SPEC}]", "}]\n  volumes: [{name: v, configMap: {name: vars}}]")},
		"a ResourceSet":        {cluster + "apps.yaml": "---\napiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: all, namespace: flux-system}\nspec:\n  resourcesTemplate: |\n    substituteFrom: [{kind: ConfigMap, name: vars}]\n"},
		"it may not change":    {cluster + "vars.yaml": "immutable: true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := maps.Clone(sharedFiles())
			maps.DeleteFunc(files, func(file, _ string) bool { return !below(file, "clusters/production/flux-system") })
			files[cluster+"vars.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata:\n  poll: 1m\n"
			files[cluster+"apps.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: 5m\n  timeout: 5m\n  path: ./apps\n" +
				"  sourceRef: {kind: GitRepository, name: flux-system}\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n"
			files["apps/a.yaml"] = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a, namespace: x}\nspec:\n  interval: ${poll}\n  url: https://example.com/a\n"
			for file, text := range edits {
				files[file] += text
			}
			tree := NewTree(files)
			fleets := tree.Read(tree.Roots())
			require.Len(t, fleets, 1)
			a := flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "x", Name: "a"}
			r, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{wantInterval(Target{0, a, flux.Interval}, "5m")})
			require.NoError(t, err)
			require.Empty(t, r.Refused)
			_, variable := r.Files[cluster+"vars.yaml"]
			assert.Equal(t, name == "nobody else" || name == "built by another", variable, "%v", sortedKeys(r.Files))
			assert.Len(t, r.Files, 1)
		})
	}
}

func replaced(text, old, by string) string { return strings.ReplaceAll(text, old, by) }
