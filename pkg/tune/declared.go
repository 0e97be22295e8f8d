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

// declaredSince is who has declared by kubectl apply, since the last of our steps, the value that a field has; false where nobody
// has. Where that is the value which we had set, it patches nothing but its annotation, and owns the field no more than before.
// A copy of the object declares nothing of what we had set: kubectl replace writes the annotation anew from one.
func (r *Record) declaredSince(c chain, o flux.Object, f flux.Field) (flux.Manager, bool) {
	if _, declared := o.Annotations[corev1.LastAppliedConfigAnnotation]; !declared {
		return flux.Manager{}, false
	}
	by, at := declarer(o.ManagedFields)
	// The API server writes times to the second.
	since := at.After(r.Steps[c[len(c)-1].step].Time.Truncate(time.Second))
	return by, since && declares(o, f) && !copied(o, RecordAnnotation) && !flux.SameDuration(o.Value(f), c[0].From)
}

// declares tells whether kubectl apply has declared the value that a field has.
func declares(o flux.Object, f flux.Field) bool {
	var declared map[string]any
	if o.Value(f) == nil || json.Unmarshal([]byte(o.Annotations[corev1.LastAppliedConfigAnnotation]), &declared) != nil {
		return false
	}
	value, found, err := unstructured.NestedString(declared, f.Path()...)
	return err == nil && found && flux.SameDuration(&value, o.Value(f))
}

// copied tells whether what kubectl has noted as declared is a copy of an object as it was on the API server, with an annotation of
// ours, and not somebody's manifest (k8s.io/kubectl pkg/util/apply.go, CreateOrUpdateAnnotation, of all commands that write it).
func copied(o flux.Object, annotation string) bool {
	var declared struct {
		Metadata struct {
			Annotations map[string]any `json:"annotations"`
		} `json:"metadata"`
	}
	if json.Unmarshal([]byte(o.Annotations[corev1.LastAppliedConfigAnnotation]), &declared) != nil {
		return false
	}
	_, is := declared.Metadata.Annotations[annotation]
	return is
}

// declaredAgain tells whether who has set a field since has declared it by kubectl apply, as before our change. kubectl edit and
// its like keep the annotation of kubectl apply up to date: what they set is a choice all the same.
func declaredAgain(o flux.Object, f flux.Field, m flux.Manager, before []flux.Manager) bool {
	by, _ := declarer(o.ManagedFields)
	return by.Name == m.Name && (m.Name == clientSideApply || comesBack(m)) && declares(o, f) &&
		slices.ContainsFunc(before, func(b flux.Manager) bool { return b.Name == m.Name })
}

// setsIgnore tells whether an owner of a Kustomization's rules may set them again, so that none of ours can be added.
func setsIgnore(o flux.Object, m flux.Manager) bool {
	return (comesBack(m) || m.Apply && Pinning(o)) && (m.Apply || m.Name != readPins(o).Manager)
}

// adopters are those who have declared a Kustomization's rules with ours among them, since a write of ours takes the list from all who
// owned it before: by server-side apply, which has all of a list, by kubectl apply, or as what applies the Kustomization by updates
// (Helm 3). Whoever else updates the list has read it and added to it, as somebody's hand or a script does; or sets it again, with
// what we take out.
func adopters(o flux.Object) []flux.Manager {
	if !Pinning(o) {
		return nil
	}
	applier, _ := o.Owner()
	notes, names := readPins(o), managerOf(applier)
	owners := slices.DeleteFunc(o.OwnersOf(flux.IgnoreField), func(m flux.Manager) bool {
		return !m.Apply && (m.Name == notes.Manager || !slices.Contains(names, m.Name))
	})
	return append(owners, declaredIgnore(o)...)
}

// declaredIgnore is kubectl apply, where it has declared a Kustomization's rules as they are now, with ours among them: it patches
// nothing but its annotation, and owns them no more than before.
func declaredIgnore(o flux.Object) []flux.Manager {
	var declared struct {
		Spec struct{ Ignore []flux.IgnoreRule }
	}
	if !Pinning(o) || len(o.Ignore) == 0 || copied(o, PinsAnnotation) || json.Unmarshal([]byte(o.Annotations[corev1.LastAppliedConfigAnnotation]), &declared) != nil ||
		!slices.EqualFunc(declared.Spec.Ignore, o.Ignore, flux.IgnoreRule.Equal) {
		return nil
	}
	return []flux.Manager{{Name: clientSideApply}}
}

// declarer is who has written the annotation of kubectl apply last, by whatever field manager it was called, and when that manager
// last wrote the object; the zero values where that is not known.
func declarer(managedFields []byte) (by flux.Manager, at time.Time) {
	var entries []metav1.ManagedFieldsEntry
	if json.Unmarshal(managedFields, &entries) != nil {
		return by, at
	}
	for _, e := range entries {
		if e.Operation == metav1.ManagedFieldsOperationUpdate && e.Time != nil && e.Time.After(at) && ownsAnnotation(e, corev1.LastAppliedConfigAnnotation) {
			by, at = flux.Manager{Name: e.Manager, Version: e.APIVersion}, e.Time.Time
		}
	}
	return by, at
}

// ownsAnnotation tells whether an annotation is among the fields of an entry of metadata.managedFields.
func ownsAnnotation(e metav1.ManagedFieldsEntry, annotation string) bool {
	var fields struct {
		Metadata struct {
			Annotations map[string]any `json:"f:annotations"`
		} `json:"f:metadata"`
	}
	if e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	_, owned := fields.Metadata.Annotations["f:"+annotation]
	return owned
}
