package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// inOrder are the deployments in the order in which an object of several is counted: what somebody applied first by hand,
// Kustomizations apply from then on, and those that are suspended apply nothing.
func inOrder(deployments map[flux.Ref]*deployment) []flux.Ref {
	refs, idle := sortedRefs(deployments), idling(deployments)
	rank := func(ref flux.Ref) int {
		switch {
		case ref.Name == "":
			return 2
		case idle[ref]:
			return 1
		default:
			return 0
		}
	}
	slices.SortStableFunc(refs, func(a, b flux.Ref) int { return rank(a) - rank(b) })
	return refs
}

// idling are the Kustomizations that are suspended, whoever applies them.
func idling(deployments map[flux.Ref]*deployment) map[flux.Ref]bool {
	idle, running := map[flux.Ref]bool{}, map[flux.Ref]bool{}
	for _, d := range deployments {
		for _, o := range d.objects {
			if o.ref.Kind != kustomizationKind || o.ref.Group != kustomizeGroup {
				continue
			}
			var k struct {
				Spec lifecycle `json:"spec"`
			}
			if bytes.Contains(o.json, []byte(`"suspend"`)) && json.Unmarshal(o.json, &k) == nil && k.Spec.Suspend {
				idle[o.ref] = true
			} else {
				running[o.ref] = true
			}
		}
	}
	for ref := range running {
		delete(idle, ref)
	}
	return idle
}

// share notes that a deployment applies an object that another one does, too.
func (f *Fleet) share(d *deployment, o appliedObject, tuned bool) {
	owner := f.owners[o.ref]
	switch {
	case f.compared:
	case tuned && f.idle[d.ref()] && !f.idle[owner]:
		f.gap(o.ref.String(), fmt.Sprintf("both %s and %s apply it: only the first counts, as the second is suspended", owner, d.ref()), true)
	case tuned && !f.idle[d.ref()] && owner.Name != "":
		f.shared[o.ref] = append(f.shared[o.ref], d.ref())
	default:
		f.gap(o.ref.String(), fmt.Sprintf("both %s and %s apply it: only the first counts", owner, d.ref()), true)
	}
}

// noteShared finds the values that Kustomizations take from each other: each applies its own with force, as the one field manager
// kustomize-controller, whenever it reconciles (fluxcd/pkg ssa, manager_apply.go: ForceOwnership; internal/controller/
// kustomization_controller.go, apply).
func (f *Fleet) noteShared() {
	for _, o := range f.Snapshot.Objects {
		others := f.shared[o.Ref]
		if len(others) == 0 {
			continue
		}
		copies := []flux.Object{o}
		for _, by := range others {
			if c, ok := f.deployments[by].decoded(o.Ref); ok {
				copies = append(copies, c)
			}
		}
		who := bothOf(append([]flux.Ref{f.owners[o.Ref]}, others...))
		var differ []string
		for _, t := range o.KindRow().Tunables {
			values := valuesOf(copies, t.Field)
			if len(values) == 1 {
				continue
			}
			differ = append(differ, strings.TrimPrefix(string(t.Field), "spec.")+" "+strings.Join(values, " and "))
			f.hold(o.Ref, t.Field, fmt.Sprintf("%s apply it with different values (%s), and the last to reconcile wins", who, strings.Join(values, " and ")))
		}
		if len(differ) == 0 {
			f.gap(o.Ref.String(), who+" apply it, with the same values", true)
			continue
		}
		f.gap("which values "+o.Ref.String()+" has", fmt.Sprintf("%s apply it with different values (%s): the last to reconcile wins, and only those of the first are counted", who, strings.Join(differ, ", ")), false)
	}
}

// hold notes why a field of an object does not follow the files.
func (f *Fleet) hold(ref flux.Ref, field flux.Field, why string) {
	if f.held[ref] == nil {
		f.held[ref] = map[flux.Field]string{}
	}
	f.held[ref][field] = why
}

// valuesOf are the values that copies of an object have of a field, in their order, each once.
func valuesOf(copies []flux.Object, field flux.Field) []string {
	var values []string
	var seen []*string
	for _, c := range copies {
		v := c.Value(field)
		if slices.ContainsFunc(seen, func(s *string) bool { return flux.SameDuration(s, v) }) {
			continue
		}
		seen = append(seen, v)
		if v == nil {
			values = append(values, "none")
		} else {
			values = append(values, *v)
		}
	}
	return values
}

// bothOf names Kustomizations for people.
func bothOf(refs []flux.Ref) string {
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = strings.TrimPrefix(ref.String(), kustomizationKind+" ")
	}
	last := len(names) - 1
	return "Kustomizations " + strings.Join(names[:last], ", ") + " and " + names[last]
}

// decoded is an object as a deployment applies it; false where that cannot be read.
func (d *deployment) decoded(ref flux.Ref) (flux.Object, bool) {
	i := slices.IndexFunc(d.objects, func(o appliedObject) bool { return o.ref == ref })
	if i < 0 {
		return flux.Object{}, false
	}
	o, err := d.objects[i].decode()
	return o, err == nil
}

// copyTexts adds the texts of the tunable fields that Kustomizations give an object besides the one that counts.
func (f Fleet) copyTexts(texts map[string]bool) {
	for by, d := range f.deployments {
		for _, o := range d.objects {
			row, known := flux.ParseManifestKind(o.ref.Group, o.ref.Kind)
			if owner, applied := f.owners[o.ref]; !known || !applied || owner == by || by.Name == "" {
				continue
			}
			c, err := o.decode()
			if err != nil {
				continue
			}
			for _, t := range row.Tunables {
				if v := c.Value(t.Field); v != nil {
					texts[*v] = true
				}
			}
		}
	}
}

// parted tells of the objects of several Kustomizations that would not change in all of them alike: then one takes back what
// another one has brought.
func (w *rewriter) parted(root int, was Fleet, is map[flux.Ref]*deployment) (wrong mismatches) {
	changed := func(by, ref flux.Ref) map[string][2]any {
		before, after := was.deployments[by].manifest(ref), is[by].manifest(ref)
		found := map[string][2]any{}
		if string(before) != string(after) {
			var a, b any
			_, _ = json.Unmarshal(before, &a), json.Unmarshal(after, &b)
			leaves("", a, b, found)
		}
		return found
	}
	for _, ref := range sortedRefs(was.shared) {
		owner := was.owners[ref]
		first := changed(owner, ref)
		for _, by := range was.shared[ref] {
			second := changed(by, ref)
			paths := map[string]bool{}
			for path, v := range first {
				paths[path] = second[path][1] != nil && fmt.Sprint(second[path][1]) == fmt.Sprint(v[1])
			}
			for path := range second {
				paths[path] = paths[path] && first[path][1] != nil
			}
			for _, path := range sortedKeys(paths) {
				if !paths[path] {
					wrong = append(wrong, mismatch{spot: spot{root, ref}, target: Target{root, ref, flux.Field(path)}, missing: true,
						why: fmt.Sprintf("%s of %s in %s would not change in both %s and %s, which apply it", path, ref, was.Root, owner, by)})
				}
			}
		}
	}
	return wrong
}

// manifest is the JSON of an object that a deployment applies; nil where it does not.
func (d *deployment) manifest(ref flux.Ref) json.RawMessage {
	if d == nil {
		return nil
	}
	i := slices.IndexFunc(d.objects, func(o appliedObject) bool { return o.ref == ref })
	if i < 0 {
		return nil
	}
	return d.objects[i].json
}
