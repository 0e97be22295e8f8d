package manifest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository makes a Git repository with one commit of these files.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, files)
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "config", "user.name", "somebody")
	git(t, dir, "config", "user.email", "somebody@example.com")
	git(t, dir, "config", "commit.gpgsign", "false")
	git(t, dir, "add", "-f", "-A")
	git(t, dir, "commit", "-q", "-m", "one")
	return dir
}

// contents are all files of a tree.
func contents(t *testing.T, tree *Tree) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range tree.Files() {
		content, err := tree.ReadFile(p)
		require.NoError(t, err)
		all[p] = string(content)
	}
	return all
}

func openRevision(t *testing.T, dir, revision string) *Revision {
	t.Helper()
	r, err := OpenRevision(context.WithoutCancel(t.Context()), dir, revision) // it is closed later
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// The base is as it was committed, whatever the work tree has become, and reading it leaves work tree, index and
// branches as they are.
func TestRevisionIsReadFromObjectsOnly(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a.yaml": "a: 1\n", "sub/ü b.yaml": "b: \r\n\x00", "tracked.yaml": "t: 1\n", ".gitignore": "tracked.yaml\n", "empty.yaml": "",
		"left-out.yaml": "x: 1\n", ".sourceignore": "left-out.yaml\n",
	}
	dir := repository(t, files)
	require.NoError(t, os.Symlink("a.yaml", filepath.Join(dir, "link.yaml")))
	git(t, dir, "add", "link.yaml")
	git(t, dir, "update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,module")
	git(t, dir, "commit", "-q", "-m", "a link and a submodule")
	delete(files, "left-out.yaml") // source-controller leaves these out
	delete(files, ".gitignore")
	writeFiles(t, dir, map[string]string{"a.yaml": "a: 2\n", "untracked.yaml": "u: [\n"})
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "sub")))
	writeFiles(t, dir, map[string]string{"staged.yaml": "s: 1\n"})
	git(t, dir, "add", "staged.yaml")
	status, head := git(t, dir, "status", "--porcelain"), git(t, dir, "for-each-ref")
	index, err := os.ReadFile(filepath.Join(dir, ".git/index"))
	require.NoError(t, err)

	r := openRevision(t, dir, "main")
	assert.Equal(t, files, contents(t, r.Tree))
	assert.Equal(t, []string{"link.yaml"}, r.Links)
	assert.Equal(t, []string{"module"}, r.Submodules)
	assert.Empty(t, Prefix(t.Context(), dir))
	assert.False(t, r.Exact)

	after, err := os.ReadFile(filepath.Join(dir, ".git/index"))
	require.NoError(t, err)
	assert.Equal(t, index, after, "the index was written")
	assert.Equal(t, status, git(t, dir, "status", "--porcelain"))
	assert.Equal(t, head, git(t, dir, "for-each-ref"))
}

// What was done on the base since the branch left it is nobody's change.
func TestRevisionIsWhereTheBranchLeftIt(t *testing.T) {
	t.Parallel()
	dir := repository(t, map[string]string{"a.yaml": "a: 1\n"})
	left := strings.TrimSpace(git(t, dir, "rev-parse", "HEAD"))
	git(t, dir, "checkout", "-q", "-b", "branch")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "on the branch")
	git(t, dir, "checkout", "-q", "main")
	writeFiles(t, dir, map[string]string{"a.yaml": "a: 2\n"})
	git(t, dir, "commit", "-q", "-a", "-m", "on main")
	git(t, dir, "checkout", "-q", "branch")
	r := openRevision(t, dir, "main")
	assert.Equal(t, left, r.Commit)
	assert.Equal(t, map[string]string{"a.yaml": "a: 1\n"}, contents(t, r.Tree))

	git(t, dir, "checkout", "-q", "--orphan", "other")
	git(t, dir, "commit", "-q", "-m", "from nowhere")
	r = openRevision(t, dir, "main")
	assert.True(t, r.Exact)
	assert.Equal(t, map[string]string{"a.yaml": "a: 2\n"}, contents(t, r.Tree))
}

// A folder below the top is a checkout of its own, also in a hook, in which Git says where the repository is relative to
// another folder.
func TestRevisionOfAFolderInAHook(t *testing.T) {
	dir := repository(t, map[string]string{"fleet/a.yaml": "a: 1\n", "fleet.yaml": "x: 1\n", "fleet2/b.yaml": "b: 1\n"})
	t.Setenv("GIT_DIR", ".git")
	t.Setenv("GIT_INDEX_FILE", ".git/other-index")
	t.Setenv("GIT_PREFIX", "elsewhere/")
	r := openRevision(t, filepath.Join(dir, "fleet"), "HEAD")
	assert.Equal(t, "fleet/", Prefix(t.Context(), filepath.Join(dir, "fleet")))
	assert.Equal(t, map[string]string{"a.yaml": "a: 1\n"}, contents(t, r.Tree))
}

func TestRevisionRefuses(t *testing.T) {
	t.Parallel()
	dir := repository(t, map[string]string{"a.yaml": "a: 1\n"})
	for revision, want := range map[string]string{
		"nowhere":                `there is no commit "nowhere": fetch it`,
		"HEAD:a.yaml":            `there is no commit "HEAD:a.yaml": fetch it`,
		"--output=" + dir + "/x": `there is no commit "--output=`,
	} {
		_, err := OpenRevision(t.Context(), dir, revision)
		require.ErrorContains(t, err, want)
	}
	assert.NoFileExists(t, filepath.Join(dir, "x"))
	_, err := OpenRevision(t.Context(), t.TempDir(), "HEAD")
	require.ErrorContains(t, err, "is not in a Git repository that can be read")
}

// An object that is gone is an error of the file that it would be, and the next one is read all the same.
func TestRevisionWithoutAnObject(t *testing.T) {
	t.Parallel()
	dir := repository(t, map[string]string{"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"})
	object := strings.TrimSpace(git(t, dir, "rev-parse", "HEAD:a.yaml"))
	require.NoError(t, os.Remove(filepath.Join(dir, ".git/objects", object[:2], object[2:])))
	r := openRevision(t, dir, "HEAD")
	_, err := r.ReadFile("a.yaml")
	require.ErrorContains(t, err, "missing")
	content, err := r.ReadFile("b.yaml")
	require.NoError(t, err)
	assert.Equal(t, "b: 1\n", string(content))
}

// What a sparse checkout has not on the disk is on neither side, and nobody takes it for missing or removed; a file that has the
// mark of such and is there all the same is looked at.
func TestSparseCheckoutsAreCompared(t *testing.T) {
	t.Parallel()
	dir := repository(t, map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "#\n",
		"clusters/a/apps.yaml":                  strings.Replace(kustomizationOfApps, "name: repo", "name: flux-system", 1),
		"apps/web.yaml":                         release,
	})
	for _, how := range []string{"--no-cone", "--sparse-index"} {
		git(t, dir, "sparse-checkout", "set", how, "clusters")
		git(t, dir, "update-index", "--skip-worktree", "clusters/a/apps.yaml")
		head, err := Open(dir)
		require.NoError(t, err)
		assert.NotContains(t, head.Files(), "apps/web.yaml", how)
		for _, tree := range []*Tree{head, openRevision(t, dir, "main").Tree} {
			assert.Equal(t, []string{"clusters/a/apps.yaml", "clusters/a/flux-system/gotk-sync.yaml"}, tree.Files(), how)
			f := tree.Read(tree.Roots())[0]
			assert.Empty(t, f.MissingPaths(), how)
			require.NotEmpty(t, f.Snapshot.Gaps)
			assert.Contains(t, f.Snapshot.Gaps[0].Why, "the checkout is sparse", how)
		}
	}
}

// What a partial clone lacks is not fetched, and the error says what to do.
func TestRevisionOfAPartialClone(t *testing.T) {
	t.Parallel()
	dir := repository(t, map[string]string{"a.yaml": "a: 1\n"})
	writeFiles(t, dir, map[string]string{"a.yaml": "a: 2\n"})
	git(t, dir, "commit", "-q", "-a", "-m", "two")
	git(t, dir, "config", "uploadpack.allowFilter", "true")
	git(t, dir, "config", "uploadpack.allowAnySHA1InWant", "true")
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, dir, "clone", "-q", "--filter=blob:none", "file://"+dir, clone)
	r := openRevision(t, clone, "HEAD~1")
	_, err := r.ReadFile("a.yaml")
	require.ErrorContains(t, err, "a partial clone (--filter) lacks old contents: git fetch --refetch --no-filter")
	assert.NotContains(t, err.Error(), "EOF")
	_, err = r.ReadFile("a.yaml")
	require.ErrorContains(t, err, "git fetch --refetch --no-filter")
	git(t, clone, "fetch", "-q", "--refetch", "--no-filter")
	content, err := openRevision(t, clone, "HEAD~1").ReadFile("a.yaml")
	require.NoError(t, err)
	assert.Equal(t, "a: 1\n", string(content))
}
