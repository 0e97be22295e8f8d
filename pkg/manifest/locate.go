package manifest

import (
	"fmt"
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
// object that is generated, or whose name is written elsewhere, is found by its kind only, or as its file.
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
	var kind, found *yaml.Node
	for _, n := range documents {
		if text(n, "kind") != ref.Kind {
			continue
		}
		if kind == nil {
			kind = n
		}
		if text(n, "metadata", "name") == ref.Name && (found == nil || text(n, "metadata", "namespace") == ref.Namespace) {
			found = n
		}
	}
	if found == nil {
		found = kind
	}
	if found == nil {
		return Position{File: file, Line: 1, Column: 1}
	}
	return position(file, found, path)
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
