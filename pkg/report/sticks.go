package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func newLasting(s tune.Stick) Lasting {
	l := Lasting{Sticks: string(s.Verdict), SticksMessage: s.Message}
	if s.Owner != (flux.Ref{}) {
		l.Owner = &Owner{s.Owner.Group, s.Owner.Kind, s.Owner.Namespace, s.Owner.Name}
	}
	if s.Within > 0 {
		l.RevertedWithin = flux.FormatDuration(s.Within)
	}
	for _, f := range s.Fields {
		if f.Verdict != s.Verdict || f.Message != s.Message {
			l.Fields = newLastingFields(s.Fields)
			break
		}
	}
	return l
}

func newLastingFields(fields []tune.FieldStick) []LastingField {
	list := make([]LastingField, 0, len(fields))
	for _, f := range fields {
		list = append(list, LastingField{Field: string(f.Field), Sticks: string(f.Verdict), Message: f.Message})
	}
	return list
}

func (l Lasting) cell() Cell {
	switch tune.Verdict(l.Sticks) {
	case tune.Reverted:
		return Cell{Text: l.SticksMessage, Style: Bad}
	case tune.Unknown:
		return Cell{Text: l.SticksMessage, Style: Changed}
	case tune.Held:
		return Cell{Text: l.SticksMessage, Style: Good}
	case tune.Sticks:
		if l.Owner == nil {
			return Cell{Text: "yes", Style: Good, Implied: true} // below its row, what may be undone is told
		}
		return Cell{Text: l.SticksMessage, Style: Good}
	default:
		return Cell{Text: "-", Style: Faint, Implied: true}
	}
}

// Homes says where in Git the values live that a plan leaves alone for a reason: a line for each place, with how many of the
// objects are set there, the most first. No line reads as if it were of further objects.
func Homes(p tune.Plan, reason tune.Reason) []string {
	count := make(map[string]int)
	all := 0
	var homes []string
	for _, item := range p.Items {
		if item.Reason != reason {
			continue
		}
		all++
		if item.Stick.Home == "" {
			continue
		}
		if count[item.Stick.Home] == 0 {
			homes = append(homes, item.Stick.Home)
		}
		count[item.Stick.Home]++
	}
	sorting.By(homes, func(a, b string) int { return cmp.Or(-cmp.Compare(count[a], count[b]), cmp.Compare(a, b)) })
	for i, home := range homes {
		switch {
		case all == 1:
			homes[i] = "where: " + home
		case count[home] == all && all == 2:
			homes[i] = "where: both in " + home
		case count[home] == all:
			homes[i] = fmt.Sprintf("where: all %d in %s", all, home)
		default:
			homes[i] = fmt.Sprintf("where: %d of the %d in %s", count[home], all, home)
		}
	}
	return homes
}
