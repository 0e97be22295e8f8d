package manifest

import (
	"encoding/json"
	"maps"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// collectConfigMaps are those that the deployments apply, nil where what Git has of one does not reach the cluster, or several give
// it other values, and of Secrets
// the keys, without values. Of what fails they are those of the round before: where it
// fails because of them, it would otherwise be built in every second round.
func collectConfigMaps(current map[flux.Ref]*deployment, before map[flux.Ref]map[string]string) map[flux.Ref]map[string]string {
	found, taken, idle := map[flux.Ref]map[string]string{}, map[flux.Ref]bool{}, idling(current)
	for _, by := range inOrder(current) {
		d := current[by]
		if d.built.err != nil {
			for _, b := range d.built.resources {
				if data, was := before[b.ref]; was && !taken[b.ref] {
					found[b.ref] = data
				}
			}
		}
		for _, o := range d.objects {
			if o.ref.Kind == "Secret" && o.ref.Group == "" && !o.partial {
				keys := map[string]string{}
				for _, key := range o.keys {
					keys[key] = ""
				}
				found[o.ref] = keys
			}
			if o.ref.Kind != "ConfigMap" || o.ref.Group != "" || o.partial {
				continue
			}
			if taken[o.ref] {
				if !idle[by] && by.Name != "" && !sameData(found[o.ref], o.json) {
					found[o.ref] = nil // whose values are there, whoever reconciled last tells
				}
				continue
			}
			taken[o.ref] = true
			var m struct {
				Data map[string]string `json:"data"`
				SOPS json.RawMessage   `json:"sops"` // encrypted: nothing is known of it
			}
			switch {
			case json.Unmarshal(o.json, &m) != nil || m.SOPS != nil:
			case d.untouched(o):
				found[o.ref] = nil
			default:
				found[o.ref] = map[string]string{}
				maps.Copy(found[o.ref], m.Data)
			}
		}
	}
	return found
}

// sameData tells whether a ConfigMap has some data.
func sameData(data map[string]string, object json.RawMessage) bool {
	var m struct {
		Data map[string]string `json:"data"`
	}
	return json.Unmarshal(object, &m) == nil && maps.Equal(data, m.Data)
}
