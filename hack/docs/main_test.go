package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
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

// TestTuningTellsOfEnvironmentsAsTheyAre holds the order in which environments are looked for, and pastes the
// example into a policy.
func TestTuningTellsOfEnvironmentsAsTheyAre(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("tuning.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(data), "## Which environment an object has\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	at := 0
	for _, source := range []policy.Source{
		policy.SourceLabel, policy.SourceNamespace, policy.SourceNamespacePattern, policy.SourceTargetNamespace, policy.SourceCluster, policy.SourceDefault,
	} {
		i := strings.Index(section, "| `"+string(source)+"` |")
		assert.Greater(t, i, at, source)
		at = i
	}
	_, example, _ := strings.Cut(section, "```yaml\nspec:\n")
	example, _, found = strings.Cut(example, "```")
	require.True(t, found)
	document, err := policy.PresetYAML(policy.DefaultName)
	require.NoError(t, err)
	p, err := policy.Parse("tuning.md", []byte(strings.Replace(string(document), "\nspec:\n", "\nspec:\n"+example, 1)))
	require.NoError(t, err)
	assert.Len(t, p.Clusters, 3)
	assert.Len(t, p.Namespaces, 1)
}

// What is in the repository has its place: no program that somebody built lands at its top.
func TestTopOfTheRepository(t *testing.T) {
	t.Chdir("../..")
	listed, err := exec.CommandContext(t.Context(), "git", "ls-files").Output()
	if err != nil {
		t.Skip("not a Git checkout")
	}
	for _, file := range strings.Fields(string(listed)) {
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") {
			assert.Contains(t, []string{"LICENSE", "Makefile", "README.md", "cmd", "go.mod", "go.sum", "hack", "krew-manifest.yaml", "pkg", "plugins"}, top)
		}
	}
}
