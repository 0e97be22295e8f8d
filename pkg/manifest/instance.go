package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// instanceSync is what a FluxInstance says of the source and the Kustomization that the Flux Operator makes for it (api v1,
// FluxInstanceSpec).
type instanceSync struct {
	Metadata struct {
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Sync *struct {
			Kind     string  `json:"kind"`
			Name     string  `json:"name"`
			URL      string  `json:"url"`
			Ref      string  `json:"ref"`
			Path     string  `json:"path"`
			Interval *string `json:"interval"`
			Provider string  `json:"provider"`
			Secret   string  `json:"pullSecret"`
		} `json:"sync"`
		Kustomize struct {
			Patches []kustomize.Patch `json:"patches"`
		} `json:"kustomize"`
	} `json:"spec"`
}

// instanceInterval is the interval of a FluxInstance's source where it says none (its CRD's default), and syncInterval that of
// its Kustomization (internal/builder/templates.go, syncTmpl).
const (
	instanceInterval = "1m"
	syncInterval     = "10m0s"
)

// withSynced adds to the objects of a deployment what the Flux Operator makes for the FluxInstances among them. No file holds it,
// and nobody tunes it there, as the operator sets it again.
func (d *deployment) withSynced(objects []appliedObject) []appliedObject {
	for i := range objects {
		o := &objects[i]
		if !o.isFluxInstance() || o.json == nil {
			continue
		}
		var made []appliedObject
		made, o.unsynced = synchronised(o.json)
		for _, m := range made {
			m.by = d.ref()
			if !slices.ContainsFunc(objects, func(other appliedObject) bool { return other.ref == m.ref }) {
				objects = append(objects, m)
			}
		}
	}
	return objects
}

// synchronised are the source and the Kustomization that the Flux Operator makes for a FluxInstance, with its patches; none where
// it makes none.
func synchronised(data json.RawMessage) ([]appliedObject, error) {
	var instance instanceSync
	if err := json.Unmarshal(data, &instance); err != nil {
		return nil, err
	}
	sync := instance.Spec.Sync
	if sync == nil || sync.URL == "" {
		return nil, nil
	}
	kind, err := flux.ParseKind(sync.Kind)
	if err != nil || !kind.Source {
		return nil, nil // the API server refuses it
	}
	spec := map[string]any{"interval": cmp.Or(deref(sync.Interval), instanceInterval)}
	switch kind.Name { // flux-operator internal/builder/templates.go, syncTmpl
	case "Bucket":
		spec["endpoint"], spec["bucketName"] = sync.URL, sync.Ref
	case "OCIRepository":
		spec["url"], spec["ref"] = sync.URL, map[string]string{"tag": sync.Ref}
	default:
		spec["url"], spec["ref"] = sync.URL, map[string]string{"name": sync.Ref}
	}
	if sync.Secret != "" {
		spec["secretRef"] = map[string]string{"name": sync.Secret}
	}
	if sync.Provider != "" {
		spec["provider"] = sync.Provider
	}
	namespace := instance.Metadata.Namespace
	name := cmp.Or(sync.Name, namespace) // as flux-operator names both
	if name == "" {
		return nil, nil
	}
	object := func(group, version, kind string, spec map[string]any) map[string]any {
		return map[string]any{"apiVersion": group + "/" + version, "kind": kind,
			"metadata": map[string]any{"name": name, "namespace": namespace}, "spec": spec}
	}
	return patchedSync(instance.Spec.Kustomize.Patches, sync.Kind,
		object(kind.Group, kind.Versions[0], kind.Name, spec),
		object(kustomizeGroup, "v1", kustomizationKind, map[string]any{"interval": syncInterval, "path": sync.Path, "prune": true,
			"sourceRef": map[string]string{"kind": sync.Kind, "name": name}}))
}

// patchedSync are objects with those patches of a FluxInstance that may be for them: the operator builds them with all that it
// installs, in one kustomization (internal/builder/templates.go, kustomizationTmpl).
func patchedSync(patches []kustomize.Patch, source string, objects ...map[string]any) (made []appliedObject, err error) {
	k := kustypes.Kustomization{Resources: []string{"sync.yaml"}}
	k.APIVersion, k.Kind = kustypes.KustomizationVersion, kustypes.KustomizationKind
	for _, p := range patches {
		if mayPatch(p, source) || mayPatch(p, kustomizationKind) {
			text := p.Patch
			if p.Target == nil {
				if text, err = documentsFor(p.Patch, source, kustomizationKind); err != nil {
					return nil, err
				}
			}
			k.Patches = append(k.Patches, kustypes.Patch{Patch: text, Target: selector(p.Target)})
		}
	}
	texts := make([]string, len(objects))
	for i, o := range objects {
		if texts[i], err = jsonText(o); err != nil {
			return nil, err
		}
	}
	content, err := jsonText(k)
	if err != nil {
		return nil, err
	}
	t := NewTree(map[string]string{"sync.yaml": strings.Join(texts, "\n---\n"), "kustomization.yaml": content})
	b := build(t, "", kustomizationSpec{}, buildOptions{})
	for _, r := range b.resources {
		r.origin = ""
		made = append(made, appliedObject{builtResource: r, made: true, literal: true})
	}
	if b.err != nil {
		return nil, fmt.Errorf("its spec.kustomize.patches do not fit what it makes of spec.sync: %s", oneLine(b.err))
	}
	return made, nil
}

// anchored tells whether a pattern of a target matches a name, as kustomize has it; also where it is no pattern, which fails there.
func anchored(pattern, name string) bool {
	matches, err := regexp.MatchString("^(?:"+pattern+")$", name)
	return matches || err != nil
}

func jsonText(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

// mayPatch tells whether a patch may be for an object of a kind: its target says so, or, without one, the patch itself.
func mayPatch(p kustomize.Patch, kind string) bool {
	if p.Target != nil {
		return p.Target.Kind == "" || anchored(p.Target.Kind, kind)
	}
	return slices.ContainsFunc(parseDocuments([]byte(p.Patch)), func(n *yaml.Node) bool { return text(n, "kind") == kind })
}

// documentsFor is a patch without a target, with those of its documents alone that are for objects of some kinds.
func documentsFor(patch string, kinds ...string) (string, error) {
	documents := parseDocuments([]byte(patch))
	if len(documents) == 1 {
		return patch, nil
	}
	var kept []string
	for _, n := range documents {
		if slices.Contains(kinds, text(n, "kind")) {
			content, err := yaml.Marshal(n)
			if err != nil {
				return "", fmt.Errorf("reading its spec.kustomize.patches: %w", err)
			}
			kept = append(kept, string(content))
		}
	}
	return strings.Join(kept, "---\n"), nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
