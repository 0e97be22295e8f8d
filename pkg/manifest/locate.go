package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Position is a place in a file; lines and columns count from 1, columns in characters. The zero Position is
// nowhere.
type Position struct {
	File         string
	Line, Column int
	// Length of what stands there, in characters; 0 where that is not known.
	Length int
}

// String is the position as compilers write it: "apps/web.yaml:7:13", with the file quoted where it has to be (terminal.FileName).
func (p Position) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", terminal.FileName(p.File), p.Line, p.Column)
}

// Position is where a scalar stands.
func (s Scalar) Position() Position {
	return Position{File: s.File, Line: s.Line, Column: s.Column, Length: len(s.Text)}
}

// Locator finds the documents that objects of fleets are written in. It parses each file once, and looks once through what
// each deployment applies.
type Locator struct {
	tree    *Tree
	files   map[string][]*yaml.Node
	origins map[*deployment]map[flux.Ref]string
	// writings are the documents of the objects that a deployment makes of a file, of one group and kind.
	writings map[writing]*documents
}

type writing struct {
	d                 *deployment
	file, group, kind string
}

// NewLocator makes one for the fleets of a Tree.
func NewLocator(t *Tree) *Locator {
	return &Locator{tree: t, files: map[string][]*yaml.Node{}, origins: map[*deployment]map[flux.Ref]string{}, writings: map[writing]*documents{}}
}

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
	if l.origins[d] == nil {
		l.origins[d] = map[flux.Ref]string{}
		for _, o := range d.objects {
			l.origins[d][o.ref] = o.origin
		}
	}
	file = l.origins[d][ref]
	if file == "" {
		return "", nil
	}
	nodes, parsed := l.files[file]
	if !parsed {
		if content, err := l.tree.ReadFile(file); err == nil {
			nodes = parseDocuments(content)
		}
		l.files[file] = nodes
	}
	key := writing{d, file, ref.Group, ref.Kind}
	if l.writings[key] == nil {
		l.writings[key] = d.documents(file, ref.Group, ref.Kind, nodes)
	}
	return file, l.writings[key].of(ref)
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
	for _, d := range l.tree.declarations() {
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

// documents are those of a file that are of one group and kind, and the objects that come from it.
type documents struct {
	nodes []*yaml.Node
	// places of the objects among these: where the file has as many of the kind, and their names fit; nil otherwise.
	places map[flux.Ref]int
}

// documents finds them for the objects of a deployment. Kustomizations may have put something before and behind an object's
// name, and set its namespace, and kustomize keeps the order of a file.
func (d *deployment) documents(file, group, kind string, nodes []*yaml.Node) *documents {
	found := &documents{}
	for _, n := range nodes {
		if text(n, "kind") == kind && groupOf(n) == group {
			found.nodes = append(found.nodes, n)
		}
	}
	places, count := map[flux.Ref]int{}, 0
	for _, o := range d.objects {
		if o.origin != file || o.ref.Kind != kind || o.ref.Group != group {
			continue
		}
		if count >= len(found.nodes) || !strings.Contains(o.ref.Name, text(found.nodes[count], "metadata", "name")) {
			return found
		}
		if _, twice := places[o.ref]; !twice {
			places[o.ref] = count
		}
		count++
	}
	if count == len(found.nodes) {
		found.places = places
	}
	return found
}

// of is the document that an object is written in; nil where none is of its kind. Where the places do not tell, the names do:
// the same one, or the longest that is a part of the object's.
func (ds *documents) of(ref flux.Ref) *yaml.Node {
	if len(ds.nodes) == 0 {
		return nil
	}
	if i, known := ds.places[ref]; known {
		return ds.nodes[i]
	}
	found, best := ds.nodes[0], -1
	for _, n := range ds.nodes {
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
