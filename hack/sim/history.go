package sim

import (
	"fmt"

	"pgregory.net/rapid"
)

// Step of a history: a command, perhaps with a fault, or an event.
type Step struct {
	Command *Command
	Fault   Fault
	At      int   // the request at which the fault happens
	Event   Event // where there is no command, and what happens meanwhile
	Beside  *Command
}

// String is the step in one line: its command or event, and the fault that meets it.
func (s Step) String() string {
	switch {
	case s.Command == nil:
		return s.Event.String()
	case s.Fault == None:
		return s.Command.String()
	case s.Fault == Meanwhile:
		return fmt.Sprintf("%s, before request %d: %s", s.Command, s.At, s.Event)
	case s.Fault == Beside:
		return fmt.Sprintf("%s, before request %d, by somebody else: %s", s.Command, s.At, s.Beside)
	default:
		return fmt.Sprintf("%s, %s at request %d", s.Command, s.Fault, s.At)
	}
}

// History is what happens to a world, in this order.
type History []Step

// Draw draws a history of at most some steps.
func Draw(t *rapid.T, l Layout, most int) History {
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Step { return drawStep(t, l) }), 1, most).Draw(t, "history")
	applies := 0
	for i, s := range steps {
		by := i*i + i*len(steps) // follows from what is drawn, so that every history has all of them in another order
		if s.Command != nil {
			steps[i].Command = s.Command.named(&applies)
			steps[i].Command.Manager = Managers[(by+applies)%len(Managers)]
		}
		if s.Beside != nil {
			steps[i].Beside = s.Beside.named(&applies)
			steps[i].Beside.Manager = Managers[(by+applies+1)%len(Managers)]
		}
	}
	return steps
}

// named is a command with its session, after so many applies.
func (c Command) named(applies *int) *Command {
	switch {
	case c.Verb == VerbApply:
		*applies++
		c.Session, c.Lends = sessionName(*applies), *applies%3 == 1 // the first may be followed by one that is to stay
	case c.back > *applies:
		c.Session = ""
	case c.back > 0:
		c.Session = sessionName(*applies + 1 - c.back)
	}
	return &c
}

func sessionName(n int) string { return fmt.Sprintf("s%d", n) }

func drawStep(t *rapid.T, l Layout) Step {
	if rapid.IntRange(0, 2).Draw(t, "who") == 0 {
		return Step{Event: drawEvent(t, l, false)}
	}
	c := drawCommand(t, l)
	s := Step{Command: &c, Fault: rapid.SampledFrom(faults).Draw(t, "fault")}
	if s.Fault != None {
		s.At = rapid.IntRange(1, 8).Draw(t, "request")
	}
	if s.Fault == Meanwhile {
		s.Event = drawEvent(t, l, true)
	}
	if s.Fault == Beside {
		other := drawCommand(t, l)
		s.Beside = &other
	}
	return s
}

var faults = []Fault{None, None, Lost, LostForbidden, Refused, Killed, Forbidden, Meanwhile, Meanwhile, Beside, Changed, Stripped, LostChanged, LostStripped, ChangedOn, StrippedOn,
	Doubled, DoubledOn, DoubledChanged, DoubledStripped, ChangedKilled}
