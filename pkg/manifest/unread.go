package manifest

import (
	"encoding/json"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/crd"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// unread is an object of one of Flux's kinds that has a field of another type than Flux wants, and why it cannot be read.
type unread struct {
	appliedObject
	why string
}

// unreadable says why an object cannot be read: the fields that the API server refuses, with their places; the error where no
// schema tells.
func (d *deployment) unreadable(o appliedObject, err error) string {
	var reasons []string
	for _, fault := range crd.Faults(o.json, func(string) bool { return false }) {
		reason := fault.String()
		if at := d.place(o, fault.Path); at.File != "" {
			reason = at.String() + ": " + reason
		}
		reasons = append(reasons, reason)
	}
	if len(reasons) == 0 {
		return err.Error()
	}
	return "the API server refuses it: " + strings.Join(reasons, "; ")
}

// decode is the object. A variable whose value is elsewhere may stand for what is no text (suspend: ${suspend:=false}): where one
// stands in the place of that, it is read as if it were not set.
func (o appliedObject) decode() (flux.Object, error) {
	object, err := flux.Decode(o.json)
	if err == nil || o.literal {
		return object, err
	}
	var fields map[string]any
	if json.Unmarshal(o.json, &fields) != nil {
		return object, err
	}
	for _, fault := range crd.Faults(o.json, func(string) bool { return false }) {
		if n := len(fault.Path); n > 0 {
			parent, last := fields, fault.Path[n-1]
			for _, key := range fault.Path[:n-1] {
				parent, _ = parent[key].(map[string]any)
			}
			if value, is := parent[last].(string); is && strings.Contains(value, "${") {
				delete(parent, last)
			}
		}
	}
	told, unwritable := json.Marshal(fields)
	if unwritable != nil {
		return object, err
	}
	if again, unread := flux.Decode(told); unread == nil {
		return again, nil
	}
	return object, err
}

// place is where a part of an object stands in its own file; the zero Position where that is not known.
func (d *deployment) place(o appliedObject, path []string) Position {
	if d.tree == nil || o.origin == "" {
		return Position{}
	}
	content, err := d.tree.ReadFile(o.origin)
	if err != nil {
		return Position{}
	}
	n := d.documents(o.origin, o.ref.Group, o.ref.Kind, parseDocuments(content)).of(o.ref)
	if n == nil {
		return Position{}
	}
	return position(o.origin, n, path)
}
