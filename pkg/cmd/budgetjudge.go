package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// parsePercent reads a share of a limit, as a flag has it; 0 for "".
func parsePercent(flag, s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	percent, err := policy.ParsePercent(s)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", flag, err)
	}
	return percent, nil
}

// unpolled says of limits from the command line that they are of hosts which nothing that was read polls; "" where none is.
// Most likely they are mistyped.
func unpolled(limits budget.Limits, polled []string) string {
	unmatched := limits.Unmatched(polled)
	if len(unmatched) == 0 {
		return ""
	}
	names := map[string]bool{}
	for _, p := range polled {
		names[p] = true
	}
	known := "nothing that was read polls a host"
	if len(names) > 0 {
		known = "nothing that was read polls it; " + polledNames(names)
	}
	return fmt.Sprintf("--limit %s: %s", strings.Join(unmatched, ", "), known)
}

// percentAbove is a percentage in whole numbers, or with as many digits as show that it is more than a bound.
func percentAbove(used, bound float64) string {
	if whole := math.Round(used); whole > bound {
		return strconv.FormatFloat(whole, 'f', -1, 64)
	}
	return report.Percent(used).Above(bound)
}

// tellUnlimited says which hosts --fail-above says nothing about, since no limit of theirs is known.
func (o BudgetOptions) tellUnlimited(b budget.Budget) {
	names, first := map[string]bool{}, ""
	for _, h := range b.Hosts {
		if h.Limit == nil && h.Name != "" && h.Requests != (budget.Rates{}) {
			names[h.Name], first = true, cmp.Or(first, h.Name)
		}
	}
	if len(names) > 0 {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Note: --fail-above says nothing about %s: no limit is known (--limit %s=5000/h)\n", terminal.Printable(fewNames(names)), terminal.Quoted(first))
	}
}

// slowed says how many sources a session that ends has slowed down: hosts get more once it is over.
func (fs fleets) slowed() []string {
	sources := 0
	for _, f := range fs.all {
		for o := range f.snapshot.All() {
			if o.KindRow().Source && tune.AfterSessions(*o).Effective(flux.Interval) < o.Effective(flux.Interval) {
				sources++
			}
		}
	}
	if sources == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s polled less often for a session of apply --for, and counted so: hosts get more when it ends", areNow(sources))}
}

// judge fails where a host gets more than --fail-above allows, and where a limit cannot be what was meant.
func (o BudgetOptions) judge(b budget.Budget) error {
	if o.FailAbove == 0 || len(b.Hosts) == 0 {
		return nil
	}
	if mistyped := unpolled(o.Limits, b.PolledHosts()); mistyped != "" {
		return errors.New(mistyped)
	}
	used, host, found := b.Used(o.JudgePlan)
	if !found {
		return fmt.Errorf("--fail-above: none of the hosts has a limit: give one (--limit %s)", terminal.Quoted(b.Hosts[0].Name+"=5000/h"))
	}
	if used <= o.FailAbove {
		o.tellUnlimited(b)
		return nil
	}
	gets, perHour := "gets", used*host.Limit.PerHour/100 // with what is read beside, and of all ports
	if o.JudgePlan {
		gets = "would get"
	}
	part := ""
	if host.Others > 0 {
		part = fmt.Sprintf(" (%s/h of them by what is not shown)", report.Rate(host.Others))
	}
	scope := ""
	if o.partial() { // else what was not chosen is counted, too
		scope = o.ofScope()
	}
	return codeError{exitOverBudget, fmt.Errorf("%s %s %s requests/h%s, %s%% of its limit of %s/h: more than --fail-above %g%%%s",
		host.Name, gets, report.Rate(perHour), part, percentAbove(used, o.FailAbove), report.Rate(host.Limit.PerHour), o.FailAbove, scope)}
}
