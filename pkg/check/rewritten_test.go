package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// treeFile reads files that are written one below the other, each behind a line with its path.
func treeFile(t *testing.T, name string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	files := map[string]string{}
	for _, part := range strings.Split("\n"+string(content), "\n-- ")[1:] {
		file, text, _ := strings.Cut(part, " --\n")
		files[strings.TrimSuffix(file, " --")] = text + "\n"
	}
	return files
}

// Whoever rewrites a checkout is asked for nothing new by a check of that: no error, no warning, and no note about a file that
// neither they nor rewrite may change.
func TestNothingIsAskedOfWhatWasRewritten(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../manifest/testdata/rewrite/*.tree")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			tree := manifest.NewTree(treeFile(t, name))
			development := func(string) string { return "development" }
			base := sideOf(t, tree, development)
			var wants []manifest.Want
			for _, c := range base.Clusters {
				for _, item := range c.Plan.Changed() {
					wants = append(wants, manifest.Want{Root: c.Root, Ref: item.Object.Ref, Changes: item.Changes})
				}
			}
			require.NotEmpty(t, wants)
			r, err := tree.Rewrite(base.Fleets, tree.Decide(base.Fleets), wants)
			require.NoError(t, err)
			head := sideOf(t, tree.With(r.Files), development)
			for _, f := range New(Input{Base: &base, Head: head, Policy: testPolicy(t)}).Fresh() {
				assert.Equal(t, LevelNote, f.Level, "%s: %s", f.At, f.Message)
				assert.Empty(t, tree.Untouchable(f.At.File), "%s: %s", f.At, f.Message)
			}
		})
	}
}
