package tune

import (
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// keepsRules are field managers that apply on the server, and leave alone what they do not set, so that rules stay (measured). The Flux
// Operator does so by fluxcd/pkg ssa, as kustomize-controller does (internal/controller, resourceset_controller.go and
// fluxinstance_controller.go).
var keepsRules = []string{kustomizeController, fluxOperator}

// keeps tells whether what applies an owner leaves alone what it does not set. So does an upgrade of a HelmRelease that does not
// replace objects (replacedBy). Whether others do is not known: Argo CD may replace, and so may the helm command.
func keeps(applier flux.Ref) bool {
	return slices.Contains([]string{"Kustomization", "ResourceSet", "FluxInstance", "HelmRelease"}, applier.Kind)
}

// appliersOf are those that apply an owner and may take rules away: what its marks name, and who else has written it.
func appliersOf(owner flux.Object) (others []string) {
	applier, applied := owner.Owner()
	known := keepsRules
	switch {
	case applied && !keeps(applier):
		others = append(others, applier.String())
	case applied:
		known = append(managerOf(applier), keepsRules...)
	}
	record, _ := ReadRecord(owner) // of one that cannot be read our own names are unknown
	ours := record.managers()
	ours[readPins(owner).Manager] = true
	for _, m := range owner.Writers {
		if comesBack(m.Manager) && !slices.Contains(known, m.Name) && !ours.has(m.Manager) {
			others = append(others, m.Name)
		}
	}
	return others
}

// CannotPin says why rules cannot be added to an owner so that they stay; "" where they can, unless a HelmRelease replaces it.
func CannotPin(owner flux.Object) string {
	ref := owner.Ref
	applier, applied := owner.Owner()
	mark, optedOut := optOut(owner)
	others := appliersOf(owner)
	switch {
	case ref.Kind == "HelmRelease":
		return fmt.Sprintf("%s has rules for drift only, none that hold an upgrade", ref)
	case ref.Kind != "Kustomization":
		return fmt.Sprintf("%s has no rules to leave fields to others", ref)
	case owner.AppliesElsewhere:
		return fmt.Sprintf("%s applies to another cluster", ref)
	case optedOut:
		return fmt.Sprintf("%s is itself opted out by %s: %s", ref, OptOutAnnotation, mark)
	case owner.Deleting:
		return fmt.Sprintf("%s is being deleted", ref)
	case BadPins(owner) != nil:
		return fmt.Sprintf("%s: %s", ref, BadPins(owner))
	case len(ignoreSetters(owner)) > 0:
		return fmt.Sprintf("spec.ignore of %s is itself set by %s: add the rule there", ref, ignoreSetters(owner)[0].Name)
	case len(others) > 0:
		return mayTake(ref, others[0])
	case applied && applier.Kind == "HelmRelease" && len(owner.Ignore) > len(OurRules(owner)) && unknown(owner, flux.IgnoreField):
		// What it merges, the API server may count among the oldest updates.
		return fmt.Sprintf("spec.ignore of %s may be set by %s: add the rule there", ref, applier)
	default:
		return ""
	}
}

func mayTake(owner flux.Ref, applier string) string {
	return fmt.Sprintf("%s is itself applied by %s, which may take the rules away: add them where that is written", owner, applier)
}

// takenBy says that a HelmRelease applies an owner and would take rules away, or may, as
// it was not read, or is of another cluster; "" where it leaves them.
func (j *Judge) takenBy(owner flux.Object) string {
	release, applied := owner.Owner()
	if !applied || release.Kind != "HelmRelease" {
		return ""
	}
	if _, here, _ := j.applier(release); !here {
		return mayTake(owner.Ref, release.String())
	}
	if when := j.replacedBy(owner, release); when != "" {
		return fmt.Sprintf("%s is itself applied by %s, whose next %s would take the rules away (force): add them where that is written", owner.Ref, release, when)
	}
	return ""
}
