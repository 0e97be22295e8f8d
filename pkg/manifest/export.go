package manifest

import (
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

// ExportPatches writes the values of exceptions as spec.patches of the Kustomization that applies them: YAML to paste
// into its manifest in Git. There is one patch for all objects of a kind and namespace that have the same values.
func ExportPatches(owner flux.Ref, exceptions []Exception) string {
	type class struct{ group, kind, namespace, values string }
	patches := map[class]*patch{}
	var order []class
	for _, e := range exceptions {
		var values []fieldValue
		for _, f := range e.Fields {
			if v := e.Object.Value(f); v != nil {
				values = append(values, fieldValue{f, flux.ShortDuration(*v)})
			}
		}
		if len(values) == 0 {
			continue
		}
		c := class{e.Object.Group, e.Object.Kind, e.Object.Namespace, fmt.Sprint(values)}
		if patches[c] == nil {
			patches[c] = &patch{group: c.group, kind: c.kind, namespace: c.namespace, values: values}
			order = append(order, c)
		}
		patches[c].names = append(patches[c].names, e.Object.Name)
	}
	slices.SortFunc(order, func(a, b class) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	lines := exportHead(owner, "patches")
	for _, c := range order {
		slices.Sort(patches[c].names)
		for _, line := range patches[c].lines(false) {
			lines = append(lines, "    "+line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
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
