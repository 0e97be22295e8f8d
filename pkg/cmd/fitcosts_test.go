package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// What polls a host and has nothing to tune takes its part of the share, and of the budget: image policies that ask by
// themselves, and what the Flux Operator reads for ResourceSets.
func TestFitCountsWhatOnlyCosts(t *testing.T) {
	t.Parallel()
	const fleet = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 5m, timeout: 2m, url: "https://github.com/acme/fleet", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, timeout: 2m, retryInterval: 1m, path: ./clusters/a, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSetInputProvider
metadata: {name: branches, namespace: flux-system, annotations: {fluxcd.controlplane.io/reconcileEvery: 5m}}
spec: {type: GitHubBranch, url: "https://github.com/acme/web"}
`
	dir := t.TempDir()
	folder := filepath.Join(dir, "clusters", "a", "flux-system")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "gotk-sync.yaml"), []byte(fleet), 0o600))
	// With it flux-system's source can be patched, and else not: then it comes off the shares, too.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte("resources: [gotk-sync.yaml]\n"), 0o600))
	for name, from := range map[string]string{"a checkout": dir, "a file": filepath.Join(folder, "gotk-sync.yaml")} {
		budget := invocation{}.run(t.Context(), "budget", "-f", from, "--default-env", "development", "-o", "json")
		require.Zero(t, budget.code, budget.stderr)
		o := invocation{}.run(t.Context(), "plan", "-f", from, "--default-env", "development", "--fit", "api.github.com=10%", "--fit", "github.com=10%", "-o", "json")
		require.Zero(t, o.code, "%s: %s", name, o.stderr)
		plan := decode[report.Plan](t, o)
		fixed := 0.0
		for _, s := range plan.Summary.Fit.Shares {
			fixed += s.Fixed
		}
		assert.Greater(t, fixed, 0.0, "%s: the fit counts it", name)
		sum := 0.0
		for _, h := range decode[report.Budget](t, budget).Hosts {
			sum += h.Requests.Now
		}
		assert.InDelta(t, 12+fixed, sum, 0.01, "%s: and so does the budget", name)
		assert.Len(t, plan.Items, 2, "%s: there is nothing to tune in it", name)
	}
}
