package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writeSharedBranch is a repository in which a second Kustomization of each cluster applies what the first does; the branch has
// that of production patch an interval.
func writeSharedBranch(t *testing.T) string {
	t.Helper()
	dir := writeCheckout(t)
	for _, cluster := range []string{"staging", "production"} {
		more := strings.Replace(readFile(t, dir, "clusters/"+cluster+"/apps.yaml"), "name: apps", "name: more", 1)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "clusters", cluster, "more.yaml"), []byte(more), 0o644))
	}
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	runGit(t, dir, "checkout", "-q", "-b", "branch")
	editFile(t, dir, "clusters/production/more.yaml", "  prune: true\n", "  prune: true\n  patches:\n  - target: {kind: GitRepository, name: web}\n    patch: |\n      - op: replace\n        path: /spec/interval\n        value: 1s\n")
	runGit(t, dir, "commit", "-q", "-a", "-m", "changes")
	return dir
}

func sharedCases() []golden {
	return []golden{
		{name: "files/shared-check", args: "check -f DIR --base main --exit-code"},
		{name: "files/shared-plan", args: "plan -f DIR --rows --set production.GitRepository.interval=20m"},
		{name: "files/shared-trace", args: "trace -f DIR gitrepo"},
		{name: "files/shared-rewrite", args: "rewrite -f DIR --dry-run --set production.GitRepository.interval=20m"},
	}
}
