package manifest

import (
	"fmt"
	"slices"
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

// Locate is where a part of an object stands in its own document, or the nearest that is there of what holds it. An
// object that is generated is found by its kind only, or as its file.
func (l *Locator) Locate(f Fleet, ref flux.Ref, path ...string) Position {
	d := f.deployments[f.owners[ref]]
	if d == nil {
		return Position{}
	}
	file := ""
	for _, o := range d.objects {
		if o.ref == ref {
			file = o.origin
		}
	}
	if file == "" {
		return Position{}
	}
	documents, parsed := l.files[file]
	if !parsed {
		if content, err := l.tree.ReadFile(file); err == nil {
			documents = parseDocuments(content)
		}
		l.files[file] = documents
	}
	found := documentOf(ref, d.siblings(file, ref), documents)
	if found == nil {
		return Position{File: file, Line: 1, Column: 1}
	}
	return position(file, found, path)
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
		if group, _, _ := strings.Cut(text(n, "apiVersion"), "/"); text(n, "kind") == ref.Kind && group == ref.Group {
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
		next := at(n, key)
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
