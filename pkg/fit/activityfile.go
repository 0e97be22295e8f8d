package fit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Rule says of some sources how often they change.
type Rule struct {
	// Kind, Namespace and Name of the sources, and the cluster that they are in: by any of its names, as the
	// patterns of a policy have it. All but the kind may have * for any text and ? for one character. "" is any.
	Cluster, Kind, Namespace, Name string
	// PerHour is how many commits are expected.
	PerHour float64
	// At is where the rule stands: "activity.yaml:3".
	At string
}

// String writes what a rule is about, as in the file: {kind: GitRepository, name: web}.
func (r Rule) String() string {
	var fields []string
	for _, f := range [][2]string{{"cluster", r.Cluster}, {"kind", r.Kind}, {"namespace", r.Namespace}, {"name", r.Name}} {
		if f[1] != "" {
			fields = append(fields, f[0]+": "+f[1])
		}
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// mostPerHour is the most that a rule may say: a commit each second, which no source has.
const mostPerHour = 3600

// ParseRules reads a file of rules, YAML or JSON: a list of {cluster, kind, namespace, name, perHour}. Everything but
// perHour may be left out. The first rule that matches a source counts. The error names file, line and what is accepted.
func ParseRules(file string, data []byte) ([]Rule, error) {
	nodes, err := ruleNodes(file, data)
	if err != nil {
		return nil, err
	}
	rules := make([]Rule, 0, len(nodes))
	for _, n := range nodes {
		r, err := parseRule(&n)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n.Line, err)
		}
		r.At = fmt.Sprintf("%s:%d", file, n.Line)
		rules = append(rules, r)
	}
	return rules, nil
}

// ruleNodes are the nodes of the one list that a file is.
func ruleNodes(file string, data []byte) ([]yaml.Node, error) {
	var nodes []yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for read := false; ; {
		var document yaml.Node
		err := decoder.Decode(&document)
		switch empty := len(document.Content) == 0 || document.Content[0].ShortTag() == "!!null"; {
		case errors.Is(err, io.EOF) && read:
			return nodes, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s: it is empty: write a list of {kind, namespace, name, perHour}", file)
		case err == nil && empty:
			continue
		case err == nil && read:
			return nil, fmt.Errorf("%s:%d: a second document starts here: write all rules in one list", file, document.Content[0].Line)
		case err == nil:
			err = document.Decode(&nodes)
		}
		if read = true; err != nil {
			return nil, fmt.Errorf("%s: it is no list of {kind, namespace, name, perHour}: %w", file, err)
		}
	}
}

func parseRule(n *yaml.Node) (r Rule, err error) {
	fields, err := fieldsOf(n)
	if err != nil {
		return r, err
	}
	for _, text := range []struct {
		name string
		to   *string
	}{{"cluster", &r.Cluster}, {"kind", &r.Kind}, {"namespace", &r.Namespace}, {"name", &r.Name}} {
		value, given := fields[text.name]
		if delete(fields, text.name); !given {
			continue
		}
		if value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" {
			return r, fmt.Errorf("%s must be a text (put it in quotes)", text.name)
		}
		*text.to = value.Value
		if _, err := path.Match(value.Value, ""); err != nil || strings.ContainsAny(value.Value, `[]\`) {
			return r, fmt.Errorf("%s %q is not a pattern: use * for any text and ? for one character", text.name, value.Value)
		}
	}
	if r.Kind != "" {
		kind, err := flux.ParseKind(r.Kind)
		if err != nil {
			return r, err
		}
		r.Kind = kind.Name
	}
	perHour, given := fields["perHour"]
	if delete(fields, "perHour"); !given {
		return r, errors.New("perHour is missing: say how many commits an hour there are, like 0.5")
	}
	if perHour.Kind == yaml.AliasNode {
		perHour = *perHour.Alias
	}
	if perHour.ShortTag() == "!!null" { // which decodes as 0: that nobody waits is for people to say
		return r, errors.New("perHour has no value: say how many commits an hour there are, like 0.5, or 0 where nobody waits")
	}
	if err := perHour.Decode(&r.PerHour); err != nil || !(r.PerHour >= 0) || math.IsInf(r.PerHour, 1) {
		return r, fmt.Errorf("perHour %q is not a number of commits an hour: write one like 0.5, or 0", perHour.Value)
	}
	if r.PerHour > mostPerHour {
		return r, fmt.Errorf("perHour %q is more than %d, a commit each second: write how many commits an hour there are, like 0.5", perHour.Value, mostPerHour)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		return r, fmt.Errorf("unknown field %q: a rule takes cluster, kind, namespace, name, perHour", name)
	}
	return r, nil
}

// fieldsOf are the fields of a rule, each of which may be there once.
func fieldsOf(n *yaml.Node) (map[string]yaml.Node, error) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("a rule is a mapping: write {kind: GitRepository, namespace: apps, name: web, perHour: 2}")
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if seen[key] {
			return nil, fmt.Errorf("%s is there twice: leave one of them", key)
		}
		seen[key] = true
	}
	var fields map[string]yaml.Node // not by hand: a rule may be merged from others
	if err := n.Decode(&fields); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	return fields, nil
}

// Unmatched says of rules where they stand, and why they are about nothing: mistaken are those of clusters that are not there, and
// those behind one that takes all; unmatched are about no source that was read, whatever other rules come before them, which is
// wrong only where all was. Missing are the clusters that could not be read.
func Unmatched(rules []Rule, clusters []Cluster, missing []string) (mistaken, unmatched []string) {
	for n, r := range rules {
		line := fmt.Sprintf("%s: the rule %s", r.At, r)
		if !slices.ContainsFunc(clusters, func(c Cluster) bool { return r.isAbout(c.Names) }) {
			mistaken = append(mistaken, line+r.ofNoCluster(clusters, missing))
			continue
		}
		if first := slices.IndexFunc(rules[:n], func(before Rule) bool { return before.covers(r) }); first >= 0 {
			mistaken = append(mistaken, fmt.Sprintf("%s never counts: that of %s comes first, and is about all that it is about", line, rules[first].At))
			continue
		}
		if !slices.ContainsFunc(clusters, func(c Cluster) bool {
			return slices.ContainsFunc(c.Objects, func(o *flux.Object) bool { return o.KindRow().Source && r.matches(c.Names, o.Ref) })
		}) {
			unmatched = append(unmatched, line+" is about no source that was read")
		}
	}
	return mistaken, unmatched
}

// covers tells whether a rule matches whatever another does, as far as their texts tell. A ? may be a * of the other.
func (r Rule) covers(other Rule) bool {
	covers := func(a, b string, match func(pattern, s string) bool) bool {
		return a == b || a == "" || !strings.Contains(a, "?") && match(a, b)
	}
	cluster := func(a, b string) bool { return b != "" && policy.Pattern{Text: a}.Matches(b) }
	return (r.Kind == "" || r.Kind == other.Kind) && covers(r.Cluster, other.Cluster, cluster) &&
		covers(r.Namespace, other.Namespace, matchesText) && covers(r.Name, other.Name, matchesText)
}

func matchesText(pattern, s string) bool {
	ok, _ := path.Match(pattern, s)
	return ok
}

// called lists the first clusters by the name that shows each.
func called(clusters []Cluster) string {
	var names []string
	for _, c := range clusters {
		if len(c.Names) > 0 {
			names = append(names, c.Names[0])
		}
	}
	if len(names) == 0 {
		return "none with a name"
	}
	return firstOf(names)
}

// firstOf lists the first names, and how many more there are.
func firstOf(names []string) string {
	const most = 8
	if n := len(names); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}

// ofNoCluster says why a rule is about none of the clusters that were read.
func (r Rule) ofNoCluster(clusters []Cluster, missing []string) string {
	if r.isAbout(missing) {
		unread := slices.DeleteFunc(slices.Clone(missing), func(name string) bool { return !r.isAbout([]string{name}) })
		return " is about a cluster that could not be read: " + firstOf(unread)
	}
	text := fmt.Sprintf(" is about no source that was read: no cluster is called %s, there are %s", r.Cluster, called(clusters))
	if len(missing) > 0 {
		text += fmt.Sprintf("; %s could not be read", firstOf(missing))
	}
	return text
}

// isAbout tells whether a rule is about a cluster with some names.
func (r Rule) isAbout(cluster []string) bool {
	return r.Cluster == "" || slices.ContainsFunc(cluster, policy.Pattern{Text: r.Cluster}.Matches)
}

// matches tells whether a rule is about an object of a cluster with some names.
func (r Rule) matches(cluster []string, o flux.Ref) bool {
	if !r.isAbout(cluster) {
		return false
	}
	match := func(pattern, s string) bool { return pattern == "" || matchesText(pattern, s) }
	return (r.Kind == "" || r.Kind == o.Kind) && match(r.Namespace, o.Namespace) && match(r.Name, o.Name)
}
