package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What a generator copies has to be there, unless it says that it is optional; its artifacts may be for another namespace.
func TestArtifactsOfAGenerator(t *testing.T) {
	t.Parallel()
	const sync = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, url: https://example.com/fleet}\n---\n" +
		"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, path: clusters/dev, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n"
	const web = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: 1m, url: https://example.com/web}\n"
	for name, c := range map[string]struct {
		extra, namespace, pattern string
		found                     bool
		why                       string
	}{
		"as it is":                  {"", "", "", true, ""},
		"what is not there":         {", {from: '@repo/none/**', to: '@artifact/'}", "", "", false, `matches "@repo/none/**"`},
		"which is optional":         {", {from: '@repo/none/**', to: '@artifact/', optional: true}, {from: '@repo/none.yaml', to: '@artifact/', optional: true}", "", "", true, ""},
		"for another namespace":     {"", ", namespace: apps", "", true, ""},
		"by a pattern":              {"", "", "pathPattern: '{app}', ", false, "path pattern"},
		"for a namespace by a part": {"", ", namespace: '{app}'", "pathPattern: '{app}', ", false, "path pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := "flux-system"
			if c.namespace != "" {
				namespace = "apps"
			}
			tree := NewTree(map[string]string{
				"clusters/dev/flux-system/gotk-sync.yaml": sync,
				"clusters/dev/made.yaml": "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: gen, namespace: flux-system}\nspec: {" + c.pattern +
					"sources: [{alias: repo, kind: GitRepository, name: flux-system}], artifacts: [{name: web" + c.namespace + ", copy: [{from: '@repo/apps/**', to: '@artifact/'}" + c.extra + "]}]}\n---\n" +
					"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: web, namespace: " + namespace + "}\nspec: {interval: 1m, path: ./, prune: true, sourceRef: {kind: ExternalArtifact, name: web}}\n",
				"apps/web.yaml": web,
			})
			f := tree.Read(tree.Roots())[0]
			assert.Equal(t, c.found, f.Snapshot.Known()[flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "web"}] != nil)
			if c.why == "" {
				assert.Empty(t, f.Snapshot.Gaps)
				return
			}
			require.NotEmpty(t, f.Snapshot.Gaps)
			assert.Contains(t, f.Snapshot.Gaps[0].Why, c.why)
		})
	}
}
