package alerts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Rules are a rule file of Prometheus, and the spec of a PrometheusRule.
type Rules struct {
	Groups []Group `json:"groups"`
}

// Group is a group of rules, which Prometheus evaluates one after the other.
type Group struct {
	Name string `json:"name"`
	// Interval is how often it is evaluated, as Prometheus writes durations.
	Interval string `json:"interval"`
	Rules    []Rule `json:"rules"`
}

// Rule records a series or alerts: one of Record and Alert is set.
type Rule struct {
	Record string `json:"record,omitempty"`
	Alert  string `json:"alert,omitempty"`
	Expr   string `json:"expr"`
	// For is how long Expr has to hold, as Prometheus writes durations.
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// PrometheusRule is the object that the Prometheus Operator makes rules of (monitoring.coreos.com/v1).
type PrometheusRule struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Rules    `json:"spec"`
}

// Metadata of a PrometheusRule.
type Metadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

// NewPrometheusRule wraps rules. Its namespace is left to whoever applies it.
func NewPrometheusRule(name string, rules Rules) PrometheusRule {
	return PrometheusRule{
		APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule",
		Metadata: Metadata{Name: name, Labels: map[string]string{"app.kubernetes.io/name": "fluxtune"}},
		Spec:     rules,
	}
}

// alert is a rule with the annotations that all alerts have: what it means in one line and in some, and what to run.
func alert(name, expr string, holds time.Duration, summary, description, runbook string) Rule {
	return Rule{
		Alert: name, Expr: expr, For: duration(holds),
		Labels:      map[string]string{"severity": "warning"},
		Annotations: map[string]string{"summary": summary, "description": description, "runbook": runbook},
	}
}

// duration writes a duration as Prometheus reads it: whole seconds at least, without fractions; "" for 0.
func duration(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return flux.FormatDuration(d.Round(time.Second))
}

// namespaceLabel has the namespace of the object that a series is about, or of all that it counts.
const namespaceLabel = "exported_namespace"

// identity are the labels that tell which object a series is about.
const identity = "kind, exported_namespace, name"

// metric writes an expression about a metric of Flux's controllers for some kinds, in one namespace or in all ("").
//
// The controllers call the object's namespace "namespace". A Prometheus that scrapes pods has a label of this name
// already, and calls the former exported_namespace, unless it honours labels. Both are met.
func metric(name string, kinds []string, namespace string, write func(series string) string) string {
	of := func(matchers ...string) string { return write(name + "{" + strings.Join(matchers, ",") + "}") }
	kind := matcher("kind", kinds)
	if namespace == "" {
		return of(kind)
	}
	return of(kind, fmt.Sprintf("exported_namespace=%q", namespace)) + " or " +
		of(kind, `exported_namespace=""`, fmt.Sprintf("namespace=%q", namespace))
}

// sameNamespace gives series the object's namespace in exported_namespace, wherever it was.
func sameNamespace(expr string) string {
	const joined = `label_join(%s, "exported_namespace", "/", "exported_namespace", "namespace")`
	return fmt.Sprintf(`label_replace(`+joined+`, "exported_namespace", "$1", "exported_namespace", "/?([^/]+).*")`, expr)
}

// each writes an expression for each selector, and joins them: they are about different objects.
func each(list []Selector, write func(Selector) string) string {
	texts := make([]string, 0, len(list))
	for _, s := range list {
		texts = append(texts, write(s))
	}
	slices.Sort(texts)
	return strings.Join(texts, "\nor ")
}
