package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What Flux refuses has a place, too, wherever it stands: a number, a text with a word in it, also in a patch's file.
func TestDecideOfRefusedValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ value, patch, want string }{
		"a number":         {"300", "", "c/g.yaml:5:13"},
		"a quoted number":  {"'300'", "", "c/g.yaml:5:14"},
		"a word":           {"5 min", "", "c/g.yaml:5:13"},
		"in a patch":       {"5m", "300", "c/p.yaml:4:18"},
		"a word, patched":  {"5m", "5 min", "c/p.yaml:4:18"},
		"days, as before":  {"1d", "", "c/g.yaml:5:13"},
		"two words for it": {"5m 30s", "", "c/g.yaml:5:13"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"c/kustomization.yaml": "resources: [g.yaml]\n",
				"c/g.yaml":             "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a, namespace: b}\nspec:\n  interval: " + c.value + "\n  url: https://example.com/300\n",
			}
			if c.patch != "" {
				files["c/kustomization.yaml"] += "patches: [{path: p.yaml}]\n"
				files["c/p.yaml"] = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a, namespace: b}\nspec: {interval: " + c.patch + "}\n"
			}
			tree := NewTree(files)
			fleets := tree.Read([]Root{{Path: "c"}})
			require.Len(t, fleets[0].Snapshot.Objects, 1)
			s, known := tree.Decide(fleets).Scalar(Target{0, fleets[0].Snapshot.Objects[0].Ref, flux.Interval})
			require.True(t, known)
			assert.Equal(t, c.want, s.String())
		})
	}
}

// A function of a variable changes what stands in the place of a duration to find what decides: that must not be taken for another
// one, which names a wrong place. Where the function changes nothing of the value, the place is the variable's.
func TestDecideBehindFunctionsOfVariables(t *testing.T) {
	t.Parallel()
	for use, decided := range map[string]bool{
		"${poll/1/2}": false, "${poll/0/1}": true, "${poll//0/1}": true, "${poll/2/1}": true, "${poll//7/1}": true, "${poll/1m/5m}": false, "${poll:0:2}": true, "${#poll}m": false,
		"${poll%m}s": false, "${poll/m/s}": false, "${poll//1/3}": false, "${poll}": true, "${poll:=9m}": true, "${none:=1m}": true, "${poll^^}": false, "2${poll}": false,
	} {
		t.Run(use, func(t *testing.T) {
			t.Parallel()
			object := func(name, interval string) string {
				return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: " + name + ", namespace: apps}\nspec:\n  interval: " + interval + "\n  url: https://example.com/a\n"
			}
			objects := object("g", use)
			for _, other := range []string{"1m", "2m", "3m", "21m", "5m", "7m"} {
				objects += "---\n" + object("a"+other, other)
			}
			tree := variableTree("  postBuild:\n    substitute: {poll: 1m}\n", objects, "")
			fleets := tree.Read(tree.Roots())
			d := tree.Decide(fleets)
			target := Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "g"}, flux.Interval}
			s, known := d.Scalar(target)
			if known {
				assert.Equal(t, "1m", s.Text, "%s", s)
			} else {
				assert.NotEmpty(t, d.Unknown(target))
			}
			assert.True(t, decided || !known, "%s", s)
			for other, interval := range fleetValues(fleets) {
				if s, known := d.Scalar(other); known {
					assert.Equal(t, interval, s.Text, "%v: %s", other, s)
				}
			}
			for _, dead := range tree.Dead(fleets, d, nil) {
				assert.NotContains(t, dead.File, "clusters", "%s", dead)
			}
			r, err := tree.Rewrite(fleets, d, wishes(fleets))
			require.NoError(t, err)
			holds(t, tree, fleets, r)
		})
	}
}
