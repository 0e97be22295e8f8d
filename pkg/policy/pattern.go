package policy

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Pattern gives an environment to what bears a name that it matches.
type Pattern struct {
	// Text with * for any text and ? for one character; upper and lower case are the same.
	Text string
	// Environment is the policy's name for it.
	Environment string
}

// Matches tells whether a whole name fits the pattern.
func (p Pattern) Matches(name string) bool {
	return fits(strings.ToLower(p.Text), strings.ToLower(name))
}

// fits is the usual match with one step back to the last *, in time of at most the product of both lengths.
func fits(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// literals is how many characters of the pattern stand for themselves: the more, the more it says.
func (p Pattern) literals() int {
	return len([]rune(strings.NewReplacer("*", "", "?", "").Replace(p.Text)))
}

// Named is something that patterns are compared with.
type Named struct {
	// What it is, for people: context, cluster, folder, namespace.
	What string
	Name string
}

// String implements fmt.Stringer.
func (n Named) String() string { return fmt.Sprintf("%s %q", n.What, n.Name) }

// find assigns the environment of the pattern that says most about one of the names. Patterns are in the
// order in which they count. Where others of another environment say as much, a warning names them.
func find(patterns []Pattern, names []Named, source Source) Assignment {
	var a Assignment
	var taken Pattern
	for _, p := range patterns {
		if a.Environment != "" && (p.literals() < taken.literals() || p.Environment == taken.Environment) {
			continue
		}
		i := slices.IndexFunc(names, func(n Named) bool { return p.Matches(n.Name) })
		if i < 0 {
			continue
		}
		if a.Environment != "" {
			a.Warnings = append(a.Warnings, fmt.Sprintf("%s, and matches %q of %s as well: %s is taken", a.Via, p.Text, p.Environment, taken.Environment))
			continue
		}
		taken = p
		a = Assignment{Environment: p.Environment, Known: true, Source: source, Pattern: p, Via: fmt.Sprintf("%s matches %q", names[i], p.Text)}
	}
	return a
}

// In returns the policy for the objects of one cluster, which has these names: the kubeconfig's context and
// its cluster. What spec.clusters says of them is the environment of objects that have no other.
func (p Policy) In(names ...Named) Policy {
	p.cluster, p.names = find(p.Clusters, names, SourceCluster), names
	return p
}

// Names are what the cluster that the policy is for is called, by In or InCheckout; whatever patterns are about clusters are
// compared with these. The first is the one to show.
func (p Policy) Names() []string {
	var names []string
	for _, n := range p.names {
		names = append(names, n.Name)
	}
	return names
}

// OfCluster is what spec.clusters says of the cluster that the policy is for; the zero value where it says nothing.
func (p Policy) OfCluster() Assignment { return p.cluster }

// InCheckout is In for the cluster whose Flux reads a folder of a checkout first. Its names are the path of
// that folder and each folder on the way, the last one first. Where no pattern matches, the last folder tells it whose name
// begins or ends with a word for an environment, or is one: see Word. One whose word is in doubt (non-prod) keeps those
// above it from telling.
func (p Policy) InCheckout(root string) Policy {
	folders := strings.Split(root, "/")
	slices.Reverse(folders)
	names := []Named{{"folder", cmp.Or(root, ".")}}
	for _, folder := range folders {
		if folder != root {
			names = append(names, Named{"folder", folder})
		}
	}
	p = p.In(names...)
	for _, folder := range folders {
		word := p.Word(folder)
		if word.Doubt {
			return p
		}
		if word.First || word.Last {
			p.folder = Assignment{Environment: word.Environment, Known: true, Source: SourceCluster, Via: Named{"folder", folder}.String()}
			return p
		}
	}
	return p
}

// WithAlias returns a copy of the policy in which another word means an environment, as uat=staging says.
// The error says what is accepted.
func (p Policy) WithAlias(expr string) (Policy, error) {
	alias, name, found := strings.Cut(expr, "=")
	if !found {
		return p, fmt.Errorf("%q: write it like uat=staging", expr)
	}
	if !labelValueRule.pattern.MatchString(alias) {
		return p, fmt.Errorf("%q: %q is not %s", expr, alias, labelValueRule.says)
	}
	i := p.index(name)
	if i < 0 {
		return p, fmt.Errorf("%q: unknown environment %q: policy %q has %s", expr, name, p.Name, strings.Join(p.EnvironmentNames(), ", "))
	}
	if taken := p.index(alias); taken >= 0 && taken != i {
		return p, fmt.Errorf("%q: in policy %q %q means %s already", expr, p.Name, alias, p.Environments[taken].Name)
	}
	p.Environments = slices.Clone(p.Environments)
	p.Environments[i].Aliases = append(slices.Clip(p.Environments[i].Aliases), alias)
	return p, nil
}

// The forms of patterns; a value must match the whole of its form.
const (
	// NamespacePatternPattern is that of a pattern for names of namespaces (RFC 1123 labels).
	NamespacePatternPattern = `^[-a-z0-9*?]{1,63}$`
	// ClusterPatternPattern is that of a pattern for contexts, clusters and folders, whose names can be anything
	// that does not begin or end with a space.
	ClusterPatternPattern = `^[^ \t]([^\t\r\n]*[^ \t\r\n])?$`
)

var (
	namespacePatternRule = rule{regexp.MustCompile(NamespacePatternPattern), "a pattern for namespaces: use lower case letters, digits, '-', * for any text and ? for one character"}
	clusterPatternRule   = rule{regexp.MustCompile(ClusterPatternPattern), "a pattern for names of contexts, clusters or folders: write it like prod-* (* is any text, ? one character)"}
)

// patterns are those of a checked document, in the order in which they count: what says most first, then as
// the policy orders environments.
func (p Policy) patterns(by Patterns) []Pattern {
	var patterns []Pattern
	for name, texts := range by {
		e, ok := p.Lookup(name)
		if !ok {
			continue // the validator has refused it
		}
		for _, text := range texts {
			patterns = append(patterns, Pattern{Text: text, Environment: e.Name})
		}
	}
	return p.sorted(patterns)
}

func (p Policy) sorted(patterns []Pattern) []Pattern {
	sorting.By(patterns, func(a, b Pattern) int {
		return cmp.Or(
			cmp.Compare(b.literals(), a.literals()),
			cmp.Compare(p.index(a.Environment), p.index(b.Environment)),
			strings.Compare(a.Text, b.Text),
		)
	})
	return patterns
}

// WithPatterns returns a copy of the policy that has these patterns as well. Their environments are names of the
// policy's.
func (p Policy) WithPatterns(clusters, namespaces []Pattern) Policy {
	p.Clusters = p.sorted(slices.Concat(p.Clusters, clusters))
	p.Namespaces = p.sorted(slices.Concat(p.Namespaces, namespaces))
	return p
}

// checkPatterns checks spec.clusters or spec.namespaces: that the policy has the environments, and that no
// pattern is of two of them. Known is the policy as far as its environments are read.
func (v *validator) checkPatterns(path string, by Patterns, r rule, known Policy) {
	type place struct{ path, environment string }
	taken := map[string]place{}
	for _, name := range v.inOrder(path, by) {
		at := join(path, name)
		if v.isFaulty(at) {
			continue
		}
		e, ok := known.Lookup(name)
		if !ok {
			v.at(at, "unknown environment %q: spec.environments has %s", name, cmp.Or(strings.Join(known.EnvironmentNames(), ", "), "none"))
			continue
		}
		if len(by[name]) == 0 {
			v.at(at, "there are none: name at least one pattern, or take the field out")
		}
		for i, text := range by[name] {
			one := fmt.Sprintf("%s[%d]", at, i)
			if v.isFaulty(one) || !v.checkText(one, text, r) {
				continue
			}
			key := strings.ToLower(text)
			first, twice := taken[key]
			switch {
			case !twice:
				taken[key] = place{one, e.Name}
			case first.environment == e.Name:
				v.at(one, "%q is there twice: the first is on line %d", text, v.lines[first.path])
			default:
				v.at(one, "%q belongs to %s already (%s, line %d): a pattern is of one environment", text, first.environment, first.path, v.lines[first.path])
			}
		}
	}
}

// inOrder are the keys of a mapping in the order of the document.
func (v *validator) inOrder(path string, by Patterns) []string {
	keys := make([]string, 0, len(by))
	for key := range by {
		keys = append(keys, key)
	}
	sorting.By(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(v.lines[join(path, a)], v.lines[join(path, b)]), strings.Compare(a, b))
	})
	return keys
}
