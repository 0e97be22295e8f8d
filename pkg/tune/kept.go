package tune

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Kept are those of the items that a session wrote whose objects still hold what it set, though they bear no record of it any
// more: somebody took the record away, forgot it, or made it unreadable, so that no revert finds them. Each has the changes that still stand, a
// change from and to one value never. What another session has changed since is told by that one's record.
func Kept(items []Item, objects []flux.Object) []Item {
	now := make(map[flux.Ref]*flux.Object, len(objects))
	for i := range objects {
		now[objects[i].Ref] = &objects[i]
	}
	var kept []Item
	for _, item := range items {
		o := now[item.Object.Ref]
		if o == nil || o.MadeAnew(item.Object) { // what it holds is its maker's choice
			continue
		}
		if record, _ := ReadRecord(*o); record != nil {
			continue
		}
		var stand []Change
		for _, c := range item.Changes {
			if value := o.Value(c.Field); value != nil && c.To != nil && *value == *c.To && (c.From == nil || *c.From != *c.To) {
				stand = append(stand, c)
			}
		}
		if len(stand) > 0 {
			item.Changes = stand
			kept = append(kept, item)
		}
	}
	return kept
}

// Unrecorded tells whether an object bears the name of fluxtune in metadata.managedFields, and no record of what was there before: somebody
// took that away, or a hand wrote under that name; nothing tells which. Forget and revert leave no name behind.
func Unrecorded(o flux.Object) bool {
	return !Tuned(o) && slices.ContainsFunc(o.KindRow().Tunables, func(t flux.Tunable) bool { return owns(o, t.Field, DefaultManager) })
}

// Forgettable tells whether an object bears something of fluxtune: a record, or its name without one.
func Forgettable(o flux.Object) bool { return Tuned(o) || Unrecorded(o) }
