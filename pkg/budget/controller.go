package budget

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// settings are the controllers by name.
type settings map[string]flux.Controller

// newSettings lays the controllers that were found over the defaults.
func newSettings(found []flux.Controller) settings {
	s := settings{}
	for _, c := range slices.Concat(flux.DefaultControllers(), found) {
		s[c.Name] = c
	}
	return s
}

// never is longer than anybody waits, and leaves room to add to it: Flux accepts intervals up to what
// 64 bits hold, 292 years.
const never = 100 * 365 * 24 * time.Hour

// longest is an interval of a kind with all of its controller's jitter; never at most.
func (s settings) longest(kind string, interval time.Duration) time.Duration {
	interval = min(interval, never)
	return min(interval+interval/100*time.Duration(s[flux.ControllerOf(kind)].JitterPercent), never)
}

// busyWarning is the share of the workers' time above which they are too busy: what comes in bursts,
// and a new revision, waits for a free one.
const busyWarning = 70

// DurationSource says what a duration is based on. The strings are part of the JSON output.
type DurationSource string

// The sources of durations, best first.
const (
	Observed DurationSource = "observed" // the controllers' metrics
	History  DurationSource = "history"  // status.history
	Assumed  DurationSource = "assumed"  // nothing better
)

// Workers are those of a controller for one kind, and how busy intervals alone keep them.
type Workers struct {
	Controller string
	Kind       string
	Concurrent int
	// Default says that the controller's Deployment was not read.
	Default    bool
	Objects    int
	Reconciles Rates
	// Duration is the mean of a reconcile, weighted by how often each object is due now. From is what
	// most of it is based on.
	Duration time.Duration
	From     DurationSource
	// Busy is in percent of the workers' time.
	Busy Rates
	// Advice is the remedy where they are too busy, at the moment that is; "" where not.
	Advice string
}

// load is the time that the reconciles of a kind take, in seconds per hour.
type load struct {
	Workers
	seconds Rates
	from    map[DurationSource]float64 // seconds per hour, now or under the plan
}

func (f *fleet) workers() []Workers {
	loads := map[string]*load{}
	for _, s := range f.shown {
		if s.reconciles() == (Rates{}) || flux.ControllerOf(s.object.Kind) == "" {
			continue
		}
		l := loads[s.object.Kind]
		if l == nil {
			c := f.settings[flux.ControllerOf(s.object.Kind)]
			l = &load{Workers: Workers{Controller: c.Name, Kind: s.object.Kind, Concurrent: c.Concurrent, Default: !c.Found}, from: map[DurationSource]float64{}}
			loads[s.object.Kind] = l
		}
		took, from := f.duration(s)
		l.from[from] += max(s.reconciles().Now, s.reconciles().Planned) * took.Seconds()
		l.Objects++
		l.Reconciles = sum(l.Reconciles, s.reconciles())
		l.seconds = sum(l.seconds, times(s.reconciles(), took.Seconds()))
	}
	var all []Workers
	for _, kind := range flux.KindNames() {
		if l := loads[kind]; l != nil {
			all = append(all, l.finish())
		}
	}
	return all
}

func (l *load) finish() Workers {
	w := l.Workers
	w.Duration = mean(l.seconds, l.Reconciles)
	for _, from := range []DurationSource{Observed, History, Assumed} {
		if l.from[from] > l.from[w.From] {
			w.From = from
		}
	}
	w.Busy = times(l.seconds, 100/(3600*float64(max(w.Concurrent, 1))))
	w.Advice = w.advice()
	return w
}

func mean(seconds, reconciles Rates) time.Duration {
	s, n := seconds.Now, reconciles.Now
	if n == 0 {
		s, n = seconds.Planned, reconciles.Planned
	}
	return time.Duration(s / n * float64(time.Second))
}

// advice is the remedy for workers that are too busy now or would be under the plan.
func (w Workers) advice() string {
	worst := max(w.Busy.Now, w.Busy.Planned)
	if worst <= busyWarning {
		return ""
	}
	when := "are"
	if w.Busy.Planned > busyWarning && w.Busy.Planned != w.Busy.Now {
		worst, when = w.Busy.Planned, "would be"
	}
	based := ""
	if w.From == Assumed {
		based = fmt.Sprintf(" (at %s each, which is assumed: --observe measures it)", w.Duration.Round(time.Millisecond))
	}
	what := fmt.Sprintf("the %d %s workers of %s %s %.0f%% busy%s", w.Concurrent, w.Kind, w.Controller, when, worst, based)
	if w.Busy.Planned <= busyWarning {
		return fmt.Sprintf("%s: the plan brings that down to %.0f%%", what, w.Busy.Planned)
	}
	return fmt.Sprintf("%s: give it --concurrent=%d, or lengthen intervals", what, int(math.Ceil(worst*float64(w.Concurrent)/busyWarning)))
}

// duration is how long a reconcile of an object takes, and how that is known.
func (f *fleet) duration(s *subject) (time.Duration, DurationSource) {
	if o, ok := f.observed[s.object.Ref]; ok && o.Mean > 0 {
		return o.Mean, Observed
	}
	if s.object.Status.LastReconcile > 0 {
		return s.object.Status.LastReconcile, History
	}
	if c, ok := f.cost(s); ok {
		return c.Assumed, Assumed
	}
	return apply, Assumed
}

// missing names the controllers that were not found among those that matter for the workers.
func missing(all []Workers) []string {
	var names []string
	for _, w := range all {
		if w.Default {
			names = append(names, w.Controller)
		}
	}
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}
