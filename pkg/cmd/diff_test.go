package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What stands beside a change may have a password.
func TestDiffsShowNoPassword(t *testing.T) {
	t.Parallel()
	dir, _ := rewriteReceivers(t, "resources: [sources.yaml]\n", map[string]string{
		"apps/production/sources.yaml": gitRepositoryAt("team-a", "app", "https://us3r:pa55w0rd@git.example.com/acme/app"),
	})
	o := invocation{}.must(t, "plan", "-f", dir, "--root", "clusters/production", "-n", "team-a", "--default-env", "production", "-o", "diff")
	assert.Contains(t, o.stdout, "git.example.com/acme/app")
	assert.Contains(t, o.stdout, "+  interval: 5m")
	assert.NotContains(t, o.stdout, "pa55w0rd")
}
