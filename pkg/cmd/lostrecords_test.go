package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
		"lost records    1 object with values that fluxtune has set, and without the record of it: GitRepository "+f.apps+"/app\n")
}
