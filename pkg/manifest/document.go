package manifest

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// document is one YAML document of the checkout that may tell of a root.
type document struct {
	file string
	node *yaml.Node
}

// documents reads the documents that name Flux's groups or the Flux Operator's, or have a sync.
func (t *Tree) documents() []document { return t.documentsWith("toolkit.fluxcd.io/", "sync:") }

// declarations are those of the documents that tell what is deployed from where: Kustomizations and sources of Flux, and what
// the Flux Operator makes such of. Most of a checkout's are others.
func (t *Tree) declarations() []document {
	return t.documentsWith(kustomizeGroup+"/", sourceGroup+"/", flux.OperatorGroup+"/", "sync:")
}

// documentsWith reads the documents of files that have one of some texts.
func (t *Tree) documentsWith(texts ...string) []document {
	var found []document
	for _, p := range t.Files() {
		if !isYAML(p) || hidden(p) || strings.HasSuffix(p, "gotk-components.yaml") {
			continue
		}
		data, err := t.ReadFile(p)
		has := func(text string) bool { return bytes.Contains(data, []byte(text)) }
		if err != nil || path.Base(p) != syncFile && !slices.ContainsFunc(texts, has) {
			continue
		}
		nodes := parseDocuments(data)
		for _, n := range nodes {
			found = append(found, document{file: p, node: n})
		}
		if len(nodes) == 0 && path.Base(p) == syncFile {
			found = append(found, document{file: p, node: &yaml.Node{}})
		}
	}
	return found
}

const syncFile = "gotk-sync.yaml"

// parseDocuments reads the objects of a YAML stream, up to the first that cannot be read, with the lines and columns that
// editors count: its mappings, and of a List the items, in the order of a build.
func parseDocuments(data []byte) []*yaml.Node { return objectsOf(parseMappings(data)) }

// objectsOf are the objects of mappings: of a List of any kind its items, behind all others, as kustomize takes them
// (api/resource/factory.go, inlineAnyEmbeddedLists); kubectl keeps their order. What aliases make of one item is one.
func objectsOf(mappings []*yaml.Node) (objects []*yaml.Node) {
	seen := map[*yaml.Node]bool{}
	for rest := slices.Clone(mappings); len(rest) > 0; rest = rest[1:] {
		n := rest[0]
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if seen[n] {
			continue
		}
		seen[n] = true
		items := at(n, "items")
		if items != nil && items.Kind == yaml.AliasNode {
			items = items.Alias
		}
		if items == nil || items.Kind != yaml.SequenceNode || !strings.HasSuffix(text(n, "kind"), "List") {
			objects = append(objects, n)
			continue
		}
		rest = append(rest, items.Content...)
	}
	return objects
}

// parseMappings is parseDocuments with Lists as they stand.
func parseMappings(data []byte) (nodes []*yaml.Node) {
	defer func() { _ = recover() }() // as what cannot be read
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		if decoder.Decode(&n) != nil {
			asEditorsCount(data, nodes...)
			return nodes
		}
		if len(n.Content) == 1 && n.Content[0].Kind == yaml.MappingNode {
			nodes = append(nodes, n.Content[0])
		}
	}
}

// hidden tells whether a folder on the way to a file begins with a dot.
func hidden(p string) bool { return strings.HasPrefix(p, ".") || strings.Contains(p, "/.") }

// at follows keys from a mapping; nil where one is missing.
func at(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		i := 0
		for i+1 < len(n.Content) && n.Content[i].Value != key {
			i += 2
		}
		if i+1 >= len(n.Content) {
			return nil
		}
		n = n.Content[i+1]
	}
	return n
}

func text(n *yaml.Node, keys ...string) string {
	if n = at(n, keys...); n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// groupOf is the API group of an object; "" of the core group, and where its apiVersion has no slash.
func groupOf(n *yaml.Node) string {
	group, _, found := strings.Cut(text(n, "apiVersion"), "/")
	if !found {
		return ""
	}
	return group
}

// isKustomizationObject tells a Kustomization of Flux from one of kustomize.
func isKustomizationObject(n *yaml.Node) bool {
	return text(n, "kind") == kustomizationKind && strings.HasPrefix(text(n, "apiVersion"), kustomizeGroup+"/")
}
