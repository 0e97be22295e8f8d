package manifest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ReadStream makes a Fleet of plain manifests, as kubectl get -o yaml or a build prints them: nothing is
// built or followed.
func ReadStream(name string, content []byte) (Fleet, error) {
	documents, err := parseAll(content)
	if err != nil {
		return Fleet{}, fmt.Errorf("reading %s: %w", name, err)
	}
	f := newFleet(Root{Path: name}, nil, nil, false)
	d := &deployment{local: true}
	f.deployments = map[flux.Ref]*deployment{d.ref(): d}
	objects := 0
	for _, n := range documents {
		var whole any
		if err := n.Decode(&whole); err != nil {
			return Fleet{}, fmt.Errorf("reading %s: %w", name, err)
		}
		if m, is := whole.(map[string]any); is && m["kind"] != nil {
			objects++
		}
		for _, object := range items(whole) {
			data, err := json.Marshal(object)
			if err != nil {
				return Fleet{}, fmt.Errorf("reading %s: %w", name, err)
			}
			o, err := flux.Decode(data)
			if err != nil {
				return Fleet{}, err
			}
			if _, twice := f.owners[o.Ref]; twice {
				f.gap(o.Ref.String(), "it is there twice: only the first counts", true)
				continue
			}
			applied := appliedObject{builtResource: builtResource{ref: o.Ref, json: data}}
			if m, wrong := flux.Mistyped(o.Group, o.Version, o.Ref.Kind); wrong && o.Name != "" { // a kustomization has no name
				applied.mistyped = &m
			}
			d.objects = append(d.objects, applied)
			f.add(d, applied)
		}
	}
	if objects == 0 {
		return Fleet{}, fmt.Errorf("reading %s: it holds no Kubernetes object: give it manifests, as kubectl get -o yaml or kustomize build print them", name)
	}
	flux.Sort(f.Snapshot.Objects)
	f.noteHeld()
	return f, nil
}

// items are the objects of a document: of a List, its own, as kubectl takes them. An item without a kind has that of the List
// (apimachinery unstructured/helpers.go, decodeToList).
func items(document any) (objects []any) {
	m, ok := document.(map[string]any)
	if !ok {
		return nil
	}
	kind, _ := m["kind"].(string)
	list, has := m["items"]
	of, isList := strings.CutSuffix(kind, "List")
	if !has || !isList {
		return []any{m}
	}
	all, _ := list.([]any) // null is none
	for _, item := range all {
		if o, ok := item.(map[string]any); ok && o["kind"] == nil && of != "" {
			o["kind"], o["apiVersion"] = of, m["apiVersion"]
		}
		objects = append(objects, items(item)...)
	}
	return objects
}
