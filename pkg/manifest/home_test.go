package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// tenantFiles are a checkout whose tenant has a GitRepository of its own in another namespace, and a Kustomization of it.
func tenantFiles(own, tenant, path string) map[string]string {
	repository := func(name, namespace, spec string) string {
		return fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: %s, namespace: %s}\nspec: {interval: 1m, %s}\n", name, namespace, spec)
	}
	return map[string]string{
		"clusters/production/flux-system/gotk-sync.yaml": repository("flux-system", "flux-system", own) +
			"---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec: {interval: 10m, prune: true, path: ./clusters/production, sourceRef: {kind: GitRepository, name: flux-system}}\n",
		"clusters/production/tenant.yaml": repository("tenant", "apps", tenant) +
			"---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: tenant, namespace: apps}\n" +
			"spec: {interval: 10m, prune: true, path: " + path + ", sourceRef: {kind: GitRepository, name: tenant}}\n",
		"tenants/apps/web.yaml": release,
	}
}

// Another source of the checkout's repository and revision is the checkout, whatever its name; one of another revision is not,
// and says so.
func TestSourcesOfTheSameRepository(t *testing.T) {
	t.Parallel()
	const url = "url: https://github.com/example/fleet"
	for name, c := range map[string]struct {
		own, tenant, path string
		gap               string // of the tenant; "" where its files are those of the checkout
	}{
		"the same":                   {url + ", ref: {branch: main}", url + ".git, ref: {branch: main}", "./tenants/apps", ""},
		"by another protocol":        {"url: ssh://git@github.com/example/fleet", "url: https://github.com/Example/fleet.git", "tenants/apps", ""},
		"a branch as a full name":    {url + ", ref: {branch: main}", url + ", ref: {name: refs/heads/main}", "./tenants/apps", ""},
		"the branch that is default": {url, url + ", ref: {branch: master}", "./tenants/apps", ""},
		"another branch": {url + ", ref: {branch: main}", url + ", ref: {branch: next}", "./tenants/apps",
			`its source is GitRepository apps/tenant with the branch "next" of the repository, and the checkout is that of GitRepository flux-system/flux-system with the branch "main"`},
		"another repository": {url, "url: https://github.com/example/other", "./tenants/apps",
			"its source is GitRepository apps/tenant, and the checkout is that of GitRepository flux-system/flux-system"},
		"the top of another repository": {url, "url: https://github.com/example/other", "./",
			"its source is GitRepository apps/tenant, and the checkout is that of GitRepository flux-system/flux-system"},
		"what is left out": {url, url + `, ignore: "/tenants"`, "./tenants/apps",
			`GitRepository apps/tenant leaves its path "./tenants/apps" out of the artifact (spec.ignore, spec.sparseCheckout)`},
		"a path that is not there": {url, url, "./tenants/none", `its path "./tenants/none" is not in the checkout`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(tenantFiles(c.own, c.tenant, c.path))
			fleets := tree.Read(tree.Roots())
			require.Len(t, fleets, 1)
			web := flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: "web"}
			source := flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "tenant"}
			var gaps []string
			for _, g := range fleets[0].Snapshot.Gaps {
				if strings.Contains(g.What, "Kustomization apps/tenant") {
					gaps = append(gaps, g.Why)
				}
			}
			if c.gap != "" {
				assert.Equal(t, []string{c.gap}, gaps)
				assert.Nil(t, fleets[0].object(web))
				assert.Empty(t, fleets[0].SourceFiles()[source])
				return
			}
			assert.Empty(t, gaps)
			assert.NotNil(t, fleets[0].object(web))
			assert.True(t, fleets[0].SourceFiles()[source]["tenants/apps/web.yaml"])
		})
	}
}

// What an ArtifactGenerator copies from such a source, and what a FluxInstance syncs, are files of the checkout, too.
func TestArtifactsOfTheSameRepository(t *testing.T) {
	t.Parallel()
	files := tenantFiles("url: https://github.com/example/fleet", "url: https://github.com/example/fleet", "./\n")
	files["clusters/production/tenant.yaml"] = strings.ReplaceAll(strings.Replace(files["clusters/production/tenant.yaml"], "kind: GitRepository, name: tenant", "kind: ExternalArtifact, name: web", 1), "./\n", "./") +
		"---\napiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: web, namespace: apps}\nspec:\n" +
		"  sources: [{alias: repo, kind: GitRepository, name: tenant}]\n  artifacts: [{name: web, copy: [{from: '@repo/tenants/**', to: '@artifact/'}]}]\n"
	tree := NewTree(files)
	fleet := tree.Read(tree.Roots())[0]
	web := flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: "web"}
	assert.NotNil(t, fleet.object(web), "%v", fleet.Snapshot.Gaps)
	assert.True(t, fleet.SourceFiles()[flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "tenant"}]["tenants/apps/web.yaml"])

	files = tenantFiles("url: https://github.com/example/fleet", "url: https://github.com/example/fleet, ref: {branch: main}", "./tenants/apps")
	delete(files, "clusters/production/flux-system/gotk-sync.yaml")
	files["operator/values.yaml"] = "instance:\n  sync: {kind: GitRepository, url: 'https://github.com/example/fleet.git', ref: refs/heads/main, path: clusters/production}\n"
	tree = NewTree(files)
	fleet = tree.Read(tree.Roots())[0]
	assert.NotNil(t, fleet.object(web), "%v", fleet.Snapshot.Gaps)
}

// Whatever the sources of a checkout's Kustomizations are called: those of one repository give the same objects.
func TestNamesOfSourcesDoNotCount(t *testing.T) {
	t.Parallel()
	files := sharedFiles()
	want := fleetValues(NewTree(files).Read(NewTree(files).Roots()))
	for file, content := range files {
		if strings.HasSuffix(file, "/apps.yaml") {
			files[file] = strings.Replace(content, "    name: flux-system\n", "    name: again\n    namespace: elsewhere\n", 1) +
				"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: again, namespace: elsewhere}\nspec: {interval: 1m, url: 'https://github.com/example/fleet'}\n"
		}
	}
	got := fleetValues(NewTree(files).Read(NewTree(files).Roots()))
	for target := range got {
		if target.Ref.Name == "again" {
			delete(got, target)
		}
	}
	assert.Equal(t, want, got)
}

// What is known to be of another repository keeps no files, though a path of that name is here.
func TestOtherRepositoriesKeepNoFiles(t *testing.T) {
	t.Parallel()
	const url = "url: https://github.com/example/fleet"
	for name, c := range map[string]struct {
		tenant, path string
		keeps        bool
	}{
		"another repository":      {"url: https://github.com/example/other", "./tenants/apps", false},
		"the top":                 {"url: 'https://github.com/example/${name}'", "./", false},
		"a URL of a variable":     {"url: 'https://github.com/example/${name}'", "./tenants/apps", true},
		"a path that is not here": {"url: 'https://github.com/example/${name}'", "./none", false},
	} {
		tree := NewTree(tenantFiles(url, c.tenant, c.path))
		assert.Equal(t, c.keeps, len(tree.Unbuilt(tree.Read(tree.Roots()))) > 0, name)
	}
}

// Where the cluster's artifact is made of a folder of the repository, as flux push artifact --path=kubernetes does, another source
// may have the whole of it: a GitRepository has it from the top of Git, another artifact from either.
func TestPathsFromTheTopOfGitBesideAnArtifactOfAFolder(t *testing.T) {
	t.Parallel()
	source := func(kind string) string {
		return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: " + kind + "\nmetadata: {name: preview, namespace: flux-system}\nspec: {interval: 5m, url: 'https://github.com/example/fleet'}\n---\n"
	}
	plain := func(kind, path string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: preview, namespace: flux-system}\nspec: {interval: 10m, path: " + path + ", sourceRef: {kind: " + kind + ", name: preview}}\n"
	}
	set := func(path string) string {
		return "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: preview, namespace: flux-system}\nspec:\n  resources:\n" +
			"  - apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    metadata: {name: pr, namespace: flux-system}\n    spec: {interval: 5m, path: " + path + ", sourceRef: {kind: GitRepository, name: 'pr-<< inputs.id >>'}}\n"
	}
	both := []string{"kubernetes/apps/preview/g.yaml"}
	for name, test := range map[string]struct {
		written string
		uses    []string
		lost    bool
	}{
		"a ResourceSet":                        {set("./kubernetes/apps/preview"), both, false},
		"a ResourceSet below the artifact":     {set("./apps/preview"), both, false},
		"a ResourceSet with a variable":        {set("'./kubernetes/apps/preview/<< inputs.x >>'"), both, false},
		"a ResourceSet with any path":          {set("'./<< inputs.x >>'"), nil, true},
		"a ResourceSet whose path is nowhere":  {set("./none"), nil, true},
		"a GitRepository":                      {source("GitRepository") + plain("GitRepository", "./kubernetes/apps/preview"), both, false},
		"another artifact":                     {source("OCIRepository") + plain("OCIRepository", "./kubernetes/apps/preview"), both, false},
		"another artifact of the same folder":  {source("OCIRepository") + plain("OCIRepository", "./apps/preview"), both, false},
		"another artifact, and both are there": {source("OCIRepository") + plain("OCIRepository", "./twice"), []string{"kubernetes/twice/g.yaml", "twice/g.yaml"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: g, namespace: x}\nspec: {interval: 5m, url: https://github.com/example/g}\n"
			tree := NewTree(map[string]string{
				"kubernetes/clusters/c0/flux.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec:\n  distribution: {version: 2.x}\n" +
					"  sync: {kind: OCIRepository, url: 'oci://ghcr.io/example/manifests', ref: main, path: ./clusters/c0}\n",
				"kubernetes/clusters/c0/preview.yaml": test.written,
				"kubernetes/apps/preview/g.yaml":      g, "kubernetes/apps/other/g.yaml": g, "kubernetes/twice/g.yaml": g, "twice/g.yaml": g,
			})
			fleets := tree.Read(tree.Roots())
			require.Len(t, fleets, 1)
			uses, lost := map[string]bool{}, false
			for _, u := range tree.Unbuilt(fleets) {
				lost = lost || u.lost != ""
				for file := range u.files {
					if strings.HasSuffix(file, "/g.yaml") {
						uses[file] = true
					}
				}
			}
			assert.ElementsMatch(t, test.uses, sortedKeys(uses))
			assert.Equal(t, test.lost, lost)
		})
	}
}
