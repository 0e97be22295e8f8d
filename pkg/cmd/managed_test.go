package cmd

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A fleet that lives in Git, on a cluster whose Kustomizations have no spec.ignore yet.
func TestManagedFleetOnOlderFlux(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{testbed.Fleet(testbed.FleetOptions{Projects: 2, GitOwned: true})}})
	c.CreateNamespace(t, "flux-system", nil)
	c.Apply(t, `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./clusters/prod, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: "https://github.com/acme/fleet", ref: {branch: main}}
`)
	c.Kubectl(t, "patch", "crd", "kustomizations.kustomize.toolkit.fluxcd.io", "--type=json",
		"-p", `[{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/ignore"}]`)
	before := objects(t, c, "-A")

	plan := on(c).must(t, "plan", "-n", "development")
	assert.Contains(t, plan.stdout, "would be reverted within 10m by Kustomization flux-system/flux-system")
	assert.Contains(t, plan.stdout, "4 in Kustomization flux-system/flux-system: path ./clusters/prod of https://github.com/acme/fleet (branch main)")
	applied := decode[report.Results](t, on(c).must(t, "apply", "-A", "--yes", "--patches-per-second", "0", "-o", "json"))
	assert.Equal(t, report.ResultSummary{Skipped: 14}, applied.Summary)

	require.Eventually(t, func() bool { // the API server takes a moment to publish the schema
		_, unknown := c.RunKubectl(context.Background(), "", "explain", "kustomization.spec.interval")
		_, ignore := c.RunKubectl(context.Background(), "", "explain", "kustomization.spec.ignore")
		return unknown == nil && ignore != nil
	}, 20*time.Second, 200*time.Millisecond)
	o := on(c).run(t.Context(), "apply", "-A", "--yes", "--managed", "pin")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "--managed=pin: the cluster's Kustomizations have no spec.ignore: it takes kustomize-controller 1.9 (Flux 2.9) or newer; nothing was changed")
	assert.Equal(t, before, objects(t, c, "-A"))

	patched := decode[report.Results](t, on(c).must(t, "apply", "-n", "development", "--yes", "--managed", "patch", "--patches-per-second", "0", "-o", "json"))
	assert.Equal(t, report.ResultSummary{Configured: 4}, patched.Summary)
}
