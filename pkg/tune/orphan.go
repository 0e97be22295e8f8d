package tune

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// unlisted tells whether an object bears the labels of a Kustomization whose own inventory, which is up to date, does not
// list it.
func (j *Judge) unlisted(o flux.Object, owner flux.Ref) bool {
	listed, upToDate := j.inventory[owner]
	return upToDate && !listed[o.Ref] && j.known[owner] != nil && !j.known[owner].AppliesElsewhere
}

// copied tells whether an object only bears the labels of a Kustomization, which does not list it and has never applied it.
//
// What a kustomize-controller has applied, and the Kustomization of that name here does not list, may be one that Git has let go and that was
// not pruned, or another cluster's, a hub's, which goes on applying it. Labels and managedFields are the same, so nobody can tell.
func (j *Judge) copied(o flux.Object, owner flux.Ref) bool {
	return j.unlisted(o, owner) && len(o.Writers) > 0 && len(writersFor(o, owner)) == 0
}

// notListed is the verdict on what is unlisted, and not known to bear copied labels only.
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
