package sim

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// LastApplied is the annotation that kubectl writes of an object's fields and annotations (k8s.io/kubectl pkg/util/apply.go,
// GetModifiedConfiguration): of a manifest, or, where that was read from the API server, of the object as it was.
func LastApplied(fields map[flux.Field]string, annotations map[string]string) string {
	spec, kept := map[string]string{}, map[string]string{}
	for f, value := range fields {
		spec[strings.TrimPrefix(string(f), "spec.")] = value
	}
	for key, value := range annotations {
		if key != corev1.LastAppliedConfigAnnotation {
			kept[key] = value
		}
	}
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": kept}, "spec": spec})
	if err != nil { // strings always marshal
		return ""
	}
	return string(data)
}

// declare is kubectl apply of a manifest with one field.
func (r *Resource) declare(f flux.Field, value string) {
	r.update(ClientSideApply, Declared(r.Annotations[corev1.LastAppliedConfigAnnotation], f, value), ByHand)
	r.LastWriter[f] = ByHand
}

// ClientSideApply is the field manager of kubectl apply without --server-side.
const ClientSideApply = "kubectl-client-side-apply"

// Declared is what kubectl apply of a manifest with one field changes, where the last manifest is known by its annotation: what that
// had, and this one has not, is removed (nil; kubectl apply, three-way merge).
func Declared(before string, f flux.Field, value string) map[Path]*string {
	var last struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec map[string]string `json:"spec"`
	}
	values := make(map[Path]*string)
	if before != "" && json.Unmarshal([]byte(before), &last) == nil {
		for key := range last.Metadata.Annotations {
			values[AnnotationPath(key)] = nil
		}
		for key := range last.Spec {
			values[Path("spec."+key)] = nil
		}
	}
	text := LastApplied(map[flux.Field]string{f: value}, nil)
	values[Path(f)], values[AnnotationPath(corev1.LastAppliedConfigAnnotation)] = &value, &text
	return values
}
