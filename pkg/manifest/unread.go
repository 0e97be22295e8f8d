package manifest

import (
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/crd"
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
