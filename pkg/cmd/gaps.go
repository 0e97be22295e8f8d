package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// nothingFound says so, and where was looked, unless something could not be read: then nobody knows. A namespace that none of the
// fleets' clusters has is mostly mistyped.
func (r *root) nothingFound(o FleetOptions, where string, incomplete bool, fs ...fleet) {
	if incomplete {
		return
	}
	hint := ""
	for _, name := range o.Environments {
		if _, known := o.Policy.Lookup(name); !known {
			hint = fmt.Sprintf(" (policy %q has %s)", o.Policy.Name, strings.Join(o.Policy.EnvironmentNames(), ", "))
		}
	}
	if hint == "" {
		hint = o.elsewhere()
	}
	if o.Files == nil && !o.allNamespaces() && len(fs) > 0 && !slices.ContainsFunc(fs, func(f fleet) bool { return f.mayHave(o.Selection.Namespace) }) {
		where += ", which does not exist"
	}
	_, _ = fmt.Fprintf(r.ErrOut, "No Flux objects found %s%s.\n", where, hint)
}

// mayHave tells whether a namespace exists, or nobody knows.
func (f fleet) mayHave(namespace string) bool {
	_, found := f.snapshot.Namespaces[namespace]
	return found || !f.snapshot.AllNamespaces
}

// elsewhere says how to look further where nothing was found; "" where all was looked at.
func (o FleetOptions) elsewhere() string {
	if o.Files != nil || o.allNamespaces() {
		return ""
	}
	return " (-A looks in all namespaces)"
}

// warn prints what readers of any format should know, on stderr: warnings, and what could not be read.
func (r *root) warn(warnings []string, gaps []flux.Gap) {
	for _, w := range slices.Concat(warnings, gapWarnings(gaps)) {
		_, _ = fmt.Fprintf(r.ErrOut, "Warning: %s\n", w)
	}
}

// warningRows is how many rows of a terminal of a width in cells those take that warn writes.
func warningRows(warnings []string, gaps []flux.Gap, width int) int {
	rows := 0
	for _, w := range slices.Concat(warnings, gapWarnings(gaps)) {
		rows += 1 + strings.Count(terminal.WrapMessage("Warning: "+w, width), "\n")
	}
	return rows
}

// clusterWarnings are those of the plan of one cluster.
type clusterWarnings struct {
	cluster  string
	warnings []string
}

// once has each warning once, in the order in which they come first: with the cluster's name, or how many clusters it is
// of.
func once(all []clusterWarnings) []string {
	var order []string
	of := map[string][]string{}
	for _, c := range all {
		for _, w := range c.warnings {
			if of[w] == nil {
				order = append(order, w)
			}
			if !slices.Contains(of[w], c.cluster) {
				of[w] = append(of[w], c.cluster)
			}
		}
	}
	lines := make([]string, 0, len(order))
	for _, w := range order {
		switch n := len(of[w]); {
		case n == 1:
			lines = append(lines, flux.InCluster(of[w][0], w))
		case n == len(all):
			lines = append(lines, fmt.Sprintf("all %d clusters: %s", n, w))
		default:
			lines = append(lines, fmt.Sprintf("%d of %d clusters (%s): %s", n, len(all), strings.Join(of[w], ", "), w))
		}
	}
	return lines
}

// gapWarnings say what could not be read, what may not be listed once in each cluster.
func gapWarnings(gaps []flux.Gap) []string {
	var lines []string
	forbidden := map[string][]flux.Gap{}
	var clusters []string
	records := map[string][]flux.Gap{}
	var recordsIn []string
	for _, g := range gaps {
		switch {
		case g.Harmless, g.NotFound: // not worth a word; complete says it
		case g.Record != "":
			if records[g.Cluster] == nil {
				recordsIn = append(recordsIn, g.Cluster)
			}
			records[g.Cluster] = append(records[g.Cluster], g)
		case g.Forbidden:
			if forbidden[g.Cluster] == nil {
				clusters = append(clusters, g.Cluster)
			}
			forbidden[g.Cluster] = append(forbidden[g.Cluster], g)
		default:
			lines = append(lines, flux.InCluster(g.Cluster, fmt.Sprintf("%s could not be read: %s", g.What, g.Why)))
		}
	}
	for _, cluster := range recordsIn {
		lines = append(lines, flux.InCluster(cluster, tune.RecordsWarning(records[cluster])))
	}
	for _, cluster := range clusters {
		lines = append(lines, forbiddenWarning(cluster, forbidden[cluster]))
	}
	return lines
}

// forbiddenWarning says once what may not be listed in a cluster.
func forbiddenWarning(cluster string, forbidden []flux.Gap) string {
	in := map[string][]string{}
	var places []string
	for _, g := range forbidden {
		what, place, _ := strings.Cut(g.What, " in ")
		if in[place] == nil {
			places = append(places, place)
		}
		in[place] = append(in[place], what)
	}
	for i, place := range places {
		places[i] = strings.Join(in[place], ", ") + " in " + place
	}
	return flux.InCluster(cluster, fmt.Sprintf("you may not list %s: %s", strings.Join(places, ", nor "), forbidden[0].Why))
}

// complete is an error when something that was asked for is not there, or could not be read.
func (f fleet) complete() error { return complete(f.snapshot.Gaps) }

// errUnread says that something could not be read, of which warnings have told.
var errUnread = errors.New("not everything could be read: see the warnings above")

func complete(gaps []flux.Gap) error {
	var notFound []string
	unread := false
	for _, g := range gaps {
		if g.NotFound {
			notFound = append(notFound, flux.InCluster(g.Cluster, g.Why))
		} else if !g.Harmless {
			unread = true
		}
	}
	switch names := strings.Join(notFound, "; "); {
	case unread && names != "":
		return fmt.Errorf("%s; and not everything could be read: see the warnings above", names)
	case unread:
		return errUnread
	case names != "":
		return errors.New(names)
	default:
		return nil
	}
}
