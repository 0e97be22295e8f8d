package sim

import (
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

const kustomizeController = "kustomize-controller"

// reconcile is what kustomize-controller does with one Kustomization: it applies what its source has fetched, and
// prunes what is gone from it.
func (w *World) reconcile(parent flux.Ref) {
	p := w.Resources[parent]
	if p == nil || p.suspended {
		return
	}
	p.observed, p.Observed, p.memo = p.generation, slices.Clone(p.Ignore), nil
	objects := w.artifact[parent]
	listed := slices.SortedFunc(maps.Keys(objects), flux.Ref.Compare)
	for _, ref := range listed {
		var before *Resource
		if r := w.Resources[ref]; r != nil && w.Applied != nil {
			before = r.clone()
		}
		w.applyFromGit(p, ref, objects[ref])
		if w.Applied != nil && before != nil {
			w.Applied(p, before, w.Resources[ref])
		}
	}
	for _, ref := range p.inventory {
		if _, kept := objects[ref]; !kept {
			delete(w.Resources, ref)
		}
	}
	p.inventory = listed
}

// applyFromGit is fluxcd/pkg ssa, Apply: a dry run tells what would change; kubectl's fields are taken over; what differs
// but for the fields that rules leave to others is applied, and of these the value there is adopted.
func (w *World) applyFromGit(parent *Resource, ref flux.Ref, m Manifest) {
	r := w.Resources[ref]
	created := r == nil
	if created {
		r = newResource(ref, map[string]string{group + "/name": parent.Ref.Name, group + "/namespace": parent.Ref.Namespace}, &w.Now)
		w.Resources[ref] = r
	}
	values := make(map[Path]string)
	r.FromGit = make(map[flux.Field]bool)
	for f, value := range m.Fields {
		values[Path(f)] = value
		r.FromGit[f] = true
	}
	if m.Ignore != nil {
		values[Path(flux.IgnoreField)] = ruleText(m.Ignore)
	}
	dry := r.dryRun(values)
	drifted := r.takeOver() || created
	ignored := IgnoredFields(parent.Ignore, ref)
	for i, p := range fieldPaths {
		was, there := r.Value(p)
		would, will := dry[i].text, dry[i].there
		switch {
		case was == would && there == will:
		case !ignored[p]:
			drifted = true
		case r.otherApplier(p):
			delete(values, p)
		case there:
			values[p] = was
		case !created:
			delete(values, p)
		}
	}
	if !drifted {
		return
	}
	last := maps.Clone(r.LastWriter)
	r.apply(kustomizeController, values, ByApplier)
	for p := range ignored { // adopting is nobody's choice
		if by, known := last[flux.Field(p)]; known {
			r.LastWriter[flux.Field(p)] = by
		}
	}
	if created {
		r.generation = 1
	}
}

type fieldValue struct {
	text  string
	there bool
}

// dryRun is what an apply by kustomize-controller would make of the fields.
func (r *Resource) dryRun(values map[Path]string) (after [4]fieldValue) {
	for i, p := range fieldPaths {
		after[i].text, after[i].there = r.Value(p)
		if value, applied := values[p]; applied {
			after[i] = fieldValue{value, true}
		} else if r.Owners[Owner{kustomizeController, true}][p] && r.ownersOf(p) == 1 {
			after[i] = fieldValue{}
		}
	}
	return after
}

func (r *Resource) ownersOf(p Path) int {
	n := 0
	for _, set := range r.Owners {
		if set[p] {
			n++
		}
	}
	return n
}

// takeOver is what kustomize-controller does with fields that kubectl owns: they become its own
// (fluxcd/pkg ssa, PatchReplaceFieldsManagers).
func (r *Resource) takeOver() bool {
	taken := false
	for k, set := range maps.Clone(r.Owners) {
		if !strings.HasPrefix(k.Manager, "kubectl") && k.Manager != beforeFirstApply {
			continue
		}
		delete(r.Owners, k)
		for p := range set {
			r.own(Owner{kustomizeController, true}, p, false)
			if f := flux.Field(p); r.LastWriter[f] == ByHand {
				r.LastWriter[f] = ByApplier // nothing tells the hand any more
			}
		}
		taken = true
	}
	return taken
}

// OwnedBeside tells whether somebody beside the commands owns a field.
func (r *Resource) OwnedBeside(p Path) bool {
	for k, set := range r.Owners {
		if !slices.Contains(Managers, k.Manager) && set[p] {
			return true
		}
	}
	return false
}

func (r *Resource) otherApplier(p Path) bool {
	for k, set := range r.Owners {
		if k.Apply && k.Manager != kustomizeController && set[p] {
			return true
		}
	}
	return false
}

// IgnoredFields are the fields of an object that rules leave to others. Rules of the simulation name kinds, namespaces
// and lists of names only.
func IgnoredFields(rules []flux.IgnoreRule, ref flux.Ref) map[Path]bool {
	ignored := make(map[Path]bool)
	for _, r := range rules {
		t := r.Target
		if t.Kind != ref.Kind || (t.Namespace != "" && t.Namespace != ref.Namespace) ||
			(t.Name != "" && !slices.Contains(strings.Split(t.Name, "|"), ref.Name)) {
			continue
		}
		for _, p := range r.Paths {
			ignored[Path(strings.ReplaceAll(strings.TrimPrefix(p, "/"), "/", "."))] = true
		}
	}
	return ignored
}
