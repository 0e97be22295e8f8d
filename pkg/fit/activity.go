package fit

import (
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Evidence is where it is known from how often a source changes. The strings are part of the JSON output.
type Evidence string

// What is believed, in this order.
const (
	FromFile     Evidence = "file"     // --activity
	FromWebhook  Evidence = "webhook"  // a Receiver brings what is pushed: nobody waits for the poll
	FromPin      Evidence = "pin"      // it names one commit, or its charts are all used by exact versions: nothing that is published changes what is used
	FromGit      Evidence = "git"      // the commits of a checkout
	FromHistory  Evidence = "history"  // status.history of what uses it
	FromArtifact Evidence = "artifact" // status.artifact.lastUpdateTime: when it was written, which may be later than it changed
	FromNothing  Evidence = "nothing"
)

// Activity is how often a source changes, and how much is known about that.
type Activity struct {
	From Evidence
	// PerHour are the commits an hour that somebody waits for; 0 where none came within what is known.
	PerHour float64
	// Changes were seen in Window; both 0 where From says it all.
	Changes int
	Window  time.Duration
}

// Of a source that was not seen to change, enough is known after a week: people who work on something rarely leave it
// alone for longer. Within a day nothing is known.
const (
	enough = 7 * 24 * time.Hour
	little = 24 * time.Hour
)

// observed is the activity of so many changes in a window. What has not changed for less than a week may be about to:
// it counts like one change in that time.
func observed(from Evidence, changes int, window time.Duration) Activity {
	a := Activity{From: from, Changes: changes, Window: window}
	switch {
	case window <= 0 || changes == 0 && window < little:
		return Activity{From: FromNothing}
	case changes == 0 && window < enough:
		a.PerHour = 1 / window.Hours()
	default:
		a.PerHour = float64(changes) / window.Hours()
	}
	return a
}

// until is the same activity, with the window in which the changes were seen up to now.
func (a Activity) until(window time.Duration) Activity {
	if a.From != FromNothing {
		a.Window = window
	}
	return a
}

// fromHistory counts what the users of a source came to apply. Each remembers a few changes, and the first time that it
// tells is from when on it remembers all; so everything is known since the latest of these times. What the source did not
// bring is no change, and one commit is one, however many apply it (union). How often it changes is counted until the last change of anything (lastChange).
//
// For changes that come at any time this is on average how often they come, whether a window begins at one of the last k changes or
// at a creation a day ago. Of a shorter one only those would be known that happened to change, as what is set up does.
func fromHistory(source *flux.Object, users []*flux.Object, last, now time.Time) Activity {
	var since time.Time
	var all []arrival
	for _, u := range users {
		changes := u.Status.Changes
		if len(changes) == 0 || last.Sub(changes[0].At) < little && (len(changes) == 1 || cameWith(u, changes[0].At)) {
			continue // new: it says nothing
		}
		if changes[0].At.After(since) {
			since = changes[0].At
		}
		for _, c := range changes {
			if c.BroughtBy(source, u) {
				all = append(all, arrival{c, u})
			}
		}
	}
	if since.IsZero() {
		return Activity{From: FromNothing}
	}
	return observed(FromHistory, union(all, since), last.Sub(since)).until(now.Sub(since))
}

// cameWith tells whether what came at a time came with the object itself, and is no change.
func cameWith(o *flux.Object, at time.Time) bool {
	return !o.Created.IsZero() && at.Sub(o.Created) < time.Hour
}

// fromArtifact knows only when the artifact was written last. That it was fetched for the first time is no change, nor that
// a source-controller wrote all of them anew: then it is only known that nothing came since.
func fromArtifact(o *flux.Object, restarted flux.Restarts, last, now time.Time) Activity {
	changed := o.Status.SourceChanged
	if changed.IsZero() || changed.After(now) {
		return Activity{From: FromNothing}
	}
	age := max(0, last.Sub(changed))
	if restarted.Wrote(changed) || cameWith(o, changed) {
		return observed(FromArtifact, 0, age).until(now.Sub(changed))
	}
	// A change of just now is no flood of changes.
	return observed(FromArtifact, 1, max(age, little)).until(max(now.Sub(changed), time.Hour))
}

// String says for people how often something changes, and how that is known: "4 commits in 12d (status.history)".
func (a Activity) String() string {
	switch a.From {
	case FromFile:
		return fmt.Sprintf("%s (--activity)", rate(a.PerHour))
	case FromWebhook:
		return "a webhook brings its commits"
	case FromPin:
		return "pinned to a commit or to exact versions"
	case FromGit, FromHistory, FromArtifact:
		where := map[Evidence]string{FromGit: "Git", FromHistory: "status.history", FromArtifact: "status.artifact"}[a.From]
		switch a.Changes {
		case 0:
			return fmt.Sprintf("no commit in %s (%s)", span(a.Window), where)
		case 1:
			return fmt.Sprintf("1 commit in %s (%s)", span(a.Window), where)
		default:
			return fmt.Sprintf("%d commits in %s (%s)", a.Changes, span(a.Window), where)
		}
	default:
		return fmt.Sprintf("unknown how often it changes, taken for %s", rate(a.PerHour))
	}
}

// rate writes commits an hour with the unit that reads best.
func rate(perHour float64) string {
	switch {
	case perHour == 0:
		return "no commits"
	case perHour == 1:
		return "1 commit/h"
	case perHour >= 1:
		return fmt.Sprintf("%.3g commits/h", perHour)
	case perHour*24 == 1:
		return "1 commit/d"
	case perHour*24 >= 1:
		return fmt.Sprintf("%.3g commits/d", perHour*24)
	case perHour*24*7 == 1:
		return "1 commit/week"
	default:
		return fmt.Sprintf("%.3g commits/week", perHour*24*7)
	}
}

// span writes a long time with one unit: 90m, 36h, 12d.
func span(d time.Duration) string {
	switch {
	case d < 3*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 3*24*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
}

// guess gives the activity of what nothing is known about: the median of what is known to change, so that it is neither
// forgotten nor preferred. Where nothing is known of anything, all count the same.
func guess(known []float64) float64 {
	if len(known) == 0 {
		return 1.0 / 24
	}
	slices.Sort(known)
	return known[len(known)/2]
}
