package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// carries tells whether a part of an object only leads to other objects' values, all of which are known: a Kustomization's
// patches and variables, a ConfigMap with variables that nothing else reads, and that may change. What is not built, for whatever
// reason, follows all that leads to it.
func (o *outskirts) carries(root int, ref flux.Ref, path string) bool {
	switch {
	case ref.Kind == kustomizationKind && ref.Group == kustomizeGroup:
		d := o.fleets[root].deployments[ref]
		switch {
		case d == nil || !d.local || d.built.err != nil:
			return false
		case strings.HasPrefix(path, "spec.patches"):
			return !d.more || d.namesAll()
		default:
			return !d.more && strings.HasPrefix(path, "spec.postBuild.substitute")
		}
	case ref.Kind == "ConfigMap" && ref.Group == "" && strings.HasPrefix(path, "data."):
		gives, known := o.gives[spot{root, ref}]
		if !known {
			gives = o.fleets[root].givesVariables(ref) && !o.mayName(root, ref.Name)
			o.gives[spot{root, ref}] = gives
		}
		return gives
	default:
		return false
	}
}

// namesAll tells whether the patches of a Kustomization name the objects that they change.
func (d *deployment) namesAll() bool {
	return !slices.ContainsFunc(d.Spec.Patches, func(p kustomize.Patch) bool { return p.Target != nil && openName(p.Target.Name) }) && len(d.Spec.PatchesJSON6902) == 0
}

// mayName tells whether something that is not built of a cluster may have a name in it.
func (o *outskirts) mayName(root int, name string) bool {
	return slices.ContainsFunc(o.unbuilt, func(u Unbuilt) bool {
		if u.Root != root || u.lost != "" {
			return u.Root == root
		}
		for file := range u.files {
			if content, err := o.tree.ReadFile(file); err != nil || bytes.Contains(content, []byte(name)) {
				return true
			}
		}
		return false
	})
}

// whole tells whether all that a deployment applies is known.
func (d *deployment) whole() bool { return d.local && d.built.err == nil && !d.more }

// givesVariables tells whether a ConfigMap gives Kustomizations variables, and is there for nothing else.
func (f Fleet) givesVariables(configMap flux.Ref) bool {
	gives := false
	for _, d := range f.deployments {
		if d.takesVariables(configMap) {
			if gives = true; !d.whole() {
				return false
			}
		}
		for _, o := range d.objects {
			if o.ref == configMap && isImmutable(o.json) || o.ref.Namespace == configMap.Namespace && d.reads(o, configMap.Name) || o.mayRead(configMap) {
				return false
			}
		}
	}
	return gives
}

// reads tells whether an object of a deployment names a ConfigMap, or may, by a variable that is not known.
func (d *deployment) reads(o appliedObject, configMap string) bool {
	return slices.ContainsFunc(o.configMaps, func(name string) bool {
		if !o.raw && strings.Contains(name, "$") {
			out, _, _, err := d.vars.eval(name)
			return err != nil || out == configMap || strings.Contains(out, "$")
		}
		return name == configMap
	})
}

// givesSome tells whether a Kustomization takes variables from a ConfigMap.
func (f Fleet) givesSome(configMap flux.Ref) bool {
	for _, d := range f.deployments {
		if d.takesVariables(configMap) {
			return true
		}
	}
	return false
}

func (d *deployment) takesVariables(configMap flux.Ref) bool {
	if d.Spec.PostBuild == nil || d.Metadata.Namespace != configMap.Namespace {
		return false
	}
	return slices.ContainsFunc(d.Spec.PostBuild.SubstituteFrom, func(from substituteFrom) bool { return from.Kind == "ConfigMap" && from.Name == configMap.Name })
}

// mayRead tells whether a ResourceSet makes something that may read a ConfigMap, as it names it.
func (b builtResource) mayRead(configMap flux.Ref) bool {
	return b.isResourceSet() && bytes.Contains(b.json, []byte(configMap.Name))
}

// isImmutable tells whether the API server refuses every change of a ConfigMap's data (kubernetes pkg/apis/core/validation,
// ValidateConfigMapUpdate), so that nothing that is applied with it is applied.
func isImmutable(object json.RawMessage) bool {
	var m struct {
		Immutable bool `json:"immutable"`
	}
	return bytes.Contains(object, []byte(`"immutable"`)) && json.Unmarshal(object, &m) == nil && m.Immutable
}

// configMapsRead are the names of ConfigMaps that an object reads: those of a pod's environment and volumes, and what else says
// that it names one (valuesFrom of a HelmRelease). What Kustomizations of Flux take variables from is left out.
func configMapsRead(n *kyaml.Node, names []string) []string {
	kind, name := "", ""
	for i := 0; n.Kind == kyaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		switch key {
		case "kind":
			kind = value.Value
		case "name":
			name = value.Value
		case "configMapRef", "configMapKeyRef", "configMap":
			for j := 0; value.Kind == kyaml.MappingNode && j+1 < len(value.Content); j += 2 {
				if value.Content[j].Value == "name" {
					names = append(names, value.Content[j+1].Value)
				}
			}
		case "substituteFrom":
			continue
		}
		names = configMapsRead(value, names)
	}
	if kind == "ConfigMap" && name != "" {
		names = append(names, name)
	}
	for i := 0; n.Kind == kyaml.SequenceNode && i < len(n.Content); i++ {
		names = configMapsRead(n.Content[i], names)
	}
	return names
}
