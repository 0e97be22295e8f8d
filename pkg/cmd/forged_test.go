package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever files and their objects are called, no part of a name begins a line: it could be taken for another finding, or, in a
// pipeline, for a command to that.
func TestNamesForgeNoLines(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	file := "evil\nforged.yaml:1:1: error: a.yaml"
	objects := `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: "web2\nforged", namespace: "apps\nforged"}
spec: {interval: "1d\nforged", timeout: 1h, url: "https://github.com/example/web\nforged", ref: {semver: "1.x\nforged"}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: ok, namespace: apps}
spec: {interval: 10m, timeout: 5m, url: "https://github.com/example/ok"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: k, namespace: apps}
spec: {interval: 10m, prune: true, path: "./no\nforged", sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomizatoin
metadata: {name: "k\nforged", namespace: apps}
spec: {interval: 10m}
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "apps/base", file), []byte(objects), 0o600))
	editFile(t, dir, "apps/base/kustomization.yaml", "  - web.yaml\n", "  - web.yaml\n  - \"evil\\nforged.yaml:1:1: error: a.yaml\"\n")
	for _, command := range []string{
		"check --base main", "check --base main -o markdown", "check -o sarif", "check --all", "plan --rows", "plan", "get", "trace", "rewrite --dry-run", "budget",
	} {
		args := append(strings.Fields(command), "-f", dir, "--default-env", "development")
		o := invocation{}.run(t.Context(), args...)
		require.Contains(t, o.stdout+o.stderr, "forged", command)
		for _, line := range strings.Split(o.stdout+"\n"+o.stderr, "\n") {
			assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "forged"), "%s: %s", command, line)
		}
	}
}
