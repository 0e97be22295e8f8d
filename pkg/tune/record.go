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
const RecordAnnotation = flux.Group + "/original"

// UntilAnnotation is when the first of the record's steps is to be taken back, as RFC 3339. It follows from the record,
// and no command reads it: it is there for monitoring, which reads a time but no JSON (kube-state-metrics
// pkg/customresourcestate, toFloat64).
const UntilAnnotation = flux.Group + "/until"

// maxRecord bounds the annotation, in bytes: all annotations of an object have 256 KiB
// (k8s.io/apimachinery pkg/api/validation, TotalAnnotationSizeLimitB). Some hundred steps fit.
const maxRecord = 64 << 10

// DefaultManager is the field manager of the changes, unless the user names another.
const DefaultManager = "fluxtune"

// Record is the value of RecordAnnotation: the tunings of an object, oldest first.
type Record struct {
	Steps []Step `json:"steps"`
	// Managers are the field managers, other than DefaultManager, of steps that are gone from it: what is there may still be under
	// their names.
	Managers []string `json:"managers,omitempty"`
}

// Step is what one apply did to an object.
type Step struct {
	Session string `json:"session"`
	Policy  string `json:"policy"`
	// By is the user, as the API server knows them; "" where it did not say.
	By string `json:"by,omitempty"`
	// Time is when it began, by the API server's clock: it is compared with the times of metadata.managedFields.
	Time time.Time `json:"time"`
	// Until is when the step is to be taken back; nil where it is to stay.
	Until *time.Time `json:"until,omitempty"`
	// BadUntil says why an end that the record names could not be read: the step is then one without an end. Nil: it could, or there is none.
	BadUntil error `json:"-"`
	// Manager is the field manager of the change; "" is DefaultManager.
	Manager string              `json:"manager,omitempty"`
	Fields  map[flux.Field]Move `json:"fields"`
}

// recordRead is a Record as it is read, in one pass. What is not needed to take a step back does not keep it from being taken
// back: of a policy and a user that are no text nothing is known, and an end that is no time is none. All else has to be as it was
// written: by a wrong time of the step a value would be taken for one that its owner has chosen since, and the record be dropped.
type recordRead struct {
	Steps []struct {
		plainStep
		Policy any             `json:"policy"`
		By     any             `json:"by"`
		Until  json.RawMessage `json:"until"`
	} `json:"steps"`
	Managers []string `json:"managers"`
}

type plainStep Step

func (r recordRead) record() *Record {
	record := Record{Managers: r.Managers}
	for _, read := range r.Steps {
		s := Step(read.plainStep)
		s.Policy, _ = read.Policy.(string)
		s.By, _ = read.By.(string)
		if read.Until != nil {
			if err := json.Unmarshal(read.Until, &s.Until); err != nil {
				s.Until, s.BadUntil = nil, err
			}
		}
		record.Steps = append(record.Steps, s)
	}
	return &record
}

// Move is a field's value before and after a step; nil is absent.
type Move struct {
	From *string `json:"from"`
	To   *string `json:"to"`
	// Became is what the API server has made of To, or of what was to restore From, where that stayed: admission changes what is
	// written. Another value is somebody's choice, under whatever name. Nil: it was kept as it was sent.
	Became *string `json:"became,omitempty"`
	// Owners owned the field before the first step of a chain; a revert gives it back to them.
	Owners []flux.Manager `json:"owners,omitempty"`
	// Pinned says that the move lasts only while a rule in spec.ignore of the object's owner leaves the field
	// to us.
	Pinned bool `json:"pinned,omitempty"`
	// Held says that a rule which is not ours left the field to us.
	Held bool `json:"held,omitempty"`
}

// ReadRecord reads the record of an object; nil where it has none. The error says how to go on.
func ReadRecord(o flux.Object) (*Record, error) {
	value, ok := o.Annotations[RecordAnnotation]
	if !ok {
		return nil, nil
	}
	bad := func(format string, args ...any) (*Record, error) {
		return nil, fmt.Errorf("reading annotation %s: %w: restore the object by hand, then run forget on it", RecordAnnotation, fmt.Errorf(format, args...))
	}
	var read recordRead
	if err := flux.Unmarshal([]byte(value), &read); err != nil {
		return bad("%w", err)
	}
	r := read.record()
	if len(r.Steps) == 0 {
		return bad("it holds no steps")
	}
	for _, step := range r.Steps {
		if len(step.Fields) == 0 {
			return bad("a step of it has no fields")
		}
		for field, move := range step.Fields {
			if _, ok := o.KindRow().Tunable(field); !ok {
				return bad("a %s has no field %q", o.Kind, field)
			}
			for _, value := range []*string{move.From, move.To, move.Became} {
				if value == nil {
					continue
				}
				if d, err := time.ParseDuration(*value); err != nil {
					return bad("%s: %w", field, err)
				} else if d < 0 {
					return bad("%s: %q is below zero", field, *value)
				}
			}
		}
	}
	return r, nil
}

// Tuned tells whether an object bears a record, readable or not.
func Tuned(o flux.Object) bool {
	_, tuned := o.Annotations[RecordAnnotation]
	return tuned
}

// Readable are the objects whose records can be read, and those that have none.
func Readable(objects []flux.Object) []flux.Object {
	return slices.DeleteFunc(slices.Clone(objects), func(o flux.Object) bool {
		_, err := ReadRecord(o)
		return err != nil
	})
}

// String writes the record as the annotation's value.
func (r Record) String() string {
	data, err := json.Marshal(r)
	if err != nil { // maps of strings and a time within year 9999 always marshal
		return ""
	}
	return string(data)
}

// badUntil is the first step whose end could not be read; nil where all could.
func (r *Record) badUntil() *Step {
	if r == nil {
		return nil
	}
	for i, s := range r.Steps {
		if s.BadUntil != nil {
			return &r.Steps[i]
		}
	}
	return nil
}

// until is when the first step is to be taken back; nil where none is.
func (r *Record) until() *time.Time {
	var first *time.Time
	if r == nil {
		return nil
	}
	for _, s := range r.Steps {
		if s.Until != nil && (first == nil || s.Until.Before(*first)) {
			first = s.Until
		}
	}
	return first
}

// annotate are the annotations that an object gets with a record; nil takes them away.
func annotate(now flux.Object, r *Record) map[string]any {
	annotations := map[string]any{RecordAnnotation: nil}
	if r != nil {
		annotations[RecordAnnotation] = r.String()
	}
	if until := r.until(); until != nil {
		annotations[UntilAnnotation] = until.UTC().Format(time.RFC3339)
	} else if _, there := now.Annotations[UntilAnnotation]; there {
		annotations[UntilAnnotation] = nil
	}
	return annotations
}

// removed are the annotations of fluxtune that an object does not have after a patch, also where somebody else took them
// away: what is not there is nobody's.
func removed(annotations map[string]any) []string {
	return slices.DeleteFunc([]string{RecordAnnotation, UntilAnnotation}, func(key string) bool { return annotations[key] != nil })
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

// Sessions are those in the record beside one, oldest first.
func (r *Record) Sessions(beside string) (sessions []string) {
	if r == nil {
		return nil
	}
	for _, s := range r.Steps {
		if s.Session != beside && !slices.Contains(sessions, s.Session) {
			sessions = append(sessions, s.Session)
		}
	}
	return sessions
}

// Fields are the fields that the record knows, sorted.
func (r *Record) Fields() []flux.Field {
	known := make(map[flux.Field]bool)
	if r != nil {
		for _, step := range r.Steps {
			for f := range step.Fields {
				known[f] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// Pinned are the fields that rules of the object's owner were to leave to us, sorted.
func (r *Record) Pinned() []flux.Field {
	return slices.DeleteFunc(r.Fields(), func(f flux.Field) bool { return !r.chain(f).pinned() })
}

// with returns the record of an object with one more step. Where a field was changed since, or is
// restored, the step's value before is the new original, and earlier moves of the field are dropped.
func (r *Record) with(step Step, o flux.Object) Record {
	next := r.clone()
	step.Fields = maps.Clone(step.Fields)
	for f, move := range step.Fields {
		c := r.chain(f)
		move.Owners = nil
		var s standing
		keep := 0
		if len(c) > 0 {
			s, keep, _ = r.standingUnder(move.Pinned || move.Held || c.ruled(), c, o, f)
		}
		switch {
		case len(c) > 0 && (s == stands || s == restored) && keep > 0:
			if s == stands {
				move.From = c[len(c)-1].To // also where admission has made something else of that
			}
			next.cut(f, c[keep-1].step+1)
			next.forgetBefore(f, c[0].step)
		default:
			next.cut(f, 0)
			move.Owners = r.others(o, f)
			// What holds the value that is there holds this one, and is still needed.
			move.Pinned = move.Pinned || c.pinned() && !slices.Contains(r.lapsed(o), f)
			if len(c) > 0 && s == restored { // restored, and not given back yet
				for _, m := range c[0].Owners {
					if !slices.Contains(move.Owners, m) {
						move.Owners = append(move.Owners, m)
					}
				}
			}
		}
		step.Fields[f] = move
	}
	next.tidy()
	next.Steps = append(next.Steps, step)
	return next
}

// seen is the record of an object that says of fields of ours what has become of them, and whether that is news.
func (r *Record) seen(o flux.Object, fields []flux.Field) (Record, bool) {
	next, news := r.clone(), false
	for _, f := range fields {
		c, now := r.chain(f), o.Value(f)
		if len(c) == 0 || now == nil || c.stands(now) || flux.SameDuration(now, c[0].From) || !r.owns(o, f) && !unknown(o, f) {
			continue
		}
		last := c[len(c)-1]
		last.Became, news = now, true
		next.Steps[last.step].Fields[f] = last.Move
	}
	return next, news
}

// others are the owners of a field beside us. Under a name of ours, a value that is none of the record's is somebody's.
func (r *Record) others(o flux.Object, f flux.Field) []flux.Manager {
	ours, c := r.managers(), r.chain(f)
	if len(c) == 0 {
		return o.OwnersOf(f)
	}
	if s, _, by := r.standingOf(c, o, f); s == edited && ours.has(by) {
		return o.OwnersOf(f)
	}
	return slices.DeleteFunc(o.OwnersOf(f), ours.has)
}

// clone copies the record so far that its steps' fields can be changed; the receiver may be nil.
func (r *Record) clone() Record {
	var next Record
	if r == nil {
		return next
	}
	next.Managers = slices.Clone(r.Managers)
	for _, step := range r.Steps {
		step.Fields = maps.Clone(step.Fields)
		next.Steps = append(next.Steps, step)
	}
	return next
}

// cut takes a field out of all steps from one on; of a cut at 0 nothing of the field is left.
func (r *Record) cut(f flux.Field, from int) {
	for _, step := range r.Steps[min(from, len(r.Steps)):] {
		delete(step.Fields, f)
	}
}

// forgetBefore takes a field out of the steps before one: an owner's later choice made them count no more.
func (r *Record) forgetBefore(f flux.Field, step int) {
	for _, s := range r.Steps[:step] {
		delete(s.Fields, f)
	}
}

// tidy drops the steps that have no fields any more, and keeps the names of their managers.
func (r *Record) tidy() {
	r.Steps = slices.DeleteFunc(r.Steps, func(s Step) bool {
		if len(s.Fields) > 0 {
			return false
		}
		if s.Manager != "" && !slices.Contains(r.Managers, s.Manager) {
			r.Managers = append(r.Managers, s.Manager)
		}
		return true
	})
}
