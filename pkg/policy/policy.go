package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Policy is a checked policy as plain values. Its environments are in the order of the document.
type Policy struct {
	Name        string
	Description string
	Note        string // printed with a plan; "" = none
	// LabelKeys say an object's or a namespace's environment; the first that is present counts.
	LabelKeys    []string
	Environments []Environment
	// Clusters and Namespaces give environments by name; what says most comes first.
	Clusters, Namespaces []Pattern
	// Limits of hosts, sorted by host; those that the document has.
	Limits []Limit
	// Fit are the shares of limits that intervals are fitted to, sorted; none where nothing is fitted.
	Fit []Share
	// ShortenTimeouts says that timeouts may be made shorter than they are.
	ShortenTimeouts bool
	// Overrides are the values that Set replaced, in the order in which that was done.
	Overrides []string

	// cluster is what Clusters say about the cluster at hand, and folder what the name of its folder says: see
	// In and InCheckout.
	cluster, folder Assignment
	// names are those of the cluster at hand.
	names []Named
}

// Environment is one environment with everything that the policy says about it.
type Environment struct {
	Name    string
	Aliases []string
	// Recommended is the range in which intervals should lie.
	Recommended Range
	// Kinds holds the settings by kind; those for every environment are merged in.
	Kinds map[string]Settings
}

// Settings are the bounds of the durations of one kind, as ParseBound reads and Bound.String writes them;
// "" = not set.
type Settings struct {
	Interval, Timeout, RetryInterval string
}

// Range is a range of durations with both ends; an end that is 0 is open.
type Range struct {
	Min, Max time.Duration
}

// Contains tells whether a duration lies in the range.
func (r Range) Contains(d time.Duration) bool {
	return d >= r.Min && (r.Max == 0 || d <= r.Max)
}

// String writes the range for people: "30s-1m", "at least 30s", "at most 1m"; "" where both ends are
// open.
func (r Range) String() string {
	switch {
	case r == Range{}:
		return ""
	case r.Max == 0:
		return "at least " + flux.FormatDuration(r.Min)
	case r.Min == 0:
		return "at most " + flux.FormatDuration(r.Max)
	default:
		return flux.FormatDuration(r.Min) + "-" + flux.FormatDuration(r.Max)
	}
}

// Title names the policy as plans show it and records keep it: its name, and every value that was
// replaced, as in "per-environment with development.GitRepository.interval=30s".
func (p Policy) Title() string {
	if len(p.Overrides) == 0 {
		return p.Name
	}
	return p.Name + " with " + strings.Join(p.Overrides, ", ")
}

// Lookup finds an environment by its name or an alias, as a label has it: case and surrounding space do
// not count.
func (p Policy) Lookup(label string) (Environment, bool) {
	if i := p.index(label); i >= 0 {
		return p.Environments[i], true
	}
	return Environment{}, false
}

// index is the place of an environment in the policy, -1 where the policy does not know it.
func (p Policy) index(label string) int {
	label = strings.TrimSpace(label)
	same := func(name string) bool { return strings.EqualFold(name, label) }
	return slices.IndexFunc(p.Environments, func(e Environment) bool {
		return same(e.Name) || slices.ContainsFunc(e.Aliases, same)
	})
}

// EnvironmentNames returns the names of the environments, in the order of the policy.
func (p Policy) EnvironmentNames() []string {
	names := make([]string, 0, len(p.Environments))
	for _, e := range p.Environments {
		names = append(names, e.Name)
	}
	return names
}

// Value returns what the policy says about a setting of a kind; the zero Bound where it says nothing.
func (e Environment) Value(kind string, s flux.Setting) Bound {
	text := e.Kinds[kind].value(s)
	if text == "" {
		return Bound{}
	}
	// Parse and Set have seen to it that there is no error, nor an h where the kind takes none.
	b, _ := ParseBound(text, false)
	return b
}

// Rules tells whether the policy says anything about a kind.
func (e Environment) Rules(kind string) bool { return e.Kinds[kind] != Settings{} }

func (s Settings) value(name flux.Setting) string {
	switch name {
	case flux.IntervalSetting:
		return s.Interval
	case flux.TimeoutSetting:
		return s.Timeout
	case flux.RetryIntervalSetting:
		return s.RetryInterval
	default:
		return ""
	}
}

// with returns the settings with one of them replaced.
func (s Settings) with(name flux.Setting, value string) Settings {
	switch name {
	case flux.IntervalSetting:
		s.Interval = value
	case flux.TimeoutSetting:
		s.Timeout = value
	case flux.RetryIntervalSetting:
		s.RetryInterval = value
	}
	return s
}

// Warnings names every interval that the policy sets outside its environment's recommended range, with
// the environment, kind, value and range, in the order of environments and kinds: those that are shorter in one
// line, and so those that are longer. A bound sets only its ends. What else lies inside is left as it is, so that "at least 5m" is as recommended
// where 3m to 5m is: that an object has 10m is its owner's choice. Of kinds in environments that are not looked at nothing is said, and
// not that intervals are longer where nothing waits for them: webhooks tell of all that is new.
func (p Policy) Warnings(looksAt, waits func(environment, kind string) bool) []string {
	type odd struct{ alone, named string }
	odds := make(map[string][]odd)
	for _, e := range p.Environments {
		for _, kind := range flux.KindNames() {
			if !looksAt(e.Name, kind) {
				continue
			}
			b := e.Value(kind, flux.IntervalSetting)
			than := e.Recommended.compare(b, waits(e.Name, kind))
			if than != "" {
				odds[than] = append(odds[than], odd{
					alone: fmt.Sprintf("environment %q: %s interval %s is %s than recommended (%s)", e.Name, kind, b, than, e.Recommended),
					named: fmt.Sprintf("%s %s in %s (%s)", kind, b, e.Name, e.Recommended),
				})
			}
		}
	}
	var warnings []string
	for _, than := range slices.Sorted(maps.Keys(odds)) {
		list := odds[than]
		if len(list) == 1 {
			warnings = append(warnings, list[0].alone)
			continue
		}
		var named []string
		for _, o := range list {
			named = append(named, o.named)
		}
		warnings = append(warnings, fmt.Sprintf("intervals %s than recommended: %s", than, strings.Join(named, ", ")))
	}
	return warnings
}

// compare says on which side of the range the ends of a bound lie: "shorter", "longer", "shorter and
// longer"; "" where they lie in it. What does not wait may be longer.
func (r Range) compare(b Bound, waits bool) string {
	var sides []string
	if b.Min > 0 && b.Min < r.Min || b.Max > 0 && b.Max < r.Min {
		sides = append(sides, "shorter")
	}
	if waits && r.Max > 0 && max(b.Min, b.Max) > r.Max {
		sides = append(sides, "longer")
	}
	return strings.Join(sides, " and ")
}
