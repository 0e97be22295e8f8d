package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// NothingToChange says of a plan of files that changes nothing how many objects were compared with the policy, and why the
// others were not: nobody is to take what was not looked at for what is as it should be. Partial says that not everything
// could be read. HelmCharts that helm-controller makes are in no file, and not told of.
func NothingToChange(plan tune.Plan, p policy.Policy, partial bool) string {
	plan.Items = slices.DeleteFunc(slices.Clone(plan.Items), func(item tune.Item) bool { return item.Object.MadeChart() })
	s := tune.Summarize(plan, p.EnvironmentNames())
	var b strings.Builder
	switch {
	case s.Unchanged == 0:
		fmt.Fprintf(&b, "Nothing was compared with policy %s, and nothing changes", p.Name)
	case s.Skip == 0:
		fmt.Fprintf(&b, "Nothing to change: the files give what policy %s wants, in %s", p.Name, count(s.Unchanged, "object"))
	default:
		fmt.Fprintf(&b, "Nothing to change in %s of %d: they have what policy %s wants", count(s.Unchanged, "object"), s.Objects, p.Name)
	}
	if partial {
		b.WriteString(", as far as the files could be read")
	}
	b.WriteString(".")
	for i, r := range s.Reasons {
		if i == 0 {
			b.WriteString(" Left alone:")
		}
		fmt.Fprintf(&b, "\n  %d %s", r.Count, reasonLine(r, true))
	}
	return b.String()
}
