package report

import (
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Kept is what a plan makes its own of what other sessions have set for a while, in numbers of objects.
type Kept struct {
	// Objects keep something; Only of them change nothing else.
	Objects, Only int
	// Environments are those of the objects, by name; "" is none.
	Environments map[string]int
	// Sessions would take it back, sorted.
	Sessions []string
	// loans are what is lent by a session until a time, with how many objects.
	loans map[loan]int
}

type loan struct {
	session, until string
	overdue        bool
}

// NewKept counts the items that keep something.
func NewKept(items []tune.Item) Kept {
	k := Kept{Environments: make(map[string]int), loans: make(map[loan]int)}
	for _, item := range items {
		lenders := item.Lenders()
		if len(lenders) == 0 {
			continue
		}
		k.Objects++
		k.Environments[item.Assignment.Environment]++
		k.Sessions = append(k.Sessions, lenders...)
		if item.OnlyKeeps() {
			k.Only++
		}
		var seen []loan
		for _, l := range item.Keeps {
			if one := (loan{l.Session, tune.ShowTime(l.Until), l.Overdue}); !slices.Contains(seen, one) {
				seen = append(seen, one)
				k.loans[one]++
			}
		}
	}
	k.Sessions = uniqueSorted(k.Sessions)
	return k
}

// Lenders names who would take it back: "session a", "2 other sessions".
func (k Kept) Lenders() string {
	if len(k.Sessions) == 1 {
		return "session " + k.Sessions[0]
	}
	return fmt.Sprintf("%d other sessions", len(k.Sessions))
}

// Overdue tells whether one of the sessions should have ended.
func (k Kept) Overdue() bool {
	for l := range k.loans {
		if l.overdue {
			return true
		}
	}
	return false
}

// lines say it below a label, a session in each; none where nothing is kept.
func (k Kept) lines() []string {
	var lines []string
	for l, n := range k.loans {
		line := fmt.Sprintf("%s as session %s set %s: apply keeps that, and the session does not take it back at %s", count(n, "object"), l.session, itOrThem(n), l.until)
		if l.overdue {
			line = fmt.Sprintf("%s as session %s set %s, which should have ended at %s: apply keeps that, revert --expired takes it back", count(n, "object"), l.session, itOrThem(n), l.until)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}
