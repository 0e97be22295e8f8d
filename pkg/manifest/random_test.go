package manifest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// randomFleet writes a fleet with a bit of everything: clusters of several environments that share bases,
// overlays with patches of their own or of all, Flux Kustomizations with patches and variables, values that are
// absent, quoted or somebody's deliberate exception.
func randomFleet(r *rand.Rand) map[string]string {
	one := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	files := map[string]string{
		"base/defaults.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: any\nspec:\n  interval: " + one("15m", "10m") + "\n",
		"deploy/cm.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  namespace: apps\n",
	}
	bases := 1 + r.IntN(3)
	for b := range bases {
		dash := one("- ", "  - ")
		list := ""
		for i := range 1 + r.IntN(3) {
			name := fmt.Sprintf("b%d-r%d", b, i)
			list += dash + name + ".yaml\n"
			interval := one("  interval: 10m\n", "  interval: \"5m\"\n", "  interval: '1h' # slow\n", "  interval: ${every:=20m}\n", "")
			keep := one("", "", "  annotations:\n    keep: \"yes\"\n")
			files[fmt.Sprintf("bases/b%d/%s.yaml", b, name)] = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: " + name + "\n  namespace: apps\n" + keep + "spec:\n" + interval + "  chartRef:\n    kind: OCIRepository\n    name: x\n"
		}
		files[fmt.Sprintf("bases/b%d/kustomization.yaml", b)] = "resources:\n" + list
	}
	for c := range 1 + r.IntN(3) {
		cluster := fmt.Sprintf("%s-%d", one("dev", "staging", "production"), c)
		files["clusters/"+cluster+"/flux-system/gotk-sync.yaml"] = "# written by flux bootstrap\n"
		overlay := "resources:\n"
		for b := range bases {
			if b == 0 || r.IntN(3) > 0 {
				overlay += fmt.Sprintf("- ../../bases/b%d\n", b)
			}
		}
		switch r.IntN(4) {
		case 0:
			overlay += "patches:\n- path: ../../base/defaults.yaml\n  target:\n    kind: HelmRelease\n"
		case 1:
			overlay += "patches:\n- target: {kind: HelmRelease, name: b0-r0}\n  patch: |-\n    - op: add\n      path: /spec/interval\n      value: 40m\n"
		}
		files["overlays/"+cluster+"/kustomization.yaml"] = overlay
		if r.IntN(4) == 0 {
			files["clusters/"+cluster+"/kustomization.yaml"] = "resources:\n  - ../../overlays/" + cluster + "\n"
			continue
		}
		k := "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: " +
			one("10m", "5m") + one("\n  timeout: 2m\n", "\n") + "  path: ./overlays/" + cluster + "\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
		if r.IntN(3) == 0 {
			k += "  postBuild:\n    substitute:\n      every: " + one("25m", "\"35m\"") + "\n"
		}
		if r.IntN(3) == 0 {
			k += "  patches:\n    - patch: |\n        apiVersion: helm.toolkit.fluxcd.io/v2\n        kind: HelmRelease\n        metadata:\n          name: any\n        spec:\n          interval: 45m\n      target:\n        kind: HelmRelease\n"
		}
		files["clusters/"+cluster+"/apps.yaml"] = k
	}
	if r.IntN(4) == 0 {
		for p, content := range files {
			files[p] = strings.ReplaceAll(content, "\n", "\r\n")
		}
	}
	return files
}

// Whatever the fleet: exactly what is wished and not refused changes, and a second run has nothing to do.
func TestRewriteOfRandomFleets(t *testing.T) {
	t.Parallel()
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	wished, refused, written := 0, 0, 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			tree := NewTree(randomFleet(rand.New(rand.NewPCG(seed, 1))))
			fleets := tree.Read(tree.Roots())
			for _, f := range fleets {
				require.Empty(t, f.Snapshot.Gaps)
			}
			d := tree.Decide(fleets)
			wants := wishes(fleets)
			result, err := tree.Rewrite(fleets, d, wants)
			require.NoError(t, err)
			holds(t, tree, fleets, result)
			for _, w := range wants {
				wished += len(w.Changes)
			}
			refused += len(result.Refused)
			written += len(result.Files)
			for _, one := range result.Refused {
				t.Logf("refused: %v: %s", one.Target, one.Why)
			}
		})
	}
	t.Logf("%d wished, %d refused, %d files", wished, refused, written)
	assert.Greater(t, wished, int(seeds))
	assert.Less(t, refused*20, wished, "more than one in twenty is refused")
}
