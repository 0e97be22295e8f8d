package tune

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Within says within what time comes what comes at an interval: "within about 10m". Flux adds jitter to it, 5% unless a flag says
// otherwise (fluxcd/pkg runtime/jitter), and then it takes its time.
func Within(interval time.Duration) string { return "within about " + flux.FormatDuration(interval) }

// excluded tells whether the object's own marks keep its owner's updates away.
func (j *Judge) excluded(o flux.Object, owner flux.Ref) bool {
	return owner.Kind == "Kustomization" && Excluded(o) != ""
}

func (j *Judge) byOwner(o flux.Object, owner flux.Ref, f flux.Field) FieldStick {
	switch owner.Kind {
	case "Kustomization":
		return j.byKustomization(o, owner, f)
	case "HelmRelease":
		return j.byHelmRelease(o, owner, f)
	case "FluxInstance", "ResourceSet":
		return j.byOperator(o, owner)
	case flux.HelmReleaseName:
		return byHelmCommand(o, owner)
	default:
		return FieldStick{Verdict: Unknown, Message: fmt.Sprintf("applied by Argo CD application %q, which may undo the change (self-heal)", owner.Name)}
	}
}

func (j *Judge) byKustomization(o flux.Object, owner flux.Ref, f flux.Field) FieldStick {
	switch mark := Excluded(o); {
	case mark != "":
		return FieldStick{Verdict: Held, Message: fmt.Sprintf("held: %s on the object keeps every update from Git away", mark)}
	case bears(o, ssaMark, "IfNotPresent") && slices.ContainsFunc(o.SSAOwners(), func(m flux.Manager) bool { return m.Apply && m.Name == kustomizeController }):
		return FieldStick{Verdict: Sticks, Message: fmt.Sprintf("%s only creates it (ssa: IfNotPresent)", owner)}
	}
	parent, here, why := j.applier(owner)
	switch {
	case !here:
		return why
	case j.unlisted(o, owner):
		return notListed(owner)
	}
	left := j.leaves(o, owner, f)
	// A rule of ours that no record needs is what a run left that was killed: it goes at the end of the next.
	byUs := left.byUs && needed(o, f)
	within := parent.Effective(flux.Interval)
	switch {
	case left.byOthers || byUs:
		return FieldStick{Verdict: Held, Pinned: byUs && !left.byOthers, Message: fmt.Sprintf("held by spec.ignore of %s", owner)}
	case left.unsure:
		return FieldStick{Verdict: Unknown, Message: fmt.Sprintf("a rule in spec.ignore of %s is for one version of the API, and which one the applied manifest has is not known", owner)}
	case parent.Suspended:
		return FieldStick{Verdict: Reverted, Message: fmt.Sprintf("undone when %s is resumed", owner)}
	default:
		return FieldStick{Verdict: Reverted, Within: within, Message: fmt.Sprintf("undone %s by %s", Within(within), owner)}
	}
}

// needed tells whether the record of an object says that a field is pinned.
func needed(o flux.Object, f flux.Field) bool {
	record, err := ReadRecord(o)
	return err == nil && slices.Contains(record.Pinned(), f)
}

func (j *Judge) byOperator(o flux.Object, owner flux.Ref) FieldStick {
	operator, found := j.object(owner)
	every := operatorInterval
	if d, err := time.ParseDuration(operator.Annotations[operatorEveryAnnotation]); err == nil {
		every = d
	}
	switch {
	case owner.Kind == "ResourceSet" && bears(o, operatorReconcileMark, "disabled"):
		// Nothing tells which one runs. Before, the mark only filtered the rendered templates.
		return FieldStick{Verdict: Unknown, Message: fmt.Sprintf("reconcile: disabled on the object keeps every update of %s away only from Flux Operator 0.59 on", owner)}
	case !found:
		return FieldStick{Verdict: Reverted, Within: operatorInterval,
			Message: fmt.Sprintf("undone by %s, %s unless it says otherwise", owner, Within(operatorInterval))}
	case strings.EqualFold(operator.Annotations[operatorReconcileMark], "disabled"):
		return FieldStick{Verdict: Reverted, Message: fmt.Sprintf("undone when %s has no reconcile: disabled any more", owner)}
	case every <= 0:
		return FieldStick{Verdict: Reverted, Message: fmt.Sprintf("undone by the next change of %s", owner)}
	default:
		return FieldStick{Verdict: Reverted, Within: every, Message: fmt.Sprintf("undone %s by %s", Within(every), owner)}
	}
}

// home says where in Git a Kustomization's objects are.
func (j *Judge) home(owner flux.Ref) string {
	parent, found := j.object(owner)
	if !found || owner.Kind != "Kustomization" {
		return owner.String()
	}
	place := fmt.Sprintf("path %s of %s", cmp.Or(parent.Path, "./"), parent.SourceRef)
	if source, found := j.object(parent.SourceRef); found && source.Remote.URL != "" {
		place = fmt.Sprintf("path %s of %s", cmp.Or(parent.Path, "./"), flux.WithoutSecrets(source.Remote.URL))
		if source.Remote.Ref.Value != "" {
			place += fmt.Sprintf(" (%s %s)", source.Remote.Ref.Kind, source.Remote.Ref.Value)
		}
	}
	return fmt.Sprintf("%s: %s", owner, place)
}
