package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cluster whose folder gets another name is the same cluster, and what was wrong there is known.
func TestMovedCluster(t *testing.T) {
	t.Parallel()
	files := func(names map[string]string, interval string) map[string]string {
		all := map[string]string{}
		for name, folder := range names {
			all["clusters/"+folder+"/flux-system/gotk-sync.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
				"spec: {interval: 10m, timeout: 2m, prune: true, path: ./clusters/" + folder + ", sourceRef: {kind: GitRepository, name: flux-system}}\n"
			all["clusters/"+folder+"/objects.yaml"] = source(name, "  interval: 1d\n")
			all["clusters/"+folder+"/more.yaml"] = source("more-"+name, "  interval: "+interval+"\n  timeout: 2m\n  ref: {semver: 1.x}\n")
			all["clusters/"+folder+"/same.yaml"] = source("same", "  interval: 1m\n  timeout: 2m\n")
		}
		return all
	}
	base := side(t, files(map[string]string{"a": "prod", "b": "stage"}, "1m"))
	for name, c := range map[string]struct {
		head map[string]string
		want map[string]string // the old names of clusters by the new ones
	}{
		"one":     {map[string]string{"a": "production", "b": "stage"}, map[string]string{"clusters/production": "clusters/prod", "clusters/stage": ""}},
		"both":    {map[string]string{"a": "production", "b": "staging"}, map[string]string{"clusters/production": "clusters/prod", "clusters/staging": "clusters/stage"}},
		"crossed": {map[string]string{"a": "staging", "b": "production"}, map[string]string{"clusters/production": "clusters/stage", "clusters/staging": "clusters/prod"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := New(Input{Base: &base, Head: side(t, files(c.head, "1m")), Policy: testPolicy(t)})
			from := map[string]string{}
			for _, cluster := range got.Clusters {
				from[cluster.Name] = cluster.From
				assert.False(t, cluster.New || cluster.Gone)
				assert.Empty(t, cluster.Added)
				assert.Empty(t, cluster.Removed)
				assert.Empty(t, cluster.Unknown)
				assert.Empty(t, cluster.Changes)
			}
			assert.Equal(t, c.want, from)
			require.NotEmpty(t, got.Findings)
			for _, f := range got.Findings {
				assert.True(t, f.Known || f.Rule == RulePolicy, "%+v", f)
			}
			assert.InDelta(t, got.Git.Before, got.Git.After, 0.001)
		})
	}
	// Another cluster in the place of one is no move.
	other := files(map[string]string{"b": "stage"}, "1m")
	for file, content := range files(map[string]string{"c": "test"}, "7m") {
		other[file] = strings.ReplaceAll(content, "same", "other")
	}
	got := New(Input{Base: &base, Head: side(t, other), Policy: testPolicy(t)})
	require.Len(t, got.Clusters, 3)
	assert.True(t, got.Clusters[0].Gone)
	assert.True(t, got.Clusters[2].New)
}
