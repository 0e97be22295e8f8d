package tune

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// byAdmission is why the API server's answer is not what was sent.
const byAdmission = "admission (a policy or webhook) changes what is written"

// bySchema is why a field is not set that was, or set that was not: a schema prunes what it does not know, and has defaults.
const bySchema = "the CRD's schema, or admission (a policy or webhook), changes what is written"

// Verify implements Verifier: a value that is another one, or a record that is not there, could not be taken back.
func (w ApplyWrite) Verify(_, answer flux.Object) error {
	if record, err := ReadRecord(answer); err != nil || !record.HasSession(w.Stamp.Session) {
		return droppedAnnotation(RecordAnnotation, "which the way back needs")
	}
	return arrived(w.Item.Changes, answer)
}

func droppedAnnotation(key, why string) error {
	return fmt.Errorf("the API server dropped the annotation %s, %s: %s", key, why, byAdmission)
}

// VerifyLater implements Verifier. A patch of ours makes us the owner of what it changes, also where admission changes
// that again; whoever writes later becomes the owner in our place. Where nobody is noted as owner, the generation tells whether
// somebody has changed the object beside us.
func (w ApplyWrite) VerifyLater(before, now flux.Object) error {
	record, err := ReadRecord(now)
	if err != nil || record.HasSession(w.Stamp.Session) {
		for _, c := range w.Item.Changes {
			as := flux.SameDuration(now.Value(c.Field), before.Value(c.Field)) && sameOwners(now.OwnersOf(c.Field), before.OwnersOf(c.Field))
			once := unknown(now, c.Field) && now.Generation == before.Generation+1
			if !as && !once && !owns(now, c.Field, w.Stamp.Manager) {
				return nil // somebody else has set it since
			}
		}
		return w.Verify(before, now)
	}
	if note := now.Annotations[RecordAnnotation]; note != "" && note != before.Annotations[RecordAnnotation] {
		return nil // somebody else's run came first
	}
	if len(now.Owners) == 0 && now.Generation == before.Generation+1 && arrived(w.Item.Changes, now) == nil {
		return w.Verify(before, now)
	}
	for _, c := range w.Item.Changes {
		f, is := c.Field, now.Value(c.Field)
		// Without its record, another value than the one that was sent is somebody's choice under our name.
		if flux.SameDuration(is, c.To) && owns(now, f, w.Stamp.Manager) && (!owns(before, f, w.Stamp.Manager) || !flux.SameDuration(is, before.Value(f))) {
			return w.Verify(before, now)
		}
	}
	return nil
}

// owns tells whether a field manager ("" is DefaultManager) owns a field by updates.
func owns(o flux.Object, f flux.Field, manager string) bool {
	return slices.ContainsFunc(o.OwnersOf(f), func(m flux.Manager) bool { return !m.Apply && m.Name == cmp.Or(manager, DefaultManager) })
}

func sameOwners(a, b []flux.Manager) bool {
	lacks := func(list []flux.Manager) func(flux.Manager) bool {
		return func(m flux.Manager) bool { return !slices.Contains(list, m) }
	}
	return !slices.ContainsFunc(a, lacks(b)) && !slices.ContainsFunc(b, lacks(a))
}

// Undo implements Verifier.
func (w ApplyWrite) Undo(before, answer flux.Object) Write {
	return unapplyWrite{before: before, answer: answer, write: w}
}

// annotation is one annotation as a merge patch sets it, or removes it where it was not there.
func annotation(key, value string, there bool) map[string]any {
	if !there {
		return map[string]any{key: nil}
	}
	return map[string]any{key: value}
}

// takeNameOut gives fields back to who owned them, and sets annotations. Where we have no business with the object beside, our name
// goes altogether. Nil where there is nothing to do.
func takeNameOut(now flux.Object, annotations map[string]any, beside bool, manager string, freed map[flux.Field][]flux.Manager) ([]byte, error) {
	ours := map[string]bool{DefaultManager: true, cmp.Or(manager, DefaultManager): true}
	var entries []metav1.ManagedFieldsEntry
	if err := json.Unmarshal(now.ManagedFields, &entries); len(now.ManagedFields) > 0 && err != nil {
		return nil, fmt.Errorf("reading metadata.managedFields of %s: %w", now.Ref, err)
	}
	is := func(e metav1.ManagedFieldsEntry) bool {
		return ours[e.Manager] && e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == ""
	}
	if !slices.ContainsFunc(entries, is) || beside && len(freed) == 0 {
		if len(annotations) == 0 {
			return nil, nil
		}
		return mergePatch(now, nil, annotations, nil)
	}
	if len(freed) > 0 {
		var err error
		if entries, err = giveBack(now, ours, freed); err != nil {
			return nil, err
		}
	}
	if !beside {
		entries = slices.DeleteFunc(entries, is)
	}
	if len(entries) == 0 {
		entries = nobody()
	}
	return mergePatch(now, nil, annotations, entries)
}

// Verify implements Verifier: a value that is another one is not restored, and a record that stays, or goes with what it
// still has, misleads whoever comes next.
func (w RestoreWrite) Verify(before, answer flux.Object) error {
	r := w.Decide(before)
	if len(r.Changes) > 0 {
		return arrived(r.Changes, answer)
	}
	if Tuned(answer) != (r.Record != nil) {
		return fmt.Errorf("the API server did not take the annotation %s as it was sent: %s", RecordAnnotation, byAdmission)
	}
	return nil
}

// arrived says which of some changes are not there. Where a field was removed, the API server may fill it in.
func arrived(changes []Change, answer flux.Object) error {
	for _, c := range changes {
		if c.To == nil && filledIn(answer, c.Field) {
			continue
		}
		if got := answer.Value(c.Field); !flux.SameDuration(got, c.To) {
			why := byAdmission
			if got == nil || c.To == nil {
				why = bySchema
			}
			return fmt.Errorf("%s became %s, not %s: %s", c.Field, Show(got), Show(c.To), why)
		}
	}
	return nil
}

// VerifyLater implements Verifier: the object is looked at again in any case. A value that is neither what it was nor what was sent is
// what admission made of that, where nothing else has changed since.
func (w RestoreWrite) VerifyLater(before, now flux.Object) error {
	r := w.Decide(before)
	record, err := ReadRecord(now)
	if err != nil || record == nil || now.Generation != before.Generation+1 {
		return nil
	}
	came := false
	for _, c := range r.Changes {
		if now.Value(c.Field) != nil && !record.owns(now, c.Field) && !unknown(now, c.Field) {
			return nil // somebody else has set it since
		}
		came = came || !flux.SameDuration(now.Value(c.Field), c.From)
	}
	if !came {
		return nil
	}
	return arrived(r.Changes, now)
}

// Verify implements Verifier: forgetting changes no value.
func (w ForgetWrite) Verify(before, answer flux.Object) error {
	var same []Change
	for _, t := range before.KindRow().Tunables {
		same = append(same, Change{Field: t.Field, To: before.Value(t.Field)})
	}
	if err := arrived(same, answer); err != nil {
		return err
	}
	if Tuned(answer) {
		return fmt.Errorf("the API server kept the annotation %s: %s", RecordAnnotation, byAdmission)
	}
	return nil
}

// VerifyLater implements Verifier: what came since may be somebody else's.
func (w ForgetWrite) VerifyLater(_, _ flux.Object) error { return nil }

// Undo implements Verifier.
func (w ForgetWrite) Undo(_, _ flux.Object) Write { return nil }

// Verify implements Verifier: objects that are changed without their rule would be set back, a rule without its note would
// be taken for somebody else's, and one that stays keeps Git's values away.
func (w PinWrite) Verify(before, answer flux.Object) error {
	ours, others := partRules(before)
	wanted := w.wanted(before)
	switch {
	case len(w.Pin.Rules) > 0 && !Pinning(answer):
		return droppedAnnotation(PinsAnnotation, "which tells our rules from others")
	case w.losesOwners(before, answer):
		return droppedAnnotation(PinsAnnotation, "which tells who wrote the rules before us")
	case len(adds(w.Pin.Rules, OurRules(answer))) > 0:
		return fmt.Errorf("the API server dropped rules from %s: %s", flux.IgnoreField, byAdmission)
	}
	for _, r := range ours {
		if countRules(answer.Ignore, r) > countRules(others, r)+countRules(wanted, r) {
			return fmt.Errorf("the API server kept rules in %s that were taken away: %s", flux.IgnoreField, byAdmission)
		}
	}
	return nil
}

// losesOwners tells whether a list has become ours, and the note does not say whose it was.
func (w PinWrite) losesOwners(before, now flux.Object) bool {
	notes := readPins(before)
	w.Manager = w.manager(before)
	beside := w.ownersBeside(before, notes)
	return len(beside) > 0 && !owns(before, flux.IgnoreField, w.Manager) && owns(now, flux.IgnoreField, w.Manager) && !sameOwners(readPins(now).Owners, beside)
}

func countRules(rules []flux.IgnoreRule, rule flux.IgnoreRule) (n int) {
	for _, r := range rules {
		if r.Equal(rule) {
			n++
		}
	}
	return n
}

// VerifyLater implements Verifier. A rule and its name in the note are written together, and go together.
func (w PinWrite) VerifyLater(before, now flux.Object) error {
	if w.losesOwners(before, now) {
		return w.Verify(before, now)
	}
	had, has := readPins(before).Rules, readPins(now).Rules
	for _, r := range OurRules(before) {
		if is := slices.ContainsFunc(now.Ignore, r.Equal); is && !slices.Contains(has, digest(r)) {
			return w.Verify(before, now)
		}
	}
	for _, r := range w.wanted(before) {
		is := func(o flux.Object) bool { return slices.ContainsFunc(o.Ignore, r.Equal) }
		noted := slices.Contains(has, digest(r))
		if is(now) && !is(before) && !noted || noted && !slices.Contains(had, digest(r)) && !is(now) {
			return w.Verify(before, now)
		}
	}
	return nil
}

// Undo implements Verifier.
func (w PinWrite) Undo(before, answer flux.Object) Write {
	return unpinWrite{before: before, answer: answer, sent: w.wanted(before), manager: w.manager(before)}
}

// unpinWrite puts the rules of an owner back to what they were before a write that did not arrive as it was sent, and takes
// our name away where it was not there before.
type unpinWrite struct {
	before, answer flux.Object
	sent           []flux.IgnoreRule
	manager        string
}

// Target implements Write.
func (w unpinWrite) Target() flux.Object { return w.answer }

// Next sends the rules as they were, and a note that there was none of goes last, with our name: the program may end in between, and
// by the note the next run takes the name out. Of an owner that somebody has changed since, only ours go.
func (w unpinWrite) Next(now flux.Object) Next {
	rules := w.before.Ignore
	if now.ResourceVersion != w.answer.ResourceVersion {
		ours := OurRules(w.before)
		is := func(rules []flux.IgnoreRule) func(flux.IgnoreRule) bool {
			return func(r flux.IgnoreRule) bool { return slices.ContainsFunc(rules, r.Equal) }
		}
		rules = slices.Concat(slices.DeleteFunc(slices.Clone(now.Ignore), is(slices.Concat(w.sent, ours))), ours)
	}
	note, noted := w.before.Annotations[PinsAnnotation]
	var annotations map[string]any
	if left, leftNoted := now.Annotations[PinsAnnotation]; note != left || noted != leftNoted {
		annotations = annotation(PinsAnnotation, note, noted)
	}
	if differ := !slices.EqualFunc(rules, now.Ignore, flux.IgnoreRule.Equal); differ || noted && annotations != nil {
		if !noted {
			annotations = nil
		}
		patch, err := patchOf(now, annotations, nil, func(patch map[string]any) {
			set(patch, flux.IgnoreField.Path(), orNull(rules))
		})
		return Next{Patch: patch, Manager: w.manager, Err: err}
	}
	freed := make(map[flux.Field][]flux.Manager)
	if owners := w.before.OwnersOf(flux.IgnoreField); owns(now, flux.IgnoreField, w.manager) && !sameOwners(owners, now.OwnersOf(flux.IgnoreField)) {
		freed[flux.IgnoreField] = owners
	}
	patch, err := takeNameOut(now, annotations, noted, w.manager, freed)
	return Next{Patch: patch, Manager: w.manager, State: StateAsWanted, Err: err}
}
