package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Every object is found in its own document, however kustomizations have renamed it.
func TestLocateOfRenamedObjects(t *testing.T) {
	t.Parallel()
	document := func(name, namespace string) string {
		return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec:\n  interval: 5m\n---\n"
	}
	sources := document("web", "one") + document("web-api", "one") + document("api", "one")
	for name, c := range map[string]struct {
		kustomization, file string
		want                map[string]int // lines of the intervals, by namespace/name
	}{
		"as they are written": {"", sources, map[string]int{"one/web": 5, "one/web-api": 11, "one/api": 17}},
		"a prefix":            {"namePrefix: x-\n", sources, map[string]int{"one/x-web": 5, "one/x-web-api": 11, "one/x-api": 17}},
		"a suffix":            {"nameSuffix: -api\n", sources, map[string]int{"one/web-api": 5, "one/web-api-api": 11, "one/api-api": 17}},
		"a namespace, too":    {"nameSuffix: -y\nnamespace: two\n", sources, map[string]int{"two/web-y": 5, "two/web-api-y": 11, "two/api-y": 17}},
		"one is taken away": {"namePrefix: x-\npatches:\n- patch: '{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: web, namespace: one}, $patch: delete}'\n",
			sources, map[string]int{"one/x-web-api": 11, "one/x-api": 17}},
		"one name in two namespaces": {"namePrefix: x-\n", document("web", "two") + document("web", "one"), map[string]int{"two/x-web": 5, "one/x-web": 11}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(map[string]string{"c/kustomization.yaml": "resources: [g.yaml]\n" + c.kustomization, "c/g.yaml": c.file})
			fleets := tree.Read([]Root{{Path: "c"}})
			got := map[string]int{}
			for _, o := range fleets[0].Snapshot.Objects {
				at := NewLocator(tree).Locate(fleets[0], o.Ref, flux.Interval.Path()...)
				require.Equal(t, "c/g.yaml", at.File)
				got[o.Namespace+"/"+o.Name] = at.Line
			}
			assert.Equal(t, c.want, got)
		})
	}
}
