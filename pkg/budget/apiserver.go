package budget

import "github.com/fluxtune/kubectl-fluxtune/pkg/flux"

// APIServer is what reconciles ask of the kube-apiserver while nothing changes. What watches and leases ask comes on top, and
// what new revisions change.
type APIServer struct {
	Kustomizations int // that are reconciled
	// HelmReleases that are reconciled and detect drift.
	HelmReleases int
	Managed      int // objects in their inventories
	// WithoutInventory counts those of both whose inventory is empty: before the first apply, and
	// HelmReleases of a helm-controller that keeps none.
	WithoutInventory int
	// Elsewhere counts those that apply to another cluster (spec.kubeConfig), whose kube-apiserver is asked for the objects instead.
	Elsewhere  int
	Reconciles Rates
	// Requests per hour, of all that is reconciled; Own are those of them for the status and the events of each, and for what it
	// depends on, and the others those for the objects in the inventories.
	Requests, Own Rates
}

// Requests of one reconcile that finds nothing new, measured on kustomize-controller 1.9 and helm-controller 1.6 by the audit log
// of a kube-apiserver (hack/e2e TestRequestsToTheAPIServer). Not counted, since the object does not tell: a GET more for each
// CustomResourceDefinition, Namespace, ClusterRole and class, which are waited for; the Secret of spec.decryption; discovery by two
// requests, which a Kustomization with an account of its own does anew each time (fluxcd/pkg runtime/client/impersonator.go), and a
// HelmRelease that detects drift.
const (
	// applyRequests of each managed object: one GET and one server-side apply, which is a dry run while nothing differs. Of a
	// Kustomization: fluxcd/pkg ssa/manager_apply.go. Of a HelmRelease that detects drift: helm-controller
	// internal/action/diff.go, fluxcd/pkg ssa/jsondiff/unstructured.go.
	applyRequests = 2
	// progressRequests are two patches each time that its progress is noted: one of the conditions, one of the rest of the status,
	// also where that is the same (fluxcd/pkg runtime/patch/patch.go).
	progressRequests = 2
	// A Kustomization notes that it fetches, builds, looks for drift and is done, and with health checks that it begins with these
	// and has ended them (kustomization_controller.go reconcile, checkHealth).
	kustomizationSteps, checkSteps = 4, 2
	// A HelmRelease notes that it begins and is done, and lists the Secrets of its releases; of the HelmChart that it makes it asks
	// whether that differs, with a GET and a dry run (internal/reconcile/helmchart_template.go).
	releaseSteps, releaseRequests, chartRequests = 2, 1, 2
	// eventsPerHour are those that a controller sends of one object at most, after a burst: one in 300s (k8s.io/client-go
	// tools/record/events_cache.go, defaultSpamQPS). Each is a request, new or the same as before.
	eventsPerHour = 12
)

// applies tells whether the reconciles of an object apply or compare what it manages.
func applies(s *subject) bool {
	switch {
	case s.failure == Waiting || s.failure == Stopped:
		return false
	case s.object.Kind == "Kustomization":
		switch s.object.Status.ReadyReason {
		case "ArtifactFailed", "BuildFailed": // they come before (fluxcd/pkg apis/meta)
			return false
		}
		return true
	default: // a release that failed is not compared
		return s.object.Kind == "HelmRelease" && s.object.ComparesDrift && s.failure == NoFailure
	}
}

// ownRequests are those of one reconcile of an object for itself, without events, and whether it sends an event each time. What
// fails before it applies anything is not counted.
func ownRequests(s *subject) (requests float64, event bool) {
	o := s.object
	switch {
	case o.Kind == "Kustomization" && applies(s):
		steps := kustomizationSteps
		if o.Waits {
			steps += checkSteps
		}
		return float64(progressRequests*steps + len(o.DependsOn)), true
	case s.failure != NoFailure:
		return 0, false
	case o.Kind == "HelmRelease":
		requests = float64(progressRequests*releaseSteps + releaseRequests + len(o.DependsOn))
		if o.HasChart {
			requests += chartRequests
		}
		return requests, false
	default: // a source says that nothing is new (source-controller, ArtifactUpToDateReason)
		return 0, o.KindRow().Source && o.Kind != flux.ExternalArtifactKind
	}
}

// objectRequests are those of one reconcile of an object for what it manages in this cluster: to apply or compare each, to check
// its health, and to read the variables of each anew (fluxcd/pkg kustomize, SubstituteVariables).
func objectRequests(s *subject) float64 {
	o := s.object
	if !applies(s) || o.AppliesElsewhere {
		return 0
	}
	managed, checked := float64(o.Status.Managed), float64(o.Reads.Checks)
	if o.Reads.ChecksAll {
		checked = managed
	}
	return managed*float64(applyRequests+o.Reads.Variables) + checked
}

// askAPI fills in what an object asks of the kube-apiserver.
func (s *subject) askAPI(item *Item) {
	own, event := ownRequests(s)
	item.ownAPI = times(item.Reconciles, own)
	if event {
		item.ownAPI = sum(item.ownAPI, Rates{Now: min(item.Reconciles.Now, eventsPerHour), Planned: min(item.Reconciles.Planned, eventsPerHour)})
	}
	item.APIRequests = sum(item.ownAPI, times(item.Reconciles, objectRequests(s)))
}

func (f *fleet) apiServer(items []Item) APIServer {
	var a APIServer
	for _, item := range items {
		a.Requests, a.Own = sum(a.Requests, item.APIRequests), sum(a.Own, item.ownAPI)
		if item.Reconciles == (Rates{}) || !applies(f.byRef[item.Object.Ref]) {
			continue
		}
		if item.Object.AppliesElsewhere {
			a.Elsewhere++
			continue
		}
		if item.Object.Kind == "Kustomization" {
			a.Kustomizations++
		} else {
			a.HelmReleases++
		}
		a.Managed += item.Object.Status.Managed
		if item.Object.Status.Managed == 0 {
			a.WithoutInventory++
		}
		a.Reconciles = sum(a.Reconciles, item.Reconciles)
	}
	return a
}

// and adds what another cluster's are asked.
func (a APIServer) and(b APIServer) APIServer {
	return APIServer{
		a.Kustomizations + b.Kustomizations, a.HelmReleases + b.HelmReleases, a.Managed + b.Managed,
		a.WithoutInventory + b.WithoutInventory, a.Elsewhere + b.Elsewhere, sum(a.Reconciles, b.Reconciles), sum(a.Requests, b.Requests), sum(a.Own, b.Own),
	}
}
