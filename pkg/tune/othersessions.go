package tune

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"
)

// overwritten says which sessions under another policy set what a plan changes, and whose they are, the newest first; "" where none
// did. With two policies at once, each takes away what the other wants.
func overwritten(items []Item, policy string) string {
	const named = 2
	of := make(map[string]Step)
	objects := 0
	for _, item := range items {
		step, is := item.overwrites()
		if !is || step.Policy == policy {
			continue
		}
		objects++
		of[step.Session] = step
	}
	var sessions []Step
	for _, step := range of {
		sessions = append(sessions, step)
	}
	sorting.By(sessions, func(a, b Step) int { return cmp.Or(b.Time.Compare(a.Time), strings.Compare(a.Session, b.Session)) })
	var texts []string
	for _, s := range sessions[:min(len(sessions), named)] {
		by := ""
		if s.By != "" {
			by = " of " + s.By
		}
		texts = append(texts, fmt.Sprintf("%s%s (policy %s, %s)", s.Session, by, s.Policy, ShowTime(s.Time)))
	}
	if more := len(sessions) - named; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	switch {
	case objects == 0:
		return ""
	case objects == 1:
		return "1 object would be changed that another policy set: session " + texts[0]
	case len(sessions) == 1:
		return fmt.Sprintf("%d objects would be changed that another policy set: session %s", objects, texts[0])
	default:
		return fmt.Sprintf("%d objects would be changed that another policy set: sessions %s", objects, strings.Join(texts, ", "))
	}
}

// overwrites is the last step in the record whose value still stands in a field that would change; false where there is none.
func (i Item) overwrites() (last Step, is bool) {
	record, err := ReadRecord(i.Object)
	if i.Action != ActionChange || err != nil || record == nil {
		return Step{}, false
	}
	for _, step := range slices.Backward(record.Steps) {
		for _, c := range i.Changes {
			if move, moved := step.Fields[c.Field]; moved && flux.SameDuration(i.Object.Value(c.Field), move.To) {
				return step, true
			}
		}
	}
	return Step{}, false
}
