package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func writeMade(t *testing.T) string {
	return writeFiles(t, map[string]string{
		"clusters/c/flux.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec:\n  distribution: {version: 2.x, registry: ghcr.io/fluxcd}\n" +
			"  sync: {kind: GitRepository, url: 'https://github.com/example/fleet', ref: refs/heads/main, path: clusters/c}\n",
		"clusters/c/web.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec:\n  interval: 50m\n" +
			"  chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}\n---\n" +
			"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: own, namespace: apps}\nspec:\n  interval: 50m\n" +
			"  chart: {spec: {chart: own, interval: 20m, sourceRef: {kind: HelmRepository, name: charts}}}\n",
	})
}

// A HelmChart that a HelmRelease makes has the interval of that: its scalar is told where the HelmRelease is not asked for.
func TestTraceMadeCharts(t *testing.T) {
	t.Parallel()
	dir := writeMade(t)
	o := invocation{}.run(t.Context(), "trace", "-f", dir, "helmchart", "-A")
	assert.Regexp(t, `HelmChart +apps-web +interval +50m +clusters/c/web.yaml:5:13 +1\n`, o.stdout)
	assert.Regexp(t, `HelmChart +apps-own +interval +20m +clusters/c/web.yaml:13:40 +1\n`, o.stdout)
	for _, args := range [][]string{{"-A"}, {"-n", "apps"}, {"hr", "-n", "apps"}} {
		o = invocation{}.run(t.Context(), append([]string{"trace", "-f", dir}, args...)...)
		assert.Contains(t, o.stdout, "clusters/c/web.yaml:5:13")
		assert.NotContains(t, o.stdout, "HelmChart")
	}
}

// What a FluxInstance makes by default stands nowhere: trace says where it is set, as plan does.
func TestTraceWhatAFluxInstanceMakes(t *testing.T) {
	t.Parallel()
	dir := writeMade(t)
	o := invocation{}.run(t.Context(), "trace", "-f", dir, "-n", "flux-system")
	assert.Regexp(t, `GitRepository +flux-system +interval +1m +made by a FluxInstance, which sets its interval: set spec.sync.interval there`, o.stdout)
	assert.Regexp(t, `Kustomization +flux-system +interval +10m\S* +made by a FluxInstance, which sets its interval: patch it in spec.kustomize.patches there`, o.stdout)
	assert.NotContains(t, o.stdout, "no single scalar")

	editFile(t, dir, "clusters/c/flux.yaml", "path: clusters/c}", "path: clusters/c, interval: 3m}")
	o = invocation{}.run(t.Context(), "trace", "-f", dir, "-n", "flux-system")
	assert.Regexp(t, `GitRepository +flux-system +interval +3m +clusters/c/flux.yaml:6:\d+ +1\n`, o.stdout)
}
