package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Session is what one apply did, as far as records still tell.
type Session struct {
	ID     string
	Policy string
	By     string // the user; "" where unknown
	Time   time.Time
	Until  time.Time // when it is to end; the zero time where it is to stay
	// Objects that bear a step of it.
	Objects int
	// Stand are those of which every field is still as it was set; Followed those of which a later session set a field
	// again; Changed those of which somebody else, or Git, did. An object counts once, as the last that fits.
	Stand, Followed, Changed int
	// Back are those that are as they were before in every field, and still bear the record: a revert of them was interrupted, or somebody
	// has set the value again.
	Back int
	// Pinned are those that rules of ours hold, PinsLost those whose rules are gone, and PinsUnknown those of which nobody
	// knows: their owner was not read. What nothing applies any more needs no rules.
	Pinned, PinsLost, PinsUnknown int
	// Held are those of a session that ends of which a revert takes nothing back, since others have changed it.
	Held int
	// Deleting are those that are being deleted, which nobody takes back any more: finalizers are waited for.
	Deleting int
	// Undone are those of Stand that no rule holds, and that what applies them sets again.
	Undone int

	at int // the highest place of its steps in a record
}

// Sessions are those that the records of objects tell of, newest first. Unreadable records tell nothing. The judge tells
// whether pins still hold.
func Sessions(objects []flux.Object, judge *Judge) []Session {
	byID := make(map[string]*Session)
	for _, o := range objects {
		record, err := ReadRecord(o)
		if err != nil || record == nil {
			continue
		}
		pin := judge.pinVerdict(o)
		moves := make(map[string][]int)
		for i, step := range record.Steps {
			s := byID[step.Session]
			if s == nil {
				s = &Session{ID: step.Session, Policy: step.Policy, By: step.By, Time: step.Time}
				byID[step.Session] = s
			}
			if step.Until != nil {
				s.Until = *step.Until
			}
			s.at = max(s.at, i)
			moves[step.Session] = append(moves[step.Session], i)
		}
		for session, steps := range moves {
			s := byID[session]
			s.add(record, steps, o, pin, judge)
			if !s.Until.IsZero() && DecideRestore(o, RestoreOptions{Session: session}).Reason == ReasonChangedSince {
				s.Held++
			}
		}
	}
	var list []Session
	for _, s := range byID {
		list = append(list, *s)
	}
	sorting.By(list, func(a, b Session) int {
		return cmp.Or(b.Time.Compare(a.Time), b.at-a.at, cmp.Compare(b.ID, a.ID)) // several in a second
	})
	return list
}

// BadRecords are the records that cannot be read, so that nobody knows of which session they are, and ends in records that cannot.
func BadRecords(objects []flux.Object) []flux.Gap {
	var gaps []flux.Gap
	for _, o := range objects {
		record, err := ReadRecord(o)
		if err != nil {
			gaps = append(gaps, flux.Gap{Cluster: o.Cluster, What: "the record of " + o.Ref.String(), Why: err.Error(), Record: o.Ref.String()})
		} else if bad := record.badUntil(); bad != nil {
			gaps = append(gaps, flux.Gap{Cluster: o.Cluster, What: "the end of session " + bad.Session + " in the record of " + o.Ref.String(),
				Why: fmt.Sprintf("%v: it does not end by itself any more; revert --session takes it back", bad.BadUntil)})
		}
	}
	return gaps
}

// RecordsWarning says once of which objects of a cluster the records could not be read, by gaps with a Record; "" where there are none.
func RecordsWarning(records []flux.Gap) string {
	const named = 3
	switch len(records) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s could not be read: %s", records[0].What, records[0].Why)
	}
	var names []string
	for _, g := range records {
		names = append(names, g.Record)
	}
	slices.Sort(names)
	n, more := len(names), ""
	if n > named {
		names, more = names[:named], fmt.Sprintf(" and %d more", n-named)
	}
	return fmt.Sprintf("the records of %d objects could not be read (annotation %s): %s%s: restore them by hand, then run forget on them",
		n, RecordAnnotation, strings.Join(names, ", "), more)
}

// BadRecordsBeside are those of them that may be a session's, as they name it somewhere, and the others.
func BadRecordsBeside(objects []flux.Object, session string) (its, others []flux.Gap) {
	for _, o := range objects {
		if mayBear(o, session) {
			its = append(its, BadRecords([]flux.Object{o})...)
		} else {
			others = append(others, BadRecords([]flux.Object{o})...)
		}
	}
	return its, others
}

// mayBear tells whether an object's record, which may be unreadable, can be of a session; "" is any.
func mayBear(o flux.Object, session string) bool {
	return strings.Contains(o.Annotations[RecordAnnotation], session)
}

// lastOf is the last of some steps that moved a field.
func (r *Record) lastOf(f flux.Field, steps []int) (step int, moved bool) {
	for _, i := range slices.Backward(steps) {
		if _, moved := r.Steps[i].Fields[f]; moved {
			return i, true
		}
	}
	return 0, false
}

// over tells whether the time of a session has come.
func (s Session) over(now time.Time) bool { return !s.Until.IsZero() && s.Until.Before(now) }

// Ending tells whether the time of a session came so short ago that the program that holds it may still be taking back the
// objects that are left: with the pace that apply has unasked (5 a second), and a few seconds to begin and to be seen.
func Ending(until time.Time, objects int, now time.Time) bool {
	return now.Before(until.Add(5*time.Second + time.Duration(objects)*time.Second/5))
}

// Overdue tells whether a session should have ended, and a revert takes something of it back.
func (s Session) Overdue(now time.Time) bool { return s.over(now) && s.Held+s.Deleting < s.Objects }

// Undecided tells whether a session is over, and all that is left of it is what others have changed since: somebody has to
// say whether that stays (forget) or goes (revert --force).
func (s Session) Undecided(now time.Time) bool {
	return s.over(now) && s.Held > 0 && s.Held+s.Deleting == s.Objects
}

// add counts an object with its steps of the session: one, unless somebody has edited the record.
func (s *Session) add(record *Record, steps []int, o flux.Object, pin Verdict, judge *Judge) {
	s.Objects++
	if o.Deleting {
		s.Deleting++
	}
	followed, changed, pinned, back := false, false, false, 0
	var fields []flux.Field
	for _, f := range record.Fields() {
		step, moved := record.lastOf(f, steps)
		if !moved {
			continue
		}
		fields = append(fields, f)
		c := record.chain(f)
		at := slices.IndexFunc(c, func(l link) bool { return l.step == step })
		st, keep, _ := record.standingOf(c, o, f)
		switch {
		case st == restored && at >= keep && at >= 0:
			back++
		case at < 0 || st == edited || st == released || st == stands && !flux.SameDuration(o.Value(f), c[len(c)-1].To): // by admission
			changed = true
		case at < keep-1:
			followed = true
		}
		pinned = pinned || record.Steps[step].Fields[f].Pinned
	}
	switch {
	case changed, back > 0 && back < len(fields):
		s.Changed++
	case followed:
		s.Followed++
	case back > 0:
		s.Back++
	default:
		s.Stand++
		if !pinned && judge != nil && judge.Judge(o, fields).Verdict == Reverted {
			s.Undone++
		}
	}
	switch {
	case pinned && pin == Reverted:
		s.PinsLost++
	case pinned && pin == Unknown:
		s.PinsUnknown++
	case pinned && pin == Held:
		s.Pinned++
	}
}
