package flux

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Polling is what decides what a poll costs, beside what is polled.
type Polling struct {
	// Region says that a Bucket names its region (spec.region): the host is not asked for it.
	Region bool
	// Submodules says that a GitRepository clones its submodules too (spec.recurseSubmodules).
	Submodules bool
	// Verifies says that signatures are verified (spec.verify).
	Verifies bool
	// Includes are the GitRepositories whose artifacts a GitRepository copies into its own
	// (spec.include). It does not watch them.
	Includes []Ref
	// Chart is the name or the path of a chart: that of a HelmChart, or of the one that a HelmRelease has made (spec.chart,
	// spec.chart.spec.chart).
	Chart string
	// Version of a chart: that of a HelmChart, or of the one that a HelmRelease has made (spec.version,
	// spec.chart.spec.version). "" for the newest.
	Version string
	// ByRevision says that the version of a chart from a GitRepository or Bucket bears the revision that it is built from
	// (reconcileStrategy: Revision).
	ByRevision bool
	// Branch of a GitRepository, which an ImageUpdateAutomation compares also where another reference counts (spec.ref.branch).
	Branch string
	// Push is what an ImageUpdateAutomation checks out and pushes to.
	Push Push
	// Type is spec.type of a ResourceSetInputProvider or a Provider: "GitHubBranch", "github".
	Type string
	// Made are the objects that it is made from: the sources of an ArtifactGenerator, the
	// ArtifactGenerator of an ExternalArtifact, the ImageRepository of an ImagePolicy; of an Alert, its Provider.
	Made []Ref
	// NoInterval says that the object is not due at an interval, whatever its field says: an ImagePolicy
	// that does not look digests up again, a ResourceSetInputProvider with spec.schedule. That one is due when its schedule
	// says, and at the interval only within the windows of that (Flux Operator
	// internal/controller/resourcesetinputprovider_controller.go, requeueAfterResourceSetInputProvider).
	NoInterval bool
	// Notify is what an Alert sends; nil for other kinds.
	Notify *Notify
	// Retry is how a HelmRelease tries a failed install or upgrade again.
	Retry HelmRetry
}

// Push is where an ImageUpdateAutomation gets what it changes, and where that goes (spec.git).
type Push struct {
	// Checkout is spec.git.checkout.ref; RefNone where the GitRepository's counts.
	Checkout RemoteRef
	// CheckoutBranch is the branch of that, which counts beside what Checkout says.
	CheckoutBranch string
	// HasCheckout says that spec.git.checkout is there.
	HasCheckout     bool
	Branch, Refspec string
}

// HelmRetry are the intervals of a HelmRelease at which it tries again what failed; nil where the
// strategy is not RetryOnFailure.
type HelmRetry struct {
	Install, Upgrade *string
	// InstallNamed and UpgradeNamed say that a strategy is named; where none is, helm-controller's own default counts.
	InstallNamed, UpgradeNamed bool
}

// Masterminds/semver v3, NewVersion: what is a version and not a range.
var versionPattern = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)?(\.[0-9]+)?(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// ExactVersion tells whether a chart's version is one version and not a range, as source-controller
// tells them apart (fluxcd/pkg version.ParseVersion): three parts, with or without v.
func ExactVersion(version string) bool {
	return strings.Count(version, ".") >= 2 && versionPattern.MatchString(version)
}

// costSpec is the part of a spec that decides costs.
type costSpec struct {
	Region            string    `json:"region"`
	RecurseSubmodules bool      `json:"recurseSubmodules"`
	Verify            *struct{} `json:"verify"`
	Include           []struct {
		Repository reference `json:"repository"`
	} `json:"include"`
	Version                string      `json:"version"`
	ReconcileStrategy      string      `json:"reconcileStrategy"`
	Git                    *gitSpec    `json:"git"`
	Sources                []reference `json:"sources"`
	DigestReflectionPolicy string      `json:"digestReflectionPolicy"`
	ImageRepositoryRef     *reference  `json:"imageRepositoryRef"`
	Schedule               []struct{}  `json:"schedule"`
}

type gitSpec struct {
	Checkout *struct {
		Ref documentRef `json:"ref"`
	} `json:"checkout"`
	Push struct {
		Branch  string `json:"branch"`
		Refspec string `json:"refspec"`
	} `json:"push"`
}

// retryStrategy is spec.install.strategy or spec.upgrade.strategy of a HelmRelease.
type retryStrategy struct {
	Name          string  `json:"name"`
	RetryInterval *string `json:"retryInterval"`
}

// RetryDefault is retryDefault, for strategies that nobody has written.
func RetryDefault() *string {
	every := retryDefault
	return &every
}

// retryDefault is InstallStrategy.GetRetryInterval and UpgradeStrategy.GetRetryInterval where the field is
// absent (helm-controller api/v2/helmrelease_types.go).
const retryDefault = "5m"

func (s retryStrategy) interval() *string {
	if s.Name != "RetryOnFailure" {
		return nil
	}
	if s.RetryInterval != nil {
		return s.RetryInterval
	}
	return RetryDefault()
}

// byRevision is a reconcileStrategy (source-controller api/v1/helmchart_types.go, ReconcileStrategyRevision).
const byRevision = "Revision"

func (d document) polling() Polling {
	s := d.Spec
	p := Polling{Submodules: s.RecurseSubmodules, Verifies: s.Verify != nil, Version: s.Version, Region: s.Region != "", ByRevision: s.ReconcileStrategy == byRevision}
	switch d.Kind {
	case "GitRepository":
		if s.Ref != nil {
			p.Branch = s.Ref.Branch
		}
	case "HelmChart":
		p.Chart = s.Chart.name
	case "HelmRelease":
		p.Chart = string(s.Chart.Spec.Chart)
		p.Version = s.Chart.Spec.Version
		p.ByRevision = s.Chart.Spec.ReconcileStrategy == byRevision
		p.Verifies = s.Chart.Spec.Verify != nil
		p.Retry = HelmRetry{Install: s.Install.Strategy.interval(), Upgrade: s.Upgrade.Strategy.interval(),
			InstallNamed: s.Install.Strategy.Name != "", UpgradeNamed: s.Upgrade.Strategy.Name != ""}
	case ImagePolicyKind:
		p.NoInterval = s.DigestReflectionPolicy != "Always"
		if s.ImageRepositoryRef != nil {
			p.Made = []Ref{d.refer(*s.ImageRepositoryRef, imageGroup, "ImageRepository")}
		}
	case ArtifactGeneratorKind:
		for _, source := range s.Sources {
			p.Made = append(p.Made, d.refer(source, sourceGroup, source.Kind))
		}
	case ExternalArtifactKind:
		if s.SourceRef != nil {
			p.Made = []Ref{d.refer(*s.SourceRef, watcherGroup, s.SourceRef.Kind)}
		}
	case ResourceSetInputProviderKind:
		p.Type, p.NoInterval = s.Type, len(s.Schedule) > 0
	case ProviderKind:
		p.Type = s.Type
	case AlertKind:
		p.Notify = s.notify(d.Metadata.Namespace)
		if s.ProviderRef != nil { // it is in the Alert's own namespace
			p.Made = []Ref{d.refer(reference{Name: s.ProviderRef.Name}, notificationGroup, ProviderKind)}
		}
	}
	for _, i := range s.Include {
		p.Includes = append(p.Includes, d.refer(i.Repository, sourceGroup, "GitRepository"))
	}
	if s.Git != nil {
		p.Push = s.Git.push()
	}
	return p
}

func (g gitSpec) push() Push {
	p := Push{Branch: g.Push.Branch, Refspec: g.Push.Refspec}
	if g.Checkout != nil {
		p.HasCheckout = true
		p.Checkout, p.CheckoutBranch = g.Checkout.Ref.remoteRef(gitOrder), g.Checkout.Ref.Branch
	}
	return p
}

// refer completes a reference: the group is given where the reference names none, and the namespace is
// the object's own.
func (d document) refer(r reference, group, kind string) Ref {
	if g, _, found := strings.Cut(r.APIVersion, "/"); found {
		group = g
	}
	ref := Ref{Group: group, Kind: kind, Namespace: r.Namespace, Name: r.Name}
	if ref.Namespace == "" {
		ref.Namespace = d.Metadata.Namespace
	}
	return ref
}

// fingerprint hashes the spec without its URL, and without how often and how long it polls. The order of
// its fields does not count.
func (s documentSpec) fingerprint() uint64 {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(s.fields)) {
		switch name {
		case "interval", "timeout", "suspend", "url", "image", "endpoint":
		default:
			_, _ = h.Write(binary.BigEndian.AppendUint64([]byte(name), sum(s.fields[name])))
		}
	}
	return h.Sum64()
}

// plainSpec is a spec without its fields as they were read.
type plainSpec documentSpec

// UnmarshalJSON reads a spec, and keeps all of its fields.
func (s *documentSpec) UnmarshalJSON(data []byte) error {
	if err := Unmarshal(data, (*plainSpec)(s)); err != nil {
		return err
	}
	return Unmarshal(data, &s.fields)
}
