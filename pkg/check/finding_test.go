package check

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A finding is new at a place, and not in a cluster: one more cluster with the same files has nothing new.
func TestAFindingOfOneMoreClusterIsKnown(t *testing.T) {
	t.Parallel()
	one := applied("", map[string]string{"apps/web.yaml": source("web", "  interval: 1d\n  timeout: 2m\n")})
	two := maps.Clone(one)
	two["clusters/second/flux-system/gotk-sync.yaml"] = one["clusters/development/flux-system/gotk-sync.yaml"]
	two["clusters/second/objects.yaml"] = one["clusters/development/objects.yaml"]
	base, head := side(t, one), side(t, two)
	got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
	known := map[string]bool{}
	for _, f := range got.Findings {
		known[f.At.File] = f.Known
	}
	assert.True(t, known["apps/web.yaml"], "%v", lines(got))

	two["apps/other.yaml"] = source("other", "  interval: 1d\n  timeout: 2m\n")
	head = side(t, two)
	got = New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
	for _, f := range got.Findings {
		if f.Rule == RuleUnit {
			assert.Equal(t, f.At.File != "apps/other.yaml", f.Known, f.At.File)
		}
	}
}

// A path that a branch misspells is told where it stands, and takes nothing away.
func TestMissingPath(t *testing.T) {
	t.Parallel()
	files := applied("  prune: true\n", map[string]string{"apps/web.yaml": source("web", "  interval: 30s\n  timeout: 2m\n")})
	moved := maps.Clone(files)
	delete(moved, "apps/web.yaml")
	moved["app/web.yaml"] = files["apps/web.yaml"]
	base, head := side(t, files), side(t, moved)
	got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
	assert.Empty(t, got.Clusters[0].Removed)
	assert.Contains(t, lines(got), `8:9 missing-path: path "./apps" of Kustomization apps/apps is not in the checkout`)
}

// Who tells which environment objects are of has not made their values wrong.
func TestNewEnvironmentIsNoNewFinding(t *testing.T) {
	t.Parallel()
	files := func(label, interval string) map[string]string {
		return map[string]string{
			"clusters/x/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
			"clusters/x/ns.yaml":                    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: apps\n  labels: {" + label + "}\n",
			"clusters/x/web.yaml":                   source("web", "  interval: "+interval+"\n"),
		}
	}
	for name, c := range map[string]struct {
		base, head [2]string // label and interval
		known      []bool
	}{
		"a label":                      {[2]string{"", "10m"}, [2]string{"env: development", "10m"}, []bool{true, true}},
		"a label and another value":    {[2]string{"", "9m"}, [2]string{"env: development", "10m"}, []bool{true, false}},
		"another label":                {[2]string{"env: production", "10m"}, [2]string{"env: development", "10m"}, []bool{false, false}},
		"the same, and it was as told": {[2]string{"env: development", "10m"}, [2]string{"env: development", "10m"}, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := side(t, files(c.base[0], c.base[1]))
			var known []bool
			for _, f := range New(Input{Base: &base, Head: side(t, files(c.head[0], c.head[1])), Policy: testPolicy(t)}).Findings {
				assert.Equal(t, RulePolicy, f.Rule)
				known = append(known, f.Known)
			}
			assert.Equal(t, c.known, known)
		})
	}
}
