package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file that is no YAML is an error with its line, for who applies nothing because of it; what the base has is known.
func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	const bad = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n namespace: y\n"
	web := source("web", "  interval: 1m\n  timeout: 2m\n")
	broken := func(c Check) (found []Finding) {
		for _, f := range c.Findings {
			if f.Rule == RuleYAML {
				found = append(found, f)
			}
		}
		return found
	}
	for name, c := range map[string]struct {
		files   map[string]string
		at, why string
	}{
		"in a folder":           {map[string]string{"apps/web.yaml": web, "apps/bad.yaml": bad}, "apps/bad.yaml:4:1", "did not find expected key"},
		"in a list":             {map[string]string{"apps/web.yaml": web, "apps/kustomization.yaml": "resources: [web.yaml, bad.yaml]\n", "apps/bad.yaml": bad}, "apps/bad.yaml:4:1", "did not find expected key"},
		"a key twice":           {map[string]string{"apps/web.yaml": web, "apps/bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: b\n  a: c\n"}, "apps/bad.yaml:7:3", `the key "a" is there for the second time: take one of the two out`},
		"a template":            {map[string]string{"apps/web.yaml": web, "apps/bad.yaml": "a: b\nc: {{ d }}\n"}, "apps/bad.yaml:2:1", "a key is no text: is it a template?"},
		"a kustomization":       {map[string]string{"apps/web.yaml": web, "apps/kustomization.yaml": "resources:\n- web.yaml\n patches: []\n"}, "apps/kustomization.yaml:3:1", "mapping values are not allowed in this context"},
		"a kustomization below": {map[string]string{"base/web.yaml": web, "apps/kustomization.yaml": "resources: [../base]\n", "base/kustomization.yaml": "resources: [web.yaml\n"}, "base/kustomization.yaml:1:1", "did not find expected ',' or ']'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := side(t, applied("", map[string]string{"apps/web.yaml": web})), side(t, applied("", c.files))
			found := broken(New(Input{Base: &base, Head: head, Policy: testPolicy(t)}))
			require.Len(t, found, 1)
			assert.Equal(t, c.at, found[0].At.String())
			assert.Equal(t, "it cannot be read as YAML: "+c.why+": Flux applies nothing of Kustomization apps/apps", found[0].Message)
			assert.Equal(t, LevelError, found[0].Level)
			assert.False(t, found[0].Known)
			same := side(t, applied("", c.files))
			again := broken(New(Input{Base: &head, Head: same, Policy: testPolicy(t)}))
			require.Len(t, again, 1)
			assert.True(t, again[0].Known)
		})
	}
}
