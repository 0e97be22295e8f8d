package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// An object whose name has a variable is found by what its file says: for a field that it lacks, and by a patch.
func TestRewriteOfNamesWithVariables(t *testing.T) {
	t.Parallel()
	const repo = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: ${team}-repo\n  namespace: x\nspec:\n  interval: 4m\n  url: https://example.com/x\n"
	files := func(clusters ...string) map[string]string {
		all := map[string]string{"base/a.yaml": repo, "base/b.yaml": strings.ReplaceAll(repo, "${team}-repo", "other")}
		for _, c := range clusters {
			all["clusters/"+c+"/flux-system/gotk-sync.yaml"] = "#\n"
			all["clusters/"+c+"/apps.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./base\n  prune: true\n" +
				"  sourceRef:\n    kind: GitRepository\n    name: flux-system\n  postBuild:\n    substitute:\n      team: " + c + "\n"
		}
		return all
	}
	from, interval, timeout := "4m", "3m", "2m"
	for name, c := range map[string]struct {
		files map[string]string
		want  map[string]string
	}{
		"its own document": {files("red"), map[string]string{"base/a.yaml": strings.Replace(repo, "interval: 4m\n", "interval: 3m\n  timeout: 2m\n", 1)}},
		"a patch": {files("red", "blue"), map[string]string{"clusters/red/apps.yaml": files("red")["clusters/red/apps.yaml"] +
			"  patches:\n    - target:\n        kind: GitRepository\n        name: \\$\\{team\\}-repo\n      patch: |\n        - op: add\n          path: /spec/interval\n          value: 3m\n" +
			"        - op: add\n          path: /spec/timeout\n          value: 2m\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(c.files)
			fleets := tree.Read(tree.Roots())
			root := 0
			for i, f := range fleets {
				if f.Root.Path == "clusters/red" {
					root = i
				}
			}
			ref := flux.Ref{Group: sourceGroup, Kind: "GitRepository", Namespace: "x", Name: "red-repo"}
			got, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{{Root: root, Ref: ref, Changes: []tune.Change{{Field: flux.Interval, From: &from, To: &interval}, {Field: flux.Timeout, To: &timeout}}}})
			require.NoError(t, err)
			assert.Empty(t, got.Refused)
			texts := map[string]string{}
			for p, content := range got.Files {
				texts[p] = string(content)
			}
			assert.Equal(t, c.want, texts)
		})
	}
}
