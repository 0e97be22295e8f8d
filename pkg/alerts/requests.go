package alerts

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// asked is a host that objects ask, or a credential of one.
type asked struct {
	host string
	// credential is the name of a Secret or of a provider; "" for the whole host.
	credential string
}

// poll is what one reconcile of an object asks.
type poll struct {
	asked
	requests float64
}

// requests records what each host gets that has a limit, and alerts where that is more than its share. Among all items
// are also those that no controller's metrics tell of: they are noted.
func (in Input) requests(all []budget.Item) ([]Rule, []string) {
	hosts := map[asked]int{} // with how many objects that are counted
	unseen := map[asked]int{}
	for _, i := range all {
		to := asked{host: i.Address.Host}
		if perPoll(i) == 0 || to.host == "" {
			continue
		}
		if flux.ControllerOf(i.Object.Kind) == "" {
			unseen[to]++
			continue
		}
		hosts[to]++
	}
	var rules []Rule
	var notes, unlimited []string
	shares := slices.Clone(in.Shares)
	for _, to := range sorted(hosts) {
		key, ok := in.Limits.Key(to.host)
		switch whole := func(s policy.Share) bool { return s.Credential == "" && budget.SameHost(to.host, s.Host) }; {
		case !ok:
			unlimited = append(unlimited, to.host)
		case !slices.ContainsFunc(shares, whole):
			shares = append(shares, policy.Share{Host: key, Percent: in.Above})
		}
	}
	slices.SortFunc(shares, policy.Share.Compare)
	for _, s := range shares {
		if limit, ok := in.Limits.Of(s.Host); ok {
			rules = append(rules, in.share(s, limit)...)
		}
	}
	if len(unlimited) > 0 {
		notes = append(notes, fmt.Sprintf("no alarm about %s: no limit is known (--limit HOST=5000/h, or spec.limits of the policy)", strings.Join(unlimited, ", ")))
	}
	for _, to := range sorted(unseen) {
		notes = append(notes, fmt.Sprintf("what %s asks %s is not counted: no metric tells of it", plural(unseen[to], "object"), to.host))
	}
	return rules, notes
}

func sorted(hosts map[asked]int) []asked {
	var list []asked
	for to := range hosts {
		list = append(list, to)
	}
	slices.SortFunc(list, func(a, b asked) int {
		return cmp.Or(strings.Compare(a.host, b.host), strings.Compare(a.credential, b.credential))
	})
	return list
}

// perPoll is how many requests one reconcile makes. What is suspended makes none, and is counted as if it were not: it
// is not reconciled either, and once it is resumed it asks.
func perPoll(i budget.Item) float64 {
	if n := i.PerPoll(); n > 0 {
		return n
	}
	if i.Object.Suspended {
		return i.Cost.Unchanged
	}
	return 0
}

// share is the two rules about one host or credential; none where no object goes to it.
func (in Input) share(s policy.Share, limit budget.Limit) []Rule {
	to, percent := asked{s.Host, s.Credential}, s.Percent
	var all []classed[poll]
	objects := 0
	for _, i := range in.Items {
		o := classed[poll]{ref: i.Object.Ref}
		n := perPoll(i)
		if n > 0 && i.Asker().CountsTo(s) {
			o.class = poll{to, n}
			objects++
		}
		all = append(all, o)
	}
	if objects == 0 {
		return nil
	}
	byPoll := selectors(all)
	var costs []poll
	for c := range byPoll {
		costs = append(costs, c)
	}
	slices.SortFunc(costs, func(a, b poll) int { return cmp.Compare(a.requests, b.requests) })
	var terms, asks []string
	for _, c := range costs {
		terms = append(terms, each(byPoll[c], func(s Selector) string {
			return fmt.Sprintf("rate(%s%s[%s]) * %g", reconcilesTotal, s, duration(observed), c.requests)
		}))
		asks = append(asks, fmt.Sprintf("%g", c.requests))
	}
	expr := fmt.Sprintf("3600 * sum(\n%s\n)", strings.Join(terms, "\nor "))
	made := fmt.Sprintf("Counted: the reconciles of %s in the last hour, times the requests of a poll that finds nothing new (%s). "+
		"What is new costs more (two with Git, four of a registry), an attempt that asked nobody counts all the same, and what others ask is not seen.",
		plural(objects, "object"), strings.Join(asks, ", "))
	most := math.Round(limit.PerHour * percent / 100)
	record, labels, name, whose := hostRequests, map[string]string{"host": to.host}, HostAboveShare, to.host
	if to.credential != "" {
		record, name, whose = credentialRequests, CredentialAbove, to.credential+" at "+to.host
		labels["credential"] = to.credential
	}
	a := alert(name, fmt.Sprintf("%s{%s} > %g", record, labelText(labels), most), 10*evaluation,
		fmt.Sprintf("Flux asks %s more than %g requests an hour", whose, most),
		fmt.Sprintf(`%s gets {{ printf "%%.0f" $value }} requests an hour from Flux, more than %g%% of its limit of %g. %s`, whose, percent, limit.PerHour, made),
		fmt.Sprintf("kubectl fluxtune budget %s --rows names who asks most; kubectl fluxtune plan %s --fit %s=%g%% keeps it within its share", in.Where, in.Where,
			s, percent))
	return []Rule{{Record: record, Expr: expr, Labels: labels}, a}
}

// labelText writes labels as matchers, sorted.
func labelText(labels map[string]string) string {
	var list []string
	for name, value := range labels {
		list = append(list, fmt.Sprintf("%s=%q", name, value))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}
