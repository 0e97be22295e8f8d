package tune

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// PinWrite adds rules to an owner's, before its objects are changed, or brings them to what records need.
type PinWrite struct {
	Pin Pin
	// Manager is the field manager of the changes; "" is DefaultManager.
	Manager string
	// Settles says that the rules are all that the records need which were read after the owner was: what is there
	// beyond them goes. Of an owner that has changed since, they may not be all, and it is left alone (OwnerChanged).
	Settles bool
}

// OwnerChanged is why the rules of an owner are not settled: records may need others by now.
const OwnerChanged = "changed while its rules were worked out"

// Target is the owner as it was planned.
func (w PinWrite) Target() flux.Object { return w.Pin.Owner }

// Next sends the rules as they should be, and, when none of ours is left, takes our name away.
func (w PinWrite) Next(now flux.Object) Next {
	ours, others := partRules(now)
	if !w.Settles { // somebody else may need what is there: records tell at the end
		w.Pin.Rules = Rules(slices.Concat(needsOf(ours), needsOf(w.Pin.Rules)))
	}
	if why := CannotPin(now.Ref, now, true); why != "" && len(adds(w.Pin.Rules, ours)) > 0 {
		return Next{State: StateLeftAlone, Why: why}
	}
	notes := readPins(now)
	adopted := len(ignoreSetters(now)) > 0
	switch {
	case !adopted && !slices.EqualFunc(ours, w.Pin.Rules, flux.IgnoreRule.Equal):
		if w.Settles && now.ResourceVersion != w.Pin.Owner.ResourceVersion {
			return Next{State: StateLeftAlone, Why: OwnerChanged}
		}
		if beside := w.ownersBeside(now, notes); len(beside) > 0 || !Pinning(now) { // whoever wrote the list last
			notes.Owners = beside
		}
		patch, err := w.rules(now, others, notes)
		return Next{Patch: patch, More: len(w.Pin.Rules) == 0, Err: err}
	case len(w.Pin.Rules) == 0 && Pinning(now):
		patch, err := w.release(now, notes, adopted)
		return Next{Patch: patch, Err: err}
	default:
		return Next{State: StateAsWanted, Why: "has the rules already"}
	}
}

// ownersBeside are the owners of an owner's rules beside us.
func (w PinWrite) ownersBeside(now flux.Object, notes pins) []flux.Manager {
	return slices.DeleteFunc(now.OwnersOf(flux.IgnoreField), func(m flux.Manager) bool {
		return m.Name == DefaultManager || m.Name == w.Manager || m.Name == notes.Manager
	})
}

func (w PinWrite) rules(now flux.Object, others []flux.IgnoreRule, notes pins) ([]byte, error) {
	notes.Rules, notes.Manager = []string{}, w.Manager
	for _, r := range w.Pin.Rules {
		notes.Rules = append(notes.Rules, digest(r))
	}
	note, err := json.Marshal(notes)
	if err != nil {
		return nil, fmt.Errorf("noting the rules of %s: %w", now.Ref, err)
	}
	return patchOf(now, map[string]any{PinsAnnotation: string(note)}, nil, func(patch map[string]any) {
		set(patch, flux.IgnoreField.Path(), orNull(slices.Concat(others, w.Pin.Rules)))
	})
}

// release takes away the note and our name. Of a list that others have taken over, it gives nothing back.
func (w PinWrite) release(now flux.Object, notes pins, adopted bool) ([]byte, error) {
	freed := map[flux.Field][]flux.Manager{flux.IgnoreField: nil}
	if len(now.Ignore) > 0 && !adopted {
		freed[flux.IgnoreField] = notes.Owners
	}
	managed, err := giveBack(now.ManagedFields, map[string]bool{DefaultManager: true, w.Manager: true, notes.Manager: true}, freed, PinsAnnotation)
	if err != nil {
		return nil, err
	}
	return mergePatch(now, nil, map[string]any{PinsAnnotation: nil}, managed)
}

// Verify implements Verifier: objects that are changed without their rule would be set back, and a rule without its note
// would be taken for somebody else's.
func (w PinWrite) Verify(answer flux.Object) error {
	switch {
	case len(w.Pin.Rules) > 0 && !Pinning(answer):
		return fmt.Errorf("the API server dropped the annotation %s, which tells our rules from others: %s", PinsAnnotation, byAdmission)
	case len(adds(w.Pin.Rules, OurRules(answer))) > 0:
		return fmt.Errorf("the API server dropped rules from %s: %s", flux.IgnoreField, byAdmission)
	default:
		return nil
	}
}

// Undo implements Verifier.
func (w PinWrite) Undo(before, answer flux.Object) Write {
	return unpinWrite{before: before, answer: answer, sent: w.Pin.Rules, manager: w.Manager}
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

// Next sends the rules as they were. Of an owner that somebody has changed since, only ours go.
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
	left, leftNoted := now.Annotations[PinsAnnotation]
	switch {
	case !slices.EqualFunc(rules, now.Ignore, flux.IgnoreRule.Equal) || note != left || noted != leftNoted:
		annotations := map[string]any{PinsAnnotation: nil}
		if noted {
			annotations[PinsAnnotation] = note
		}
		patch, err := patchOf(now, annotations, nil, func(patch map[string]any) { set(patch, flux.IgnoreField.Path(), orNull(rules)) })
		return Next{Patch: patch, More: true, Err: err}
	case !noted && len(now.ManagedFields) > 0:
		patch, err := w.release(now)
		return Next{Patch: patch, Err: err}
	default:
		return Next{State: StateAsWanted}
	}
}

// release takes our name away, which was not there before, and gives the list back to who owned it; nil where there is
// nothing to do.
func (w unpinWrite) release(now flux.Object) ([]byte, error) {
	ours := map[string]bool{DefaultManager: true, w.manager: true}
	var entries []metav1.ManagedFieldsEntry
	if err := json.Unmarshal(now.ManagedFields, &entries); err != nil {
		return nil, fmt.Errorf("reading metadata.managedFields of %s: %w", now.Ref, err)
	}
	is := func(e metav1.ManagedFieldsEntry) bool { return ours[e.Manager] && e.Subresource == "" }
	if !slices.ContainsFunc(entries, is) {
		return nil, nil
	}
	owners := slices.DeleteFunc(w.before.OwnersOf(flux.IgnoreField), func(m flux.Manager) bool { return ours[m.Name] })
	managed, err := giveBack(now.ManagedFields, ours, map[flux.Field][]flux.Manager{flux.IgnoreField: owners})
	if err != nil {
		return nil, err
	}
	if managed = slices.DeleteFunc(managed, is); len(managed) == 0 {
		managed = nobody()
	}
	return mergePatch(now, nil, nil, managed)
}

// orNull is a list of rules as a merge patch sets it: null where there is none.
func orNull(rules []flux.IgnoreRule) any {
	if len(rules) == 0 {
		return nil
	}
	return rules
}
