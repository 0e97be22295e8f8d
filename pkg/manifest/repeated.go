package manifest

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// repeatedKey is a key that a mapping has for the second time; nil where none has. kustomize makes no object of
// such a mapping (api/resource/resource.go, AsYAML), so that Flux applies nothing of what is built with it.
func repeatedKey(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		kinds := make(map[string]yaml.Kind, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if kinds[key.Value] == key.Kind {
				return key
			}
			kinds[key.Value] = key.Kind
		}
	}
	for _, child := range n.Content {
		if second := repeatedKey(child); second != nil {
			return second
		}
	}
	return nil
}

// repeated is an error where an object has a key twice. It names the place in the object's own file, or in another one that the
// build read.
func (t *Tree) repeated(b builtResource, n *yaml.Node, read map[string]bool) error {
	key := repeatedKey(n)
	if key == nil {
		return nil
	}
	for _, file := range append([]string{b.origin}, sortedKeys(read)...) {
		content, err := t.ReadFile(file)
		if err != nil || !isYAML(file) {
			continue
		}
		for _, document := range parseMappings(content) {
			if second := repeatedKey(document); second != nil && second.Value == key.Value {
				return brokenError{position(file, second, nil), fmt.Sprintf("the key %q is there for the second time: take one of the two out", key.Value)}
			}
		}
	}
	return fmt.Errorf("%s has the key %q twice: take one of the two out", b.ref, key.Value)
}
