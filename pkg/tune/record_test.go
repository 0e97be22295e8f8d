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
	const remedy = ": restore the object by hand and remove the annotation"
	for _, tc := range []struct{ annotation, want string }{
		{``, "unexpected end of JSON input"},
		{`5m`, "invalid character 'm' after top-level value"},
		{`[]`, "json: cannot unmarshal array into Go value of type tune.Record"},
		{`{"steps":[{"session":"a","time":"noon","fields":{}}]}`, `parsing time "noon" as "2006-01-02T15:04:05Z07:00": cannot parse "noon" as "2006"`},
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
		_, patchErr := Patch(Item{Object: o, Changes: []Change{change(flux.Interval, "5m", "1m")}}, Stamp{})
		require.EqualError(t, patchErr, err.Error())
	}
}

// The first original survives any number of tunings, and the annotation stays short.
func TestRecordFolds(t *testing.T) {
	t.Parallel()
	var record *Record
	for i := range 30 {
		fields := move(flux.Interval, fmt.Sprintf("%dm", i+100), fmt.Sprintf("%dm", i+101))
		if i == 3 {
			fields = moves(fields, move(flux.Timeout, "", "2m"))
		}
		next := record.with(step(fmt.Sprintf("s%d", i), fields))
		before := len(nilSafe(record).Steps)
		record = &next
		assert.Len(t, record.Steps, min(before+1, 8))
	}
	assert.Equal(t, step("s22", moves(move(flux.Interval, "100m", "123m"), move(flux.Timeout, "", "2m"))), record.Steps[0])
	for i, s := range record.Steps[1:] {
		assert.Equal(t, step(fmt.Sprintf("s%d", i+23), move(flux.Interval, fmt.Sprintf("%dm", i+123), fmt.Sprintf("%dm", i+124))), s)
	}

	item := DecideRevert(object(t, "ks", interval("130m"), timeout("2m"), recorded(record.String())), RevertOptions{})
	assert.Equal(t, []Change{change(flux.Interval, "130m", "100m"), change(flux.Timeout, "2m", "")}, item.Changes)
}

func nilSafe(r *Record) Record {
	if r == nil {
		return Record{}
	}
	return *r
}

// with changes neither its receiver nor the steps that it shares with it.
func TestRecordWithIsACopy(t *testing.T) {
	t.Parallel()
	record := &Record{}
	for i := range maxSteps {
		next := record.with(step(fmt.Sprint(i), move(flux.Interval, "5m", "1m")))
		record = &next
	}
	before := record.String()
	one := record.with(step("x", move(flux.Timeout, "", "2m")))
	other := record.with(step("y", move(flux.Timeout, "", "3m")))
	assert.Equal(t, before, record.String())
	assert.Equal(t, "x", one.LastSession())
	assert.Equal(t, "y", other.LastSession())
}

func FuzzReadRecord(f *testing.F) {
	for _, seed := range []string{
		`{"steps":[{"session":"a1b2","policy":"fast","time":"2026-03-01T12:00:00Z","fields":{"spec.interval":{"from":"5m","to":"1m"}}}]}`,
		`{"steps":[{"fields":{"spec.timeout":{"from":null,"to":null}}},{"fields":null}]}`, `{"steps":null}`, `null`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, annotation string) {
		o := object(t, "ks", recorded(annotation))
		item := DecideRevert(o, RevertOptions{})
		patch, err := RevertPatch(item)
		require.NoError(t, err)
		assert.True(t, json.Valid(patch))
		for range maxSteps + 1 {
			patch, err := Patch(Item{Object: o, Changes: []Change{change(flux.Interval, "5m", "1m")}}, Stamp{Time: noon})
			if err != nil {
				assert.Equal(t, ReasonBadRecord, item.Reason)
				return
			}
			var patched struct {
				Metadata struct{ Annotations map[string]string }
			}
			require.NoError(t, json.Unmarshal(patch, &patched))
			o.Annotations = patched.Metadata.Annotations
		}
	})
}
