package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is of another environment by the policy of this run stays, and that is said, with what takes it back.
func TestRevertTellsWhatStaysForItsEnvironment(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "other", "interval: 5m, timeout: 2m"))
	session, o := f.tuned(t, "one")
	require.Zero(t, o.code, o.stderr)
	f.Kubectl(t, "label", "gitrepository", "other", "-n", f.apps, "environment=uat")
	const why = " another, or none, under this policy. That is taken back with: kubectl fluxtune revert"
	assert.Contains(t, f.revert(t, "--env", "production", "--session", session).stderr, "2 more objects of session one stay: their environment is"+why)
	o = f.revert(t, "--env", "development", "--session", session)
	assert.Contains(t, o.stderr, "1 more object of session one stays: its environment is"+why)
	assert.Contains(t, o.stderr, "1 restored", o.stdout)
	o = f.revert(t, "--env", "development")
	assert.Contains(t, o.stderr, "1 more object that fluxtune has tuned stays: its environment is another, or none, under this policy.")
	assert.Contains(t, on(f.Cluster).run(t.Context(), "forget", "-n", f.apps, "--yes", "--env", "development", "--session", session).stderr,
		"1 more object of session one stays: its environment is another, or none, under this policy. That is forgotten with: kubectl fluxtune forget")

	_, again, _ := strings.Cut(strings.ReplaceAll(f.revert(t, "--env", "production", "--session", session).stderr, "\n", " \n"), "That is taken back with: kubectl fluxtune ")
	again, _, _ = strings.Cut(again, "\n")
	o = on(f.Cluster).must(t, append(words(strings.TrimSpace(again)), "--yes")...)
	assert.Contains(t, o.stderr, "1 restored")
	assert.NotContains(t, f.revert(t, "--env", "development").stderr, "under this policy")
}
