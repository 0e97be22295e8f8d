package tune

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func beingDeleted(s subject) (Reason, string) {
	if !s.object.Deleting {
		return "", ""
	}
	return ReasonDeleting, "being deleted"
}

func optedOut(s subject) (Reason, string) {
	if value, out := optOut(s.object); out {
		return ReasonOptedOut, fmt.Sprintf("opted out by %s: %s", OptOutAnnotation, value)
	}
	return "", ""
}

func withoutEnvironment(s subject) (Reason, string) {
	switch {
	case s.assignment.Environment != "":
		return "", ""
	case s.assignment.Unread != "":
		return ReasonNoEnvironment, NotKnown + s.assignment.Unread
	default:
		return ReasonNoEnvironment, "no environment"
	}
}

// NotKnown begins why nobody can say which environment an object has.
const NotKnown = "its environment is not known: "

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

// MadeBy says of an object that no file has what makes it with its interval, and where another one is set; "" of all others.
func MadeBy(o flux.Object) string {
	switch {
	case !o.Generated:
		return ""
	case o.MadeChart():
		return "made by a HelmRelease, which sets its interval: tune spec.chart.spec.interval there"
	case o.Kind == "Kustomization":
		return "made by a FluxInstance, which sets its interval: patch it in spec.kustomize.patches there"
	default:
		return "made by a FluxInstance, which sets its interval: set spec.sync.interval there"
	}
}

func intervalIgnored(s subject) (Reason, string) {
	switch {
	case s.object.OCI && s.options.controllers().LogsIn(&s.object):
		return ReasonIntervalIgnored, "before source-controller 1.2 a HelmRepository of type oci only logs in at its interval: its charts list their tags themselves"
	case s.object.OCI:
		return ReasonIntervalIgnored, "Flux ignores the interval of a HelmRepository of type oci"
	case MadeBy(s.object) != "":
		return ReasonIntervalIgnored, MadeBy(s.object)
	default:
		return "", ""
	}
}

// refusedByFlux: what the API server does not take is not there to be tuned, and what its author meant is not known. In every
// environment alike.
func refusedByFlux(s subject) (Reason, string) {
	if s.object.Unfit != "" {
		return ReasonRefused, s.object.Unfit
	}
	for _, t := range s.object.KindRow().Tunables {
		if why := s.object.Refused(t); why != "" {
			return ReasonRefused, fmt.Sprintf("%s: %s", shortName(t.Field), why)
		}
	}
	return "", ""
}

// notKnown: nobody can tell on which side of the policy a value lies that is not in what was read, and what follows it.
func notKnown(s subject) (Reason, string) {
	if !s.object.Undecided(flux.Interval) {
		return "", ""
	}
	return ReasonNotKnown, undecided(s.object, flux.Interval)
}

// undecided says what is not known of a field.
func undecided(o flux.Object, f flux.Field) string {
	return fmt.Sprintf("%s is %s, a variable whose value is not in what was read", shortName(f), *o.Value(f))
}

// shortName is a field as people write it: "timeout".
func shortName(f flux.Field) string { return strings.TrimPrefix(string(f), "spec.") }

func suspended(s subject) (Reason, string) {
	switch {
	case !s.object.Suspended:
		return "", ""
	case !s.options.IncludeSuspended:
		return ReasonSuspended, "suspended (--include-suspended tunes it too)"
	default: // its controller notes the new generation all the same, so that those that depend on it go on
		return "", ""
	}
}

func retriesExhausted(s subject) (Reason, string) {
	stopped, reason := gaveUp(s.object, s.options)
	if !stopped || s.options.IncludeFailed {
		return "", ""
	}
	why := "it gave up"
	switch reason {
	case "":
	case retriesExceeded:
		why = "its retries are used up"
	default: // AccessDenied, InvalidCELExpression: internal/controller/helmrelease_controller.go
		why += " (" + reason + ")"
	}
	return ReasonRetriesExhausted, why + ", and a change makes it try again (" + s.options.all("--include-failed") + ")"
}

// ForceTakesBack is what there is to do about an object that a revert leaves alone for what its change would set off.
const ForceTakesBack = "revert --force takes it back all the same"

// all is what there is to do about an object that is left alone unless a flag is given.
func (opts Options) all(flag string) string {
	if opts.TakesBack {
		return ForceTakesBack
	}
	return flag + " tunes it too"
}
