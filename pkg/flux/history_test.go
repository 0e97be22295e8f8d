package flux

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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
		"one that failed and was rolled back": {`[{"chartVersion":"1.0.0","status":"deployed","lastDeployed":"2026-03-01T09:00:00Z"},
			{"chartVersion":"2.0.0","status":"failed","lastDeployed":"2026-03-01T08:00:00Z"},
			{"chartVersion":"1.0.0","status":"superseded","lastDeployed":"2026-03-01T01:00:00Z"}]`, []Change{of(1, "", "1.0.0"), of(8, "1.0.0", "2.0.0")}},
		"one that failed and was rolled back within a second, and the next": {`[{"chartVersion":"2.0.1","status":"failed","lastDeployed":"2026-03-01T09:00:00Z"},
			{"chartVersion":"1.0.0","status":"deployed","lastDeployed":"2026-03-01T08:00:00Z"},{"chartVersion":"2.0.0","status":"failed","lastDeployed":"2026-03-01T08:00:00Z"},
			{"chartVersion":"1.0.0","status":"superseded","lastDeployed":"2026-03-01T01:00:00Z"}]`, []Change{of(1, "", "1.0.0"), of(8, "1.0.0", "2.0.0"), of(9, "2.0.0", "2.0.1")}},
		"one that was tried twice": {`[{"chartVersion":"2.0.0","status":"failed","lastDeployed":"2026-03-01T10:00:00Z"},
			{"chartVersion":"1.0.0","status":"deployed","lastDeployed":"2026-03-01T09:00:00Z"},{"chartVersion":"2.0.0","status":"failed","lastDeployed":"2026-03-01T08:00:00Z"},
			{"chartVersion":"1.0.0","status":"superseded","lastDeployed":"2026-03-01T01:00:00Z"}]`, []Change{of(1, "", "1.0.0"), of(8, "1.0.0", "2.0.0")}},
		"one whose tests failed": {`[{"chartVersion":"1.0.0","status":"deployed","lastDeployed":"2026-03-01T09:00:00Z"},
			{"chartVersion":"2.0.0","status":"superseded","testHooks":{"web-test":{"phase":"Failed"}},"lastDeployed":"2026-03-01T08:00:00Z"},
			{"chartVersion":"1.0.0","status":"superseded","testHooks":{"web-test":{"phase":"Succeeded"}},"lastDeployed":"2026-03-01T01:00:00Z"}]`, []Change{of(1, "", "1.0.0"), of(8, "1.0.0", "2.0.0")}},
		"one whose rollback failed": {`[{"chartVersion":"1.0.0","status":"failed","action":"rollback","lastDeployed":"2026-03-01T09:00:00Z"},
			{"chartVersion":"2.0.0","status":"superseded","action":"rollback","lastDeployed":"2026-03-01T08:00:00Z"},
			{"chartVersion":"1.0.0","status":"superseded","action":"rollback","lastDeployed":"2026-03-01T01:00:00Z"}]`, []Change{of(1, "", "1.0.0"), of(8, "1.0.0", "2.0.0")}},
		"five, behind which others may have been": {`[{"digest":"e","firstReconciled":"2026-03-01T08:00:00Z","lastReconciled":"2026-03-01T08:50:00Z"},
			{"digest":"d","firstReconciled":"2026-03-01T07:00:00Z","lastReconciled":"2026-03-01T07:50:00Z"},{"digest":"c","firstReconciled":"2026-03-01T06:00:00Z","lastReconciled":"2026-03-01T06:50:00Z"},
			{"digest":"b","firstReconciled":"2026-03-01T05:00:00Z","lastReconciled":"2026-03-01T05:50:00Z","metadata":{"revision":"main@sha1:9"}},
			{"digest":"a","firstReconciled":"2026-01-01T00:00:00Z","lastReconciled":"2026-03-01T04:00:00Z","metadata":{"revision":"main@sha1:3"}}]`,
			[]Change{of(5, "main@sha1:3", "main@sha1:9"), of(6, "main@sha1:9", ""), at(7), at(8)}},
		"five outcomes of one content": {`[{"digest":"a","lastReconciledStatus":"v","lastReconciled":"2026-03-01T09:00:00Z","firstReconciled":"2026-03-01T09:00:00Z"},
			{"digest":"a","lastReconciledStatus":"w","lastReconciled":"2026-03-01T08:00:00Z","firstReconciled":"2026-03-01T08:00:00Z"},{"digest":"a","lastReconciledStatus":"x","lastReconciled":"2026-03-01T07:00:00Z","firstReconciled":"2026-03-01T07:00:00Z"},
			{"digest":"a","lastReconciledStatus":"y","lastReconciled":"2026-03-01T06:00:00Z","firstReconciled":"2026-03-01T06:00:00Z"},
			{"digest":"a","lastReconciledStatus":"z","lastReconciled":"2026-03-01T05:00:00Z","firstReconciled":"2026-03-01T01:00:00Z"}]`, []Change{at(5)}},
		"revisions": {`[{"digest":"b","firstReconciled":"2026-03-01T08:00:00Z","lastReconciled":"2026-03-01T09:00:00Z","metadata":{"revision":"main@sha1:5"}},
			{"digest":"a","firstReconciled":"2026-03-01T02:00:00Z","lastReconciled":"2026-03-01T07:00:00Z","metadata":{"revision":"main@sha1:3"}}]`,
			[]Change{of(2, "", "main@sha1:3"), of(8, "main@sha1:3", "main@sha1:5")}},
		"without a time": {`[{"digest":"a"}]`, nil},
	} {
		o, err := Decode([]byte(`{"status":{"history":` + tc.history + `}}`))
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, o.Status.Changes, name)
	}
	o, err := Decode([]byte(`{"status":{"upgradeFailures":4,"history":[{"chartVersion":"1.0.0","status":"deployed","lastDeployed":"2026-03-01T09:00:00Z"},
		{"chartVersion":"2.0.0","status":"failed","lastDeployed":"2026-03-01T08:00:00Z"},{"chartVersion":"1.0.0","status":"superseded","lastDeployed":"2026-03-01T07:00:00Z"}]}}`))
	require.NoError(t, err)
	assert.Equal(t, []Change{of(7, "", "1.0.0")}, o.Status.Changes, "it was tried before what is remembered")
	o, err = Decode([]byte(`{"metadata":{"creationTimestamp":"2026-03-01T09:00:00Z"}}`))
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

// Histories that Flux's own Upsert writes tell all changes since the first that they tell, and no others.
func TestHistoriesMissNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var written meta.History
		var came []time.Time
		now, revision, content, last := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 0, 0, -1
		for range rapid.IntRange(3, 40).Draw(t, "reconciles") {
			now = now.Add(time.Duration(rapid.IntRange(60, 600).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 2).Draw(t, "commit") == 0 {
				revision++
				content = rapid.OneOf(rapid.Just(revision), rapid.IntRange(0, revision)).Draw(t, "content")
			}
			if content != last {
				came, last = append(came, now), content
			}
			status := rapid.SampledFrom([]string{meta.ReconciliationSucceededReason, meta.HealthCheckFailedReason}).Draw(t, "status")
			written.Upsert(fmt.Sprint(content), now, time.Second, status, map[string]string{"revision": fmt.Sprint(revision)})
		}
		data, err := json.Marshal(written)
		require.NoError(t, err)
		var read history
		require.NoError(t, json.Unmarshal(data, &read))
		changes := read.changes(0)
		require.NotEmpty(t, changes)

		later := slices.DeleteFunc(slices.Clone(came), func(at time.Time) bool { return !at.After(changes[0].At) })
		if changes[0].After == "" && len(later) > 0 { // when one came back is known by the last time of the one that it came after
			later = later[1:]
		}
		var told []time.Time
		for _, c := range changes[1:] {
			told = append(told, c.At)
		}
		assert.Equal(t, later, append([]time.Time{}, told...), "%v of %v", changes, came)
	})
}
