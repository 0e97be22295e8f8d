package tune

import (
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// clientSideApply is the field manager of kubectl apply without --server-side (k8s.io/kubectl pkg/cmd/apply,
// FieldManagerClientSideApply).
const clientSideApply = "kubectl-client-side-apply"

// declaredSince tells whether kubectl apply has declared, since the last of our steps, the value that a field has. Where
// that is the value which we had set, it patches nothing but its annotation, and owns the field no more than before.
func (r *Record) declaredSince(c chain, o flux.Object, f flux.Field) bool {
	var declared map[string]any
	if json.Unmarshal([]byte(o.Annotations[corev1.LastAppliedConfigAnnotation]), &declared) != nil {
		return false
	}
	value, found, err := unstructured.NestedString(declared, f.Path()...)
	if err != nil || !found || !flux.SameDuration(&value, o.Value(f)) || flux.SameDuration(&value, c[0].From) {
		return false
	}
	// The API server writes times to the second.
	return lastWrite(o.ManagedFields, clientSideApply).After(r.Steps[c[len(c)-1].step].Time.Truncate(time.Second))
}

// setsIgnore tells whether an owner of a Kustomization's rules sets them again, or has declared them with ours among them: a write
// of ours takes the list from all who owned it before.
func setsIgnore(o flux.Object, m flux.Manager) bool {
	return m.Name != readPins(o).Manager && (comesBack(m) || m.Apply && Pinning(o))
}

// declaredIgnore is kubectl apply, where it has declared a Kustomization's rules as they are now, with ours among them: it patches
// nothing but its annotation, and owns them no more than before.
func declaredIgnore(o flux.Object) []flux.Manager {
	var declared struct {
		Spec struct{ Ignore []flux.IgnoreRule }
	}
	if !Pinning(o) || len(o.Ignore) == 0 || json.Unmarshal([]byte(o.Annotations[corev1.LastAppliedConfigAnnotation]), &declared) != nil ||
		!slices.EqualFunc(declared.Spec.Ignore, o.Ignore, flux.IgnoreRule.Equal) {
		return nil
	}
	return []flux.Manager{{Name: clientSideApply}}
}

// lastWrite is when a manager last wrote an object by an update; the zero time where that is not known.
func lastWrite(managedFields []byte, manager string) (at time.Time) {
	var entries []metav1.ManagedFieldsEntry
	if json.Unmarshal(managedFields, &entries) != nil {
		return at
	}
	for _, e := range entries {
		if e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationUpdate && e.Time != nil && e.Time.After(at) {
			at = e.Time.Time
		}
	}
	return at
}
