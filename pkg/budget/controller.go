package budget

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// settings are the controllers of a cluster.
type settings struct{ flux.Controllers }

// never is longer than anybody waits, and leaves room to add to it: Flux accepts intervals up to what
// 64 bits hold, 292 years.
const never = 100 * 365 * 24 * time.Hour

// longest is an interval of an object with all of its controller's jitter; never at most.
func (s settings) longest(o *flux.Object, interval time.Duration) time.Duration {
	interval = min(interval, never)
	return min(interval+interval/100*time.Duration(s.Of(o).JitterPercent), never)
}

// changedFirst tells whether the controller of an object takes what was changed before what was not, for as long as it runs:
// controllers of Flux 2.8 and newer have the priority queue of controller-runtime 0.23 (go.mod; pkg/controller/controller.go,
// UsePriorityQueue). What is there when they start gets a low priority (pkg/handler/eventhandler.go, LowPriority), a change a higher
// one, and what is due again comes back with that which it had (pkg/internal/controller/controller.go, reconcileHandler). A
// controller of a version that is not known is taken for a newer one.
func (s settings) changedFirst(o *flux.Object) bool {
	first := "1.1.0" // of the image controllers
	switch flux.ControllerOf(o.Kind) {
	case flux.SourceController, flux.KustomizeController:
		first = "1.8.0"
	case flux.HelmController:
		first = "1.5.0"
	}
	older, _ := s.Older(o, first)
	return !older
}

// BusyWarning is the share of the workers' time, in percent, above which they are too busy: what comes in bursts,
// and a new revision, waits for a free one.
const BusyWarning = 70

// DurationSource says what a duration is based on. The strings are part of the JSON output.
type DurationSource string

// The sources of durations, best first.
const (
	Observed DurationSource = "observed" // the controllers' metrics
	History  DurationSource = "history"  // status.history
	Assumed  DurationSource = "assumed"  // nothing better
)

// Workers are those of a controller for one kind, and how busy intervals alone keep them. The shards of
// a controller do not help each other: each has workers of its own.
type Workers struct {
	// Cluster that they are in, where there are several.
	Cluster    string
	Controller string
	// Shard is the label selector of what this shard watches; "" where there is but one.
	Shard      string
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
	// Behind are those that the plan leaves as they are, of a controller where those that it changes go first; 0 where all wait alike.
	Behind int
	// Advice is the remedy where they are too busy, at the moment that is; "" where not.
	Advice string
}

// load is the time that the reconciles of a kind take, in seconds per hour.
type load struct {
	Workers
	seconds Rates
	// busy is that time as the workers see it: an object never keeps more than one.
	busy Rates
	from map[DurationSource]float64 // seconds per hour, now or under the plan
}

// wholeHour is how many seconds an hour keep one worker busy.
const wholeHour = 3600

// workers are those of the kinds that were asked for. What else they have to do was read, too (others), and keeps them busy: it stays
// as it is, but for what follows from these.
func (f *fleet) workers(others []tune.Item) []Workers {
	type key struct{ kind, shard, namespace string }
	loads := map[key]*load{}
	var order []key
	subjects := slices.Clone(f.shown)
	for i := range others {
		if s := f.byRef[others[i].Object.Ref]; s != nil && !s.shown {
			stays := *s
			stays.reconciles = f.dueBeside(s)
			subjects = append(subjects, &stays)
		}
	}
	for _, s := range subjects {
		c := f.settings.Of(s.object)
		if s.reconciles == (Rates{}) || flux.ControllerOf(s.object.Kind) == "" {
			continue
		}
		k := key{s.object.Kind, c.Watches, c.Namespace}
		l := loads[k]
		if l == nil && !s.shown {
			continue
		}
		if l == nil {
			l = &load{Workers: Workers{Cluster: s.object.Cluster, Controller: c.Name, Kind: k.kind, Concurrent: c.Concurrent, Default: !c.Found}, from: map[DurationSource]float64{}}
			if len(f.settings.Controllers[c.Name]) > 1 {
				l.Shard = cmp.Or(c.Watches, c.Namespace, "the rest")
				if c.Watches != "" && c.Namespace != "" {
					l.Shard += " in " + c.Namespace
				}
			}
			loads[k] = l
			order = append(order, k)
		}
		took, from := f.duration(s)
		l.from[from] += max(s.reconciles.Now, s.reconciles.Planned) * took.Seconds()
		l.Objects++
		// A HelmChart changes with its HelmRelease.
		if !s.changed && s.reconciles.Planned == s.reconciles.Now && f.settings.changedFirst(s.object) {
			l.Behind++
		}
		l.Reconciles = sum(l.Reconciles, s.reconciles)
		seconds := times(s.reconciles, took.Seconds())
		l.seconds = sum(l.seconds, seconds)
		l.busy = sum(l.busy, Rates{Now: min(seconds.Now, wholeHour), Planned: min(seconds.Planned, wholeHour)})
	}
	names := append(flux.KindNames(), flux.ImagePolicyKind)
	sorting.By(order, func(a, b key) int {
		return cmp.Or(cmp.Compare(slices.Index(names, a.kind), slices.Index(names, b.kind)), strings.Compare(a.shard, b.shard), strings.Compare(a.namespace, b.namespace))
	})
	var all []Workers
	for _, k := range order {
		all = append(all, loads[k].finish())
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
	w.Busy = times(l.busy, 100/(wholeHour*float64(max(w.Concurrent, 1))))
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
	if worst <= BusyWarning {
		return ""
	}
	when := "are"
	if w.Busy.Planned > BusyWarning && w.Busy.Planned != w.Busy.Now {
		worst, when = w.Busy.Planned, "would be"
	}
	based := ""
	if w.From == Assumed {
		based = fmt.Sprintf(" (at %s each, which is assumed: --observe measures it)", w.Duration.Round(time.Millisecond))
	}
	name := w.Controller
	if w.Shard != "" {
		name += " for " + w.Shard
	}
	what := flux.InCluster(w.Cluster, fmt.Sprintf("the %d %s workers of %s %s %.0f%% busy%s", w.Concurrent, w.Kind, name, when, worst, based))
	if w.Busy.Planned <= BusyWarning {
		return fmt.Sprintf("%s: the plan brings that down to %.0f%%", what, w.Busy.Planned)
	}
	return fmt.Sprintf("%s: give it --concurrent=%d, or lengthen intervals", what, int(math.Ceil(worst*float64(w.Concurrent)/BusyWarning)))
}

// Overloaded says of each controller that cannot do what a plan asks of it that the latencies are not reached: what is due
// waits for a free worker, longer with each round, and what the plan does not change may wait for ever (settings.changedFirst).
func (b Budget) Overloaded() []string {
	var lines []string
	for _, w := range b.Workers {
		if w.Busy.Planned > 100 && w.Reconciles.Planned != w.Reconciles.Now {
			line := "the latencies would not be reached, since " + w.Advice
			if w.Default {
				line += fmt.Sprintf("; the flags of %s were not read, and its defaults are assumed", w.Controller)
			}
			line += w.starved()
			lines = append(lines, line)
		}
	}
	return lines
}

// starved says what becomes of those that the plan does not change; "" where there are none, or where they wait as the others do.
func (w Workers) starved() string {
	if w.Behind == 0 || w.Behind == w.Objects {
		return ""
	}
	others := fmt.Sprintf("the %d others", w.Behind)
	if w.Behind == 1 {
		others = "the other one"
	}
	return fmt.Sprintf("; those that the plan changes go first, and %s may not be polled any more until %s is restarted (Flux 2.8 and newer)", others, w.Controller)
}

// duration is how long a reconcile of an object takes, and how that is known. What waits for a dependency or source only
// looks whether it is there: its history is of other reconciles.
func (f *fleet) duration(s *subject) (time.Duration, DurationSource) {
	if o, ok := f.observed[s.object.Ref]; ok && o.Mean > 0 {
		return o.Mean, Observed
	}
	if s.object.Status.LastReconcile > 0 && s.failure != Waiting {
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
	sorting.By(names, strings.Compare)
	return slices.Compact(names)
}
