package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// decoder reads YAML nodes into the types of the schema. It goes on behind a problem, so that all of
// them are found, and remembers the line of every field that it met. How deep it goes is decided by the
// types and not by the document, so that an alias which holds itself does no harm.
type decoder struct {
	problems problems
	lines    map[string]int
	faulty   map[string]bool // fields that have a problem
}

func (d *decoder) report(line int, path, format string, args ...any) {
	d.faulty[path] = true
	d.problems = append(d.problems, problem{line: line, path: path, text: fmt.Sprintf(format, args...)})
}

func (d *decoder) decodeRoot(root *yaml.Node) TuningPolicy {
	var doc TuningPolicy
	d.lines[""] = root.Line
	d.decode(root, reflect.ValueOf(&doc).Elem(), "")
	return doc
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if isNull(n) {
		d.report(n.Line, path, "has no value: give it one or take it out")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), path)
	case reflect.Struct:
		d.decodeStruct(n, v, path)
	case reflect.Map:
		d.decodeMap(n, v, path)
	case reflect.Slice:
		d.decodeSlice(n, v, path)
	case reflect.Bool:
		d.decodeBool(n, v, path)
	default:
		d.decodeText(n, v, path)
	}
}

func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, path string) {
	names := fieldNames(v.Type())
	d.eachKey(n, path, func(key string, keyNode, value *yaml.Node) {
		at := join(path, key)
		i := slices.Index(names, key)
		if i < 0 {
			d.report(keyNode.Line, at, "unknown field: %s", accepted(path, v.Type(), names))
			return
		}
		d.decode(value, v.Field(i), at)
	})
}

// accepted says which fields there are. A kind takes only the settings that it has fields for.
func accepted(path string, t reflect.Type, names []string) string {
	taker := path
	if path == "" {
		taker = "a policy"
	}
	if t == reflect.TypeFor[KindSettings]() {
		if kind, err := flux.ParseKind(path[strings.LastIndex(path, ".")+1:]); err == nil {
			taker, names = kind.Name, settingNames(kind)
		}
	}
	return taker + " takes " + strings.Join(names, ", ")
}

func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	d.eachKey(n, path, func(key string, _, value *yaml.Node) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, element, join(path, key))
		v.SetMapIndex(reflect.ValueOf(key), element)
	})
}

func (d *decoder) decodeSlice(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, path, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = item.Line
		d.decode(item, v.Index(i), at)
	}
}

// decodeText reads a text, and a duration that was written as a bare number too: the check of durations
// says what is missing.
func (d *decoder) decodeText(n *yaml.Node, v reflect.Value, path string) {
	want, isText := "a text (put it in quotes)", n.ShortTag() == "!!str"
	switch v.Type() {
	case reflect.TypeFor[Duration]():
		want, isText = "a duration like 30s", isText || n.Style&yaml.TaggedStyle == 0
	case reflect.TypeFor[Percent]():
		want = "a share like 60%"
	case reflect.TypeFor[Rate]():
		want = "a rate like 5000/h, or none"
	case reflect.TypeFor[DurationOrBound]():
		want, isText = "a duration like 30s or a bound like at most 1m", isText || n.Style&yaml.TaggedStyle == 0
	}
	if n.Kind != yaml.ScalarNode || !isText {
		d.wrongType(n, path, want)
		return
	}
	v.SetString(n.Value)
}

// decodeBool reads true and false as YAML has them, but no yes and no.
func (d *decoder) decodeBool(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Style&yaml.TaggedStyle != 0 {
		d.wrongType(n, path, "true or false")
		return
	}
	v.SetBool(strings.EqualFold(n.Value, "true"))
}

// eachKey calls f for each key of a mapping, and reports what is no mapping, what is no key, and keys
// that come twice.
func (d *decoder) eachKey(n *yaml.Node, path string, f func(key string, keyNode, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, path, "a mapping")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode := n.Content[i]
		if keyNode.Kind == yaml.AliasNode {
			keyNode = keyNode.Alias
		}
		if keyNode.Kind != yaml.ScalarNode {
			d.report(keyNode.Line, path, "a key must be a text, not %s", describe(keyNode))
			continue
		}
		key := keyNode.Value
		if first, twice := seen[key]; twice {
			// The field that counts is the first one, and there may be nothing wrong with that.
			d.problems = append(d.problems, problem{
				line: n.Content[i].Line, path: join(path, key), text: fmt.Sprintf("is here twice: the first is on line %d", first),
			})
			continue
		}
		seen[key] = n.Content[i].Line
		d.lines[join(path, key)] = n.Content[i].Line
		f(key, n.Content[i], n.Content[i+1])
	}
}

func (d *decoder) wrongType(n *yaml.Node, path, want string) {
	d.report(n.Line, path, "must be %s, not %s", want, describe(n))
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	tag := n.ShortTag()
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Sprintf("%q with the tag %s", n.Value, tag)
	case tag == "!!str":
		return fmt.Sprintf("the text %q", n.Value)
	case tag == "!!int", tag == "!!float":
		return "the number " + n.Value
	default:
		return n.Value
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func fieldNames(t reflect.Type) []string {
	names := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_/<-]+$`)

// join extends a path by a key; a key that would blur the path is quoted.
func join(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return fmt.Sprintf("%s[%q]", path, key)
	case path == "":
		return key
	default:
		return path + "." + key
	}
}
