package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What flux bootstrap writes is patched from a kustomization beside it. Where there is none, plan says what to do, and sends nobody to
// a rewrite that changes nothing; with one, both do what they say.
func TestASyncWithoutAKustomizationIsNoDeadEnd(t *testing.T) {
	t.Parallel()
	dir := bootstrapped(t, "2m", "5m")
	args := []string{"-f", dir, "--default-env", "production"}
	plan := invocation{}.must(t, append([]string{"plan", "--rows"}, args...)...)
	assert.NotContains(t, plan.stdout, "Next")
	assert.Contains(t, plan.stdout, "0 to change")
	assert.Contains(t, plan.stdout, "a patch needs a kustomization.yaml beside it")
	rewrite := invocation{}.run(t.Context(), append([]string{"rewrite", "--dry-run"}, args...)...)
	assert.Contains(t, rewrite.stderr, "flux bootstrap writes it (DO NOT EDIT): a patch needs a kustomization.yaml beside it, with all files of that folder as resources; flux bootstrap writes one\n")

	for _, cluster := range []string{"a", "b"} {
		file := filepath.Join(dir, "clusters", cluster, "flux-system", "kustomization.yaml")
		require.NoError(t, os.WriteFile(file, []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [gotk-sync.yaml]\n"), 0o600))
	}
	assert.Contains(t, invocation{}.must(t, append([]string{"plan"}, args...)...).stdout, "Next")
	invocation{}.must(t, append([]string{"rewrite", "--yes"}, args...)...)
}
