package flux

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// document is the part of a Flux manifest that an Object is made from. One struct serves all kinds:
// the paths are the same wherever a kind has the field.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name              string            `json:"name"`
		Namespace         string            `json:"namespace"`
		ResourceVersion   string            `json:"resourceVersion"`
		UID               string            `json:"uid"`
		Generation        int64             `json:"generation"`
		CreationTimestamp time.Time         `json:"creationTimestamp"`
		DeletionTimestamp *string           `json:"deletionTimestamp"`
		Labels            map[string]string `json:"labels"`
		Annotations       map[string]string `json:"annotations"`
		ManagedFields     []managedEntry    `json:"managedFields"`
	} `json:"metadata"`
	Spec   documentSpec   `json:"spec"`
	Status documentStatus `json:"status"`
}

type documentSpec struct {
	costSpec
	alertSpec
	fields map[string]jsontext.Value // the spec as it was read

	Interval        *span      `json:"interval"`
	Timeout         *span      `json:"timeout"`
	RetryInterval   *span      `json:"retryInterval"`
	Suspend         bool       `json:"suspend"`
	Type            string     `json:"type"`
	SourceRef       *reference `json:"sourceRef"`
	ChartRef        *reference `json:"chartRef"`
	TargetNamespace string     `json:"targetNamespace"`
	Wait            bool       `json:"wait"`
	WaitStrategy    struct {
		Name string `json:"name"`
	} `json:"waitStrategy"`
	HealthChecks []reference `json:"healthChecks"`
	PostBuild    struct {
		SubstituteFrom []struct{} `json:"substituteFrom"`
	} `json:"postBuild"`
	Install  waitable `json:"install"`
	Upgrade  upgrade  `json:"upgrade"`
	Rollback rollback `json:"rollback"`
	// A HelmChart's spec.chart is a string, a HelmRelease's a template: read only where it is one.
	Chart       chartTemplate `json:"chart"`
	ValuesFiles []string      `json:"valuesFiles"`
	ValuesFile  word          `json:"valuesFile"`
	// What is polled: of a source, a Bucket, an ImageRepository.
	URL        string       `json:"url"`
	Endpoint   string       `json:"endpoint"`
	BucketName string       `json:"bucketName"`
	Image      string       `json:"image"`
	Provider   string       `json:"provider"`
	Ref        *documentRef `json:"ref"`
	SecretRef  *reference   `json:"secretRef"`
	DependsOn  []reference  `json:"dependsOn"`
	// Resources of a Receiver, and the calls that it takes.
	Resources      []documentTarget `json:"resources"`
	Events         []string         `json:"events"`
	ResourceFilter string           `json:"resourceFilter"`
	// Where a Kustomization's objects are in its source, and what it leaves to others.
	Path           string          `json:"path"`
	NamePrefix     string          `json:"namePrefix"`
	NameSuffix     string          `json:"nameSuffix"`
	Prune          word            `json:"prune"`
	Ignore         kustomizeIgnore `json:"ignore"`
	KubeConfig     *struct{}       `json:"kubeConfig"`
	DriftDetection struct {
		Mode   string       `json:"mode"`
		Ignore []IgnoreRule `json:"ignore"`
	} `json:"driftDetection"`
}

// span is a duration as a manifest has it. Where that is a number, or true, the API server refuses it, and it is kept as it
// is written: what is wrong with it is told at its place, as with any other text that is no duration.
type span string

// UnmarshalJSON reads a string, and takes a number or a truth as it is. A list or a mapping is an error.
func (s *span) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || strings.IndexByte(`"[{`, data[0]) >= 0 {
		return Unmarshal(data, (*string)(s))
	}
	*s = span(data)
	return nil
}

func (s *span) text() *string { return (*string)(s) }

// kustomizeIgnore is spec.ignore of a Kustomization: a list of rules. A source's spec.ignore is a
// string with patterns of files, and is passed over.
type kustomizeIgnore []IgnoreRule

// UnmarshalJSON reads rules and passes over a string.
func (r *kustomizeIgnore) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '[' {
		return nil
	}
	return Unmarshal(data, (*[]IgnoreRule)(r))
}

type waitable struct {
	DisableWait bool          `json:"disableWait"`
	Strategy    retryStrategy `json:"strategy"`
}

type chartTemplate struct {
	present bool
	name    string // of a HelmChart, whose spec.chart is one
	Spec    struct {
		Interval  *span      `json:"interval"`
		SourceRef *reference `json:"sourceRef"`
		Chart     word       `json:"chart"`
		Version   string     `json:"version"`
		Verify    *struct{}  `json:"verify"`

		ReconcileStrategy string   `json:"reconcileStrategy"`
		ValuesFiles       []string `json:"valuesFiles"`
		ValuesFile        word     `json:"valuesFile"`
	} `json:"spec"`
}

// UnmarshalJSON reads a chart template, or a chart's name.
func (c *chartTemplate) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '{' {
		return Unmarshal(data, (*word)(&c.name))
	}
	type plain chartTemplate
	if err := Unmarshal(data, (*plain)(c)); err != nil {
		return err
	}
	c.present = true
	return nil
}

type reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Namespace  string `json:"namespace"`
}

// inventory is what was applied: how many objects, and which of them are Flux's. The others take no
// memory.
type inventory struct {
	count int
	flux  []Ref
}

// UnmarshalJSON reads a list of entries. An entry's id is NAMESPACE_NAME_GROUP_KIND
// (sigs.k8s.io/cli-utils pkg/object, ObjMetadata.String).
func (i *inventory) UnmarshalJSON(data []byte) error {
	if !bytes.Contains(data, []byte(toolkitDomain+"_")) {
		var entries []struct{}
		err := Unmarshal(data, &entries)
		i.count = len(entries)
		return err
	}
	var entries []struct {
		ID string `json:"id"`
	}
	err := Unmarshal(data, &entries)
	i.count = len(entries)
	for _, e := range entries {
		if part := strings.Split(e.ID, "_"); len(part) == 4 && strings.HasSuffix(part[2], toolkitDomain) {
			i.flux = append(i.flux, Ref{Namespace: part[0], Name: part[1], Group: part[2], Kind: part[3]})
		}
	}
	return err
}

// Decode makes an Object from the JSON of a Flux resource, as an API server sends it or as a manifest
// holds it. What is of another form than this knows is passed over where nothing depends on it: see document.read. The error
// names the object where its name could be read, and so does the Object then, which has nothing else.
func Decode(data []byte) (Object, error) {
	var d document
	if err := d.read(data); err != nil {
		ref, name := Ref{Group: d.group(), Kind: d.Kind, Namespace: d.Metadata.Namespace, Name: d.Metadata.Name}, "a Flux object"
		if ref.Name != "" {
			name = ref.String()
		}
		return Object{Ref: ref}, fmt.Errorf("reading %s: %w", name, err)
	}
	group, version, found := strings.Cut(d.APIVersion, "/")
	if !found { // the core group has no name
		group, version = "", d.APIVersion
	}
	o := Object{
		Ref:             Ref{Group: group, Kind: d.Kind, Namespace: d.Metadata.Namespace, Name: d.Metadata.Name},
		Version:         version,
		ResourceVersion: d.Metadata.ResourceVersion,
		UID:             d.Metadata.UID,
		Generation:      d.Metadata.Generation,
		Created:         d.Metadata.CreationTimestamp,
		Labels:          d.Metadata.Labels,
		Annotations:     d.Metadata.Annotations,
		Interval:        d.Spec.Interval.text(),
		Timeout:         d.Spec.Timeout.text(),
		RetryInterval:   d.Spec.RetryInterval.text(),
		ChartInterval:   d.Spec.Chart.Spec.Interval.text(),
		Suspended:       d.Spec.Suspend,
		Deleting:        d.Metadata.DeletionTimestamp != nil,
		OCI:             d.Kind == "HelmRepository" && d.Spec.Type == "oci",
		Generated:       d.generated(),
		HasChart:        d.Spec.Chart.present,
		MergesValues:    d.mergesValues(),
		Waits:           d.waits(),
		WaitStrategy:    d.Spec.WaitStrategy.Name,
		HealthChecks:    d.healthChecks(),
		TargetNamespace: d.Spec.TargetNamespace,
		Remote:          d.remote(),
		Polling:         d.polling(),
		DependsOn:       d.dependsOn(),
		Targets:         d.targets(),
		Hook:            d.hook(),
		Requested:       requested(d.Metadata.ManagedFields),
		Owners:          fieldOwners(d.Metadata.ManagedFields),
		Writers:         writers(d.Metadata.ManagedFields),
		Prunes:          d.Spec.Prune == "true",
		Path:            d.Spec.Path,
		NamePrefix:      d.Spec.NamePrefix,
		NameSuffix:      d.Spec.NameSuffix,
		Ignore:          slices.Concat(d.Spec.Ignore, d.Spec.DriftDetection.Ignore), // a kind has one of them
		Upgrade:         d.Spec.Upgrade.upgrade(d.Spec.Rollback),
		Reads:           Reads{len(d.Spec.HealthChecks), d.Spec.Wait, len(d.Spec.PostBuild.SubstituteFrom)},
		DetectsDrift:    d.Spec.DriftDetection.Mode == "enabled",
		ComparesDrift:   d.Spec.DriftDetection.Mode == "enabled" || d.Spec.DriftDetection.Mode == "warn",
		Status:          d.Status.status(),
		Size:            len(data),

		AppliesElsewhere: d.Spec.KubeConfig != nil,
	}
	o.SourceRef = d.sourceRef()
	if o.Served() {
		o.Rest = d.Spec.rest()
	}
	if d.Kind == ResourceSetInputProviderKind {
		o.Interval, o.Suspended = inputSchedule(o.Annotations)
	}
	return o, o.keepManagedFields(data)
}

// keepManagedFields keeps metadata.managedFields of an object that fluxtune changed: they are needed to take
// its name out again.
func (o *Object) keepManagedFields(data []byte) error {
	ours := func(key string) bool { return strings.HasPrefix(key, Group+"/") }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(o.Annotations)), ours) {
		return nil
	}
	return o.KeepManagedFields(data)
}

// KeepManagedFields keeps metadata.managedFields of the JSON that the object was made from, whoever changed it. The error
// names the object.
func (o *Object) KeepManagedFields(data []byte) error {
	var d struct {
		Metadata struct {
			ManagedFields jsontext.Value `json:"managedFields"`
		} `json:"metadata"`
	}
	if err := Unmarshal(data, &d); err != nil {
		return fmt.Errorf("reading %s: %w", o.Ref, err)
	}
	o.ManagedFields = d.Metadata.ManagedFields
	return nil
}

// generated: helm-controller names the charts that it makes NAMESPACE-NAME of the HelmRelease. Its
// labels alone are also on what a release installs, which may be a HelmChart of its own. Before 0.37 it put none on those that it
// makes (v0.36.2 internal/controller/helmrelease_controller_chart.go), but all that a release installs bore them.
func (d document) generated() bool {
	release, namespace := d.Metadata.Labels[helmGroup+"/name"], d.Metadata.Labels[helmGroup+"/namespace"]
	switch {
	case d.Kind != "HelmChart":
		return false
	case release == "":
		return slices.ContainsFunc(d.Metadata.ManagedFields, func(e managedEntry) bool {
			return e.Manager == "helm-controller" && e.Fields.Spec != nil && e.Fields.Spec.Interval != nil
		})
	default:
		return d.Metadata.Name == namespace+"-"+release
	}
}

// mergesValues: up to source-controller 1.2 there may be one file more (v1.2.5 api/v1beta2/helmchart_types.go, GetValuesFiles).
func (d document) mergesValues() bool {
	return len(d.Spec.ValuesFiles)+len(d.Spec.Chart.Spec.ValuesFiles) > 0 || d.Spec.ValuesFile != "" || d.Spec.Chart.Spec.ValuesFile != ""
}

// waits: Helm waits for what it installs unless told not to; a Kustomization waits when told to.
func (d document) waits() bool {
	switch d.Kind {
	case "HelmRelease":
		return !d.Spec.Install.DisableWait || !d.Spec.Upgrade.DisableWait
	default:
		return d.Spec.Wait || len(d.Spec.HealthChecks) > 0
	}
}

// healthChecks are the Flux objects that a Kustomization names.
func (d document) healthChecks() (refs []Ref) {
	for _, r := range d.Spec.HealthChecks {
		group, _, _ := strings.Cut(r.APIVersion, "/")
		if _, known := ParseManifestKind(group, r.Kind); known {
			refs = append(refs, Ref{Group: group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
		}
	}
	return refs
}

func (d document) sourceRef() Ref {
	for _, r := range []*reference{d.Spec.SourceRef, d.Spec.ChartRef, d.Spec.Chart.Spec.SourceRef} {
		if r == nil || r.Name == "" {
			continue
		}
		group, _, found := strings.Cut(r.APIVersion, "/")
		if !found {
			group = sourceGroup
		}
		ref := Ref{Group: group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		if ref.Namespace == "" {
			ref.Namespace = d.Metadata.Namespace
		}
		return ref
	}
	return Ref{}
}
