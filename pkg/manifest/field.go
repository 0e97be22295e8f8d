package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// addFields adds absent fields to the document of an object in a file, each on a line of its own below the
// interval. Nothing else of the file changes.
func addFields(content []byte, kind, name string, values []fieldValue) ([]byte, error) {
	for _, v := range values {
		documents, err := parseAll(content)
		if err != nil {
			return nil, err
		}
		path := v.field.Path()
		mapping := holder(documents, kind, name, path)
		if mapping == nil {
			return nil, errNoPlace
		}
		key := path[len(path)-1]
		line := strings.Repeat(" ", mapping.Column-1) + key + ": " + v.value
		edited := insertLines(splitLines(content), lineFor(mapping), []string{line})
		if !fieldAdded(documents, edited, kind, name, path, v.value) {
			return nil, errNoPlace
		}
		content = edited
	}
	return content, nil
}

// holder is the mapping that a field of an object belongs in, where it is not there yet: of the only document
// of that kind and name, in block style.
func holder(documents []*yaml.Node, kind, name string, path []string) *yaml.Node {
	var found *yaml.Node
	for _, d := range documents {
		if len(d.Content) == 0 || text(d.Content[0], "kind") != kind || text(d.Content[0], "metadata", "name") != name {
			continue
		}
		if found != nil {
			return nil
		}
		found = d.Content[0]
	}
	mapping := found
	for _, key := range path[:len(path)-1] {
		if mapping == nil || mapping.Kind != yaml.MappingNode || mapping.Style&yaml.FlowStyle != 0 || mapping.Anchor != "" {
			return nil
		}
		mapping = at(mapping, key)
	}
	if mapping == nil || mapping.Kind != yaml.MappingNode || mapping.Style&yaml.FlowStyle != 0 || mapping.Anchor != "" ||
		len(mapping.Content) == 0 || at(mapping, path[len(path)-1]) != nil || at(mapping, "<<") != nil {
		return nil
	}
	return mapping
}

// lineFor is the number of lines after which a field is added: below the interval, or else before the first
// key.
func lineFor(mapping *yaml.Node) int {
	if i := at(mapping, "interval"); i != nil && i.Kind == yaml.ScalarNode && i.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return i.Line
	}
	return mapping.Content[0].Line - 1
}

// fieldAdded tells whether a file says what it said, and has the field besides.
func fieldAdded(was []*yaml.Node, edited []byte, kind, name string, path []string, value string) bool {
	is, err := parseAll(edited)
	if err != nil || len(is) != len(was) {
		return false
	}
	var mapping *yaml.Node
	for _, d := range is {
		if len(d.Content) > 0 && text(d.Content[0], "kind") == kind && text(d.Content[0], "metadata", "name") == name {
			mapping = at(d.Content[0], path[:len(path)-1]...)
		}
	}
	key := path[len(path)-1]
	if text(mapping, key) != value {
		return false
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = slices.Delete(mapping.Content, i, i+2)
			break
		}
	}
	for i := range was {
		if !sameMeaning(was[i], is[i]) {
			return false
		}
	}
	return true
}
