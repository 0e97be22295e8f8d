package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A record that somebody takes away is found by our name in metadata.managedFields; what was forgotten or taken back bears none.
func TestDoctorNamesLostRecords(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "kept", "interval: 5m, timeout: 2m"))
	f.Apply(t, gitRepository(f.apps, "back", "interval: 5m, timeout: 2m"))
	i := on(f.Cluster)
	i.must(t, "apply", "gitrepo/app", "gitrepo/kept", "gitrepo/back", "-n", f.apps, "--yes")
	assert.NotContains(t, i.run(t.Context(), "doctor", "-n", f.apps).stdout, "lost records")
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, "fluxtune.github.io/original-")
	i.must(t, "forget", "gitrepo/kept", "-n", f.apps, "--yes")
	i.must(t, "revert", "gitrepo/back", "-n", f.apps, "--yes")
	assert.Contains(t, i.run(t.Context(), "doctor", "-n", f.apps).stdout,
		"lost records    1 object with the name of fluxtune, and without a record of what was there before: GitRepository "+f.apps+"/app\n")

	sessions := i.run(t.Context(), "sessions", "-n", f.apps).stderr
	assert.Contains(t, sessions, "Warning: 1 object with the name of fluxtune, and without a record of what was there before, so that nobody knows by which session: GitRepository "+f.apps+"/app. What to do says: kubectl fluxtune doctor")
	assert.NotContains(t, sessions, "was tuned by fluxtune")

	// Nor does a revert pass over it in silence, with others or alone.
	i.must(t, "apply", "gitrepo/kept", "-n", f.apps, "--yes", "--set", "*.GitRepository.interval=2m")
	for range 2 {
		back := i.run(t.Context(), "revert", "-n", f.apps, "--yes")
		assert.Equal(t, 1, back.code, back.stdout+back.stderr)
		assert.Contains(t, strings.Join(strings.Fields(back.stdout+back.stderr), " "), "it bears the name of fluxtune, and no record of what was there before (somebody took that away, or wrote under that name)")
	}

	// What it says to run is the end of it.
	checks := decode[report.Diagnosis](t, i.run(t.Context(), "doctor", "-n", f.apps, "-o", "json")).Checks
	lost := checks[slices.IndexFunc(checks, func(c report.Check) bool { return c.Name == "lost records" })]
	require.Len(t, lost.Run, 1)
	before := decode[report.ObjectList](t, i.must(t, "get", "gitrepo/app", "-n", f.apps, "-o", "json")).Items[0].Interval
	assert.Contains(t, i.must(t, append(words(lost.Run[0])[2:], "--yes")...).stdout, "forgotten")
	assert.NotContains(t, i.run(t.Context(), "doctor", "-n", f.apps).stdout, "lost records")
	assert.Equal(t, before, decode[report.ObjectList](t, i.must(t, "get", "gitrepo/app", "-n", f.apps, "-o", "json")).Items[0].Interval)
}
