package tune

import "fmt"

// rollingOut: with the feature gate CancelHealthCheckOnNewRevision a change of a HelmRelease or Kustomization breaks off what its
// controller is waiting for, and begins it anew: a Helm upgrade with its hooks (helm-controller internal/controller,
// helmrelease_manager.go and the IsObjectEnqueued block of helmrelease_controller.go; kustomize-controller the same).
func rollingOut(item Item, opts Options) (Reason, string) {
	o := item.Object
	if opts.Graph == nil || !o.KindRow().Consumer || o.Suspended || o.Status.Ready != "Unknown" || !opts.Graph.Controllers.Of(&o).CancelsChecks {
		return "", ""
	}
	return ReasonRollingOut, fmt.Sprintf("it is being rolled out (Ready is Unknown: %s), and a change would have %s break that off and begin anew (its feature gate CancelHealthCheckOnNewRevision): try again when it is ready",
		o.Status.ReadyReason, opts.Graph.Controllers.Of(&o).Name)
}
