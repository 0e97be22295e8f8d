package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
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
