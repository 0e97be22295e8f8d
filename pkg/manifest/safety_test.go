package manifest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Nothing that a checkout says has anything fetched or run: what it wants from elsewhere is a gap, or an error
// that says so.
func TestBuildsFetchAndRunNothing(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	ran := filepath.Join(t.TempDir(), "ran")
	bin := t.TempDir()
	for _, program := range []string{"git", "helm", "plugin"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755))
	}
	t.Setenv("PATH", bin)
	host, _, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	for name, kustomization := range map[string]string{
		"URL":                   "resources: [" + server.URL + "/x.yaml]",
		"Git over HTTP":         "resources: ['" + server.URL + "/org/repo?ref=main']",
		"Git with a prefix":     "resources: ['git::" + server.URL + "/org/repo']",
		"Git over SSH":          "resources: ['git@" + host + ":org/repo.git']",
		"SSH without .git":      "resources: ['user@" + host + ":org/repo']",
		"GitHub in short":       "resources: ['github.com/org/repo']",
		"a file URL":            "resources: ['file:///etc']",
		"bases":                 "bases: ['" + server.URL + "/org/repo//x']",
		"components":            "components: ['" + server.URL + "/org/repo//x']",
		"a patch":               "resources: [a.yaml]\npatches: [{path: '" + server.URL + "/p.yaml'}]",
		"a strategic patch":     "resources: [a.yaml]\npatchesStrategicMerge: ['" + server.URL + "/p.yaml']",
		"a JSON patch":          "resources: [a.yaml]\npatchesJson6902: [{target: {version: v1, kind: ConfigMap, name: a}, path: '" + server.URL + "/p.yaml'}]",
		"a generator's file":    "configMapGenerator: [{name: x, files: ['k=" + server.URL + "/f']}]",
		"a generator's env":     "configMapGenerator: [{name: x, envs: ['" + server.URL + "/f']}]",
		"a merged generator":    "configMapGenerator: [{name: x, literals: [a=b]}, {name: x, behavior: merge, files: ['" + server.URL + "/f']}]",
		"a generator's alias":   "secretGenerator: &g [{name: x, envs: ['" + server.URL + "/f']}]\nconfigMapGenerator: *g",
		"a generator's options": "configMapGenerator: [{name: x, literals: [a=b], options: &o {labels: {a: b}}}, {name: y, files: ['" + server.URL + "/f'], options: *o}]",
		"a generator's fields":  "resources: [a.yaml]\nopenapi: {x: &e {name: x, files: ['" + server.URL + "/f']}}\nconfigMapGenerator: [{<<: *e}]",
		"a schema":              "resources: [a.yaml]\nopenapi: {path: '" + server.URL + "/s.json'}",
		"CRDs":                  "resources: [a.yaml]\ncrds: ['" + server.URL + "/c.yaml']",
		"configurations":        "resources: [a.yaml]\nconfigurations: ['" + server.URL + "/c.yaml']",
		"replacements":          "resources: [a.yaml]\nreplacements: [{path: '" + server.URL + "/r.yaml'}]",
		"an alias":              "resources: [a.yaml]\npatches: [{path: &u '" + server.URL + "/p.yaml'}, {path: *u}]",
		"a transformer":         "resources: [a.yaml]\ntransformers: [t.yaml]",
		"an inline transformer": "resources: [a.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: t}\n  path: " + server.URL + "/p.yaml",
		"an exec plugin":        "resources: [a.yaml]\ntransformers:\n- |-\n  apiVersion: v1\n  kind: Evil\n  metadata:\n    name: t\n    annotations:\n      config.kubernetes.io/function: |\n        exec:\n          path: " + filepath.Join(bin, "plugin"),
		"a Helm chart":          "helmCharts: [{name: x, repo: '" + server.URL + "', version: 1.0.0}]",
		"deeper":                "resources: [sub]",
	} {
		t.Run(name, func(t *testing.T) {
			tree := NewTree(map[string]string{
				"kustomization.yaml":     kustomization + "\n",
				"a.yaml":                 "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
				"t.yaml":                 "apiVersion: builtin\nkind: PatchTransformer\nmetadata:\n  name: t\npath: " + server.URL + "/p.yaml\n",
				"sub/kustomization.yaml": "resources: ['" + server.URL + "/x.yaml']\n",
			})
			b := build(tree, "", kustomizationSpec{}, buildOptions{})
			assert.True(t, b.err != nil || len(b.gaps) > 0, "neither an error nor a gap tells of it")
			assert.Zero(t, asked.Load(), "the network was asked")
			assert.NoFileExists(t, ran, "a program was run")
		})
	}
}

// Files outside of the checkout are out of reach: by paths, and by symbolic links, which Flux does not see
// either.
func TestBuildsStayInTheCheckout(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	object := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: secret\n"
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret.yaml"), []byte(object), 0o600))
	for name, resource := range map[string]string{
		"a relative path":  "../../../../../../../../.." + outside + "/secret.yaml",
		"an absolute path": outside + "/secret.yaml",
		"a linked file":    "link.yaml",
		"a linked folder":  "linked/secret.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{"apps/kustomization.yaml": "resources: [" + resource + "]\n"})
			require.NoError(t, os.Symlink(filepath.Join(outside, "secret.yaml"), filepath.Join(dir, "apps", "link.yaml")))
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, "apps", "linked")))
			tree, err := Open(dir)
			require.NoError(t, err)
			assert.Equal(t, []string{"apps/link.yaml", "apps/linked"}, tree.Links)
			b := build(tree, "apps", kustomizationSpec{}, buildOptions{})
			require.ErrorContains(t, b.err, "is not in the checkout")
		})
	}
}

// Submodules are other repositories.
func TestOpenLeavesOutSubmodules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{".git/config": "", "a.yaml": "", "module/.git": "gitdir: ../.git/modules/m", "module/b.yaml": ""})
	tree, err := Open(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.yaml"}, tree.Files())
	assert.Equal(t, []string{"module"}, tree.Submodules)
}

// What is fetched and may change what stands beside it leaves nothing known of a build; what only adds to it does not.
func TestWhatIsFetchedMayChangeWhatStandsBesideIt(t *testing.T) {
	for field, changes := range map[string]bool{
		"components": true, "transformers": true, "patchesStrategicMerge": true, "configurations": true,
		"bases": false, "generators": false, "validators": false, "crds": false,
	} {
		b := build(NewTree(map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\n" + field + ": ['https://example.com/x.yaml?ref=v1']\n",
			"a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
		}), "", kustomizationSpec{}, buildOptions{})
		if changes {
			assert.EqualError(t, b.err, "kustomization.yaml: "+field+" needs https://example.com/x.yaml?ref=v1, which is not in the checkout")
			assert.True(t, unfetched(b.err), field)
			continue
		}
		assert.NoError(t, b.err, field)
		assert.Len(t, b.gaps, 1, field)
	}
}
