package manifest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/fluxcd/pkg/kustomize"
	"github.com/fluxcd/pkg/kustomize/filesys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What is built here is what Flux's own generator and build make of the same files on the disk: the same
// kustomization, byte by byte, and the same objects.
func TestBuildsAreFluxsOwn(t *testing.T) {
	cases, err := filepath.Glob("testdata/rewrite/*.tree")
	require.NoError(t, err)
	compared := 0
	for _, name := range append(cases, "testdata/specs.tree") {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		dir := t.TempDir()
		writeFiles(t, dir, archive(string(text)))
		tree, err := Open(dir)
		require.NoError(t, err)
		for _, f := range tree.Read(tree.Roots()) {
			for _, ref := range sortedRefs(f.deployments) {
				d := f.deployments[ref]
				if !d.local || d.key != "" || len(d.built.gaps) > 0 { // artifacts are no folders of the checkout, and Flux fetches
					continue
				}
				compared++
				t.Run(filepath.Base(name)+"/"+f.Root.String()+"/"+ref.Name, func(t *testing.T) { compareWithFlux(t, dir, tree, f, d) })
			}
		}
	}
	assert.Greater(t, compared, 30)
}

func compareWithFlux(t *testing.T, dir string, tree *Tree, f Fleet, d *deployment) {
	object := map[string]any{"spec": map[string]any{"path": d.folder}}
	if data := f.Manifest(d.ref()); data != nil {
		require.NoError(t, json.Unmarshal(data, &object))
	}
	folder := filepath.Join(dir, filepath.FromSlash(d.folder))
	want, at, _, err := kustomize.NewGenerator(dir, unstructured.Unstructured{Object: object}).GenerateManifest(folder)
	how := newReader(tree).options
	how.flat = d.flat
	got, gotAt, gotErr := generate(tree, d.folder, d.Spec, how)
	if err != nil {
		require.Error(t, gotErr)
		return
	}
	require.NoError(t, gotErr)
	assert.Equal(t, string(want), string(got))
	assert.Equal(t, at, filepath.Join(dir, filepath.FromSlash(gotAt)))

	disk, err := filesys.MakeFsOnDiskSecure(dir)
	require.NoError(t, err)
	fs := filesys.MakeFsInMemory(disk)
	require.NoError(t, fs.WriteFile(at, want))
	resources, err := kustomize.Build(fs, folder)
	if err != nil {
		require.Error(t, d.built.err)
		return
	}
	require.NoError(t, d.built.err)
	require.Equal(t, len(resources.Resources()), len(d.built.resources))
	for i, r := range resources.Resources() {
		assert.Equal(t, r.GetName(), d.built.resources[i].ref.Name)
		if mine := d.built.resources[i].json; mine != nil {
			theirs, err := r.MarshalJSON()
			require.NoError(t, err)
			assert.JSONEq(t, string(theirs), string(mine))
		}
	}
}

// Variables become what Flux's own substitution makes of them, where all of them are known.
func TestSubstitutionIsFluxsOwn(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{"r.yaml": `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: ${name}-x
  namespace: apps
  annotations:
    number: "${port}"
    upper: "${name^^}"
    default: "${none:-a}${none:=b}"
    escaped: "$${name}"
    length: "${#name}"
    replaced: "${name/w/v}"
spec:
  interval: ${every}
  values:
    port: ${port}
`})
	b := build(tree, "", kustomizationSpec{}, buildOptions{})
	require.NoError(t, b.err)
	require.Len(t, b.resources, 1)
	vars := map[string]string{"name": "web", "every": "5m", "port": "8080"}
	got, unset, _, err := substitute(b.resources[0].json, variables{values: vars})
	require.NoError(t, err)
	require.Empty(t, unset)

	dir := t.TempDir()
	data, err := tree.ReadFile("r.yaml")
	require.NoError(t, err)
	writeFiles(t, dir, map[string]string{"r.yaml": string(data), "kustomization.yaml": "resources: [r.yaml]\n"})
	resources, err := kustomize.SecureBuild(dir, dir, false)
	require.NoError(t, err)
	substituted := map[string]any{}
	for k, v := range vars {
		substituted[k] = v
	}
	ks := unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"postBuild": map[string]any{"substitute": substituted}}}}
	theirs, err := kustomize.SubstituteVariables(t.Context(), nil, ks, resources.Resources()[0], kustomize.SubstituteWithDryRun(true))
	require.NoError(t, err)
	want, err := theirs.MarshalJSON()
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))
}
