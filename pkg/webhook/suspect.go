package webhook

import (
	"fmt"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// slack is how much later than what it follows from something may be seen: a first artifact after an object was made,
// a fetch after a call.
const slack = 2 * time.Minute

// doubt says why calls of a Receiver for an object may not arrive: it changed, and no call is known that brought it; ""
// where nothing tells so. What can be known:
//
//   - metadata.managedFields holds when notification-controller last set the annotation requestedAt, until somebody
//     else sets it (flux reconcile); then nothing is known;
//   - status.artifact.lastUpdateTime is when the artifact was last made: for a new revision, for a change of the
//     source's spec, and anew where source-controller was restarted (flux.Restarts). Where the users of the source have a
//     history, it tells the last case: then none of them has had anything new to apply that the source brought.
//
// Only the last call and the last change are kept. Calls that were refused stand nowhere but in
// notification-controller's log, those that a filter left out only with --log-level=debug.
func (f *fleet) doubt(o *flux.Object, h hit) string {
	r, changed := h.receiver, o.Status.SourceChanged
	if changed.IsZero() || r.Created.IsZero() || f.rebuilt(o) {
		return ""
	}
	why, called := "", called(r, o)
	switch {
	case o.Requested.By == "", called.IsZero() && !o.Requested.Called().IsZero():
		if changed.Before(later(r.Created, o.Created).Add(slack)) {
			return ""
		}
		why = "it changed since there is the Receiver, and was never called for: does its host call, and with the right URL and token?"
	case !called.IsZero() && changed.Sub(called) > o.Effective(flux.Timeout)+slack && changed.After(r.Created.Add(slack)):
		why = fmt.Sprintf("its last change came %s after its last call: a poll found it, no webhook", flux.FormatDuration(changed.Sub(called).Truncate(time.Second)))
	default:
		return ""
	}
	if len(f.consumers[o.Ref]) == 0 && f.restarts.MayHaveWritten(changed) {
		why += "; or was source-controller restarted then, which writes artifacts anew?"
	}
	if r.Hook.Filter != "" || h.target.Filter != "" {
		why += "; or does the filter of " + r.Ref.String() + " leave it out, as it does where the host's content type is not application/json?"
	}
	return why
}

// rebuilt tells whether an artifact was made anew without anything new in it: as its users' histories tell or, where there are
// none, what else was made then.
func (f *fleet) rebuilt(o *flux.Object) bool {
	users := f.consumers[o.Ref]
	if len(users) == 0 {
		return f.restarts.Wrote(o.Status.SourceChanged)
	}
	for _, u := range users {
		for _, c := range u.Status.Changes {
			if !c.At.Before(o.Status.SourceChanged) && c.BroughtBy(o, u) {
				return false
			}
		}
	}
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
