package sim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

type managedEntry struct {
	Manager    string          `json:"manager,omitempty"`
	Operation  string          `json:"operation,omitempty"`
	APIVersion string          `json:"apiVersion,omitempty"`
	FieldsType string          `json:"fieldsType,omitempty"`
	FieldsV1   json.RawMessage `json:"fieldsV1,omitempty"`
	Time       *time.Time      `json:"time,omitempty"`
	// Subresource is "" for the object itself.
	Subresource string `json:"subresource,omitempty"`
}

// managedFields writes the owners as metadata.managedFields; nil where there are none.
func (r *Resource) managedFields() []byte {
	var entries []managedEntry
	for _, k := range r.owners() {
		operation := "Update"
		if k.Apply {
			operation = "Apply"
		}
		tree := map[string]any{}
		for p := range r.Owners[k] {
			at := tree
			for _, step := range steps(p) {
				next, ok := at["f:"+step].(map[string]any)
				if !ok {
					next = map[string]any{}
					at["f:"+step] = next
				}
				at = next
			}
		}
		fields, err := json.Marshal(tree)
		if err != nil { // strings always marshal
			return nil
		}
		entries = append(entries, managedEntry{Manager: k.Manager, Operation: operation, APIVersion: r.Ref.Group + "/v1", Time: r.when(k), FieldsType: "FieldsV1", FieldsV1: fields})
	}
	if len(entries) == 0 {
		return nil // the API server leaves it out
	}
	data, err := json.Marshal(entries)
	if err != nil {
		return nil
	}
	return data
}

// when an owner last wrote; nil where that is not known.
func (r *Resource) when(k Owner) *time.Time {
	at, known := r.wrote[k]
	if !known {
		return nil
	}
	at = at.UTC().Truncate(time.Second)
	return &at
}

// steps of a path: annotations' keys have dots.
func steps(p Path) []string {
	if key, found := strings.CutPrefix(string(p), annotationPrefix); found {
		return []string{"metadata", "annotations", key}
	}
	return strings.Split(string(p), ".")
}

func pathOf(steps []string) Path {
	if len(steps) > 2 && steps[0] == "metadata" {
		return AnnotationPath(strings.Join(steps[2:], "."))
	}
	return Path(strings.Join(steps, "."))
}

// readOwners reads metadata.managedFields, of one's own kind or a real server's, as far as paths go that tell.
func readOwners(entries []managedEntry) (map[Owner]map[Path]bool, error) {
	owners := make(map[Owner]map[Path]bool)
	for _, entry := range entries {
		if entry.Manager == "" {
			continue
		}
		var tree map[string]any
		if err := json.Unmarshal(entry.FieldsV1, &tree); err != nil {
			return nil, err
		}
		key := Owner{entry.Manager, entry.Operation == "Apply"}
		if owners[key] == nil {
			owners[key] = make(map[Path]bool)
		}
		flatten(tree, nil, owners[key])
	}
	maps.DeleteFunc(owners, func(_ Owner, set map[Path]bool) bool { return len(set) == 0 })
	return owners, nil
}

func flatten(tree map[string]any, at []string, set map[Path]bool) {
	for key, value := range tree {
		sub, ok := value.(map[string]any)
		step := append(slices.Clone(at), strings.TrimPrefix(key, "f:"))
		if !ok || len(sub) == 0 {
			set[pathOf(step)] = true
			continue
		}
		flatten(sub, step, set)
	}
}
