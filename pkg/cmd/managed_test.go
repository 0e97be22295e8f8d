package cmd

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// operatorCRDs are those of the Flux Operator, as far as fluxtune reads them: their metadata.
const operatorCRDs = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: fluxinstances.fluxcd.controlplane.io}
spec:
  group: fluxcd.controlplane.io
  scope: Namespaced
  names: {kind: FluxInstance, plural: fluxinstances}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: resourcesets.fluxcd.controlplane.io}
spec:
  group: fluxcd.controlplane.io
  scope: Namespaced
  names: {kind: ResourceSet, plural: resourcesets}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

// operatedFleet are two Kustomizations in a namespace, each applied by an object of the Flux Operator.
func operatedFleet(t *testing.T, c *testbed.Cluster, ns string) {
	t.Helper()
	c.ApplyAs(t, `
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {name: flux}
---
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSet
metadata: {name: apps, annotations: {fluxcd.controlplane.io/reconcileEvery: 15m}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: of-instance, labels: {fluxcd.controlplane.io/name: flux, fluxcd.controlplane.io/namespace: `+ns+`}}
spec: {interval: 5m, path: ./a, prune: true, sourceRef: {kind: GitRepository, name: app}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: of-set, labels: {resourceset.fluxcd.controlplane.io/name: apps, resourceset.fluxcd.controlplane.io/namespace: `+ns+`}}
spec: {interval: 5m, path: ./b, prune: true, sourceRef: {kind: GitRepository, name: app}}
`, testbed.ApplyOptions{Namespace: ns})
}

// What the Flux Operator applies is told with the operator's own interval, and left alone.
func TestOperatedFleet(t *testing.T) {
	t.Parallel()
	c := furtherBed.Own(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	operatedFleet(t, c, ns)
	instance, set := "FluxInstance "+ns+"/flux", "ResourceSet "+ns+"/apps"

	plan := decode[report.Plan](t, on(c).must(t, "plan", "-n", ns, "-o", "json"))
	require.Len(t, plan.Items, 2)
	assert.Equal(t, "would be undone within about 1h by "+instance, plan.Items[0].Message)
	assert.Equal(t, "would be undone within about 15m by "+set, plan.Items[1].Message)

	c.Kubectl(t, "annotate", "resourceset", "apps", "-n", ns, "fluxcd.controlplane.io/reconcile=disabled")
	plan = decode[report.Plan](t, on(c).must(t, "plan", "-n", ns, "-o", "json"))
	assert.Equal(t, "skip", plan.Items[0].Action)
	assert.Equal(t, "skip", plan.Items[1].Action)
	assert.Equal(t, "would be undone when "+set+" has no reconcile: disabled any more", plan.Items[1].Message)

	// Without Flux's own kinds, the operator's are not enough.
	names := slices.DeleteFunc(strings.Fields(c.Kubectl(t, "get", "crd", "-o", "name")), func(name string) bool {
		return !strings.HasSuffix(name, ".toolkit.fluxcd.io")
	})
	c.Kubectl(t, append([]string{"delete"}, names...)...)
	assert.Eventually(t, func() bool {
		o := on(c).run(t.Context(), "plan", "-A")
		return o.code == exitFailed && strings.Contains(o.stderr, "the cluster serves none of Flux's kinds")
	}, 20*time.Second, 200*time.Millisecond)
	doctor := on(c).run(t.Context(), "doctor")
	assert.Equal(t, exitFailed, doctor.code)
	assert.Contains(t, doctor.stdout, "the cluster serves none of Flux's kinds")
}

// A fleet that lives in Git, on a cluster whose Kustomizations have no spec.ignore yet.
func TestManagedFleetOnOlderFlux(t *testing.T) {
	t.Parallel()
	c := bed.Own(t, testbed.Fleet(testbed.FleetOptions{Projects: 2, GitOwned: true}))
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
	assert.Contains(t, plan.stdout, "would be undone within about 10m by Kustomization flux-system/flux-system")
	assert.Contains(t, plan.stdout, "where: all 4 in Kustomization flux-system/flux-system: path ./clusters/prod of https://github.com/acme/fleet (branch main)")
	applied := decode[report.Results](t, on(c).must(t, "apply", "-A", "--yes", "--patches-per-second", "0", "-o", "json"))
	assert.Equal(t, report.ResultSummary{Unchanged: 4, Skipped: 10}, applied.Summary)

	require.Eventually(t, func() bool { // the API server takes a moment to publish the schema
		_, unknown := c.RunKubectl(context.Background(), "", "explain", "kustomization.spec.interval")
		_, ignore := c.RunKubectl(context.Background(), "", "explain", "kustomization.spec.ignore")
		return unknown == nil && ignore != nil
	}, 20*time.Second, 200*time.Millisecond)
	o := on(c).run(t.Context(), "apply", "-A", "--yes", "--managed", "pin")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "--managed=pin: the cluster's Kustomizations have no spec.ignore: it takes kustomize-controller 1.9 (Flux 2.9) or newer, and not its CRDs alone; nothing was changed")
	assert.Equal(t, before, objects(t, c, "-A"))
	for _, args := range []string{"", " -o json", " --exit-code"} { // a plan promises nothing that apply refuses
		o := on(c).run(t.Context(), words("plan -A --managed pin"+args)...)
		assert.NotZero(t, o.code, args)
		assert.Empty(t, o.stdout, args)
		assert.Contains(t, o.stderr, "--managed=pin: the cluster's Kustomizations have no spec.ignore", args)
	}

	patched := decode[report.Results](t, on(c).must(t, "apply", "-n", "development", "--yes", "--managed", "patch", "--patches-per-second", "0", "-o", "json"))
	assert.Equal(t, report.ResultSummary{Changed: 4}, patched.Summary)
}
