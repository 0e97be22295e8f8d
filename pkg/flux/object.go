package flux

import (
	"fmt"
	"strings"
	"time"
)

// Object is what any Flux resource becomes: the little that planning needs, as plain values.
// A nil field value means that the field is absent.
type Object struct {
	Ref
	// Cluster is what users call the cluster that it is of, where several are looked at; "" where there is one.
	Cluster         string
	Version         string // of the API, as it was read: "v1"
	ResourceVersion string
	// UID is that of no other object, also none of the same name that is made when this one is deleted; "" in files.
	UID         string
	Generation  int64
	Created     time.Time // the zero time in files
	Labels      map[string]string
	Annotations map[string]string

	Interval, Timeout, RetryInterval, ChartInterval *string

	Suspended bool
	Deleting  bool
	// OCI says that a HelmRepository is of type oci: Flux ignores its interval (Controllers.LogsIn).
	OCI bool
	// Generated says that a HelmChart was made by helm-controller, which resets its interval to the
	// HelmRelease's; or, of a checkout, that a source is made by the Flux Operator for a FluxInstance.
	Generated bool
	// HasChart says that a HelmRelease has a chart template (spec.chart), so that ChartInterval is a
	// field of it.
	HasChart bool
	// MergesValues says that the HelmChart of it is made with values files: its version then bears its generation
	// (source-controller internal/controller/helmchart_controller.go, VersionMetadata), and helm-controller upgrades a
	// release whose chart has another version (helm-controller internal/action/verify.go, VerifyRelease).
	MergesValues bool
	// Waits says that a reconcile lasts until what was applied is healthy: wait or health checks of a
	// Kustomization; a HelmRelease unless it disables waiting.
	Waits bool
	// WaitStrategy is how a HelmRelease has its controller wait (spec.waitStrategy.name, helm-controller 1.5): "poller", "legacy";
	// "" where it does not say.
	WaitStrategy string
	// HealthChecks are the Flux objects among those that a Kustomization names to be healthy before it is ready (spec.healthChecks).
	HealthChecks []Ref
	// SourceRef is the source that it uses; the zero Ref where there is none. For a HelmRelease with
	// a chart template it is the chart's source.
	SourceRef       Ref
	TargetNamespace string

	// Remote is what it polls; the zero Remote for kinds that poll nothing.
	Remote Remote
	// Polling is what else decides what a poll costs, and what is done when it fails.
	Polling Polling
	// DependsOn names what must be ready before it: spec.dependsOn of a Kustomization or HelmRelease.
	DependsOn []Ref
	// Targets are what a Receiver notifies, and Hook is how it is called.
	Targets []Target
	Hook    Hook
	// Requested is who asked last, by an annotation, for a reconcile before it is due.
	Requested Request

	// Owners are who owns the fields that matter here (metadata.managedFields).
	Owners []FieldOwner
	// Writers are all who have written something of its spec (metadata.managedFields).
	Writers []Writer
	// ManagedFields is metadata.managedFields as it was read, of objects that bear an annotation of
	// fluxtune, and of answers to a patch; nil of others.
	ManagedFields []byte
	// Rest is what else its spec has; nil of what was read from files.
	Rest Rest
	// Size of the object as JSON, in bytes.
	Size int
	// Literal says of what was read from files that nothing substitutes variables in it: a text like one is as it stands.
	Literal bool
	// Unfit says of what was read from files why the API server refuses the manifest, besides what Refused says of its tunable
	// fields; "" where it takes it, as far as it is known.
	Unfit string
	// AppliesElsewhere says that a Kustomization or HelmRelease applies to another cluster
	// (spec.kubeConfig).
	AppliesElsewhere bool
	// Prunes says that a Kustomization deletes what it does not apply any more (spec.prune).
	Prunes bool
	// Path is where a Kustomization's objects are in its source.
	Path string
	// NamePrefix and NameSuffix are what a Kustomization adds to the names of its objects.
	NamePrefix, NameSuffix string
	// Ignore are the rules of a Kustomization or HelmRelease about what it leaves to others.
	Ignore []IgnoreRule
	// Upgrade is what spec.upgrade of a HelmRelease says about how its objects are written.
	Upgrade Upgrade
	// DetectsDrift says that a HelmRelease corrects drift at every reconcile (driftDetection: enabled).
	DetectsDrift bool
	// Reads are what a Kustomization reads from the API server besides what it applies.
	Reads Reads
	// ComparesDrift says that a HelmRelease compares its objects at every reconcile, whether or not it then
	// corrects them: spec.driftDetection.mode is enabled or warn.
	ComparesDrift bool

	Status Status
}

// Reads are requests of a Kustomization for which it says how many they are.
type Reads struct {
	// Checks are the health checks that it names; ChecksAll says that it checks all that it applies (spec.wait), whatever it names.
	Checks    int
	ChecksAll bool
	// Variables are the ConfigMaps and Secrets that spec.postBuild.substituteFrom names.
	Variables int
}

// Status is what an object's controller last reported.
type Status struct {
	// ObservedGeneration is the newest that the controller is done with: successfully
	// (status.observedGeneration), or not (that of a Ready condition that is False).
	ObservedGeneration int64
	// Ready is the status of the Ready condition: True, False, Unknown, or "" where there is none.
	Ready        string
	ReadyReason  string
	ReadyMessage string
	// Failed is why the last attempt that ended has failed, where another is under way (Ready is Unknown); the zero value where
	// nothing tells that it has, and where Ready itself tells it.
	Failed Failed
	// FailingSince is when an object that is not ready began to fail: when FetchFailed of a source became true, or else
	// when the Ready condition last changed, which may be as late as the last attempt (measured on source-controller
	// 1.9.6: Ready is set anew by each, FetchFailed by the first). The zero time for one that does not fail.
	FailingSince time.Time
	// Stalled says that the controller has given up until the object changes; a HelmRelease does when
	// its retries are used up, when it may not use its source, and when an expression cannot be read. StalledReason tells.
	Stalled       bool
	StalledReason string
	// LastAction is what helm-controller did last of a HelmRelease, "install" or "upgrade"; "" where that is not known
	// (status.lastAttemptedReleaseAction).
	LastAction string
	// SourceChanged is when a source's artifact was written last; the zero time where that is unknown. It changed then or
	// before: a source-controller that has lost its artifacts, as with a restart, writes them anew.
	SourceChanged time.Time
	// ArtifactSize of a source in bytes; 0 where that is unknown.
	ArtifactSize int64
	// Revision is what a source holds: that of its artifact, or of the tags that an image scan found; "" where that is unknown.
	Revision string
	// SlowestReconcile is the longest lastReconciledDuration in status.history; 0 without history.
	SlowestReconcile time.Duration
	// Rollout is how long the newest content took that was reconciled once, successfully: each further reconcile of a content
	// overwrites its lastReconciledDuration, and applies nothing new (fluxcd/pkg apis/meta, Upsert). 0 where no entry tells.
	Rollout time.Duration
	// LastApplied is the newest lastReconciledDuration of a reconcile that did not fail, and SlowestApplied the longest: one
	// that failed may have waited for its timeout. 0 where no entry tells.
	LastApplied, SlowestApplied time.Duration
	// LastReconcile is the newest lastReconciledDuration in status.history; 0 without history.
	LastReconcile time.Duration
	// LastReconciled is when the newest reconcile in status.history ended; the zero time without history.
	LastReconciled time.Time
	// Changes are those of what it applies that status.history remembers, oldest first: of a Kustomization contents, of a
	// HelmRelease versions of its chart. Nothing is missing since the first of them, which itself need not be a change: it
	// is from when on changes are known. Flux keeps the five contents and outcomes that were there last (fluxcd/pkg apis/meta,
	// Upsert): where they took turns, or there are five, what came before is not known.
	Changes []Change
	// Exported is how many inputs a ResourceSetInputProvider found last; 0 where that is unknown.
	Exported int
	// Managed is how many objects it has applied: the entries of status.inventory.
	Managed int
	// Inventory are the Flux objects among these.
	Inventory []Ref
}

// Failed is the reason and message of an attempt that failed; the message is "" where only the reason is known.
type Failed struct{ Reason, Message string }

// MadeAnew tells whether an object is another one than it was: deleted, and made again by the same name. Where one of them tells no
// UID, as a gateway may leave it out, that is not known.
func (o Object) MadeAnew(was Object) bool {
	return o.Ref == was.Ref && o.UID != was.UID && o.UID != "" && was.UID != ""
}

// Served tells whether an API server gave the object; it is false of what was read from files.
func (o Object) Served() bool { return o.ResourceVersion != "" }

// Pinned says to what a source is pinned, so that nothing that is pushed arrives by it: "a commit", "a digest"; "" where it is
// not. What it includes arrives all the same: see Unchanging.
func (o Object) Pinned() string {
	switch {
	case o.Kind == "GitRepository" && o.Remote.Ref.Kind == RefCommit:
		return "a commit"
	case o.Kind == "OCIRepository" && o.Remote.Ref.Kind == RefDigest:
		return "a digest"
	default:
		return ""
	}
}

// Unchanging says to what a source is pinned of which no poll can bring anything new; "" where one may. What a GitRepository includes
// comes by its own polls, also where it is pinned itself (source-controller gitrepository_controller.go, reconcileInclude).
func (o Object) Unchanging() string {
	if len(o.Polling.Includes) > 0 {
		return ""
	}
	return o.Pinned()
}

// Located names the object, and its cluster.
func (o Object) Located() Located { return Located{o.Cluster, o.Ref} }

// GroupVersion returns group and version as in a manifest's apiVersion.
func (o Object) GroupVersion() string { return o.Group + "/" + o.Version }

// KindRow returns the object's row in the table, or among CostKinds; the zero Kind for an unknown kind.
func (o Object) KindRow() Kind {
	k, ok := ParseManifestKind(o.Group, o.Ref.Kind)
	if !ok {
		k, _ = costKind(o.Group, o.Ref.Kind)
	}
	return k
}

// Value returns the value of a tunable field as it stands in the object; nil where it is absent.
func (o Object) Value(f Field) *string {
	switch f {
	case Interval:
		return o.Interval
	case Timeout:
		return o.Timeout
	case RetryInterval:
		return o.RetryInterval
	case ChartInterval:
		return o.ChartInterval
	default:
		return nil
	}
}

// WithValue is the object with another value of a tunable field; nil is absent.
func (o Object) WithValue(f Field, value *string) Object {
	switch f {
	case Interval:
		o.Interval = value
	case Timeout:
		o.Timeout = value
	case RetryInterval:
		o.RetryInterval = value
	case ChartInterval:
		o.ChartInterval = value
	}
	return o
}

// Has tells whether the object can have the field at all: its kind has it, and for a chart interval
// the HelmRelease has a chart template.
func (o Object) Has(f Field) bool {
	_, ok := o.KindRow().Tunable(f)
	return ok && (f != ChartInterval || o.HasChart)
}

// Effective returns the duration that the controller uses for a field: its value, or the default
// where it is absent, not below the controller's minimum. It returns 0 where there is none, and where nobody knows it.
func (o Object) Effective(f Field) time.Duration {
	return o.EffectiveWith(f, o.Value(f), o.Interval)
}

// EffectiveWith is Effective with other values of the field and of the interval, as a plan would set
// them. Of a value that is no duration (a variable whose value is elsewhere, what Flux refuses) nothing is known, and
// nothing of what follows it: that is 0, and not the default, which is for absent values.
func (o Object) EffectiveWith(f Field, value, interval *string) time.Duration {
	t, ok := o.KindRow().Tunable(f)
	if !ok || f == Interval && (o.Polling.NoInterval || o.OCI && value == nil) {
		return 0
	}
	if value != nil {
		d, ok := parse(value)
		if !ok {
			return 0
		}
		if d != 0 || !t.ZeroIsUnset {
			return max(d, t.Min)
		}
	}
	if t.Default == nil {
		return 0
	}
	every, ok := parse(interval)
	switch {
	case ok || f == Interval:
	case interval == nil:
		every = o.EffectiveWith(Interval, nil, nil)
	case t.follows():
		return 0
	}
	return max(t.Default(every), t.Min)
}

// follows tells whether the default depends on the interval.
func (t Tunable) follows() bool { return t.Default(time.Hour) != t.Default(2*time.Hour) }

func parse(value *string) (time.Duration, bool) {
	if value == nil {
		return 0, false
	}
	d, err := time.ParseDuration(*value)
	return d, err == nil && d >= 0
}

// Undecided tells whether a field's value is a variable's that is not known here: from a Secret, or of a manifest that is
// yet to be substituted.
func (o Object) Undecided(f Field) bool {
	value := o.Value(f)
	return value != nil && strings.Contains(*value, "$") && !o.Literal
}

// Refused says why Flux does not take what an object has in a field, or that it has nothing where Flux wants something; ""
// where it takes it, and where nobody knows (Undecided). The patterns are those of the CRDs. An interval of 0s is taken, but
// the controllers then do not look again (kustomize-controller internal/controller/kustomization_controller.go and
// fluxcd/pkg runtime reconcile results: a RequeueAfter of 0 is none).
func (o Object) Refused(t Tunable) string {
	value := o.Value(t.Field)
	switch {
	case !o.Has(t.Field) || o.Undecided(t.Field):
		return ""
	case value == nil && t.Field == Interval && t.Default == nil && !o.Polling.NoInterval:
		return "it is not set, and Flux requires it"
	case value == nil:
		return ""
	}
	d, err := ParseDuration(*value, t.NoHours)
	switch {
	case TooLong(*value, t.NoHours):
		return err.Error() + ": the API server takes it, and Flux then cannot read any object of the kind"
	case err != nil:
		return err.Error()
	case d == 0 && t.Field == Interval && !t.ZeroIsUnset:
		return fmt.Sprintf("with %q Flux never looks again by itself", *value)
	default:
		return ""
	}
}
