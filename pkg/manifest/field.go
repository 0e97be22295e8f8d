package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// addition is what the document of an object gets: fields that it does not have.
type addition struct {
	kind, name string
	nth        int // of that kind and name in the file, from 0
	values     []fieldValue
}

// insert is a text that is put in before a byte of a file.
type insert struct {
	offset int
	text   string
}

// addFields adds absent fields to the documents of objects in a file: below the interval, each on a line of its own where
// the document is in block style, and in a mapping in flow style, as JSON is, behind it. Nothing else of the file
// changes. All are added or none.
func addFields(content []byte, additions []addition) ([]byte, error) {
	documents, err := parseAll(content)
	if err != nil {
		return nil, err
	}
	objects := namedObjects(documents)
	places := newOffsets(content)
	var inserts []insert
	for _, a := range additions {
		for _, v := range a.values {
			mapping := holder(a.object(objects), v.field.Path())
			if mapping == nil {
				return nil, errNoPlace
			}
			one, err := insertOf(places, mapping, v)
			if err != nil {
				return nil, err
			}
			inserts = append(inserts, one)
		}
	}
	edited := insertAll(content, inserts)
	if !fieldsAdded(documents, edited, additions) {
		return nil, errNoPlace
	}
	return edited, nil
}

// insertAll puts texts into a content.
func insertAll(content []byte, inserts []insert) []byte {
	sorting.By(inserts, func(a, b insert) int { return a.offset - b.offset })
	var out bytes.Buffer
	last := 0
	for _, one := range inserts {
		out.Write(content[last:one.offset])
		out.WriteString(one.text)
		last = one.offset
	}
	out.Write(content[last:])
	return out.Bytes()
}

// namedObjects are the objects of a file by kind and name, in the order of a build: namespaces or groups tell those of one name
// apart.
func namedObjects(documents []*yaml.Node) map[[2]string][]*yaml.Node {
	var mappings []*yaml.Node
	for _, d := range documents {
		if len(d.Content) == 1 && d.Content[0].Kind == yaml.MappingNode {
			mappings = append(mappings, d.Content[0])
		}
	}
	objects := map[[2]string][]*yaml.Node{}
	for _, object := range objectsOf(mappings) {
		key := [2]string{text(object, "kind"), text(object, "metadata", "name")}
		objects[key] = append(objects[key], object)
	}
	return objects
}

// object is the one that an addition is for; nil where there is none.
func (a addition) object(objects map[[2]string][]*yaml.Node) *yaml.Node {
	if named := objects[[2]string{a.kind, a.name}]; a.nth < len(named) {
		return named[a.nth]
	}
	return nil
}

// holder is the mapping of an object that a field belongs in, where the field is not there yet. A mapping that an alias
// uses, too, is none.
func holder(object *yaml.Node, path []string) *yaml.Node {
	mapping := object
	for _, key := range path[:len(path)-1] {
		if mapping == nil || mapping.Kind != yaml.MappingNode || mapping.Anchor != "" {
			return nil
		}
		mapping = at(mapping, key)
	}
	if mapping == nil || mapping.Kind != yaml.MappingNode || mapping.Anchor != "" ||
		len(mapping.Content) == 0 || at(mapping, path[len(path)-1]) != nil || at(mapping, "<<") != nil {
		return nil
	}
	return mapping
}

// insertOf is how a field is added to a mapping.
func insertOf(places offsets, mapping *yaml.Node, v fieldValue) (insert, error) {
	path := v.field.Path()
	key := path[len(path)-1]
	if mapping.Style&yaml.FlowStyle != 0 {
		return insertInFlow(places, mapping, key, v.value)
	}
	line := strings.Repeat(" ", mapping.Column-1) + key + ": " + v.value
	offset, newline := places.line(lineFor(mapping)), "\n"
	if first := places.content[:places.line(1)]; bytes.HasSuffix(first, []byte("\r\n")) {
		newline = "\r\n"
	}
	if offset == len(places.content) && offset > 0 && places.content[offset-1] != '\n' {
		return insert{offset, newline + line}, nil // a missing line break at the end of the file stays missing
	}
	return insert{offset, line + newline}, nil
}

// insertInFlow adds a key before another of a mapping in flow style: before the one that follows the interval, or else
// before the interval or the first. It is written as that one is: quoted or not, on a line of its own or not.
func insertInFlow(places offsets, mapping *yaml.Node, key, value string) (insert, error) {
	next := 0
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == "interval" {
			next = i
			if i+2 < len(mapping.Content) {
				next = i + 2
			}
		}
	}
	before := mapping.Content[next]
	offset, err := places.of(before)
	if err != nil {
		return insert{}, err
	}
	colon := ":"
	if behind, err := places.of(mapping.Content[next+1]); err != nil {
		return insert{}, err
	} else if before.Style&yaml.DoubleQuotedStyle == 0 || behind > 0 && places.content[behind-1] == ' ' {
		colon = ": " // in JSON it may do without the space
	}
	text := key + colon + value
	if before.Style&yaml.DoubleQuotedStyle != 0 {
		text = `"` + key + `"` + colon + `"` + value + `"`
	}
	start := places.line(before.Line - 1)
	indent := places.content[start:offset]
	switch {
	case before.Line > 1 && len(bytes.TrimLeft(indent, " \t")) == 0:
		newline := "\n"
		if bytes.HasSuffix(places.content[:start], []byte("\r\n")) {
			newline = "\r\n"
		}
		return insert{offset, text + "," + newline + string(indent)}, nil
	case colon == ": ":
		return insert{offset, text + ", "}, nil
	default:
		return insert{offset, text + ","}, nil
	}
}

// lineFor is the number of lines after which a field is added: below the interval, or else before the first
// key.
func lineFor(mapping *yaml.Node) int {
	if i := at(mapping, "interval"); i != nil && i.Kind == yaml.ScalarNode && i.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return i.Line
	}
	return mapping.Content[0].Line - 1
}

// fieldsAdded tells whether a file says what it said, and has the fields besides.
func fieldsAdded(was []*yaml.Node, edited []byte, additions []addition) bool {
	is, err := parseAll(edited)
	if err != nil || len(is) != len(was) {
		return false
	}
	objects := namedObjects(is)
	for _, a := range additions {
		for _, v := range a.values {
			path := v.field.Path()
			mapping := at(a.object(objects), path[:len(path)-1]...)
			if !takeOut(mapping, path[len(path)-1], v.value) {
				return false
			}
		}
	}
	for i := range was {
		if !sameMeaning(was[i], is[i]) {
			return false
		}
	}
	return true
}

// takeOut takes a key out of a mapping that has it with this value; false where it has not.
func takeOut(mapping *yaml.Node, key, value string) bool {
	if text(mapping, key) != value {
		return false
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = slices.Delete(mapping.Content, i, i+2)
			return true
		}
	}
	return false
}
