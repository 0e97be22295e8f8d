package manifest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// History is by steps of the branch: a merge is one, with all that came by it. The commit that began it, or that a shallow
// clone ends at, seems to change all files and counts for none.
func TestReadHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }
	now := at(1, 0)
	run := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE="+now.Format(time.RFC3339), "GIT_AUTHOR_DATE=2020-01-01T00:00:00Z")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	commit := func(when time.Time, files ...string) {
		now = when
		for _, file := range files {
			file = filepath.Join(dir, filepath.FromSlash(file))
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(when.String()), 0o600))
		}
		run("add", "-A")
		run("commit", "-q", "-m", "change")
	}
	run("init", "-q", "-b", "main")
	commit(at(1, 0), "fleet/a.yaml", "fleet/sub/ü b.yaml", "code.go")
	commit(at(2, 0), "fleet/a.yaml")
	run("checkout", "-q", "-b", "side")
	commit(at(3, 0), "fleet/a.yaml")
	commit(at(3, 1), "fleet/sub/ü b.yaml")
	run("checkout", "-q", "main")
	commit(at(3, 2), "code.go")
	now = at(4, 0)
	run("merge", "-q", "--no-ff", "--no-edit", "side")

	h, err := ReadHistory(t.Context(), filepath.Join(dir, "fleet"), at(1, 0).Add(-time.Hour))
	require.NoError(t, err)
	assert.True(t, h.Since.Equal(at(1, 0)), h.Since)
	for files, want := range map[string]int{"a.yaml": 2, "sub/ü b.yaml": 1, "code.go": 0, "b.yaml": 0} {
		assert.Equal(t, want, h.Changes(map[string]bool{files: true}), files)
	}
	assert.Equal(t, 2, h.Changes(map[string]bool{"a.yaml": true, "sub/ü b.yaml": true}), "a merge is one change")

	h, err = ReadHistory(t.Context(), dir, at(3, 12)) // the merge
	require.NoError(t, err)
	assert.True(t, h.Since.Equal(at(3, 12)))
	assert.Len(t, h.Commits, 1)

	shallow := filepath.Join(t.TempDir(), "shallow")
	require.NoError(t, exec.CommandContext(t.Context(), "git", "clone", "-q", "--depth=1", "file://"+dir, shallow).Run())
	h, err = ReadHistory(t.Context(), shallow, at(1, 0))
	require.NoError(t, err)
	assert.True(t, h.Since.Equal(at(4, 0)), "nothing is known before")
	assert.Empty(t, h.Commits)

	_, err = ReadHistory(t.Context(), t.TempDir(), at(1, 0))
	require.ErrorContains(t, err, "git log")
}

// A commit that only says how often to look is none that anybody waits for.
func TestReadHistoryPassesOverIntervals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(args ...string) {
		out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	run("init", "-q", "-b", "main")
	for _, content := range []string{
		"spec:\n  interval: 5m\n  image: a\n", "spec:\n  interval: 1m # fast\n  timeout: \"9m30s\"\n  image: a\n",
		"spec:\n  interval: 1m # fast\n  timeout: \"9m30s\"\n  image: b\n", "spec:\n  interval: 2m\n  image: c\n", "spec:\n  interval: 3m\n  image: c\n",
	} {
		writeFiles(t, dir, map[string]string{"a.yaml": content, "b.yaml": "interval of b: " + content[18:19] + "\n"})
		run("add", "-A")
		run("commit", "-q", "-m", "change")
	}
	h, err := ReadHistory(t.Context(), dir, time.Now().Add(-time.Hour))
	require.NoError(t, err)
	assert.Len(t, h.Commits, 4)
	assert.Equal(t, 2, h.Changes(map[string]bool{"a.yaml": true}), "the image changed twice")
	assert.Equal(t, 3, h.Changes(map[string]bool{"b.yaml": true}), "that is no interval")
}

// What is applied through an ArtifactGenerator, and the charts of releases, are files of the source, too.
func TestSourceFiles(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, url: u, ignore: \"/docs\"}\n---\n" +
			"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {path: ./clusters/a, interval: 1m, sourceRef: {kind: GitRepository, name: flux-system}}\n",
		"clusters/a/apps.yaml": "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: makes, namespace: flux-system}\nspec:\n" +
			"  sources: [{alias: fleet, kind: GitRepository, name: flux-system}]\n  artifacts: [{name: made, copy: [{from: \"@fleet/apps/**\", to: \"@artifact/\"}]}]\n---\n" +
			"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec: {path: ./, interval: 1m, sourceRef: {kind: ExternalArtifact, name: made}}\n",
		"apps/web.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec: {interval: 5m, chart: {spec: {chart: ./charts/web, valuesFiles: [values/web.yaml], " +
			"sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}}\n",
		"charts/web/Chart.yaml": "x: y\n", "charts/web/templates/a.yaml": "x: y\n", "charts/other/Chart.yaml": "x: y\n", "values/web.yaml": "a: b\n", "docs/a.yaml": "x: y\n",
	})
	all := tree.Read(tree.Roots())[0].SourceFiles()
	require.Len(t, all, 1)
	for _, files := range all {
		got := sortedKeys(files)
		for _, want := range []string{"apps/web.yaml", "charts/web/Chart.yaml", "charts/web/templates/a.yaml", "clusters/a/apps.yaml", "values/web.yaml"} {
			assert.Contains(t, got, want)
		}
		assert.NotContains(t, got, "charts/other/Chart.yaml")
	}
}

// The commits of a checkout tell of the sources that follow its branch. What follows a tag or a range changes when somebody
// tags, and a digest never does.
func TestSourceFilesOfWhatFollowsTheBranch(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]bool{
		"GitRepository {}": true, "GitRepository {branch: main}": true, "GitRepository {name: refs/heads/main}": true,
		"GitRepository {tag: v1.0.0}": false, "GitRepository {semver: 1.x}": false, "GitRepository {name: refs/tags/v1.0.0}": false, "GitRepository {name: refs/pull/1/head}": false,
		"GitRepository {branch: main, semver: 1.x}": false, "GitRepository {commit: 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567}": false,
		"OCIRepository {}": true, "OCIRepository {tag: latest}": true, "OCIRepository {tag: main}": true,
		"OCIRepository {tag: 1.2.3}": false, "OCIRepository {semver: 1.x}": false, "OCIRepository {digest: \"sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f9012345670a1b2c3d4e5f60718293a4b5\"}": false,
	} {
		kind, spec, _ := strings.Cut(ref, " ")
		url := map[string]string{"GitRepository": "https://example.com/fleet", "OCIRepository": "oci://example.com/fleet"}[kind]
		tree := NewTree(map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: " + kind + "\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, url: \"" + url + "\", ref: " + spec + "}\n---\n" +
				"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {path: ./clusters/a, interval: 1m, sourceRef: {kind: " + kind + ", name: flux-system}}\n",
		})
		assert.Equal(t, want, len(tree.Read(tree.Roots())[0].SourceFiles()) == 1, ref)
	}
}
