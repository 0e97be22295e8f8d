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
		object(t, "ks", interval("5m"), has(s1)),                                                  // s1 back: somebody went back
		object(t, "ks", interval("5m"), timeout("2m"), has(s1)),                                   // s1 changed: one field is back
		object(t, "ks", interval("1m"), has(pinned)),                                              // s2 stands, pinned
		object(t, "ks", interval("1m"), has(s2), ownedBy(flux.Interval, updates("kubectl-edit"))), // s2 changed
		object(t, "ks", recorded("{")), object(t, "ks"),
	}
	assert.Equal(t, []Session{
		{ID: "s2", Policy: "fast", By: "bob", Time: noon.Add(time.Hour), Objects: 3, Stand: 2, Changed: 1, Pinned: 1},
		{ID: "s1", Policy: "fast", Time: noon, Objects: 5, Stand: 1, Followed: 1, Changed: 2, Back: 1},
	}, withoutPlaces(Sessions(objects, nil)))
	assert.Empty(t, Sessions(objects[7:], nil))
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
	}, withoutPlaces(got))
}

// What admission made of a value of ours is not as it was set, and is ours to take back all the same.
func TestSessionsOfWhatAdmissionChanged(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Became: ptr("2m")}})}}
	o := object(t, "ks", interval("2m"), recorded(r.String()), ownedBy(flux.Interval, updates("fluxtune")))
	assert.Equal(t, []Session{{ID: "s1", Policy: "fast", Time: noon, Objects: 1, Changed: 1}}, withoutPlaces(Sessions([]flux.Object{o}, nil)))
	assert.Equal(t, []Change{change(flux.Interval, "2m", "5m")}, DecideRestore(o, RestoreOptions{}).Changes)
}

// An object counts once, also where somebody has written a step of its record twice.
func TestSessionsOfADoubledStep(t *testing.T) {
	t.Parallel()
	one := step("s1", move(flux.Interval, "5m", "1m"))
	got := Sessions([]flux.Object{object(t, "ks", interval("1m"), recorded(Record{Steps: []Step{one, one}}.String()))}, nil)
	assert.Equal(t, []Session{{ID: "s1", Policy: "fast", Time: noon, Objects: 1, Stand: 1}}, withoutPlaces(got))
}

// Sessions of the same second are in the order of the records, whatever their ids are.
func TestSessionsOfOneSecond(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("z", move(flux.Interval, "5m", "3m")), step("b", move(flux.Interval, "3m", "2m")), step("y", move(flux.Interval, "2m", "1m"))}}
	var ids []string
	for _, s := range Sessions([]flux.Object{object(t, "ks", interval("1m"), recorded(record.String()))}, nil) {
		ids = append(ids, s.ID)
	}
	assert.Equal(t, []string{"y", "b", "z"}, ids)
}

// Sessions of the same second that have no object in common are in the order of their times, whatever their ids are.
func TestSessionsOfOneSecondOfOtherObjects(t *testing.T) {
	t.Parallel()
	var objects []flux.Object
	for i, id := range []string{"153119-zzzz", "153119-aaaa"} {
		o := object(t, "ks", interval("5m"))
		o.Name = id
		item := Item{Object: o, Action: ActionChange, Changes: []Change{{flux.Interval, ptr("5m"), ptr("1m")}}}
		record := ApplyWrite{Item: item, Stamp: Stamp{Session: id, Time: noon.Add(time.Duration(i+1) * 300 * time.Millisecond)}}.record(o, nil)
		o.Interval = ptr("1m")
		o.Annotations = map[string]string{RecordAnnotation: record.String()}
		objects = append(objects, o)
	}
	var ids []string
	for _, s := range Sessions(objects, nil) {
		ids = append(ids, s.ID)
	}
	assert.Equal(t, []string{"153119-aaaa", "153119-zzzz"}, ids, "newest first")
}

func withoutPlaces(sessions []Session) []Session {
	for i := range sessions {
		sessions[i].at = 0
	}
	return sessions
}

// Of pins whose owner nobody could read nobody knows whether they hold. One that is gone has taken its rules with it, and what
// an owner does not apply any more needs none.
func TestSessionsOfPinsThatNobodyCanSee(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Pinned: true}})}}
	o := object(t, "gitrepo", interval("1m"), child(), recorded(r.String()))
	counts := func(s flux.Snapshot) [3]int {
		s.Objects = []flux.Object{o}
		one := Sessions(s.Objects, NewJudge(s))[0]
		return [3]int{one.Pinned, one.PinsLost, one.PinsUnknown}
	}
	count := func(owners ...flux.Object) [3]int { return counts(flux.Snapshot{Related: owners}) }
	assert.Equal(t, [3]int{0, 0, 0}, counts(flux.Snapshot{Looked: []flux.Place{{Kind: "Kustomization"}}}))
	orphaned := pinning(t, Rules([]Need{need(o, flux.Interval)})...)
	orphaned.Status = flux.Status{Managed: 1, Ready: "True", ObservedGeneration: orphaned.Generation, Inventory: []flux.Ref{{Kind: "other"}}}
	o.Writers = []flux.Writer{{Manager: updates("kubectl")}}
	assert.Equal(t, [3]int{0, 0, 0}, count(orphaned))
	o.Writers = nil
	assert.Equal(t, [3]int{1, 0, 0}, count(pinning(t, Rules([]Need{need(o, flux.Interval)})...)))
	assert.Equal(t, [3]int{0, 0, 1}, count())
}

// What others changed since is nothing that could be taken back once more: somebody has to say what is to become of it. A
// session is overdue while there is something else that is not being deleted.
func TestSessionsThatAreOver(t *testing.T) {
	t.Parallel()
	until := noon.Add(time.Hour)
	ends := step("ends", moves(move(flux.Interval, "5m", "1m"), move(flux.Timeout, "", "2m")))
	ends.Until = &until
	has := recorded(Record{Steps: []Step{ends}}.String())
	stands := object(t, "GitRepository", interval("1m"), timeout("2m"), has)
	inPart := object(t, "GitRepository", interval("42s"), timeout("2m"), has)
	changed := object(t, "GitRepository", interval("42s"), timeout("9s"), has)
	for name, tc := range map[string]struct {
		objects            []flux.Object
		now                time.Time
		overdue, undecided bool
	}{
		"before its end":            {[]flux.Object{stands, changed}, noon, false, false},
		"it stands":                 {[]flux.Object{stands}, until.Add(1), true, false},
		"one of them was changed":   {[]flux.Object{stands, changed}, until.Add(1), true, false},
		"one of the fields was":     {[]flux.Object{inPart}, until.Add(1), true, false},
		"all were changed":          {[]flux.Object{changed, changed}, until.Add(1), false, true},
		"all were, before its end":  {[]flux.Object{changed}, noon, false, false},
		"one is being deleted, too": {[]flux.Object{changed, object(t, "GitRepository", interval("1m"), timeout("2m"), has, deleting)}, until.Add(1), false, true},
	} {
		got := Sessions(tc.objects, nil)
		require.Len(t, got, 1, name)
		assert.Equal(t, tc.overdue, got[0].Overdue(tc.now), name)
		assert.Equal(t, tc.undecided, got[0].Undecided(tc.now), name)
	}
	for _, o := range []flux.Object{stands, inPart} { // and what a revert leaves of it is not overdue
		r := DecideRestore(o, RestoreOptions{Session: "ends"})
		require.Equal(t, ActionChange, r.Action)
		for _, c := range r.Changes {
			o = o.WithValue(c.Field, c.To)
		}
		o.Annotations = nil
		if r.Record != nil {
			o.Annotations = map[string]string{RecordAnnotation: r.Record.String()}
		}
		for _, s := range Sessions([]flux.Object{o}, nil) {
			assert.False(t, s.Overdue(until.Add(1)))
		}
	}
}
