package tune

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// RestoreWrite takes one object back. Values come first; when they are back, the record goes, and our name in
// metadata.managedFields with it: a patch makes its sender the owner of what it changes, so that takes a second one. Both go under
// a manager that the record names, whoever restores: the program may end between the two, and what stays is a session's still.
type RestoreWrite struct {
	Restore Restore
	// Decide plans the way back again when somebody else has changed the object.
	Decide func(flux.Object) Restore
}

// Target is the object as it was planned.
func (w RestoreWrite) Target() flux.Object { return w.Restore.Object }

// Next sends the values that are still to be restored, and then what is left of the record.
func (w RestoreWrite) Next(now flux.Object) Next {
	r := w.Decide(now)
	switch {
	case r.Action == ActionUnchanged || r.Reason == ReasonOtherSession:
		return w.gone(now)
	case r.Reason == ReasonChangedSince:
		return w.stays(r)
	case r.Deferred():
		return Next{Err: errors.New(r.Message)}
	case r.Action == ActionSkip:
		return Next{State: StateLeftAlone, Why: r.Message}
	case len(r.Changes) > 0 && !w.planned(r.Changes):
		return Next{State: StateLeftAlone, Why: "changed since the plan was made: " + w.since(now)}
	}
	if by := r.dropsBeside(w.Restore.Object, now); by != "" {
		return Next{State: StateLeftAlone, Why: fmt.Sprintf("changed since the plan was made: session %s has tuned it, too", by)}
	}
	if len(r.Changes) > 0 {
		patch, err := mergePatch(now, r.Changes, nil, nil)
		return Next{Patch: patch, Manager: r.manager(), Err: err, Back: &r}
	}
	patch, err := r.release(now)
	return Next{Patch: patch, Manager: r.manager(), Err: err, Back: &r}
}

// manager is the field manager that restores: that of the last session which stays, or which there was.
func (r Restore) manager() string {
	record := r.Record
	if record == nil {
		record, _ = ReadRecord(r.Object)
	}
	if record == nil {
		return DefaultManager
	}
	return cmp.Or(record.Steps[len(record.Steps)-1].Manager, DefaultManager)
}

// stays is how an object stands of which nothing can be taken back any more. What the plan says will stay is no news.
func (w RestoreWrite) stays(r Restore) Next {
	if !slices.ContainsFunc(r.Kept, func(k KeptField) bool { return !slices.Contains(w.Restore.Kept, k) }) {
		return Next{State: StateAsWanted, Back: &r}
	}
	return Next{State: StateLeftAlone, Why: r.KeptMessage(), Back: &r}
}

// gone is how an object stands that bears no record of what is to be taken back: as it is to be, or, where a value is still as it was
// set, so that nothing takes it back any more.
func (w RestoreWrite) gone(now flux.Object) Next {
	var stay []string
	for _, c := range w.Restore.Changes {
		if flux.SameDuration(now.Value(c.Field), c.From) && !flux.SameDuration(c.From, c.To) {
			stay = append(stay, fmt.Sprintf("%s stays %s, and was to become %s", c.Field, Show(c.From), Show(c.To)))
		}
	}
	if len(stay) == 0 {
		return w.nameless(now)
	}
	return Next{State: StateLost, Why: "not taken back: the record of what it was is gone since the plan was made (taken away, forgotten, or the object was made anew): " + strings.Join(stay, "; ")}
}

// nameless takes our names from what is as it is to be, and gives it back to who owned it: somebody has taken the record away before the
// second patch, and no other revert would find them.
func (w RestoreWrite) nameless(now flux.Object) Next {
	record, err := ReadRecord(w.Restore.Object)
	freed, ours := make(map[flux.Field][]flux.Manager), record.managers()
	for f, owners := range w.Restore.Freed {
		bears := slices.ContainsFunc(now.OwnersOf(f), func(m flux.Manager) bool { return ours.has(m) && !m.Apply })
		bore := slices.ContainsFunc(owners, ours.has) // before, from a record that is lost
		if err == nil && !Tuned(now) && bears && !bore {
			freed[f] = owners
		}
	}
	if len(freed) == 0 {
		return Next{State: StateAsWanted}
	}
	managed, err := giveBack(now, ours, freed)
	if err != nil || managed == nil {
		return Next{State: StateAsWanted, Err: err}
	}
	patch, err := mergePatch(now, nil, nil, managed)
	return Next{Patch: patch, Manager: w.Restore.manager(), Err: err}
}

// since says what of an object is not as it was planned.
func (w RestoreWrite) since(now flux.Object) string {
	otherwise := "who sets its fields"
	if now.Annotations[RecordAnnotation] != w.Restore.Object.Annotations[RecordAnnotation] {
		otherwise = "its record is another one now"
	}
	return changesSince(w.Restore.Object, now, otherwise)
}

// dropsBeside is a session that has come into the record since the plan was made, and that the way back would take moves of, also such
// as keep a value; "" where there is none.
func (r Restore) dropsBeside(planned, now flux.Object) string {
	if planned.Annotations[RecordAnnotation] == now.Annotations[RecordAnnotation] {
		return ""
	}
	knew, _ := ReadRecord(planned)
	is, _ := ReadRecord(now)
	for _, session := range is.news(knew) {
		if !r.Record.hasAll(session, is) {
			return session
		}
	}
	return ""
}

// news are the sessions in the record that were not in an earlier one, oldest first. Either may be nil.
func (r *Record) news(earlier *Record) []string {
	return slices.DeleteFunc(r.Sessions(""), earlier.HasSession)
}

// hasAll tells whether all fields that a session moved in another record are there, too.
func (r *Record) hasAll(session string, other *Record) bool {
	has := make(map[flux.Field]bool)
	if r != nil {
		for _, s := range r.Steps {
			for f := range s.Fields {
				has[f] = has[f] || s.Session == session
			}
		}
	}
	for _, s := range other.Steps {
		for f := range s.Fields {
			if s.Session == session && !has[f] {
				return false
			}
		}
	}
	return true
}

// Then is a way back of which another part is gone: of an object as it was before the first, with the changes of both, and what stays
// after the last. The receiver may be nil.
func (r *Restore) Then(next Restore) *Restore {
	if r == nil {
		return &next
	}
	all := *r
	again := func(c Change) bool {
		return slices.ContainsFunc(next.Changes, func(n Change) bool { return n.Field == c.Field })
	}
	all.Changes = slices.Concat(slices.DeleteFunc(slices.Clone(r.Changes), again), next.Changes)
	all.Notes = slices.Clone(r.Notes)
	for _, note := range next.Notes {
		if !slices.Contains(all.Notes, note) {
			all.Notes = append(all.Notes, note)
		}
	}
	all.Kept = next.Kept
	return &all
}

// planned tells whether changes are among those that somebody said yes to.
func (w RestoreWrite) planned(changes []Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool {
		return !slices.ContainsFunc(w.Restore.Changes, func(p Change) bool { return sameChange(p, c) })
	})
}

// Made are the changes that an object which is like now got of a way back that was gone, and whether it has become
// another at all by it: admission may have made something else of a value (nobody owns what it fills in), and what somebody else has
// set is not ours.
func (r Restore) Made(now flux.Object) (made []Change, changed bool) {
	knew, _ := ReadRecord(r.Object)
	left, _ := ReadRecord(now)
	later := len(left.news(knew)) > 0 // its values bear our name, too
	for _, c := range r.Changes {
		is := now.Value(c.Field)
		switch ours := knew.owns(now, c.Field) || c.To == nil && len(now.OwnersOf(c.Field)) == 0; {
		case c.To == nil && filledIn(now, c.Field), flux.SameDuration(is, c.To):
			made = append(made, c)
		case ours && !later && !flux.SameDuration(is, c.From):
			made = append(made, Change{Field: c.Field, From: c.From, To: is})
		}
	}
	record := r.Object.Annotations[RecordAnnotation]
	return made, len(made) > 0 || now.Annotations[RecordAnnotation] != record
}

// Undo implements Verifier: what was set once is restored by whoever reverts again, by what the record says has become of it. Where
// admission keeps the interval shorter than it is to be, timeouts and retry intervals that follow it where they are not set are set as
// before.
func (w RestoreWrite) Undo(before, answer flux.Object) Write {
	r := w.Decide(before)
	changes := r.Changes
	i := slices.IndexFunc(changes, func(c Change) bool { return c.Field == flux.Interval })
	var keep []Change
	for _, c := range changes {
		if i < 0 {
			break
		}
		wanted := min(before.Effective(c.Field), before.EffectiveWith(c.Field, nil, changes[i].To))
		if c.To == nil && c.Field != flux.Interval && answer.Value(c.Field) == nil && answer.Effective(c.Field) < wanted {
			keep = append(keep, Change{Field: c.Field, To: c.From})
		}
	}
	var fields []flux.Field
	for _, c := range changes {
		fields = append(fields, c.Field)
	}
	record, err := ReadRecord(answer)
	if _, news := record.seen(answer, fields); len(keep) == 0 && (err != nil || !news) {
		return nil
	}
	return keepWrite{answer: answer, changes: keep, fields: fields, manager: r.manager()}
}

// keepWrite sets fields of an object again that a restore has removed, and notes what has become of those that it has set.
type keepWrite struct {
	answer  flux.Object
	changes []Change
	fields  []flux.Field
	manager string
}

// Keeps tells whether what is to take back a write sets fields again.
func Keeps(w Write) bool {
	keeps, is := w.(keepWrite)
	return is && len(keeps.changes) > 0
}

// Target implements Write.
func (w keepWrite) Target() flux.Object { return w.answer }

// Next sends what nobody has set since.
func (w keepWrite) Next(now flux.Object) Next {
	changes := slices.DeleteFunc(slices.Clone(w.changes), func(c Change) bool { return now.Value(c.Field) != nil })
	record, err := ReadRecord(now)
	if err != nil {
		return Next{Err: err}
	}
	seen, news := record.seen(now, w.fields)
	var annotations map[string]any
	switch {
	case news:
		annotations = annotate(now, &seen)
	case len(changes) == 0:
		return Next{State: StateAsWanted}
	}
	patch, err := mergePatch(now, changes, annotations, nil)
	return Next{Patch: patch, Manager: w.manager, Err: err}
}

// release takes out of the record what is restored, and our names from its fields.
func (r Restore) release(now flux.Object) ([]byte, error) {
	before, err := ReadRecord(now)
	if err != nil {
		return nil, err
	}
	annotations := annotate(now, r.Record)
	owners := make(map[flux.Field][]flux.Manager)
	for f, managers := range r.Freed {
		owners[f] = nil
		if now.Value(f) != nil {
			owners[f] = managers
		}
	}
	managed, err := giveBack(now, before.managers(), owners, removed(annotations)...)
	if err != nil {
		return nil, err
	}
	return mergePatch(now, nil, annotations, managed)
}

// ForgetWrite drops the record of one object and changes no value. What is there becomes the owner's own.
type ForgetWrite struct {
	Object flux.Object
	// Session is the only one that the record may have; "" for any.
	Session string
}

// Target is the object as it was read.
func (w ForgetWrite) Target() flux.Object { return w.Object }

// Next sends the removal of the record and of our name.
func (w ForgetWrite) Next(now flux.Object) Next {
	if !Forgettable(now) {
		return Next{State: StateAsWanted}
	}
	record, err := ReadRecord(now)
	switch {
	case err != nil && w.Session != "":
		return Next{State: StateLeftAlone, Why: err.Error()}
	case err != nil:
		record = nil // what cannot be read is dropped all the same
	}
	planned, _ := ReadRecord(w.Object)
	others := record.news(planned)
	if w.Session != "" {
		others = record.Sessions(w.Session)
	}
	if len(others) > 0 {
		return Next{State: StateLeftAlone, Why: fmt.Sprintf("session %s has changed it since, too, and its record is the way back of that", strings.Join(others, ", "))}
	}
	freed := make(map[flux.Field][]flux.Manager)
	if record == nil { // nothing tells which fields we own, or who owned them before
		for _, t := range now.KindRow().Tunables {
			freed[t.Field] = nil
		}
	}
	for _, f := range record.Fields() {
		freed[f] = nil
		c := record.chain(f)
		if s, _, _ := record.standingOf(c, now, f); now.Value(f) != nil && (s == stands || s == restored) {
			freed[f] = c[0].Owners // who keeps applying it is to be seen again
		}
	}
	managed, err := giveBack(now, record.managers(), freed, removed(annotate(now, nil))...)
	if err != nil {
		return Next{Err: err}
	}
	patch, err := mergePatch(now, nil, annotate(now, nil), managed)
	return Next{Patch: patch, Err: err}
}
