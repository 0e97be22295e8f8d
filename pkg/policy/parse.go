package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Parse reads a policy document, YAML or JSON; file is its name for messages. It is strict and refuses
// the whole document if anything is wrong with it: the error has a line for each problem, in the order
// of the document, as file:line: field: what is wrong and what is accepted.
func Parse(file string, data []byte) (Policy, error) {
	root, problems := readDocument(data)
	if root == nil {
		return Policy{}, problems.err(file)
	}
	d := &decoder{problems: problems, lines: map[string]int{}, faulty: map[string]bool{}}
	doc := d.decodeRoot(root)
	(&validator{d}).check(doc)
	if len(d.problems) > 0 {
		return Policy{}, d.problems.err(file)
	}
	return doc.policy(), nil
}

var (
	// yamlError is the form of the YAML library's messages. There is no line in those about the first.
	yamlError = regexp.MustCompile(`(?s)^yaml: (?:line ([0-9]+): )?(.*)$`)
	// unquoted are the messages about what YAML takes for an alias: a pattern that lacks its quotes.
	unquoted = regexp.MustCompile(`unknown anchor|did not find expected alphabetic or numeric character`)
	// oneLineShort are the messages whose lines the library counts from 0: those of its parser, unlike
	// those of its scanner (go.yaml.in/yaml/v3 decode.go, parser.fail).
	oneLineShort = regexp.MustCompile(`^did not find expected (<document start>|node content|'-' indicator|key|',' or '[\]}]')$`)
)

// readDocument reads the one document that a policy is. The root is nil where there is none to check.
func readDocument(data []byte) (*yaml.Node, problems) {
	var found problems
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root *yaml.Node
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// What was read before may be cut off anywhere: checking it would only mislead.
			return nil, append(found, syntaxProblem(err))
		}
		switch {
		case isEmpty(&n):
		case root == nil:
			root = n.Content[0]
		default:
			found = append(found, problem{line: n.Content[0].Line, text: "a second document starts here: a policy is a single document"})
		}
	}
	if root == nil {
		found = append(found, problem{line: 1, text: fmt.Sprintf("the document is empty: it starts with apiVersion: %s and kind: %s", APIVersion, Kind)})
	}
	return root, found
}

func isEmpty(document *yaml.Node) bool {
	return len(document.Content) == 0 || isNull(document.Content[0])
}

func syntaxProblem(err error) problem {
	p := problem{text: "reading YAML: " + err.Error()}
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		p.line, _ = strconv.Atoi(m[1])
		if p.line > 0 && oneLineShort.MatchString(m[2]) {
			p.line++
		}
		p.text = "reading YAML: " + m[2]
	}
	if unquoted.MatchString(p.text) {
		p.text += `: put a text that begins with * in quotes, like "*-stg"`
	}
	return p
}

// policy turns a checked document into plain values.
func (t TuningPolicy) policy() Policy {
	p := Policy{
		Name:        t.Metadata.Name,
		Description: t.Spec.Description,
		Note:        t.Spec.Note,
		LabelKeys:   t.Spec.LabelKeys,
		Limits:      t.Spec.Limits.limits(),
		Fit:         t.Spec.Fit.shares(),

		ShortenTimeouts: t.Spec.ShortenTimeouts,
	}
	if len(p.LabelKeys) == 0 {
		p.LabelKeys = DefaultLabelKeys()
	}
	for _, e := range t.Spec.Environments {
		p.Environments = append(p.Environments, Environment{
			Name:        e.Name,
			Aliases:     e.Aliases,
			Recommended: e.Recommended.durations(),
			Kinds:       merge(t.Spec.Kinds, e.Kinds),
		})
	}
	p.Clusters, p.Namespaces = p.patterns(t.Spec.Clusters), p.patterns(t.Spec.Namespaces)
	return p
}

func (r *RangeSpec) durations() Range {
	if r == nil {
		return Range{}
	}
	return Range{Min: r.Min.duration(), Max: r.Max.duration()}
}

// duration reads a checked duration; 0 where there is none.
func (d Duration) duration() time.Duration {
	parsed, err := checkDuration(string(d), false)
	if err != nil {
		return 0
	}
	return parsed
}

// text writes a checked bound in its usual form; "" where there is none.
func (d DurationOrBound) text() string {
	b, err := ParseBound(string(d), false)
	if err != nil {
		return ""
	}
	return b.String()
}

// merge lays an environment's settings over those for every environment, setting by setting: a bound
// takes the place of the whole of another one.
func merge(all, own Kinds) map[string]Settings {
	merged := map[string]Settings{}
	for _, kinds := range [...]Kinds{all, own} {
		for kind, k := range kinds {
			s := merged[kind]
			merged[kind] = Settings{
				Interval:      cmp.Or(k.Interval.text(), s.Interval),
				Timeout:       cmp.Or(k.Timeout.text(), s.Timeout),
				RetryInterval: cmp.Or(k.RetryInterval.text(), s.RetryInterval),
			}
		}
	}
	return merged
}
