package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A key that is there twice is told with its place, and nothing that is built with it counts.
func TestRepeatedKeys(t *testing.T) {
	t.Parallel()
	const second = `: it cannot be read as YAML: the key "interval" is there for the second time: take one of the two out`
	web := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec:\n  interval: 5m\n  url: https://github.com/example/web\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an object": {map[string]string{"apps/web.yaml": web + "  interval: 1m\n", "apps/a.yaml": release}, "apps/web.yaml:7" + second},
		"an object of no interval": {map[string]string{"apps/web.yaml": web, "apps/x.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  a: b\n  a: c\n"},
			`apps/x.yaml:6: it cannot be read as YAML: the key "a" is there for the second time: take one of the two out`},
		"beside a kustomization": {map[string]string{"apps/web.yaml": web + "  interval: 1m\n", "apps/kustomization.yaml": "resources: [a.yaml, web.yaml]\n", "apps/a.yaml": release}, "apps/web.yaml:7" + second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.files["clusters/a/flux-system/gotk-sync.yaml"] = heldSync
			c.files["clusters/a/apps.yaml"] = strings.Replace(kustomizationOfApps, "name: repo", "name: flux-system", 1)
			tree := NewTree(c.files)
			f := tree.Read(tree.Roots())[0]
			for _, o := range f.Snapshot.Objects {
				assert.NotEqual(t, "apps", o.Namespace, "%s", o.Ref)
			}
			var why []string
			for _, g := range f.Snapshot.Gaps {
				if g.What == "what Kustomization flux-system/apps applies" {
					why = append(why, g.Why)
				}
			}
			assert.Equal(t, []string{c.want}, why)
		})
	}
}
