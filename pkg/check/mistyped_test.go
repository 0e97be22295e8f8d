package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A typing error in what an object is takes nothing away, and is told where it stands.
func TestMistypedKinds(t *testing.T) {
	t.Parallel()
	files := func(old, typed string) map[string]string {
		all := applied("  prune: true\n", map[string]string{"apps/web.yaml": source("web", "  interval: 30s\n  timeout: 2m\n"),
			"apps/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [web.yaml]\n"})
		for name, content := range all {
			all[name] = strings.Replace(content, old, typed, 1)
		}
		return all
	}
	for name, c := range map[string]struct{ old, typed, want string }{
		"a kind":                    {"kind: GitRepository\nmetadata", "kind: GitRepositry\nmetadata", `apps/web.yaml:2:7 unknown-kind: GitRepositry apps/web: Flux has no kind "GitRepositry" in source.toolkit.fluxcd.io: is GitRepository meant?`},
		"the kind of what applies":  {"kind: Kustomization\nmetadata: {name: apps,", "kind: Kustomizaton\nmetadata: {name: apps,", `clusters/development/objects.yaml:2:7 unknown-kind: Kustomizaton apps/apps: Flux has no kind "Kustomizaton" in kustomize.toolkit.fluxcd.io: is Kustomization meant?`},
		"the group of what applies": {"apiVersion: kustomize.", "apiVersion: kustomise.", `clusters/development/objects.yaml:1:13 unknown-kind: Kustomization apps/apps: Flux has no API group "kustomise.toolkit.fluxcd.io": is kustomize.toolkit.fluxcd.io meant?`},
		"a version":                 {"apiVersion: source.toolkit.fluxcd.io/v1\n", "apiVersion: source.toolkit.fluxcd.io/v3\n", `apps/web.yaml:1:13 unknown-kind: GitRepository apps/web: Flux has no version "v3" of GitRepository in source.toolkit.fluxcd.io: it has v1, v1beta2, v1beta1`},
		"the version of what applies": {"apiVersion: kustomize.toolkit.fluxcd.io/v1\n", "apiVersion: kustomize.toolkit.fluxcd.io/v3\n",
			`clusters/development/objects.yaml:1:13 unknown-kind: Kustomization apps/apps: Flux has no version "v3" of Kustomization in kustomize.toolkit.fluxcd.io: it has v1, v1beta2, v1beta1`},
		"kustomize's group": {"apiVersion: kustomize.toolkit.fluxcd.io/v1\n", "apiVersion: kustomize.config.k8s.io/v1\n",
			`clusters/development/objects.yaml:1:13 unknown-kind: Kustomization apps/apps: kustomize.config.k8s.io is for the files that kustomize reads, and no cluster has such objects: is kustomize.toolkit.fluxcd.io meant?`},
		"a kustomization that says to be Flux's": {"apiVersion: kustomize.config.k8s.io/", "apiVersion: kustomize.toolkit.fluxcd.io/",
			`apps/kustomization.yaml:1:13 unknown-kind: Kustomization apps/apps: kustomize does not read "kustomize.toolkit.fluxcd.io/v1beta1": it wants kustomize.config.k8s.io/v1beta1`},
		"no version": {"apiVersion: source.toolkit.fluxcd.io/v1\n", "apiVersion: source.toolkit.fluxcd.io\n", `apps/web.yaml:1:13 unknown-kind: GitRepository apps/web: its version is missing: is source.toolkit.fluxcd.io/v1 meant?`},
		"no version of what applies": {"apiVersion: kustomize.toolkit.fluxcd.io/v1\n", "apiVersion: kustomize.toolkit.fluxcd.io\n",
			`clusters/development/objects.yaml:1:13 unknown-kind: Kustomization apps/apps: its version is missing: is kustomize.toolkit.fluxcd.io/v1 meant?`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := side(t, files("", "")), side(t, files(c.old, c.typed))
			got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
			require.Len(t, got.Clusters, 1)
			assert.Empty(t, got.Clusters[0].Removed)
			assert.Empty(t, got.Clusters[0].Added)
			assert.InDelta(t, got.Git.Before, got.Git.After, 0.001)
			assert.NotZero(t, got.Git.Before)
			assert.True(t, got.Incomplete.After)
			var found []string
			for _, f := range got.Findings {
				if f.Rule == RuleKind {
					assert.False(t, f.Known)
					assert.Equal(t, LevelError, f.Level)
					found = append(found, f.At.String()+" "+string(f.Rule)+": "+f.Message)
				}
			}
			assert.Equal(t, []string{c.want}, found)
		})
	}
}
