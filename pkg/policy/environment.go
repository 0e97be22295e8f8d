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
	SourceLabel            Source = "label"            // the object's own label
	SourceNamespace        Source = "namespace"        // a label of its namespace
	SourceNamespacePattern Source = "namespacePattern" // the name of its namespace, by the policy's patterns
	SourceTargetNamespace  Source = "targetNamespace"  // the namespace that it applies to
	SourceConsumer         Source = "consumer"         // the fastest object that uses this source
	SourceCluster          Source = "cluster"          // the name of the cluster, by the policy's patterns
	SourceDefault          Source = "default"          // the default that was handed in
	SourceNone             Source = ""
)

// Assignment is the environment of an object, and why it is that one.
type Assignment struct {
	// Environment is the policy's name for it, or the label's value as it stands where the policy does
	// not know it; "" = none.
	Environment string
	// Known says that the policy has this environment.
	Known  bool
	Source Source
	// Via says for people what decided: "label environment", `label env on namespace "dev"`, "Kustomization dev/web",
	// `context "prod-eu" matches "prod-*"`.
	Via string
	// Pattern is the one of the policy that decided, where one did. Overruled is the one for the name of the namespace whose label
	// decided, where it says something else.
	Pattern, Overruled Pattern
	// Unread says for people why nobody knows the environment: LabelsUnread, UsersLabelsUnread, or which users of a source could not
	// be read; "" where it is known, and where there is none.
	Unread string
	// Warnings name labels that disagree, and which one was taken.
	Warnings []string
}

// What may not be read where an environment is not known: the labels of its namespace, or of that which it applies to, and those
// of a namespace with users of a source.
const (
	LabelsUnread      = "the labels of its namespace may not be read"
	UsersLabelsUnread = "the labels of a namespace with what uses it may not be read"
)

// LacksLabels tells whether labels of namespaces are what is missing, where an environment is not known.
func (a Assignment) LacksLabels() bool {
	return a.Unread == LabelsUnread || a.Unread == UsersLabelsUnread
}

// Resolver assigns environments to the objects of one snapshot. It does not change once it is made, so
// that many goroutines can use it.
type Resolver struct {
	policy     Policy
	fallback   claim
	namespaces map[string]claim
	refused    []string // the namespaces whose labels may not be read
	// unread says of namespaces why not all users of their sources are known, and veiled are the sources with users whose
	// environment is not, as labels may not be read.
	unread map[string]string
	veiled map[flux.Ref]bool
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
		refused:    s.Refused,
		unread:     unreadUsers(s),
		veiled:     map[flux.Ref]bool{},
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

// Resolve assigns an environment. In this order count: the object's own label; its namespace's label; the
// policy's patterns for its namespace's name; for what is applied elsewhere, the label or the name of its
// spec.targetNamespace; for a source, the fastest environment among the Kustomizations and HelmReleases that
// use it; the policy's patterns for the cluster's names; the environment that the cluster's folder in a checkout is named
// after; the default environment. Where not all is read that counts, the environment is not known: see unknown.
func (r *Resolver) Resolve(o flux.Object) Assignment {
	if a := r.own(o); a.Environment != "" {
		return a
	}
	c, used := r.consumer(o)
	if why := r.unknown(o, c, used); why != "" {
		return Assignment{Unread: why}
	}
	if used {
		return Assignment{Environment: c.environment, Known: c.known, Source: SourceConsumer, Via: c.consumer.String()}
	}
	if r.policy.cluster.Environment != "" {
		return r.policy.cluster
	}
	if r.policy.folder.Environment != "" {
		return r.policy.folder
	}
	if r.fallback.made() {
		via := "default environment"
		if r.hidden(o) {
			via += ", as " + LabelsUnread
		}
		return Assignment{Environment: r.fallback.environment, Known: r.fallback.known, Source: SourceDefault, Via: via}
	}
	return Assignment{}
}

// unknown says why the environment of an object without one of its own is not known; "" where it is, by the fastest user
// that was read, or without. What the policy says of the cluster stands, unless a user says something else. The default
// environment stands in for labels that may not be read, but not for users: it would slow down what development uses.
func (r *Resolver) unknown(o flux.Object, fastest candidate, used bool) string {
	cluster := r.policy.cluster.Environment
	switch {
	case cluster != "" && (!used || fastest.environment == cluster), used && o.Generated:
		return ""
	case r.unread[o.Namespace] != "" && o.KindRow().Source:
		return r.unread[o.Namespace]
	case r.fallback.made():
		return ""
	case r.hidden(o):
		return LabelsUnread
	case r.veiled[o.Ref]:
		return UsersLabelsUnread
	default:
		return ""
	}
}

// hidden tells whether labels that may name the environment of an object may not be read.
func (r *Resolver) hidden(o flux.Object) bool {
	return slices.Contains(r.refused, o.Namespace) || slices.Contains(r.refused, targetNamespace(o))
}

// own is Resolve by the object and its namespaces only. A label that something else disagrees with is warned of;
// the patterns of the policy are for what has no label.
func (r *Resolver) own(o flux.Object) Assignment {
	label, namespace, target := readLabels(r.policy, o.Labels, o.Ref), r.namespaces[o.Namespace], r.target(o)
	if !label.made() && !namespace.made() {
		if a := r.policy.byNamespace(o.Namespace); a.Environment != "" {
			return a
		}
	}
	if a := r.byLabels(label, namespace, target); a.Environment != "" {
		return r.policy.overruling(a, o)
	}
	if name := targetNamespace(o); name != "" {
		a := r.policy.byNamespace(name)
		if a.Environment != "" {
			a.Source = SourceTargetNamespace
		}
		return a
	}
	return Assignment{}
}

// overruling adds to what the label of a namespace says that the policy's patterns say something else of its name.
func (p Policy) overruling(a Assignment, o flux.Object) Assignment {
	name := map[Source]string{SourceNamespace: o.Namespace, SourceTargetNamespace: targetNamespace(o)}[a.Source]
	pattern := p.byNamespace(name).Pattern
	if name == "" || pattern.Environment == "" || strings.EqualFold(pattern.Environment, a.Environment) {
		return a
	}
	a.Overruled = pattern
	a.Via += fmt.Sprintf(" (the policy's %q says %s)", pattern.Text, pattern.Environment)
	return a
}

// byNamespace is what the patterns say about a namespace.
func (p Policy) byNamespace(name string) Assignment {
	return find(p.Namespaces, []Named{{"namespace", name}}, SourceNamespacePattern)
}

// byLabels takes the first of the labels, and warns of those that disagree with it.
func (r *Resolver) byLabels(label, namespace, target claim) Assignment {
	claims := [...]struct {
		claim
		source Source
	}{{label, SourceLabel}, {namespace, SourceNamespace}, {target, SourceTargetNamespace}}
	var a Assignment
	var taken claim
	for _, c := range claims {
		switch {
		case !c.made():
		case !taken.made():
			taken = c.claim
			// Clipped: the claim of a namespace is shared by all its objects.
			a = Assignment{Environment: c.environment, Known: c.known, Source: c.source, Via: "label " + c.key, Warnings: slices.Clip(c.warnings)}
			if c.source != SourceLabel {
				a.Via += " on " + c.on.String()
			}
		case !strings.EqualFold(c.environment, taken.environment):
			a.Warnings = append(a.Warnings, disagreement(taken, c.claim))
		}
	}
	return a
}

// target is what the labels of the namespace say that the object applies to.
func (r *Resolver) target(o flux.Object) claim { return r.namespaces[targetNamespace(o)] }

// targetNamespace is another namespace that the object applies to; "" for its own.
func targetNamespace(o flux.Object) string {
	if o.TargetNamespace == o.Namespace || !o.KindRow().Consumer {
		return ""
	}
	return o.TargetNamespace
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
// or of its namespace, by label or by name, so that it takes the environment of what uses it: only then do the
// Kustomizations and HelmReleases of other namespaces matter.
func NeedsConsumers(p Policy, s flux.Snapshot) bool {
	for _, o := range s.Objects {
		if o.KindRow().Source &&
			!readLabels(p, o.Labels, o.Ref).made() &&
			!readLabels(p, s.Namespaces[o.Namespace], namespaceName(o.Namespace)).made() &&
			p.byNamespace(o.Namespace).Environment == "" {
			return true
		}
	}
	return false
}
