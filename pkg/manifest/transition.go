package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Transition tells what becomes of a cluster's objects when a change of the files reaches it.
type Transition struct {
	base, head Fleet
	late       func() late // once
	fixed      func() map[flux.Ref]Fixed
}

// NewTransition is that between two states of the files.
func NewTransition(base, head Fleet) Transition {
	t := Transition{base: base, head: head}
	t.fixed = sync.OnceValue(func() map[flux.Ref]Fixed { return newFixed(t) })
	t.late = sync.OnceValue(func() late { return newLate(t) })
	return t
}

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
	case applied && before && t.guarded(ref, "spec.suspend") != "":
		return t.base.suspended[ref]
	default:
		return t.head.suspended[ref]
	}
}

// dry is a suspended source, which brings nothing new.
type dry struct{ source flux.Ref }

func (d dry) why(by flux.Ref) string {
	return fmt.Sprintf("%s, from which %s applies it, is suspended", d.source, by)
}

// starved is the suspended source of a Kustomization: it never gets the head's files. The commit that suspends a source
// still arrives through it, so that it counts when the base has it suspended, and the head does not resume it in a way
// that arrives. It is nil where the head's files arrive.
func (t Transition) starved(ref flux.Ref, seen ...flux.Ref) *dry {
	d := t.head.deployments[ref]
	if d == nil {
		d = t.base.deployments[ref]
	}
	if d == nil || d.Spec.SourceRef.Name == "" {
		return nil
	}
	source := d.source().ref()
	if was := t.base.object(source); was == nil || !was.Suspended {
		return nil
	}
	is := t.head.object(source)
	by, applied := t.head.owners[source]
	switch {
	case is == nil || is.Suspended:
	case !applied:
		return nil
	case by == ref || slices.Contains(seen, by): // it would have to arrive by itself
	case !t.suspended(by) && t.starved(by, append(seen, ref)...) == nil:
		return nil
	}
	return &dry{source}
}

// object is one of the Fleet; nil where it has none of that name.
func (f Fleet) object(ref flux.Ref) *flux.Object {
	i, found := slices.BinarySearchFunc(f.Snapshot.Objects, ref, func(o flux.Object, ref flux.Ref) int { return o.Ref.Compare(ref) })
	if !found {
		return nil
	}
	return &f.Snapshot.Objects[i]
}

// guarded says why a part of an object of the head does not reach the one that is there, whatever becomes of all others.
func (t Transition) guarded(ref flux.Ref, part flux.Field) string {
	object := t.head.object(ref)
	if object == nil {
		return ""
	}
	return cmp.Or(t.refused(t.head.owners[ref]), tune.Untouched(*object), t.head.Rule(*object, part))
}

// frozen says why a Kustomization goes on with the spec of the base where the head has another one: nothing of what that makes
// reaches the cluster. It is "" where the head's spec arrives, or makes nothing else of the same files.
func (t Transition) frozen(ref flux.Ref, seen ...flux.Ref) string {
	was, is, object := t.base.deployments[ref], t.head.deployments[ref], t.head.object(ref)
	if is == nil || object == nil || t.head.owners[ref] == ref || slices.Contains(seen, ref) {
		return "" // one that applies itself gets what its own source has
	}
	why := ""
	switch {
	case was == nil:
		why = cmp.Or(t.stays(ref, seen...), tune.Excluded(*object))
	case was.spec != is.spec:
		why = cmp.Or(t.stays(ref, seen...), tune.Untouched(*object), t.ruled(*object, was, is))
	}
	if why == "" {
		return ""
	}
	return fmt.Sprintf("the spec of %s, which applies it, stays as it was: %s", ref, why)
}

// ruled is the rule that leaves what two specs of a Kustomization differ in to the cluster; "" where some of that arrives.
func (t Transition) ruled(object flux.Object, was, is *deployment) (why string) {
	var a, b any
	if json.Unmarshal([]byte(was.spec), &a) != nil || json.Unmarshal([]byte(is.spec), &b) != nil {
		return ""
	}
	changed := map[string][2]any{}
	leaves("spec", a, b, changed)
	for _, path := range sortedKeys(changed) {
		if why = t.head.Rule(object, flux.Field(path)); why == "" {
			return ""
		}
	}
	return why
}

// stays says why nothing of what the head has of an object is applied; "" where it is.
func (t Transition) stays(ref flux.Ref, seen ...flux.Ref) string {
	by, applied := t.head.owners[ref]
	if !applied {
		return ""
	}
	return t.stalled(by, append(seen, ref)...)
}

// stalled says why a Kustomization applies nothing of what the head has; "" where it does.
func (t Transition) stalled(by flux.Ref, seen ...flux.Ref) string {
	if t.suspended(by) {
		return whileSuspended(by)
	}
	if d := t.starved(by); d != nil {
		return d.why(by)
	}
	return cmp.Or(t.frozen(by, seen...), t.refused(by))
}

// Unchanged says why an object that both states have stays in whole as it is on the base; "" where it does not.
func (t Transition) Unchanged(o flux.Object) string {
	if why := t.stays(o.Ref); why != "" {
		return why
	}
	return tune.Untouched(o)
}

// Changed says why a part of an object that both states have stays as it is on the base: "spec.url"; "" where it changes.
func (t Transition) Changed(o flux.Object, part flux.Field) string {
	if why := t.Unchanged(o); why != "" {
		return why
	}
	return t.head.Rule(o, part)
}

// Added says why an object that only the head has is not created; "" where it is.
func (t Transition) Added(o flux.Object) string {
	if why := t.stays(o.Ref); why != "" {
		return why
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
	if instance, found := t.base.instanceOf(o); found && tune.NotPruned(instance) != "" {
		return fmt.Sprintf("%s on %s, which makes it, keeps Flux from taking that away", tune.NotPruned(instance), instance.Ref)
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
	if o := t.head.object(by); o == nil || t.head.owners[by] != by && t.Changed(*o, "spec.prune") != "" {
		life = t.base.lifecycle(by)
	}
	switch {
	case t.suspended(by):
		return fmt.Sprintf("%s, which applied it, is suspended", by)
	case t.starved(by) != nil:
		return t.starved(by).why(by)
	case t.frozen(by) != "":
		return t.frozen(by)
	case t.refused(by) != "":
		return t.refused(by)
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
