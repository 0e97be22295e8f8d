package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

const costCRDs = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: artifactgenerators.source.extensions.fluxcd.io}
spec:
  group: source.extensions.fluxcd.io
  scope: Namespaced
  names: {kind: ArtifactGenerator, plural: artifactgenerators}
  versions: [{name: v1beta1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: resourcesetinputproviders.fluxcd.controlplane.io}
spec:
  group: fluxcd.controlplane.io
  scope: Namespaced
  names: {kind: ResourceSetInputProvider, plural: resourcesetinputproviders}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

// costObjects are one of each kind that only budgets read, and who uses what they make.
const costObjects = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: behind}
spec: {interval: 1m, url: "https://git.example.com/behind", ref: {branch: main}}
---
apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata: {name: all}
spec: {sources: [{alias: a, kind: GitRepository, name: behind}], artifacts: [{name: made, copy: [{from: "@a/**", to: "@artifact/"}]}]}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: ExternalArtifact
metadata: {name: made}
spec: {sourceRef: {apiVersion: source.extensions.fluxcd.io/v1beta1, kind: ArtifactGenerator, name: all}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: of-made}
spec: {interval: 10m, prune: true, sourceRef: {kind: ExternalArtifact, name: made}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: scanned}
spec: {interval: 10m, image: ghcr.io/acme/scanned}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: digests}
spec: {imageRepositoryRef: {name: scanned}, policy: {alphabetical: {}}, digestReflectionPolicy: Always, interval: 5m}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: tags}
spec: {imageRepositoryRef: {name: scanned}, policy: {alphabetical: {}}}
---
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSetInputProvider
metadata: {name: branches, annotations: {fluxcd.controlplane.io/reconcileEvery: 2m}}
spec: {type: GitHubBranch, url: "https://github.com/acme/app"}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: status}
spec: {type: github, address: "https://github.com/acme/app", secretRef: {name: token}}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: statuses}
spec: {providerRef: {name: status}, eventSources: [{kind: Kustomization, name: "*"}]}
`

func costFleet(t *testing.T, c *testbed.Cluster, ns string) {
	t.Helper()
	c.ApplyAs(t, costObjects, testbed.ApplyOptions{Namespace: ns})
}

// What only budgets read is counted, explains latency, and gives sources their environment.
func TestBudgetOfFurtherKinds(t *testing.T) {
	t.Parallel()
	c := furtherBed.Own(t)
	c.CreateNamespace(t, "made", nil)
	costFleet(t, c, "made")
	c.Kubectl(t, "label", "kustomization", "of-made", "-n", "made", "environment=staging")
	b := decode[report.Budget](t, on(c).must(t, "budget", "-A", "-o", "json"))
	items := map[string]report.BudgetItem{}
	for _, item := range b.Items {
		items[item.Ref.Kind+" "+item.Ref.Name] = item
	}
	assert.Len(t, b.Items, 6, "what is never due and asks nothing is left out")
	assert.Equal(t, budget.Rates{Now: 36, Planned: 36}, items["ImagePolicy digests"].Requests)
	assert.Equal(t, "ghcr.io/acme/scanned", items["ImagePolicy digests"].Address)
	assert.Equal(t, budget.Rates{Now: 30, Planned: 30}, items["ResourceSetInputProvider branches"].Requests)
	assert.Equal(t, "api.github.com/acme/app", items["ResourceSetInputProvider branches"].Address)
	assert.Equal(t, "staging", items["GitRepository behind"].Environment)
	assert.Equal(t, budget.Rates{Now: 60, Planned: 20}, items["GitRepository behind"].Requests)
	// 3m at worst, with jitter, and one second each to fetch, to make, and to apply.
	assert.Equal(t, "3m12s", items["Kustomization of-made"].Latency.Worst.Planned)
	notes := strings.Join(b.Notes, "\n")
	assert.Contains(t, notes, "1 Alert has commit statuses written: 6 -> 20 requests/h by REST")
	assert.Equal(t, budget.Rates{Now: 6, Planned: 20}, items["Alert statuses"].Requests)
	assert.Equal(t, "api.github.com/acme/app", items["Alert statuses"].Address)
	assert.Contains(t, notes, "What is asked by REST counts against the host's limit for its API")
	one := decode[report.Budget](t, on(c).must(t, "budget", "gitrepo", "-A", "-o", "json"))
	assert.Len(t, one.Items, 1, "they are not of the kind that was asked for")

	c.ApplyAs(t, "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {name: requests, annotations: {fluxcd.controlplane.io/reconcileEvery: 1m}}\n"+
		"spec: {type: GitLabMergeRequest, url: \"https://git.example.com/acme/app\"}\n", testbed.ApplyOptions{Namespace: "made"})
	used := func(command ...string) string { // what a host gets of its limit, as a plan's line says it
		out := on(c).must(t, append(command, "-A", "--limit", "git.example.com=1000/h", "--set", "staging.GitRepository.interval=5m")...).stdout
		for line := range strings.Lines(out) {
			if strings.Contains(line, "git.example.com") && strings.Contains(line, "->") {
				return strings.TrimSpace(line)
			}
		}
		return out
	}
	for _, command := range [][]string{{"plan"}, {"apply", "--dry-run"}} {
		without, with := used(command...), used(append(command, "--fit", "git.example.com=50%")...)
		assert.Contains(t, without, "12% -> ", "%s: a plan counts what a budget counts", command)
		assert.Equal(t, with, without, "%s, with a fit or without", command)
	}
}
