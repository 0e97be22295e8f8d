package flux

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	at := func(hour int) Change { return Change{At: time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC)} }
	of := func(hour int, before, after string) Change { return Change{at(hour).At, before, after} }
	for name, tc := range map[string]struct {
		history string
		want    []Change
	}{
		"none": {`[]`, nil},
		"contents, newest first": {`[{"digest":"c","firstReconciled":"2026-03-01T09:00:00Z"},{"digest":"b","firstReconciled":"2026-03-01T08:00:00Z"},
			{"digest":"a","firstReconciled":"2026-03-01T02:00:00Z"}]`, []Change{at(2), at(8), at(9)}},
		"one that failed at first": {`[{"digest":"b","lastReconciledStatus":"ReconciliationSucceeded","firstReconciled":"2026-03-01T09:00:00Z"},
			{"digest":"b","lastReconciledStatus":"HealthCheckFailed","firstReconciled":"2026-03-01T08:00:00Z"}]`, []Change{at(8)}},
		"releases": {`[{"digest":"z","chartVersion":"2.0.0","lastDeployed":"2026-03-01T09:00:00Z"},
			{"digest":"y","chartVersion":"2.0.0","lastDeployed":"2026-03-01T08:00:00Z"},
			{"digest":"x","chartVersion":"1.0.0","lastDeployed":"2026-03-01T01:00:00Z"}]`, []Change{of(1, "", "1.0.0"), of(8, "1.0.0", "2.0.0")}},
		"two that take turns": {`[{"digest":"b","firstReconciled":"2025-06-01T00:00:00Z","lastReconciled":"2026-03-01T09:00:00Z"},
			{"digest":"a","firstReconciled":"2025-05-01T00:00:00Z","lastReconciled":"2026-03-01T08:00:00Z"}]`, []Change{at(8)}},
		"one that came back before others came": {`[{"digest":"d","firstReconciled":"2026-03-01T09:00:00Z","lastReconciled":"2026-03-01T10:00:00Z"},
			{"digest":"b","firstReconciled":"2026-03-01T01:00:00Z","lastReconciled":"2026-03-01T08:00:00Z"},
			{"digest":"c","firstReconciled":"2026-03-01T03:00:00Z","lastReconciled":"2026-03-01T04:00:00Z"}]`, []Change{at(4), at(9)}},
		"one content with two outcomes in turn": {`[{"digest":"a","lastReconciledStatus":"x","firstReconciled":"2026-03-01T02:00:00Z","lastReconciled":"2026-03-01T09:00:00Z"},
			{"digest":"a","lastReconciledStatus":"y","firstReconciled":"2026-03-01T03:00:00Z","lastReconciled":"2026-03-01T08:00:00Z"}]`, []Change{at(2)}},
		"a release that went back": {`[{"digest":"z","chartVersion":"1.0.0","lastDeployed":"2026-03-01T09:00:00Z"},
			{"digest":"y","chartVersion":"2.0.0","lastDeployed":"2026-03-01T08:00:00Z"},
			{"digest":"x","chartVersion":"1.0.0","lastDeployed":"2026-03-01T01:00:00Z"}]`, []Change{of(1, "", "1.0.0"), of(8, "1.0.0", "2.0.0"), of(9, "2.0.0", "1.0.0")}},
		"revisions": {`[{"digest":"b","firstReconciled":"2026-03-01T08:00:00Z","lastReconciled":"2026-03-01T09:00:00Z","metadata":{"revision":"main@sha1:5"}},
			{"digest":"a","firstReconciled":"2026-03-01T02:00:00Z","lastReconciled":"2026-03-01T07:00:00Z","metadata":{"revision":"main@sha1:3"}}]`,
			[]Change{of(2, "", "main@sha1:3"), of(8, "main@sha1:3", "main@sha1:5")}},
		"without a time": {`[{"digest":"a"}]`, nil},
	} {
		o, err := Decode([]byte(`{"status":{"history":` + tc.history + `}}`))
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, o.Status.Changes, name)
	}
	o, err := Decode([]byte(`{"metadata":{"creationTimestamp":"2026-03-01T09:00:00Z"}}`))
	require.NoError(t, err)
	assert.True(t, o.Created.Equal(at(9).At))
}

// An ImageRepository tells when it was scanned last, which is no change; its revision tells changes, as that of an artifact.
func TestRevisionOfSources(t *testing.T) {
	t.Parallel()
	o, err := Decode([]byte(`{"status":{"lastScanResult":{"scanTime":"2026-03-01T09:00:00Z","revision":"12345"}}}`))
	require.NoError(t, err)
	assert.True(t, o.Status.SourceChanged.IsZero())
	assert.Equal(t, "12345", o.Status.Revision)
	o, err = Decode([]byte(`{"status":{"artifact":{"lastUpdateTime":"2026-03-01T09:00:00Z","revision":"main@sha1:0a1b"}}}`))
	require.NoError(t, err)
	assert.False(t, o.Status.SourceChanged.IsZero())
	assert.Equal(t, "main@sha1:0a1b", o.Status.Revision)
}
