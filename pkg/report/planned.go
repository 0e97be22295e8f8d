package report

import (
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Planned is what was planned for one object, before anything was done.
type Planned struct {
	object  flux.Object
	changes []tune.Change
	outcome cluster.Outcome // where nothing is tried
	message string
	kept    string
	undone  string // who undoes it where it is written, or may
	// done is the outcome where it is written, if not that of all.
	done cluster.Outcome
}

// PlannedItems are the items of a plan.
func PlannedItems(items []tune.Item) []Planned {
	list := make([]Planned, 0, len(items))
	for _, item := range items {
		p := Planned{object: item.Object, changes: item.Changes, message: item.Message}
		switch {
		case item.Repins():
			p.outcome = cluster.Unchanged
		case item.OnlyKeeps():
			p.message = item.KeptMessage()
		case item.Action == tune.ActionChange:
			p.message = item.Kept
			if v := item.Stick.Verdict; v == tune.Reverted || v == tune.Unknown {
				p.undone = item.Stick.Message
			}
		case item.Reason == tune.ReasonBadRecord:
			p.outcome = cluster.Failed
		case item.Action == tune.ActionSkip:
			p.outcome = cluster.Skipped
		default:
			p.outcome = cluster.Unchanged
		}
		list = append(list, p)
	}
	return list
}

// PlannedRestores are the ways back of objects.
func PlannedRestores(restores []tune.Restore) []Planned {
	list := make([]Planned, 0, len(restores))
	for _, r := range restores {
		p := Planned{object: r.Object, changes: r.Changes, message: strings.Join(r.Notes, "; "), kept: r.KeptMessage()}
		switch {
		case r.Action == tune.ActionChange && len(r.Changes) == 0:
			p.done = cluster.Released
		case r.Action == tune.ActionChange:
		case r.Reason == tune.ReasonBadRecord:
			p.outcome, p.message = cluster.Failed, r.Message
		case r.Deferred():
			p.outcome, p.message = cluster.NotAttempted, r.Message
		default:
			p.outcome, p.message = cluster.Skipped, r.Message
		}
		list = append(list, p)
	}
	return list
}

// PlannedForgets are objects whose records are to be dropped, and those whose records are other sessions' way back, too, and stay.
func PlannedForgets(objects, shared []flux.Object) []Planned {
	list := make([]Planned, 0, len(objects)+len(shared))
	for _, o := range objects {
		list = append(list, Planned{object: o})
	}
	for _, o := range shared {
		list = append(list, Planned{object: o, outcome: cluster.Skipped, message: "its record is the way back of other sessions, too"})
	}
	return list
}
