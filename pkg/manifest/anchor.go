package manifest

import (
	"bytes"
	"regexp"
	"sync"

	"go.yaml.in/yaml/v3"
)

var anchorName = regexp.MustCompile(`&([^\s,\[\]{}]+)`)

// once reads the content of a file when it is asked for the first time. YAML with an anchor that contains itself is not
// given out: neither kustomize nor what reads it here would come to an end.
func once(p string, read func() ([]byte, error)) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		content, err := read()
		if err != nil {
			return nil, err
		}
		if n := endless(content); n != nil {
			return nil, brokenError{Position{File: p, Line: n.Line, Column: 1}, "the anchor &" + n.Anchor + " contains itself"}
		}
		return content, nil
	})
}

// endless is the first anchor of YAML, or of YAML in its texts, that contains itself; nil where none does.
func endless(content []byte) *yaml.Node {
	used := func() bool {
		for _, name := range anchorName.FindAllSubmatch(content, -1) {
			if bytes.Contains(content, append([]byte("*"), name[1]...)) {
				return true
			}
		}
		return false
	}
	if !used() {
		return nil
	}
	var found *yaml.Node
	_ = guarded("it", func() error {
		decoder := yaml.NewDecoder(bytes.NewReader(content))
		for {
			var document yaml.Node
			if err := decoder.Decode(&document); err != nil {
				return err
			}
			if found = endlessBelow(&document, map[*yaml.Node]bool{}); found != nil {
				return nil
			}
		}
	})
	return found
}

// endlessBelow is endless of a node, by the nodes that it is in: an alias may lead to nothing that begins behind it.
func endlessBelow(n *yaml.Node, within map[*yaml.Node]bool) *yaml.Node {
	switch {
	case n.Kind == yaml.AliasNode && within[n.Alias]:
		return n.Alias
	case n.Kind == yaml.ScalarNode:
		if inner := endless([]byte(n.Value)); inner != nil {
			return &yaml.Node{Line: n.Line, Anchor: inner.Anchor}
		}
		return nil
	}
	within[n] = true
	defer delete(within, n)
	for _, child := range n.Content {
		if found := endlessBelow(child, within); found != nil {
			return found
		}
	}
	return nil
}
