package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// writeBootstrapped is a repository as flux bootstrap leaves it, of some clusters.
func writeBootstrapped(t *testing.T, clusters ...string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"apps/a.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a, namespace: x}\nspec: {interval: 5m, timeout: 1m, url: 'https://github.com/example/a'}\n"}
	for _, cluster := range clusters {
		files["clusters/"+cluster+"/flux-system/kustomization.yaml"] = "resources:\n- gotk-sync.yaml\n"
		files["clusters/"+cluster+"/flux-system/gotk-sync.yaml"] = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec:\n  interval: 5m\n  timeout: 1m\n" +
			"  url: ssh://git@github.com/example/fleet\n  ref:\n    branch: main\n---\n" +
			"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec:\n  interval: 5m\n  timeout: 5m\n  path: ./clusters/" + cluster +
			"\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
		files["clusters/"+cluster+"/apps.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec:\n  interval: 5m\n  timeout: 5m\n  path: ./apps\n  prune: true\n" +
			"  sourceRef: {kind: GitRepository, name: flux-system}\n"
	}
	for file, text := range files {
		writeFile(t, dir, file, text)
	}
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	return dir
}

func writeFile(t *testing.T, dir, file, text string) {
	t.Helper()
	name := filepath.Join(dir, filepath.FromSlash(file))
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
}

// What a branch does to the files that say where a cluster begins: Flux on the cluster goes on where it is.
func TestCheckOfTheFirstKustomization(t *testing.T) {
	t.Parallel()
	const sync = "clusters/a/flux-system/gotk-sync.yaml"
	remove := func(files ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			for _, file := range files {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, file)))
			}
		}
	}
	edit := func(file, from, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { t.Helper(); editFile(t, dir, file, from, to) }
	}
	for name, c := range map[string]struct {
		clusters []string
		change   func(*testing.T, string)
		code     int
		removed  int
		git      float64 // requests an hour afterwards
		says     string
	}{
		"its file is gone":       {[]string{"a"}, remove(sync), 1, 0, 24, "gotk-sync.yaml"},
		"its file of one of two": {[]string{"a", "b"}, remove(sync), 1, 0, 48, "gotk-sync.yaml"},
		"it is not applied":      {[]string{"a"}, edit("clusters/a/flux-system/kustomization.yaml", "resources:\n- gotk-sync.yaml", "resources: []"), 0, 4, 0, ""},
		"its folder is gone":     {[]string{"a"}, remove("clusters/a/flux-system"), 0, 4, 0, ""},
		"its folder is not applied": {[]string{"a"}, func(t *testing.T, dir string) {
			t.Helper()
			writeFile(t, dir, "clusters/a/kustomization.yaml", "resources: [apps.yaml]\n")
		}, 0, 4, 0, ""},
		"it prunes nothing": {[]string{"p"}, remove("clusters/p/flux-system"), 0, 0, 24, ""},
		"its file bears another name": {[]string{"a"}, func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Rename(filepath.Join(dir, sync), filepath.Join(dir, "clusters/a/flux-system/sync.yaml")))
			editFile(t, dir, "clusters/a/flux-system/kustomization.yaml", "gotk-sync.yaml", "sync.yaml")
		}, 0, 0, 24, ""},
		"the same of one of two": {[]string{"a", "b"}, func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Rename(filepath.Join(dir, sync), filepath.Join(dir, "clusters/a/flux-system/sync.yaml")))
			editFile(t, dir, "clusters/a/flux-system/kustomization.yaml", "gotk-sync.yaml", "sync.yaml")
		}, 0, 0, 48, ""},
		"two lead to each other": {[]string{"a", "b"}, func(t *testing.T, dir string) {
			t.Helper()
			editFile(t, dir, sync, "./clusters/a", "./clusters/b")
			editFile(t, dir, "clusters/b/flux-system/gotk-sync.yaml", "./clusters/b", "./clusters/a")
		}, 1, 0, 48, "lead back"},
		"it is led to a folder without it": {[]string{"a"}, edit(sync, "./clusters/a", "./apps"), 0, 4, 0, ""},
		"it is led there by a patch": {[]string{"a"}, func(t *testing.T, dir string) {
			t.Helper()
			writeFile(t, dir, "clusters/a/kustomization.yaml", "resources: [apps.yaml, flux-system]\npatches:\n- target: {kind: Kustomization, name: flux-system}\n  patch: |\n    - {op: replace, path: /spec/path, value: ./apps}\n")
		}, 0, 4, 0, ""},
		"it bears another name": {[]string{"a"}, edit(sync, "kind: Kustomization\nmetadata: {name: flux-system", "kind: Kustomization\nmetadata: {name: cluster"), 0, 1, 24, ""},
		"its file is empty":     {[]string{"a"}, func(t *testing.T, dir string) { t.Helper(); writeFile(t, dir, sync, "# nothing\n") }, 0, 4, 0, ""},
		"it is led away with the rest": {[]string{"a"}, func(t *testing.T, dir string) {
			t.Helper()
			writeFile(t, dir, "clusters/new/apps.yaml", readFile(t, dir, "clusters/a/apps.yaml"))
			require.NoError(t, os.Remove(filepath.Join(dir, "clusters/a/apps.yaml")))
			editFile(t, dir, sync, "./clusters/a", "./clusters/new")
		}, 0, 4, 0, ""},
		"it is led to a copy": {[]string{"a"}, func(t *testing.T, dir string) {
			t.Helper()
			editFile(t, dir, sync, "./clusters/a", "./clusters/new")
			for _, file := range []string{"apps.yaml", "flux-system/gotk-sync.yaml", "flux-system/kustomization.yaml"} {
				writeFile(t, dir, "clusters/new/"+file, readFile(t, dir, "clusters/a/"+file))
			}
		}, 0, 0, 24, ""},
		"its file is in another folder": {[]string{"a"}, func(t *testing.T, dir string) {
			t.Helper()
			writeFile(t, dir, "clusters/new/flux-system/gotk-sync.yaml", strings.Replace(readFile(t, dir, sync), "./clusters/a", "./clusters/new", 1))
			require.NoError(t, os.Remove(filepath.Join(dir, sync)))
			writeFile(t, dir, "clusters/a/flux-system/kustomization.yaml", "resources: []\n")
		}, 0, 4, 12, ""},
		"another branch":     {[]string{"a"}, edit(sync, "branch: main", "branch: other"), 0, 0, 24, "gets another repository or revision"},
		"another repository": {[]string{"a"}, edit(sync, "example/fleet", "example/other"), 0, 0, 24, "gets another repository or revision"},
		"another protocol":   {[]string{"a"}, edit(sync, "ssh://git@github.com/example/fleet", "https://github.com/example/fleet.git"), 0, 0, 24, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeBootstrapped(t, c.clusters...)
			if name == "it prunes nothing" {
				editFile(t, dir, "clusters/p/flux-system/gotk-sync.yaml", "prune: true", "prune: false")
				runGit(t, dir, "commit", "-q", "-a", "-m", "prune")
			}
			c.change(t, dir)
			o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "-o", "json")
			var document report.BranchCheck
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), o.stderr)
			assert.Equal(t, c.code, o.code, o.stderr)
			assert.NotContains(t, o.stderr, "No Flux objects found")
			assert.Equal(t, c.removed > 0, strings.Contains(o.stdout, "Kustomization flux-system/flux-system is not among what it applies any more: Flux takes it away, and all that it applied"), o.stdout)
			assert.Equal(t, c.removed > 0, document.Summary.Errors > 0, o.stdout)
			assert.Equal(t, c.removed, document.Summary.Removed, o.stdout)
			assert.InDelta(t, c.git, document.Summary.GitRequests.After, 0.01, o.stdout)
			assert.Equal(t, c.says != "", document.Summary.Incomplete.After, o.stdout)
			assert.True(t, strings.Contains(o.stdout, c.says), o.stdout)
		})
	}
}
