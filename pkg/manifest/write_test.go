package manifest

import (
	"os"
	"path/filepath"
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
	require.NoError(t, tree.Write(Rewriting{Files: map[string][]byte{"sub/a.yaml": []byte("a: 1m\n")}}))
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
	err = tree.Write(Rewriting{Files: map[string][]byte{"a.yaml": []byte("a: 1m\n"), "b.yaml": []byte("b: 1m\n")}})
	require.EqualError(t, err, "b.yaml has changed since it was read: nothing is written, run it again")
	content, err := os.ReadFile(filepath.Join(dir, "a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "a: 5m\n", string(content))
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
	err = tree.Write(Rewriting{Files: map[string][]byte{"sub/a.yaml": []byte("a: 1m\n")}})
	require.EqualError(t, err, "sub/a.yaml is reached through a symbolic link: nothing is written")
	content, err := os.ReadFile(filepath.Join(outside, "a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "a: 5m\n", string(content))
}
