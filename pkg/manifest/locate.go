package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Position is a place in a file; lines and columns count from 1, columns in characters. The zero Position is
// nowhere.
type Position struct {
	File         string
	Line, Column int
	// Length of what stands there, in characters; 0 where that is not known.
	Length int
}

// String is the position as compilers write it: "apps/web.yaml:7:13".
func (p Position) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Position is where a scalar stands.
func (s Scalar) Position() Position {
	return Position{File: s.File, Line: s.Line, Column: s.Column, Length: len(s.Text)}
}

// Locator finds the documents that objects of fleets are written in. It parses each file once.
type Locator struct {
	tree  *Tree
	files map[string][]*yaml.Node
}

// NewLocator makes one for the fleets of a Tree.
func NewLocator(t *Tree) *Locator { return &Locator{tree: t, files: map[string][]*yaml.Node{}} }

// Document is the manifest of an object as its file has it, before kustomizations change its name, say; nil where it is generated.
func (l *Locator) Document(f Fleet, ref flux.Ref) (map[string]any, error) {
	d := f.deployments[f.owners[ref]]
	if d == nil {
		return nil, nil
	}
	_, found := l.document(d, ref)
	if found == nil {
		return nil, nil
	}
	var document map[string]any
	if err := found.Decode(&document); err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", ref, err)
	}
	return document, nil
}

// document is what an object of a deployment is written in, and in which file; nil where none is found there.
func (l *Locator) document(d *deployment, ref flux.Ref) (file string, found *yaml.Node) {
	for _, o := range d.objects {
		if o.ref == ref {
			file = o.origin
		}
	}
	if file == "" {
		return "", nil
	}
	documents, parsed := l.files[file]
	if !parsed {
		if content, err := l.tree.ReadFile(file); err == nil {
			documents = parseDocuments(content)
		}
		l.files[file] = documents
	}
	return file, documentOf(ref, d.siblings(file, ref), documents)
}

// Locate is where a part of an object stands in its own document, or the nearest that is there of what holds it. An
// object that is generated is found by its kind only, or as its file.
func (l *Locator) Locate(f Fleet, ref flux.Ref, path ...string) Position {
	d := f.deployments[f.owners[ref]]
	if d == nil {
		return l.declared(f, ref, path)
	}
	file, found := l.document(d, ref)
	if file == "" {
		return Position{}
	}
	if found == nil {
		return Position{File: file, Line: 1, Column: 1}
	}
	if patched, ok := l.patched(f, d, ref, found, path); ok {
		return patched
	}
	return position(file, found, path)
}

// declared is where the first Kustomization of a root is written, which nothing applies where its own path is wrong.
func (l *Locator) declared(f Fleet, ref flux.Ref, path []string) Position {
	if ref != f.Root.start().ref() {
		return Position{}
	}
	for _, d := range l.tree.documents() {
		if isKustomizationObject(d.node) && below(d.file, f.Root.Path) && text(d.node, "metadata", "name") == ref.Name && text(d.node, "metadata", "namespace") == ref.Namespace {
			return position(d.file, d.node, path)
		}
	}
	return Position{}
}

// patched is where a patch gives a part of an object what it is built with: where the object's own document has another text, or
// none, and one place of what its build read has this. Patches are the files' mappings, and the texts in them.
func (l *Locator) patched(f Fleet, d *deployment, ref flux.Ref, own *yaml.Node, path []string) (at Position, found bool) {
	built := textAt(f.Manifest(ref), path)
	if len(path) == 0 || built == "" || text(own, path...) == built {
		return Position{}, false
	}
	if n := step(own, path...); n != nil && strings.Contains(n.Value, "$") {
		return Position{}, false // a variable
	}
	for _, file := range sortedKeys(d.built.read) {
		content, err := l.tree.ReadFile(file)
		if err != nil || !isYAML(file) || !bytes.Contains(content, []byte(built)) {
			continue
		}
		everyPair(content, func(key, value, mapping *yaml.Node) {
			if value.Kind != yaml.ScalarNode || value.Value != built || !leadsTo(key, mapping, path) {
				return
			}
			if place := position(file, value, nil); !found {
				at, found = place, true
			} else if place != at {
				at.File = "" // one of several
			}
		})
	}
	return at, found && at.File != ""
}

// leadsTo tells whether a value may be that of a path: behind the path's last key, or in an operation of a JSON patch.
func leadsTo(key, mapping *yaml.Node, path []string) bool {
	if key.Value == "value" && at(mapping, "op") != nil {
		return text(mapping, "path") == "/"+strings.Join(path, "/")
	}
	return key.Value == path[len(path)-1]
}

// textAt is a part of an object as JSON, if that is a scalar; else "".
func textAt(object json.RawMessage, path []string) string {
	for _, key := range path {
		var fields map[string]json.RawMessage
		var list []json.RawMessage
		switch i, err := strconv.Atoi(key); {
		case json.Unmarshal(object, &fields) == nil:
			object = fields[key]
		case json.Unmarshal(object, &list) == nil && err == nil && i < len(list):
			object = list[i]
		default:
			return ""
		}
	}
	var scalar string
	if json.Unmarshal(object, &scalar) == nil {
		return scalar
	}
	if len(object) > 0 && (object[0] == '{' || object[0] == '[') {
		return ""
	}
	return string(object)
}

// step is at, and goes into lists, too: by numbers from 0.
func step(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n != nil && n.Kind == yaml.SequenceNode {
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(n.Content) {
				return nil
			}
			n = n.Content[i]
			continue
		}
		n = at(n, key)
	}
	return n
}

// siblings are the objects of a deployment that come from one file and are of one kind, in their order.
func (d *deployment) siblings(file string, of flux.Ref) (refs []flux.Ref) {
	for _, o := range d.objects {
		if o.origin == file && o.ref.Kind == of.Kind && o.ref.Group == of.Group {
			refs = append(refs, o.ref)
		}
	}
	return refs
}

// documentOf is the document that an object is written in; nil where none is of its kind. Kustomizations may have put
// something before and behind its name, and set its namespace, and kustomize keeps the order of a file: where the file has
// as many documents of the kind as there are objects from it, and their names fit, the places tell. Else the names do: the
// same one, or the longest that is a part of the object's.
func documentOf(ref flux.Ref, siblings []flux.Ref, documents []*yaml.Node) *yaml.Node {
	var of []*yaml.Node
	for _, n := range documents {
		if group := groupOf(n); text(n, "kind") == ref.Kind && group == ref.Group {
			of = append(of, n)
		}
	}
	if len(of) == 0 {
		return nil
	}
	fits := len(of) == len(siblings)
	for i := 0; fits && i < len(of); i++ {
		fits = strings.Contains(siblings[i].Name, text(of[i], "metadata", "name"))
	}
	if i := slices.Index(siblings, ref); fits && i >= 0 {
		return of[i]
	}
	var found *yaml.Node
	best := -1
	for _, n := range of {
		name := text(n, "metadata", "name")
		rank := 4 * len(name)
		if name == ref.Name {
			rank += 2
		}
		if text(n, "metadata", "namespace") == ref.Namespace {
			rank++
		}
		if strings.Contains(ref.Name, name) && rank > best {
			found, best = n, rank
		}
	}
	if found == nil {
		return of[0]
	}
	return found
}

func position(file string, n *yaml.Node, path []string) Position {
	for _, key := range path {
		next := step(n, key)
		if next == nil {
			break
		}
		n = next
	}
	p := Position{File: file, Line: n.Line, Column: n.Column}
	if n.Kind == yaml.ScalarNode && n.Style == 0 {
		p.Length = utf8.RuneCountInString(n.Value)
	}
	return p
}
