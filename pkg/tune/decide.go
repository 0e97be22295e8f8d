package tune

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// OptOutAnnotation with the value OptOutValue on an object keeps fluxtune from tuning it.
const (
	OptOutAnnotation = "fluxtune.github.io/tune"
	OptOutValue      = "disabled"
)

// subject is what the checks look at.
type subject struct {
	object      flux.Object
	policy      policy.Policy
	assignment  policy.Assignment
	environment policy.Environment // the zero value where the policy does not know it
	options     Options
}

// check returns a reason to leave an object alone, or an empty one.
type check func(subject) (Reason, string)

// The order matters: the first that finds a reason gives the one that users see.
var checks = []check{
	beingDeleted,
	optedOut,
	withoutEnvironment,
	environmentNotInPolicy,
	kindNotInPolicy,
	intervalIgnored,
	suspended,
	retriesExhausted,
}

// Decide plans one object: what to change, or why it is left alone. It is used for a whole snapshot,
// and again for an object that somebody else changed in the meantime.
func Decide(o flux.Object, p policy.Policy, a policy.Assignment, opts Options) Item {
	item := Item{Object: o, Assignment: a}
	environment, _ := p.Lookup(a.Environment)
	s := subject{object: o, policy: p, assignment: a, environment: environment, options: opts}
	for _, leaveAlone := range checks {
		if reason, message := leaveAlone(s); reason != "" {
			item.Action, item.Reason, item.Message = ActionSkip, reason, message
			return item
		}
	}
	item.Changes, item.Notes, item.Kept = changes(s)
	item.Stick = judge(o, item.Changes, opts.Judge)
	_, unreadable := ReadRecord(o)
	switch {
	case len(item.Changes) > 0 && unreadable != nil:
		// The originals would be lost: no change without a way back.
		item.Action, item.Reason, item.Message = ActionSkip, ReasonBadRecord, unreadable.Error()
		item.Changes, item.Notes = nil, nil
	case len(item.Changes) > 0:
		item.Action, item.Reason = ActionChange, ReasonPolicyDiffers
		item.Message = fmt.Sprintf("differs from policy %q", p.Name)
		if reason, message := managed(item, opts); reason != "" {
			item.Action, item.Reason, item.Message = ActionSkip, reason, message
			item.Changes, item.Notes = nil, nil
		}
	case item.Kept != "":
		item.Action, item.Reason, item.Message = ActionSkip, ReasonTimeoutKept, item.Kept
	default:
		item.Action, item.Reason = ActionUnchanged, ReasonMatchesPolicy
		item.Message = fmt.Sprintf("matches policy %q", p.Name)
	}
	return item
}

func beingDeleted(s subject) (Reason, string) {
	if !s.object.Deleting {
		return "", ""
	}
	return ReasonDeleting, "being deleted"
}

func optedOut(s subject) (Reason, string) {
	if s.object.Annotations[OptOutAnnotation] != OptOutValue {
		return "", ""
	}
	return ReasonOptedOut, fmt.Sprintf("opted out by annotation %s: %s", OptOutAnnotation, OptOutValue)
}

func withoutEnvironment(s subject) (Reason, string) {
	if s.assignment.Environment != "" {
		return "", ""
	}
	return ReasonNoEnvironment, "no environment"
}

func environmentNotInPolicy(s subject) (Reason, string) {
	if s.assignment.Known {
		return "", ""
	}
	return ReasonOtherEnvironment, fmt.Sprintf("environment %q is not in policy %q", s.assignment.Environment, s.policy.Name)
}

func kindNotInPolicy(s subject) (Reason, string) {
	for _, t := range s.object.KindRow().Tunables {
		if s.object.Has(t.Field) && !s.wanted(t).IsZero() {
			return "", ""
		}
	}
	return ReasonKindNotInPolicy, fmt.Sprintf("policy %q says nothing about %s in %s", s.policy.Name, s.object.Kind, s.environment.Name)
}

func intervalIgnored(s subject) (Reason, string) {
	switch {
	case s.object.OCI:
		return ReasonIntervalIgnored, "Flux ignores the interval of a HelmRepository of type oci"
	case s.object.Generated:
		return ReasonIntervalIgnored, "made by a HelmRelease, which sets its interval: tune spec.chart.spec.interval there"
	default:
		return "", ""
	}
}

func suspended(s subject) (Reason, string) {
	if !s.object.Suspended || s.options.IncludeSuspended {
		return "", ""
	}
	return ReasonSuspended, "suspended (--include-suspended tunes it too)"
}

func retriesExhausted(s subject) (Reason, string) {
	if s.object.Kind != "HelmRelease" || !s.object.Status.Stalled || s.options.IncludeFailed {
		return "", ""
	}
	return ReasonRetriesExhausted, "its retries are used up, and a change makes it try again (--include-failed tunes it too)"
}

// judge tells whether the changes of an object last, or what a change of its interval would.
func judge(o flux.Object, changed []Change, j *Judge) Stick {
	if j == nil {
		return Stick{}
	}
	fields := []flux.Field{flux.Interval}
	if len(changed) > 0 {
		fields = fields[:0]
		for _, c := range changed {
			fields = append(fields, c.Field)
		}
	}
	return j.Judge(o, fields)
}

// managed gives the reason to leave an object alone whose changes would be reverted.
func managed(item Item, opts Options) (Reason, string) {
	if item.Stick.Verdict != Reverted {
		return "", ""
	}
	switch opts.Managed {
	case ManagedSkip:
		return ReasonSetInGit, "would be " + item.Stick.Message
	case ManagedPin:
		if why := opts.Judge.cannotPin(item.Stick.Owner); why != "" {
			return ReasonCannotPin, why
		}
	}
	return "", ""
}

// wanted is what the policy says about a field of the subject; the zero bound where it says nothing.
func (s subject) wanted(t flux.Tunable) policy.Bound {
	kind := t.PolicyKind
	if kind == "" {
		kind = s.object.Kind
	}
	return s.environment.Value(kind, t.Setting)
}

// changes compares each tunable field with the policy. It returns the fields to change, what a reader
// should know beside them, and, where a timeout is kept against the policy, why.
func changes(s subject) (changed []Change, notes []string, kept string) {
	o := s.object
	interval := o.Interval
	for _, t := range o.KindRow().Tunables {
		if !o.Has(t.Field) {
			continue
		}
		// Interval comes first in every row: what follows it is judged by the new interval.
		change := Change{Field: t.Field, From: o.Value(t.Field)}
		// An unset field has the value that Flux will use for it.
		if end, outside := s.wanted(t).Nearest(o.EffectiveWith(t.Field, change.From, interval)); outside {
			change.To = &end
		}
		keptNow := ""
		if t.Field == flux.Timeout {
			change.To, keptNow = guardTimeout(o, change.To, interval)
			kept = keptNow
		}
		if note := shrinking(o, t, change.To, interval); note != "" && keptNow == "" {
			notes = append(notes, note)
		}
		if change.To == nil || flux.SameDuration(change.From, change.To) {
			continue
		}
		changed = append(changed, change)
		if t.Field == flux.Interval {
			interval = change.To
		}
	}
	return changed, notes, kept
}

// shrinking tells of a field that is unset and follows the interval, which is about to become
// shorter: what the policy sets instead, or what it will be.
func shrinking(o flux.Object, t flux.Tunable, to, interval *string) string {
	if o.Value(t.Field) != nil || t.Field == flux.Interval {
		return ""
	}
	before, after := o.Effective(t.Field), o.EffectiveWith(t.Field, nil, interval)
	if after >= before {
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
	return follows + ", so the policy's " + flux.ShortDuration(*to) + " is set"
}

func uniqueSorted(s []string) []string {
	slices.SortFunc(s, strings.Compare)
	return slices.Compact(s)
}
