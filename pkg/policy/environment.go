package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Source says where an object's environment comes from. The strings are part of the JSON output.
type Source string

// The sources of an environment, in the order in which they count. SourceNone: no environment.
const (
	SourceLabel           Source = "label"           // the object's own label
	SourceNamespace       Source = "namespace"       // a label of its namespace
	SourceTargetNamespace Source = "targetNamespace" // a label of the namespace that it applies to
	SourceConsumer        Source = "consumer"        // the fastest object that uses this source
	SourceDefault         Source = "default"         // the default that was handed in
	SourceNone            Source = ""
)

// Assignment is the environment of an object, and why it is that one.
type Assignment struct {
	// Environment is the policy's name for it, or the label's value as it stands where the policy does
	// not know it; "" = none.
	Environment string
	// Known says that the policy has this environment.
	Known  bool
	Source Source
	// Via says for people what decided: "label environment", `namespace "dev"`, "Kustomization dev/web".
	Via string
	// Warnings name labels that disagree, and which one was taken.
	Warnings []string
}

// Resolver assigns environments to the objects of one snapshot. It does not change once it is made, so
// that many goroutines can use it.
type Resolver struct {
	policy     Policy
	fallback   claim
	namespaces map[string]claim
	// intervals[environment][kind], for what is fastest.
	intervals map[string]map[string]Bound
	// fastest consumer of each source, and each HelmRelease for the charts that are generated from it.
	fastest  map[flux.Ref]candidate
	releases map[flux.Ref]candidate
}

// claim is what one set of labels says about an environment; the zero claim says nothing.
type claim struct {
	environment string
	known       bool
	label       string // "environment=dev"
	key         string
	on          fmt.Stringer
	warnings    []string
}

func (c claim) made() bool { return c.environment != "" }

// String names the label and what bears it, for people.
func (c claim) String() string { return fmt.Sprintf("label %s on %s", c.label, c.on) }

// disagreement is the warning for two claims of which the first is taken.
func disagreement(taken, other claim) string {
	return fmt.Sprintf("%s and %s disagree: %s is taken", taken, other, taken.environment)
}

// namespaceName writes itself for people.
type namespaceName string

// String implements fmt.Stringer.
func (n namespaceName) String() string { return fmt.Sprintf("namespace %q", string(n)) }

// NewResolver indexes a snapshot, so that Resolve costs the same for each of many objects. The default
// environment, a name or an alias, is given to objects that have no other; "" = none.
func NewResolver(p Policy, s flux.Snapshot, defaultEnvironment string) *Resolver {
	r := &Resolver{
		policy:     p,
		namespaces: make(map[string]claim, len(s.Namespaces)),
		intervals:  make(map[string]map[string]Bound, len(p.Environments)),
		fastest:    map[flux.Ref]candidate{},
		releases:   map[flux.Ref]candidate{},
	}
	r.fallback.environment, r.fallback.known = canonical(p, defaultEnvironment)
	for name, labels := range s.Namespaces {
		r.namespaces[name] = readLabels(p, labels, namespaceName(name))
	}
	for _, e := range p.Environments {
		r.intervals[e.Name] = make(map[string]Bound, len(e.Kinds))
		for kind := range e.Kinds {
			r.intervals[e.Name][kind] = e.Value(kind, flux.IntervalSetting)
		}
	}
	r.indexConsumers(s)
	return r
}

// Resolve assigns an environment. In this order count: the object's own label; its namespace's label;
// for what is applied elsewhere, the label of its spec.targetNamespace; for a source, the fastest
// environment among the Kustomizations and HelmReleases that use it; the default environment.
func (r *Resolver) Resolve(o flux.Object) Assignment {
	if a := r.byLabels(o); a.Environment != "" {
		return a
	}
	if c, ok := r.consumer(o); ok {
		return Assignment{Environment: c.environment, Known: c.known, Source: SourceConsumer, Via: c.consumer.String()}
	}
	if r.fallback.made() {
		return Assignment{Environment: r.fallback.environment, Known: r.fallback.known, Source: SourceDefault, Via: "default environment"}
	}
	return Assignment{}
}

// byLabels is Resolve by the labels of the object and of its namespaces only.
func (r *Resolver) byLabels(o flux.Object) Assignment {
	claims := [...]struct {
		claim
		source Source
	}{
		{readLabels(r.policy, o.Labels, o.Ref), SourceLabel},
		{r.namespaces[o.Namespace], SourceNamespace},
		{r.target(o), SourceTargetNamespace},
	}
	var a Assignment
	var taken claim
	for _, c := range claims {
		switch {
		case !c.made():
		case !taken.made():
			taken = c.claim
			// Clipped: the claim of a namespace is shared by all its objects.
			a = Assignment{Environment: c.environment, Known: c.known, Source: c.source, Via: c.on.String(), Warnings: slices.Clip(c.warnings)}
			if c.source == SourceLabel {
				a.Via = "label " + c.key
			}
		case !strings.EqualFold(c.environment, taken.environment):
			a.Warnings = append(a.Warnings, disagreement(taken, c.claim))
		}
	}
	return a
}

// target is what the labels of the namespace say that the object applies to.
func (r *Resolver) target(o flux.Object) claim {
	if o.TargetNamespace == "" || o.TargetNamespace == o.Namespace || !o.KindRow().Consumer {
		return claim{}
	}
	return r.namespaces[o.TargetNamespace]
}

// readLabels takes the environment from the first of the policy's label keys that is present, and warns
// of others that disagree with it.
func readLabels(p Policy, labels map[string]string, on fmt.Stringer) claim {
	var taken claim
	if len(labels) == 0 {
		return taken
	}
	for _, key := range p.LabelKeys {
		value := strings.TrimSpace(labels[key])
		if value == "" {
			continue
		}
		c := claim{label: key + "=" + value, key: key, on: on}
		c.environment, c.known = canonical(p, value)
		switch {
		case !taken.made():
			taken = c
		case !strings.EqualFold(c.environment, taken.environment):
			taken.warnings = append(taken.warnings, disagreement(taken, c))
		}
	}
	return taken
}

// canonical is the policy's name for an environment, or the value itself where the policy does not know
// it.
func canonical(p Policy, value string) (environment string, known bool) {
	if e, ok := p.Lookup(value); ok {
		return e.Name, true
	}
	return strings.TrimSpace(value), false
}

// NeedsConsumers tells whether some source among the snapshot's objects has no environment of its own
// or of its namespace, so that it takes the environment of what uses it: only then do the
// Kustomizations and HelmReleases of other namespaces matter.
func NeedsConsumers(p Policy, s flux.Snapshot) bool {
	for _, o := range s.Objects {
		if o.KindRow().Source &&
			!readLabels(p, o.Labels, o.Ref).made() &&
			!readLabels(p, s.Namespaces[o.Namespace], namespaceName(o.Namespace)).made() {
			return true
		}
	}
	return false
}
