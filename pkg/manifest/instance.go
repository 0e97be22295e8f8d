package manifest

import (
	"cmp"
	"encoding/json"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// instanceSync is what a FluxInstance says of the source that the Flux Operator makes for it (api v1, FluxInstanceSpec).
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
			Interval *string `json:"interval"`
			Provider string  `json:"provider"`
			Secret   string  `json:"pullSecret"`
		} `json:"sync"`
	} `json:"spec"`
}

// instanceInterval is the interval of a FluxInstance's source where it says none (its CRD's default).
const instanceInterval = "1m"

// addSync adds the source that the Flux Operator makes for a FluxInstance: it polls, although no file holds it. Nobody tunes
// it there, as the operator sets it again.
func (f *Fleet) addSync(d *deployment, o appliedObject) {
	object, err := syncSource(o.json)
	if err != nil {
		f.gap(o.ref.String(), err.Error(), false)
		f.refuse(d.ref(), o.ref.String())
		return
	}
	if object == nil {
		return
	}
	if _, twice := f.owners[object.Ref]; twice {
		return
	}
	object.Generated = true
	f.owners[object.Ref] = d.ref()
	f.Snapshot.Objects = append(f.Snapshot.Objects, *object)
}

// syncSource is the source that the Flux Operator makes for a FluxInstance; nil where it makes none.
func syncSource(data json.RawMessage) (*flux.Object, error) {
	var instance instanceSync
	if err := json.Unmarshal(data, &instance); err != nil {
		return nil, err
	}
	if instance.Spec.Sync == nil || instance.Spec.Sync.URL == "" {
		return nil, nil
	}
	sync := instance.Spec.Sync
	kind, err := flux.ParseKind(sync.Kind)
	if err != nil || !kind.Source {
		return nil, nil
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
	name := cmp.Or(sync.Name, instance.Metadata.Namespace) // of the source, as flux-operator names it
	made, err := json.Marshal(map[string]any{
		"apiVersion": kind.Group + "/" + kind.Versions[0], "kind": kind.Name,
		"metadata": map[string]string{"name": name, "namespace": instance.Metadata.Namespace}, "spec": spec,
	})
	if err != nil {
		return nil, nil
	}
	object, err := flux.Decode(made)
	if err != nil {
		return nil, nil
	}
	return &object, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
