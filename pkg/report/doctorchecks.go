package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// KindsCheck is about the Flux kinds that a cluster serves, by name, with their versions.
func KindsCheck(served map[string]string, version string) Check {
	c := Check{Name: "Flux", Status: CheckOK}
	var missing []string
	for _, k := range flux.Kinds() {
		if served[k.Name] == "" {
			missing = append(missing, k.Name)
		}
	}
	all := len(flux.Kinds())
	if len(missing) == all {
		c.Status, c.Message = CheckFailed, "not installed: the cluster serves none of Flux's kinds, so there is nothing to tune; nodes needs none of it"
		c.Remedy = "install Flux (flux install), or choose another --context"
		return c
	}
	if version == "" {
		version = "of unknown version (no Deployment of its controllers tells)"
	}
	if len(missing) == 0 {
		c.Message = fmt.Sprintf("%s, with all %d kinds that fluxtune tunes", version, all)
	} else {
		c.Message = fmt.Sprintf("%s, with %d of the %d kinds that fluxtune tunes; not installed: %s", version, all-len(missing), all, strings.Join(missing, ", "))
	}
	return c
}

// OwnersCheck is about what applies the objects of a snapshot: Git undoes changes of those. Where is what commands take to
// look in the same place.
func OwnersCheck(s flux.Snapshot, l tune.Lasting, ignore bool, where string) Check {
	c := Check{Name: "owners", Status: CheckOK}
	counts := make(map[string]int)
	var owned int
	for _, o := range s.Objects {
		if owner, ok := o.Owner(); ok {
			owned++
			counts[owner.Kind]++
		}
	}
	var parts []string
	for _, kind := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%d by %s %s", counts[kind], article(kind), kind))
	}
	if l.Unmarked > 0 {
		owned += l.Unmarked
		parts = append(parts, fmt.Sprintf("%d by what leaves no label", l.Unmarked))
	}
	if owned == 0 && l.Undone == 0 {
		c.Message = "nothing applies these objects from elsewhere: changes stick"
		return c
	}
	c.Message = fmt.Sprintf("%d of %s applied by something", owned, objectsOf(len(s.Objects)))
	if owned > 0 {
		c.Message += ": " + strings.Join(parts, ", ")
	}
	if l.Undone == 0 {
		c.Message += "; a change of their intervals lasts all the same"
		return c
	}
	c.Status = CheckWarning
	c.Message += "; a change of the interval is undone, or may be, in "
	if l.Undone == len(s.Objects) && l.Undone > 1 {
		c.Message += "all of them"
	} else {
		c.Message += strconv.Itoa(l.Undone)
	}
	if len(l.First) == l.Undone { // a table of all objects is no place to look for so few
		var names []string
		for _, ref := range l.First {
			names = append(names, ref.String())
		}
		c.Message += " (" + strings.Join(names, ", ") + ")"
	}
	c.Remedy = "change the values in Git; this shows for each whether a change sticks:"
	c.Run = []string{"kubectl fluxtune get " + where + " -o wide"}
	if ignore && l.Pinnable > 0 {
		c.Remedy = fmt.Sprintf("change the values in Git, or pin %d of them; the first command shows for each whether a change sticks, the second what pins would change", l.Pinnable)
		c.Run = append(c.Run, "kubectl fluxtune plan "+where+" --managed=pin")
	}
	return c
}

// IgnoreCheck is about spec.ignore, on which pins stand, and how many objects they can hold. unread says that some objects could
// not be read.
func IgnoreCheck(supported bool, l tune.Lasting, unread bool) Check {
	c := Check{Name: "spec.ignore", Status: CheckOK}
	switch cannot := l.Undone - l.Pinnable; {
	case !supported:
		c.Status, c.Message = CheckWarning, "Kustomizations do not have it: --managed=pin does not work"
		c.Remedy = "kustomize-controller 1.9 brings it (Flux 2.9); until then change in Git what is set there"
	case l.Undone == 0 && unread:
		c.Status, c.Message = CheckWarning, "Kustomizations have it; whether an object needs a pin is not known, since not all could be read"
	case l.Undone == 0:
		c.Message = "Kustomizations have it; no object here needs a pin"
	case cannot == 0:
		c.Message = fmt.Sprintf("Kustomizations have it: --managed=pin can hold changes of %s against Git", objectsOf(l.Pinnable))
	default:
		c.Status = CheckWarning
		c.Message = fmt.Sprintf("Kustomizations have it: --managed=pin can hold changes of %s against Git, and not of %s", objectsOf(l.Pinnable), count(cannot, "other"))
		c.Remedy = fmt.Sprintf("%d of them %s", l.WhyCount, l.Why)
	}
	return c
}

func objectsOf(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// sessionsCheck is the name of what is about sessions.
const sessionsCheck = "sessions"

// SessionChecks name sessions of apply --for that should have ended, and those of which only what others changed since is
// left.
func SessionChecks(sessions []tune.Session, now time.Time, where string) []Check {
	var late, held []string
	for _, s := range sessions {
		switch {
		case s.Overdue(now) && tune.Ending(s.Until, s.Objects, now):
		case s.Overdue(now):
			late = append(late, fmt.Sprintf("%s (for %s)", s.ID, duration.HumanDuration(now.Sub(s.Until))))
		case s.Undecided(now):
			held = append(held, s.ID)
		}
	}
	var checks []Check
	if len(late) > 0 {
		checks = append(checks, Check{
			Name: sessionsCheck, Status: CheckWarning, Message: count(len(late), "session") + " overdue: " + strings.Join(late, ", "),
			Remedy: "take back what should have ended by itself", Run: []string{"kubectl fluxtune revert " + where + " --expired"},
		})
	}
	if len(held) > 0 {
		checks = append(checks, Check{
			Name: sessionsCheck, Status: CheckWarning,
			Message: count(len(held), "session") + " over, but for what others changed since: " + strings.Join(held, ", "),
			Remedy:  "decide what becomes of that: forget keeps what is there, revert --force restores what was before",
			Run:     []string{"kubectl fluxtune sessions " + where, "kubectl fluxtune revert " + where + " --force --session " + terminal.Quoted(held[0]), "kubectl fluxtune forget " + where + " --session " + terminal.Quoted(held[0])},
		})
	}
	return checks
}

// StrayEndsCheck tells of annotations for alarms that no session bears, each in a sentence that ends with the command against it.
func StrayEndsCheck(stray tune.StrayEnds) []Check {
	if len(stray.Objects) == 0 {
		return nil
	}
	remedy := "somebody has edited the annotation " + tune.UntilAnnotation + ": put it right"
	if n := len(stray.Lost); n > 0 {
		which := stray.Lost[0]
		if n > 1 {
			which += fmt.Sprintf(" and %d more", n-1)
		}
		remedy = "the record of " + which + " is gone, and nothing takes back what its session has set: set what you want there, then take the mark away, by which alone it is found"
	}
	return []Check{{
		Name: "session ends", Status: CheckWarning, Message: count(len(stray.Objects), "object") + " with an end that alarms read, and that no session has",
		Remedy: remedy, Run: stray.Run,
	}}
}

// RecordsCheck names objects whose records cannot be read, so that nothing can take back what was changed there; false where
// there are none. Flags are those that have another command ask the same cluster, with a space before each.
func RecordsCheck(objects []flux.Object, flags string) (Check, bool) {
	bad, names, run := forgetting(objects, flags, func(o flux.Object) bool {
		_, err := tune.ReadRecord(o)
		return err != nil
	})
	return Check{
		Name: "records", Status: CheckWarning, Message: fmt.Sprintf("%s cannot be read: %s", count(bad, "record"), names),
		Remedy: "no revert finds what the values were before, and each warns of it: set by hand what is to be, then drop the record", Run: run,
	}, bad > 0
}

// LostRecordsCheck names objects that bear the name of fluxtune and no record; false where there are none. Flags are as
// for RecordsCheck.
func LostRecordsCheck(objects []flux.Object, flags string) (Check, bool) {
	lost, names, run := forgetting(objects, flags, tune.Unrecorded)
	return Check{
		Name: "lost records", Status: CheckWarning, Message: fmt.Sprintf("%s with the name of fluxtune, and without a record of what was there before: %s", count(lost, "object"), names),
		Remedy: "somebody took the annotation " + tune.RecordAnnotation + " away, or wrote under that name, and no revert finds what was there before: set what is to be, where you set it for good; this keeps what is there, and takes the name off:", Run: run,
	}, lost > 0
}

// forgetting counts and names some objects, and has the commands that have them forgotten, one for each namespace.
func forgetting(objects []flux.Object, flags string, which func(flux.Object) bool) (n int, named string, run []string) {
	var names, namespaces []string
	inNamespace := make(map[string][]string)
	for _, o := range objects {
		if !which(o) {
			continue
		}
		names = append(names, o.Ref.String())
		if inNamespace[o.Namespace] == nil {
			namespaces = append(namespaces, o.Namespace)
		}
		inNamespace[o.Namespace] = append(inNamespace[o.Namespace], terminal.Quoted(o.Kind+"/"+o.Name))
	}
	for _, namespace := range namespaces {
		run = append(run, fmt.Sprintf("kubectl fluxtune forget %s -n %s%s", strings.Join(inNamespace[namespace], " "), terminal.Quoted(namespace), flags))
	}
	return len(names), firstOf(names), run
}

// RulesCheck names the Kustomizations that bear rules of fluxtune which no record needs; false where there are none.
func RulesCheck(left []tune.Pin, where string) (Check, bool) {
	var owners []string
	for _, pin := range left {
		if err := tune.BadPins(pin.Owner); err != nil {
			return Check{Name: "pins", Status: CheckWarning, Message: pin.Owner.Ref.String() + ": " + err.Error()}, true
		}
		if len(pin.Drops()) > 0 { // else some are missing, or only their note is left
			owners = append(owners, pin.Owner.Ref.String())
		}
	}
	return Check{
		Name: "pins", Status: CheckWarning, Message: count(len(owners), "Kustomization") + " with rules of fluxtune in spec.ignore that no object needs any more: " + firstOf(owners),
		Remedy: "take the rules away, so that Git decides again", Run: []string{"kubectl fluxtune revert " + where + " --expired"},
	}, len(owners) > 0
}

// LostPinsCheck names objects whose records call fields pinned while nothing leaves these to the cluster any more; false where there are
// none.
func LostPinsCheck(objects []flux.Object, judge *tune.Judge, where string) (Check, bool) {
	var lost []string
	for _, o := range objects {
		if judge.PinGone(o) {
			lost = append(lost, o.Ref.String())
		}
	}
	return Check{
		Name: "lost pins", Status: CheckWarning, Message: count(len(lost), "object") + " whose rules in spec.ignore somebody took away, so that Git sets again what fluxtune has set: " + firstOf(lost),
		Remedy: "apply --managed=pin sets the rules again, and revert takes the objects back; this shows what the former would do:", Run: []string{"kubectl fluxtune plan " + where + " --managed=pin"},
	}, len(lost) > 0
}

// firstOf lists the first of some names, and how many more there are.
func firstOf(names []string) string {
	const most = 3
	if more := len(names) - most; more > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// AwaitedChecks tell of rules of fluxtune that no object needs yet, a check for each line of tune.RulesAwaited. That is in order, as
// long as whoever waits for them was not killed, which nobody can see.
func AwaitedChecks(lines []string) (checks []Check) {
	for _, line := range lines {
		checks = append(checks, Check{Name: "pins", Status: CheckOK, Message: line})
	}
	return checks
}

// article is the indefinite one before a word.
func article(word string) string {
	if strings.ContainsAny(word[:1], "AEIOaeio") {
		return "an"
	}
	return "a"
}
