package tune

import (
	"fmt"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// guardTimeout keeps a plan from making a timeout so short that what works today starts to fail. It
// takes the timeout that the policy wants (nil: none) and the interval that the object will have, and
// returns the timeout to set (nil: leave it) and, where that is not what the policy wants, why.
//
// A timeout that is unset may follow the interval (kustomize-controller api/v1, GetTimeout); where it
// must be kept and would move with the interval, it is set to what it is today.
func guardTimeout(o flux.Object, wanted, interval *string) (set *string, kept string) {
	today := o.Effective(flux.Timeout)
	next := wanted
	if next == nil {
		next = o.Timeout
	}
	planned := o.EffectiveWith(flux.Timeout, next, interval)
	if planned >= today {
		return wanted, ""
	}
	evidence := slowness(o, today, planned)
	if evidence == "" {
		return wanted, ""
	}
	kept = fmt.Sprintf("timeout kept at %s: %s", flux.FormatDuration(today), evidence)
	if o.Timeout == nil && o.EffectiveWith(flux.Timeout, nil, interval) != today {
		pinned := flux.FormatDuration(today)
		return &pinned, kept
	}
	return nil, kept
}

// slowness says what shows that the object needs longer than half of the planned timeout; "" where
// nothing does.
func slowness(o flux.Object, today, planned time.Duration) string {
	switch slowest := o.Status.SlowestReconcile; {
	case slowest > planned/2:
		return fmt.Sprintf("a reconcile took %s, more than half of %s", flux.FormatDuration(slowest.Round(time.Millisecond)), flux.FormatDuration(planned))
	case o.Waits && today > planned:
		return fmt.Sprintf("it waits for health, and %s may be too short for that", flux.FormatDuration(planned))
	default:
		return ""
	}
}
