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

func TestWriteReplacesFilesAndKeepsTheirModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"sub/a.yaml": "a: 5m\n", "b.yaml": "b: 5m\n"})
	require.NoError(t, os.Chmod(filepath.Join(dir, "sub/a.yaml"), 0o640))
	tree, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, tree.Write(t.Context(), Rewriting{Files: map[string][]byte{"sub/a.yaml": []byte("a: 1m\n")}}))
	content, err := os.ReadFile(filepath.Join(dir, "sub/a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "a: 1m\n", string(content))
	info, err := os.Stat(filepath.Join(dir, "sub/a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Join(dir, "sub"))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "a temporary file is left")
}

func TestWriteWritesNothingWhereAFileChangedMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"a.yaml": "a: 5m\n", "b.yaml": "b: 5m\n"})
	tree, err := Open(dir)
	require.NoError(t, err)
	for _, p := range tree.Files() {
		_, err := tree.ReadFile(p)
		require.NoError(t, err)
	}
	writeFiles(t, dir, map[string]string{"b.yaml": "b: 7m\n"})
	err = tree.Write(t.Context(), Rewriting{Files: map[string][]byte{"a.yaml": []byte("a: 1m\n"), "b.yaml": []byte("b: 1m\n")}})
	require.EqualError(t, err, "b.yaml has changed since it was read: nothing is written, run it again")
	content, err := os.ReadFile(filepath.Join(dir, "a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "a: 5m\n", string(content))
}

// What was asked about holds only for the files that were read: also those that are not edited.
func TestWriteWritesNothingWhereTheCheckoutChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"a file that is read":     {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{"b.yaml": "b: 7m\n"}) }, "b.yaml has changed since it was read: nothing is written, run it again"},
		"a file that is edited":   {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{"a.yaml": "a: 7m\n"}) }, "a.yaml has changed since it was read: nothing is written, run it again"},
		"a new kustomization":     {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{"sub/Kustomization": "{}\n"}) }, "sub/Kustomization is new since the checkout was read: nothing is written, run it again"},
		"a new file":              {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{"sub/c.yml": "c: 7m\n"}) }, "sub/c.yml is new since the checkout was read: nothing is written, run it again"},
		"a file is gone":          {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "b.yaml"))) }, "b.yaml is not there any more: nothing is written, run it again"},
		"an edited file is gone":  {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "a.yaml"))) }, "a.yaml is not there any more: nothing is written, run it again"},
		"Git ignores one by now":  {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{".gitignore": "b.yaml\n"}) }, "b.yaml is not there any more: nothing is written, run it again"},
		"a source leaves it out":  {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{"sub/.sourceignore": "d.yaml\n"}) }, "sub/.sourceignore is new since the checkout was read: nothing is written, run it again"},
		"what nobody read":        {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{"README.md": "new\n"}) }, ""},
		"an editor's file beside": {func(t *testing.T, dir string) { writeFiles(t, dir, map[string]string{".a.yaml.swp": "x"}) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{"a.yaml": "a: 5m\n", "b.yaml": "b: 5m\n", "sub/d.yaml": "d: 5m\n", "README.md": "old\n"})
			tree, err := Open(dir)
			require.NoError(t, err)
			tree.Decide(tree.Read([]Root{{Path: ""}}))
			tree.patchUses()
			c.change(t, dir)
			before, _ := os.ReadFile(filepath.Join(dir, "a.yaml"))
			err = tree.Write(t.Context(), Rewriting{Files: map[string][]byte{"a.yaml": []byte("a: 1m\n")}})
			after, _ := os.ReadFile(filepath.Join(dir, "a.yaml"))
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, "a: 1m\n", string(after))
				return
			}
			require.EqualError(t, err, c.want)
			assert.Equal(t, before, after)
		})
	}
}

func TestWriteWritesThroughNoLink(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	writeFiles(t, dir, map[string]string{"sub/a.yaml": "a: 5m\n"})
	writeFiles(t, outside, map[string]string{"a.yaml": "a: 5m\n"})
	tree, err := Open(dir)
	require.NoError(t, err)
	_, err = tree.ReadFile("sub/a.yaml")
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "sub")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "sub")))
	err = tree.Write(t.Context(), Rewriting{Files: map[string][]byte{"sub/a.yaml": []byte("a: 1m\n")}})
	require.EqualError(t, err, "sub/a.yaml is reached through a symbolic link: nothing is written")
	content, err := os.ReadFile(filepath.Join(outside, "a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "a: 5m\n", string(content))
}

func TestWriteWritesAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string) context.Context
		want    string
	}{
		"after Ctrl-C": {func(t *testing.T, _ string) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		}, "interrupted: nothing is written: context canceled"},
		"where a new file has no place": {func(t *testing.T, dir string) context.Context {
			// A name so long that the one of the file beside it is too long: this fails for root, too.
			require.NoError(t, os.Rename(filepath.Join(dir, "sub/b.yaml"), filepath.Join(dir, "sub", longName)))
			return t.Context()
		}, "file name too long: nothing is written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{"a.yaml": "a: 5m\n", "sub/b.yaml": "b: 5m\n"})
			ctx := c.prepare(t, dir)
			tree, err := Open(dir)
			require.NoError(t, err)
			edits := map[string][]byte{}
			for _, p := range tree.Files() {
				edits[p] = []byte("a: 1m\n")
			}
			require.ErrorContains(t, tree.Write(ctx, Rewriting{Files: edits}), c.want)
			again, err := Open(dir)
			require.NoError(t, err)
			assert.Equal(t, tree.Files(), again.Files(), "a file is left")
			for _, p := range again.Files() {
				content, err := again.ReadFile(p)
				require.NoError(t, err)
				assert.Contains(t, string(content), "5m", p)
			}
		})
	}
}

var longName = strings.Repeat("b", 245) + ".yaml"

// A rename that fails after others succeeded: these get their old contents again.
func TestWriteTakesBackWhatItRenamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"a.yaml": "a: 5m\n"})
	tree, err := Open(dir)
	require.NoError(t, err)
	_, err = tree.ReadFile("a.yaml")
	require.NoError(t, err)
	writeFiles(t, dir, map[string]string{"a.yaml": "a: 1m\n"})
	require.EqualError(t, tree.takeBack([]string{"a.yaml"}, os.ErrPermission), "permission denied: nothing is written")
	content, err := os.ReadFile(filepath.Join(dir, "a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "a: 5m\n", string(content))
}

// What a run that was killed has left is no file of the checkout, and is named.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"sub/a.yaml": "a: 5m\n", "sub/.fluxtune-notes": "mine\n", "sub/.b.fluxtune-notes": "mine\n"})
	left, err := stage(filepath.Join(dir, "sub/a.yaml"), []byte("a: 1m\n"))
	require.NoError(t, err)
	tree, err := Open(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"sub/" + filepath.Base(left)}, tree.Leftovers)
	assert.Equal(t, []string{"sub/.b.fluxtune-notes", "sub/.fluxtune-notes", "sub/a.yaml"}, tree.Files())
}

// Git and Flux know each name of a file as a file of its own, and so does what was built to try the change.
func TestWriteChangesNoOtherNameOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"a.yaml": "a: 5m\n"})
	require.NoError(t, os.Link(filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")))
	tree, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, tree.Write(t.Context(), Rewriting{Files: map[string][]byte{"a.yaml": []byte("a: 1m\n")}}))
	for name, want := range map[string]string{"a.yaml": "a: 1m\n", "b.yaml": "a: 5m\n"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(content))
	}
}
