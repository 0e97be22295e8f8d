package tune

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ComesBack tells whether a change of a field is undone by what keeps setting it, or may be, and how, as the item is planned:
// with the rules that are planned with it. Fields that the item does not change are in no plan.
func (i Item) ComesBack(f flux.Field) (FieldStick, bool) {
	for _, s := range i.Stick.Fields {
		if s.Field == f && i.Action == ActionChange {
			return s, s.Verdict != "" && !s.Verdict.lasts()
		}
	}
	return FieldStick{}, false
}

// LeftToOwner is why a field is left alone that something else sets, or may.
func LeftToOwner(s FieldStick) Left {
	if s.Verdict == Unknown {
		return Left{ReasonOwnerUnknown, "left to its owner: " + s.Message}
	}
	return Left{ReasonSetInGit, "would be " + s.Message}
}

// Undone are items as they end up when what keeps setting their fields again, or may, has done so: such fields are not changed, and what an
// earlier change made of them goes back to what it was. Some tells whether that is anything else than what is planned. A nil judge knows
// of nothing that is undone.
func (j *Judge) Undone(items []Item) (undone []Item, some bool) {
	if j == nil {
		return items, false
	}
	undone = slices.Clone(items)
	for n := range undone {
		if changes, differs := j.afterwards(undone[n]); differs {
			undone[n].Changes, some = changes, true
		}
	}
	return undone, some
}

// afterwards are the changes of an item that are left when what keeps setting its fields has set them again; false where these are
// the planned ones.
func (j *Judge) afterwards(item Item) (left []Change, differs bool) {
	left = slices.DeleteFunc(slices.Clone(item.Changes), func(c Change) bool {
		_, comesBack := item.ComesBack(c.Field)
		return comesBack
	})
	differs = len(left) < len(item.Changes)
	for _, back := range j.earlier(item.Object) {
		if slices.ContainsFunc(left, func(c Change) bool { return c.Field == back.Field }) || item.holds(back.Field) {
			continue // what is planned lasts
		}
		left, differs = append(left, back), true
	}
	return left, differs
}

// holds tells whether the rules that are planned with an item keep a field as it is.
func (i Item) holds(f flux.Field) bool {
	return i.Action == ActionChange && slices.ContainsFunc(i.Stick.Fields, func(s FieldStick) bool { return s.Field == f && s.Verdict.lasts() })
}

// earlier are the ways back of what changes before this plan have set, and what keeps setting the fields has yet to undo.
func (j *Judge) earlier(o flux.Object) []Change {
	record, err := ReadRecord(o)
	if err != nil {
		return nil
	}
	var back []Change
	for _, f := range record.Fields() {
		c := record.chain(f)
		if s, _, _ := record.standingOf(c, o, f); s == stands && !j.Judge(o, []flux.Field{f}).Verdict.lasts() {
			back = append(back, Change{Field: f, From: o.Value(f), To: c[0].From})
		}
	}
	return back
}
