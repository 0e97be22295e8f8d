package tune

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// rollingOut leaves alone what a change would break off.
func rollingOut(item Item, opts Options) (Reason, string) {
	if opts.Graph == nil {
		return "", ""
	}
	if why := breaksOff(item.Object, opts.Graph.Controllers); why != "" {
		return ReasonRollingOut, why
	}
	return "", ""
}

// breaksOff says what a change of an object would break off; "" where nothing. With the feature gate CancelHealthCheckOnNewRevision a
// change of a HelmRelease or Kustomization ends what its controller waits for (flux.Controller.Breaks): an install or upgrade counts as
// failed by that, and is rolled back or uninstalled where that is its remediation, and then begun anew (helm-controller
// internal/controller, helmrelease_manager.go and the IsObjectEnqueued block of helmrelease_controller.go; kustomize-controller ends
// its health checks and nothing else, kustomization_controller.go checkHealth).
func breaksOff(o flux.Object, by flux.Controllers) string {
	c := by.Of(&o)
	if !inRollout(o) || !c.Breaks(&o) {
		return ""
	}
	return fmt.Sprintf("it is being rolled out (Ready is Unknown: %s), and a change would have %s break that off and begin anew (its feature gate CancelHealthCheckOnNewRevision): try again when it is ready", o.Status.ReadyReason, c.Name)
}

// inRollout tells whether an object is waited for while it is rolled out, in a way that can be broken off. While helm-controller does anything else to a release than
// to install or upgrade it, Ready is not Unknown (internal/reconcile/atomic_release.go).
func inRollout(o flux.Object) bool {
	return o.KindRow().Consumer && !o.Suspended && o.Status.Ready == "Unknown" && o.Waits && o.WaitStrategy != "legacy"
}

// RollingOut are the objects that a plan changes, rules of owners among it, while they are rolled out: with that feature gate they
// would be left alone.
func (p Plan) RollingOut() (refs []flux.Ref) {
	for _, item := range p.Items {
		if item.Action == ActionChange && inRollout(item.Object) {
			refs = append(refs, item.Object.Ref)
		}
	}
	for _, pin := range p.Pins {
		if len(pin.Adds()) > 0 && inRollout(pin.Owner) {
			refs = append(refs, pin.Owner.Ref)
		}
	}
	return refs
}
