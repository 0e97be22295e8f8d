package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// everyPair visits the keys and values of all mappings of a file, also of those that stand in its texts as YAML, as patches do.
// Nodes of these have the lines and columns of the file, as far as the text is written as it is: in a literal block, or in quotes
// or none on one line.
func everyPair(content []byte, visit func(key, value *yaml.Node, mapping *yaml.Node)) {
	var walk func(n *yaml.Node, within bool)
	walk = func(n *yaml.Node, within bool) {
		if n.Kind == yaml.ScalarNode && !within && strings.ContainsAny(n.Value, ":") {
			for _, inner := range embedded(content, n) {
				walk(inner, true)
			}
		}
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			visit(n.Content[i], n.Content[i+1], n)
		}
		for _, child := range n.Content {
			walk(child, within)
		}
	}
	for _, n := range parseMappings(content) {
		walk(n, false)
	}
}

// embedded are the YAML mappings and lists that a text holds.
func embedded(content []byte, n *yaml.Node) (nodes []*yaml.Node) {
	defer func() { _ = recover() }() // as what is no YAML
	lines, columns := n.Line-1, n.Column-1
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		lines, columns = n.Line, indentBelow(content, n.Line)
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		columns++
	}
	decoder := yaml.NewDecoder(strings.NewReader(n.Value))
	for {
		var document yaml.Node
		if decoder.Decode(&document) != nil {
			return nodes
		}
		if len(document.Content) == 1 && document.Content[0].Kind&(yaml.MappingNode|yaml.SequenceNode) != 0 {
			shift(document.Content[0], lines, columns, n.Style&yaml.LiteralStyle != 0)
			nodes = append(nodes, document.Content[0])
		}
	}
}

// shift moves nodes to where their text stands in a file: in a block, all lines are indented, else the first one is.
func shift(n *yaml.Node, lines, columns int, block bool) {
	if block || n.Line == 1 {
		n.Column += columns
	}
	n.Line += lines
	for _, child := range n.Content {
		shift(child, lines, columns, block)
	}
}

// indentBelow is the number of spaces before the first text below a line, which counts from 1.
func indentBelow(content []byte, line int) int {
	n := 0
	for text := range bytes.Lines(content) {
		n++
		if trimmed := bytes.TrimLeft(text, " "); n > line && len(bytes.TrimSpace(trimmed)) > 0 {
			return len(text) - len(trimmed)
		}
	}
	return 0
}
