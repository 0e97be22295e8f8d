package tune

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// RecordAnnotation keeps on a tuned object what its fields were before, so that revert can restore
// them exactly.
const RecordAnnotation = "fluxtune.github.io/original"

// maxSteps bounds the annotation: older steps are folded into the first, which keeps the originals.
const maxSteps = 8

// Record is the value of RecordAnnotation: the tunings of an object, oldest first. The first step
// that moved a field knows the field's original.
type Record struct {
	Steps []Step `json:"steps"`
}

// Step is what one apply did to an object.
type Step struct {
	Session string              `json:"session"`
	Policy  string              `json:"policy"`
	Time    time.Time           `json:"time"`
	Fields  map[flux.Field]Move `json:"fields"`
}

// Move is a field's value before and after a step; nil is absent.
type Move struct {
	From *string `json:"from"`
	To   *string `json:"to"`
}

// ReadRecord reads the record of an object; nil where it has none. The error says how to go on.
func ReadRecord(o flux.Object) (*Record, error) {
	value, ok := o.Annotations[RecordAnnotation]
	if !ok {
		return nil, nil
	}
	var r Record
	if err := json.Unmarshal([]byte(value), &r); err != nil {
		return nil, fmt.Errorf("reading annotation %s: %w: restore the object by hand and remove the annotation", RecordAnnotation, err)
	}
	if len(r.Steps) == 0 {
		return nil, fmt.Errorf("reading annotation %s: it holds no steps: restore the object by hand and remove the annotation", RecordAnnotation)
	}
	for _, step := range r.Steps {
		if len(step.Fields) == 0 {
			return nil, fmt.Errorf("reading annotation %s: a step of it has no fields: restore the object by hand and remove the annotation", RecordAnnotation)
		}
		for field := range step.Fields {
			if _, ok := o.KindRow().Tunable(field); !ok {
				return nil, fmt.Errorf("reading annotation %s: a %s has no field %q: restore the object by hand and remove the annotation", RecordAnnotation, o.Kind, field)
			}
		}
	}
	return &r, nil
}

// String writes the record as the annotation's value.
func (r Record) String() string {
	data, err := json.Marshal(r)
	if err != nil { // maps of strings and a time within year 9999 always marshal
		return ""
	}
	return string(data)
}

// LastSession is the session of the newest step; "" for an empty record.
func (r *Record) LastSession() string {
	if r == nil || len(r.Steps) == 0 {
		return ""
	}
	return r.Steps[len(r.Steps)-1].Session
}

// HasSession tells whether a session's step is in the record.
func (r *Record) HasSession(session string) bool {
	return r != nil && slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Session == session })
}

// with returns the record with one more step; the receiver may be nil and is not changed.
func (r *Record) with(step Step) Record {
	var steps []Step
	if r != nil {
		steps = slices.Clone(r.Steps)
	}
	steps = append(steps, step)
	for len(steps) > maxSteps {
		steps = slices.Concat([]Step{fold(steps[0], steps[1])}, steps[2:])
	}
	return Record{Steps: steps}
}

// fold makes one step of two that follow each other. It bears the newer one's name, and the older
// one's originals.
func fold(older, newer Step) Step {
	fields := maps.Clone(older.Fields)
	for field, move := range newer.Fields {
		if first, ok := older.Fields[field]; ok {
			move.From = first.From
		}
		fields[field] = move
	}
	newer.Fields = fields
	return newer
}

// without returns the record with the given fields taken out of the first step that matches and of all
// steps after it, which a restored field undoes too, and without the steps that have nothing left.
func (r Record) without(fields map[flux.Field]bool, match func(Step) bool) Record {
	var left Record
	gone := make(map[flux.Field]bool)
	for _, step := range r.Steps {
		if match(step) {
			for field := range step.Fields {
				gone[field] = gone[field] || fields[field]
			}
		}
		step.Fields = maps.Clone(step.Fields)
		maps.DeleteFunc(step.Fields, func(f flux.Field, _ Move) bool { return gone[f] })
		if len(step.Fields) > 0 {
			left.Steps = append(left.Steps, step)
		}
	}
	return left
}
