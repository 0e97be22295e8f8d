package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// exportTree is a Kustomization that applies four objects, with more of its spec.
func exportTree(more string) *Tree {
	release := func(name, namespace string) string {
		return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: " + name + "\n  namespace: " + namespace + "\nspec:\n  interval: 10m\n  chartRef: {kind: OCIRepository, name: x}\n"
	}
	return NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/a/apps.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./apps\n" +
			"  sourceRef: {kind: GitRepository, name: flux-system}\n" + more,
		"apps/all.yaml": release("web", "one") + "---\n" + release("web", "two") + "---\n" + release("web.a", "one") + "---\n" + release("webba", "one") +
			"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: web\n  namespace: one\nspec:\n  interval: 10m\n  url: https://example.com/x\n",
	})
}

// exceptions are the objects web and web.a of one namespace, as they are on the cluster.
func exceptions(t *testing.T) []Exception {
	t.Helper()
	tree := exportTree("")
	var found []Exception
	for _, o := range tree.Read(tree.Roots())[0].Snapshot.Objects {
		if o.Namespace == "one" && (o.Name == "web" || o.Name == "web.a") {
			interval, timeout := "45m0s", "7m"
			o.Interval, o.Timeout = &interval, &timeout
			found = append(found, Exception{o, []flux.Field{flux.Interval, flux.Timeout}})
		}
	}
	require.Len(t, found, 3)
	return found
}

var exportOwner = flux.Ref{Group: kustomizeGroup, Kind: kustomizationKind, Namespace: "flux-system", Name: "apps"}

// What was exported gives, in Git, the values of the cluster to the objects that have them, and to no other.
func TestExportPatches(t *testing.T) {
	t.Parallel()
	text := ExportPatches(exportOwner, exceptions(t))
	var parsed kustomization
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		*kustomization
	}{kustomization: &parsed}))
	assert.Equal(t, exportOwner, parsed.ref())
	require.Len(t, parsed.Spec.Patches, 2, text)
	data, err := yaml.Marshal(map[string]any{"patches": parsed.Spec.Patches})
	require.NoError(t, err)
	more := ""
	for _, line := range splitLines(data) {
		more += "  " + string(line)
	}
	tree := exportTree(more)
	fleet := tree.Read(tree.Roots())[0]
	require.Empty(t, fleet.Snapshot.Gaps)
	changed := 0
	for _, o := range fleet.Snapshot.Objects {
		if o.Ref == exportOwner {
			continue
		}
		if o.Namespace == "one" && (o.Name == "web" || o.Name == "web.a") {
			changed++
			require.NotNil(t, o.Timeout, o.Ref)
			assert.Equal(t, []string{"45m", "7m"}, []string{*o.Interval, *o.Timeout}, o.Ref)
			continue
		}
		assert.Equal(t, "10m", *o.Interval, o.Ref)
		assert.Nil(t, o.Timeout, o.Ref)
	}
	assert.Equal(t, 3, changed)
}

// The rules leave exactly these fields of these objects to the cluster.
func TestExportRules(t *testing.T) {
	t.Parallel()
	text, err := ExportRules(exportOwner, exceptions(t))
	require.NoError(t, err)
	var parsed struct {
		Spec struct{ Ignore []flux.IgnoreRule }
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &parsed))
	var named []flux.Ref
	for _, rule := range parsed.Spec.Ignore {
		assert.Equal(t, []string{"/spec/interval", "/spec/timeout"}, rule.Paths)
		named = append(named, tune.Targets(rule)...)
	}
	want := []flux.Ref{}
	for _, e := range exceptions(t) {
		want = append(want, e.Object.Ref)
	}
	assert.ElementsMatch(t, want, named, text)
}
