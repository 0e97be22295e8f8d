package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The values of an object that cannot be read decide something once it is mended, and people read what is wrong with it.
func TestUnreadObjects(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": heldSync,
		"clusters/a/apps.yaml":                  strings.Replace(kustomizationOfApps, "name: repo", "name: flux-system", 1),
		"apps/web.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec:\n" +
			"  interval: 5m\n  url: https://github.com/example/web\n  suspend: \"yes\"\n",
	})
	fleets := tree.Read(tree.Roots())
	decisions := tree.Decide(fleets)
	assert.Empty(t, tree.Dead(fleets, decisions, nil))
	undecided := tree.Undecided(fleets, decisions, nil)
	assert.Len(t, undecided, 1)
	var why []string
	for _, g := range fleets[0].Snapshot.Gaps {
		if g.What == "GitRepository apps/web" {
			why = append(why, g.Why)
		}
	}
	assert.Equal(t, []string{`the API server refuses it: apps/web.yaml:7:12: spec.suspend: "yes" is a text, and Flux wants true or false`}, why)
}

// Kinds of other groups may have the names of core ones: they are none of these, and nothing is read of them.
func TestKindsOfOtherGroups(t *testing.T) {
	t.Parallel()
	foreign := func(kind string) string {
		return "apiVersion: servicebus.azure.com/v1api20211101\nkind: " + kind + "\nmetadata: {name: bus, namespace: apps, labels: {environment: production}}\nspec: {sku: {name: Premium}}\n---\n"
	}
	tree := NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "#\n",
		"clusters/a/all.yaml":                   foreign("Namespace") + foreign("ConfigMap") + foreign("Secret") + foreign("Deployment") + foreign("Kustomization") + foreign("ResourceSet") + foreign("FluxInstance"),
	})
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 1)
	assert.Empty(t, fleets[0].Snapshot.Gaps)
	assert.Empty(t, fleets[0].Snapshot.Namespaces)
	assert.Empty(t, tree.Unbuilt(fleets))
}
