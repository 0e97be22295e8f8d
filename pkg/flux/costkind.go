package flux

import (
	"slices"
	"strings"
	"time"
)

const watcherGroup = "source.extensions.fluxcd.io"

// The kinds of CostKinds, by name.
const (
	ImagePolicyKind              = "ImagePolicy"
	ExternalArtifactKind         = "ExternalArtifact"
	ArtifactGeneratorKind        = "ArtifactGenerator"
	ResourceSetInputProviderKind = "ResourceSetInputProvider"
	ProviderKind                 = "Provider"
	AlertKind                    = "Alert"
)

// CostKinds returns further kinds that ask hosts for something, or stand between a source and who uses
// it. Only budgets read them: there is nothing in them to tune by environment. Where a row has an
// interval, its default is that of the type's GetInterval: image-reflector-controller 1.2 (ImagePolicy),
// and api/v1/resourcesetinputprovider_types.go of the Flux Operator, which takes the interval from an
// annotation.
//
// The others poll nothing: an ArtifactGenerator watches its sources, and so does who uses its
// ExternalArtifacts (source-watcher internal/controller/artifactgenerator_manager.go); an Alert gives its
// Provider what others tell of, and so asks a Git host as often as Kustomizations are reconciled.
func CostKinds() []Kind {
	tenMinutes := []Tunable{{Field: Interval, Setting: IntervalSetting, Default: fixed(10 * time.Minute), ZeroIsUnset: true}}
	return []Kind{
		{Group: imageGroup, Name: ImagePolicyKind, Resource: "imagepolicies", Versions: toolkit, Short: []string{"imgpol", "imagepol"}, Tunables: tenMinutes},
		{Group: sourceGroup, Name: ExternalArtifactKind, Resource: "externalartifacts", Versions: []string{"v1"}, Short: []string{"ea"}, Source: true},
		{Group: watcherGroup, Name: ArtifactGeneratorKind, Resource: "artifactgenerators", Versions: []string{"v1beta1"}, Short: []string{"ag"}},
		{Group: OperatorGroup, Name: ResourceSetInputProviderKind, Resource: "resourcesetinputproviders", Versions: []string{"v1"}, Short: []string{"rsip"},
			Tunables: []Tunable{{Field: Interval, Setting: IntervalSetting, Default: fixed(10 * time.Minute)}}},
		{Group: notificationGroup, Name: ProviderKind, Resource: "providers", Versions: []string{"v1", "v1beta3", "v1beta2", "v1beta1"}},
		{Group: notificationGroup, Name: AlertKind, Resource: "alerts", Versions: []string{"v1", "v1beta3", "v1beta2", "v1beta1"}},
	}
}

// CostsOnly tells whether an object is of one of CostKinds: it has nothing to tune, and may ask hosts for something.
func CostsOnly(group, kind string) bool {
	_, found := costKind(group, kind)
	return found
}

// costKind finds a row of CostKinds by the group and kind of an object.
func costKind(group, kind string) (Kind, bool) {
	switch kind { // most objects are of other kinds: the table is made for these only
	case ImagePolicyKind, ExternalArtifactKind, ArtifactGeneratorKind, ResourceSetInputProviderKind, ProviderKind, AlertKind:
	default:
		return Kind{}, false
	}
	all := CostKinds()
	i := slices.IndexFunc(all, func(k Kind) bool { return k.Group == group && k.Name == kind })
	if i < 0 {
		return Kind{}, false
	}
	return all[i], true
}

// inputSchedule is how often a ResourceSetInputProvider asks, and whether it does at all, by its
// annotations; nil where the default counts, as it does for a value that is no duration (Flux Operator
// api/v1/resourcesetinputprovider_types.go, GetInterval).
func inputSchedule(annotations map[string]string) (interval *string, suspended bool) {
	suspended = strings.EqualFold(annotations[OperatorGroup+"/reconcile"], "disabled")
	if every, ok := annotations[OperatorGroup+"/reconcileEvery"]; ok {
		if _, readable := parse(&every); readable { // the operator takes its default for what it cannot read
			interval = &every
		}
	}
	return interval, suspended
}
