package manifest

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// sharedFleet has for each cluster the Kustomizations all (./apps) and sub (./apps/sub), with what their specs have besides: both
// apply GitRepository apps/web.
func sharedFleet(all, sub string, clusters ...string) *Tree {
	files := map[string]string{
		"apps/sub/web.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec:\n  interval: 10m\n  url: https://github.com/example/web\n",
	}
	for _, c := range clusters {
		files["clusters/"+c+"/flux-system/gotk-sync.yaml"] = strings.ReplaceAll(heldSync, "clusters/a", "clusters/"+c)
		files["clusters/"+c+"/k.yaml"] = sharedKustomization("all", "./apps", all) + "---\n" + sharedKustomization("sub", "./apps/sub", sub)
	}
	return NewTree(files)
}

func sharedKustomization(name, path, more string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: " + name + "\n  namespace: flux-system\nspec:\n" +
		"  interval: 5m\n  timeout: 2m\n  path: " + path + "\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n" + more
}

func patchTo(value string) string {
	return "  patches:\n  - target: {kind: GitRepository}\n    patch: |\n      - op: replace\n        path: /spec/interval\n        value: " + value + "\n"
}

// Of an object of two Kustomizations a patch in one of them alone would have them take the value from each other.
func TestRewriteStartsNoFight(t *testing.T) {
	t.Parallel()
	tree := sharedFleet("", "", "dev", "production")
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 2)
	assert.Contains(t, fleets[0].Snapshot.Gaps, flux.Gap{What: "GitRepository apps/web", Harmless: true,
		Why: "Kustomizations flux-system/all and flux-system/sub apply it, with the same values"})
	var wants []Want
	for _, w := range wishes(fleets) {
		if w.Ref == heldWeb {
			wants = append(wants, w)
		}
	}
	decisions := tree.Decide(fleets)
	result, err := tree.Rewrite(fleets, decisions, wants)
	require.NoError(t, err)
	assert.Empty(t, result.Files)
	require.Len(t, result.Refused, 2)
	assert.Contains(t, result.Refused[0].Why, "would not change in both Kustomization flux-system/all and Kustomization flux-system/sub, which apply it")

	// Where all that follow the scalar want one value, both get it from there.
	tree = sharedFleet("", "", "dev")
	fleets = tree.Read(tree.Roots())
	result, err = tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
	require.NoError(t, err)
	assert.Contains(t, string(result.Files["apps/sub/web.yaml"]), "interval: 1m\n")
	holds(t, tree, fleets, result)
}

// A Kustomization that two others apply takes no patch in one of its two documents.
func TestRewritePatchesNoHalfOfAKustomization(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{
		"clusters/dev/flux-system/gotk-sync.yaml": strings.ReplaceAll(heldSync, "clusters/a", "clusters/dev"),
		"clusters/dev/k.yaml":                     sharedKustomization("x", "./x", "") + "---\n" + sharedKustomization("y", "./y", ""),
		"x/k.yaml":                                sharedKustomization("app", "./apps", ""),
		"y/k.yaml":                                sharedKustomization("app", "./apps", "  suspend: false\n"),
		"apps/web.yaml":                           "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec: {interval: \"${every:=10m}\", timeout: \"${every:=10m}\"}\n",
	})
	fleets := tree.Read(tree.Roots())
	decisions := tree.Decide(fleets)
	dead := tree.Dead(fleets, decisions, nil)
	assert.Empty(t, dead)
	result, err := tree.Rewrite(fleets, decisions, wishes(fleets))
	require.NoError(t, err)
	assert.NotContains(t, result.Files, "x/k.yaml")
	assert.NotContains(t, result.Files, "y/k.yaml")
}

// What Kustomizations take from each other has no value of its own, and nothing that decides one of the copies is dead.
func TestSharedWithOtherValues(t *testing.T) {
	t.Parallel()
	tree := sharedFleet(patchTo("1m"), "", "production")
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 1)
	assert.Equal(t, "Kustomizations flux-system/all and flux-system/sub apply it with different values (1m and 10m), and the last to reconcile wins", fleets[0].Held(heldWeb, flux.Interval))
	assert.Contains(t, fleets[0].Snapshot.Gaps, flux.Gap{What: "which values GitRepository apps/web has",
		Why: "Kustomizations flux-system/all and flux-system/sub apply it with different values (interval 1m and 10m): the last to reconcile wins, and only those of the first are counted"})
	assert.Empty(t, tree.Dead(fleets, tree.Decide(fleets), nil))
}

// Of two Kustomizations the one counts that is not suspended.
func TestSuspendedDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, specs := range map[string][2]string{
		"the first": {"  suspend: true\n", patchTo("1s")}, "the second": {patchTo("1s"), "  suspend: true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := sharedFleet(specs[0], specs[1], "production")
			f := tree.Read(tree.Roots())[0]
			assert.Equal(t, "1s", *objectOf(f, heldWeb).Value(flux.Interval))
			assert.Empty(t, f.HeldOrSuspended(heldWeb, flux.Interval))
			for _, g := range f.Snapshot.Gaps {
				assert.True(t, g.Harmless, g.Why)
			}
		})
	}
}

// Whatever the fleet, copies of an object that were alike are alike after a rewrite, and the others stay as they are.
func TestRewriteKeepsCopiesAlike(t *testing.T) {
	t.Parallel()
	shared, changed := 0, 0
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			files := randomFleet(r)
			for _, file := range sortedKeys(files) {
				cluster, ok := strings.CutSuffix(file, "/apps.yaml")
				if ok {
					more := []string{"", "  suspend: true\n", "  postBuild: {substitute: {every: 50m}}\n"}[r.IntN(3)]
					files[cluster+"/again.yaml"] = sharedKustomization("again", []string{"./overlays/" + path.Base(cluster), "./bases/b0"}[r.IntN(2)], more)
				}
			}
			tree := NewTree(files)
			fleets := tree.Read(tree.Roots())
			wants := slices.DeleteFunc(wishes(fleets), func(w Want) bool { // as a plan leaves it alone
				return slices.ContainsFunc(w.Changes, func(c tune.Change) bool { return fleets[w.Root].Held(w.Ref, c.Field) != "" })
			})
			result, err := tree.Rewrite(fleets, tree.Decide(fleets), wants)
			require.NoError(t, err)
			again := tree.With(result.Files)
			for i, after := range again.Read(again.Roots()) {
				before := fleets[i]
				require.Equal(t, before.shared, after.shared)
				for ref, others := range before.shared {
					row, _ := flux.ParseManifestKind(ref.Group, ref.Kind)
					for _, tunable := range row.Tunables {
						was, is := copiesOf(before, ref, others, tunable.Field), copiesOf(after, ref, others, tunable.Field)
						shared++
						if len(was) > 1 {
							assert.Equal(t, was, is, "%s %s", ref, tunable.Field)
						} else if assert.Len(t, is, 1, "%s %s", ref, tunable.Field) && was[0] != is[0] {
							changed++
						}
					}
				}
			}
		})
	}
	assert.Positive(t, shared)
	assert.Positive(t, changed)
}

func copiesOf(f Fleet, ref flux.Ref, others []flux.Ref, field flux.Field) []string {
	copies := []flux.Object{objectOf(f, ref)}
	for _, by := range others {
		if o, ok := f.deployments[by].decoded(ref); ok {
			copies = append(copies, o)
		}
	}
	return valuesOf(copies, field)
}

// Variables of a ConfigMap that two Kustomizations apply with different values are those of the one that is not suspended; where
// none is, they are not known.
func TestSharedVariables(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ one, want string }{"both": {"", "${poll}"}, "not the suspended": {"  suspend: true\n", "9m"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {poll: "
			tree := NewTree(map[string]string{
				"clusters/a/flux-system/gotk-sync.yaml": heldSync,
				"clusters/a/k.yaml": sharedKustomization("one", "./one", c.one) + "---\n" + sharedKustomization("two", "./two", "") + "---\n" +
					sharedKustomization("apps", "./apps", "  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n"),
				"one/vars.yaml": vars + "7m}\n",
				"two/vars.yaml": vars + "9m}\n",
				"apps/web.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: \"${poll}\", url: https://github.com/example/web}\n",
			})
			for range 10 {
				f := tree.Read(tree.Roots())[0]
				require.Equal(t, c.want, *objectOf(f, heldWeb).Value(flux.Interval))
			}
		})
	}
}
