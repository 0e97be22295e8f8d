package tune

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// PinWrite adds rules to an owner's, before its objects are changed, or brings them to what records need.
type PinWrite struct {
	Pin Pin
	// Manager is the field manager of the changes, where no rules of ours are there yet; "" is DefaultManager.
	Manager string
	// Settles says that the rules are all that the records need which were read after the owner was: what is there
	// beyond them goes. Of an owner that has changed since, they may not be all, and it is left alone (OwnerChanged).
	Settles bool
	// Session is one that has changed objects under the rules, and wants them to be found as they are: it is noted, so that
	// nobody takes them away who read the records before. "" notes nothing.
	Session string
	// Run is the session of the run that writes, where that changes objects under the rules: it is noted as waiting, until the
	// time Until at most. A LeaveWrite takes that back, before the rules are settled.
	Run   string
	Until time.Time
	// Now tells, where the write settles, which other sessions may still be waiting: while one is, no rule of ours goes, but those
	// of objects that the run takes back whoever waits (Takes; nil: none).
	Now   time.Time
	Takes func(flux.Ref) bool
}

// OwnerChanged is why the rules of an owner are not settled: records may need others by now.
const OwnerChanged = "changed while its rules were worked out"

// Target is the owner as it was planned.
func (w PinWrite) Target() flux.Object { return w.Pin.Owner }

// Next sends the rules as they should be, and, when none of ours is left, takes our name away.
func (w PinWrite) Next(now flux.Object) Next {
	ours, others := partRules(now)
	w.Pin.Rules = w.wanted(now)
	adopted, there := len(adopters(now)) > 0, ours
	if adopted {
		there = others // they serve as well as ours did
	}
	if why := CannotPin(now); why != "" && len(adds(w.Pin.Rules, there)) > 0 {
		return Next{State: StateLeftAlone, Why: why}
	}
	if err := BadPins(now); err != nil {
		return Next{Err: err}
	}
	notes := readPins(now)
	w.Manager = w.manager(now)
	waits := w.note(&notes)
	if w.Settles && len(w.Pin.Rules) == 0 { // there is nothing to wait for any more
		notes.Waiting = nil
	}
	switch {
	case !adopted && !slices.EqualFunc(ours, w.Pin.Rules, flux.IgnoreRule.Equal):
		if w.Settles && now.ResourceVersion != w.Pin.Owner.ResourceVersion {
			return Next{State: StateLeftAlone, Why: OwnerChanged}
		}
		if beside := w.ownersBeside(now, notes); len(beside) > 0 || !Pinning(now) { // whoever wrote the list last
			notes.Owners = beside
		}
		patch, err := w.rules(now, others, notes)
		return Next{Patch: patch, Manager: w.Manager, Err: err}
	case len(w.Pin.Rules) == 0 && len(notes.Waiting) == 0 && Pinning(now):
		patch, err := w.release(now, notes, adopted)
		return Next{Patch: patch, Manager: w.Manager, Err: err}
	case waits || w.Session != "" && len(ours) > 0 && notes.Session != w.Session:
		notes.Session = cmp.Or(w.Session, notes.Session)
		patch, err := w.noted(now, notes, func(map[string]any) {})
		return Next{Patch: patch, Manager: w.Manager, Aside: true, Err: err}
	default:
		return Next{State: StateAsWanted, Why: "has the rules already"}
	}
}

// wanted are the rules of ours that an owner is to have.
func (w PinWrite) wanted(now flux.Object) []flux.IgnoreRule {
	if w.Settles && len(w.others(now)) == 0 {
		return w.Pin.Rules
	}
	// Somebody else may need what is there: records tell when the last one ends.
	kept := slices.DeleteFunc(needsOf(OurRules(now)), func(n Need) bool { return w.Settles && w.Takes != nil && w.Takes(n.Object) })
	return Rules(slices.Concat(kept, needsOf(w.Pin.Rules)))
}

// others are the sessions beside its own that may be waiting for rules of an owner.
func (w PinWrite) others(now flux.Object) map[string]time.Time {
	waiting := maps.Clone(Waiting(now, w.Now))
	delete(waiting, w.Run)
	return waiting
}

// note brings the sessions that wait up to date, and tells whether its own is one more.
func (w PinWrite) note(notes *pins) bool {
	if w.Settles {
		notes.leave(w.Run, w.Now)
		return false
	}
	return notes.enter(w.Run, w.Until)
}

// manager is the field manager of a write: that of the rules which are there, so that no name of ours is ever unknown to the note.
func (w PinWrite) manager(now flux.Object) string {
	if Pinning(now) {
		return cmp.Or(readPins(now).Manager, DefaultManager)
	}
	return cmp.Or(w.Manager, DefaultManager)
}

// managers are our names among the owners of an owner's rules.
func (w PinWrite) managers(notes pins) managerNames {
	return managerNames{DefaultManager: true, w.Manager: true, notes.Manager: true}
}

// ownersBeside are the owners of an owner's rules beside us.
func (w PinWrite) ownersBeside(now flux.Object, notes pins) []flux.Manager {
	return slices.DeleteFunc(now.OwnersOf(flux.IgnoreField), w.managers(notes).has)
}

func (w PinWrite) rules(now flux.Object, others []flux.IgnoreRule, notes pins) ([]byte, error) {
	notes.Rules, notes.Manager = []string{}, w.Manager
	for _, r := range w.Pin.Rules {
		notes.Rules = append(notes.Rules, digest(r))
	}
	return w.noted(now, notes, func(patch map[string]any) {
		set(patch, flux.IgnoreField.Path(), orNull(slices.Concat(others, w.Pin.Rules)))
	})
}

// noted writes the note, and what else is to be patched with it.
func (w PinWrite) noted(now flux.Object, notes pins, more func(patch map[string]any)) ([]byte, error) {
	note, err := json.Marshal(notes)
	if err != nil {
		return nil, fmt.Errorf("noting the rules of %s: %w", now.Ref, err)
	}
	return patchOf(now, map[string]any{PinsAnnotation: string(note)}, nil, more)
}

// release takes away the note and our name. Of a list that others have taken over, or written since, it gives nothing back.
func (w PinWrite) release(now flux.Object, notes pins, adopted bool) ([]byte, error) {
	freed := map[flux.Field][]flux.Manager{flux.IgnoreField: nil}
	if len(now.Ignore) > 0 && !adopted && len(w.ownersBeside(now, notes)) == 0 {
		freed[flux.IgnoreField] = notes.Owners
	}
	managed, err := giveBack(now, w.managers(notes), freed, PinsAnnotation)
	if err != nil {
		return nil, err
	}
	return mergePatch(now, nil, map[string]any{PinsAnnotation: nil}, managed)
}

// orNull is a list of rules as a merge patch sets it: null where there is none.
func orNull(rules []flux.IgnoreRule) any {
	if len(rules) == 0 {
		return nil
	}
	return rules
}

// LeaveWrite says that a session waits no more for the rules of an owner. It goes before the records are read that tell which
// rules are needed: whoever took one away and left the rules, since the session was waiting, has done so before.
type LeaveWrite struct {
	Owner   flux.Object
	Session string
}

// Target is the owner as it was last seen.
func (w LeaveWrite) Target() flux.Object { return w.Owner }

// Next takes the session out of those that wait.
func (w LeaveWrite) Next(now flux.Object) Next {
	notes := readPins(now)
	if BadPins(now) != nil || !notes.leave(w.Session, time.Time{}) {
		return Next{State: StateAsWanted}
	}
	patch, err := (PinWrite{}).noted(now, notes, func(map[string]any) {})
	return Next{Patch: patch, Manager: PinWrite{}.manager(now), Aside: true, Err: err}
}
