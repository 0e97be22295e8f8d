package tune

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Exceptions are the fields of a live object whose values are not those of who applies it: a rule leaves them to us
// (the record says so), or all who own them are ours and people's hands (metadata.managedFields). An object that nobody
// keeps applying has none: its values are where they were set. Of one whose owners were not read nothing is known.
func Exceptions(o flux.Object) []flux.Field {
	if _, owned := o.Owner(); !owned {
		return nil
	}
	record, err := ReadRecord(o)
	if err != nil {
		record = nil
	}
	pinned, lapsed := record.Pinned(), record.lapsed(o)
	var fields []flux.Field
	for _, t := range o.KindRow().Tunables {
		if o.Value(t.Field) == nil || !o.Has(t.Field) {
			continue
		}
		byHand := len(o.OwnersOf(t.Field)) > 0 && !slices.ContainsFunc(o.OwnersOf(t.Field), func(m flux.Manager) bool { return !record.byHand(m) })
		if byHand || slices.Contains(pinned, t.Field) && !slices.Contains(lapsed, t.Field) {
			fields = append(fields, t.Field)
		}
	}
	return fields
}
