package policy_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Who starts from the printed default finds how clusters, namespaces and shares are written: the lines are valid as they stand.
func TestLinesThatWaitInTheDefaultAreValid(t *testing.T) {
	t.Parallel()
	data, err := policy.PresetYAML(policy.DefaultName)
	require.NoError(t, err)
	lines := regexp.MustCompile(`(?m)^  # ((?:fit|namespaces|clusters): \{.*\})$`)
	require.Len(t, lines.FindAll(data, -1), 3)
	p, err := policy.Parse("policy.yaml", lines.ReplaceAll(data, []byte("  $1")))
	require.NoError(t, err)
	assert.NotEmpty(t, p.Fit)
	assert.NotEmpty(t, p.Clusters)
	assert.NotEmpty(t, p.Namespaces)
}
