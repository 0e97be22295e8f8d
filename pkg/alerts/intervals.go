package alerts

import (
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// missed is how many intervals a source may miss.
const missed = 3

// classes are the intervals that rules tell apart: a source belongs to the first that is not shorter than its own. So
// there are few rules for whatever intervals, at the price that 4m is alarmed about as late as 5m.
var classes = [...]time.Duration{
	30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute,
	30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// slow alerts where an object is being reconciled more than half of the time. The interval begins when a reconcile has
// ended (controller-runtime, RequeueAfter), so that this is where a reconcile takes longer than the interval, whatever
// that is: it need not be known. The most counts and not the sum, since two jobs may scrape the same controller.
func (in Input) slow() Rule {
	rate := metric(reconcileSeconds, in.kinds(""), in.Namespace, func(s string) string { return fmt.Sprintf("rate(%s[%s])", s, duration(observed)) })
	return alert(SlowReconcile, fmt.Sprintf("max by (%s) (%s) > 0.5", identity, sameNamespace(rate)), 10*evaluation,
		"{{ $labels.kind }} {{ $labels.exported_namespace }}/{{ $labels.name }} is reconciled most of the time",
		"{{ $labels.kind }} {{ $labels.exported_namespace }}/{{ $labels.name }} was being reconciled {{ $value | humanizePercentage }} of the last hour. "+
			"Its interval begins when a reconcile ends, so more than half of the time means that a reconcile takes longer than the interval, "+
			"or than the retry interval while it fails, or that something triggers it all the time. With intervals above 20m this alarm can come and go.",
		fmt.Sprintf("%s shows interval, timeout and retry interval; %s how long reconciles take",
			in.command("get", theObject, "-o wide"), in.command("budget", in.scope(), "--observe")))
}

// polls alerts for each class of intervals where a source was not reconciled for three of them. An object that is made,
// suspended or resumed meanwhile was not there for so long, or is not due. A controller that started meanwhile polled it.
func (in Input) polls() ([]Rule, []string) {
	var all []classed[time.Duration]
	rare, undecided := 0, 0
	for _, i := range in.Items {
		o := classed[time.Duration]{ref: i.Object.Ref}
		// Where the policy is still to be applied, either interval is right.
		interval := max(i.Interval.Now, i.Interval.Planned)
		if i.Object.KindRow().Source && interval <= 0 && i.Object.Undecided(flux.Interval) {
			undecided++
		}
		if i.Object.KindRow().Source && interval > 0 {
			at := slices.IndexFunc(classes[:], func(class time.Duration) bool { return class >= interval })
			if at < 0 {
				rare++
			} else {
				o.class = classes[at]
			}
		}
		all = append(all, o)
	}
	var rules []Rule
	found := choose(in, all)
	for _, class := range classes {
		if list := found[class]; len(list) > 0 {
			rules = append(rules, in.notPolled(class, list))
		}
	}
	var notes []string
	if rare > 0 {
		notes = append(notes, fmt.Sprintf("no alarm about missed polls of %s with an interval above %s", plural(rare, "source"), flux.FormatDuration(classes[len(classes)-1])))
	}
	if undecided > 0 {
		notes = append(notes, fmt.Sprintf("no alarm about missed polls of %s whose interval is a variable that is not known here, nor about what they ask hosts", plural(undecided, "source")))
	}
	return rules, notes
}

// resourceInfo tells of each object that is there, by kube-state-metrics; it has the kind in a label of its own.
const (
	resourceInfo = "gotk_resource_info"
	resourceKind = "customresource_kind"
)

// ofKindLabel gives series of kube-state-metrics the kind as those of Flux's controllers have it.
func ofKindLabel(series string) string {
	return fmt.Sprintf(`label_replace(%s, "kind", "$1", %q, "(.+)")`, series, resourceKind)
}

// settled is how long an object is there, and its controller runs, before its first reconcile is missed: all are due at once
// then, and a source that is cloned may take minutes.
const settled = time.Hour

// neverPolled alerts where a source is there of which no controller tells that it was ever reconciled: its first reconcile
// hangs, or no shard takes it, or the one that does is gone. A controller's counters do not tell of it, so that
// kube-state-metrics has to; without it this is silent. Where no object of the kind is told of, that is another alarm.
func (in Input) neverPolled() []Rule {
	var all []classed[bool]
	for _, i := range in.Items {
		all = append(all, classed[bool]{i.Object.Ref, i.Object.KindRow().Source && max(i.Interval.Now, i.Interval.Planned) > 0})
	}
	list := choose(in, all)[true]
	if len(list) == 0 {
		return nil
	}
	window := duration(settled)
	there := each(list, func(s Selector) string {
		return fmt.Sprintf("(%[1]s%[2]s and on (%[4]s, exported_namespace, name) %[1]s%[2]s offset %[3]s)", resourceInfo, s.of(resourceKind, `suspended!="true"`), window, resourceKind)
	})
	started := fmt.Sprintf("group by (kind) (%s and on (job, instance) (process_start_time_seconds > time() - %.0f))", reconcileCount, settled.Seconds())
	expr := fmt.Sprintf("group by (%[1]s) (%[2]s)\nunless on (%[1]s) %[3]s\nand on (kind) %[3]s\nunless on (kind) %[4]s",
		identity, ofKindLabel("(\n"+there+"\n)"), reconcilesTotal, started)
	return []Rule{alert(SourceNeverPolled, expr, 10*evaluation,
		"No controller has polled {{ $labels.kind }} {{ $labels.exported_namespace }}/{{ $labels.name }}",
		"{{ $labels.kind }} {{ $labels.exported_namespace }}/{{ $labels.name }} has been there for an hour, and no controller that runs tells of a reconcile of it, though they do of others. "+
			"Its first one hangs, no shard watches it (label sharding.fluxcd.io/key), or the shard that does is not running or not scraped.",
		in.command("get", theObject, "-o yaml")+" shows its labels; compare them with --watch-label-selector of each Deployment of source-controller, and see whether its pods run")}
}

// notPolled is the rule of one class. A poll can be late by the controllers' jitter, 5% by default.
func (in Input) notPolled(interval time.Duration, list []Selector) Rule {
	length := missed*interval + missed*interval/20 + scrapeAndEvaluation
	window := duration(length)
	silent := each(list, func(s Selector) string {
		return fmt.Sprintf("(sum by (%[4]s) (increase(%[1]s%[2]s[%[3]s])) == 0 and on (%[4]s) %[1]s%[2]s and on (%[4]s) %[1]s%[2]s offset %[3]s)",
			reconcilesTotal, s, window, identity)
	})
	// kube-state-metrics tells what is suspended; without it this takes nothing away.
	suspended := ofKindLabel(resourceInfo + `{suspended="true"}`)
	// A controller polls everything when it starts, and its counters begin anew: 1 after 1 is no increase.
	var kinds []string
	for _, s := range list {
		kinds = append(kinds, s.Kind)
	}
	slices.Sort(kinds)
	started := sameNamespace(metric(reconcileCount, slices.Compact(kinds), in.Namespace, func(s string) string {
		return fmt.Sprintf("%s and on (job, instance) (process_start_time_seconds > time() - %.0f)", s, length.Seconds())
	}))
	expr := fmt.Sprintf("(\n%s\n)\nunless on (%[2]s) %[3]s\nunless on (%[2]s) %[4]s", silent, identity, suspended, started)
	every := flux.FormatDuration(interval)
	a := alert(SourceNotPolled, expr, 0,
		fmt.Sprintf("{{ $labels.kind }} {{ $labels.exported_namespace }}/{{ $labels.name }} has not polled for %d intervals", missed),
		fmt.Sprintf("{{ $labels.kind }} {{ $labels.exported_namespace }}/{{ $labels.name }} polls every %s at the latest, and was not reconciled for %s. "+
			"It waits for a free worker, its attempts fail and are in back-off, it is stalled, so that Flux does not try again before it is changed, or it was suspended or given a longer interval after these rules were made "+
			"(what is suspended is known where kube-state-metrics gives gotk_resource_info).", every, window),
		fmt.Sprintf("%s shows its interval and whether it is suspended; %s how busy the workers are and what fails; after a change of intervals print the rules anew with %s%s",
			in.command("get", theObject, "-o wide"), in.command("budget", in.scope()), in.command("alerts", in.scope()+in.Under), in.withPolicy()))
	a.Labels["interval"] = every // rules of one name differ in a label: promtool's lint wants it
	return a
}
