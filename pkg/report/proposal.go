package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Proposal is what would give environments to the objects of a snapshot that have none which the policy knows.
type Proposal struct {
	// Aliases are words that labels bear and the policy does not know, with the environment that such words
	// usually mean: a guess, for people to judge.
	Aliases []ProposedAlias `json:"aliases,omitempty"`
	// Namespaces and Clusters are patterns for spec.namespaces and spec.clusters of a policy.
	Namespaces []ProposedPattern `json:"namespaces,omitempty"`
	Clusters   []ProposedPattern `json:"clusters,omitempty"`
	// Without is how many objects would still have no environment.
	Without int `json:"without"`
	// Unread is how many objects more have none as far as could be read: labels of namespaces may not be. UsersUnread is how
	// many more are sources of which not all users could be read. Nothing is proposed for these.
	Unread      int `json:"unread,omitempty"`
	UsersUnread int `json:"usersUnread,omitempty"`

	before policy.Policy
	// everywhere says that labels of other namespaces are missing than those of the objects.
	everywhere bool
	// left are the objects that would still have none.
	left map[flux.Ref]bool
}

// ProposedAlias is a word that some objects' environment is called, and which one may be meant.
type ProposedAlias struct {
	Alias       string `json:"alias"`
	Environment string `json:"environment"`
	Objects     int    `json:"objects"`
}

// ProposedPattern is a pattern of names, and how many objects it would give an environment.
type ProposedPattern struct {
	Pattern     string `json:"pattern"`
	Environment string `json:"environment"`
	Objects     int    `json:"objects"`
	// Unread is how many more it would give one whose labels, or those of their namespaces, could not be read and may say another.
	Unread int `json:"unread,omitempty"`
}

// NewProposal looks for what the names of namespaces and of the cluster tell about objects without an
// environment: words that the policy knows, at the beginning or the end of a name before all.
func NewProposal(p policy.Policy, s flux.Snapshot, r *policy.Resolver, cluster []policy.Named) Proposal {
	proposal := Proposal{before: p, left: make(map[flux.Ref]bool)}
	unknown := make(map[string]int)
	without := make(map[string]bool)
	for _, o := range s.Objects {
		switch a := r.Resolve(o); {
		case a.LacksLabels():
			proposal.Unread++
			proposal.left[o.Ref] = true
			proposal.everywhere = proposal.everywhere || a.Unread != policy.LabelsUnread
		case a.Unread != "":
			proposal.UsersUnread++
			proposal.left[o.Ref] = true
		case a.Environment == "":
			proposal.Without++
			without[o.Namespace] = true
		case !a.Known:
			unknown[a.Environment]++
		}
	}
	for _, name := range sortedKeys(unknown) {
		proposal.Aliases = append(proposal.Aliases, ProposedAlias{name, usually(p, name), unknown[name]})
	}
	if proposal.Without == 0 {
		return proposal
	}
	var namespaces, clusters []policy.Pattern
	others := slices.Concat(sortedKeys(s.Namespaces), sortedKeys(without))
	for _, name := range sortedKeys(without) {
		pattern, ok := patternOf(p, name)
		if pattern = unlike(p, pattern, name, others); ok && !slices.Contains(namespaces, pattern) {
			namespaces = append(namespaces, pattern)
		}
	}
	for _, name := range cluster {
		if pattern, ok := patternOf(p, name.Name); ok {
			clusters = append(clusters, policy.Pattern{Text: name.Name, Environment: pattern.Environment}) // what others of such a name are, nobody has looked at
			break                                                                                          // the context is asked first: it is the name that people choose
		}
	}
	proposal.count(p.WithPatterns(clusters, namespaces).In(cluster...), s, r)
	return proposal
}

// count resolves all objects again under the policy with the patterns, and keeps those patterns that do
// something.
func (p *Proposal) count(with policy.Policy, s flux.Snapshot, before *policy.Resolver) {
	after := policy.NewResolver(with, s, "")
	namespaces, clusters, unread := make(map[policy.Pattern]int), make(map[policy.Pattern]int), make(map[policy.Pattern]int)
	p.Without = 0
	for _, o := range s.Objects {
		was, a := before.Resolve(o), after.Resolve(o)
		if was.Environment != "" || was.Unread != "" {
			if was.LacksLabels() {
				unread[a.Pattern]++
			}
			continue
		}
		switch a.Source {
		case policy.SourceNone:
			p.Without++
			p.left[o.Ref] = true
		case policy.SourceCluster:
			clusters[a.Pattern]++
		case policy.SourceNamespacePattern:
			namespaces[a.Pattern]++
		default: // by what uses it, or where it applies to, whose namespace has got an environment
		}
	}
	p.Namespaces, p.Clusters = proposed(namespaces, unread), proposed(clusters, unread)
}

// merged is the proposal for what several were made for, under one policy: one policy has to have the lines of all.
func merged(all []Proposal) Proposal {
	var p Proposal
	namespaces, clusters, unread := make(map[policy.Pattern]int), make(map[policy.Pattern]int), make(map[policy.Pattern]int)
	add := func(to map[policy.Pattern]int, patterns []ProposedPattern) {
		for _, one := range patterns {
			pattern := policy.Pattern{Text: one.Pattern, Environment: one.Environment}
			to[pattern] += one.Objects
			unread[pattern] += one.Unread
		}
	}
	for _, one := range all {
		p.before = one.before
		add(namespaces, one.Namespaces)
		add(clusters, one.Clusters)
	}
	p.Namespaces, p.Clusters = proposed(namespaces, unread), proposed(clusters, unread)
	return p
}

// covers tells whether the patterns give an environment to an object without.
func (p Proposal) covers(o flux.Object) bool { return !p.left[o.Ref] }

func proposed(counts, unread map[policy.Pattern]int) []ProposedPattern {
	var list []ProposedPattern
	for pattern, n := range counts {
		list = append(list, ProposedPattern{pattern.Text, pattern.Environment, n, unread[pattern]})
	}
	sorting.By(list, func(a, b ProposedPattern) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Pattern, b.Pattern))
	})
	return list
}

// patternOf is a pattern for names like this one, by a word in it that the policy knows: the last word, or else
// the first one, or else one between, and then the name alone. None where the words leave a doubt.
func patternOf(p policy.Policy, name string) (policy.Pattern, bool) {
	word := p.Word(name)
	text := name
	switch {
	case word.Environment == "":
		return policy.Pattern{}, false
	case word.First && word.Last:
	case word.Last:
		before := strings.TrimSuffix(name, word.Text)
		text = "*" + before[len(before)-1:] + word.Text
	case word.First:
		text = word.Text + strings.TrimPrefix(name, word.Text)[:1] + "*"
	}
	return policy.Pattern{Text: text, Environment: word.Environment}, true
}

// unlike is the pattern of a name, or the name alone where the pattern would match others that do not tell the same environment.
func unlike(p policy.Policy, pattern policy.Pattern, name string, others []string) policy.Pattern {
	if slices.ContainsFunc(others, func(other string) bool {
		return pattern.Matches(other) && p.Word(other).Environment != pattern.Environment
	}) {
		pattern.Text = name
	}
	return pattern
}

// usually is the environment that a word is most often about, by the words for it that the policy has; where
// there is none of those, its first environment.
func usually(p policy.Policy, word string) string {
	if pattern, ok := patternOf(p, word); ok { // prod-eu
		return pattern.Environment
	}
	likely := "staging" // qa, uat, test, integration ...
	for _, start := range []string{"sandbox", "sbx", "lab", "local", "play", "ci", "feature", "pr"} {
		if strings.HasPrefix(strings.ToLower(word), start) {
			likely = "development"
		}
	}
	if e, ok := p.Lookup(likely); ok {
		return e.Name
	}
	return p.EnvironmentNames()[0]
}

// Flags are what to add to a command so that it knows the words.
func (p Proposal) Flags() string {
	var flags strings.Builder
	for _, a := range p.Aliases {
		flags.WriteString(" --env-alias " + terminal.Quoted(a.Alias+"="+a.Environment))
	}
	return flags.String()
}

// Lines are those of a policy, to be put below its line "spec:". What the policy has there already is in them:
// they take the place of its own. None where there is nothing to add.
func (p Proposal) Lines() []string {
	var lines []string
	for _, field := range []struct {
		name string
		had  []policy.Pattern
		more []ProposedPattern
	}{
		{"namespaces", p.before.Namespaces, p.Namespaces},
		{"clusters", p.before.Clusters, p.Clusters},
	} {
		if len(field.more) == 0 {
			continue
		}
		texts, objects, unread := make(map[string][]string), make(map[string]int), make(map[string]int)
		for _, pattern := range field.had {
			texts[pattern.Environment] = append(texts[pattern.Environment], fmt.Sprintf("%q", pattern.Text))
		}
		for _, pattern := range field.more {
			texts[pattern.Environment] = append(texts[pattern.Environment], fmt.Sprintf("%q", pattern.Pattern))
			objects[pattern.Environment] += pattern.Objects
			unread[pattern.Environment] += pattern.Unread
		}
		lines = append(lines, "  "+field.name+":")
		for _, e := range p.before.EnvironmentNames() {
			line := fmt.Sprintf("    %s: [%s]", e, strings.Join(texts[e], ", "))
			switch {
			case len(texts[e]) == 0:
				continue
			case objects[e] > 0:
				line += " # " + objectsOf(objects[e])
			}
			if n := unread[e]; n > 0 {
				line += fmt.Sprintf(", and %d whose labels you may not read: they may say another", n)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// Replaces names the fields of the policy that the lines take the place of.
func (p Proposal) Replaces() []string {
	var fields []string
	if len(p.Namespaces) > 0 && len(p.before.Namespaces) > 0 {
		fields = append(fields, "namespaces")
	}
	if len(p.Clusters) > 0 && len(p.before.Clusters) > 0 {
		fields = append(fields, "clusters")
	}
	return fields
}
