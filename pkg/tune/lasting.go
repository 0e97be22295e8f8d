package tune

import (
	"maps"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// standingPin judges the fields of an object that are as we set them and that its record calls pinned; false where there are
// none.
func (j *Judge) standingPin(o flux.Object) (Stick, bool) { return j.standing(o, (*Record).Pinned) }

// standing judges those of some fields of an object's record that are as we set them; false where there are none.
func (j *Judge) standing(o flux.Object, of func(*Record) []flux.Field) (Stick, bool) {
	record, err := ReadRecord(o)
	if j == nil || err != nil {
		return Stick{}, false
	}
	fields := slices.DeleteFunc(of(record), func(f flux.Field) bool {
		s, _, _ := record.standingOf(record.chain(f), o, f)
		return s != stands
	})
	if len(fields) == 0 {
		return Stick{}, false
	}
	return j.Judge(o, fields), true
}

// PinGone tells whether the record of an object says that rules leave fields to us, and something sets them all the same:
// the rules are gone. Where that is not known, they are not.
func (j *Judge) PinGone(o flux.Object) bool { return j.pinVerdict(o) == Reverted }

// pinVerdict is what becomes of the fields of an object that its record calls pinned; Held where there are none, and Sticks
// where nothing applies it here any more: there is no rule then, and none is needed.
func (j *Judge) pinVerdict(o flux.Object) Verdict {
	record, err := ReadRecord(o)
	if j == nil || err != nil || len(record.Pinned()) == 0 {
		return Held
	}
	if owner, owned := o.Owner(); !owned || j.orphan(o, owner) || j.gone(owner) {
		return Sticks
	}
	return j.Judge(o, record.Pinned()).Verdict
}

// Lasting is how changes of the intervals of objects would last, in numbers of objects.
type Lasting struct {
	Objects int
	// Undone are those of which something sets the interval again, or may; Pinnable those of them that --managed=pin can hold.
	Undone, Pinnable int
	// Unmarked are those of Undone that bear no mark of what applies them: it is known by its field manager only.
	Unmarked int
	// Why the others cannot be pinned: the reason of the most, and of how many.
	Why      string
	WhyCount int
	// First are the first of Undone, as many as a sentence can name.
	First []flux.Ref
}

// fewest is how many objects a sentence names.
const fewest = 3

// Lasting counts how changes of the intervals of objects would last. It asks what a plan asks.
func (j *Judge) Lasting(objects []flux.Object) Lasting {
	l := Lasting{Objects: len(objects)}
	reasons := make(map[string]int)
	for _, o := range objects {
		item := Item{Object: o, Stick: j.Judge(o, []flux.Field{flux.Interval})}
		if item.Stick.Verdict.lasts() {
			continue
		}
		if l.Undone++; l.Undone <= fewest {
			l.First = append(l.First, o.Ref)
		}
		if _, marked := o.Owner(); !marked {
			l.Unmarked++
		}
		if _, why := managed(item, Options{Judge: j, Managed: ManagedPin}); why != "" {
			reasons[why]++
			continue
		}
		l.Pinnable++
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		if reasons[why] > l.WhyCount {
			l.Why, l.WhyCount = why, reasons[why]
		}
	}
	return l
}
