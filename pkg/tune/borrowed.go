package tune

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Loan is a field that is as a policy wants it only until a session ends.
type Loan struct {
	Field flux.Field
	// Session takes it back, at Until; Overdue says that it should have.
	Session string
	Until   time.Time
	Overdue bool
}

// borrowed are the fields of a subject that are as the policy wants, beside those that change, and that the end of a session
// would make something else of before what is planned now is to end itself.
func (s subject) borrowed(changes []Change) []Loan {
	record, err := ReadRecord(s.object)
	if err != nil || record == nil {
		return nil
	}
	lent := make(map[flux.Field]Step)
	kept := make(map[flux.Field]bool)
	leaves := make(map[flux.Field]bool) // the policy would change what comes back
	before := s
	for i, step := range slices.Backward(record.Steps) {
		for f, move := range step.Fields {
			kept[f] = kept[f] || !step.endsBefore(s.options.Until) || !record.counts(f, i, s.object)
			if kept[f] {
				continue
			}
			before.object = before.object.WithValue(f, move.From)
			if _, newer := lent[f]; !newer {
				lent[f] = step
			}
		}
		// Sessions end in any order: each of the values before may come back.
		for _, c := range before.wishes().changes {
			leaves[c.Field] = true
		}
	}
	var loans []Loan
	for _, t := range s.object.KindRow().Tunables {
		if step, is := lent[t.Field]; is && leaves[t.Field] && !slices.ContainsFunc(changes, func(c Change) bool { return c.Field == t.Field }) {
			loans = append(loans, Loan{t.Field, step.Session, step.Until.UTC(), !s.options.Now.IsZero() && step.Until.Before(s.options.Now)})
		}
	}
	return loans
}

// AfterSessions is an object as it is when all sessions that end have ended, as far as its record says. What others changed
// since stays.
func AfterSessions(o flux.Object) flux.Object {
	record, err := ReadRecord(o)
	if err != nil || record == nil {
		return o
	}
	for _, step := range slices.Backward(record.Steps) {
		if step.Until == nil {
			continue
		}
		r := DecideRestore(o, RestoreOptions{Session: step.Session})
		if r.Action != ActionChange {
			continue
		}
		for _, c := range r.Changes {
			o = o.WithValue(c.Field, c.To)
		}
		o.Annotations = maps.Clone(o.Annotations)
		delete(o.Annotations, RecordAnnotation)
		if r.Record != nil {
			o.Annotations[RecordAnnotation] = r.Record.String()
		}
	}
	return o
}

// Ended are items as they end up when all sessions that end have ended, beside what is planned of them, which stays. Some tells whether
// that is anything else than what is planned.
func Ended(items []Item) (ended []Item, some bool) {
	ended = slices.Clone(items)
	for n, item := range items {
		after := AfterSessions(item.Object)
		for _, t := range item.Object.KindRow().Tunables {
			from, to := item.Object.Value(t.Field), after.Value(t.Field)
			planned := slices.ContainsFunc(item.Changes, func(c Change) bool { return c.Field == t.Field })
			kept := item.Action == ActionChange && slices.ContainsFunc(item.Keeps, func(l Loan) bool { return l.Field == t.Field })
			if planned || kept || flux.SameDuration(from, to) {
				continue
			}
			ended[n].Changes, some = append(slices.Clip(ended[n].Changes), Change{Field: t.Field, From: from, To: to}), true
		}
	}
	return ended, some
}

// counts tells whether a field is as the record set it, by a move of the step among others.
func (r *Record) counts(f flux.Field, step int, o flux.Object) bool {
	c := r.chain(f)
	at := slices.IndexFunc(c, func(l link) bool { return l.step == step })
	if at < 0 {
		return false
	}
	s, _, _ := r.standingOf(c, o, f)
	return s == stands
}

// endsBefore tells whether a step is to be taken back before a time; the zero time is never.
func (s Step) endsBefore(t time.Time) bool {
	return s.Until != nil && (t.IsZero() || s.Until.Before(t))
}

// ShowTime writes a time for people, with its day and zone: what ends may end on another day, and be read elsewhere.
func ShowTime(t time.Time) string { return t.Format("2006-01-02 15:04:05 MST") }

// untilWhen says until when what is borrowed is as the policy wants; "" where nothing is.
func (i Item) untilWhen() string {
	var all []string
	for _, l := range i.Keeps {
		text := fmt.Sprintf(" until %s, then session %s takes it back", ShowTime(l.Until), l.Session)
		if l.Overdue {
			text = fmt.Sprintf(", but session %s should have taken it back at %s", l.Session, ShowTime(l.Until))
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "as the policy wants" + strings.Join(all, ";") + ": apply keeps it"
}

// Lenders are the sessions that would take back what an item keeps, each once.
func (i Item) Lenders() []string {
	var sessions []string
	for _, l := range i.Keeps {
		if i.Action == ActionChange && !slices.Contains(sessions, l.Session) {
			sessions = append(sessions, l.Session)
		}
	}
	return sessions
}

// KeptMessage says in a sentence what an item keeps; "" where nothing.
func (i Item) KeptMessage() string {
	if lenders := i.Lenders(); len(lenders) > 0 {
		return "kept when session " + strings.Join(lenders, " or ") + " ends"
	}
	return ""
}

// OnlyKeeps tells whether an item that changes writes the record only: its values stay, and outlast the session that set them.
func (i Item) OnlyKeeps() bool { return len(i.Changes) == 0 && len(i.Lenders()) > 0 }
