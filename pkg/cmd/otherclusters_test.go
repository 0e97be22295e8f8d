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

// copyCluster is a cluster's folder under another name, with that name in gotk-sync.yaml.
func copyCluster(t *testing.T, dir, from, to string) {
	t.Helper()
	for _, file := range []string{"apps.yaml", "flux-system/gotk-sync.yaml", "flux-system/kustomization.yaml"} {
		writeFile(t, dir, "clusters/"+to+"/"+file, strings.ReplaceAll(readFile(t, dir, "clusters/"+from+"/"+file), "./clusters/"+from, "./clusters/"+to))
	}
}

func removeAll(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, file := range files {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, file)))
	}
}

// A branch with more, fewer or other clusters tells of each what becomes of it.
func TestCheckOfOtherClusters(t *testing.T) {
	t.Parallel()
	type edit = func(*testing.T, string)
	nothing := func(*testing.T, string) {}
	suspended := func(t *testing.T, dir string) {
		t.Helper()
		editFile(t, dir, "clusters/a/apps.yaml", "  prune: true\n", "  prune: true\n  suspend: true\n")
	}
	own := func(t *testing.T, dir string) {
		t.Helper()
		for _, cluster := range []string{"a", "staging"} {
			editFile(t, dir, "clusters/"+cluster+"/apps.yaml", "./apps", "./apps/"+cluster)
			writeFile(t, dir, "apps/"+cluster+"/a.yaml", readFile(t, dir, "apps/a.yaml"))
		}
	}
	for name, c := range map[string]struct {
		clusters             []string
		base, branch         edit
		added, removed, kept int
		git                  float64
		from                 map[string]string
	}{
		"one is gone":                          {[]string{"a", "b"}, nothing, func(t *testing.T, dir string) { t.Helper(); removeAll(t, dir, "clusters/b") }, 0, 4, 0, 24, nil},
		"one is ignored":                       {[]string{"a", "b"}, nothing, func(t *testing.T, dir string) { t.Helper(); writeFile(t, dir, ".sourceignore", "clusters/b/\n") }, 0, 0, 4, 48, nil},
		"a second one":                         {[]string{"a"}, nothing, func(t *testing.T, dir string) { t.Helper(); copyCluster(t, dir, "a", "b") }, 4, 0, 0, 48, nil},
		"a second one, and both are suspended": {[]string{"a"}, suspended, func(t *testing.T, dir string) { t.Helper(); copyCluster(t, dir, "a", "b") }, 3, 0, 1, 36, nil},
		"a copy of one instead of another": {[]string{"a", "staging"}, own, func(t *testing.T, dir string) {
			t.Helper()
			copyCluster(t, dir, "a", "dev")
			removeAll(t, dir, "clusters/staging")
		}, 4, 4, 0, 48, nil},
		"another name, and a copy": {[]string{"a", "staging"}, own, func(t *testing.T, dir string) {
			t.Helper()
			copyCluster(t, dir, "staging", "qa")
			copyCluster(t, dir, "staging", "stage")
			removeAll(t, dir, "clusters/staging")
		}, 4, 0, 0, 72, map[string]string{"clusters/stage": "clusters/staging"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeBootstrapped(t, c.clusters...)
			c.base(t, dir)
			runGit(t, dir, "add", "-A")
			runGit(t, dir, "commit", "-q", "--allow-empty", "-m", "more")
			c.branch(t, dir)
			o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "-o", "json")
			var document report.BranchCheck
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), o.stderr)
			assert.Zero(t, o.code, o.stderr)
			assert.Equal(t, [3]int{c.added, c.removed, c.kept}, [3]int{document.Summary.Added, document.Summary.Removed, document.Summary.Kept}, tellings(document))
			assert.InDelta(t, c.git, document.Summary.GitRequests.After, 0.01)
			assert.Zero(t, document.Summary.Errors, tellings(document))
			var from map[string]string
			for _, cluster := range document.Clusters {
				if cluster.From != "" {
					from = map[string]string{cluster.Cluster: cluster.From}
				}
			}
			assert.Equal(t, c.from, from)
			told := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "-o", "markdown").stdout
			assert.Equal(t, c.removed > 0, strings.Contains(told, " is gone: as long as its cluster is there, its Flux finds no files, and takes nothing away."), told)
		})
	}
}

// A folder in which Git has nothing is not in a clone, whatever is on the disk.
func TestCheckOfAFolderThatGitDoesNotHave(t *testing.T) {
	t.Parallel()
	dir := writeBootstrapped(t, "a")
	writeFile(t, dir, ".gitignore", ".DS_Store\n")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "more")
	runGit(t, dir, "rm", "-q", "apps/a.yaml")
	writeFile(t, dir, "apps/.DS_Store", "x")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "apps/empty/folder"), 0o755))
	o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "-o", "json")
	var document report.BranchCheck
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), o.stderr)
	assert.Zero(t, document.Summary.Removed)
	assert.Equal(t, 1, document.Summary.Errors)
	assert.Contains(t, tellings(document), `path "./apps" of Kustomization flux-system/apps is not in the checkout`)
}

// What is wrong with an object is not new because another file has it.
func TestCheckOfAFileThatMoves(t *testing.T) {
	t.Parallel()
	dir := writeBootstrapped(t, "a")
	editFile(t, dir, "apps/a.yaml", "interval: 5m", "interval: 1d")
	runGit(t, dir, "commit", "-q", "-a", "-m", "more")
	runGit(t, dir, "mv", "apps/a.yaml", "apps/c.yaml")
	for _, more := range []string{"", "interval: 2d"} {
		if more != "" {
			editFile(t, dir, "apps/c.yaml", "interval: 1d", more)
		}
		o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "-o", "json")
		var document report.BranchCheck
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), o.stderr)
		assert.Equal(t, more != "", document.Summary.Errors == 1, tellings(document))
	}
}
