package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// costs say what the hosts are asked.
func (o Overview) costs(l Layout, limits limits) []string {
	if len(o.Budget.Hosts) == 0 {
		return nil
	}
	git := o.Budget.Git
	lines := []string{fmt.Sprintf("Git requests %s/h, now and planned", rate(git.Now))}
	if git.Now != git.Planned {
		lines[0] = NewUndone(o.Plan.Items).until() + fmt.Sprintf("Git requests %s/h -> %s/h%s", rate(git.Now), rate(git.Planned), Compare(git))
	}
	ahead := o.ahead(limits)
	if o.Together {
		lines[0] += ", of all clusters together"
	}
	if len(ahead) > 0 {
		lines[0] += ", with only this one changed"
	}
	lines = append(lines, ahead...)
	hosts := o.limitedHosts()
	if len(hosts) == 0 && o.Budget.Partial {
		lines[0] += o.onTop()
	}
	shown := hosts
	if limits.hosts > 0 {
		shown = hosts[:min(len(hosts), limits.hosts)]
	}
	more := ""
	if hidden := hosts[len(shown):]; len(hidden) > 0 && len(shown) > 0 {
		more = fmt.Sprintf("; %s more", count(len(hidden), "host"))
		if over := len(slices.DeleteFunc(slices.Clone(hidden), func(h budget.Host) bool { return !isOver(h) })); over > 0 {
			more += fmt.Sprintf(", %d over", over)
		}
	}
	if limits.cuts() && len(shown) > 0 { // what a line ends with may be cut: what matters most is one of its own
		for _, h := range shown {
			lines = append(lines, o.hostLine(h, l))
		}
		return append(lines, optional(strings.TrimPrefix(o.onTop()+more, "; "))...)
	}
	for _, h := range shown {
		lines = append(lines, o.hostLine(h, l)+o.onTop())
	}
	lines[len(lines)-1] += more
	return lines
}

// ahead says what hosts get once all clusters are changed, where that is something else than with this one alone.
func (o Overview) ahead(limits limits) []string {
	if o.Ahead == nil {
		return nil
	}
	all := Overview{Budget: *o.Ahead, Fitting: o.Fitting}
	planned := make(map[string]float64, len(o.Budget.Hosts))
	for _, h := range o.Budget.Hosts {
		planned[h.Name] = h.Used.Planned
	}
	var parts []string
	for _, h := range all.limitedHosts() {
		if share(planned[h.Name]) == share(h.Used.Planned) || limits.hosts > 0 && len(parts) == limits.hosts {
			continue
		}
		part := fmt.Sprintf("%s %s -> %s of %s/h", h.Name, share(h.Used.Now), share(h.Used.Planned), rate(h.Limit.PerHour))
		if h.Used.Planned > 100 {
			part += ", over"
		}
		parts = append(parts, part)
	}
	git := o.Ahead.Git
	if len(parts) == 0 && len(all.limitedHosts()) == 0 && rate(git.Planned) != rate(o.Budget.Git.Planned) {
		parts = append(parts, fmt.Sprintf("%s/h -> %s/h", rate(git.Now), rate(git.Planned)))
	}
	return prefixed("with all clusters changed: ", strings.Join(parts, "; "))
}

// limitedHosts are the hosts with a limit: those first that intervals are fitted to, and of each those that get more than that, the fullest
// first.
func (o Overview) limitedHosts() []budget.Host {
	hosts := slices.DeleteFunc(slices.Clone(o.Budget.Hosts), func(h budget.Host) bool { return h.Limit == nil })
	rank := func(h budget.Host) int {
		rank := 0
		if !o.fitsTo(h) {
			rank += 2
		}
		if !isOver(h) {
			rank++
		}
		return rank
	}
	over := func(h budget.Host) float64 { return max(100, h.Used.Now, h.Used.Planned) }
	sorting.By(hosts, func(a, b budget.Host) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(over(b), over(a)))
	})
	return hosts
}

// fitsTo tells whether intervals are fitted to a share of a host's limit.
func (o Overview) fitsTo(h budget.Host) bool {
	return o.Fitting != nil && slices.ContainsFunc(o.Fitting.Shares, func(s fit.ShareUse) bool { return budget.SameHost(h.Name, s.Host) })
}

// fittedHosts is how many hosts with a limit intervals are fitted to.
func (o Overview) fittedHosts() int {
	return len(slices.DeleteFunc(o.limitedHosts(), func(h budget.Host) bool { return !o.fitsTo(h) }))
}

func isOver(h budget.Host) bool { return h.Used.Planned > 100 || h.Used.Now > 100 }

// hostLine says how much of its limit a host is asked for.
func (o Overview) hostLine(h budget.Host, l Layout) string {
	now, planned := h.Used.Now, h.Used.Planned
	line := fmt.Sprintf("%s %s %s", h.Name, terminal.Bar(now, barCells, l.EastAsian), share(now))
	if now != planned {
		line += fmt.Sprintf(" -> %s %s", terminal.Bar(planned, barCells, l.EastAsian), share(planned))
	}
	line += fmt.Sprintf(" of %s/h", rate(h.Limit.PerHour))
	if planned > 100 {
		line += ", over"
	}
	if h.Others > 0 {
		line += fmt.Sprintf(" (%s/h by what is not shown)", rate(h.Others))
	}
	return line
}

// buys say how long a commit takes, where that changes: typically of the middle of an environment's objects, which is not what a
// fit says of the average commit, and where that stays at worst. Where there is little room, fewer environments are named.
func (o Overview) buys(limits limits) []string {
	var middle, worst []string
	more, takes := 0, "commit to applied"
	environments := NewBudgetEnvironments(o.Budget.Environments)
	if !slices.ContainsFunc(o.Budget.Environments, func(e budget.Environment) bool { return e.Consumers+e.Unknown > 0 }) {
		takes = "commit to the source's artifact"
		for i, e := range o.Budget.Environments {
			environments[i].Latency = newBudgetLatency(e.Fetched)
		}
	}
	for _, e := range environments {
		if e.Latency == nil || e.Latency.Typical.Now == e.Latency.Typical.Planned && e.Latency.Worst.Now == e.Latency.Worst.Planned {
			continue
		}
		if most := limits.latencies(); most > 0 && len(middle)+len(worst) == most {
			more++
			continue
		}
		changes, parts := e.Latency.Typical, &middle
		if changes.Now == changes.Planned {
			changes, parts = e.Latency.Worst, &worst
		}
		*parts = append(*parts, fmt.Sprintf("%s %s -> %s", cmp.Or(e.Environment, "no environment"), orDash(changes.Now), orDash(changes.Planned)))
	}
	said := append(prefixed("median: ", strings.Join(middle, ", ")), prefixed("at worst: ", strings.Join(worst, ", "))...)
	if len(said) == 0 {
		return nil
	}
	if more > 0 {
		said = append(said, fmt.Sprintf("%d more", more))
	}
	here := ""
	if o.Together {
		here = " in this cluster"
	}
	return []string{NewUndone(o.Plan.Items).until() + takes + here + ", " + strings.Join(said, "; ")}
}

// fit says what fitting buys. That others come on top is said with the costs; where these count all that is known, it is said here,
// also where there is no room for a line for each share.
func (o Overview) fit(limits limits) []string {
	lines := fitLines(o.Fitting, limits, o.fitOnTop())
	if len(lines) > 0 && o.Together {
		lines[0] = "with all clusters changed, " + lines[0] // the costs are those with this one changed
	}
	costs := limits.labels == 0 || limits.labels > leastLabels // else these have gone
	said := costs && len(o.limitedHosts()) > 0 && o.onTop() == o.fitOnTop()
	if !costs && len(lines) > 1 {
		lines = lines[:1]
	}
	if len(lines) > 0 && o.fitOnTop() != "" && !said && (o.Fitting.Sources > 0 && limits.summed() || limits.cuts()) {
		lines = append(lines, strings.TrimPrefix(o.fitOnTop(), "; "))
	}
	return lines
}
