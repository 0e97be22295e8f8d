package tune

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func recorded(annotation string) func(*flux.Object) { return annotated(RecordAnnotation, annotation) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func step(session string, fields map[flux.Field]Move) Step {
	return Step{Session: session, Policy: "fast", Time: noon, Fields: fields}
}

// move is one field's; "" is absent.
func move(f flux.Field, from, to string) map[flux.Field]Move {
	return map[flux.Field]Move{f: {From: optional(from), To: optional(to)}}
}

func moves(all ...map[flux.Field]Move) map[flux.Field]Move {
	merged := make(map[flux.Field]Move)
	for _, m := range all {
		for f, move := range m {
			merged[f] = move
		}
	}
	return merged
}

// The annotation is a contract with every older and newer fluxtune that finds it.
func TestRecordForm(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{
		step("a1b2", moves(move(flux.Interval, "5m0s", "1m"), move(flux.Timeout, "", "2m"))),
		{Session: "c3d4", Policy: "relaxed", Time: noon.Add(time.Hour), Fields: move(flux.ChartInterval, "1h", "")},
	}}
	const want = `{"steps":[` +
		`{"session":"a1b2","policy":"fast","time":"2026-03-01T12:00:00Z","fields":{` +
		`"spec.interval":{"from":"5m0s","to":"1m"},"spec.timeout":{"from":null,"to":"2m"}}},` +
		`{"session":"c3d4","policy":"relaxed","time":"2026-03-01T13:00:00Z","fields":{` +
		`"spec.chart.spec.interval":{"from":"1h","to":null}}}]}`
	assert.Equal(t, want, record.String())

	read, err := ReadRecord(object(t, "hr", chart(""), recorded(want)))
	require.NoError(t, err)
	assert.Equal(t, &record, read)
	assert.Equal(t, "c3d4", read.LastSession())
	assert.True(t, read.HasSession("a1b2"))
	assert.False(t, read.HasSession("a1"))
}

func TestNoRecord(t *testing.T) {
	t.Parallel()
	record, err := ReadRecord(object(t, "ks", annotated("other", "value")))
	require.NoError(t, err)
	assert.Nil(t, record)
	assert.Empty(t, record.LastSession())
	assert.False(t, record.HasSession(""))
	assert.Empty(t, (&Record{}).LastSession())
}

func TestReadRecordRefuses(t *testing.T) {
	t.Parallel()
	const remedy = ": restore the object by hand, then run forget on it"
	for _, tc := range []struct{ annotation, want string }{
		{``, "jsontext: unexpected EOF"},
		{`5m`, "json: cannot unmarshal JSON number into Go tune.recordRead"},
		{`[]`, "json: cannot unmarshal JSON array into Go tune.recordRead"},
		{`{"steps":[{"session":"a","time":"noon","fields":{"spec.interval":{"from":"5m","to":"1m"}}}]}`, `json: cannot unmarshal JSON string into Go time.Time within "/steps/0/time": parsing time "noon" as "2006-01-02T15:04:05Z07:00": cannot parse "noon" as "2006"`},
		{`null`, "it holds no steps"},
		{`{}`, "it holds no steps"},
		{`{"interval":"5m"}`, "it holds no steps"},
		{`{"steps":[{"session":"a"}]}`, "a step of it has no fields"},
		{`{"steps":[{"fields":{"spec.prune":{"from":"true","to":"false"}}}]}`, `a Kustomization has no field "spec.prune"`},
		{`{"steps":[{"fields":{"spec.chart.spec.interval":{"from":null,"to":"1m"}}}]}`, `a Kustomization has no field "spec.chart.spec.interval"`},
	} {
		o := object(t, "ks", recorded(tc.annotation))
		record, err := ReadRecord(o)
		require.EqualError(t, err, "reading annotation fluxtune.github.io/original: "+tc.want+remedy)
		assert.Nil(t, record)

		// A record that cannot be read is never overwritten.
		next := asPlanned(Item{Object: o, Changes: []Change{change(flux.Interval, "5m", "1m")}}, Stamp{}).Next(o)
		assert.Equal(t, Next{State: StateLeftAlone, Why: err.Error()}, next)
	}
}

// What is not needed to take a step back does not keep it from that: it is as if it were not there, and an end is named.
func TestReadRecordWithAWrongPart(t *testing.T) {
	t.Parallel()
	const form = `{"steps":[{"session":"s","policy":%s,"by":%s,"time":"2026-03-01T12:00:00Z","until":%s,"fields":{"spec.interval":{"from":"5m","to":"1m"}}}]}`
	for name, tc := range map[string]struct {
		policy, by, until string
		ends, told        bool
	}{
		"well":              {`"fast"`, `"bob"`, `"2026-03-01T14:00:00Z"`, true, false},
		"no end":            {`"fast"`, `"bob"`, `null`, false, false},
		"a policy":          {`7`, `"bob"`, `"2026-03-01T14:00:00Z"`, true, false},
		"a user":            {`"fast"`, `["bob"]`, `"2026-03-01T14:00:00Z"`, true, false},
		"an end":            {`"fast"`, `"bob"`, `"tomorrow"`, false, true},
		"an empty end":      {`"fast"`, `"bob"`, `""`, false, true},
		"an end that is 7":  {`"fast"`, `"bob"`, `7`, false, true},
		"an end, no zone":   {`"fast"`, `"bob"`, `"2026-03-01T14:00:00"`, false, true},
		"an end and a user": {`"fast"`, `7`, `"tomorrow"`, false, true},
	} {
		o := object(t, "ks", interval("1m"), recorded(fmt.Sprintf(form, tc.policy, tc.by, tc.until)))
		o.Annotations[UntilAnnotation] = "2026-03-01T14:00:00Z"
		record, err := ReadRecord(o)
		require.NoError(t, err, name)
		assert.Equal(t, tc.ends, record.Steps[0].Until != nil, name)
		assert.Equal(t, "s", record.Steps[0].Session, name)
		assert.Equal(t, noon, record.Steps[0].Time, name)
		assert.Equal(t, []Change{change(flux.Interval, "1m", "5m")}, DecideRestore(o, RestoreOptions{Session: "s"}).Changes, name)
		bad := BadRecords([]flux.Object{o})
		assert.Equal(t, tc.told, len(bad) == 1, name)
		if tc.told {
			assert.Equal(t, "the end of session s in the record of Kustomization apps/web", bad[0].What, name)
			assert.Empty(t, NewStrayEnds([]flux.Object{o}, "kubectl"), "it may be right: "+name)
		}
	}
}

// Every session stays in the record, however many there are, and each can be taken back by itself.
func TestRecordKeepsEveryStep(t *testing.T) {
	t.Parallel()
	var record *Record
	o := object(t, "ks", interval("100m"))
	for i := range 30 {
		s := step(fmt.Sprintf("s%d", i), move(flux.Interval, fmt.Sprintf("%dm", i+100), fmt.Sprintf("%dm", i+101)))
		next := record.with(s, o)
		record = &next
		require.Equal(t, s, record.Steps[i])
		o.Interval = s.Fields[flux.Interval].To
	}
	o.Annotations = map[string]string{RecordAnnotation: record.String()}
	assert.Equal(t, []Change{change(flux.Interval, "130m", "100m")}, DecideRestore(o, RestoreOptions{}).Changes)
	assert.Equal(t, []Change{change(flux.Interval, "130m", "129m")}, DecideRestore(o, RestoreOptions{Session: "s29"}).Changes)
	assert.Less(t, len(record.String()), maxRecord/10)
}

// A rule that apply puts in place lets kustomize-controller adopt a value that an earlier session only patched: the chain
// goes on, and the original is not our own value.
func TestRecordWithAPinAfterAPatch(t *testing.T) {
	t.Parallel()
	git := applies("kustomize-controller")
	s1 := step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{git, applies("flux")}}})
	o := object(t, "ks", interval("1m"), ownedBy(flux.Interval, git, updates("fluxtune")))
	pin := step("s2", map[flux.Field]Move{flux.Interval: {From: ptr("1m"), To: ptr("30s"), Pinned: true}})
	assert.Equal(t, []Step{s1, pin}, (&Record{Steps: []Step{s1}}).with(pin, o).Steps)
}

// What becomes of the moves before when a field is tuned again, by what the field has become.
func TestRecordWith(t *testing.T) {
	t.Parallel()
	git, hand := applies("kustomize-controller"), updates("kubectl-edit")
	ours := updates("fluxtune")
	owned := func(from, to string, owners ...flux.Manager) Move {
		return Move{From: optional(from), To: optional(to), Owners: owners}
	}
	s1 := step("s1", map[flux.Field]Move{flux.Interval: owned("5m", "3m", git)})
	s2 := step("s2", map[flux.Field]Move{flux.Interval: owned("3m", "1m")})
	both := &Record{Steps: []Step{s1, s2}}
	for _, tc := range []struct {
		name   string
		record *Record
		now    string
		owners []flux.Manager
		want   []Step // with a step s3 to 30s
	}{
		{"the first step keeps the owners", nil, "5m", []flux.Manager{git, applies("flux")},
			[]Step{step("s3", map[flux.Field]Move{flux.Interval: owned("5m", "30s", git, applies("flux"))})}},
		{"on top of ours", both, "1m", []flux.Manager{ours},
			[]Step{s1, s2, step("s3", map[flux.Field]Move{flux.Interval: owned("1m", "30s")})}},
		{"somebody has chosen another value: that is the original now", both, "7m", []flux.Manager{hand},
			[]Step{step("s3", map[flux.Field]Move{flux.Interval: owned("7m", "30s", hand)})}},
		{"somebody has chosen ours: that is the original now", both, "1m", []flux.Manager{hand},
			[]Step{step("s3", map[flux.Field]Move{flux.Interval: owned("1m", "30s", hand)})}},
		{"the owner has it back", both, "5m", []flux.Manager{git},
			[]Step{step("s3", map[flux.Field]Move{flux.Interval: owned("5m", "30s", git)})}},
		{"a revert was interrupted before it gave the field back", both, "5m", []flux.Manager{ours},
			[]Step{step("s3", map[flux.Field]Move{flux.Interval: owned("5m", "30s", git)})}},
		{"a revert of the second was", both, "3m", []flux.Manager{ours},
			[]Step{s1, step("s3", map[flux.Field]Move{flux.Interval: owned("3m", "30s")})}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := object(t, "ks", interval(tc.now), ownedBy(flux.Interval, tc.owners...))
			before := tc.record.clone()
			next := tc.record.with(step("s3", move(flux.Interval, tc.now, "30s")), o)
			assert.Equal(t, tc.want, next.Steps)
			assert.Equal(t, before, tc.record.clone(), "the record itself is as it was")
		})
	}
}

func TestRecordPinned(t *testing.T) {
	t.Parallel()
	held := func(from, to string) Move { return Move{From: optional(from), To: optional(to), Pinned: true} }
	r := Record{Steps: []Step{
		step("s1", map[flux.Field]Move{flux.Interval: held("5m", "1m"), flux.Timeout: held("5m", "2m")}),
		step("s2", moves(move(flux.Interval, "1m", "30s"), move(flux.Timeout, "10m", "2m"))),
	}}
	assert.Equal(t, []flux.Field{flux.Interval}, r.Pinned(), "the timeout's chain began anew")
	assert.Empty(t, (*Record)(nil).Pinned())
}

func FuzzReadRecord(f *testing.F) {
	for _, seed := range []string{
		`{"steps":[{"session":"a1b2","policy":"fast","time":"2026-03-01T12:00:00Z","fields":{"spec.interval":{"from":"5m","to":"1m"}}}]}`,
		`{"steps":[{"fields":{"spec.interval":{"from":"5m","to":"1m","owners":[{"manager":"x","apply":true}],"pinned":true}}}]}`,
		`{"steps":[{"fields":{"spec.timeout":{"from":null,"to":null}}},{"fields":null}]}`, `{"steps":null}`, `null`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, annotation string) {
		o := object(t, "ks", recorded(annotation))
		restore := DecideRestore(o, RestoreOptions{})
		Sessions([]flux.Object{o}, nil)
		for i := range 3 {
			back := RestoreWrite{Restore: restore, Decide: func(o flux.Object) Restore { return DecideRestore(o, RestoreOptions{}) }}.Next(o)
			require.NoError(t, back.Err)
			assert.True(t, back.Patch == nil || json.Valid(back.Patch))
			w := asPlanned(Item{Object: o, Changes: []Change{change(flux.Interval, "5m", "1m")}}, Stamp{Session: fmt.Sprint("fuzz", i), Time: noon})
			next := w.Next(o)
			require.NoError(t, next.Err)
			if next.Patch == nil {
				assert.True(t, restore.Reason == ReasonBadRecord || next.State == StateWritten)
				return
			}
			var patched struct {
				Metadata struct{ Annotations map[string]string }
			}
			require.NoError(t, json.Unmarshal(next.Patch, &patched))
			o.Annotations = patched.Metadata.Annotations
		}
	})
}

// A record whose values are no durations is no record: what it says cannot be restored.
func TestRecordsOfWhatIsNoDuration(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{step("s1", move(flux.Interval, "banana", "1m"))}}
	_, err := ReadRecord(object(t, "ks", recorded(r.String())))
	require.ErrorContains(t, err, `spec.interval: time: invalid duration "banana": restore the object by hand, then run forget on it`)
	below := Record{Steps: []Step{step("s1", move(flux.Interval, "-5m", "1m"))}}
	_, err = ReadRecord(object(t, "ks", recorded(below.String())))
	require.ErrorContains(t, err, `spec.interval: "-5m" is below zero: restore the object by hand`)
}

// Monitoring reads the first end of a record's steps from an annotation, which goes with the last of them.
func TestUntilAnnotation(t *testing.T) {
	t.Parallel()
	at := func(hour int) *time.Time {
		d := time.Date(2026, 11, 22, hour, 0, 0, 0, time.UTC)
		return &d
	}
	record := func(ends ...*time.Time) *Record {
		r := &Record{}
		for _, end := range ends {
			r.Steps = append(r.Steps, Step{Until: end})
		}
		return r
	}
	there := flux.Object{Annotations: map[string]string{UntilAnnotation: "2026-11-22T10:00:00Z"}}
	for _, tc := range []struct {
		name   string
		now    flux.Object
		record *Record
		want   any // of the annotation; "absent" where the patch does not name it
		gone   []string
	}{
		{"the first counts", flux.Object{}, record(at(15), nil, at(14)), "2026-11-22T14:00:00Z", nil},
		{"no end", flux.Object{}, record(nil), "absent", []string{UntilAnnotation}},
		{"the end is gone", there, record(nil), nil, []string{UntilAnnotation}},
		{"the record is gone", there, nil, nil, []string{RecordAnnotation, UntilAnnotation}},
		{"somebody took the end away", flux.Object{}, nil, "absent", []string{RecordAnnotation, UntilAnnotation}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			annotations := annotate(tc.now, tc.record)
			got, named := annotations[UntilAnnotation]
			if !named {
				got = "absent"
			}
			assert.Equal(t, tc.want, got)
			assert.ElementsMatch(t, tc.gone, removed(annotations))
		})
	}
}

// Fields may be under the name of a session that is gone from the record.
func TestRecordKeepsManagers(t *testing.T) {
	t.Parallel()
	moved := map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m")}}
	r := Record{Steps: []Step{{Session: "a", Manager: "bob"}, {Session: "b"}, {Session: "c", Manager: "bob"}, {Session: "d", Manager: "alice", Fields: moved}}}
	r.tidy()
	assert.Equal(t, Record{Managers: []string{"bob"}, Steps: []Step{{Session: "d", Manager: "alice", Fields: moved}}}, r)
	assert.Equal(t, managerNames{DefaultManager: true, "alice": true, "bob": true}, r.managers())
	assert.Equal(t, r, r.clone())
	restore := Restore{Object: object(t, "ks", recorded(r.String())), Record: &Record{Steps: []Step{{Session: "b"}}}}
	assert.Equal(t, DefaultManager, restore.manager(), "what stays is its session's")
	restore.Record = nil
	assert.Equal(t, "alice", restore.manager())
}
