package manifest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

const (
	kustomizationOfApps = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n" +
		"spec: {interval: 5m, path: ./apps, sourceRef: {kind: GitRepository, name: repo}}\n"
	release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec: {interval: 5m}\n"
)

// Each way to find clusters: what names itself one counts beside others, what nothing deploys only where nothing else is found.
func TestRoots(t *testing.T) {
	t.Parallel()
	source := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m}\n"
	sync := func(path string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {path: " +
			path + ", sourceRef: {kind: GitRepository, name: flux-system}}\n"
	}
	instance := "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec:\n  sync: {kind: GitRepository, url: u, path: "
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"bootstrap":                    {map[string]string{"clusters/a/flux-system/gotk-sync.yaml": source + "---\n" + sync("./clusters/a")}, []string{"clusters/a"}},
		"bootstrap, the source behind": {map[string]string{"clusters/a/flux-system/gotk-sync.yaml": sync("./clusters/a") + "---\n" + source}, []string{"clusters/a"}},
		"bootstrap without objects":    {map[string]string{"clusters/a/flux-system/gotk-sync.yaml": "# to be written\n"}, []string{"clusters/a"}},
		"bootstrap of the top":         {map[string]string{"flux-system/gotk-sync.yaml": source + "---\n" + sync("./")}, []string{"."}},
		"a FluxInstance":               {map[string]string{"clusters/a/flux.yaml": instance + "clusters/a}\n"}, []string{"clusters/a"}},
		"the values of its chart":      {map[string]string{"clusters/a/values.yaml": "instance:\n  sync: {kind: GitRepository, url: u, path: clusters/a}\n"}, []string{"clusters/a"}},
		"an artifact of a folder":      {map[string]string{"kube/clusters/a/flux.yaml": instance + "./clusters/a}\n"}, []string{"kube/clusters/a"}},
		"bootstrap beside a FluxInstance": {map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": sync("./clusters/a"), "operator/b.yaml": instance + "clusters/b}\n", "clusters/b/web.yaml": release,
		}, []string{"clusters/a", "clusters/b"}},
		"bootstrap and a FluxInstance of one cluster": {map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": sync("./clusters/a"), "clusters/a/flux.yaml": instance + "clusters/a}\n",
		}, []string{"clusters/a"}},
		"a Kustomization beside that applies itself": {map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": sync("./clusters/a"), "clusters/b/start.yaml": sync("./clusters/b"),
		}, []string{"clusters/a", "clusters/b"}},
		"one that applies itself below a cluster": {map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": sync("./clusters/a"), "clusters/a/apps.yaml": kustomizationOfApps, "apps/start.yaml": sync("./apps"),
		}, []string{"clusters/a"}},
		"an example of the docs": {map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": sync("./clusters/a"), "docs/ks.yaml": sync("./"),
		}, []string{"clusters/a"}},
		"nothing that only lies beside a cluster": {map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": "#\n", "old/clusters/b/flux.yaml": instance + "old/clusters/b}\n", "archive/ks.yaml": kustomizationOfApps, "apps/web.yaml": release,
		}, []string{"clusters/a", "old/clusters/b"}},
		"Kustomizations": {map[string]string{"main/ks.yaml": kustomizationOfApps, "apps/web.yaml": release}, []string{"main"}},
		"a Kustomization that another one deploys": {map[string]string{
			"main/ks.yaml": kustomizationOfApps, "apps/ks.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\nspec: {path: deploy}\n", "deploy/web.yaml": release,
		}, []string{"main"}},
		"kustomizations": {map[string]string{
			"overlays/a/kustomization.yaml": "resources: [../../base]\n", "overlays/b/kustomization.yaml": "resources: [../../base]\n",
			"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": release, "other/kustomization.yaml": "resources: [x.yaml]\n", "other/x.yaml": "kind: ConfigMap\n",
		}, []string{"overlays/a", "overlays/b"}},
		"two Kustomizations that apply their own folder": {map[string]string{
			"prod/flux.yaml": sync("./prod") + "---\n" + strings.Replace(sync("./prod"), "name: flux-system", "name: again", 1), "staging/ks.yaml": kustomizationOfApps, "apps/web.yaml": release,
		}, []string{"prod", "staging"}},
		"two folders that apply each other": {map[string]string{"a/ks.yaml": sync("./b"), "b/ks.yaml": sync("./a"), "staging/ks.yaml": kustomizationOfApps, "apps/web.yaml": release}, []string{"a", "staging"}},
		"two folders beside a cluster that apply each other": {map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": sync("./clusters/a"), "x/ks.yaml": sync("./y"), "y/ks.yaml": sync("./x"),
		}, []string{"clusters/a", "y"}},
		"a circle that one outside of it deploys": {map[string]string{"main/ks.yaml": sync("./x"), "x/ks.yaml": sync("./y"), "y/ks.yaml": sync("./x")}, []string{"main"}},
		"a patch that gives the path": {map[string]string{
			"clusters/a/kustomization.yaml": "resources: [../../base]\npatches:\n- path: ../../patches/a.yaml\n", "patches/a.yaml": sync("./clusters/a"), "patches/other.yaml": release,
			"base/kustomization.yaml": "resources: [sync.yaml]\n", "base/sync.yaml": sync("./clusters/${cluster}"),
		}, []string{"clusters/a"}},
		"a patch as text": {map[string]string{
			"clusters/a/kustomization.yaml": "resources: [../../base]\npatchesStrategicMerge:\n- |\n  " + strings.ReplaceAll(strings.TrimSpace(sync("./clusters/a")), "\n", "\n  ") + "\n",
			"base/kustomization.yaml":       "resources: [sync.yaml]\n", "base/sync.yaml": sync("./clusters/${cluster}"),
		}, []string{"clusters/a"}},
		"a patch of what another one deploys": {map[string]string{
			"main/kustomization.yaml": "resources: [ks.yaml]\n", "main/ks.yaml": kustomizationOfApps, "apps/kustomization.yaml": "resources: [ks.yaml]\npatches: [{path: patch.yaml}]\n",
			"apps/ks.yaml": sync("./none"), "apps/patch.yaml": sync("./deploy"), "deploy/web.yaml": release,
		}, []string{"main"}},
		"a component": {map[string]string{
			"parts/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [web.yaml]\n", "parts/web.yaml": release,
		}, nil},
		"hidden folders": {map[string]string{".archive/ks.yaml": kustomizationOfApps, "apps/web.yaml": release}, nil},
		"nothing":        {map[string]string{"README.md": "hello"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, root := range NewTree(c.files).Roots() {
				got = append(got, root.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// What a kustomization uses as a patch is no object of the folder that it lies in, when somebody applies that by hand.
func TestPatchesAreNoObjects(t *testing.T) {
	t.Parallel()
	patch := "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: any}\nspec: {suspend: true}\n"
	tree := NewTree(map[string]string{
		"ks.yaml": kustomizationOfApps, "patch.yaml": patch, "apps/kustomization.yaml": "resources: [web.yaml]\npatches:\n- path: ../patch.yaml\n  target: {kind: HelmRelease}\n",
		"apps/web.yaml": strings.Replace(release, "interval: 5m", "interval: 5m, chartRef: {kind: OCIRepository, name: web}", 1),
	})
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 1)
	assert.Empty(t, fleets[0].Snapshot.Gaps)
	assert.Nil(t, fleets[0].object(flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Name: "any"}))
	web := fleets[0].object(flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: "web"})
	require.NotNil(t, web)
	assert.True(t, web.Suspended)
}

// A Kustomization that somebody applies by hand is deployed with its folder's manifests, not with all that is
// below.
// "./" is a path in every checkout: it does not say that a source is this repository. And what somebody applies first, and a
// Kustomization from then on, is no conflict.
func TestTopOfAnotherRepository(t *testing.T) {
	t.Parallel()
	kustomization := func(name, path, kind, source string) string {
		return fmt.Sprintf("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: %s, namespace: flux-system}\n"+
			"spec: {interval: 5m, prune: true, path: %s, sourceRef: {kind: %s, name: %s}}\n", name, path, kind, source)
	}
	tree := NewTree(map[string]string{
		"main/flux/config/cluster.yaml":        kustomization("cluster", "./main/flux", "GitRepository", "repo"),
		"main/flux/config/flux.yaml":           kustomization("flux", "./", "OCIRepository", "flux-manifests"),
		"main/flux/config/kustomization.yaml":  "resources: [cluster.yaml, flux.yaml]\n",
		"main/flux/apps.yaml":                  kustomization("apps", "./main/apps/default", "GitRepository", "repo"),
		"main/apps/default/kustomization.yaml": "resources: [web/ks.yaml]\n",
		"main/apps/default/web/ks.yaml":        kustomization("web", "./main/apps/default/web/app", "GitRepository", "repo"),
		"main/apps/default/web/app/web.yaml":   release,
	})
	roots := tree.Roots()
	require.Len(t, roots, 1)
	assert.Equal(t, "main/flux/config", roots[0].Path)
	fleet := tree.Read(roots)[0]
	names := []string{}
	for _, o := range fleet.Snapshot.Objects {
		names = append(names, o.Name)
	}
	assert.ElementsMatch(t, []string{"cluster", "flux", "apps", "web", "web"}, names)
	for _, gap := range fleet.Snapshot.Gaps {
		assert.Contains(t, gap.What, "what Kustomization flux-system/flux applies is not looked at", "%s", gap.Why)
	}
}

func TestTopKustomizationsAreReadFlat(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{"ks.yaml": kustomizationOfApps, "apps/web.yaml": release, "templates/x.yaml": "{{ not: yaml }}: [\n"})
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 1)
	assert.Empty(t, fleets[0].Snapshot.Gaps)
	require.Len(t, fleets[0].Snapshot.Objects, 2)
	assert.Equal(t, "web", fleets[0].Snapshot.Objects[0].Name)
}

// What nothing deploys is no cluster beside others. It is named where it may use what these read.
func TestStrays(t *testing.T) {
	t.Parallel()
	kustomization := func(name, path string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\nspec: {path: " +
			path + ", sourceRef: {kind: GitRepository, name: flux-system}}\n"
	}
	tree := NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": kustomization("flux-system", "./clusters/a"), "clusters/a/apps.yaml": kustomization("apps", "./apps"),
		"apps/kustomization.yaml": "resources: [../base]\n", "base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": release,
		"by-hand/b.yaml": kustomization("b", "./clusters/b"), "clusters/b/kustomization.yaml": "resources: [../../base]\n",
		"archive/c.yaml": kustomization("c", "./archive/c"), "archive/c/web.yaml": release,
		"docs/d.yaml": kustomization("d", "./"),
	})
	want := []Stray{{flux.Ref{Group: kustomizeGroup, Kind: kustomizationKind, Namespace: "flux-system", Name: "b"}, "by-hand/b.yaml", "clusters/b", "base/kustomization.yaml"}}
	assert.Equal(t, want, tree.Strays(tree.Read(tree.Roots())))
	b, err := tree.RootAt("clusters/b")
	require.NoError(t, err)
	assert.Empty(t, tree.Strays(tree.Read(append(tree.Roots(), b))))
}

func TestRootAt(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{"clusters/a/flux-system/gotk-sync.yaml": "#\n", "apps/web.yaml": release})
	root, err := tree.RootAt("./apps/")
	require.NoError(t, err)
	fleets := tree.Read([]Root{root})
	require.Len(t, fleets[0].Snapshot.Objects, 1)
	root, err = tree.RootAt("clusters/a")
	require.NoError(t, err)
	assert.Equal(t, "GitRepository flux-system/flux-system", root.source.String())
	_, err = tree.RootAt("nowhere")
	require.EqualError(t, err, `the folder "nowhere" is not in the checkout`)
}

// A folder of a repository that misses what its Flux reads is no checkout: everything would seem to be in order there.
func TestOutside(t *testing.T) {
	t.Parallel()
	sync := func(path string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec:\n  interval: 10m\n  path: " + path + "\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
	}
	instance := "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec:\n  sync: {kind: GitRepository, url: https://example.com/x.git, path: clusters/dev}\n"
	for name, c := range map[string]struct {
		files    map[string]string
		open     string
		path, up string
	}{
		"the top":                          {map[string]string{"clusters/dev/flux-system/gotk-sync.yaml": sync("./clusters/dev")}, "", "", ""},
		"a folder":                         {map[string]string{"clusters/dev/flux-system/gotk-sync.yaml": sync("./clusters/dev")}, "clusters", "./clusters/dev", ".."},
		"the cluster's folder":             {map[string]string{"clusters/dev/flux-system/gotk-sync.yaml": sync("./clusters/dev")}, "clusters/dev", "./clusters/dev", "../.."},
		"a FluxInstance":                   {map[string]string{"clusters/dev/flux.yaml": instance}, "clusters", "clusters/dev", ".."},
		"Kustomizations alone":             {map[string]string{"clusters/dev/apps.yaml": sync("./apps"), "apps/x.yaml": "a: b\n"}, "clusters", "./apps", ".."},
		"a part that is a whole source":    {map[string]string{"fleet/clusters/dev/flux-system/gotk-sync.yaml": sync("./clusters/dev")}, "fleet", "", ""},
		"a part with another repository's": {map[string]string{"fleet/a/x.yaml": sync("./a"), "fleet/b.yaml": sync("./elsewhere")}, "fleet", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.files[".git/HEAD"] = "ref: refs/heads/main\n"
			writeFiles(t, dir, c.files)
			tree, err := Open(filepath.Join(dir, c.open))
			require.NoError(t, err)
			path, up := tree.Outside()
			assert.Equal(t, [2]string{c.path, c.up}, [2]string{path, up})
		})
	}
}

// The Flux Operator names the first source and Kustomization after the FluxInstance's namespace where the sync has no name.
func TestNameOfAFluxInstancesSync(t *testing.T) {
	t.Parallel()
	const sync = "{kind: GitRepository, url: u, path: clusters/a"
	instance := func(namespace, more string) string {
		return "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux" + namespace + "}\nspec:\n  sync: " + sync + more + "}\n"
	}
	for name, c := range map[string]struct{ more, content, want string }{
		"its namespace":               {"", instance(", namespace: flux", ""), "flux/flux"},
		"a name of its own":           {"", instance(", namespace: flux", ", name: fleet"), "flux/fleet"},
		"no namespace":                {"", instance("", ""), "flux-system/flux-system"},
		"that of its kustomization":   {"namespace: gitops\nresources: [flux.yaml]\n", instance("", ""), "gitops/gitops"},
		"values of a chart":           {"", "instance: {sync: " + sync + "}}\n", "flux-system/flux-system"},
		"a HelmRelease":               {"", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x, namespace: ops}\nspec: {values: {instance: {sync: " + sync + "}}}}\n", "ops/ops"},
		"a HelmRelease with a target": {"", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x, namespace: ops}\nspec: {targetNamespace: to, values: {instance: {sync: " + sync + "}}}}\n", "to/to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"clusters/a/flux.yaml": c.content, "apps/web.yaml": release}
			if c.more != "" {
				files["clusters/a/kustomization.yaml"] = c.more
			}
			roots := NewTree(files).Roots()
			require.Len(t, roots, 1)
			assert.Equal(t, "GitRepository "+c.want, roots[0].source.String())
		})
	}
}
