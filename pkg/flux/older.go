package flux

import "k8s.io/apimachinery/pkg/util/version"

// newerAPI is a version of a controller that came with a newer API of a kind.
type newerAPI struct{ kind, api, version string }

// newerAPIs are those of kinds whose controllers did otherwise before (config/crd/bases of each release). Of an API server each
// object is read by the newest API that it serves.
var newerAPIs = []newerAPI{
	{"HelmRelease", "v2beta1", "0.37.0"},
	{"HelmRelease", "v2beta2", "1.0.0"},
	{"ImageUpdateAutomation", "v1beta1", "0.38.0"},
}

// WaitsLess (Flux 2.7) is the helm-controller since which one looks at a source that is not ready after --requeue-dependency, and before
// only after the interval of the release: it watches charts, but for other revisions only, and for those that become ready (v1.3.0
// internal/controller/helmrelease_controller.go, reconcileRelease; internal/predicates/source_predicate.go).
const WaitsLess = "1.4.0"

// Older tells whether the controller of an object is older than a version ("1.4.0"): by the tag of its image, or else by the API that
// the object was read by. Known is false where neither tells; older is false then.
func (by Controllers) Older(o *Object, than string) (older, known bool) {
	if older, known = olderThan(by.Of(o).Version, than); known || !o.Served() {
		return older, known
	}
	for _, n := range newerAPIs {
		if n.kind != o.Kind || n.api != o.Version {
			continue
		}
		if later, _ := olderThan(than, n.version); !later {
			return true, true
		}
	}
	return false, false
}

// LogsIn tells whether a HelmRepository of type oci is known to be reconciled at its interval: before source-controller 1.2 it is
// (v1.1.2 internal/controller/helmrepository_controller_oci.go), since then never.
func (by Controllers) LogsIn(o *Object) bool {
	older, _ := by.Older(o, "1.2.0")
	return o.OCI && older
}

// Before tells whether a controller is known to be older than a version, by the tag of its image.
func (c Controller) Before(than string) bool {
	older, _ := olderThan(c.Version, than)
	return older
}

// olderThan compares versions. A release candidate is as the version that it comes before: it has what is new in that.
func olderThan(a, than string) (less, known bool) {
	v, err := version.ParseSemantic(a)
	limit, wrong := version.ParseSemantic(than + "-0")
	if err != nil || wrong != nil {
		return false, false
	}
	return v.LessThan(limit), true
}
