package flux

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// read reads a document. One struct serves all kinds and versions, and a field may be of another type in one of them, also in one
// that comes later. A status never costs the object: each of its fields that is of another form is taken for unset. So is a field of
// the spec of a served object, which the API server took, if it tells no more than what a poll costs; where a manifest has it,
// it is an error that is worth telling.
func (d *document) read(data []byte) error {
	err := Unmarshal(data, d)
	if err == nil {
		return nil
	}
	var parts map[string]jsontext.Value
	if Unmarshal(data, &parts) != nil {
		return err
	}
	spec, status := parts["spec"], parts["status"]
	delete(parts, "spec")
	delete(parts, "status")
	*d = document{}
	if err := Unmarshal(canonical(parts), d); err != nil {
		return err
	}
	if status != nil {
		_ = fieldByField(status, &d.Status, func(string) bool { return false })
	}
	if spec == nil {
		return nil
	}
	if d.Metadata.ResourceVersion == "" {
		return Unmarshal(canonical(map[string]jsontext.Value{"spec": spec}), d)
	}
	if err := fieldByField(spec, (*plainSpec)(&d.Spec), decisive); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	return Unmarshal(spec, &d.Spec.fields)
}

// fieldByField reads each field of an object of JSON by itself. One that cannot be read is an error where it is needed, and else
// unset.
func fieldByField[T any](data jsontext.Value, to *T, needed func(name string) bool) error {
	var fields map[string]jsontext.Value
	if err := Unmarshal(data, &fields); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		with := *to
		err := Unmarshal(canonical(map[string]jsontext.Value{name: fields[name]}), &with)
		switch {
		case err == nil:
			*to = with
		case needed(name):
			return err
		}
	}
	return nil
}

// decisive tells whether a field of a spec says more than what a poll costs and what is told of it: what may be changed, what a change
// does, or what is asked.
func decisive(name string) bool {
	switch name {
	case "region", "recurseSubmodules", "verify", "include", "secretRef", "provider", "git", "schedule", "digestReflectionPolicy",
		"address", "eventSeverity", "inclusionList", "exclusionList", "events", "resourceFilter", "postBuild", "path", "namePrefix", "nameSuffix":
		return false
	default:
		return true
	}
}
