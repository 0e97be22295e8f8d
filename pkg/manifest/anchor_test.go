package manifest

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An anchor that contains itself ends no program: the file is named, and what is built from others goes on.
func TestAnchorsThatContainThemselves(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: apps}\n"
	for name, c := range map[string]struct{ at, content, line string }{
		"a List":             {"apps/x.yaml", "--- &x\napiVersion: v1\nkind: List\nmetadata: {name: kustomize.toolkit.fluxcd.io/}\nitems: [*x]\n", "1"},
		"a mapping":          {"apps/x.yaml", object + "data: &x {a: *x}\n", "4"},
		"two of them":        {"apps/x.yaml", object + "data: &x\n  a: &y [*x, *y]\n", "4"},
		"behind a good one":  {"apps/x.yaml", object + "a: &a {b: c}\nb: [*a, *a]\n---\n" + object + "data: &x {a: *x}\n", "10"},
		"a kustomization":    {"apps/kustomization.yaml", "resources: [cm.yaml]\nlabels: &x [*x]\n", "2"},
		"a patch in a text":  {"apps/kustomization.yaml", "resources: [cm.yaml]\npatches:\n- patch: |\n    " + "kind: ConfigMap\n    metadata: &x {name: c, labels: *x}\n", "3"},
		"a patch in a patch": {"clusters/a/apps2.yaml", "a: |\n  b: |\n    - &x [*x]\n", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(map[string]string{
				"clusters/a/flux-system/gotk-sync.yaml": "#\n",
				"clusters/a/apps.yaml":                  "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec: {interval: 5m, path: ./apps, sourceRef: {kind: GitRepository, name: flux-system}}\n",
				"apps/cm.yaml":                          object,
				c.at:                                    c.content,
			})
			fleets := tree.Read(tree.Roots())
			require.Len(t, fleets, 1)
			broken := fleets[0].Broken()
			require.Len(t, broken, 1)
			assert.Equal(t, c.at+":"+c.line, broken[0].At.File+":"+strconv.Itoa(broken[0].At.Line))
			assert.Regexp(t, "the anchor &[xy] contains itself", broken[0].Why)
			_, err := tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
			require.NoError(t, err)
		})
	}
	assert.Nil(t, endless([]byte("a: &a {b: c}\nb: &b [*a, *a]\nc: [*b, *b]\n---\na: https://x.org/?a&b=*b\n")))
}
