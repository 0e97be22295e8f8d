package flux

import "time"

// Controller is how one of Flux's controllers runs.
type Controller struct {
	Name string // "source-controller"
	// Concurrent is --concurrent: how many objects of one kind it reconciles at a time.
	Concurrent int
	// JitterPercent is --interval-jitter-percentage: an interval is up to so much shorter or longer.
	JitterPercent int
	// RequeueDependency is --requeue-dependency: how long an object waits before it looks again whether
	// what it depends on is ready.
	RequeueDependency time.Duration
	// Found says that the values are those of a Deployment that was read, and not the defaults.
	Found bool
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
// source-controller 1.9, kustomize-controller 1.9, helm-controller 1.6, image-reflector-controller 0.35
// and image-automation-controller 0.41; fluxcd/pkg runtime/jitter).
func DefaultControllers() []Controller {
	const jitter, requeue = 5, 30 * time.Second
	return []Controller{
		{Name: SourceController, Concurrent: 2, JitterPercent: jitter, RequeueDependency: requeue},
		{Name: KustomizeController, Concurrent: 4, JitterPercent: jitter, RequeueDependency: requeue},
		{Name: HelmController, Concurrent: 4, JitterPercent: jitter, RequeueDependency: requeue},
		{Name: ImageReflectorController, Concurrent: 4, JitterPercent: jitter, RequeueDependency: requeue},
		{Name: ImageAutomationController, Concurrent: 4, JitterPercent: jitter, RequeueDependency: requeue},
	}
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
	case "ImageRepository":
		return ImageReflectorController
	case "ImageUpdateAutomation":
		return ImageAutomationController
	default:
		return ""
	}
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
