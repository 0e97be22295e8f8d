package crd

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// open is what no value is known for.
func open(text string) bool { return strings.Contains(text, "${") }

func faultsOf(t *testing.T, kind, apiVersion, spec string) (list []string) {
	t.Helper()
	manifest, err := yaml.YAMLToJSON([]byte("apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: a, namespace: apps}\nspec: " + spec + "\n"))
	require.NoError(t, err)
	for _, f := range Faults(manifest, open) {
		list = append(list, f.String())
	}
	return list
}

const (
	sourceV1    = "source.toolkit.fluxcd.io/v1"
	kustomizeV1 = "kustomize.toolkit.fluxcd.io/v1"
	helmV2      = "helm.toolkit.fluxcd.io/v2"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	const chart, ref = "chart: {spec: {chart: a, sourceRef: {kind: HelmRepository, name: a}}}", "chartRef: {kind: OCIRepository, name: a}"
	const source = "sourceRef: {kind: GitRepository, name: a}"
	for name, c := range map[string]struct {
		kind, apiVersion, spec string
		want                   []string
	}{
		"chart":                       {"HelmRelease", helmV2, "{interval: 5m, " + chart + "}", nil},
		"chartRef":                    {"HelmRelease", helmV2, "{interval: 5m, " + ref + "}", nil},
		"a chart of a registry":       {"HelmRelease", helmV2, "{interval: 5m, chart: {kind: OCIRepository, spec: {url: 'oci://a/b', ref: {semver: 1.x}}}}", nil},
		"without its address":         {"HelmRelease", helmV2, "{interval: 5m, chart: {kind: OCIRepository, spec: {ref: {tag: a}}}}", []string{"spec.chart: chart.spec.url must be set when chart.kind is 'OCIRepository'"}},
		"a chart of which kind":       {"HelmRelease", helmV2, "{interval: 5m, chart: {kind: '${kind}', spec: {url: 'oci://a/b'}}}", nil},
		"no name of a chart":          {"HelmRelease", helmV2, "{interval: 5m, chart: {spec: {sourceRef: {kind: HelmRepository, name: a}}}}", []string{"spec.chart: chart.spec.chart and chart.spec.sourceRef must be set when chart.kind is not 'OCIRepository'"}},
		"an Alert of v1":              {"Alert", "notification.toolkit.fluxcd.io/v1", "{providerRef: {name: a}, eventSources: [{kind: Kustomization, name: '*'}]}", nil},
		"a Provider of v1":            {"Provider", "notification.toolkit.fluxcd.io/v1", "{type: mastodon}", nil},
		"and a wrong one":             {"Provider", "notification.toolkit.fluxcd.io/v1", "{type: slak}", []string{`spec.type: "slak" is no word that Flux takes: is slack meant?`}},
		"both":                        {"HelmRelease", helmV2, "{interval: 5m, " + chart + ", " + ref + "}", []string{"spec: either chart or chartRef must be set"}},
		"neither":                     {"HelmRelease", helmV2, "{interval: 5m}", []string{"spec: either chart or chartRef must be set"}},
		"null":                        {"HelmRelease", helmV2, "{interval: 5m, chartRef: ~, " + chart + "}", []string{"spec.chartRef: it is null, and Flux wants a mapping: give it a value, or take the line out"}},
		"null for a default":          {"GitRepository", sourceV1, "{interval: 5m, url: 'https://a', timeout: ~}", nil},
		"null for what is required":   {"GitRepository", sourceV1, "{interval: ~, url: 'https://a'}", []string{"spec.interval: it is not set, and Flux requires it"}},
		"null in a list":              {"GitRepository", sourceV1, "{interval: 5m, url: 'https://a', sparseCheckout: [~]}", []string{"spec.sparseCheckout.0: it is null, and Flux wants a text: give it a value, or take the line out"}},
		"an older version":            {"HelmRelease", "helm.toolkit.fluxcd.io/v2beta1", "{interval: 5m}", nil},
		"values are anything":         {"HelmRelease", helmV2, "{interval: 5m, " + ref + ", values: {replica: 2, interval: x}}", nil},
		"no list of values":           {"HelmRelease", helmV2, "{interval: 5m, " + ref + ", valuesFrom: {kind: ConfigMap, name: a}}", []string{`spec.valuesFrom: {"kind":"ConfigMap","name":"a"} is a mapping, and Flux wants a list`}},
		"in a list":                   {"HelmRelease", helmV2, "{interval: 5m, " + ref + ", valuesFrom: [{kind: Secret, name: a}, {kind: Configmap, name: a}]}", []string{`spec.valuesFrom.1.kind: "Configmap" is no word that Flux takes: is ConfigMap meant?`}},
		"type OCI":                    {"HelmRepository", sourceV1, "{url: oci://a, type: OCI}", []string{`spec.type: "OCI" is no word that Flux takes: is oci meant?`}},
		"another type":                {"HelmRepository", sourceV1, "{url: oci://a, type: registry}", []string{`spec.type: "registry" is none of the words that Flux takes: default, oci`}},
		"a variable":                  {"HelmRepository", sourceV1, "{url: '${url}', type: '${type}'}", nil},
		"no scheme":                   {"GitRepository", sourceV1, "{interval: 5m, url: github.com/example/a}", []string{`spec.url: "github.com/example/a" is no URL that Flux takes: write it with http://, https://, ssh:// in front`}},
		"as scp writes it":            {"GitRepository", sourceV1, "{interval: 5m, url: 'git@github.com:example/a'}", []string{`spec.url: "git@github.com:example/a" is no URL that Flux takes: write it with http://, https://, ssh:// in front`}},
		"no prune":                    {"Kustomization", kustomizeV1, "{interval: 5m, " + source + "}", []string{"spec.prune: it is not set, and Flux requires it"}},
		"prune is a text":             {"Kustomization", kustomizeV1, "{interval: 5m, prune: 'true', " + source + "}", []string{`spec.prune: "true" is a text, and Flux wants true or false`}},
		"a variable for a truth":      {"Kustomization", kustomizeV1, "{interval: 5m, prune: '${prune}', " + source + "}", nil},
		"sourceRef.kind":              {"Kustomization", kustomizeV1, "{interval: 5m, prune: true, sourceRef: {kind: GitRepo, name: a}}", []string{`spec.sourceRef.kind: "GitRepo" is no word that Flux takes: is GitRepository meant?`}},
		"no name":                     {"Kustomization", kustomizeV1, "{interval: 5m, prune: true, sourceRef: {kind: GitRepository}}", []string{"spec.sourceRef.name: it is not set, and Flux requires it"}},
		"a field with another letter": {"Kustomization", kustomizeV1, "{interval: 5m, prune: true, dependOn: [], " + source + "}", []string{"spec.dependOn: Flux has no such field: is dependsOn meant?"}},
		"beside the right one":        {"Kustomization", kustomizeV1, "{interval: 5m, intervall: 5m, prun: true, prune: true, " + source + "}", []string{"spec.intervall: Flux has no such field, and interval is there beside it", "spec.prun: Flux has no such field, and prune is there beside it"}},
		"many beside the one":         {"Kustomization", kustomizeV1, "{interval: 5m, intervals: [5m], prune: true, " + source + "}", nil},
		"a field that may be newer":   {"Kustomization", kustomizeV1, "{interval: 5m, prune: true, patience: 3, " + source + "}", nil},
		"a duration elsewhere":        {"HelmRelease", helmV2, "{interval: 5m, " + ref + ", install: {timeout: 1d}}", []string{`spec.install.timeout: "1d" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)`}},
		"a number of retries":         {"HelmRelease", helmV2, "{interval: 5m, " + ref + ", install: {remediation: {retries: 1.5}}}", []string{"spec.install.remediation.retries: 1.5 is a number, and Flux wants a whole number"}},
		"a text of a variable":        {"Kustomization", kustomizeV1, "{interval: 5m, prune: true, postBuild: {substitute: {replicas: 3}}, " + source + "}", []string{"spec.postBuild.substitute.replicas: 3 is a whole number, and Flux wants a text"}},
		"no kubeConfig":               {"Kustomization", kustomizeV1, "{interval: 5m, prune: true, kubeConfig: {}, " + source + "}", []string{"spec.kubeConfig: exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"}},
		"a default counts":            {"Bucket", sourceV1, "{interval: 5m, bucketName: a, endpoint: b, sts: {provider: aws, endpoint: 'https://a'}}", []string{"spec: 'ldap' is the only supported STS provider for the 'generic' Bucket provider"}},
		"a variable in a rule":        {"Bucket", sourceV1, "{interval: 5m, bucketName: a, endpoint: b, provider: '${p}', sts: {provider: aws, endpoint: 'https://a'}}", nil},
		"the Flux Operator's kinds":   {"Alert", "notification.toolkit.fluxcd.io/v1beta3", "{providerRef: {name: a}, eventSources: [{kind: FluxInstance, name: '*'}, {kind: ResourceSet, name: '*'}]}", nil},
		"no spec":                     {"GitRepository", sourceV1, "~", []string{"spec: it is null, and Flux wants a mapping: give it a value, or take the line out"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, faultsOf(t, c.kind, c.apiVersion, c.spec))
		})
	}
}

// Of metadata the API server takes null.
func TestMetadata(t *testing.T) {
	t.Parallel()
	manifest := []byte(`{"apiVersion":"` + sourceV1 + `","kind":"GitRepository","metadata":{"name":"a","annotations":null,"labels":{"a":null,"version":1.5}},"spec":{"interval":"5m","url":"https://a"}}`)
	assert.Equal(t, []Fault{{[]string{"metadata", "labels", "version"}, "1.5 is a number, and Flux wants a text"}}, Faults(manifest, open))
}

// Names, labels and annotations are what the API server takes of any object.
func TestNames(t *testing.T) {
	t.Parallel()
	for metadata, want := range map[string]string{
		`{"name":"a.b-c"}`:                                                        "",
		`{"name":"${x}_A"}`:                                                       "",
		`{"name":"My_App"}`:                                                       `metadata.name: "My_App" is refused: a lowercase RFC 1123 subdomain must consist of`,
		`{"name":"a","namespace":"a.b"}`:                                          `metadata.namespace: "a.b" is refused: must not contain dots`,
		`{"name":"a","labels":{"a":"b c"}}`:                                       `metadata.labels.a: "b c" is refused: a valid label must be an empty string or consist of`,
		`{"name":"a","labels":{"a b":"c"}}`:                                       `metadata.labels.a b: "a b" is refused: name part must consist of`,
		`{"name":"a","labels":{"a":"","b":"${c d}"}}`:                             "",
		`{"name":"a","annotations":{"a":"b c","Upper.example/a":"x"}}`:            "",
		`{"name":"a","annotations":{"a/b/c":"d"}}`:                                `metadata.annotations.a/b/c: "a/b/c" is refused: a valid label key must consist of`,
		`{"name":"a","annotations":{"a":"` + strings.Repeat("x", 256<<10) + `"}}`: `metadata.annotations: they are refused: all of them together have more than 256 KiB`,
	} {
		faults := Faults([]byte(`{"apiVersion":"`+sourceV1+`","kind":"GitRepository","metadata":`+metadata+`,"spec":{"interval":"5m","url":"https://a"}}`), open)
		if want == "" {
			assert.Empty(t, faults)
			continue
		}
		if assert.Len(t, faults, 1, want) {
			assert.True(t, strings.HasPrefix(faults[0].String(), want), faults[0])
		}
	}
}

// The program reads all that the schemas say, and has a condition for each rule.
func TestSchemasAreRead(t *testing.T) {
	t.Parallel()
	decoder := json.NewDecoder(bytes.NewReader(schemasJSON))
	decoder.DisallowUnknownFields()
	var all map[string]*schema
	require.NoError(t, decoder.Decode(&all))
	used := map[string]bool{}
	var visit func(s *schema)
	visit = func(s *schema) {
		if s == nil {
			return
		}
		if s.Pattern != "" {
			_, err := regexp.Compile(s.Pattern)
			require.NoError(t, err)
		}
		for _, r := range s.Rules {
			assert.Contains(t, rules, r.Rule, "a rule of the CRDs that pkg/crd does not know")
			used[r.Rule] = true
		}
		assert.Contains(t, []string{"", "int64", "date-time"}, s.Format)
		for _, p := range s.Properties {
			visit(p)
		}
		visit(s.Values)
		visit(s.Items)
	}
	for key, s := range all {
		group, _, kind := split(key)
		assert.True(t, Known(group, kind))
		visit(s)
	}
	for text := range rules {
		assert.True(t, used[text], "no CRD has the rule %q any more", text)
	}
	assert.False(t, Known("apps", "Deployment"))
}
