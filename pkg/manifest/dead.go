package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Dead are the values in manifests of Flux objects that decide nothing: what is built from them gets its
// values from elsewhere. Only files that some root is built from are looked at; nothing in the others decides
// anything. Those that something may use which is not built are not among them: see Undecided. Only manifests of chosen
// objects are looked at, or of what may become one.
func (t *Tree) Dead(fleets []Fleet, d Decisions, chosen Chosen) []Scalar {
	dead, _ := t.idle(fleets, d, chosen)
	return dead
}

// Undecided are the values in manifests of Flux objects of which it is not known whether they decide something: nothing
// that is built follows them, and something may that is not.
func (t *Tree) Undecided(fleets []Fleet, d Decisions, chosen Chosen) []Scalar {
	_, undecided := t.idle(fleets, d, chosen)
	return undecided
}

// idle are the values that nothing follows which is built: dead, or undecided.
func (t *Tree) idle(fleets []Fleet, d Decisions, chosen Chosen) (dead, undecided []Scalar) {
	unbuilt := t.outskirts(fleets)
	alive := map[string]bool{}
	for _, used := range [...]map[int]bool{keys(d.reach), keys(d.tied), d.broken, d.copied} {
		for i := range used {
			alive[d.scalars[i].String()] = true
		}
	}
	files := slices.Concat(builtFrom(fleets), unbuilt.files())
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		content, err := t.ReadFile(file)
		if err != nil || !isYAML(file) {
			continue
		}
		values := valueLines(parseDocuments(content))
		if len(values) == 0 {
			continue
		}
		byLine := map[int][]manifestValue{}
		for _, v := range values {
			byLine[v.node.Line] = append(byLine[v.node.Line], v)
		}
		for _, s := range durations(file, content) {
			line := byLine[s.Line]
			i := slices.IndexFunc(line, func(v manifestValue) bool {
				return v.node.Value == s.Text && (v.node.Column == s.Column || v.node.Column == s.Column-1)
			})
			switch {
			case i < 0 || alive[s.String()] || !chosen.manifest(fleets, file, line[i].object):
			case unbuilt.user(file) != nil:
				undecided = append(undecided, s)
			default:
				dead = append(dead, s)
			}
		}
	}
	return dead, undecided
}

// RefusedValue is a value in a manifest that Flux does not take.
type RefusedValue struct {
	Position
	// Object as its manifest names it, which is not always its name on a cluster.
	Object flux.Ref
	Field  flux.Field
	// Why says what is wrong with it.
	Why string
}

// RefusedValues are those in the manifests that something may use which is not built. Of what is built the objects are
// looked at.
func (t *Tree) RefusedValues(fleets []Fleet) []RefusedValue {
	var refused []RefusedValue
	for _, file := range t.outskirts(fleets).files() {
		content, err := t.ReadFile(file)
		if err != nil || !isYAML(file) {
			continue
		}
		for _, v := range valueLines(parseDocuments(content)) {
			if strings.ContainsAny(v.node.Value, "${<") { // a variable, or a template
				continue
			}
			if _, err := flux.ParseDuration(v.node.Value, v.tunable.NoHours); err != nil {
				at := position(file, v.node, nil)
				if v.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
					at.Column, at.Length = at.Column+1, len(v.node.Value) // where the scalars of a build stand
				}
				refused = append(refused, RefusedValue{Position: at, Object: v.object, Field: v.tunable.Field, Why: err.Error()})
			}
		}
	}
	return refused
}

func keys[V any](m map[int]V) map[int]bool {
	set := make(map[int]bool, len(m))
	for k := range m {
		set[k] = true
	}
	return set
}

// manifestValue is the scalar of a tunable field in the document of a Flux object.
type manifestValue struct {
	node    *yaml.Node
	object  flux.Ref
	tunable flux.Tunable
}

// valueLines are the scalars of the tunable fields in documents of Flux objects.
func valueLines(documents []*yaml.Node) []manifestValue {
	var found []manifestValue
	for _, n := range documents {
		group := groupOf(n)
		kind, known := flux.ParseManifestKind(group, text(n, "kind"))
		if !known {
			continue
		}
		for _, tunable := range kind.Tunables {
			if value := at(n, tunable.Field.Path()...); value != nil && value.Kind == yaml.ScalarNode {
				object := flux.Ref{Group: group, Kind: kind.Name, Namespace: text(n, "metadata", "namespace"), Name: text(n, "metadata", "name")}
				found = append(found, manifestValue{value, object, tunable})
			}
		}
	}
	return found
}
