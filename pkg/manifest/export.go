package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Exception is an object whose values are not those that Git has, and which.
type Exception struct {
	Object flux.Object
	Fields []flux.Field
}

// Applier is a Kustomization that applies exceptions.
type Applier struct {
	flux.Ref
	// Objects are the Flux objects that it applies, as far as they are known; Complete says that these are all.
	Objects  []flux.Ref
	Complete bool
	// NamePrefix and NameSuffix are those of its spec.
	NamePrefix, NameSuffix string
	// TargetNamespace is that of its spec: all its objects are in it, whatever namespace their files write.
	TargetNamespace string
}

// ExportPatches writes the values of exceptions as spec.patches of the Kustomization that applies them: YAML to paste
// into its manifest in Git. There is one patch for all objects of a kind that have the same values.
//
// Kustomize patches first and then sets namespaces, prefixes and suffixes of the same kustomization, which takes those of
// the Kustomization's spec in (order of the transformers: sigs.k8s.io/kustomize api/internal/target,
// kusttarget_configplugin.go), and Flux substitutes variables last. So a target names the object as it was before: without
// the prefix and suffix of the spec, and without a namespace. An object whose name another of its kind bears that should
// not get the same values is told from that by its namespace: as the two have kept different ones, no namespace is set for
// all. A comment says so, and that it holds only as far as the files write this namespace.
func ExportPatches(by Applier, exceptions []Exception) string {
	type class struct{ group, kind, namespace, values string }
	patches, notes := map[class]*patch{}, map[class][]string{}
	var order []class
	wanted := exportedValues(exceptions)
	for _, e := range exceptions {
		values := wanted[e.Object.Ref]
		if len(values) == 0 {
			continue
		}
		c := class{group: e.Object.Group, kind: e.Object.Kind, values: fmt.Sprint(values)}
		note := by.doubt(e.Object.Ref, wanted)
		if note != "" {
			c.namespace = e.Object.Namespace
		}
		if patches[c] == nil {
			patches[c] = &patch{group: c.group, kind: c.kind, namespace: c.namespace, values: values}
			order = append(order, c)
		}
		if name := by.written(e.Object.Name); !slices.Contains(patches[c].names, name) {
			patches[c].names = append(patches[c].names, name)
		}
		if note != "" {
			notes[c] = append(notes[c], note)
		}
	}
	sorting.By(order, func(a, b class) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	lines := exportHead(by.Ref, "patches")
	for _, c := range order {
		slices.Sort(patches[c].names)
		slices.Sort(notes[c])
		for _, note := range slices.Compact(notes[c]) {
			lines = append(lines, "    # "+strings.ReplaceAll(note, "\n", "\n    # "))
		}
		for _, line := range patches[c].lines(false) {
			lines = append(lines, "    "+line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// exportedValues are what each exception sets.
func exportedValues(exceptions []Exception) map[flux.Ref][]fieldValue {
	wanted := make(map[flux.Ref][]fieldValue, len(exceptions))
	for _, e := range exceptions {
		for _, f := range e.Fields {
			if v := e.Object.Value(f); v != nil {
				tunable, _ := e.Object.KindRow().Tunable(f)
				wanted[e.Object.Ref] = append(wanted[e.Object.Ref], fieldValue{f, tunable.Short(*v)})
			}
		}
	}
	return wanted
}

// doubt says why a patch by kind and name may reach another object than the one that it is for; "" where it does not.
func (a Applier) doubt(ref flux.Ref, wanted map[flux.Ref][]fieldValue) string {
	if a.TargetNamespace != "" { // so that no two have one name, and a patch does not know the namespace yet
		return ""
	}
	const otherwise = "If its files write another one, or a variable, the patch does nothing: -o ignore tells the objects apart as they are on the cluster."
	for _, other := range a.Objects {
		if other.Group == ref.Group && other.Kind == ref.Kind && other.Name == ref.Name && !slices.Equal(wanted[other], wanted[ref]) {
			return fmt.Sprintf("%s bears the name of %s, which keeps its values: the namespace tells them apart.\n%s", ref, other, otherwise)
		}
	}
	if !a.Complete {
		return fmt.Sprintf("What else %s applies is not known: the namespace keeps the patch from another %s of the name %s.\n%s", a.Ref, ref.Kind, ref.Name, otherwise)
	}
	return ""
}

// written is the name of an object before the spec's prefix and suffix were added.
func (a Applier) written(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, a.NamePrefix), a.NameSuffix)
}

// ExportRules writes spec.ignore of the Kustomization that applies exceptions: with these rules it leaves their fields as
// they are on the cluster, whatever Git has (kustomize-controller 1.9).
func ExportRules(owner flux.Ref, exceptions []Exception) (string, error) {
	needs := make([]tune.Need, 0, len(exceptions))
	for _, e := range exceptions {
		needs = append(needs, tune.Need{Object: e.Object.Ref, Fields: e.Fields})
	}
	data, err := yaml.Marshal(tune.Rules(needs))
	if err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	lines := exportHead(owner, "ignore")
	for line := range strings.Lines(string(data)) {
		lines = append(lines, "    "+strings.TrimSuffix(line, "\n"))
	}
	return strings.Join(lines, "\n") + "\n", nil
}

func exportHead(owner flux.Ref, field string) []string {
	return []string{
		"apiVersion: " + owner.Group + "/v1", "kind: " + owner.Kind, "metadata:", "  name: " + owner.Name, "  namespace: " + owner.Namespace, "spec:", "  " + field + ":",
	}
}
