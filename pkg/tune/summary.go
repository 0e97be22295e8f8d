package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"slices"
)

// Summary counts a plan.
type Summary struct {
	Counts
	Environments []EnvironmentSummary
	// Reasons says why objects are skipped, most frequent first.
	Reasons []ReasonCount
	// Notes are the notes of the items that change, most frequent first.
	Notes []NoteCount
}

// Counts are numbers of objects by action.
type Counts struct {
	Objects, Change, Unchanged, Skip int
}

// EnvironmentSummary counts the objects of one environment; "" is that of objects without one.
type EnvironmentSummary struct {
	Environment string
	Counts
	// Moves counts the changes by kind, field and values, in the order in which they appear.
	Moves []MoveCount
}

// MoveCount is how many objects of a kind make the same change.
type MoveCount struct {
	Kind   string
	Change Change
	Count  int
}

// ReasonCount is how many objects are skipped for one reason, with the message of the first.
type ReasonCount struct {
	Reason Reason
	// Message is that of the first of them; Differs says that others have another.
	Message string
	Count   int
	Differs bool
}

// NoteCount is how many objects bear the same note.
type NoteCount struct {
	Kind  string
	Note  string
	Count int
}

// Summarize counts a plan: in all, by environment in the order given (others after, by name), by
// reason and by note.
func Summarize(plan Plan, environments []string) Summary {
	var s Summary
	byName := make(map[string]*EnvironmentSummary)
	moves := make(map[string]map[moveKey]int)
	reasons := make(map[Reason]*ReasonCount)
	notes := make(map[NoteCount]int)
	for _, item := range plan.Items {
		name := item.Assignment.Environment
		e := byName[name]
		if e == nil {
			e = &EnvironmentSummary{Environment: name}
			byName[name], moves[name] = e, make(map[moveKey]int)
		}
		e.count(item.Action)
		s.count(item.Action)
		if item.Action == ActionSkip {
			if reasons[item.Reason] == nil {
				reasons[item.Reason] = &ReasonCount{Reason: item.Reason, Message: item.Message}
			}
			reasons[item.Reason].Count++
			reasons[item.Reason].Differs = reasons[item.Reason].Differs || item.Message != reasons[item.Reason].Message
		}
		for _, c := range item.Changes {
			key := moveKey{item.Object.Kind, string(c.Field), Show(c.From), Show(c.To)}
			at, seen := moves[name][key]
			if !seen {
				at = len(e.Moves)
				moves[name][key] = at
				e.Moves = append(e.Moves, MoveCount{Kind: item.Object.Kind, Change: c})
			}
			e.Moves[at].Count++
		}
		for _, n := range item.Notes {
			notes[NoteCount{Kind: item.Object.Kind, Note: n}]++
		}
	}
	for _, e := range byName {
		s.Environments = append(s.Environments, *e)
	}
	sorting.By(s.Environments, func(a, b EnvironmentSummary) int {
		return cmp.Or(cmp.Compare(Rank(environments, a.Environment), Rank(environments, b.Environment)), cmp.Compare(a.Environment, b.Environment))
	})
	for _, r := range reasons {
		s.Reasons = append(s.Reasons, *r)
	}
	sorting.By(s.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Reason, b.Reason))
	})
	for n, count := range notes {
		n.Count = count
		s.Notes = append(s.Notes, n)
	}
	sorting.By(s.Notes, func(a, b NoteCount) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Note, b.Note))
	})
	return s
}

type moveKey struct{ kind, field, from, to string }

func (c *Counts) count(a Action) {
	c.Objects++
	switch a {
	case ActionChange:
		c.Change++
	case ActionUnchanged:
		c.Unchanged++
	case ActionSkip:
		c.Skip++
	}
}

// Rank puts the known environments first, in their order, then others, then none.
func Rank(environments []string, name string) int {
	if i := slices.Index(environments, name); i >= 0 {
		return i
	}
	if name == "" {
		return len(environments) + 1
	}
	return len(environments)
}
