package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	later := func(s Step) Step { s.Time, s.By = noon.Add(time.Hour), "bob"; return s }
	s1 := step("s1", moves(move(flux.Interval, "5m", "3m"), move(flux.Timeout, "", "2m")))
	s2 := later(step("s2", move(flux.Interval, "3m", "1m")))
	pinned := later(step("s2", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Pinned: true}}))
	has := func(steps ...Step) func(*flux.Object) { return recorded(Record{Steps: steps}.String()) }
	objects := []flux.Object{
		object(t, "ks", interval("1m"), timeout("2m"), has(s1, s2)),                               // s1 followed, s2 stands
		object(t, "ks", interval("3m"), timeout("2m"), has(s1)),                                   // s1 stands
		object(t, "ks", interval("9m"), timeout("2m"), has(s1)),                                   // s1 changed
		object(t, "ks", interval("5m"), timeout("2m"), has(s1)),                                   // s1 back: somebody went back
		object(t, "ks", interval("1m"), has(pinned)),                                              // s2 stands, pinned
		object(t, "ks", interval("1m"), has(s2), ownedBy(flux.Interval, updates("kubectl-edit"))), // s2 changed
		object(t, "ks", recorded("{")), object(t, "ks"),
	}
	assert.Equal(t, []Session{
		{ID: "s2", Policy: "fast", By: "bob", Time: noon.Add(time.Hour), Objects: 3, Stand: 2, Changed: 1, Pinned: 1},
		{ID: "s1", Policy: "fast", Time: noon, Objects: 4, Stand: 1, Followed: 1, Changed: 1, Back: 1},
	}, Sessions(objects, nil))
	assert.Empty(t, Sessions(objects[6:], nil))
	bad := BadRecords(objects)
	require.Len(t, bad, 1)
	assert.Equal(t, "the record of Kustomization apps/web", bad[0].What)
}

// What an owner chose in between ends what the sessions before it did.
func TestSessionsBeforeAnOwnersChoice(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m")), step("s2", move(flux.Interval, "10m", "1m"))}}
	got := Sessions([]flux.Object{object(t, "ks", interval("1m"), recorded(r.String()))}, nil)
	assert.Equal(t, []Session{
		{ID: "s2", Policy: "fast", Time: noon, Objects: 1, Stand: 1},
		{ID: "s1", Policy: "fast", Time: noon, Objects: 1, Changed: 1},
	}, got)
}
