package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPagesAreUpToDate(t *testing.T) {
	t.Chdir("../..")
	want, err := pages()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "*.*"))
	require.NoError(t, err)
	got := make(map[string]bool)
	for _, file := range files {
		got[filepath.Base(file)] = true
	}
	for name, page := range want {
		assert.True(t, got[name], "%s is missing: run make docs", name)
		delete(got, name)
		data, _ := os.ReadFile(filepath.Join(folder, name))
		assert.Equal(t, string(page), string(data), "%s differs from the code: run make docs", name)
		home, _ := os.UserHomeDir()
		if len(home) > 1 {
			assert.NotContains(t, string(page), home)
		}
		assert.NotContains(t, string(page), "flux tune", name)
	}
	assert.Empty(t, got, "pages of commands that are gone: run make docs")
	assert.True(t, strings.Contains(string(want["kubectl_fluxtune_plan.md"]), "## Examples"))
}
