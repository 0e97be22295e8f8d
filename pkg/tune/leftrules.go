package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// partPinned parts the fields of an object that its record calls pinned: those that Git sets again when our rules go,
// and those that rules of others leave to the cluster all the same.
func (j *Judge) partPinned(o flux.Object) (back, stay []flux.Field) {
	record, err := ReadRecord(o)
	owner, owned := o.Owner()
	if err != nil || !owned {
		return nil, nil
	}
	for _, f := range record.Pinned() {
		if j.leaves(o, owner, f).byOthers {
			stay = append(stay, f)
		} else {
			back = append(back, f)
		}
	}
	return back, stay
}

// ComesBack are the fields of an object that rules of ours leave to us now, and that Git sets again when these go: with
// the record that needs them. None where the rules are gone already (PinGone).
func (j *Judge) ComesBack(o flux.Object) []flux.Field {
	if j.PinGone(o) {
		return nil
	}
	back, _ := j.partPinned(o)
	return back
}

// RulesLeft warns of pinned objects whose fields rules of others keep leaving to the cluster when ours are gone: somebody
// has edited one of ours, or set one of their own beside it. A line for each owner.
func RulesLeft(j *Judge, restores []Restore) []string {
	kept := make(map[flux.Ref]map[flux.Field]int)
	var owners []flux.Ref
	for _, r := range restores {
		owner, _ := r.Object.Owner()
		if r.Action != ActionChange {
			continue
		}
		_, stay := j.partPinned(r.Object)
		for _, f := range stay {
			if kept[owner] == nil {
				kept[owner] = make(map[flux.Field]int)
				owners = append(owners, owner)
			}
			kept[owner][f]++
		}
	}
	sorting.By(owners, flux.Ref.Compare)
	var warnings []string
	for _, owner := range owners {
		var what []string
		for f, n := range kept[owner] {
			what = append(what, fmt.Sprintf("%s of %d", f, n))
		}
		slices.Sort(what)
		warnings = append(warnings, fmt.Sprintf("spec.ignore of %s keeps a rule that is not fluxtune's, or not any more: it leaves %s to the cluster, so that Git does not set it", owner, strings.Join(what, ", ")))
	}
	return warnings
}

// OwnersUnread warns of pinned objects whose owner was not read: whether our rules can be taken away shows only when it is
// tried. One that is known to be gone has taken its rules with it. A line for each owner.
func OwnersUnread(j *Judge, restores []Restore) []string {
	objects := make(map[flux.Ref]int)
	for _, r := range restores {
		owner, pinned := PinnedBy(r.Object)
		if _, read := j.object(owner); r.Action == ActionChange && pinned && !read && !j.gone(owner) {
			objects[owner]++
		}
	}
	var warnings []string
	for _, owner := range slices.SortedFunc(maps.Keys(objects), flux.Ref.Compare) {
		warnings = append(warnings, fmt.Sprintf("%s, whose rules hold %d of these, %s: whether the rules can be taken away shows when it is tried; doctor names those that stay to whoever may read it", owner, objects[owner], j.lacks(owner)))
	}
	return warnings
}

// RulesAfter are the owners whose rules change when restores are done, with the rules that they need then. Objects are
// all that are known, unread those that are not; takes are those whose rules go whoever waits for them (PinWrite.Takes).
func RulesAfter(owners, objects []flux.Object, unread []flux.Ref, restores []Restore, now time.Time, takes func(flux.Ref) bool) []Pin {
	needs := Needs(flux.Each(withoutRestored(objects, restores)), unread...)
	var changed []Pin
	for _, owner := range owners {
		pin := needs.Pin(owner)
		if next := (PinWrite{Pin: pin, Settles: true, Now: now, Takes: takes}).Next(owner); next.Patch != nil && !next.Aside || next.Err != nil {
			changed = append(changed, pin)
		}
	}
	return changed
}

// RulesAwaited says of owners whose rules would change then, too, were they not waited for, whose they are and until when they
// stay; a line for each. The parameters are those of RulesAfter.
func RulesAwaited(owners, objects []flux.Object, unread []flux.Ref, restores []Restore, now time.Time, takes func(flux.Ref) bool) []string {
	needs := Needs(flux.Each(withoutRestored(objects, restores)), unread...)
	var lines []string
	for _, owner := range owners {
		waiting := Waiting(owner, now)
		kept := slices.DeleteFunc(adds(OurRules(owner), needs.Pin(owner).Rules), func(ref flux.Ref) bool { return takes != nil && takes(ref) })
		if len(waiting) == 0 || len(kept) == 0 {
			continue
		}
		sessions := slices.Sorted(maps.Keys(waiting))
		until := slices.MaxFunc(slices.Collect(maps.Values(waiting)), time.Time.Compare)
		lines = append(lines, fmt.Sprintf("spec.ignore of %s keeps rules that no object needs (%s): session %s has set rules there, and is about to change objects under them. They go at its end; if it was killed, with a revert of what it was to change, or with any after %s",
			owner.Ref, firstObject(kept), strings.Join(sessions, ", "), ShowTime(until)))
	}
	return lines
}

// withoutRestored are objects with the records that they have when restores are done.
func withoutRestored(objects []flux.Object, restores []Restore) []flux.Object {
	left := make(map[flux.Ref]*Record)
	for _, r := range restores {
		if r.Action == ActionChange {
			left[r.Object.Ref] = r.Record
		}
	}
	after := make([]flux.Object, 0, len(objects))
	for _, o := range objects {
		if record, restored := left[o.Ref]; restored {
			o.Annotations = maps.Clone(o.Annotations)
			delete(o.Annotations, RecordAnnotation)
			if record != nil {
				o.Annotations[RecordAnnotation] = record.String()
			}
		}
		after = append(after, o)
	}
	return after
}

// firstObject names the first of some objects, and how many more there are.
func firstObject(refs []flux.Ref) string {
	if len(refs) == 1 {
		return refs[0].String()
	}
	return fmt.Sprintf("%s and %d more", refs[0], len(refs)-1)
}
