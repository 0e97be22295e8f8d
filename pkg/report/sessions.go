package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// SessionList is what sessions shows, newest first.
type SessionList struct {
	Head
	Items   []Session `json:"items"`
	Missing []Missing `json:"missing,omitempty"`
}

// Session is what one apply did, as far as the records on objects still tell.
type Session struct {
	// Cluster is the kubeconfig's context, where several are looked at.
	Cluster string    `json:"cluster,omitempty"`
	Session string    `json:"session"`
	By      string    `json:"by,omitempty"`
	Time    time.Time `json:"time"`
	Policy  string    `json:"policy"`
	// Until is when it is to end; absent where it is to stay.
	Until   *time.Time `json:"until,omitempty"`
	Objects int        `json:"objects"`
	// Stand are the objects that are still as it set them, Followed those that a later session set again, Changed
	// those that somebody else did.
	Stand    int `json:"stand"`
	Followed int `json:"followed"`
	Changed  int `json:"changed"`
	// Back are those that are as they were before, and still bear the record.
	Back int `json:"back"`
	// Held are those of a session that ends of which a revert takes nothing back, because others changed it since.
	Held int `json:"held,omitempty"`
	// Deleting are those that are being deleted: nobody takes them back any more.
	Deleting int `json:"deleting,omitempty"`
	// Pinned are those of the objects that rules hold against what applies them, PinsLost those whose rules are gone, and
	// PinsUnknown those of which nobody knows, because what applies them was not read.
	Pinned      int `json:"pinned"`
	PinsLost    int `json:"pinsLost"`
	PinsUnknown int `json:"pinsUnknown"`
	// Undone are those that stand, that nothing holds, and that what applies them will set again.
	Undone int `json:"undone"`
}

// NewSessionList reports the sessions of a cluster; its name is "" where there is one.
func NewSessionList(cluster string, sessions []tune.Session, gaps []flux.Gap) SessionList {
	list := SessionList{Head: Head{APIVersion, "SessionList"}, Items: []Session{}, Missing: missing(gaps)}
	for _, s := range sessions {
		item := Session{
			Cluster: cluster, Session: s.ID, By: s.By, Time: s.Time, Policy: s.Policy, Objects: s.Objects,
			Stand: s.Stand, Followed: s.Followed, Changed: s.Changed, Back: s.Back, Pinned: s.Pinned, PinsLost: s.PinsLost, PinsUnknown: s.PinsUnknown, Undone: s.Undone, Held: s.Held, Deleting: s.Deleting,
		}
		if !s.Until.IsZero() {
			item.Until = &s.Until
		}
		list.Items = append(list.Items, item)
	}
	return list
}

// And adds the sessions of another cluster, newest first. One apply to several clusters has the same id in each.
func (l SessionList) And(other SessionList) SessionList {
	l.Items = append(l.Items, other.Items...)
	sorting.By(l.Items, func(a, b Session) int { return b.Time.Compare(a.Time) })
	l.Missing = append(l.Missing, other.Missing...)
	return l
}

// Names are the ids of the sessions, each once. Whoever may write an annotation chooses what is in it: an id that a shell would
// read otherwise is quoted.
func (l SessionList) Names() []string {
	names := []string{}
	for _, s := range l.Items {
		if name := terminal.Quoted(terminal.Printable(oneLine(s.Session))); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// over tells whether the time of a session has come.
func (s Session) over(now time.Time) bool { return s.Until != nil && s.Until.Before(now) }

// ending tells whether the time of a session has just come: the program that holds it takes it back, object by object.
func (s Session) ending(now time.Time) bool {
	return s.over(now) && tune.Ending(*s.Until, s.Objects, now)
}

// undecided tells whether all that is left of a session that ends is what others changed since, also before its time: the
// program that held it was interrupted.
func (s Session) undecided() bool {
	return s.Until != nil && s.Held > 0 && s.Held+s.Deleting == s.Objects
}

// leaving tells whether all that is left of a session is being deleted.
func (s Session) leaving() bool { return s.Deleting > 0 && s.Deleting == s.Objects }

// Overdue counts the sessions that should have ended, and of which a revert takes something back.
func (l SessionList) Overdue(now time.Time) int {
	n := 0
	for _, s := range l.Items {
		if s.over(now) && !s.undecided() && !s.leaving() && !s.ending(now) {
			n++
		}
	}
	return n
}

// Undecided are the sessions that end, and of which all that is left is what others changed since, each once.
func (l SessionList) Undecided() []string {
	var sessions []string
	for _, s := range l.Items {
		if s.undecided() && !slices.Contains(sessions, s.Session) {
			sessions = append(sessions, s.Session)
		}
	}
	return sessions
}

// age is how long ago it was; of a record that somebody edited nobody may know.
func (s Session) age(now time.Time) Cell {
	if s.Time.IsZero() {
		return Cell{Text: "-", Style: Faint}
	}
	return Text(duration.HumanDuration(now.Sub(s.Time)))
}

// Table shows one line a session.
func (l SessionList) Table(now time.Time) Table {
	t := Table{Columns: []Column{
		{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "SESSION"}, {Name: "AGE"}, {Name: "BY", Shrink: terminal.Middle, Spare: 1}, {Name: "POLICY", Shrink: terminal.End, Spare: 2}, {Name: "OBJECTS", Right: true}, {Name: "STANDS", Shrink: terminal.End, Below: true, Lead: "stands: "}, {Name: "ENDS", Mute: !slices.ContainsFunc(l.Items, func(s Session) bool { return s.Until != nil })},
	}}
	several := false
	for _, s := range l.Items {
		t.Rows = append(t.Rows, []Cell{
			Text(s.Cluster), Text(s.Session), s.age(now), s.by(), Text(s.Policy), number(s.Objects), s.stands(), s.ends(now),
		})
		several = several || s.Cluster != ""
	}
	if !several {
		t = t.Without("CLUSTER")
	}
	return t
}

// ends says when a session is to end, or since when it should have.
func (s Session) ends(now time.Time) Cell {
	switch {
	case s.Until == nil:
		return Cell{Text: "-", Style: Faint}
	case s.leaving():
		return Cell{Text: "being deleted", Style: Faint}
	case s.undecided() && s.over(now):
		return Cell{Text: "over, undecided", Style: Changed}
	case s.undecided():
		return Cell{Text: "undecided", Style: Changed}
	case s.ending(now):
		return Text("ending")
	case s.over(now):
		return Cell{Text: "overdue " + duration.HumanDuration(now.Sub(*s.Until)), Style: Bad}
	default:
		return Text("in " + duration.HumanDuration(s.Until.Sub(now)))
	}
}

func dash(s string) Cell {
	if s == "" {
		return Cell{Text: "-", Style: Faint}
	}
	return Text(s)
}

// by is who it was, as far as the records say.
func (s Session) by() Cell {
	if s.By == "" {
		return Cell{Text: "unknown", Style: Faint}
	}
	return Text(s.By)
}

// stands says what has become of a session's work.
func (s Session) stands() Cell {
	var pins []string
	if s.Pinned > 0 {
		pins = append(pins, fmt.Sprintf("%d pinned", s.Pinned))
	}
	if s.PinsLost > 0 {
		pins = append(pins, fmt.Sprintf("the pins of %d are gone", s.PinsLost))
	}
	if s.PinsUnknown > 0 {
		pins = append(pins, fmt.Sprintf("whether the pins of %d hold is not known", s.PinsUnknown))
	}
	if s.Undone > 0 {
		pins = append(pins, fmt.Sprintf("%d will be undone", s.Undone))
	}
	if s.Deleting > 0 {
		pins = append(pins, fmt.Sprintf("%d being deleted", s.Deleting))
	}
	note := ""
	if len(pins) > 0 {
		note = " (" + strings.Join(pins, ", ") + ")"
	}
	if s.Stand == s.Objects && s.PinsLost == 0 {
		style := Good
		if s.Undone+s.PinsUnknown > 0 {
			style = Changed
		}
		return Cell{Text: "yes" + note, Style: style}
	}
	parts := []string{fmt.Sprintf("%d as set", s.Stand)}
	for _, p := range []struct {
		count int
		words string
	}{{s.Followed, "set again later"}, {s.Changed, "changed by others since"}, {s.Back, "back at what it was (revert drops the record)"}} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.count, p.words))
		}
	}
	return Text(strings.Join(parts, ", ") + note)
}
