package flux

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Controller is how one of Flux's controllers runs.
type Controller struct {
	Name string // "source-controller"
	// Version as the tag of its image tells: "1.9.5"; "" where it tells none.
	Version string
	// Concurrent is --concurrent: how many objects of one kind it reconciles at a time.
	Concurrent int
	// JitterPercent is --interval-jitter-percentage: an interval is up to so much shorter or longer. 0 where there is none.
	JitterPercent int
	// RequeueDependency is --requeue-dependency: how long an object waits before it looks again whether
	// what it depends on is ready.
	RequeueDependency time.Duration
	// MinRetryDelay and MaxRetryDelay are --min-retry-delay and --max-retry-delay: what fails is tried
	// again after the first, and each time after twice as long, up to the second.
	MinRetryDelay, MaxRetryDelay time.Duration
	// Watches is --watch-label-selector: which objects it reconciles; "" for all. Shards of a controller
	// differ in it.
	Watches string
	// Namespace that it watches (--watch-all-namespaces=false: its own); "" for all.
	Namespace string
	// OneNamespace is --no-cross-namespace-refs: objects use sources of their own namespace only (kustomize-controller
	// internal/controller/kustomization_controller.go, getSource; helm-controller internal/acl/acl.go). dependsOn is not bound by it.
	OneNamespace bool
	// Overrides are those of --override-manager: field managers whose names begin with one of them lose what they own in
	// the objects that the controller applies (fluxcd/pkg ssa/patch.go, matchFieldManager compares prefixes).
	Overrides []string
	// RetryOnFailure is the feature gate DefaultToRetryOnFailure of helm-controller: what failed is tried again every 5m
	// where a HelmRelease names no strategy (api/v2/helmrelease_types.go, GetRetry).
	RetryOnFailure bool
	// CancelsChecks is the feature gate CancelHealthCheckOnNewRevision of kustomize- and helm-controller: a change of an object
	// breaks off what they wait for while they reconcile it (internal/features/features.go). See Breaks.
	CancelsChecks bool
	// Helm3Defaults is the feature gate UseHelm3Defaults of helm-controller: where a HelmRelease names no strategy, Helm itself waits.
	Helm3Defaults bool
	// TellsFailuresOnly is the feature gate DisableCommitStatusEvent of kustomize-controller (1.9.6): a reconcile that succeeds sends no
	// event for commit statuses (internal/controller/kustomization_controller.go, Reconcile).
	TellsFailuresOnly bool
	// KeepsTimers says that a reconcile at a change leaves the time of the next one by itself as it was, where that is earlier than an
	// interval later: the work queue before controller-runtime 0.23, Flux 2.8 (client-go util/workqueue/delaying_queue.go, insert).
	KeepsTimers bool
	// Found says that the values are those of a Deployment that was read, and not the defaults.
	Found bool
}

// CancelsAtChange is the kustomize-controller since which any change of a Kustomization breaks off its health checks; before, a new
// revision of its source does alone (CHANGELOG 1.8.0; v1.7.3 internal/controller/kustomization_controller.go, checkHealth).
const CancelsAtChange = "1.8.0"

// Breaks tells whether a change of an object breaks off what the controller waits for while it rolls the object out. Of
// HelmReleases that is the strategy "poller" alone (helm-controller internal/action/wait.go, getWaitStrategy and Wait).
func (c Controller) Breaks(o *Object) bool {
	switch {
	case !c.CancelsChecks || !o.Waits:
		return false
	case c.Name == KustomizeController:
		return !c.Before(CancelsAtChange)
	case c.Name == HelmController:
		return o.WaitStrategy == "poller" || o.WaitStrategy == "" && !c.Helm3Defaults
	default:
		return false
	}
}

// The controllers whose kinds have an interval that costs or buys something.
const (
	SourceController          = "source-controller"
	KustomizeController       = "kustomize-controller"
	HelmController            = "helm-controller"
	ImageReflectorController  = "image-reflector-controller"
	ImageAutomationController = "image-automation-controller"
)

// DefaultControllers returns the controllers with the defaults of their flags (main.go of
// source-controller 1.9, kustomize-controller 1.9, helm-controller 1.6, image-reflector-controller 1.2
// and image-automation-controller 1.2; fluxcd/pkg runtime/jitter and runtime/controller/rate_limiter.go). The image controllers
// have no jitter, and no flag for it.
func DefaultControllers() []Controller {
	c := func(name string, concurrent, jitter int) Controller {
		return Controller{
			Name: name, Concurrent: concurrent, JitterPercent: jitter, RequeueDependency: 30 * time.Second,
			MinRetryDelay: 750 * time.Millisecond, MaxRetryDelay: 15 * time.Minute,
		}
	}
	return []Controller{
		c(SourceController, 2, 5), c(KustomizeController, 4, 5), c(HelmController, 4, 5),
		c(ImageReflectorController, 4, 0), c(ImageAutomationController, 4, 0),
	}
}

// FluxOperator returns the controller of ResourceSetInputProviders with the defaults of its flags (Flux Operator
// cmd/operator/main.go). It has no jitter; its Deployment is not read, and none of Flux's metrics tell of it.
func FluxOperator() Controller {
	return Controller{Name: "flux-operator", Concurrent: 10, MinRetryDelay: 750 * time.Millisecond, MaxRetryDelay: 15 * time.Minute}
}

// ControllerOf is the name of the controller that reconciles a kind; "" for kinds that cost nothing.
func ControllerOf(kind string) string {
	switch kind {
	case "GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart":
		return SourceController
	case "Kustomization":
		return KustomizeController
	case "HelmRelease":
		return HelmController
	case "ImageRepository", ImagePolicyKind:
		return ImageReflectorController
	case "ImageUpdateAutomation":
		return ImageAutomationController
	default:
		return ""
	}
}

// TakesOver says that one of the controllers takes over what a field manager owns, by which flag, and what to do; "" where
// none does.
func TakesOver(controllers []Controller, manager string) string {
	for _, c := range controllers {
		i := slices.IndexFunc(c.Overrides, func(prefix string) bool { return strings.HasPrefix(manager, prefix) })
		if i < 0 {
			continue
		}
		return fmt.Sprintf("%s runs with --override-manager=%s and takes over what %q owns in the objects that it applies, the records of how to take changes back too: "+
			"choose a --field-manager whose name does not begin with %q, or take the flag away", c.Name, c.Overrides[i], manager, c.Overrides[i])
	}
	return ""
}

// Observation is what the controllers' metrics say about one object.
type Observation struct {
	// PerHour is how often it was reconciled, for whatever reason.
	PerHour float64
	// Mean duration of a reconcile; 0 where unknown.
	Mean time.Duration
	// Over is the time that the numbers are about.
	Over time.Duration
}
