package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// exportTree is a Kustomization that applies four objects, with more of its spec.
func exportTree(more string) *Tree {
	release := func(name, namespace string) string {
		return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: " + name + "\n  namespace: " + namespace + "\nspec:\n  interval: 10m\n  chartRef: {kind: OCIRepository, name: x}\n"
	}
	return NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/a/apps.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./apps\n" +
			"  sourceRef: {kind: GitRepository, name: flux-system}\n" + more,
		"apps/all.yaml": release("web", "one") + "---\n" + release("web", "two") + "---\n" + release("web.a", "one") + "---\n" + release("webba", "one") +
			"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: web\n  namespace: one\nspec:\n  interval: 10m\n  url: https://example.com/x\n",
	})
}

// exceptions are the objects web and web.a of one namespace, as they are on the cluster.
func exceptions(t *testing.T) []Exception {
	t.Helper()
	tree := exportTree("")
	var found []Exception
	for _, o := range tree.Read(tree.Roots())[0].Snapshot.Objects {
		if o.Namespace == "one" && (o.Name == "web" || o.Name == "web.a") {
			interval, timeout := "45m0s", "7m"
			o.Interval, o.Timeout = &interval, &timeout
			found = append(found, Exception{o, []flux.Field{flux.Interval, flux.Timeout}})
		}
	}
	require.Len(t, found, 3)
	return found
}

var exportOwner = flux.Ref{Group: kustomizeGroup, Kind: kustomizationKind, Namespace: "flux-system", Name: "apps"}

// applierOf is the Kustomization apps of a tree, as its inventory on the cluster would tell of it.
func applierOf(tree *Tree) Applier {
	f := tree.Read(tree.Roots())[0]
	by := Applier{Ref: exportOwner, Complete: true}
	for _, o := range f.Snapshot.Objects {
		switch {
		case o.Ref == exportOwner:
			by.NamePrefix, by.NameSuffix = o.NamePrefix, o.NameSuffix
		case f.owners[o.Ref] == exportOwner:
			by.Objects = append(by.Objects, o.Ref)
		}
	}
	return by
}

// pasted is the patches of an exported document, to stand below a Kustomization's spec.
func pasted(t *testing.T, text string) string {
	t.Helper()
	var parsed kustomization
	require.NoError(t, yaml.Unmarshal([]byte(text), &parsed), text)
	data, err := yaml.Marshal(map[string]any{"patches": parsed.Spec.Patches})
	require.NoError(t, err)
	more := ""
	for _, line := range splitLines(data) {
		more += "  " + string(line)
	}
	return more
}

// Kustomize patches before it sets namespaces and names. What was exported from a cluster, which knows an object as it is
// after that, reaches it all the same, and no other; where it cannot, nothing else happens.
func TestExportedPatchesReachWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	release := func(name, namespace string) string {
		return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: " + name + "\n" + namespace + "spec:\n  interval: 10m\n  chartRef: {kind: OCIRepository, name: x}\n"
	}
	plain := map[string]string{"apps/web.yaml": release("web", ""), "apps/other.yaml": release("other", "")}
	kustomize := func(more string, files ...string) map[string]string {
		all := map[string]string{"apps/kustomization.yaml": more + "resources: [web.yaml, other.yaml]\n"}
		for file, content := range plain {
			all[file] = content
		}
		for i := 0; i+1 < len(files); i += 2 {
			all[files[i]] = files[i+1]
		}
		return all
	}
	two := map[string]string{
		"apps/kustomization.yaml":   "resources: [a, b]\n",
		"apps/a/kustomization.yaml": "namespace: team-a\nresources: [web.yaml]\n", "apps/a/web.yaml": release("web", ""),
		"apps/b/kustomization.yaml": "namespace: team-b\nresources: [web.yaml]\n", "apps/b/web.yaml": release("web", ""),
	}
	for name, c := range map[string]struct {
		files  map[string]string
		spec   string
		change []string // namespace/name on the cluster
		// text is in what is exported, or, after a "!", is not.
		text        string
		unreachable bool
	}{
		"a namespace in the files":              {kustomize("", "apps/web.yaml", release("web", "  namespace: team-a\n"), "apps/other.yaml", release("other", "  namespace: x\n")), "", []string{"team-a/web"}, "!namespace: team-a", false},
		"the kustomization's namespace":         {kustomize("namespace: team-a\n"), "", []string{"team-a/web"}, "!namespace: team-a", false},
		"targetNamespace":                       {plain, "  targetNamespace: team-a\n", []string{"team-a/web"}, "!namespace: team-a", false},
		"both, and another namespace in files":  {kustomize("namespace: x\n", "apps/web.yaml", release("web", "  namespace: y\n")), "  targetNamespace: team-a\n", []string{"team-a/web"}, "!namespace: team-a", false},
		"the spec's namePrefix and nameSuffix":  {plain, "  targetNamespace: team-a\n  namePrefix: eu-\n  nameSuffix: '-1'\n", []string{"team-a/eu-web-1"}, "name: web\n", false},
		"the kustomization's namePrefix":        {kustomize("namePrefix: eu-\nnamespace: team-a\n"), "", []string{"team-a/eu-web"}, "name: eu-web\n", true},
		"the namePrefix of a base":              {kustomize("", "apps/kustomization.yaml", "namespace: team-a\nresources: [base]\n", "apps/base/kustomization.yaml", "namePrefix: eu-\nresources: [../web.yaml]\n"), "", []string{"team-a/eu-web"}, "name: eu-web\n", false},
		"a variable in the name":                {kustomize("namespace: team-a\n", "apps/web.yaml", release("${a}-web", "")), "  postBuild: {substitute: {a: eu}}\n", []string{"team-a/eu-web"}, "name: eu-web\n", true},
		"a variable in the namespace":           {kustomize("", "apps/web.yaml", release("web", "  namespace: ${a}\n"), "apps/other.yaml", release("other", "  namespace: x\n")), "  postBuild: {substitute: {a: team-a}}\n", []string{"team-a/web"}, "!namespace: team-a", false},
		"a namesake":                            {two, "", []string{"team-a/web"}, "# HelmRelease team-a/web bears the name of HelmRelease team-b/web, which keeps its values: the namespace tells them apart.\n    # If", false},
		"a namesake that gets the same":         {two, "", []string{"team-a/web", "team-b/web"}, "!namespace: team", false},
		"a namesake whose namespace a variable": {kustomize("", "apps/web.yaml", release("web", "  namespace: ${a}\n"), "apps/other.yaml", release("web", "  namespace: x\n")), "  postBuild: {substitute: {a: team-a}}\n", []string{"team-a/web"}, "-o ignore tells the objects apart", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := func(spec string) *Tree {
				files := map[string]string{"clusters/a/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
					"clusters/a/apps.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./apps\n" +
						"  sourceRef: {kind: GitRepository, name: flux-system}\n" + c.spec + spec}
				for file, content := range c.files {
					files[file] = content
				}
				return NewTree(files)
			}
			tree := with("")
			before := tree.Read(tree.Roots())[0]
			require.Empty(t, before.Snapshot.Gaps)
			var found []Exception
			for _, o := range before.Snapshot.Objects {
				if slices.Contains(c.change, o.Namespace+"/"+o.Name) {
					interval := "45m"
					o.Interval = &interval
					found = append(found, Exception{o, []flux.Field{flux.Interval}})
				}
			}
			require.Len(t, found, len(c.change))
			text := ExportPatches(applierOf(tree), found)
			if not, absent := strings.CutPrefix(c.text, "!"); absent {
				assert.NotContains(t, text, not)
			} else {
				assert.Contains(t, text, c.text)
			}
			tree = with(pasted(t, text))
			after := tree.Read(tree.Roots())[0]
			require.Empty(t, after.Snapshot.Gaps)
			for i, o := range after.Snapshot.Objects {
				require.Equal(t, before.Snapshot.Objects[i].Ref, o.Ref)
				want := "10m"
				if slices.Contains(c.change, o.Namespace+"/"+o.Name) && !c.unreachable {
					want = "45m"
				}
				assert.Equal(t, want, *o.Interval, "%s\n%s", o.Ref, text)
			}
		})
	}
}

// Nothing is known of namesakes where the owner's inventory is not.
func TestExportPatchesOfAnUnknownOwner(t *testing.T) {
	t.Parallel()
	text := ExportPatches(Applier{Ref: exportOwner}, exceptions(t))
	assert.Contains(t, text, "# What else Kustomization flux-system/apps applies is not known: the namespace keeps the patch from another HelmRelease of the name web.")
	assert.Equal(t, 2, strings.Count(text, "namespace: one\n"))
}

// What was exported gives, in Git, the values of the cluster to the objects that have them, and to no other.
func TestExportPatches(t *testing.T) {
	t.Parallel()
	text := ExportPatches(applierOf(exportTree("")), exceptions(t))
	var parsed kustomization
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		*kustomization
	}{kustomization: &parsed}))
	assert.Equal(t, exportOwner, parsed.ref())
	require.Len(t, parsed.Spec.Patches, 3, text)
	data, err := yaml.Marshal(map[string]any{"patches": parsed.Spec.Patches})
	require.NoError(t, err)
	more := ""
	for _, line := range splitLines(data) {
		more += "  " + string(line)
	}
	tree := exportTree(more)
	fleet := tree.Read(tree.Roots())[0]
	require.Empty(t, fleet.Snapshot.Gaps)
	changed := 0
	for _, o := range fleet.Snapshot.Objects {
		if o.Ref == exportOwner {
			continue
		}
		if o.Namespace == "one" && (o.Name == "web" || o.Name == "web.a") {
			changed++
			require.NotNil(t, o.Timeout, o.Ref)
			assert.Equal(t, []string{"45m", "7m"}, []string{*o.Interval, *o.Timeout}, o.Ref)
			continue
		}
		assert.Equal(t, "10m", *o.Interval, o.Ref)
		assert.Nil(t, o.Timeout, o.Ref)
	}
	assert.Equal(t, 3, changed)
}

// The rules leave exactly these fields of these objects to the cluster.
func TestExportRules(t *testing.T) {
	t.Parallel()
	text, err := ExportRules(exportOwner, exceptions(t))
	require.NoError(t, err)
	var parsed struct {
		Spec struct{ Ignore []flux.IgnoreRule }
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &parsed))
	var named []flux.Ref
	for _, rule := range parsed.Spec.Ignore {
		assert.Equal(t, []string{"/spec/interval", "/spec/timeout"}, rule.Paths)
		named = append(named, tune.Targets(rule)...)
	}
	want := []flux.Ref{}
	for _, e := range exceptions(t) {
		want = append(want, e.Object.Ref)
	}
	assert.ElementsMatch(t, want, named, text)
}

// The timeouts of sources take no hours.
func TestExportWritesWhatFluxTakes(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"GitRepository", "OCIRepository", "Bucket", "HelmRepository"} {
		for value, want := range map[string]string{"60m": "60m", "90m": "90m", "1h0m0s": "60m", "3601s": "60m1s", "2m0s": "2m"} {
			interval := "60m"
			o := flux.Object{Ref: flux.Ref{Group: sourceGroup, Kind: kind, Namespace: "one", Name: "web"}, Interval: &interval, Timeout: &value}
			text := ExportPatches(Applier{Ref: flux.Ref{Group: kustomizeGroup, Kind: kustomizationKind, Name: "apps"}, Complete: true}, []Exception{{o, []flux.Field{flux.Interval, flux.Timeout}}})
			assert.Contains(t, text, "path: /spec/interval\n          value: 1h\n", kind)
			assert.Contains(t, text, "path: /spec/timeout\n          value: "+want+"\n", kind)
		}
	}
}

// A Kustomization with a targetNamespace sets namespaces after it has patched: a target with one finds nothing.
func TestExportPatchesOfATargetNamespace(t *testing.T) {
	t.Parallel()
	by := Applier{Ref: exportOwner, TargetNamespace: "one"} // what else it applies is not known
	text := ExportPatches(by, exceptions(t))
	assert.NotContains(t, text, "namespace: one")
	assert.NotContains(t, text, "#")
	by.TargetNamespace = ""
	assert.Contains(t, ExportPatches(by, exceptions(t)), "namespace: one")
}
