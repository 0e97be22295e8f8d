package tune

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// unapplyWrite puts an object back to what it was before a write that did not arrive as it was sent: values, record and
// owners.
type unapplyWrite struct {
	before, answer flux.Object
	write          ApplyWrite
}

// Target implements Write.
func (w unapplyWrite) Target() flux.Object { return w.answer }

// Next sends the values as they were, and then the record with the owners: the program may end between the two, and without the
// record no revert would find what is left of us. What somebody has set since stays; where somebody's
// run has built on the write, only its session goes.
func (w unapplyWrite) Next(now flux.Object) Next {
	session := w.write.Stamp.Session
	record, err := ReadRecord(now)
	ours := err == nil && record.HasSession(session)
	if ours && record.LastSession() != session {
		decide := func(o flux.Object) Restore { return DecideRestore(o, RestoreOptions{Session: session}) }
		return RestoreWrite{Restore: decide(now), Decide: decide}.Next(now)
	}
	var changes []Change
	freed := make(map[flux.Field][]flux.Manager)
	for _, c := range w.write.Item.Changes {
		f := c.Field
		asMade := unknown(now, f) && flux.SameDuration(now.Value(f), w.answer.Value(f))
		if !asMade && !owns(now, f, w.write.Stamp.Manager) {
			continue
		}
		if had, has := w.before.Value(f), now.Value(f); !equal(had, has) {
			changes = append(changes, Change{Field: f, From: has, To: had})
		}
		if owners := w.before.OwnersOf(f); !sameOwners(owners, now.OwnersOf(f)) { // also who owned it beside us
			freed[f] = owners
		}
	}
	_, hadRecord := w.before.Annotations[RecordAnnotation]
	_, hasRecord := now.Annotations[RecordAnnotation]
	annotations := make(map[string]any)
	for _, key := range []string{RecordAnnotation, UntilAnnotation} { // they are written together, and go together
		had, there := w.before.Annotations[key]
		has, is := now.Annotations[key]
		if (had != has || there != is) && (ours || !hasRecord) {
			maps.Copy(annotations, annotation(key, had, there))
		}
	}
	if len(changes) > 0 { // the record stays until the values are back: else nobody could find the way back any more
		if !ours {
			record = nil
		}
		return w.values(now, record, changes)
	}
	beside := hadRecord || hasRecord || slices.ContainsFunc(w.before.Writers, func(m flux.Writer) bool { return record.managers().has(m.Manager) }) // somebody's hand
	patch, err := takeNameOut(now, annotations, beside, w.write.Stamp.Manager, freed)
	return Next{Patch: patch, State: StateAsWanted, Err: err}
}

// values sends values as they were, with what has become of ours in the record, if there is one: admission may make the same of
// these. What follows the interval where it is not set stays until that is long enough again: admission may keep it short.
func (w unapplyWrite) values(now flux.Object, record *Record, changes []Change) Next {
	var first []Change
	var stays string
	for _, c := range changes {
		shorter := now.EffectiveWith(c.Field, nil, now.Interval)
		if c.To == nil && c.Field != flux.Interval && shorter < min(now.Effective(c.Field), w.before.Effective(c.Field)) {
			stays = fmt.Sprintf("%s stays %s: where it is not set it would be %s, while %s is %s", c.Field, Show(c.From), flux.FormatDuration(shorter), flux.Interval, Show(now.Interval))
			continue
		}
		first = append(first, c)
	}
	var sent []flux.Field
	for _, c := range w.write.Item.Changes {
		sent = append(sent, c.Field)
	}
	seen, news := record.seen(now, sent)
	if len(first) == 0 && !news {
		return Next{State: StateLeftAlone, Why: stays}
	}
	var annotations map[string]any
	if news {
		annotations = annotate(now, &seen)
	}
	patch, err := mergePatch(now, first, annotations, nil)
	return Next{Patch: patch, Err: err}
}
