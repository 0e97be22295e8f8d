package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Dead are the values in manifests of Flux objects that decide nothing: what is built from them gets its
// values from elsewhere. Only files that some root is built from are looked at; nothing in the others decides
// anything.
func (t *Tree) Dead(fleets []Fleet, d Decisions) []Scalar {
	alive := map[string]bool{}
	for _, used := range [...]map[int]bool{keys(d.reach), keys(d.tied), d.broken} {
		for i := range used {
			alive[d.scalars[i].String()] = true
		}
	}
	var dead []Scalar
	for _, file := range builtFrom(fleets) {
		content, err := t.ReadFile(file)
		if err != nil || !isYAML(file) {
			continue
		}
		values := valueLines(parseDocuments(content))
		if len(values) == 0 {
			continue
		}
		for _, s := range durations(file, content) {
			isValue := slices.ContainsFunc(values, func(n *yaml.Node) bool {
				return n.Line == s.Line && n.Value == s.Text && (n.Column == s.Column || n.Column == s.Column-1)
			})
			if isValue && !alive[s.String()] {
				dead = append(dead, s)
			}
		}
	}
	return dead
}

func keys[V any](m map[int]V) map[int]bool {
	set := make(map[int]bool, len(m))
	for k := range m {
		set[k] = true
	}
	return set
}

// valueLines are the scalars of the tunable fields in documents of Flux objects.
func valueLines(documents []*yaml.Node) []*yaml.Node {
	var found []*yaml.Node
	for _, n := range documents {
		group, _, _ := strings.Cut(text(n, "apiVersion"), "/")
		kind, known := flux.ParseManifestKind(group, text(n, "kind"))
		if !known {
			continue
		}
		for _, tunable := range kind.Tunables {
			if value := at(n, tunable.Field.Path()...); value != nil && value.Kind == yaml.ScalarNode {
				found = append(found, value)
			}
		}
	}
	return found
}
