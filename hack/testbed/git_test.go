package testbed_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

func TestSubmodulesAndSlowClones(t *testing.T) {
	t.Parallel()
	git, err := testbed.StartGit(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, git.Close()) })
	for _, name := range []string{"app", "library"} {
		sha, err := git.Push(t.Context(), name, map[string]string{"README": name})
		require.NoError(t, err)
		head, err := git.Head(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, sha, head)
	}
	require.NoError(t, git.AddSubmodule(t.Context(), "app", "lib", "library"))
	_, err = git.Push(t.Context(), "app", map[string]string{"README": "two"})
	require.NoError(t, err)
	git.SlowClones("library", 500*time.Millisecond)
	into := filepath.Join(t.TempDir(), "clone")
	begun := time.Now()
	out, err := exec.CommandContext(t.Context(), "git", "clone", "--recurse-submodules", git.URL("app"), into).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.FileExists(t, filepath.Join(into, "lib", "README"), "the submodule outlives the next push")
	assert.Greater(t, time.Since(begun), 500*time.Millisecond)
	assert.Equal(t, 1, git.Requests("library").InfoRefs)
}
