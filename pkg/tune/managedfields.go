package tune

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// managerNames are names of field managers that are ours.
type managerNames map[string]bool

// has tells whether an owner is one of them: we never use server-side apply, so that who applies by such a name is somebody else.
func (n managerNames) has(m flux.Manager) bool { return !m.Apply && n[m.Name] }

// managers are the field managers that wrote the record's moves, those that are gone from it included.
func (r *Record) managers() managerNames {
	names := managerNames{DefaultManager: true}
	if r != nil {
		for _, name := range r.Managers {
			names[name] = true
		}
		for _, step := range r.Steps {
			if step.Manager != "" {
				names[step.Manager] = true
			}
		}
	}
	return names
}

// owns tells whether one of the record's managers owns a field.
func (r *Record) owns(o flux.Object, f flux.Field) bool {
	return slices.ContainsFunc(o.OwnersOf(f), r.managers().has)
}

// giveBack takes fields and annotations of ours out of an object's metadata.managedFields, and gives each field to those who
// owned it before us. Without that, who applies the object would not notice that the field is its own again, and
// could not remove it (measured: kustomize-controller sees no drift where the values are equal). An entry of ours
// that owns nothing more goes.
func giveBack(now flux.Object, ours map[string]bool, freed map[flux.Field][]flux.Manager, annotations ...string) ([]metav1.ManagedFieldsEntry, error) {
	var entries []metav1.ManagedFieldsEntry
	if len(now.ManagedFields) == 0 || (len(freed) == 0 && len(annotations) == 0) {
		return nil, nil
	}
	if err := json.Unmarshal(now.ManagedFields, &entries); err != nil {
		return nil, fmt.Errorf("reading metadata.managedFields: %w", err)
	}
	paths := map[string][]string{}
	for f := range freed {
		paths[string(f)] = f.Path()
	}
	for _, annotation := range annotations {
		paths[annotation] = []string{"metadata", "annotations", annotation}
	}
	var left []metav1.ManagedFieldsEntry
	for _, e := range entries {
		if ours[e.Manager] && e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == "" {
			empty, err := editFields(&e, func(owned map[string]any) {
				for _, path := range paths {
					disown(owned, path)
				}
			})
			if err != nil {
				return nil, err
			}
			if empty {
				continue
			}
		}
		left = append(left, e)
	}
	for _, f := range sortedFields(freed) {
		for _, m := range freed[f] {
			var err error
			if left, err = own(left, m, now.GroupVersion(), f.Path()); err != nil {
				return nil, err
			}
		}
	}
	if len(left) == 0 {
		left = nobody()
	}
	return left, nil
}

// nobody says that nobody owns anything: an empty list is taken for one that was left out.
func nobody() []metav1.ManagedFieldsEntry { return []metav1.ManagedFieldsEntry{{}} }

func sortedFields(freed map[flux.Field][]flux.Manager) []flux.Field {
	var fields []flux.Field
	for f := range freed {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	return fields
}

// own makes a manager an owner of a path, in the entry that it has, or in a new one. That has the version that is served, as a
// record may be older than the API's versions, or somebody's own: of an entry in a version that it does not serve, the API server
// drops all of metadata.managedFields (k8s.io/apimachinery, managedfields/internal/fieldmanager.go, UpdateNoErrors; measured).
func own(entries []metav1.ManagedFieldsEntry, m flux.Manager, served string, path []string) ([]metav1.ManagedFieldsEntry, error) {
	operation := metav1.ManagedFieldsOperationUpdate
	if m.Apply {
		operation = metav1.ManagedFieldsOperationApply
	}
	entry := func(version string) int {
		return slices.IndexFunc(entries, func(e metav1.ManagedFieldsEntry) bool {
			return e.Manager == m.Name && e.Operation == operation && e.Subresource == "" && (m.Apply || version == "" || e.APIVersion == version)
		})
	}
	i := entry(m.Version)
	if i < 0 {
		i = entry(served)
	}
	if i < 0 {
		entries = append(entries, metav1.ManagedFieldsEntry{Manager: m.Name, Operation: operation, APIVersion: served,
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1("{}")})
		i = len(entries) - 1
	}
	_, err := editFields(&entries[i], func(owned map[string]any) {
		for _, step := range path {
			next, ok := owned["f:"+step].(map[string]any)
			if !ok {
				next = map[string]any{}
				owned["f:"+step] = next
			}
			owned = next
		}
	})
	return entries, err
}

// editFields changes the fields that an entry owns, and tells whether none is left.
func editFields(e *metav1.ManagedFieldsEntry, edit func(owned map[string]any)) (empty bool, err error) {
	owned := map[string]any{}
	if e.FieldsV1 != nil {
		if err := json.Unmarshal(e.FieldsV1.GetRawBytes(), &owned); err != nil {
			return false, fmt.Errorf("reading metadata.managedFields of %q: %w", e.Manager, err)
		}
	}
	edit(owned)
	data, err := json.Marshal(owned)
	if err != nil {
		return false, fmt.Errorf("writing metadata.managedFields of %q: %w", e.Manager, err)
	}
	e.FieldsV1 = metav1.NewFieldsV1(string(data))
	return len(owned) == 0, nil
}

// disown takes a path out, and what it leaves empty: an object of which only itself is owned (".") too.
func disown(owned map[string]any, path []string) {
	key := "f:" + path[0]
	if len(path) == 1 {
		delete(owned, key)
		return
	}
	next, ok := owned[key].(map[string]any)
	if !ok {
		return
	}
	before := len(next)
	disown(next, path[1:])
	_, self := next["."]
	if len(next) == 0 || (len(next) == 1 && self && before > 1) {
		delete(owned, key)
	}
}
