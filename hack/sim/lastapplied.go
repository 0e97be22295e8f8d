package sim

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// lastApplied is the annotation that kubectl writes of an object's fields and annotations (k8s.io/kubectl pkg/util/apply.go,
// GetModifiedConfiguration): of a manifest, or, where that was read from the API server, of the object as it was.
func lastApplied(fields map[flux.Field]string, annotations map[string]string) string {
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

// declare is kubectl apply of a manifest with one field: what the last manifest had, and this one has not, is removed (kubectl apply,
// three-way merge).
func (r *Resource) declare(f flux.Field, value string) {
	var last struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec map[string]string `json:"spec"`
	}
	values := make(map[Path]*string)
	if text := r.Annotations[corev1.LastAppliedConfigAnnotation]; text != "" && json.Unmarshal([]byte(text), &last) == nil {
		for key := range last.Metadata.Annotations {
			values[AnnotationPath(key)] = nil
		}
		for key := range last.Spec {
			values[Path("spec."+key)] = nil
		}
	}
	text := lastApplied(map[flux.Field]string{f: value}, nil)
	values[Path(f)], values[AnnotationPath(corev1.LastAppliedConfigAnnotation)] = &value, &text
	r.update("kubectl-client-side-apply", values, ByHand)
	r.LastWriter[f] = ByHand
}
