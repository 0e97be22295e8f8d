package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// verdict is the exit code of what was shown. A node that is too full is so whatever is missing, unless that is known of an
// earlier time only.
func (o NodesOptions) verdict(view nodesView) error {
	above, fullest := view.Above(o.failAbove), view.Fullest()
	switch {
	case o.failAbove > 0 && above.Nodes > 0:
		return codeError{exitOverBudget, o.tooFull(above)}
	case o.failAbove > 0 && fullest != nil && fullest.Outdated && float64(fullest.Use) > o.failAbove:
		return codeError{exitPartial, fmt.Errorf("%s had %s, more than --fail-above %g%%: whether it still has is not known, as updates are interrupted: run the command again",
			flux.InCluster(fullest.Cluster, fullest.Name), fullest.Of(), o.failAbove)}
	case len(view.Gaps()) > 0:
		return silentError{exitPartial}
	case o.failAbove > 0 && view.Empty():
		return codeError{exitPartial, errors.New("--fail-above: there is no node to look at: check --selector and the --context")}
	}
	return nil
}

// matchesNone tells whether it is known that no node has the labels that were asked for, and noneLine says so.
func (o NodesOptions) matchesNone(view nodesView) bool {
	return o.selector != "" && view.Empty() && len(view.Gaps()) == 0
}

func (o NodesOptions) noneLine() string {
	return fmt.Sprintf("No nodes have the labels %s.", o.selector)
}

// tooFull names the fullest of the nodes that are above --fail-above, and how many others are.
func (o NodesOptions) tooFull(above report.Above) error {
	f, others := above.Fullest, ""
	switch {
	case above.Nodes > 1 && above.More:
		others = fmt.Sprintf("; so have at least %s", plural(above.Nodes-1, "other node"))
	case above.Nodes > 1:
		others = fmt.Sprintf("; so have %s", plural(above.Nodes-1, "other node"))
	}
	how := f.Use.Above(o.failAbove) + f.More() + "%"
	if f.Allocatable == 0 {
		how = "though it takes none"
	}
	return fmt.Errorf("%s has %s, %s: more than --fail-above %g%%%s", flux.InCluster(f.Cluster, f.Name), f.Of(), how, o.failAbove, others)
}

// warn says on stderr what a table says around it.
func (o NodesOptions) warn(gaps []string) {
	for _, gap := range gaps {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Warning: partial: %s\n", gap)
	}
	scope := o.clusters[0].options.Namespaces
	if len(scope) > 0 && !slices.Contains([]string{"json", "yaml", "name"}, o.printer.format) { // those say it, or have no numbers
		_, _ = fmt.Fprintf(o.root.ErrOut, "Only the pods in %s are counted: nodes may be fuller.\n", strings.Join(scope, ", "))
	}
}
