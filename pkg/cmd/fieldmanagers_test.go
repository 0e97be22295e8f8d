package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// What a session set is ours under whatever name it was written, and by whatever name somebody takes it back; none of the names stays.
func TestRevertUnderAnotherFieldManager(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	before := f.owners(t, "gitrepository", f.apps, "app")
	f.tuned(t, "first")
	second, _ := f.tuned(t, "second", "--set", "development.GitRepository.interval=30s", "--field-manager=bob")
	o := f.revert(t, "--session", second, "--field-manager=cron")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, "1m", f.interval(t), "as the first session set it")
	assert.NotContains(t, f.owners(t, "gitrepository", f.apps, "app"), "cron")
	assert.Contains(t, on(f.Cluster).must(t, "plan", "-n", f.apps).stdout, "1 as the policy wants", "nobody else owns it")
	o = f.revert(t, "--field-manager=carl")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, "5m", f.interval(t))
	assert.Nil(t, f.recordOf(t))
	assert.Equal(t, before, f.owners(t, "gitrepository", f.apps, "app"))
}

// A value that outlasts the session which set it stays under the name of that one.
func TestRevertOfWhatAnotherFieldManagerKept(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	before := f.owners(t, "gitrepository", f.apps, "app")
	l := f.applyFor(t, on(f.Cluster), "--field-manager=bob")
	_, o := f.tuned(t, "for-good", "--field-manager=alice")
	require.Zero(t, o.code, o.stderr)
	l.ctrlC()
	o = <-l.result
	require.Contains(t, o.stderr, "session for-good set it later")
	require.Len(t, f.recordOf(t).Steps, 1)
	o = f.revert(t, "--session", "for-good", "--field-manager=alice")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, "5m", f.interval(t))
	assert.Nil(t, f.recordOf(t))
	assert.Equal(t, before, f.owners(t, "gitrepository", f.apps, "app"))
}

// What a run puts right itself it gives no advice about: followed later, that would be wrong.
func TestExpiredWithoutItsAnnotationForAlarms(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "expires")
	record := f.recordOf(t)
	until := noon.Add(-1)
	record.Steps[0].Until = &until
	f.annotate(t, *record)
	require.Contains(t, on(f.Cluster).must(t, "sessions", "-n", f.apps).stderr, "Put it right with: ")
	o := f.revert(t, "--expired")
	require.Zero(t, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "Put it right with: ")
	assert.NotContains(t, o.stderr, tune.UntilAnnotation)
	assert.Equal(t, "5m", f.interval(t))
}
