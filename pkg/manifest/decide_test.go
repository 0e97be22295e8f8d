package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What Flux refuses has a place, too, wherever it stands: a number, a text with a word in it, also in a patch's file.
func TestDecideOfRefusedValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ value, patch, want string }{
		"a number":         {"300", "", "c/g.yaml:5:13"},
		"a quoted number":  {"'300'", "", "c/g.yaml:5:14"},
		"a word":           {"5 min", "", "c/g.yaml:5:13"},
		"in a patch":       {"5m", "300", "c/p.yaml:4:18"},
		"a word, patched":  {"5m", "5 min", "c/p.yaml:4:18"},
		"days, as before":  {"1d", "", "c/g.yaml:5:13"},
		"two words for it": {"5m 30s", "", "c/g.yaml:5:13"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"c/kustomization.yaml": "resources: [g.yaml]\n",
				"c/g.yaml":             "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a, namespace: b}\nspec:\n  interval: " + c.value + "\n  url: https://example.com/300\n",
			}
			if c.patch != "" {
				files["c/kustomization.yaml"] += "patches: [{path: p.yaml}]\n"
				files["c/p.yaml"] = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a, namespace: b}\nspec: {interval: " + c.patch + "}\n"
			}
			tree := NewTree(files)
			fleets := tree.Read([]Root{{Path: "c"}})
			require.Len(t, fleets[0].Snapshot.Objects, 1)
			s, known := tree.Decide(fleets).Scalar(Target{0, fleets[0].Snapshot.Objects[0].Ref, flux.Interval})
			require.True(t, known)
			assert.Equal(t, c.want, s.String())
		})
	}
}
