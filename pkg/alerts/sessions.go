package alerts

import (
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// sessionEnd is when what apply --for changed on an object is to be taken back, in seconds since 1970. kube-state-metrics
// makes it (see NewStateMetrics); without it the alert is silent. A kind has one prefix for all its metrics: that of Flux's
// published configuration, so that ours can be added to it.
const (
	statePrefix = "gotk"
	sessionEnd  = "fluxtune_session_end_seconds"
)

// sessions alerts where objects bear a session that should have ended.
func (in Input) sessions() Rule {
	matchers := ""
	if in.Namespace != "" {
		matchers = fmt.Sprintf("{exported_namespace=%q}", in.Namespace)
	}
	return alert(SessionOverdue, fmt.Sprintf("count by (exported_namespace) (%s_%s%s < time())", statePrefix, sessionEnd, matchers), 10*evaluation,
		"Intervals in {{ $labels.exported_namespace }} should have been taken back",
		"{{ $value }} object(s) in {{ $labels.exported_namespace }} still bear the record of a session of kubectl fluxtune apply --for that is over: "+
			"the program that held it was ended, or others have changed them since. It takes kube-state-metrics with the configuration that "+in.command("alerts", in.scope(), "-o kube-state-metrics")+" prints.",
		fmt.Sprintf("%s shows whose they are; %s takes them back, and names what others have changed: revert --force restores that, forget keeps it",
			in.command("sessions", theNamespace), in.command("revert", theNamespace, "--expired")))
}

// StateMetrics is a configuration of kube-state-metrics (docs/metrics/extend/customresourcestate-metrics.md there).
type StateMetrics struct {
	Kind string           `json:"kind"`
	Spec StateMetricsSpec `json:"spec"`
}

// StateMetricsSpec lists what metrics are made of.
type StateMetricsSpec struct {
	Resources []StateResource `json:"resources"`
}

// StateResource is a kind and the metrics that are made of its objects.
type StateResource struct {
	GroupVersionKind StateKind         `json:"groupVersionKind"`
	MetricNamePrefix string            `json:"metricNamePrefix"`
	Metrics          []StateMetricRule `json:"metrics"`
}

// StateKind names a kind in one version.
type StateKind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// StateMetricRule is one metric.
type StateMetricRule struct {
	Name           string              `json:"name"`
	Help           string              `json:"help"`
	Each           StateEach           `json:"each"`
	LabelsFromPath map[string][]string `json:"labelsFromPath"`
	// ErrorLogV is the level of the log at which it is told that an object has no such value; 0 tells it always.
	ErrorLogV int `json:"errorLogV,omitempty"`
}

// StateEach says what the value is: a number at a path, or 1 with labels.
type StateEach struct {
	Type  string      `json:"type"`
	Gauge *StateGauge `json:"gauge,omitempty"`
	Info  *StateInfo  `json:"info,omitempty"`
}

// StateGauge is a number at a path; of a time it is the seconds since 1970.
type StateGauge struct {
	Path []string `json:"path"`
}

// StateInfo is 1 with labels.
type StateInfo struct {
	LabelsFromPath map[string][]string `json:"labelsFromPath"`
}

// NewStateMetrics is a configuration that makes of every kind when sessions end, and what is suspended: the latter as
// Flux's own configuration does (fluxcd.io/flux/monitoring/custom-metrics), with fewer labels.
func NewStateMetrics(objects []flux.Object) StateMetrics {
	c := StateMetrics{Kind: "CustomResourceStateMetrics"}
	for _, kind := range flux.Kinds() {
		version := kind.Versions[0]
		if i := slices.IndexFunc(objects, func(o flux.Object) bool { return o.Ref.Kind == kind.Name && o.Version != "" }); i >= 0 {
			version = objects[i].Version
		}
		who := map[string][]string{"name": {"metadata", "name"}}
		c.Spec.Resources = append(c.Spec.Resources, StateResource{
			GroupVersionKind: StateKind{Group: kind.Group, Version: version, Kind: kind.Name},
			MetricNamePrefix: statePrefix,
			Metrics: []StateMetricRule{
				{
					Name: "resource_info", Help: "The current state of a Flux resource.",
					Each: StateEach{Type: "Info", Info: &StateInfo{LabelsFromPath: who}},
					LabelsFromPath: map[string][]string{
						"exported_namespace": {"metadata", "namespace"},
						"ready":              {"status", "conditions", "[type=Ready]", "status"},
						"suspended":          {"spec", "suspend"},
					},
				},
				{
					Name: sessionEnd, Help: "When what kubectl fluxtune apply --for changed is to be taken back.",
					ErrorLogV: 10, // hardly any object has the annotation
					Each:      StateEach{Type: "Gauge", Gauge: &StateGauge{Path: []string{"metadata", "annotations", tune.UntilAnnotation}}},
					LabelsFromPath: map[string][]string{
						"name":               {"metadata", "name"},
						"exported_namespace": {"metadata", "namespace"},
					},
				},
			},
		})
	}
	return c
}
