package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// A patch that rewrite would write names an object as it is deployed, which is not its name where kustomize patches it
// before it adds a prefix or Flux substitutes a variable. The second build sees that nothing changes: the patch takes the
// name that the object has in its file, or the value is refused, and nothing is written that does nothing.
func TestRewriteSeesPatchesThatMatchNothing(t *testing.T) {
	t.Parallel()
	// One document for two clusters that want different values, so that each takes a patch.
	base := func(name, namespace string) string {
		return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: " + name + "," + namespace + "}\nspec:\n  interval: 10m\n  chartRef: {kind: OCIRepository, name: x}\n"
	}
	for name, c := range map[string]struct {
		overlay, spec, base string
		final               string // the object's name on the cluster
		file                string // that the patch is in; "" where there is none that can take it
	}{
		"a namespace":                   {"namespace: apps\n", "", base("web", ""), "web", "overlays/a/kustomization.yaml"},
		"targetNamespace":               {"", "  targetNamespace: apps\n", base("web", ""), "web", "overlays/a/kustomization.yaml"},
		"the kustomization's prefix":    {"namespace: apps\nnamePrefix: eu-\n", "", base("web", ""), "eu-web", "overlays/a/kustomization.yaml"},
		"the prefix of the spec":        {"", "  targetNamespace: apps\n  namePrefix: eu-\n", base("web", ""), "eu-web", "overlays/a/kustomization.yaml"},
		"a variable in the name":        {"", "  postBuild: {substitute: {a: eu}}\n", base(`"${a}-web"`, " namespace: apps"), "eu-web", "overlays/a/kustomization.yaml"},
		"another object bears the name": {"namespace: apps\nnamePrefix: eu-\n", "", base("web", "") + "---\n" + base("eu-web", ""), "eu-web", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := func(name string) string {
				return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./overlays/" + name + "\n  sourceRef: {kind: GitRepository, name: flux-system}\n" + c.spec
			}
			tree := NewTree(map[string]string{
				"clusters/a/flux-system/gotk-sync.yaml": "#\n", "clusters/b/flux-system/gotk-sync.yaml": "#\n",
				"clusters/a/apps.yaml": cluster("a"), "clusters/b/apps.yaml": cluster("b"),
				"overlays/a/kustomization.yaml": c.overlay + "resources: [../../base]\n", "overlays/b/kustomization.yaml": c.overlay + "resources: [../../base]\n",
				"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": c.base,
			})
			fleets := tree.Read(tree.Roots())
			ref := flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: c.final}
			require.NotEmpty(t, string(fleets[0].Manifest(ref)), fleets[0].Snapshot.Gaps)
			from, to := "10m", "3m"
			got, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{{Root: 0, Ref: ref, Changes: []tune.Change{{Field: flux.Interval, From: &from, To: &to}}}})
			require.NoError(t, err)
			after := tree.With(got.Files).Read(tree.Roots())
			for i, f := range fleets {
				for j, o := range f.Snapshot.Objects {
					want := *o.Interval
					if i == 0 && o.Ref == ref && c.file != "" {
						want = to
					}
					assert.Equal(t, want, *after[i].Snapshot.Objects[j].Interval, "%s of %s", o.Ref, f.Root)
				}
			}
			if c.file == "" {
				assert.Empty(t, got.Files)
				require.Len(t, got.Refused, 1)
				t.Log(got.Refused[0].Why)
				return
			}
			assert.Empty(t, got.Refused)
			assert.Contains(t, got.Files, c.file)
		})
	}
}

// Two objects of one kind and name in two namespaces are told apart by these, where they do not want the same.
func TestRewriteTellsNamesakesApart(t *testing.T) {
	t.Parallel()
	object := func(namespace, keep string) string {
		return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: g\n  namespace: " + namespace + "\n" + keep + "spec:\n  interval: 1m\n  url: https://example.com/g\n"
	}
	const keep = "  annotations: {keep: \"1\"}\n"
	for name, c := range map[string]struct {
		other   string
		place   string // of the Kustomizations; "" where kustomizations take patches
		targets []string
	}{
		"both want it":               {"", "", []string{"name: g", "patch: |"}},
		"one keeps its value":        {keep, "", []string{"name: g", "namespace: apps", "patch: |"}},
		"in a Kustomization":         {keep, "patches: [{target: {kind: None}, patch: \"[]\"}]\n", []string{"name: g", "namespace: apps", "patch: |"}},
		"both, in the Kustomization": {"", "patches: [{target: {kind: None}, patch: \"[]\"}]\n", []string{"name: g", "patch: |"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"base/kustomization.yaml": "resources: [g.yaml]\n", "base/g.yaml": object("apps", "") + "---\n" + object("other", c.other)}
			for _, cluster := range []string{"staging", "production"} {
				files["clusters/"+cluster+"/flux-system/gotk-sync.yaml"] = "#\n"
				files["clusters/"+cluster+"/apps.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: " +
					map[string]string{"staging": "3m", "production": "5m"}[cluster] + "\n  timeout: 2m\n  path: ./overlays/" + cluster + "\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
				files["overlays/"+cluster+"/kustomization.yaml"] = "resources: [../../base]\n" + c.place
			}
			tree := NewTree(files)
			fleets := tree.Read(tree.Roots())
			r, err := tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
			require.NoError(t, err)
			assert.Empty(t, r.Refused)
			holds(t, tree, fleets, r)
			edited := "overlays/staging/kustomization.yaml"
			if c.place != "" {
				edited = "clusters/staging/apps.yaml"
			}
			_, after, _ := strings.Cut(string(r.Files[edited]), "kind: GitRepository\n")
			var lines []string
			for _, line := range strings.Split(after, "\n")[:len(c.targets)] {
				lines = append(lines, strings.TrimSpace(line))
			}
			assert.Equal(t, c.targets, lines, "%s", r.Files[edited])
			for _, p := range r.Patches {
				assert.Len(t, p.Targets, map[bool]int{true: 1, false: 2}[c.other != ""])
			}
		})
	}
}

// Documents of one kind and name in one file are told apart by their namespaces and groups: fields are added to each, and
// patches to each Kustomization's.
func TestRewriteOfNamesakesInOneFile(t *testing.T) {
	t.Parallel()
	kustomization := func(namespace, path, interval string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: app\n  namespace: " + namespace + "\nspec:\n  interval: " + interval + "\n  path: " + path + "\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n"
	}
	const foreign = "apiVersion: example.com/v1\nkind: Kustomization\nmetadata:\n  name: app\n  namespace: a\nspec:\n  interval: 5m\n"
	const shared = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec:\n  interval: 7m\n  chartRef: {kind: OCIRepository, name: x}\n"
	indented := func(document string) string {
		return "- " + strings.ReplaceAll(strings.TrimSpace(document), "\n", "\n  ") + "\n"
	}
	for name, c := range map[string]struct {
		file    string
		patches int // of fields: to the documents themselves
	}{
		"two that want the same":   {kustomization("a", "./a", "5m") + "---\n" + kustomization("b", "./b", "5m"), 2},
		"two with other intervals": {kustomization("a", "./a", "4m") + "---\n" + kustomization("b", "./b", "5m"), 2},
		"one has the field":        {kustomization("a", "./a", "5m") + "---\n" + kustomization("b", "./b", "5m") + "  timeout: 2m\n", 1},
		"one keeps what it has":    {kustomization("a", "./a", "5m") + "---\n" + strings.Replace(kustomization("b", "./b", "5m"), "spec:", "  annotations: {keep: \"1\"}\nspec:", 1), 1},
		"of another group":         {foreign + "---\n" + kustomization("a", "./a", "5m"), 1},
		"a List before another":    {"apiVersion: v1\nkind: List\nitems:\n" + indented(kustomization("a", "./a", "4m")) + "---\n" + kustomization("b", "./b", "5m") + "  timeout: 2m\n", 1},
		"a List in a List":         {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  " + strings.ReplaceAll(indented(kustomization("a", "./a", "4m")), "\n", "\n  ") + "\n" + indented(kustomization("b", "./b", "5m")+"  timeout: 2m\n"), 1},
		"three in a List":          {"apiVersion: v1\nkind: List\nitems:\n" + indented(kustomization("a", "./a", "5m")) + indented(kustomization("b", "./b", "5m")) + indented(foreign), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(map[string]string{
				"clusters/production/flux-system/gotk-sync.yaml": "#\n", "clusters/production/apps.yaml": c.file,
				"a/cm.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a, namespace: a}\n", "b/cm.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a, namespace: b}\n",
			})
			fleets := tree.Read(tree.Roots())
			r, err := tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
			require.NoError(t, err)
			assert.Empty(t, r.Refused)
			assert.Len(t, r.Patches, c.patches)
			for _, p := range r.Patches {
				assert.True(t, p.Own, p)
				assert.Len(t, p.Targets, 1)
			}
			holds(t, tree, fleets, r)
		})
	}
	t.Run("a patch for what one of two applies", func(t *testing.T) {
		t.Parallel()
		files := map[string]string{"base/web.yaml": shared}
		for _, cluster := range []string{"staging", "production"} {
			interval := map[string]string{"staging": "3m", "production": "5m"}[cluster]
			files["clusters/"+cluster+"/flux-system/gotk-sync.yaml"] = "#\n"
			files["clusters/"+cluster+"/apps.yaml"] = strings.ReplaceAll(kustomization("b", "./empty", interval)+"---\n"+kustomization("a", "./base", interval), "  path", "  timeout: 2m\n  path")
		}
		files["empty/cm.yaml"] = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a, namespace: a}\n"
		tree := NewTree(files)
		fleets := tree.Read(tree.Roots())
		r, err := tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
		require.NoError(t, err)
		assert.Empty(t, r.Refused)
		assert.Len(t, r.Patches, 2)
		holds(t, tree, fleets, r)
	})
}
