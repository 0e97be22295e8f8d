package cmd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// TestEnvironmentSources asks a cluster where environments come from, each source in its order.
func TestEnvironmentSources(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	dev := c.Namespace(t, map[string]string{"environment": "Devel"})
	prod := c.Namespace(t, map[string]string{"app.kubernetes.io/environment": "live"})
	stg := c.Namespace(t, map[string]string{"fluxtune.github.io/environment": "stg", "environment": "staging"})
	bare := c.Namespace(t, nil)
	hub := c.Namespace(t, nil) // sources that others use
	kustomization := func(ns, name, target, sourceKind, source string) string {
		if target != "" {
			target = ", targetNamespace: " + target
		}
		return fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %s, namespace: %s}
spec: {interval: 5m, path: ./, prune: true, sourceRef: {kind: %s, name: %s, namespace: %s}%s}
---
`, name, ns, sourceKind, source, hub, target)
	}
	c.Apply(t, gitRepository(dev, "plain", "interval: 5m")+gitRepository(dev, "own", "interval: 5m")+
		gitRepository(prod, "plain", "interval: 5m")+gitRepository(stg, "plain", "interval: 5m")+gitRepository(bare, "plain", "interval: 5m")+
		gitRepository(hub, "shared", "interval: 5m")+gitRepository(hub, "prod-only", "interval: 5m")+gitRepository(hub, "unused", "interval: 5m")+
		kustomization(bare, "to-prod", prod, "GitRepository", "shared")+kustomization(stg, "web", "", "GitRepository", "shared")+
		kustomization(bare, "only", prod, "GitRepository", "prod-only")+kustomization(dev, "elsewhere", prod, "GitRepository", "nothing")+
		kustomization(bare, "nowhere", "", "GitRepository", "nothing"))
	c.Kubectl(t, "label", "gitrepository", "own", "-n", dev, "env=PRD")

	find := func(ns string, args ...string) map[string]string {
		found := make(map[string]string)
		for _, o := range decode[report.ObjectList](t, on(c).must(t, append([]string{"get", "-n", ns, "-o", "json"}, args...)...)).Items {
			found[o.Ref.Kind+" "+o.Ref.Name] = o.Environment + " by " + o.EnvironmentSource
		}
		return found
	}
	assert.Equal(t, map[string]string{
		"GitRepository plain":     "development by namespace",
		"GitRepository own":       "production by label",
		"Kustomization elsewhere": "development by namespace", // before its targetNamespace
	}, find(dev))
	assert.Equal(t, map[string]string{"GitRepository plain": "production by namespace"}, find(prod))
	assert.Equal(t, map[string]string{"GitRepository plain": "staging by namespace", "Kustomization web": "staging by namespace"}, find(stg))
	assert.Equal(t, map[string]string{
		"GitRepository plain":   " by ",
		"Kustomization to-prod": "production by targetNamespace",
		"Kustomization only":    "production by targetNamespace",
		"Kustomization nowhere": " by ",
	}, find(bare))
	// The users of a source are found in other namespaces than the one that was asked for.
	assert.Equal(t, map[string]string{
		"GitRepository shared":    "staging by consumer",
		"GitRepository prod-only": "production by consumer",
		"GitRepository unused":    " by ",
	}, find(hub))
	assert.Equal(t, map[string]string{
		"GitRepository shared":    "staging by consumer",
		"GitRepository prod-only": "production by consumer",
		"GitRepository unused":    "development by default",
	}, find(hub, "--default-env", "dev"))

	// --env takes names and aliases, and goes by where an environment really comes from.
	assert.Equal(t, map[string]string{"GitRepository own": "production by label"}, find(dev, "--env", "Live"))
	assert.Equal(t, map[string]string{"GitRepository unused": "development by default"}, find(hub, "--default-env", "dev", "--env", "development"))
	assert.Equal(t, map[string]string{"GitRepository shared": "staging by consumer", "GitRepository prod-only": "production by consumer"}, find(hub, "--env", "stage,prd"))
	assert.Empty(t, find(dev, "--env", "staging"))
	// The same holds with names and selectors: the labels of namespaces do not depend on them.
	assert.Equal(t, map[string]string{"GitRepository shared": "staging by consumer"}, find(hub, "gitrepo", "shared"))
	assert.Equal(t, map[string]string{"GitRepository own": "production by label"}, find(dev, "-l", "env=PRD"))
}
