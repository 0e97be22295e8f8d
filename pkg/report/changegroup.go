package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// The ways in which a change moves how often Flux looks at an object.
const (
	Faster   = "faster"
	Slower   = "slower"
	BothWays = "faster and slower" // of groups that are taken together
	SamePace = ""
)

// ChangeGroup are objects of an environment and a kind that change alike.
type ChangeGroup struct {
	Environment string
	// Kind is "" where kinds are taken together.
	Kind    string
	Objects int
	// Pace is faster, slower, both, or "" where the interval stays.
	Pace string
	// Interval as "5m -> 1m", or "2m to 10m -> 1m to 3m" where several are taken together.
	Interval string
	// Also says what changes beside the interval: "timeout set to 4m30s".
	Also []string

	// others is how many environments are taken together; 0 where it is one.
	others     int
	fields     []string // Also without values
	valued     bool     // Also has, or had, values
	names      []string
	clusters   []string        // of each object
	froms, tos []time.Duration // of those whose interval changes
}

// detail is how exactly changes must agree to be of one group.
type detail int

const (
	exact  detail = iota
	ranges        // of what the interval was; other fields by name only
)

// GroupChanges sums up the items that change: by environment in the order given, the largest groups of each first. Most
// is how many groups there may be (0: any number): first intervals are taken together in ranges, then the smallest
// groups of an environment, whatever their kinds: what the intervals are and will be is said of each row. Where each
// environment has one, and these are still too many, the last environments are taken together.
func GroupChanges(items []tune.Item, environments []string, most int) []ChangeGroup {
	return newGrouping(items, environments).until(func(groups []ChangeGroup) bool { return most == 0 || len(groups) <= most })
}

// grouping are the items that change in groups: those that agree exactly, and fewer where intervals are taken together in ranges.
type grouping struct{ exact, ranges []ChangeGroup }

func newGrouping(items []tune.Item, environments []string) grouping {
	return grouping{gather(items, environments, exact), gather(items, environments, ranges)}
}

// byEnvironment sorts groups by environment in the order given, the largest of each first.
func byEnvironment(groups []ChangeGroup, environments []string) {
	sorting.By(groups, func(a, b ChangeGroup) int {
		return cmp.Or(cmp.Compare(tune.Rank(environments, a.Environment), tune.Rank(environments, b.Environment)),
			cmp.Compare(a.Environment, b.Environment), -cmp.Compare(a.Objects, b.Objects))
	})
}

// until takes groups together until they fit, one at least.
func (g grouping) until(fit func([]ChangeGroup) bool) []ChangeGroup {
	if fit(g.exact) {
		return g.exact
	}
	groups := slices.Clone(g.ranges)
	for len(groups) > 1 && !fit(groups) {
		if at := smallest(groups); at >= 0 {
			groups = fold(groups, at)
		} else {
			groups = foldLast(groups)
		}
	}
	return groups
}

// gather puts items that change alike into groups, sorted by environment.
func gather(items []tune.Item, environments []string, d detail) []ChangeGroup {
	at := make(map[string]int)
	var groups []ChangeGroup
	for i := range items {
		if items[i].Action != tune.ActionChange {
			continue
		}
		g := newGroup(&items[i], d)
		key := strings.Join([]string{g.Environment, g.Kind, g.Pace, g.to(), strings.Join(g.Also, ",")}, "\x00")
		if d == exact {
			key += "\x00" + g.Interval
		}
		i, known := at[key]
		if !known {
			at[key] = len(groups)
			groups = append(groups, g)
			continue
		}
		groups[i].Objects++
		groups[i].names = append(groups[i].names, g.names...)
		groups[i].clusters = append(groups[i].clusters, g.clusters...)
		groups[i].froms = append(groups[i].froms, g.froms...)
		groups[i].tos = append(groups[i].tos, g.tos...)
	}
	for i := range groups {
		groups[i].Interval = groups[i].rangeText()
	}
	byEnvironment(groups, environments)
	return groups
}

// newGroup is the group of one item.
func newGroup(item *tune.Item, d detail) ChangeGroup {
	o := &item.Object
	g := ChangeGroup{Environment: item.Assignment.Environment, Kind: o.Kind, Objects: 1, Pace: paceOf(item), clusters: []string{o.Cluster}, names: []string{flux.InCluster(o.Cluster, o.Namespace+"/"+o.Name)}}
	if item.Repins() {
		g.Also = []string{"rule set again"}
	}
	g.Also = append(g.Also, optional(item.KeptMessage())...)
	g.fields = slices.Clone(g.Also)
	for _, c := range item.Changes {
		if c.Field == flux.Interval {
			g.Interval = tune.Show(c.From) + " -> " + tune.Show(c.To)
			g.froms = []time.Duration{o.Effective(flux.Interval)}
			g.tos = []time.Duration{o.EffectiveWith(flux.Interval, c.To, c.To)}
			continue
		}
		name := shortName(c.Field)
		g.fields, g.valued = append(g.fields, name), true
		if c.From == nil {
			g.Also = append(g.Also, name+" set to "+tune.Show(c.To))
		} else {
			g.Also = append(g.Also, name+" "+tune.Show(c.From)+" -> "+tune.Show(c.To))
		}
	}
	if d == ranges {
		g.Also = g.fields
	}
	return g
}

// shortName names a field for people: timeout, retry interval, chart interval.
func shortName(f flux.Field) string {
	switch f {
	case flux.RetryInterval:
		return "retry"
	case flux.ChartInterval:
		return "chart"
	default:
		return strings.TrimPrefix(string(f), "spec.")
	}
}

// paceOf compares how often Flux looks now and when the item is carried out; of a HelmRelease whose interval stays, how
// often its chart is looked for.
func paceOf(item *tune.Item) string {
	for _, f := range []flux.Field{flux.Interval, flux.ChartInterval} {
		for _, c := range item.Changes {
			if c.Field != f {
				continue
			}
			now, planned := item.Object.Effective(f), item.Object.EffectiveWith(f, c.To, item.Planned(flux.Interval))
			if now == 0 { // a file's, that Flux refuses
				return SamePace
			}
			if planned < now {
				return Faster
			}
			if planned > now {
				return Slower
			}
		}
	}
	return SamePace
}

func (g ChangeGroup) rangeText() string {
	if len(g.froms) == 0 {
		return g.Interval
	}
	from, fromOne := span(g.froms)
	to, toOne := span(g.tos)
	if fromOne && toOne && len(g.froms) == g.Objects {
		return g.Interval // as it is written
	}
	return from + " -> " + to
}

// span writes durations from the shortest to the longest, and tells whether they are one.
func span(list []time.Duration) (text string, one bool) {
	low, high := slices.Min(list), slices.Max(list)
	if low == high {
		return flux.FormatDuration(low), true
	}
	return flux.FormatDuration(low) + " to " + flux.FormatDuration(high), false
}

// to is what the interval of a group's first object will be; "" where it stays.
func (g ChangeGroup) to() string {
	if len(g.tos) == 0 {
		return ""
	}
	return flux.FormatDuration(g.tos[0])
}

// smallest is the smallest group of an environment that has others; -1 where each has one.
func smallest(groups []ChangeGroup) int {
	count := make(map[string]int)
	for _, g := range groups {
		count[g.Environment]++
	}
	at := -1
	for i, g := range groups {
		if count[g.Environment] > 1 && (at < 0 || g.Objects <= groups[at].Objects) {
			at = i
		}
	}
	return at
}

// fold takes a group together with what was taken together of its environment before, or with its next larger one.
func fold(groups []ChangeGroup, at int) []ChangeGroup {
	g := groups[at]
	groups = slices.Delete(groups, at, at+1)
	into := -1
	for i := range groups {
		if groups[i].Environment == g.Environment {
			into = i // the last one: the smallest, or what was taken together
		}
	}
	groups[into].take(g)
	return groups
}

// foldLast takes the last two groups together, which are of different environments.
func foldLast(groups []ChangeGroup) []ChangeGroup {
	last, rest := groups[len(groups)-1], &groups[len(groups)-2]
	rest.take(last)
	rest.Environment, rest.others = "", max(1, rest.others)+max(1, last.others)
	return groups[:len(groups)-1]
}

// take takes another group together with this one.
func (other *ChangeGroup) take(g ChangeGroup) {
	if other.Kind != g.Kind {
		other.Kind = ""
	}
	other.Pace = together(other.Pace, g.Pace)
	other.Objects += g.Objects
	other.names, other.clusters = slices.Concat(other.names, g.names), slices.Concat(other.clusters, g.clusters)
	other.froms, other.tos = slices.Concat(other.froms, g.froms), slices.Concat(other.tos, g.tos)
	other.Interval = other.rangeText()
	other.valued = other.valued || g.valued
	other.Also, other.fields = union(other.Also, g.Also), union(other.fields, g.fields)
}

// union are the texts of both, each once.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, text := range b {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// together is the pace of two groups.
func together(a, b string) string {
	switch {
	case a == b || b == SamePace:
		return a
	case a == SamePace:
		return b
	default:
		return BothWays
	}
}
