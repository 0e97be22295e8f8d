package cmd

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// allNamespaces tells whether the whole cluster is looked at, as with -A.
func (o FleetOptions) allNamespaces() bool { return o.Selection.Namespace == "" }

// whereShort names the place that was looked at, for a title; "" where the whole cluster or checkout was.
func (o FleetOptions) whereShort() string {
	if n := len(o.each()); n > 1 {
		return fmt.Sprintf("in %d clusters", n)
	}
	if o.allNamespaces() {
		return ""
	}
	return fmt.Sprintf("in namespace %q", o.Selection.Namespace)
}

// unasked names what a choice leaves out that may poll the same hosts; "" where that is in no short words.
func (o FleetOptions) unasked() string {
	kinds, namespaces := len(o.Selection.Kinds) > 0, !o.allNamespaces()
	switch {
	case o.Files != nil, len(o.clusters) > 1, len(o.Selection.Names) > 0:
		return ""
	case kinds && namespaces:
		return "other kinds and namespaces"
	case kinds:
		return "other kinds"
	case namespaces:
		return "other namespaces"
	default:
		return ""
	}
}

// scopeFlags are the flags by which a command that is shown looks at the same clusters and namespaces, with a space before each.
// The root is that of the clusters.
func (o FleetOptions) scopeFlags(r *root) string {
	if o.Files != nil {
		return " -f " + terminal.Quoted(o.Files.name)
	}
	if len(o.clusters) == 1 {
		r = o.clusters[0].root
	}
	flags := r.connection()
	if len(o.clusters) > 1 {
		var names []string
		for _, c := range o.clusters {
			names = append(names, asItem(c.name))
		}
		flags += " --contexts " + terminal.Quoted(strings.Join(names, ","))
	}
	return flags + o.namespaceFlags()
}

// namespaceFlags are -A or -n, with a space before; "" where the contexts have different namespaces of their own, as they were taken.
func (o FleetOptions) namespaceFlags() string {
	namespace, known := o.Selection.Namespace, false
	for _, c := range o.clusters {
		switch {
		case c.err != nil: // nothing was read there
		case known && c.selection.Namespace != namespace:
			return ""
		default:
			namespace, known = c.selection.Namespace, true
		}
	}
	if namespace == "" {
		return " -A"
	}
	return " -n " + terminal.Quoted(namespace)
}

// scope says which part of a checkout was chosen; "" where all of it was, and of a cluster.
func (o FleetOptions) scope() string {
	if o.Files == nil {
		return ""
	}
	var parts []string
	switch n := len(o.Files.chosen); {
	case !o.Files.named:
	case n == 1:
		parts = append(parts, o.Files.fleets[o.Files.chosen[0]].Root.String())
	default:
		parts = append(parts, fmt.Sprintf("%d of %d clusters", n, len(o.Files.fleets)))
	}
	if o.Selection.Namespace != "" {
		parts = append(parts, fmt.Sprintf("namespace %q", o.Selection.Namespace))
	}
	if len(o.Environments) > 0 {
		parts = append(parts, "environment "+strings.Join(o.Environments, ", "))
	}
	if o.Selection.LabelSelector != "" {
		parts = append(parts, "labels "+o.Selection.LabelSelector)
	}
	if len(o.Selection.Kinds) > 0 {
		var kinds []string
		for _, k := range o.Selection.Kinds {
			kinds = append(kinds, k.Name)
		}
		parts = append(parts, strings.Join(kinds, ", "))
	}
	if n := len(o.Selection.Names); n > 0 {
		parts = append(parts, plural(n, "named object"))
	}
	return strings.Join(parts, ", ")
}

// ofScope says behind a total what it is of, where that is not everything.
func (o FleetOptions) ofScope() string {
	if scope := o.scope(); scope != "" {
		return fmt.Sprintf(" (only %s counted: what else asks it comes on top)", scope)
	}
	return ""
}

// where names the place that was looked at, for messages.
func (o FleetOptions) where() string { return o.whereIn(len(o.clusters)) }

// whereIn says so of a number of clusters, which are fewer than contexts where several of these lead to one.
func (o FleetOptions) whereIn(clusters int) string {
	place := "in all namespaces"
	switch {
	case len(o.clusters) > 1:
		place = "in " + plural(clusters, "cluster")
	case !o.allNamespaces():
		place = fmt.Sprintf("in namespace %q", o.Selection.Namespace)
	}
	if o.Cluster != "" {
		place += " of " + o.Cluster
	}
	if len(o.Environments) > 0 {
		place += " with environment " + strings.Join(o.Environments, ", ")
	}
	if o.Selection.LabelSelector != "" {
		place += " with labels " + o.Selection.LabelSelector
	}
	return place
}
