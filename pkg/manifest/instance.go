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
	var instance instanceSync
	if err := json.Unmarshal(o.json, &instance); err != nil {
		f.gap(o.ref.String(), err.Error(), false)
		f.refuse(d.ref(), o.ref.String())
		return
	}
	if instance.Spec.Sync == nil || instance.Spec.Sync.URL == "" {
		return
	}
	sync := instance.Spec.Sync
	kind, err := flux.ParseKind(sync.Kind)
	if err != nil || !kind.Source {
		return
	}
	ref := map[string]string{"name": sync.Ref}
	if kind.Name == "OCIRepository" {
		ref = map[string]string{"tag": sync.Ref}
	}
	spec := map[string]any{"interval": cmp.Or(deref(sync.Interval), instanceInterval), "url": sync.URL, "ref": ref}
	if sync.Secret != "" {
		spec["secretRef"] = map[string]string{"name": sync.Secret}
	}
	if sync.Provider != "" {
		spec["provider"] = sync.Provider
	}
	name := cmp.Or(sync.Name, instance.Metadata.Namespace) // of the source, as flux-operator names it
	data, err := json.Marshal(map[string]any{
		"apiVersion": kind.Group + "/" + kind.Versions[0], "kind": kind.Name,
		"metadata": map[string]string{"name": name, "namespace": instance.Metadata.Namespace}, "spec": spec,
	})
	if err != nil {
		return
	}
	object, err := flux.Decode(data)
	if err != nil {
		return
	}
	if _, twice := f.owners[object.Ref]; twice {
		return
	}
	object.Generated = true
	f.owners[object.Ref] = d.ref()
	f.Snapshot.Objects = append(f.Snapshot.Objects, object)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
