package tune

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// rules are those of a Kustomization or HelmRelease, compiled once for all the objects that they are
// compared with.
type rules []compiledRule

type compiledRule struct {
	rule flux.IgnoreRule
	// ours says that fluxtune added it.
	ours bool
	// whole says that the path "" is the whole object, which helm-controller then does not compare (fluxcd/pkg
	// ssa/jsondiff/unstructured.go, IgnorePathRoot). What kustomize-controller makes of such a path is not measured, and it
	// is not counted on.
	whole                                 bool
	group, version, kind, namespace, name pattern
	labels, annotations                   labels.Selector
	broken                                bool
}

// compile prepares an owner's rules. What does not compile selects nothing here, and fails the
// Kustomization there.
func compile(owner flux.Object) rules {
	ours := areOurs(owner)
	list := make(rules, 0, len(owner.Ignore))
	for i, r := range owner.Ignore {
		c := compiledRule{rule: r, ours: ours[i], whole: owner.Kind == "HelmRelease"}
		if t := r.Target; t != nil {
			c.group, c.version, c.kind = newPattern(t.Group), newPattern(t.Version), newPattern(t.Kind)
			c.namespace, c.name = newPattern(t.Namespace), newPattern(t.Name)
			c.labels, c.broken = selector(t.LabelSelector)
			if !c.broken {
				c.annotations, c.broken = selector(t.AnnotationSelector)
			}
		}
		list = append(list, c)
	}
	return list
}

func selector(s string) (selector labels.Selector, broken bool) {
	if s == "" {
		return nil, false
	}
	parsed, err := labels.Parse(s)
	return parsed, err != nil
}

// leave is what rules leave to others: by rules of others, and by ours. Unsure says that a rule may do so, too.
type leave struct{ byOthers, byUs, unsure bool }

// leaves tells whether the rules leave a field of an object to others. Version is that of the API in the manifest that is
// applied, which Flux compares; "" where it is not known.
//
// Of rules without a target only the last counts (fluxcd/pkg ssa/jsondiff/unstructured.go, CompileIgnoreRules, keeps them
// by their target).
func (list rules) leaves(o flux.Object, version string, f flux.Field) (l leave) {
	last := -1
	for i, c := range list {
		if c.rule.Target == nil {
			last = i
		}
	}
	for i, c := range list {
		if c.rule.Target == nil && i != last {
			continue
		}
		if !c.has(f) || !c.selects(o) {
			continue
		}
		switch {
		case version == "" && c.rule.Target != nil && c.rule.Target.Version != "":
			l.unsure = true
		case !c.version.matches(version):
		case c.ours:
			l.byUs = true
		default:
			l.byOthers = true
		}
	}
	return l
}

func (c compiledRule) has(f flux.Field) bool {
	pointer := Pointer(f)
	return slices.ContainsFunc(c.rule.Paths, func(path string) bool {
		if path == "" {
			return c.whole
		}
		return path == pointer || strings.HasPrefix(pointer, path+"/") // "/spec/" is another field (RFC 6901)
	})
}

// selects tells whether the rule's target selects an object, its version apart, as fluxcd/pkg ssa/jsondiff does: patterns
// that match as a whole, and selectors.
func (c compiledRule) selects(o flux.Object) bool {
	switch {
	case c.rule.Target == nil:
		return true
	case c.broken:
		return false
	}
	return c.namespace.matches(o.Namespace) && c.name.matches(o.Name) && c.kind.matches(o.Kind) &&
		c.group.matches(o.Group) &&
		(c.labels == nil || c.labels.Matches(labels.Set(o.Labels))) &&
		(c.annotations == nil || c.annotations.Matches(labels.Set(o.Annotations)))
}

// pattern is a regular expression that matches as a whole; the zero pattern matches everything. One that
// only lists names, as ours do, is looked up and not run: it may list thousands.
type pattern struct {
	literals map[string]bool
	re       *regexp.Regexp
	broken   bool
}

func newPattern(text string) pattern {
	if text == "" {
		return pattern{}
	}
	if names, ok := splitNames(text); ok {
		p := pattern{literals: make(map[string]bool, len(names))}
		for _, name := range names {
			p.literals[name] = true
		}
		return p
	}
	re, err := regexp.Compile("^(?:" + text + ")$")
	return pattern{re: re, broken: err != nil}
}

func (p pattern) matches(value string) bool {
	switch {
	case p.broken:
		return false
	case p.literals != nil:
		return p.literals[value]
	default:
		return p.re == nil || p.re.MatchString(value)
	}
}

// joinNames writes names as one pattern, and splitNames reads such a pattern; false where it is more than
// a list of names.
func joinNames(names []string) string {
	quoted := make([]string, 0, len(names))
	for _, name := range names {
		quoted = append(quoted, regexp.QuoteMeta(name))
	}
	return strings.Join(quoted, "|")
}

func splitNames(pattern string) ([]string, bool) {
	parts := strings.Split(pattern, "|")
	for i, part := range parts {
		name := unquote(part)
		if regexp.QuoteMeta(name) != part {
			return nil, false
		}
		parts[i] = name
	}
	return parts, true
}

// unquote undoes regexp.QuoteMeta.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Pointer writes a field as a JSON pointer (RFC 6901): /spec/interval.
func Pointer(f flux.Field) string { return "/" + strings.Join(f.Path(), "/") }
