package tune

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// OptOutAnnotation on an object keeps fluxtune from tuning it, with any value but OptInValue: what was meant
// to opt out must not fail to.
const (
	OptOutAnnotation = flux.Group + "/tune"
	OptOutValue      = "disabled"
	OptInValue       = "enabled"
)

// optOut is the mark that opts an object out, if one does. A label counts like the annotation.
func optOut(o flux.Object) (value string, out bool) {
	for _, from := range []map[string]string{o.Annotations, o.Labels} {
		if value, marked := from[OptOutAnnotation]; marked && !strings.EqualFold(value, OptInValue) {
			return value, true
		}
	}
	return "", false
}

// OptedOut tells whether an object is never changed, since it says so.
func OptedOut(o flux.Object) bool {
	_, out := optOut(o)
	return out
}

// oddOptOut warns of an object that is opted out by another value than the documented one.
func oddOptOut(o flux.Object) string {
	value, out := optOut(o)
	if !out || strings.EqualFold(value, OptOutValue) {
		return ""
	}
	return fmt.Sprintf("%s: %s: %q is neither %q nor %q, and is taken for %[4]q", o.Ref, OptOutAnnotation, value, OptOutValue, OptInValue)
}

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
	refusedByFlux,
	notKnown,
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
	wish := s.wishes()
	item.Changes, item.Notes, item.Kept = wish.changes, wish.notes, wish.keptMessage()
	item.Keeps = s.borrowed(wish.changes)
	item.Stick = judge(o, item.touched(), opts.Judge)
	switch {
	case len(item.Changes) > 0:
		item.Action, item.Reason = ActionChange, ReasonPolicyDiffers
		item.Message = fmt.Sprintf("differs from policy %q", p.Title())
		item.Notes = append(item.Notes, item.againNotes()...)
		item.Notes = append(item.Notes, item.idleNotes()...)
		if triesAnew(o) {
			item.Notes = append(item.Notes, failuresNote)
		}
		if until := item.untilWhen(); until != "" {
			item.Notes = append(item.Notes, until)
		}
		item.leaveAlone(firstReason(item, opts))
	case len(item.Keeps) > 0:
		item.Action, item.Reason, item.Message = ActionChange, ReasonBorrowed, item.untilWhen()
		item.leaveAlone(firstOf(item, opts, noWayBack, managed))
	case item.Kept != "":
		item.Action, item.Reason, item.Message = ActionUnchanged, ReasonTimeoutKept, item.Kept
		item.lookAfterPins(opts)
	default:
		item.Action, item.Reason = ActionUnchanged, ReasonMatchesPolicy
		item.Message = fmt.Sprintf("matches policy %q", p.Title())
		item.lookAfterPins(opts)
	}
	if left := opts.Unfitted[o.Ref]; item.Action == ActionUnchanged {
		item.leaveAlone(left.Reason, left.Message)
	}
	return item
}

// lookAfterPins says of an object that is as the policy wants whether the rules are gone that kept it so: somebody took
// them away, or Git has a list of its own now; or that nobody can see it. Where there never was one, it says what will be undone.
func (i *Item) lookAfterPins(opts Options) {
	stick, pinned := opts.Judge.standingPin(i.Object)
	switch {
	case pinned && stick.Verdict == Unknown:
		i.Stick = stick
		i.Message += "; whether its pin holds is not known: " + stick.Message
		return
	case !pinned:
		if stick, stands := opts.Judge.standing(i.Object, (*Record).Fields); stands && !stick.Verdict.lasts() {
			i.Stick, i.Standing = stick, true
		}
		return
	case stick.Verdict != Reverted:
		return
	}
	i.Stick = stick
	if opts.Managed != ManagedPin {
		i.leaveAlone(ReasonPinLost, "the rule in spec.ignore that kept its values is gone: "+stick.Message+" (--managed=pin sets it again)")
		return
	}
	if why := opts.Judge.cannotPin(stick.Owner); why != "" {
		i.leaveAlone(ReasonCannotPin, "the rule in spec.ignore that kept its values is gone, and cannot be set again: "+why)
		return
	}
	i.repins, i.Action, i.Reason, i.Message = true, ActionChange, ReasonPinLost, "the rule in spec.ignore that kept its values is gone: it is set again"
}

// leaveAlone makes an item that would change one that does not; with no reason it does nothing.
func (i *Item) leaveAlone(reason Reason, message string) {
	if reason == "" {
		return
	}
	i.Action, i.Reason, i.Message = ActionSkip, reason, message
	i.Changes, i.Keeps, i.Notes = nil, nil, nil
}

// firstReason gives the first reason to leave an object alone although the policy wants it changed.
func firstReason(item Item, opts Options) (Reason, string) {
	return firstOf(item, opts, heldFromGit, notRewritable, noWayBack, upgrades, failingChart, rollingOut, managed)
}

func firstOf(item Item, opts Options, checks ...func(Item, Options) (Reason, string)) (Reason, string) {
	for _, check := range checks {
		if reason, message := check(item, opts); reason != "" {
			return reason, message
		}
	}
	return "", ""
}

// noWayBack: without a record that can be read and written there is no change.
func noWayBack(item Item, _ Options) (Reason, string) {
	record, err := ReadRecord(item.Object)
	if err != nil {
		return ReasonBadRecord, err.Error()
	}
	if record != nil && len(record.String()) > maxRecord {
		return ReasonRecordFull, fmt.Sprintf("it has been tuned %d times without a revert: revert it, or forget what it was", len(record.Steps))
	}
	return "", ""
}

// upgrades: a change of a chart that is made with values files is a new version of it, and a release is upgraded to that.
func upgrades(item Item, opts Options) (Reason, string) {
	o, why := item.Object, ""
	switch {
	case opts.IncludeUpgrades || len(item.Changes) == 0:
		return "", ""
	case o.MergesValues && changesChart(o, item.Changes):
		why = "its chart is made with valuesFiles, and any change of it makes helm-controller upgrade the release"
	case opts.older(o, upgradesLess):
		why = "any change makes its helm-controller, which is older than " + upgradesLess + ", upgrade the release"
	case o.Kind == "HelmRelease" && !o.Served() && o.Version == "v2beta1":
		why = "it is of v2beta1, and helm-controller before " + upgradesLess + " upgrades a release at any change"
	default:
		return "", ""
	}
	return ReasonUpgrades, why + " (" + opts.all("--include-upgrades") + ")"
}

// failuresNote is said of releases that failed and have retries left: helm-controller counts the failures of a generation
// (internal/action/reset.go, MustResetFailures).
const failuresNote = "it failed, and a change makes it begin anew with its retries"

// triesAnew tells whether a HelmRelease failed to install, upgrade or test, or what remedied that (helm-controller api/v2,
// condition_types.go).
func triesAnew(o flux.Object) bool {
	if o.Kind != "HelmRelease" || o.Status.Ready != "False" {
		return false
	}
	switch o.Status.ReadyReason {
	case "InstallFailed", "UpgradeFailed", "TestFailed", "RollbackFailed", "RollbackSucceeded", "UninstallFailed", "UninstallSucceeded":
		return true
	default:
		return false
	}
}

// touched are the fields of an item that a step in the record is about.
func (i Item) touched() []flux.Field {
	var fields []flux.Field
	for _, c := range i.Changes {
		fields = append(fields, c.Field)
	}
	for _, l := range i.Keeps {
		fields = append(fields, l.Field)
	}
	return fields
}

// judge tells whether fields of an object last that a step is about, or what a change of its interval would.
func judge(o flux.Object, touched []flux.Field, j *Judge) Stick {
	if j == nil {
		return Stick{}
	}
	if len(touched) == 0 {
		touched = []flux.Field{flux.Interval}
	}
	return j.Judge(o, touched)
}

// managed gives the reason to leave an object alone whose values something else sets.
func managed(item Item, opts Options) (Reason, string) {
	if item.Stick.Verdict.lasts() || item.Stick.Verdict == "" || opts.Managed == ManagedPatch {
		return "", ""
	}
	if opts.Managed != ManagedPin {
		if item.Stick.Verdict == Reverted && opts.Judge.PinGone(item.Object) {
			return ReasonPinLost, "the rule in spec.ignore that kept its values is gone, and a change would be " + item.Stick.Message + " (--managed=pin sets it again)"
		}
		left := LeftToOwner(item.Stick.FieldStick)
		return left.Reason, left.Message
	}
	for _, f := range item.Stick.Fields {
		if f.Verdict == Unknown {
			return ReasonCannotPin, "cannot be pinned: " + f.Message
		}
	}
	if why := opts.Judge.cannotPin(item.Stick.Owner); why != "" {
		return ReasonCannotPin, "cannot be pinned: " + why
	}
	return "", ""
}

// wanted is what the policy wants of a field of the subject, or what was fitted within that; the zero Bound where it says
// nothing.
func (s subject) wanted(t flux.Tunable) policy.Bound {
	if fitted, ok := s.options.Fitted[s.object.Ref]; ok && t.Field == flux.Interval {
		return fitted
	}
	kind := t.PolicyKind
	if kind == "" {
		kind = s.object.Kind
	}
	return s.environment.Value(kind, t.Setting)
}
