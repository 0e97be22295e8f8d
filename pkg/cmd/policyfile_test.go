package cmd

import (
	"strings"
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

// A share of what has no limit is of nothing: that is said before a plan refuses it.
func TestAPolicyFileWithAShareOfNoLimitSaysSo(t *testing.T) {
	t.Parallel()
	const plain = "kind: TuningPolicy\napiVersion: fluxtune.github.io/v1alpha1\nmetadata: {name: acme}\nspec:\n  environments: [{name: dev, kinds: {GitRepository: {interval: at most 1m}}}]\n"
	check := func(more string) outcome {
		return invocation{stdin: strings.NewReader(plain + more)}.must(t, "policy", "-")
	}
	for more, host := range map[string]string{
		"  fit: {github.com: 40%}\n  limits: {github.com: none}\n": "github.com", "  fit: {git.example.com/bot: 40%}\n": "git.example.com",
	} {
		assert.Contains(t, check(more).stderr, "which has no limit: say what it should get in spec.limits, or each time with --limit "+host+"=5000/h", more)
	}
	for _, more := range []string{"  fit: {github.com: 40%}\n", "  fit: {git.example.com: 40%}\n  limits: {git.example.com: 60/m}\n"} {
		assert.Empty(t, check(more).stderr, more)
	}
}
