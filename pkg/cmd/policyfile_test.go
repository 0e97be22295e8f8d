package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A policy of the user's own is checked without a cluster: what it wants is shown, or what is wrong with it.
func TestAPolicyFileIsChecked(t *testing.T) {
	t.Parallel()
	o := invocation{}.must(t, "policy", "testdata/fit/policy.yaml")
	assert.Contains(t, o.stdout, "Policy fitted is valid.\n\nENVIRONMENT   KIND            INTERVAL      TIMEOUT   RETRY\ndevelopment   GitRepository   15s to 20m    -         -\n")
	assert.Contains(t, o.stdout, "What polls github.com is fitted to 60% of its limit.\n")
	assert.NotContains(t, o.stdout, "Environments by name")
	patterns := invocation{}.must(t, "policy", "testdata/policies/patterns.yaml").stdout
	assert.Contains(t, patterns, "Environments by name, where no label tells (stage). A label of the object or of its namespace counts before any name")
	assert.Regexp(t, `Namespaces +development: \*-dev, \*-d\?v\n +staging: golden-s\*\n +production: golden-qa\nClusters +development: kind-\*\n +production: test\*\n`, patterns)
	bad := invocation{}.run(t.Context(), "policy", "testdata/policies/bad.yaml")
	assert.Equal(t, exitFailed, bad.code)
	assert.Contains(t, bad.stderr, `testdata/policies/bad.yaml:9: spec.kinds.Deployment: unknown kind "Deployment"`)
}
