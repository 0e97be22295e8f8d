package tune

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Stamp is what an apply leaves in the record of each object that it changes.
type Stamp struct {
	Session string
	Policy  string
	Time    time.Time
}

// Patch returns the JSON merge patch (RFC 7386) that carries an item of a plan out: the changed
// fields, the record with one more step, and the resourceVersion that was planned for, so that the
// API server refuses it when somebody changed the object since.
func Patch(item Item, stamp Stamp) ([]byte, error) {
	record, err := ReadRecord(item.Object)
	if err != nil {
		return nil, err
	}
	step := Step{Session: stamp.Session, Policy: stamp.Policy, Time: stamp.Time.UTC().Truncate(time.Second), Fields: map[flux.Field]Move{}}
	for _, c := range item.Changes {
		step.Fields[c.Field] = Move{From: c.From, To: c.To}
	}
	annotation := record.with(step).String()
	return mergePatch(item, &annotation)
}

// RevertPatch returns the JSON merge patch that carries an item of a revert out: the fields as they
// were, and what is left of the record, which is removed with its last field.
func RevertPatch(item Item) ([]byte, error) {
	if item.Record == nil || len(item.Record.Steps) == 0 {
		return mergePatch(item, nil)
	}
	annotation := item.Record.String()
	return mergePatch(item, &annotation)
}

func mergePatch(item Item, record *string) ([]byte, error) {
	patch := map[string]any{"metadata": map[string]any{
		"resourceVersion": item.Object.ResourceVersion,
		"annotations":     map[string]any{RecordAnnotation: record},
	}}
	for _, c := range item.Changes {
		var value any // null removes the field
		if c.To != nil {
			value = *c.To
		}
		set(patch, c.Field.Path(), value)
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("writing the patch for %s: %w", item.Object.Ref, err)
	}
	return data, nil
}

func set(object map[string]any, path []string, value any) {
	for _, step := range path[:len(path)-1] {
		next, ok := object[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[step] = next
		}
		object = next
	}
	object[path[len(path)-1]] = value
}

// Changed returns a copy of an object's manifest with changes made.
func Changed(manifest map[string]any, changes []Change) map[string]any {
	changed := runtime.DeepCopyJSON(manifest)
	for _, c := range changes {
		if c.To == nil {
			unstructured.RemoveNestedField(changed, c.Field.Path()...)
			continue
		}
		set(changed, c.Field.Path(), *c.To)
	}
	return changed
}
