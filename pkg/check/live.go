package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// State says in one word how a live value stands to Git's. The words are part of the JSON contract.
type State string

// The states.
const (
	StatePinned  State = "pinned"  // a rule leaves it to the cluster
	StateUndone  State = "undone"  // what applies the object sets Git's value again
	StateStays   State = "stays"   // nothing sets Git's value: Git does not have the field, or nobody applies the object
	StateBehind  State = "behind"  // what applies the object has set the live value: from another revision
	StateUnknown State = "unknown" // who sets it could not be read
	StateMissing State = "missing" // the cluster does not have the object
	StateExtra   State = "extra"   // Git does not have the object
)

// LiveDifference is a field of an object that is another on the cluster than in Git; nil is absent. An object that only
// one side has is one difference without a field.
type LiveDifference struct {
	Ref flux.Ref
	// Version is that of Git's object, or of the cluster's where Git has none.
	Version   string
	Field     flux.Field
	Git, Live *string
	State     State
	// Why is the state in a sentence.
	Why string
}

// Live compares the objects of a root with those of a cluster. Judge knows the cluster's. It returns how many objects
// both have, too.
func Live(git, live []flux.Object, judge *tune.Judge) (differences []LiveDifference, both int) {
	there := make(map[flux.Ref]flux.Object, len(live))
	for _, o := range live {
		there[o.Ref] = o
	}
	for _, g := range git {
		l, found := there[g.Ref]
		delete(there, g.Ref)
		if !found {
			differences = append(differences, LiveDifference{Ref: g.Ref, Version: g.Version, Git: g.Interval, State: StateMissing, Why: "the cluster does not have it"})
			continue
		}
		both++
		for _, t := range g.KindRow().Tunables {
			if from, to := g.Value(t.Field), l.Value(t.Field); !flux.SameDuration(from, to) && !defaulted(g, t, to) {
				differences = append(differences, differs(g, l, t.Field, judge))
			}
		}
	}
	for _, l := range there {
		d := LiveDifference{Ref: l.Ref, Version: l.Version, Live: l.Interval, State: StateExtra, Why: "this root does not have it"}
		if owner, owned := l.Owner(); owned {
			d.Why += fmt.Sprintf(": %s applies it", owner)
		}
		if l.Generated {
			continue // helm-controller makes it of a HelmRelease
		}
		differences = append(differences, d)
	}
	sorting.By(differences, func(a, b LiveDifference) int {
		return cmp.Or(cmp.Compare(a.oneSided(), b.oneSided()), a.Ref.Compare(b.Ref)) // what both have and differs in comes first
	})
	return differences, both
}

// oneSided puts what only one side has behind what both have.
func (d LiveDifference) oneSided() int {
	switch d.State {
	case StateMissing:
		return 1
	case StateExtra:
		return 2
	default:
		return 0
	}
}

// defaulted tells whether a live value is the one that the API server fills in where Git has none.
func defaulted(git flux.Object, t flux.Tunable, live *string) bool {
	if git.Value(t.Field) != nil || live == nil {
		return false
	}
	standard := flux.FormatDuration(git.Effective(t.Field))
	return flux.SameDuration(live, &standard)
}

func differs(git, live flux.Object, field flux.Field, judge *tune.Judge) LiveDifference {
	d := LiveDifference{Ref: git.Ref, Version: git.Version, Field: field, Git: git.Value(field), Live: live.Value(field)}
	owner, owned := live.Owner()
	if !owned {
		d.State, d.Why = StateStays, "nobody applies it from Git, as far as its labels and annotations tell"
		return d
	}
	stick := judge.Judge(live, []flux.Field{field})
	exception := slices.Contains(tune.Exceptions(live), field)
	switch {
	case stick.Verdict == tune.Held:
		d.State, d.Why = StatePinned, stick.Message
	case !exception && len(live.OwnersOf(field)) > 0:
		d.State, d.Why = StateBehind, fmt.Sprintf("%s has set it: from another revision than the files are", owner)
	case d.Git == nil:
		d.State, d.Why = StateStays, "Git does not set it, and so leaves it"
	case stick.Verdict == tune.Unknown && !exception: // of what a hand has set and Git has, too, it is known
		d.State, d.Why = StateUnknown, stick.Message
	default:
		d.State, d.Why = StateUndone, fmt.Sprintf("%s sets Git's value again", owner)
		if stick.Within > 0 {
			d.Why += " " + tune.Within(stick.Within)
		}
	}
	return d
}
