package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is read without kustomize is what kustomize makes of it; where it says that something is wrong, kustomize is asked.
func TestPlainResourcesAreKustomizes(t *testing.T) {
	t.Parallel()
	release := func(name, metadata string) string {
		return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: " + name + "\n" + metadata + "spec:\n  interval: 5m\n"
	}
	const list = "resources:\n- a.yaml\n- ../b.yaml\n"
	for name, test := range map[string]struct {
		kustomization, a string
		plain            bool
	}{
		"files":                       {list, release("a", "") + "---\n" + release("c", "  namespace: x\n"), true},
		"metadata of a kustomization": {"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: x}\n" + list, release("a", ""), true},
		"no kind":                     {"namePrefix: ''\n" + list, release("a", ""), true},
		"empty documents":             {list, "# nothing\n---\n---\n" + release("a", "") + "---\nnull\n", true},
		"annotations":                 {list, release("a", "  annotations: {b: c, a: 'true', n: 1}\n") + "---\n" + release("c", "  annotations: {}\n  labels: {x: y}\n"), true},
		"anchors":                     {list, release("&a a", "  namespace: *a\n"), true},
		"a List":                      {list, "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: x}}\n---\n" + release("a", ""), false},
		"JSON":                        {list, `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "y"}}`, true},
		"one name in two namespaces":  {list, release("a", "") + "---\n" + release("a", "  namespace: x\n"), true},
		"one name twice":              {list, release("a", "") + "---\n" + release("a", "  namespace: default\n"), false},
		"local configuration":         {list, release("a", "  annotations: {config.kubernetes.io/local-config: 'true'}\n"), false},
		"a name prefix":               {"namePrefix: x-\n" + list, release("a", ""), false},
		"a patch":                     {list + "patches: [{patch: '[]', target: {kind: HelmRelease}}]\n", release("a", ""), false},
		"a folder":                    {list + "- folder\n", release("a", ""), false},
		"an unknown field":            {list + "resource: x\n", release("a", ""), false},
		"another kind":                {list, "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n", false},
		"a kind of another group":     {list, "apiVersion: x.example.com/v1\nkind: Bucket\nmetadata: {name: s}\n", false},
		"broken YAML":                 {list, "a: [\n", false},
		"no object":                   {list, "a: b\n", false},
		"an empty item":               {list, release("a", "") + "  values: {x: [~]}\n", true},
		"a missing file":              {list + "- none.yaml\n", release("a", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(map[string]string{
				"x/kustomization.yaml": test.kustomization, "x/a.yaml": test.a, "b.yaml": release("b", "  # why\n"),
				"x/folder/kustomization.yaml": "resources: [../../c.yaml]\n", "c.yaml": release("d", ""),
			})
			filter := &remoteFilter{tree: tree, gaps: map[string]string{}}
			view := func() *view { return &view{tree: tree, filter: filter.content, read: map[string]bool{}} }
			defer shared.enter(buildOptions{})()
			mine, plain := plainResources(view(), "x")
			require.Equal(t, test.plain, plain)
			if !plain {
				return
			}
			theirs, err := run(view(), "x")
			require.NoError(t, err)
			require.Len(t, mine, len(theirs))
			for i, r := range theirs {
				want, got := r.MustString(), mine[i].MustString()
				assert.Equal(t, want, got)
				assert.NotEmpty(t, mine[i].file)
			}
		})
	}
}
