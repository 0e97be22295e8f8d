package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// patch sets fields of some objects of one kind.
type patch struct {
	group string // "" for any
	kind  string
	// names of the objects, sorted; none means all of the kind.
	names     []string
	namespace string // "" for any
	values    []fieldValue
}

type fieldValue struct {
	field flux.Field
	value string
}

// lines writes a patch as an entry of a patches list, without indentation: a JSON patch whose add sets a field
// whether or not it is there.
func (p patch) lines(patchFirst bool) []string {
	target := []string{"target:"}
	if p.group != "" {
		target = append(target, "  group: "+p.group)
	}
	target = append(target, "  kind: "+p.kind)
	if len(p.names) > 0 {
		target = append(target, "  name: "+quoteName(p.names))
	}
	if p.namespace != "" {
		target = append(target, "  namespace: "+p.namespace)
	}
	body := []string{"patch: |"}
	for _, v := range p.values {
		body = append(body, "  - op: add", "    path: /"+strings.Join(v.field.Path(), "/"), "    value: "+v.value)
	}
	entry := slices.Concat(target, body)
	if patchFirst {
		entry = slices.Concat(body, target)
	}
	for i := range entry {
		if i == 0 {
			entry[i] = "- " + entry[i]
		} else {
			entry[i] = "  " + entry[i]
		}
	}
	return entry
}

// quoteName writes names as the regular expression that a target takes; kustomize anchors it.
func quoteName(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = regexp.QuoteMeta(n)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "(" + strings.Join(quoted, "|") + ")"
}

var errNoPlace = errors.New("the file is written in a way that nothing can be added to")

// addPatches adds entries to the list patches of a kustomization, or of the spec of the nth object of the kind and name of a
// Flux Kustomization, at its end: what comes last wins. Nothing else of the file changes.
func addPatches(content []byte, name string, nth int, patches []patch) ([]byte, error) {
	documents, err := parseAll(content)
	if err != nil {
		return nil, err
	}
	index, mapping := findMapping(documents, name, nth)
	if mapping == nil || mapping.Kind != yaml.MappingNode || mapping.Style&yaml.FlowStyle != 0 || len(mapping.Content) == 0 {
		return nil, errNoPlace
	}
	lines := splitLines(content)
	text, after, err := insertion(lines, documents[index], mapping, patches)
	if opened := openList(lines, mapping); opened > 0 {
		text, after, err = entries(mapping.Column-1+listIndent(documents[index]), false, patches), []int{opened}, nil
	}
	if err != nil {
		return nil, err
	}
	for _, line := range after {
		edited := insertLines(lines, line, text)
		if err := onlyAdded(documents, edited, index, name, nth, len(patches), at(mapping, "patches")); err == nil {
			return edited, nil
		}
	}
	return nil, errNoPlace
}

// findMapping finds what has the list, and the document that it is in: the kustomization itself, or the spec of a Flux Kustomization.
func findMapping(documents []*yaml.Node, name string, nth int) (document int, mapping *yaml.Node) {
	if name != "" {
		object := addition{kind: kustomizationKind, name: name, nth: nth}.object(namedObjects(documents))
		if object == nil || !isKustomizationObject(object) {
			return 0, nil
		}
		return slices.IndexFunc(documents, func(d *yaml.Node) bool { return within(d, object) }), at(object, "spec")
	}
	for i, d := range documents {
		if len(d.Content) == 0 {
			continue
		}
		if mapping != nil {
			return 0, nil // kustomize takes one document
		}
		document, mapping = i, d.Content[0]
	}
	return document, mapping
}

// within tells whether a node is in another one.
func within(n, inner *yaml.Node) bool {
	return n == inner || slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return within(child, inner) })
}

// insertion is what to insert, and after how many lines: the likeliest place first.
func insertion(lines [][]byte, document, mapping *yaml.Node, patches []patch) (text []string, after []int, err error) {
	list := at(mapping, "patches")
	end := blockEnd(lines, document, mapping)
	indent, patchFirst := 0, false
	if list == nil {
		indent = mapping.Column - 1 + listIndent(document)
		text = append(text, strings.Repeat(" ", mapping.Column-1)+"patches:")
	} else {
		if list.Kind != yaml.SequenceNode || list.Style&yaml.FlowStyle != 0 || len(list.Content) == 0 {
			return nil, nil, errNoPlace
		}
		indent = list.Column - 1
		first := list.Content[0]
		patchFirst = first.Kind == yaml.MappingNode && len(first.Content) > 0 && first.Content[0].Value == "patch"
		if next := nextLine(mapping, "patches"); next > 0 {
			end = next - 1
		}
	}
	text = append(text, entries(indent, patchFirst, patches)...)
	// Blank lines and comments at the end belong to what follows, but for those that are part of a block
	// scalar.
	short := end
	for short > 0 && isBlankOrComment(lines[short-1]) {
		short--
	}
	for at := short; at <= end; at++ {
		after = append(after, at)
	}
	return text, after, nil
}

// entries are the lines of patches in a list.
func entries(indent int, patchFirst bool, patches []patch) (text []string) {
	for _, p := range patches {
		for _, line := range p.lines(patchFirst) {
			text = append(text, strings.Repeat(" ", indent)+line)
		}
	}
	return text
}

var emptyList = regexp.MustCompile(`^((?:- +| )*["']?patches["']? *:)(?: +(?:\[ *\]|~|null))?(\s*(?: #.*)?\r?\n?)$`)

// openList takes [] or null off the line of a list patches, so that entries can follow; it returns the number of that line, or 0.
func openList(lines [][]byte, mapping *yaml.Node) int {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, list := mapping.Content[i], mapping.Content[i+1]
		if key.Value != "patches" || len(list.Content) > 0 || list.Kind != yaml.SequenceNode && list.Tag != "!!null" || key.Line > len(lines) {
			continue
		}
		if match := emptyList.FindSubmatch(lines[key.Line-1]); match != nil {
			lines[key.Line-1] = slices.Concat(match[1], match[2])
			return key.Line
		}
	}
	return 0
}

// nextLine is the line of the key after another in a mapping; 0 where that is the last.
func nextLine(mapping *yaml.Node, key string) int {
	for i := 0; i+2 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+2].Line
		}
	}
	return 0
}

// blockEnd is the number of lines up to what follows a mapping in its document, or up to the document's end.
func blockEnd(lines [][]byte, document, mapping *yaml.Node) int {
	last := lastLine(mapping)
	if next := lineBehind(document, mapping); next > last {
		return next - 1
	}
	for i := last; i < len(lines); i++ {
		if bytes.HasPrefix(lines[i], []byte("---")) || bytes.HasPrefix(lines[i], []byte("...")) {
			return i
		}
	}
	return len(lines)
}

// lineBehind is the line of the first node of a document behind another and all that is in it; 0 where none is.
func lineBehind(document, mapping *yaml.Node) int {
	passed, line := false, 0
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		switch {
		case line > 0:
		case n == mapping:
			passed = true
		case passed:
			line = n.Line
		default:
			for _, child := range n.Content {
				visit(child)
			}
		}
	}
	visit(document)
	return line
}

// lastLine is the last line that a node is known to reach.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, child := range n.Content {
		last = max(last, lastLine(child))
	}
	return last
}

// listIndent is how far lists are indented below their keys in a document; 2 where there is none.
func listIndent(n *yaml.Node) int {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if value.Kind == yaml.SequenceNode && value.Style&yaml.FlowStyle == 0 && value.Line > key.Line {
				return value.Column - key.Column
			}
		}
	}
	for _, child := range n.Content {
		if indent := listIndent(child); indent != 2 {
			return indent
		}
	}
	return 2
}

func isBlankOrComment(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}

// splitLines keeps the line breaks.
func splitLines(content []byte) [][]byte {
	lines := bytes.SplitAfter(content, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// insertLines inserts text after some lines, with the file's line breaks. A missing one at the end of the
// file stays missing.
func insertLines(lines [][]byte, after int, text []string) []byte {
	newline := "\n"
	if len(lines) > 0 && bytes.HasSuffix(lines[0], []byte("\r\n")) {
		newline = "\r\n"
	}
	inserted := strings.Join(text, newline)
	out := bytes.Join(lines[:after], nil)
	if after > 0 && !bytes.HasSuffix(lines[after-1], []byte("\n")) {
		inserted = newline + inserted
	} else {
		inserted += newline
	}
	return slices.Concat(out, []byte(inserted), bytes.Join(lines[after:], nil))
}

// onlyAdded is an error unless a file says what it said before, and has so many more patches.
func onlyAdded(was []*yaml.Node, edited []byte, index int, name string, nth, patches int, had *yaml.Node) error {
	is, err := parseAll(edited)
	if err != nil {
		return err
	}
	if len(is) != len(was) {
		return errOtherwise
	}
	i, mapping := findMapping(is, name, nth)
	list := at(mapping, "patches")
	if i != index || list == nil || len(list.Content) < patches {
		return errOtherwise
	}
	list.Content = list.Content[:len(list.Content)-patches]
	switch {
	case len(list.Content) > 0:
	case had == nil: // the list is new: it is the last key
		mapping.Content = mapping.Content[:len(mapping.Content)-2]
	default:
		*list = *had // [] and null
	}
	for i := range was {
		if !sameMeaning(was[i], is[i]) {
			return fmt.Errorf("document %d: %w", i, errOtherwise)
		}
	}
	return nil
}

func sameMeaning(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && a.Anchor == b.Anchor &&
		slices.EqualFunc(a.Content, b.Content, sameMeaning)
}
