package tune

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// RevertOptions are the choices of one revert.
type RevertOptions struct {
	// Session takes back only what the apply with this id did; "" takes back everything.
	Session string
	// Force restores fields too that somebody else changed since.
	Force bool
}

// Revert plans the way back for every object that bears a record; objects without one are left out.
func Revert(objects []flux.Object, opts RevertOptions) Plan {
	var plan Plan
	for _, o := range objects {
		if _, tuned := o.Annotations[RecordAnnotation]; tuned {
			plan.Items = append(plan.Items, DecideRevert(o, opts))
		}
	}
	return plan
}

// DecideRevert plans the way back of one object. Each field is restored to its value before the
// first step that is taken back; a field that somebody changed since is left as it is, and its part
// of the record stays.
func DecideRevert(o flux.Object, opts RevertOptions) Item {
	item := Item{Object: o, Action: ActionSkip}
	record, err := ReadRecord(o)
	switch {
	case err != nil:
		item.Reason, item.Message = ReasonBadRecord, err.Error()
		return item
	case record == nil:
		item.Action, item.Reason, item.Message = ActionUnchanged, ReasonMatchesPolicy, "not tuned by fluxtune"
		return item
	case opts.Session != "" && !record.HasSession(opts.Session):
		item.Reason, item.Message = ReasonOtherSession, fmt.Sprintf("tuned by session %s", record.LastSession())
		return item
	case o.Deleting:
		item.Reason, item.Message = ReasonDeleting, "being deleted"
		return item
	}
	taken := func(s Step) bool { return opts.Session == "" || s.Session == opts.Session }
	done := make(map[flux.Field]bool)
	for _, t := range o.KindRow().Tunables {
		move, last, moved := span(*record, t.Field, taken)
		if !moved {
			continue
		}
		if !o.Has(t.Field) { // a HelmRelease that takes its chart from a chartRef now
			done[t.Field] = true
			item.Notes = append(item.Notes, fmt.Sprintf("%s is gone together with its chart template: nothing to restore", t.Field))
			continue
		}
		current := o.Value(t.Field)
		if changed := changedSince(t.Field, current, move, last, opts.Session); changed != "" && !opts.Force {
			item.Notes = append(item.Notes, changed)
			continue
		}
		done[t.Field] = true
		if !equal(current, move.From) {
			item.Changes = append(item.Changes, Change{Field: t.Field, From: current, To: move.From})
		}
	}
	if len(done) == 0 {
		item.Reason, item.Message = ReasonChangedSince, strings.Join(item.Notes, "; ")
		item.Notes = nil
		return item
	}
	left := record.without(done, taken)
	item.Action, item.Reason, item.Message, item.Record = ActionChange, ReasonTuned, "tuned by session "+record.LastSession(), &left
	return item
}

// span finds a field's move over all the steps that are taken back: from before the first to after
// the last of them. It also returns the newest step of the whole record that moved the field.
func span(r Record, field flux.Field, taken func(Step) bool) (move Move, newest Step, moved bool) {
	for _, step := range r.Steps {
		m, ok := step.Fields[field]
		if !ok {
			continue
		}
		newest = step
		if !taken(step) {
			continue
		}
		if !moved {
			move.From = m.From
		}
		move.To, moved = m.To, true
	}
	return move, newest, moved
}

// changedSince says what keeps a field from being restored: another value than the one that was set,
// or a later session's step on top.
func changedSince(field flux.Field, current *string, move Move, newest Step, session string) string {
	if session != "" && newest.Session != session {
		return fmt.Sprintf("%s was tuned again by session %s: revert that one first, or use --force", field, newest.Session)
	}
	if flux.SameDuration(current, move.To) || equal(current, move.From) {
		return "" // as it was set, or restored already: by Git, or by hand
	}
	return fmt.Sprintf("%s was set to %s and is now %s: somebody changed it since (--force restores %s)",
		field, Show(move.To), Show(current), Show(move.From))
}

// Show writes a field's value for people: in its shortest form, or "<unset>".
func Show(value *string) string {
	if value == nil {
		return "<unset>"
	}
	return flux.ShortDuration(*value)
}

func equal(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
