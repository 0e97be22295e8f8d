package check

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a Kustomization applies stays as it is where the Kustomization's new spec does not reach the cluster, and follows its
// files where only these change.
func TestFrozenKustomizations(t *testing.T) {
	t.Parallel()
	// The Kustomization stack applies apps, which applies a source.
	files := func(stack, marks, apps string, more map[string]string) map[string]string {
		all := fleet("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: stack, namespace: apps}\nspec:\n  interval: 40s\n  timeout: 20m\n  retryInterval: 1m\n" +
			"  prune: true\n  path: ./stack\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n" + stack)
		all["stack/apps.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: apps, annotations: {" + marks + "}}\nspec:\n  interval: 40s\n  timeout: 20m\n  retryInterval: 1m\n" +
			"  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n" + apps
		all["apps/web.yaml"], all["other/web.yaml"] = source("web", "  interval: 1m\n  timeout: 2m\n"), source("web", "  interval: 5m\n  timeout: 2m\n")
		all["more/more.yaml"] = source("more", "  interval: 30s\n  timeout: 2m\n")
		all["given/web.yaml"] = source("web", "  interval: ${every:=5m}\n  timeout: 2m\n")
		maps.Copy(all, more)
		return all
	}
	const path, other, given = "  path: ./apps\n", "  path: ./other\n", "  path: ./given\n  postBuild: {substitute: {every: "
	const suspended, once = "  suspend: true\n", "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent"
	const frozen, rule = "the spec of Kustomization apps/apps, which applies it, stays as it was: ", "spec.ignore of Kustomization apps/stack leaves it to the cluster: Git's value counts only when the object is created"
	ignore := func(paths string) string {
		return "  ignore: [{paths: [" + paths + "], target: {kind: Kustomization}}]\n"
	}
	refused := map[string]string{"stack/bad.yaml": source("bad", "  interval: 1d\n  timeout: 2m\n")}
	for name, c := range map[string]struct {
		base, head map[string]string
		difference Difference
		why        string // "" where the source changes
	}{
		"nothing is held":              {files("", "", path, nil), files("", "", other, nil), "", ""},
		"suspended":                    {files(suspended, "", path, nil), files(suspended, "", other, nil), Changed, frozen + "Kustomization apps/stack, which applies it, is suspended"},
		"suspended, and a file":        {files(suspended, "", path, nil), files(suspended, "", path, map[string]string{"apps/web.yaml": source("web", "  interval: 5m\n  timeout: 2m\n")}), "", ""},
		"suspended, without the files": {files(suspended, "", path, nil), files(suspended, "", "  path: ./more\n", nil), Removed, frozen + "Kustomization apps/stack, which applies it, is suspended"},
		"refused": {files("", "", path, nil), files("", "", other, refused), Changed, frozen +
			`Kustomization apps/stack applies nothing: the API server refuses spec.interval of GitRepository apps/bad: "1d" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)`},
		"created only":                   {files("", once, path, nil), files("", once, other, nil), Changed, frozen + "ssa: IfNotPresent on the object: Git's values count only when it is created"},
		"a rule":                         {files(ignore("/spec/path"), "", path, nil), files(ignore("/spec/path"), "", other, nil), Changed, frozen + rule},
		"a rule for something else":      {files(ignore("/spec/images"), "", path, nil), files(ignore("/spec/images"), "", other, nil), "", ""},
		"a rule for variables":           {files(ignore("/spec/postBuild"), "", given+"1m}}\n", nil), files(ignore("/spec/postBuild"), "", given+"5m}}\n", nil), Changed, frozen + rule},
		"suspension that a rule leaves":  {files(ignore("/spec/suspend"), "", path+suspended, nil), files(ignore("/spec/suspend"), "", path, map[string]string{"apps/web.yaml": source("web", "  interval: 5m\n  timeout: 2m\n")}), Changed, "Kustomization apps/apps, which applies it, is suspended"},
		"created only, another variable": {files("", once, given+"1m}}\n", nil), files("", once, given+"5m}}\n", nil), Changed, frozen + "ssa: IfNotPresent on the object: Git's values count only when it is created"},
		"created only, and a file":       {files("", once, path, nil), files("", once, path, map[string]string{"apps/web.yaml": source("web", "  interval: 5m\n  timeout: 2m\n")}), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := side(t, c.base), side(t, c.head)
			got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
			require.Len(t, got.Clusters, 1)
			var kept []Kept
			for _, k := range got.Clusters[0].Kept {
				if k.Ref.Name == "web" {
					kept = append(kept, k)
				}
			}
			if c.why == "" {
				assert.Empty(t, kept)
				assert.Len(t, got.Clusters[0].Changes, 1)
				return
			}
			require.Len(t, kept, 1)
			assert.Equal(t, Kept{kept[0].Ref, c.difference, c.why}, kept[0])
			assert.Empty(t, got.Clusters[0].Changes)
			assert.Empty(t, got.Clusters[0].Added)
			assert.Empty(t, got.Clusters[0].Removed)
			assert.InDelta(t, got.Git.Before, got.Git.After, 0.001)
		})
	}
	below := map[string]string{"stack/more.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: apps}\nspec:\n  interval: 40s\n  timeout: 20m\n  prune: true\n" +
		"  path: ./more\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n"}
	base, head := side(t, files(suspended, "", path, nil)), side(t, files(suspended, "", path, below))
	got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
	assert.Empty(t, got.Clusters[0].Added, "what a Kustomization applies that is not created")
	assert.InDelta(t, got.Git.Before, got.Git.After, 0.001)
}
