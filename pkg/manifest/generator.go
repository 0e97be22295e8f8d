package manifest

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// partialAnnotation marks what a generator makes of which a part is remote. Its content is not known, and it is taken off again.
const partialAnnotation = "fluxtune.github.io/partial"

// withoutRemoteFiles takes the remote files out of the entries of a generator of ConfigMaps or Secrets, marks what these
// generate, and tells whether there were any. Those of an entry stay that changes what another one generates, or is written in
// a way that takes no mark.
func (f *remoteFilter) withoutRemoteFiles(p string, generator *yaml.Node) (changed bool) {
	for _, entry := range generator.Content {
		behavior := text(entry, "behavior")
		if remoteFile(entry, "") == "" || entry.Kind != yaml.MappingNode || behavior != "" && behavior != "create" || !annotate(entry, partialAnnotation) {
			continue
		}
		changed = true
		for _, u := range takeRemoteFiles(entry) {
			f.gaps[fmt.Sprintf("%q in %s", flux.ShownURL(u), p)] = "it is not in the checkout, and nothing is fetched"
		}
	}
	return changed
}

// takeRemoteFiles takes them out of an entry's lists, and returns them.
func takeRemoteFiles(entry *yaml.Node) (taken []string) {
	for i := 0; i+1 < len(entry.Content); {
		key, value := entry.Content[i].Value, entry.Content[i+1]
		if value.Kind == yaml.ScalarNode && remoteFile(value, key) != "" {
			taken = append(taken, value.Value)
			entry.Content = slices.Delete(entry.Content, i, i+2)
			continue
		}
		if value.Kind == yaml.SequenceNode {
			value.Content = slices.DeleteFunc(value.Content, func(n *yaml.Node) bool {
				remote := n.Kind == yaml.ScalarNode && remoteFile(n, key) != ""
				if remote {
					taken = append(taken, n.Value)
				}
				return remote
			})
		}
		i += 2
	}
	return taken
}

// annotate adds options.annotations of a generator's entry; false where they are written in a way that takes none.
func annotate(entry *yaml.Node, name string) bool {
	for _, key := range []string{"options", "annotations"} {
		child := at(entry, key)
		if child == nil {
			child = &yaml.Node{Kind: yaml.MappingNode}
			entry.Content = append(entry.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, child)
		}
		if child.Kind != yaml.MappingNode {
			return false
		}
		entry = child
	}
	entry.Content = append(entry.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, &yaml.Node{Kind: yaml.ScalarNode, Value: "true", Tag: "!!str"})
	return true
}
