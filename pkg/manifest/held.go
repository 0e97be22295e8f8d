package manifest

import (
	"encoding/json"
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// lifecycle is what a Kustomization does with its objects besides applying them (kustomize-controller api/v1,
// KustomizationSpec).
type lifecycle struct {
	// Suspend has it apply nothing, and take nothing away, also when it is deleted itself.
	Suspend bool `json:"suspend"`
	// Prune is required by the CRD; one that is absent counts as true.
	Prune *bool `json:"prune"`
	// DeletionPolicy says what becomes of its objects when it is deleted itself.
	DeletionPolicy string `json:"deletionPolicy"`
}

func (l lifecycle) prunes() bool { return l.Prune == nil || *l.Prune }

// lifecycle of a Kustomization; that of one which no file has is the one that flux bootstrap and the Flux Operator write.
func (f Fleet) lifecycle(ref flux.Ref) lifecycle {
	var k struct {
		Spec lifecycle `json:"spec"`
	}
	_ = json.Unmarshal(f.Manifest(ref), &k) // what cannot be read is told where it is built
	return k.Spec
}

// Held says why a field of an object does not follow the files: marks of the object, or rules of the Kustomization that
// applies it; "" where it does.
func (f Fleet) Held(ref flux.Ref, field flux.Field) string { return f.held[ref][field] }

// HeldOrSuspended is Held, and tells of a suspended Kustomization, too.
func (f Fleet) HeldOrSuspended(ref flux.Ref, field flux.Field) string {
	if by, suspended := f.SuspendedBy(ref); suspended {
		return whileSuspended(by)
	}
	return f.Held(ref, field)
}

// SuspendedBy is the Kustomization that applies an object and is suspended: what the files have of the object reaches the
// cluster when it is resumed. It is false where it is not suspended.
func (f Fleet) SuspendedBy(ref flux.Ref) (flux.Ref, bool) {
	by, known := f.owners[ref]
	return by, known && f.suspended[by]
}

func whileSuspended(by flux.Ref) string {
	return fmt.Sprintf("%s, which applies it, is suspended", by)
}

// refusedObject says why the API server does not take an object: a value that the CRD's pattern refuses, or a required one that
// is absent; "" where it does. An interval of 0s is taken.
func refusedObject(o flux.Object) string {
	for _, t := range o.KindRow().Tunables {
		value := o.Value(t.Field)
		if why := o.Refused(t); why != "" && (value == nil || !isDuration(*value, t)) {
			return fmt.Sprintf("%s of %s: %s", t.Field, o.Ref, why)
		}
	}
	return ""
}

func isDuration(value string, t flux.Tunable) bool {
	_, err := flux.ParseDuration(value, t.NoHours)
	return err == nil
}

// refuse notes that the API server does not take an object of a Kustomization. Of that nothing is applied then, and nothing is
// taken away (kustomize-controller internal/controller/kustomization_controller.go, apply; fluxcd/pkg ssa, ApplyAll: the dry
// runs come first).
func (f *Fleet) refuse(by flux.Ref, why string) {
	if f.refused == nil {
		f.refused = map[flux.Ref]string{}
	}
	if f.refused[by] == "" {
		f.refused[by] = fmt.Sprintf("%s applies nothing: the API server refuses %s", by, why)
	}
}

// noteHeld finds what does not follow the files, once all objects are there.
func (f *Fleet) noteHeld() {
	f.held, f.suspended = map[flux.Ref]map[flux.Field]string{}, map[flux.Ref]bool{}
	rules := map[flux.Ref]tune.FromGit{}
	for _, o := range f.Snapshot.Objects {
		if o.Ref.Kind == kustomizationKind && o.Group == kustomizeGroup {
			rules[o.Ref], f.suspended[o.Ref] = tune.NewFromGit(o), o.Suspended
		}
	}
	below := map[flux.Ref]bool{}
	for _, o := range f.Snapshot.Objects {
		by := f.owners[o.Ref]
		below[by] = true
		if why := refusedObject(o); why != "" {
			f.refuse(by, why)
		}
		for _, t := range o.KindRow().Tunables {
			if why := rules[by].Held(o, t.Field); why != "" {
				if f.held[o.Ref] == nil {
					f.held[o.Ref] = map[flux.Field]string{}
				}
				f.held[o.Ref][t.Field] = why
			}
		}
	}
	for _, by := range sortedRefs(below) {
		if f.suspended[by] {
			f.gap("what "+by.String()+" applies", "it is suspended: what the files have reaches the cluster when it is resumed", true)
		}
	}
}

// Transition tells what becomes of a cluster's objects when a change of the files reaches it.
type Transition struct{ base, head Fleet }

// NewTransition is that between two states of the files.
func NewTransition(base, head Fleet) Transition { return Transition{base, head} }

// suspended tells whether a Kustomization is suspended on the cluster when the head arrives there, and so applies nothing
// of it. Who applies it may be suspended, too: then it is as it was on the base, and where that has none, there is none.
func (t Transition) suspended(ref flux.Ref, seen ...flux.Ref) bool {
	by, applied := t.head.owners[ref]
	for _, one := range seen {
		applied = applied && one != by
	}
	_, before := t.base.deployments[ref]
	switch {
	case applied && by == ref: // it would have to apply itself to be resumed
		return before && t.base.suspended[ref]
	case applied && t.suspended(by, append(seen, ref)...):
		return !before || t.base.suspended[ref]
	default:
		return t.head.suspended[ref]
	}
}

// Changed says why a field of an object that both states have stays as it is on the base; "" where it changes.
func (t Transition) Changed(ref flux.Ref, field flux.Field) string {
	if by, applied := t.head.owners[ref]; applied {
		if t.suspended(by) {
			return whileSuspended(by)
		}
		if why := t.head.refused[by]; why != "" {
			return why
		}
	}
	return t.head.Held(ref, field)
}

// Added says why an object that only the head has is not created; "" where it is.
func (t Transition) Added(o flux.Object) string {
	if by, applied := t.head.owners[o.Ref]; applied {
		if t.suspended(by) {
			return whileSuspended(by)
		}
		if why := t.head.refused[by]; why != "" {
			return why
		}
	}
	if mark := tune.Excluded(o); mark != "" {
		return mark + " on the object keeps it from being created"
	}
	return ""
}

// Removed says why Flux leaves an object on the cluster that only the base has; "" where it takes it away. The facts are
// those of kustomize-controller internal/controller/kustomization_controller.go: prune, deleteObjects and
// finalizerShouldDeleteResources.
func (t Transition) Removed(o flux.Object) string {
	if mark := tune.NotPruned(o); mark != "" {
		return mark + " on the object keeps Flux from taking it away"
	}
	return t.left(o.Ref)
}

// left is Removed by what the Kustomization does that applied the object.
func (t Transition) left(ref flux.Ref, seen ...flux.Ref) string {
	by, applied := t.base.owners[ref]
	if !applied || by.Name == "" {
		return ""
	}
	for _, one := range seen {
		if one == by {
			return ""
		}
	}
	if t.head.deployments[by] == nil {
		return t.leftBehind(by, append(seen, ref))
	}
	life := t.head.lifecycle(by)
	if above, is := t.head.owners[by]; is && above != by && t.suspended(above) {
		life = t.base.lifecycle(by)
	}
	switch {
	case t.suspended(by):
		return fmt.Sprintf("%s, which applied it, is suspended", by)
	case t.head.refused[by] != "":
		return t.head.refused[by]
	case !life.prunes():
		return fmt.Sprintf("%s, which applied it, has prune: false", by)
	default:
		return ""
	}
}

// leftBehind says why a Kustomization that is gone itself leaves its objects.
func (t Transition) leftBehind(by flux.Ref, seen []flux.Ref) string {
	for _, o := range t.base.Snapshot.Objects {
		if o.Ref != by {
			continue
		}
		if mark := tune.NotPruned(o); mark != "" {
			return fmt.Sprintf("%s, which applied it, is kept: it has %s", by, mark)
		}
	}
	if why := t.left(by, seen...); why != "" {
		return fmt.Sprintf("%s, which applied it, is kept: %s", by, why)
	}
	switch life := t.base.lifecycle(by); {
	case life.Suspend:
		return fmt.Sprintf("%s, which applied it, is suspended when it goes, and leaves it", by)
	case life.DeletionPolicy == "Orphan":
		return fmt.Sprintf("%s, which applied it, has deletionPolicy: Orphan", by)
	case !life.prunes() && (life.DeletionPolicy == "" || life.DeletionPolicy == "MirrorPrune"):
		return fmt.Sprintf("%s, which applied it, has prune: false", by)
	default:
		return ""
	}
}
