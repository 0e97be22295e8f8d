package check

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What helm-controller makes of a HelmRelease costs what the HelmRelease says on the cluster, and not only in the files.
func TestChartsFollowTheirReleases(t *testing.T) {
	t.Parallel()
	with := func(owner, release string) map[string]string {
		files := map[string]string{"apps/repository.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: apps}\nspec: {type: oci, url: oci://ghcr.io/acme/charts}\n"}
		if release != "" {
			files["apps/release.yaml"] = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec: {" + release + ", chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}}\n"
		}
		return applied(owner, files)
	}
	const perPoll = 3 // a list of tags
	for name, c := range map[string]struct {
		owner, base, head string
		before, after     float64 // polls an hour
	}{
		"slower":                {"", "interval: 5m", "interval: 10m", 12, 6},
		"new":                   {"", "", "interval: 10m", 0, 6},
		"gone":                  {"", "interval: 10m", "", 6, 0},
		"below a suspended one": {"  suspend: true\n", "interval: 5m", "interval: 10m", 12, 12},
		"suspended and slower":  {"", "interval: 5m", "interval: 10m, suspend: true", 12, 12},
		"new and suspended":     {"", "", "interval: 10m, suspend: true", 0, 0},
		"suspended and gone":    {"", "interval: 10m, suspend: true", "", 6, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := side(t, with(c.owner, c.base)), side(t, with(c.owner, c.head))
			got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
			assert.InDelta(t, c.before*perPoll, got.Requests.Before, 0.001)
			assert.InDelta(t, c.after*perPoll, got.Requests.After, 0.001)
			for _, change := range got.Clusters[0].Changes {
				assert.NotEqual(t, "HelmChart", change.Ref.Kind)
			}
		})
	}
}

// What one side cannot build is there as it was, with one chart for each release.
func TestChartsOfWhatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"apps/repository.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: apps}\nspec: {type: oci, url: oci://ghcr.io/acme/charts}\n",
		"apps/release.yaml":    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec: {interval: 10m, chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}}\n",
	}
	whole := applied("", files)
	broken := maps.Clone(whole)
	broken["apps/kustomization.yaml"] = "resources: [release.yaml, repository.yaml, nowhere.yaml]\n"
	for name, c := range map[string]struct{ base, head map[string]string }{"branch": {whole, broken}, "base": {broken, whole}} {
		base, head := side(t, c.base), side(t, c.head)
		got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
		assert.InDelta(t, 18, got.Requests.Before, 0.001, name)
		assert.InDelta(t, 18, got.Requests.After, 0.001, name)
	}
}
