package report

import (
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// reasonLine is a reason to leave objects alone, and what to do about it. Where messages differ from object to object,
// more than one are summed up. With files the objects are those of a checkout, of which doctor knows nothing.
func reasonLine(r tune.ReasonCount, files bool) string {
	line := reasonOf(r)
	if files && r.Reason == tune.ReasonNoEnvironment {
		return `without environment: name it in the policy (spec.clusters: {staging: ["stg-*"]}), label their namespaces, or use --default-env`
	}
	if what, _, included := strings.Cut(line, ": --include-"); included && strings.Contains(r.Message, tune.ForceTakesBack) {
		return what + ": --force takes them back all the same"
	}
	return line
}

// withoutEnvironment says of objects whose environment is not known, too, what is missing.
func withoutEnvironment(r tune.ReasonCount) string {
	unread, unknown := strings.CutPrefix(r.Message, tune.NotKnown)
	switch {
	case r.Differs:
		return "without environment or of an unknown one: label their namespaces, or ask for the right to read what is missing (doctor says how; --rows says of which)"
	case !unknown:
		return "without environment: label their namespaces, map them in the policy, or use --default-env (doctor proposes how)"
	case policy.Assignment{Unread: unread}.LacksLabels():
		return "of unknown environment: labels of namespaces may not be read: ask for the right (doctor says how), or use --default-env"
	default:
		return "of unknown environment: what may use them could not all be read: ask for the right (doctor says how), or label their namespaces"
	}
}

func reasonOf(r tune.ReasonCount) string {
	if line := remedyOf(r); line != "" {
		return line
	}
	if r.Count == 1 && r.Reason == tune.ReasonOtherEnvironment {
		return r.Message + ": add it to the policy, or use --env-alias"
	}
	if r.Count == 1 {
		return r.Message
	}
	switch r.Reason {
	case tune.ReasonKindNotInPolicy:
		return "of kinds that the policy says nothing about"
	case tune.ReasonOtherEnvironment:
		return "in environments that the policy does not know: add them to it, or use --env-alias"
	case tune.ReasonIntervalIgnored:
		return "with intervals that nothing waits for, or that a HelmRelease sets"
	case tune.ReasonRefused:
		return "with values that Flux refuses, or with which it never looks again: --rows says why"
	case tune.ReasonNotKnown:
		return "with intervals that are variables whose values are not in what was read"
	case tune.ReasonHeldFromGit:
		return "whose values in Git do not reach the cluster: --rows says why"
	case tune.ReasonNotRewritable:
		return "that no edit of the files changes: --rows says why"
	case tune.ReasonCannotPin:
		return "that cannot be pinned: --rows says why"
	case tune.ReasonChangedSince:
		return "that somebody changed since: --force restores them, forget keeps what is there; --rows names them"
	case tune.ReasonBadRecord:
		return "whose records cannot be read, or are gone: --rows names them"
	}
	if r.Differs {
		return "left alone: --rows says why"
	}
	return r.Message
}

// remedyOf is a reason whose remedy is one, however many objects have it and whatever their messages say; "" where it is none.
func remedyOf(r tune.ReasonCount) string {
	switch r.Reason {
	case tune.ReasonNoEnvironment:
		return withoutEnvironment(r)
	case tune.ReasonSetInGit:
		return "set by what applies them, which would undo a change: change it where it lives (rewrite -f), or see --managed"
	case tune.ReasonOwnerUnknown:
		return "with an owner that cannot be seen, and may undo a change: change it where it lives (rewrite -f), or see --managed"
	case tune.ReasonSuspended:
		return "suspended: --include-suspended tunes them, too"
	case tune.ReasonOptedOut:
		return "opted out by the annotation " + tune.OptOutAnnotation
	case tune.ReasonDeleting:
		return "being deleted"
	case tune.ReasonRetriesExhausted:
		return "that gave up, and that a change would make try again: --include-failed tunes them, too"
	case tune.ReasonPinLost:
		return "whose pins are gone, so that Git takes its values back: --managed=pin pins them again"
	case tune.ReasonUpgrades:
		return "whose releases a change would upgrade: --include-upgrades tunes them, too"
	case tune.ReasonFailingChart:
		return "with charts that cannot be fetched, and would be missing after a change: --include-failed tunes them, too"
	case tune.ReasonRollingOut:
		return "being rolled out, which a change would break off (feature gate CancelHealthCheckOnNewRevision): try again when they are ready"
	case tune.ReasonChartUnknown:
		if r.Count > 1 {
			return "with charts or repositories that were not read, and a change has them fetched again: --include-failed tunes them, too"
		}
	}
	return ""
}
