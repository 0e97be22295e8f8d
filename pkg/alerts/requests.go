package alerts

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// poll is how many requests one reconcile of an object makes.
type poll float64

// requests records what each host gets that has a limit, and alerts where that is more than its share. Among all items
// are also those that no controller's metrics tell of: they are noted.
func (in Input) requests(all []budget.Item) ([]Rule, []string) {
	hosts, unseen := map[string]int{}, map[string]int{} // with how many objects
	for _, i := range all {
		to := i.Address.Host
		if perPoll(i) == 0 && i.Requests == (budget.Rates{}) || to == "" {
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
	for _, to := range slices.Sorted(maps.Keys(hosts)) {
		key, ok := in.Limits.Key(to)
		switch whole := func(s policy.Share) bool {
			return in.Limits.Counts(budget.Asker{Host: to}, policy.Share{Host: s.Host}) && s.Credential == ""
		}; {
		case !ok:
			unlimited = append(unlimited, to)
		case !slices.ContainsFunc(shares, whole):
			shares = append(shares, policy.Share{Host: key, Percent: in.Above})
		}
	}
	sorting.By(shares, policy.Share.Compare)
	for _, s := range shares {
		if limit, ok := in.Limits.Of(s.Host); ok {
			rules = append(rules, in.share(s, limit)...)
		}
	}
	if len(unlimited) > 0 {
		notes = append(notes, fmt.Sprintf("no alarm about %s: no limit is known (--limit HOST=5000/h, or spec.limits of the policy)", strings.Join(unlimited, ", ")))
	}
	for _, to := range slices.Sorted(maps.Keys(unseen)) {
		notes = append(notes, fmt.Sprintf("what %s asks %s is not counted: no metric tells of it", plural(unseen[to], "object"), to))
	}
	return rules, notes
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
	var all []classed[poll]
	objects := 0
	for _, i := range in.Items {
		o := classed[poll]{ref: i.Object.Ref}
		n := perPoll(i)
		if n > 0 && in.Limits.Counts(i.Asker(), s) {
			o.class = poll(n)
			objects++
		}
		all = append(all, o)
	}
	if objects == 0 {
		return nil
	}
	byPoll := choose(in, all)
	var costs []poll
	for c := range byPoll {
		costs = append(costs, c)
	}
	slices.Sort(costs)
	var terms, asks []string
	for _, c := range costs {
		terms = append(terms, each(byPoll[c], func(s Selector) string {
			return fmt.Sprintf("rate(%s%s[%s]) * %g", reconcilesTotal, s, duration(observed), c)
		}))
		asks = append(asks, fmt.Sprintf("%g", c))
	}
	expr := fmt.Sprintf("3600 * sum(\n%s\n)", strings.Join(terms, "\nor "))
	made := fmt.Sprintf("Counted: the reconciles of %s in the last hour, times the requests of a poll that finds nothing new (%s). "+
		"What is new costs more (two with Git, four of a registry), an attempt that asked nobody counts all the same, and what others ask is not seen.",
		plural(objects, "object"), strings.Join(asks, ", "))
	return in.aboveShare(s, limit, expr, made)
}

// room is what an alarm leaves above a share that intervals are fitted to, in percent of it: a fit uses all of a share.
const room = 5

// aboveShare records what counts to a share, and alerts where that is more, or more than the limit. Each changed interval and each start of a
// controller reconciles once more, which is counted for as long as is looked back: an alarm waits for longer than that.
func (in Input) aboveShare(s policy.Share, limit budget.Limit, expr, made string) []Rule {
	most := limit.PerHour * s.Percent / 100
	than := fmt.Sprintf("%g%% of its limit of %s", s.Percent, plain(readable(limit.PerHour)))
	switch above := most * (1 + room/100.0); {
	case !slices.Contains(in.Shares, s):
	case above > limit.PerHour:
		most, than = limit.PerHour, "its limit of "+plain(readable(limit.PerHour))
	default:
		most, than = above, fmt.Sprintf("%d%% above its share, which is %s", room, than)
	}
	most = readable(most)
	record, name, whose := hostRequests, HostAboveShare, s.Host
	labels := map[string]string{"host": s.Host}
	if s.Credential != "" {
		record, name, whose = credentialRequests, CredentialAbove, s.Credential+" at "+s.Host
		labels["credential"] = s.Credential
	}
	own := maps.Clone(labels) // what the alarm has of its record, so that two hosts' alarms are two rules
	chosen := maps.Clone(labels)
	chosen[namespaceLabel] = in.Namespace // "" chooses the record of a whole cluster
	part := "Only this cluster is counted: what other clusters ask comes on top."
	if in.Namespace != "" {
		labels[namespaceLabel] = in.Namespace
		part = fmt.Sprintf("Only namespace %s is counted: what other namespaces and other clusters ask comes on top.", in.Namespace)
	}
	a := alert(name, fmt.Sprintf("%s{%s} > %s", record, labelText(chosen), plain(most)), observed+10*evaluation,
		fmt.Sprintf("Flux asks %s more than %s requests an hour", whose, plain(most)),
		fmt.Sprintf(`%s gets {{ printf "%%.0f" $value }} requests an hour from Flux, more than %s. %s %s`, whose, than, part, made),
		fmt.Sprintf("%s names who asks most: give that longer intervals, or a webhook. The share is of all clusters that ask with one credential: "+
			"plan --fit of this cluster alone would give it the whole, so fit all of them together (plan --all-contexts)%s",
			in.command("budget", in.scope()+in.Under, "--rows"), in.withPolicy()))
	maps.Copy(a.Labels, own)
	return []Rule{{Record: record, Expr: expr, Labels: labels}, a}
}

// readable rounds a number of requests: to whole ones, or to two digits where it is small.
func readable(requests float64) float64 {
	if requests >= 100 {
		return math.Round(requests)
	}
	if digits := math.Pow(10, 1-math.Floor(math.Log10(requests))); requests > 0 && !math.IsInf(digits, 0) {
		return math.Round(requests*digits) / digits
	}
	return requests
}

// plain writes a number as people do, without an exponent.
func plain(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// labelText writes labels as matchers, sorted.
func labelText(labels map[string]string) string {
	var list []string
	for name, value := range labels {
		list = append(list, fmt.Sprintf("%s=%q", name, value))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}
