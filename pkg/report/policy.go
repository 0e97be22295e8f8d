package report

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// PolicyTable has a row for each kind that a policy says something about, of each environment.
func PolicyTable(p policy.Policy) Table {
	t := Table{Columns: []Column{{Name: "ENVIRONMENT"}, {Name: "KIND"}, {Name: "INTERVAL"}, {Name: "TIMEOUT"}, {Name: "RETRY"}}}
	for _, e := range p.Environments {
		for _, kind := range flux.KindNames() {
			if s := e.Kinds[kind]; e.Rules(kind) {
				t.Rows = append(t.Rows, []Cell{environmentCell(e.Name), Text(kind), Text(orDash(s.Interval)), Text(orDash(s.Timeout)), Text(orDash(s.RetryInterval))})
			}
		}
	}
	return t
}

// PolicyNames tells which names of namespaces and clusters give which environment under a policy, the patterns of each environment in
// a line, and what counts before them (policy.Resolver.Resolve); nothing where names give none. A width of 0 breaks no lines.
func PolicyNames(p policy.Policy, width int) string {
	var lines []string
	for _, list := range []struct {
		label    string
		patterns []policy.Pattern
	}{{"Namespaces", p.Namespaces}, {"Clusters", p.Clusters}} {
		var texts []string
		for _, name := range p.EnvironmentNames() {
			var own []string
			for _, pattern := range list.patterns {
				if pattern.Environment == name {
					own = append(own, pattern.Text)
				}
			}
			if len(own) > 0 {
				texts = append(texts, name+": "+strings.Join(own, ", "))
			}
		}
		lines = append(lines, labelled(list.label, texts, width, 0)...)
	}
	if len(lines) == 0 {
		return ""
	}
	first := fmt.Sprintf("Environments by name, where no label tells (%s). A label of the object or of its namespace counts before any name, a namespace's name before a cluster's.", strings.Join(p.LabelKeys, ", "))
	return terminal.WrapLine(first, width) + "\n" + strings.Join(lines, "\n") + "\n"
}
