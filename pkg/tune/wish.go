package tune

import (
	"fmt"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// wish is what a policy comes to for one object.
type wish struct {
	changes []Change
	// kept are timeouts that stay longer than the policy wants.
	kept []keptTimeout
	// notes are side effects that a reader should know of.
	notes []string
}

// keptTimeout is a timeout or retry interval that stays as it is, and why.
type keptTimeout struct{ what, why string }

// keptMessage says what is kept, and each reason once.
// ShortenFlag is what allows a timeout to become shorter; messages that name it are about timeouts that it would shorten.
const ShortenFlag = "--shorten-timeouts"

func (w wish) keptMessage() string {
	var sentences []string
	for i := 0; i < len(w.kept); {
		what, why := w.kept[i].what, w.kept[i].why
		for i++; i < len(w.kept) && w.kept[i].why == w.kept[i-1].why; i++ {
			what += " and " + w.kept[i].what
			why = strings.Replace(why, "it is", "they are", 1)
		}
		sentences = append(sentences, what+": "+why)
	}
	return strings.Join(sentences, "; ")
}

// wishes compares each tunable field with the policy.
func (s subject) wishes() wish {
	var w wish
	o := s.object
	interval := o.Interval // the one that the object will have: what is unset may follow it
	for _, t := range o.KindRow().Tunables {
		if !o.Has(t.Field) {
			continue
		}
		if o.Undecided(t.Field) { // of the interval nothing comes here (notKnown)
			if !s.wanted(t).IsZero() {
				w.kept = append(w.kept, keptTimeout{shortName(t.Field) + " kept", undecided(o, t.Field)})
			}
			continue
		}
		// Interval comes first in every row: what follows it is judged by the new interval.
		change := Change{Field: t.Field, From: o.Value(t.Field)}
		if text, moves := s.wanted(t).Nearest(o.EffectiveWith(t.Field, change.From, interval)); moves {
			change.To = &text
		}
		if t.Setting != flux.IntervalSetting {
			w.guard(s, t, &change, interval)
		}
		if note := following(o, t, change.To, interval); note != "" {
			w.notes = append(w.notes, note)
		}
		if change.To == nil || flux.SameDuration(change.From, change.To) {
			continue
		}
		w.changes = append(w.changes, change)
		if t.Field == flux.Interval {
			interval = change.To
		}
	}
	return w
}

// guard keeps a plan from making a timeout or retry interval shorter than it is: what finds nothing new today
// succeeds at any timeout, and the first change that takes long fails, hours later. Unset ones may follow the
// interval (kustomize-controller api/v1, GetTimeout, GetRetryInterval); they are set to what they are now before
// they would shrink with it. They are made shorter only when that is asked for, and nothing shows that the object
// needs longer.
func (w *wish) guard(s subject, t flux.Tunable, change *Change, interval *string) {
	o := s.object
	today := o.Effective(t.Field)
	next := change.To
	if next == nil {
		next = change.From
	}
	planned := o.EffectiveWith(t.Field, next, interval)
	if planned >= today || today == 0 {
		return
	}
	kept := change.To != nil || !s.wanted(t).IsZero() // the policy wants it shorter
	if kept {
		why := s.whyKept(t, today, planned)
		if why == "" {
			return
		}
		w.kept = append(w.kept, keptTimeout{fmt.Sprintf("%s kept at %s", t.Setting, flux.FormatDuration(today)), why})
	}
	change.To = nil
	follows := o.EffectiveWith(t.Field, nil, interval)
	if change.From == nil && (follows < today || kept && follows > today) { // what is kept does not grow either
		text := t.Format(today)
		change.To = &text
	}
}

// whyKept says why a field is not made shorter; "" where it may be.
func (s subject) whyKept(t flux.Tunable, today, planned time.Duration) string {
	if !s.options.ShortenTimeouts && !s.policy.ShortenTimeouts {
		return "it is not made shorter unasked (" + ShortenFlag + ")"
	}
	if t.Setting != flux.TimeoutSetting {
		return ""
	}
	switch slowest := s.object.Status.SlowestReconcile; {
	case slowest > planned/2:
		return fmt.Sprintf("a reconcile took %s, more than half of %s", flux.FormatDuration(slowest.Round(time.Millisecond)), flux.FormatDuration(planned))
	case s.object.Waits && today > planned:
		return fmt.Sprintf("it waits for health, and %s may be too short for that", flux.FormatDuration(planned))
	default:
		return ""
	}
}

// following tells of a field that is unset and follows the interval, which is about to become another: what it will be, or, where
// it would become shorter, what is set instead.
func following(o flux.Object, t flux.Tunable, to, interval *string) string {
	if o.Value(t.Field) != nil || t.Field == flux.Interval {
		return ""
	}
	before, after := o.Effective(t.Field), o.EffectiveWith(t.Field, nil, interval)
	if after == before || after > before && to != nil { // what is set shows as a change
		return ""
	}
	name := t.Field.Path()[len(t.Field.Path())-1]
	if t.Field == flux.ChartInterval {
		name = "chart interval"
	}
	follows := fmt.Sprintf("%s is unset and follows the interval: %s -> %s", name, flux.FormatDuration(before), flux.FormatDuration(after))
	if to == nil {
		return follows
	}
	return follows + ", so " + flux.ShortDuration(*to) + " is set"
}
