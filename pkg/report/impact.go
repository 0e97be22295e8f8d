package report

import "github.com/fluxtune/kubectl-fluxtune/pkg/tune"

// Impact is what somebody agrees to who carries out a plan, in numbers of objects that change.
type Impact struct {
	// Environments by name; "" is none.
	Environments map[string]int
	// Faster and Slower are those that Flux will look at more and less often.
	Faster, Slower int
}

// NewImpact counts the items that change.
func NewImpact(items []tune.Item) Impact {
	impact := Impact{Environments: make(map[string]int)}
	for _, item := range items {
		if item.Action != tune.ActionChange {
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
		items = append(items, tune.Item{Object: r.Object, Assignment: r.Assignment, Action: r.Action, Reason: r.Reason, Message: r.Message, Changes: r.Changes, Notes: r.Notes})
	}
	return items
}
