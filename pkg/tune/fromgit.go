package tune

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// pruneMark keeps kustomize-controller from deleting an object that Git does not have any more (kustomize-controller
// internal/controller/kustomization_controller.go, deleteObjects, which spares excluded objects, too).
const pruneMark = "kustomize.toolkit.fluxcd.io/prune"

// FromGit tells of the objects that one Kustomization applies which values in Git do not reach the cluster. It is for
// files; of a cluster's objects a Judge tells more.
type FromGit struct {
	owner flux.Ref
	rules rules
}

// NewFromGit prepares the rules of a Kustomization.
func NewFromGit(owner flux.Object) FromGit { return FromGit{owner.Ref, compile(owner)} }

// Held says why a field of an object, as Git has it, does not follow Git; "" where it does.
func (g FromGit) Held(o flux.Object, f flux.Field) string {
	if why := Untouched(o); why != "" {
		return why
	}
	if l := g.rules.leaves(o, o.Version, f); l.byOthers || l.byUs {
		return fmt.Sprintf("spec.ignore of %s leaves it to the cluster: Git's value counts only when the object is created", g.owner)
	}
	return ""
}

// Untouched says by which mark of an object, as Git has it, nothing that Git says of it reaches the object that is there; ""
// where it does.
func Untouched(o flux.Object) string {
	if mark := Excluded(o); mark != "" {
		return mark + " on the object keeps every update from Git away"
	}
	if bears(o, ssaMark, "IfNotPresent") {
		return "ssa: IfNotPresent on the object: Git's values count only when it is created"
	}
	return ""
}

// Excluded is the mark by which an object has kustomize-controller pass it over: what Git has of it is never applied, not
// even to create it (fluxcd/pkg ssa/manager_apply.go, shouldSkipApply). "" where it has none.
func Excluded(o flux.Object) string {
	switch {
	case bears(o, reconcileMark, "disabled"):
		return "reconcile: disabled"
	case bears(o, ssaMark, "Ignore"):
		return "ssa: Ignore"
	default:
		return ""
	}
}

// NotPruned is the mark by which kustomize-controller leaves an object in the cluster that Git does not have any more; ""
// where it takes it away.
func NotPruned(o flux.Object) string {
	if bears(o, pruneMark, "disabled") {
		return "prune: disabled"
	}
	return Excluded(o)
}

// notRewritable: what no edit of the files brings about is not planned.
func notRewritable(item Item, opts Options) (Reason, string) {
	if why := opts.NotRewritable[item.Object.Ref]; why != "" {
		return ReasonNotRewritable, "rewrite cannot change it: " + why
	}
	return "", ""
}

// heldFromGit: what a file says of a field that does not follow Git changes nothing.
func heldFromGit(item Item, opts Options) (Reason, string) {
	if opts.HeldFromGit == nil {
		return "", ""
	}
	for _, c := range item.Changes {
		if why := opts.HeldFromGit(item.Object, c.Field); why != "" {
			return ReasonHeldFromGit, fmt.Sprintf("%s does not follow Git: %s", shortName(c.Field), why)
		}
	}
	return "", ""
}
