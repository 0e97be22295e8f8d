package flux

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IgnoreField holds the rules of a Kustomization about what it leaves to others.
const IgnoreField Field = "spec.ignore"

// ssaField is a mark in an object's labels or annotations, by which Git tells kustomize-controller how to
// apply it.
const ssaField Field = "metadata." + kustomizeGroup + "/ssa"

// Manager is who owns a field in metadata.managedFields. It is part of the records on tuned objects.
type Manager struct {
	Name  string `json:"manager"`         // "kustomize-controller", "kubectl-patch", "fluxtune"
	Apply bool   `json:"apply,omitempty"` // by server-side apply; otherwise by an update
	// Version is the apiVersion with which it wrote the field.
	Version string `json:"apiVersion,omitempty"`
}

// Writer is who has written something of an object's spec, whatever field: an entry of metadata.managedFields. Entries for
// anything else are no sign of who applies an object: a controller puts its finalizer on what it reconciles. Nor is one for
// spec.suspend alone: dashboards and schedules suspend what others apply.
type Writer struct {
	Manager
	// Time is when a write of it last changed the object. One that changes nothing leaves it as it is (k8s.io/apimachinery
	// pkg/util/managedfields, managedFieldsUpdater). The zero time where that is not known.
	Time time.Time
}

// FieldOwner is one owner of one field; a field may have several.
type FieldOwner struct {
	Field Field
	Manager
}

// IgnoreRule is an entry of a Kustomization's spec.ignore (kustomize-controller 1.9 and newer), or of a
// HelmRelease's spec.driftDetection.ignore: paths that are left to others, of the objects that Target
// selects, or of all. It has every field of the CRDs, so that writing a list back loses nothing.
type IgnoreRule struct {
	Paths  []string      `json:"paths"`
	Target *IgnoreTarget `json:"target,omitempty"`
}

// IgnoreTarget selects objects; Group, Version, Kind, Namespace and Name are regular expressions that
// match as a whole (fluxcd/pkg ssa/jsondiff, SelectorRegex).
type IgnoreTarget struct {
	Group              string `json:"group,omitempty"`
	Version            string `json:"version,omitempty"`
	Kind               string `json:"kind,omitempty"`
	Namespace          string `json:"namespace,omitempty"`
	Name               string `json:"name,omitempty"`
	AnnotationSelector string `json:"annotationSelector,omitempty"`
	LabelSelector      string `json:"labelSelector,omitempty"`
}

// ownership marks an object as applied by another: the keys of its labels or annotations.
type ownership struct {
	group, kind string
	name        string
	namespace   string
	// annotations says that the keys are annotations.
	annotations bool
}

// The marks, in the order in which they count: what a Kustomization applies may contain objects of a
// Helm chart's style, not the other way round.
var ownerships = []ownership{
	{group: kustomizeGroup, kind: "Kustomization", name: kustomizeGroup + "/name", namespace: kustomizeGroup + "/namespace"},
	{group: helmGroup, kind: "HelmRelease", name: helmGroup + "/name", namespace: helmGroup + "/namespace"},
	{group: OperatorGroup, kind: "ResourceSet", name: "resourceset." + OperatorGroup + "/name", namespace: "resourceset." + OperatorGroup + "/namespace"},
	{group: OperatorGroup, kind: "FluxInstance", name: OperatorGroup + "/name", namespace: OperatorGroup + "/namespace"},
	{group: argoGroup, kind: "Application", name: "argocd.argoproj.io/tracking-id", annotations: true},
	{group: argoGroup, kind: "Application", name: "argocd.argoproj.io/instance"},
	{kind: HelmReleaseName, name: "meta.helm.sh/release-name", namespace: "meta.helm.sh/release-namespace", annotations: true},
}

// OperatorGroup is the API group of the Flux Operator (FluxInstance, ResourceSet).
const OperatorGroup = "fluxcd.controlplane.io"

// argoGroup is the API group of Argo CD.
const argoGroup = "argoproj.io"

// HelmReleaseName is the kind of the owner of what the helm command installed: a release, which is no
// object.
const HelmReleaseName = "Helm release"

// Owner is what applies the object, by its labels and annotations; false where nothing does. A
// HelmChart that helm-controller generates is not owned in this sense.
func (o Object) Owner() (Ref, bool) {
	if o.Generated {
		return Ref{}, false
	}
	for _, mark := range ownerships {
		from := o.Labels
		if mark.annotations {
			from = o.Annotations
		}
		name := from[mark.name]
		if mark.group == argoGroup { // APPLICATION:GROUP/KIND:NAMESPACE/NAME
			name, _, _ = strings.Cut(name, ":")
		}
		if name != "" {
			return Ref{Group: mark.group, Kind: mark.kind, Namespace: from[mark.namespace], Name: name}, true
		}
	}
	return Ref{}, false
}

// managedEntry is one of metadata.managedFields, as far as fields go that matter here.
type managedEntry struct {
	Manager     string        `json:"manager"`
	APIVersion  string        `json:"apiVersion"`
	Operation   string        `json:"operation"`
	Subresource string        `json:"subresource"`
	Time        time.Time     `json:"time"`
	Fields      managedFields `json:"fieldsV1"`
}

type managedFields struct {
	Metadata struct {
		Labels      managedMarks `json:"f:labels"`
		Annotations managedMarks `json:"f:annotations"`
	} `json:"f:metadata"`
	Spec *managedSpec `json:"f:spec"`
}

type managedSpec struct {
	Interval      *struct{} `json:"f:interval"`
	Timeout       *struct{} `json:"f:timeout"`
	RetryInterval *struct{} `json:"f:retryInterval"`
	Ignore        *struct{} `json:"f:ignore"`
	URL           *struct{} `json:"f:url"`
	Endpoint      *struct{} `json:"f:endpoint"`
	BucketName    *struct{} `json:"f:bucketName"`
	Image         *struct{} `json:"f:image"`
	Chart         struct {
		Spec struct {
			Interval *struct{} `json:"f:interval"`
		} `json:"f:spec"`
	} `json:"f:chart"`
	// suspends says that nothing is owned but spec.suspend.
	suspends bool
}

// UnmarshalJSON implements json.Unmarshaler. The API server writes managedFields without white space.
func (s *managedSpec) UnmarshalJSON(data []byte) error {
	type fields managedSpec
	if s.suspends = string(data) == `{"f:suspend":{}}`; s.suspends {
		return nil
	}
	return Unmarshal(data, (*fields)(s))
}

// addresses tells whether what is polled is owned.
func (s *managedSpec) addresses() bool {
	return s != nil && (s.URL != nil || s.Endpoint != nil || s.BucketName != nil || s.Image != nil)
}

type managedMarks struct {
	SSA *struct{} `json:"f:kustomize.toolkit.fluxcd.io/ssa"`
	// RequestedAt is meta.ReconcileRequestAnnotation (fluxcd/pkg apis/meta).
	RequestedAt *struct{} `json:"f:reconcile.fluxcd.io/requestedAt"`
}

// manager is the entry's owner.
func (e managedEntry) manager() Manager {
	return Manager{Name: e.Manager, Apply: e.Operation == string(metav1.ManagedFieldsOperationApply), Version: e.APIVersion}
}

// writers are those of the entries that own something of the spec, in their order.
func writers(entries []managedEntry) []Writer {
	var list []Writer
	for _, e := range entries {
		if e.Subresource == "" && e.Fields.Spec != nil && !e.Fields.Spec.suspends {
			list = append(list, Writer{e.manager(), e.Time})
		}
	}
	return list
}

// fieldOwners finds who owns each field that matters here: every owner, in the order of the entries.
func fieldOwners(entries []managedEntry) []FieldOwner {
	var owners []FieldOwner
	for _, e := range entries {
		if e.Subresource != "" {
			continue
		}
		m := e.manager()
		marks := e.Fields.Metadata
		var spec managedSpec
		if e.Fields.Spec != nil {
			spec = *e.Fields.Spec
		}
		for _, f := range [...]struct {
			field Field
			owned bool
		}{
			{Interval, spec.Interval != nil}, {Timeout, spec.Timeout != nil}, {RetryInterval, spec.RetryInterval != nil},
			{ChartInterval, spec.Chart.Spec.Interval != nil}, {IgnoreField, spec.Ignore != nil},
			{ssaField, marks.Labels.SSA != nil || marks.Annotations.SSA != nil},
		} {
			if f.owned {
				owners = append(owners, FieldOwner{f.field, m})
			}
		}
	}
	return owners
}

// OwnersOf are all owners of a field, as metadata.managedFields has them; none where nobody owns it: it is
// absent, or a default of the API server's.
func (o Object) OwnersOf(f Field) []Manager {
	var managers []Manager
	for _, owner := range o.Owners {
		if owner.Field == f {
			managers = append(managers, owner.Manager)
		}
	}
	return managers
}

// SSAOwners are those who marked the object with how it is to be applied (kustomize.toolkit.fluxcd.io/ssa).
func (o Object) SSAOwners() []Manager { return o.OwnersOf(ssaField) }

// AppliesItself tells whether a Kustomization is among the objects that it applies, as the one of flux
// bootstrap is.
func (o Object) AppliesItself() bool {
	owner, ok := o.Owner()
	return ok && owner == o.Ref
}

// Equal tells whether two rules are the same.
func (r IgnoreRule) Equal(other IgnoreRule) bool {
	if (r.Target == nil) != (other.Target == nil) {
		return false
	}
	return slices.Equal(r.Paths, other.Paths) && (r.Target == nil || *r.Target == *other.Target)
}
