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
// change of a HelmRelease or Kustomization ends what its controller waits for: an install or upgrade counts as failed by that, and is
// rolled back or uninstalled where that is its remediation, and then begun anew (helm-controller internal/controller,
// helmrelease_manager.go and the IsObjectEnqueued block of helmrelease_controller.go; kustomize-controller ends its health checks
// and nothing else, kustomization_controller.go checkHealth).
func breaksOff(o flux.Object, by flux.Controllers) string {
	if !o.KindRow().Consumer || o.Suspended || o.Status.Ready != "Unknown" || o.Kind == "Kustomization" && !o.Waits {
		return ""
	}
	c := by.Of(&o)
	if !c.CancelsChecks {
		return ""
	}
	return fmt.Sprintf("it is being rolled out (Ready is Unknown: %s), and a change would have %s break that off and begin anew (its feature gate CancelHealthCheckOnNewRevision): try again when it is ready", o.Status.ReadyReason, c.Name)
}
