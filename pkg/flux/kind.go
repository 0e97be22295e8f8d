package flux

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Field is the path of a duration that fluxtune can tune, as users write it: "spec.interval".
type Field string

// The tunable fields of all kinds.
const (
	Interval      Field = "spec.interval"
	Timeout       Field = "spec.timeout"
	RetryInterval Field = "spec.retryInterval"
	ChartInterval Field = "spec.chart.spec.interval"
)

// Path returns the field's steps from the root of an object: "spec", "interval".
func (f Field) Path() []string { return strings.Split(string(f), ".") }

// Setting names a value of a policy; a Field takes its value from one Setting of one kind.
type Setting string

// The settings that a policy can give to a kind.
const (
	IntervalSetting      Setting = "interval"
	TimeoutSetting       Setting = "timeout"
	RetryIntervalSetting Setting = "retryInterval"
)

// Tunable is one duration field of a kind.
type Tunable struct {
	Field   Field
	Setting Setting
	// PolicyKind is the kind whose settings rule this field, where that is another kind than the
	// object's own: the chart interval of a HelmRelease is the interval of the HelmChart that
	// helm-controller makes from it.
	PolicyKind string
	// NoHours says that the CRD's pattern refuses the unit h (timeouts of sources).
	NoHours bool
	// Default gives the value that the controller uses where the field is absent, from the object's
	// interval. Nil: the field has no default or is required.
	Default func(interval time.Duration) time.Duration
	// ZeroIsUnset says that the controller takes the default for 0s, too.
	ZeroIsUnset bool
	// Min is the least value that the controller uses, whatever the field says.
	Min time.Duration
}

// Kind is one row of the table of Flux kinds that have an interval.
type Kind struct {
	Group    string
	Name     string // as in manifests: "GitRepository"
	Resource string // as in URLs: "gitrepositories"
	// Versions that are known, newest first. A cluster may serve others (see ServedVersion).
	Versions []string
	// Short names that the CRD declares, and those that the flux command takes.
	Short []string
	// Source says that Kustomizations, HelmReleases or HelmCharts can refer to it.
	Source bool
	// Consumer says that it applies what a source holds: the users of a source.
	Consumer bool
	Tunables []Tunable
}

// Group is the API group of fluxtune's own types, and the prefix of its annotations and labels.
const Group = "fluxtune.github.io"

// toolkitDomain ends the API groups of Flux.
const toolkitDomain = "toolkit.fluxcd.io"

const (
	sourceGroup       = "source.toolkit.fluxcd.io"
	kustomizeGroup    = "kustomize.toolkit.fluxcd.io"
	helmGroup         = "helm.toolkit.fluxcd.io"
	imageGroup        = "image.toolkit.fluxcd.io"
	notificationGroup = "notification.toolkit.fluxcd.io"
)

// The table, in the order in which kinds are shown: sources first, then what uses them. Defaults are
// those of the API types' Get methods (GetRequeueAfter, GetTimeout, GetRetryInterval) in
// source-controller 1.9, kustomize-controller 1.9, helm-controller 1.6, notification-controller 1.9 and
// image-reflector-controller 1.2, or else those of the CRDs (the timeouts of GitRepository,
// OCIRepository and Bucket, and the Receiver's interval). A test holds each row against those types.
var (
	interval      = Tunable{Field: Interval, Setting: IntervalSetting}
	sourceTimeout = Tunable{Field: Timeout, Setting: TimeoutSetting, NoHours: true, Default: fixed(time.Minute)}
	toolkit       = []string{"v1", "v1beta2", "v1beta1"}

	kinds = []Kind{
		{Group: sourceGroup, Name: "GitRepository", Resource: "gitrepositories", Versions: toolkit, Short: []string{"gitrepo"}, Source: true,
			Tunables: []Tunable{interval, sourceTimeout}},
		{Group: sourceGroup, Name: "OCIRepository", Resource: "ocirepositories", Versions: []string{"v1", "v1beta2"}, Short: []string{"ocirepo"}, Source: true,
			Tunables: []Tunable{interval, sourceTimeout}},
		{Group: sourceGroup, Name: "Bucket", Resource: "buckets", Versions: toolkit, Source: true,
			Tunables: []Tunable{interval, sourceTimeout}},
		{Group: sourceGroup, Name: "HelmRepository", Resource: "helmrepositories", Versions: toolkit, Short: []string{"helmrepo"}, Source: true,
			Tunables: []Tunable{{Field: Interval, Setting: IntervalSetting, Default: fixed(time.Minute), ZeroIsUnset: true}, sourceTimeout}},
		{Group: sourceGroup, Name: "HelmChart", Resource: "helmcharts", Versions: toolkit, Short: []string{"hc"}, Source: true,
			Tunables: []Tunable{interval}},
		{Group: kustomizeGroup, Name: "Kustomization", Resource: "kustomizations", Versions: toolkit, Short: []string{"ks"}, Consumer: true,
			Tunables: []Tunable{
				interval,
				{Field: Timeout, Setting: TimeoutSetting, Default: lessHalfAMinute, Min: minKustomizationTimeout},
				{Field: RetryInterval, Setting: RetryIntervalSetting, Default: sameAsInterval},
			}},
		{Group: helmGroup, Name: "HelmRelease", Resource: "helmreleases", Versions: []string{"v2", "v2beta2", "v2beta1"}, Short: []string{"hr"}, Consumer: true,
			Tunables: []Tunable{
				interval,
				{Field: Timeout, Setting: TimeoutSetting, Default: fixed(5 * time.Minute)},
				{Field: ChartInterval, Setting: IntervalSetting, PolicyKind: "HelmChart", Default: sameAsInterval},
			}},
		{Group: imageGroup, Name: "ImageRepository", Resource: "imagerepositories", Versions: toolkit, Short: []string{"imgrepo", "imagerepo"},
			Tunables: []Tunable{
				interval,
				{Field: Timeout, Setting: TimeoutSetting, NoHours: true, Default: sameAsInterval, Min: time.Second},
			}},
		{Group: imageGroup, Name: "ImageUpdateAutomation", Resource: "imageupdateautomations", Versions: toolkit, Short: []string{"iua", "imgupd", "imgauto"},
			Tunables: []Tunable{interval}},
		{Group: notificationGroup, Name: "Receiver", Resource: "receivers", Versions: toolkit,
			Tunables: []Tunable{{Field: Interval, Setting: IntervalSetting, Default: fixed(10 * time.Minute)}}},
	}
)

// Kinds returns the table of all kinds, in the order in which they are shown.
func Kinds() []Kind { return slices.Clone(kinds) }

// OperatorKinds returns the kinds from which the Flux Operator applies Flux objects. They have no
// interval: how often it applies them is written in an annotation.
func OperatorKinds() []Kind {
	return []Kind{
		{Group: OperatorGroup, Name: "FluxInstance", Resource: "fluxinstances", Versions: []string{"v1"}},
		{Group: OperatorGroup, Name: "ResourceSet", Resource: "resourcesets", Versions: []string{"v1"}},
	}
}

const minKustomizationTimeout = 30 * time.Second

func fixed(d time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

func sameAsInterval(interval time.Duration) time.Duration { return interval }

func lessHalfAMinute(interval time.Duration) time.Duration { return interval - 30*time.Second }

// AsksHosts tells whether objects of the kind ask hosts for something at intervals, be it those of others, as an Alert and its
// Provider do: what is fitted to a share of a
// host's limit has to know all of them. Artifacts that are made in the cluster are fetched from nobody.
func (k Kind) AsksHosts() bool {
	switch k.Name {
	case "ImageRepository", ImagePolicyKind, "ImageUpdateAutomation", ResourceSetInputProviderKind, AlertKind, ProviderKind:
		return true
	default:
		return k.Source && k.Name != ExternalArtifactKind
	}
}

// Tunable returns the row's entry for a field, and whether the kind has that field.
func (k Kind) Tunable(f Field) (Tunable, bool) {
	i := slices.IndexFunc(k.Tunables, func(t Tunable) bool { return t.Field == f })
	if i < 0 {
		return Tunable{}, false
	}
	return k.Tunables[i], true
}

// ServedVersion chooses the version to use from those that a cluster serves for the kind: the newest
// known one, or else the server's first. It returns "" where nothing is served.
func (k Kind) ServedVersion(served []string) string {
	for _, v := range k.Versions {
		if slices.Contains(served, v) {
			return v
		}
	}
	if len(served) > 0 {
		return served[0]
	}
	return ""
}

// KindNames returns the names of all kinds, in the order of the table.
func KindNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

// ParseKind finds a kind by any name that kubectl would take: its name, singular, plural or short
// name in any case, and each with the group behind a dot.
func ParseKind(s string) (Kind, error) {
	name, group, _ := strings.Cut(strings.ToLower(s), ".")
	for _, k := range kinds {
		if group != "" && group != k.Group && !slices.ContainsFunc(k.Versions, func(v string) bool { return group == v+"."+k.Group }) {
			continue
		}
		if name == strings.ToLower(k.Name) || name == k.Resource || slices.Contains(k.Short, name) {
			return k, nil
		}
	}
	return Kind{}, fmt.Errorf("unknown kind %q: it is one of %s", s, strings.Join(KindNames(), ", "))
}

// ResourceKind finds the kind of a resource as roles name it, also among OperatorKinds and CostKinds;
// false where fluxtune does not know it.
func ResourceKind(group, resource string) (Kind, bool) {
	for _, k := range slices.Concat(kinds, OperatorKinds(), CostKinds()) {
		if k.Group == group && k.Resource == resource {
			return k, true
		}
	}
	return Kind{}, false
}

// ParseManifestKind finds the kind of an object by its group and its exact kind; false where fluxtune
// does not know it.
func ParseManifestKind(group, kind string) (Kind, bool) {
	for _, k := range kinds {
		if k.Group == group && k.Name == kind {
			return k, true
		}
	}
	return Kind{}, false
}
