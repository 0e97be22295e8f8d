package report

import (
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Impact is what somebody agrees to who carries out a plan, in numbers of objects that change.
type Impact struct {
	// Environments by name; "" is none.
	Environments map[string]int
	// Faster and Slower are those that Flux will look at more and less often.
	Faster, Slower int
}

// NewImpact counts the items of which a value changes.
func NewImpact(items []tune.Item) Impact {
	impact := Impact{Environments: make(map[string]int)}
	for i := range items {
		item := &items[i]
		if item.Action != tune.ActionChange || item.Repins() || item.OnlyKeeps() {
			continue
		}
		impact.Environments[item.Assignment.Environment]++
		switch paceOf(item) {
		case Faster:
			impact.Faster++
		case Slower:
			impact.Slower++
		}
	}
	return impact
}

// RestoreItems are ways back as the items of a plan, for what sums up plans.
func RestoreItems(restores []tune.Restore) []tune.Item {
	items := make([]tune.Item, 0, len(restores))
	for _, r := range restores {
		action := r.Action
		if r.Followed() {
			action = tune.ActionUnchanged // only its record is written
		}
		items = append(items, tune.Item{Object: r.Object, Assignment: r.Assignment, Action: action, Reason: r.Reason, Message: r.Message, Changes: r.Changes, Notes: r.Notes})
	}
	return items
}

// Stay says what ways back leave as it is, and what takes it back: a line for each later session, and one for what
// somebody else changed since in objects that are restored otherwise.
func Stay(restores []tune.Restore) []string {
	var lines []string
	for _, session := range LaterSessions(restores) {
		n := 0
		for _, r := range restores {
			if slices.Contains(r.Later(), session) {
				n++
			}
		}
		lines = append(lines, fmt.Sprintf("fields of %s as session %s set them later: they stay until that one is reverted", count(n, "object"), session))
	}
	since := 0
	for _, r := range restores {
		if r.Action == tune.ActionChange && slices.ContainsFunc(r.Kept, func(k tune.KeptField) bool { return k.Later == "" }) {
			since++
		}
	}
	if since > 0 {
		lines = append(lines, fmt.Sprintf("some fields of %s that %s restored otherwise (--rows says which, and why)", count(since, "object"), isOrAre(since)))
	}
	return lines
}

// LaterSessions are those that keep fields from being restored, sorted.
func LaterSessions(restores []tune.Restore) []string {
	var sessions []string
	for _, r := range restores {
		sessions = append(sessions, r.Later()...)
	}
	return uniqueSorted(sessions)
}

func itOrThem(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}
