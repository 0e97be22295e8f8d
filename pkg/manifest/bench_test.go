package manifest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// baseAsPatch is a fleet in which one scalar in a base decides the interval of every team's Kustomization in
// every cluster, and the teams' own values never take effect.
func baseAsPatch(roots, teams, each int) map[string]string {
	files := map[string]string{
		"base/defaults.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: any\nspec:\n  interval: 15m\n",
		"deploy/cm.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  namespace: apps\n",
	}
	list := ""
	for team := range teams {
		resources := ""
		for i := range each {
			resources += fmt.Sprintf("- k%d.yaml\n", i)
			files[fmt.Sprintf("teams/t%d/k%d.yaml", team, i)] = fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: t%d-k%d
  namespace: team-%d
spec:
  interval: 10m
  timeout: 2m
  path: ./deploy
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
    namespace: flux-system
`, team, i, team)
		}
		files[fmt.Sprintf("teams/t%d/kustomization.yaml", team)] = "resources:\n" + resources
		list += fmt.Sprintf("- ../../teams/t%d\n", team)
	}
	for i := range roots {
		environment := []string{"dev", "staging", "production"}[i%3]
		cluster := fmt.Sprintf("clusters/%s-%02d", environment, i)
		files[cluster+"/flux-system/gotk-sync.yaml"] = "# empty\n"
		files[cluster+"/kustomization.yaml"] = "resources:\n" + list + "patches:\n- path: ../../base/defaults.yaml\n  target:\n    kind: Kustomization\n"
	}
	return files
}

// In a fleet of 16 clusters one scalar decides the intervals of 704 Kustomizations. Where the environments want
// different ones, each cluster gets one patch for all of its Kustomizations and no other file changes.
func TestRewriteBaseAsPatchAtScale(t *testing.T) {
	tree := NewTree(baseAsPatch(16, 4, 11))
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 16)
	d := tree.Decide(fleets)
	objects := 0
	for i, f := range fleets {
		objects += len(f.Snapshot.Objects)
		for _, o := range f.Snapshot.Objects {
			s, ok := d.Scalar(Target{i, o.Ref, flux.Interval})
			require.True(t, ok)
			require.Equal(t, "base/defaults.yaml:6:13", s.String())
			require.Len(t, d.Reach(Target{i, o.Ref, flux.Interval}), 704)
		}
	}
	require.Equal(t, 704, objects)
	assert.Len(t, tree.Dead(fleets, d, nil), 44)
	r, err := tree.Rewrite(fleets, d, wishes(fleets))
	require.NoError(t, err)
	assert.Empty(t, r.Refused)
	assert.Empty(t, r.Values)
	assert.Len(t, r.Files, 16)
	assert.Len(t, r.Patches, 16)
	holds(t, tree, fleets, r)
}

// manyManifests is one cluster with as many manifests in folders of 100.
func manyManifests(n int) map[string]string {
	files := map[string]string{"clusters/dev/flux-system/gotk-sync.yaml": "# empty\n"}
	for i := range n {
		folder := fmt.Sprintf("f%03d", i/100)
		files[fmt.Sprintf("apps/%s/r%05d.yaml", folder, i)] = fmt.Sprintf(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: r%05d
  namespace: apps
spec:
  interval: 10m
  chartRef:
    kind: OCIRepository
    name: chart
`, i)
		files[fmt.Sprintf("clusters/dev/%s.yaml", folder)] = fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: %s
  namespace: flux-system
spec:
  interval: 1m
  timeout: 2m
  path: ./apps/%s
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
`, folder, folder)
	}
	return files
}

func BenchmarkRewrite(b *testing.B) {
	for name, files := range map[string]map[string]string{
		"16 clusters with 704 Kustomizations": baseAsPatch(16, 4, 11),
		"10000 manifests":                     manyManifests(10_000),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				tree := NewTree(files)
				fleets := tree.Read(tree.Roots())
				wants := wishes(fleets)
				r, err := tree.Rewrite(fleets, tree.Decide(fleets), wants)
				if err != nil || len(r.Files) == 0 {
					b.Fatal(err, len(r.Files))
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/1e6, "MB")
		})
	}
}

// Many objects in one file, each with a value that changes and one that is added: the time must grow as their number does.
func BenchmarkRewriteManyInOneFile(b *testing.B) {
	for _, n := range []int{100, 400, 1600} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var objects strings.Builder
			for i := range n {
				fmt.Fprintf(&objects, "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: r%d\n  namespace: apps\nspec:\n  interval: 10m\n  path: ./none\n", i)
			}
			tree := NewTree(map[string]string{"clusters/dev/flux-system/gotk-sync.yaml": "#\n", "clusters/dev/all.yaml": objects.String()})
			for name, chosen := range map[string]Chosen{"all": nil, "a part": func(_ int, ref flux.Ref) bool { return ref.Kind == kustomizationKind }} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						fleets := tree.Read(tree.Roots())
						r, err := tree.RewritePart(fleets, tree.Decide(fleets), wishes(fleets), chosen)
						if err != nil || len(r.Refused) > 0 || len(r.Values)+len(r.Patches) != 2*n {
							b.Fatal(err, len(r.Refused), len(r.Values), len(r.Patches))
						}
					}
				})
			}
		})
	}
}
