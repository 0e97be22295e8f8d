package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func schemaFindings(c Check) []string {
	var found []string
	for _, f := range c.Findings {
		if f.Rule == RuleSchema || f.Rule == RuleUnit {
			found = append(found, f.At.String()+" "+string(f.Rule)+": "+f.Message)
		}
	}
	return found
}

const (
	helmRepository = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: apps}\nspec:\n  url: oci://ghcr.io/example/charts\n  type: "
	someRelease    = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec:\n  interval: 5m\n  timeout: 5m\n  valuesFrom:\n" +
		"  - kind: ConfigMap\n    name: a\n  - kind: secret\n    name: b\n  chartRef:\n    kind: OCIRepository\n    name: web\n"
	someAlert = "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: all, namespace: apps}\nspec:\n  eventSources:\n  - {kind: GitRepository, name: '*'}\n"
)

// What the API server refuses is told with the place of the field, also where a patch gives it, and all that the Kustomization
// applies stays as it was.
func TestWhatTheAPIServerRefuses(t *testing.T) {
	t.Parallel()
	web := source("web", "  interval: 5m\n  timeout: 2m\n")
	patched := func(patch string) map[string]string {
		return map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "oci\n", "apps/kustomization.yaml": "resources: [web.yaml, charts.yaml]\npatches:\n" + patch}
	}
	const type1 = "type of HelmRepository apps/charts: \"OCI\" is no word that Flux takes: is oci meant?"
	for name, c := range map[string]struct {
		kustomization string
		files         map[string]string
		want          []string
	}{
		"a word":          {"", map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "OCI\n"}, []string{"apps/charts.yaml:6:9 schema: " + type1}},
		"in a list":       {"", map[string]string{"apps/web.yaml": web, "apps/release.yaml": someRelease}, []string{"apps/release.yaml:10:11 schema: valuesFrom.1.kind of HelmRelease apps/web: \"secret\" is no word that Flux takes: is Secret meant?"}},
		"without a field": {"", map[string]string{"apps/web.yaml": web, "apps/alert.yaml": someAlert}, []string{"apps/alert.yaml:5:3 schema: providerRef of Alert apps/all: it is not set, and Flux requires it"}},
		"a patch": {"", patched("- target: {kind: HelmRepository}\n  patch: |\n    - op: replace\n      path: /spec/type\n      value: OCI\n"),
			[]string{"apps/kustomization.yaml:7:14 schema: " + type1}},
		"a patch in a file": {"", func() map[string]string {
			files := patched("- path: patch.yaml\n")
			files["apps/patch.yaml"] = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: apps}\nspec: {type: OCI}\n"
			return files
		}(), []string{"apps/patch.yaml:4:14 schema: " + type1}},
		"an interval in a patch": {"", patched("- target: {kind: GitRepository}\n  patch: |-\n\n    # slow\n    spec:\n      interval: 5 minutes\n    apiVersion: source.toolkit.fluxcd.io/v1\n    kind: GitRepository\n    metadata: {name: any}\n"),
			[]string{"apps/kustomization.yaml:8:17 unit: interval of GitRepository apps/web: \"5 minutes\" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"}},
		"an interval in a patch on one line": {"", patched("- target: {kind: GitRepository}\n  patch: '[{\"op\": \"replace\", \"path\": \"/spec/interval\", \"value\": \"soon\"}]'\n"),
			[]string{"apps/kustomization.yaml:4:66 unit: interval of GitRepository apps/web: \"soon\" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"}},
		"a variable": {"  postBuild: {substitute: {type: OCI}}\n", map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "${type}\n"},
			[]string{"apps/charts.yaml:6:9 schema: " + type1}},
		"a variable that nobody knows": {"  postBuild: {substituteFrom: [{kind: Secret, name: a}]}\n", map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "${type}\n"}, nil},
		"a variable that nothing substitutes": {"", map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "${type}\n"},
			[]string{"apps/charts.yaml:6:9 schema: type of HelmRepository apps/charts: \"${type}\" is none of the words that Flux takes: default, oci"}},
		"a mark": {"", map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "OCI\n", "apps/kustomization.yaml": "resources: [web.yaml, charts.yaml]\npatches:\n- target: {kind: HelmRepository}\n" +
			"  patch: '[{\"op\": \"add\", \"path\": \"/metadata/annotations\", \"value\": {\"kustomize.toolkit.fluxcd.io/reconcile\": \"disabled\"}}]'\n"}, nil},
		"a rule": {"  ignore: [{paths: [/spec/type]}]\n", map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "OCI\n"}, nil},
		"labels": {"", map[string]string{"apps/web.yaml": web, "apps/charts.yaml": helmRepository + "oci\n  interval: [5m]\n"},
			[]string{"apps/charts.yaml:7:13 schema: interval of HelmRepository apps/charts: [\"5m\"] is a list, and Flux wants a text"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := side(t, applied("", map[string]string{"apps/web.yaml": source("web", "  interval: 1m\n  timeout: 2m\n")}))
			head := side(t, applied(c.kustomization, c.files))
			got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
			assert.Equal(t, c.want, schemaFindings(got))
			if len(c.want) == 0 {
				assert.NotEmpty(t, got.Clusters[0].Changes)
				return
			}
			assert.Empty(t, got.Clusters[0].Changes)
			assert.Empty(t, got.Clusters[0].Added)
			assert.NotEmpty(t, got.Clusters[0].Kept)
			assert.InDelta(t, got.Git.Before, got.Git.After, 0.001)
		})
	}
}
