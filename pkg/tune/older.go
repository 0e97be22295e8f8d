package tune

import (
	"fmt"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Before upgradesLess (Flux 2.2), helm-controller empties all conditions of a HelmRelease where it sees a new generation, and
// without the condition Released it upgrades the release, whatever was changed (v0.36.2
// internal/controller/helmrelease_controller.go, reconcile and reconcileRelease; api/v2beta1, HelmReleaseProgressing).
const upgradesLess = "0.37.0"

// older tells whether the helm-controller of a HelmRelease is known to be older than a version; false for other kinds.
func (opts Options) older(o flux.Object, than string) bool {
	if o.Kind != "HelmRelease" {
		return false
	}
	older, _ := opts.controllers().Older(&o, than)
	return older
}

// controllers are those of the cluster that is planned for; none where nobody knows.
func (opts Options) controllers() flux.Controllers {
	if opts.Graph == nil {
		return nil
	}
	return opts.Graph.Controllers
}

// retriesExceeded is the reason of Stalled where retries are used up (helm-controller internal/reconcile/atomic_release.go).
const retriesExceeded = "RetriesExceeded"

// gaveUp tells whether helm-controller has given up on a HelmRelease until that changes, and the reason of its condition Stalled.
// Before 0.37 there was no such condition: Ready tells that retries are used up, or that what should have remedied a failure has
// failed (v0.36.2 internal/controller/helmrelease_controller.go, reconcileRelease).
func gaveUp(o flux.Object, opts Options) (stopped bool, reason string) {
	switch s := o.Status; {
	case o.Kind != "HelmRelease":
		return false, ""
	case s.Stalled:
		return true, s.StalledReason
	case s.Ready != "False" || !opts.older(o, upgradesLess):
		return false, ""
	case strings.HasSuffix(s.ReadyMessage, " retries exhausted"):
		return true, retriesExceeded
	default:
		return s.ReadyReason == "RollbackFailed" || s.ReadyReason == "UninstallFailed", s.ReadyReason
	}
}

// chartAgain is how long helm-controller may take to look at the HelmChart again that it has changed with a release, and what is
// said of that.
func (g *Graph) chartAgain(item Item) (again time.Duration, why string) {
	o := item.Object
	soon, interval := g.Controllers.Of(&o).RequeueDependency, o.EffectiveWith(flux.Interval, item.Planned(flux.Interval), nil)
	older, known := g.Controllers.Older(&o, flux.WaitsLess)
	said := "changes that with it, and looks at it again after "
	switch {
	case older:
		return interval, fmt.Sprintf("helm-controller before %s %sits interval, %s (flux reconcile helmrelease makes it sooner)", flux.WaitsLess, said, flux.FormatDuration(interval))
	case known || interval <= soon:
		return soon, "helm-controller " + said + flux.FormatDuration(soon)
	default:
		return interval, fmt.Sprintf("helm-controller %s%s, or, before %s, after its interval, %s", said, flux.FormatDuration(soon), flux.WaitsLess, flux.FormatDuration(interval))
	}
}
