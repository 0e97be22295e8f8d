package tune

import (
	"fmt"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// unlisted tells whether an object bears the labels of a Kustomization whose own inventory, which is up to date, does not
// list it.
func (j *Judge) unlisted(o flux.Object, owner flux.Ref) bool {
	listed, upToDate := j.inventory[owner]
	return upToDate && !listed[o.Ref] && j.known[owner] != nil && !j.known[owner].AppliesElsewhere
}

// orphan tells whether an object only bears the labels of a Kustomization that does not apply it any more: it was taken out
// of Git and not pruned.
//
// The labels do not name a cluster: a Kustomization of that name in another one, a hub, may apply the object, too. So it is
// an orphan only where all that can be seen is as this Kustomization leaves an orphan behind.
func (j *Judge) orphan(o flux.Object, owner flux.Ref) bool {
	if !j.unlisted(o, owner) || len(o.Writers) == 0 {
		return false
	}
	parent := j.known[owner]
	var applied time.Time
	writers := writersFor(o, owner)
	for _, w := range writers {
		if w.Time.After(applied) {
			applied = w.Time
		}
	}
	kept := NotPruned(o) != ""
	switch {
	case len(writers) == 0: // no kustomize-controller has ever applied it: its labels are copied
		return true
	case parent.Prunes && !kept: // this one would have deleted it
		return false
	default:
		return !applied.IsZero() && !applied.Before(parent.Created) && !applied.After(parent.Status.LastReconciled)
	}
}

// notListed is the verdict on what is unlisted and no orphan.
func notListed(owner flux.Ref) FieldStick {
	return FieldStick{Verdict: Unknown, Message: fmt.Sprintf("has the labels of %s, which does not list it: one of that name in another cluster may apply it", owner)}
}

// applier is the object that applies others here. It is false where it is not known, or applies to another cluster, and
// then the verdict is why nobody knows what becomes of them.
func (j *Judge) applier(owner flux.Ref) (o flux.Object, here bool, why FieldStick) {
	o, found := j.object(owner)
	switch {
	case !found:
		why.Message = fmt.Sprintf("applied by %s, which %s", owner, j.lacks(owner))
	case o.AppliesElsewhere:
		why.Message = fmt.Sprintf("applied by a %s, perhaps of another cluster: the one here applies elsewhere", owner)
	default:
		return o, true, why
	}
	why.Verdict = Unknown
	return o, false, why
}
