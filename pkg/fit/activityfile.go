package fit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Rule says of some sources how often they change.
type Rule struct {
	// Kind, Namespace and Name of the sources; the last two may have * for any text and ? for one character. "" is any.
	Kind, Namespace, Name string
	PerHour               float64
}

// ParseRules reads a file of rules, YAML or JSON: a list of {kind, namespace, name, perHour}. Everything but perHour may
// be left out. The first rule that matches a source counts. The error names file, line and what is accepted.
func ParseRules(file string, data []byte) ([]Rule, error) {
	var nodes []yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&nodes); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: it is empty: write a list of {kind, namespace, name, perHour}", file)
	case err != nil:
		return nil, fmt.Errorf("%s: it is no list of {kind, namespace, name, perHour}: %w", file, err)
	}
	rules := make([]Rule, 0, len(nodes))
	for _, n := range nodes {
		r, err := parseRule(&n)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n.Line, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parseRule(n *yaml.Node) (r Rule, err error) {
	var fields map[string]yaml.Node
	if err := n.Decode(&fields); err != nil {
		return r, errors.New("a rule is a mapping: write {kind: GitRepository, namespace: apps, name: web, perHour: 2}")
	}
	for _, text := range []struct {
		name string
		to   *string
	}{{"kind", &r.Kind}, {"namespace", &r.Namespace}, {"name", &r.Name}} {
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
	if err := perHour.Decode(&r.PerHour); err != nil || !(r.PerHour >= 0) || math.IsInf(r.PerHour, 1) {
		return r, fmt.Errorf("perHour %q is not a number of commits an hour: write one like 0.5, or 0", perHour.Value)
	}
	for name := range n.Content {
		if key := n.Content[name]; name%2 == 0 {
			if _, left := fields[key.Value]; left {
				return r, fmt.Errorf("unknown field %q: a rule takes kind, namespace, name, perHour", key.Value)
			}
		}
	}
	return r, nil
}

// matches tells whether a rule is about an object.
func (r Rule) matches(o flux.Ref) bool {
	match := func(pattern, s string) bool {
		ok, _ := path.Match(pattern, s)
		return pattern == "" || ok
	}
	return (r.Kind == "" || r.Kind == o.Kind) && match(r.Namespace, o.Namespace) && match(r.Name, o.Name)
}
