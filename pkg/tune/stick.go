package tune

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Verdict says whether a change of a field will last. The words are part of the JSON contract.
type Verdict string

// The verdicts, from the best to the worst.
const (
	Sticks   Verdict = "sticks"
	Held     Verdict = "held" // by a rule that leaves the field to others
	Unknown  Verdict = "unknown"
	Reverted Verdict = "reverted"
)

// Stick is whether a change of an object will last, and why.
type Stick struct {
	Verdict Verdict
	// Owner applies the object; the zero Ref where nobody does.
	Owner flux.Ref
	// Within is how long a change lasts at most, where it is reverted.
	Within time.Duration
	// Message is the verdict in words: "reverted within 10m by Kustomization flux-system/apps"; "" where
	// nobody applies the object.
	Message string
	// Home is where the values are set: "Kustomization flux-system/apps: path ./apps of
	// https://github.com/acme/fleet"; "" where nobody sets them.
	Home string
}

// The marks by which an object tells kustomize-controller and helm-controller to leave it alone
// (kustomize-controller internal/controller/kustomization_controller.go, ExclusionSelector and
// IfNotPresentSelector; helm-controller api/v2, DriftDetectionMetadataKey). Measured: with "disabled"
// and "Ignore" no update from Git arrives at all; "IfNotPresent" counts only where it comes from Git.
const (
	reconcileMark = "kustomize.toolkit.fluxcd.io/reconcile"
	ssaMark       = "kustomize.toolkit.fluxcd.io/ssa"
	driftMark     = "helm.toolkit.fluxcd.io/driftDetection"
)

// bears tells whether an object has a mark, as a label or as an annotation and in any case (fluxcd/pkg
// ssa/utils, AnyInMetadata).
func bears(o flux.Object, mark, value string) bool {
	return strings.EqualFold(o.Labels[mark], value) || strings.EqualFold(o.Annotations[mark], value)
}

// kustomizeController and fluxOperator are their field managers.
const (
	kustomizeController = "kustomize-controller"
	fluxOperator        = "flux-operator"
)

// The annotations of a FluxInstance or ResourceSet that say how often the Flux Operator applies what it
// owns, and whether at all; and how often it does where nothing is said (flux-operator 0.59,
// api/v1/resourceset_types.go, GetInterval). The second is respected on what a ResourceSet owns, too
// (internal/controller/resourceset_controller.go, ExclusionSelector).
const (
	operatorEveryAnnotation = flux.OperatorGroup + "/reconcileEvery"
	operatorReconcileMark   = flux.OperatorGroup + "/reconcile"
	operatorInterval        = time.Hour
)

// Judge tells whether changes of objects stick. It knows the Kustomizations, HelmReleases and sources
// of a snapshot.
type Judge struct {
	known map[flux.Ref]flux.Object
}

// NewJudge makes a judge of a snapshot.
func NewJudge(s flux.Snapshot) *Judge {
	j := &Judge{known: make(map[flux.Ref]flux.Object)}
	for _, o := range slices.Concat(s.Related, s.Objects) {
		if row := o.KindRow(); row.Consumer || row.Source || o.Group == flux.OperatorGroup {
			j.known[o.Ref] = o
		}
	}
	return j
}

// Judge tells whether changes of these fields of an object will last. The worst field decides.
func (j *Judge) Judge(o flux.Object, fields []flux.Field) Stick {
	owner, owned := o.Owner()
	if !owned {
		return Stick{Verdict: Sticks}
	}
	worst := Stick{Verdict: Sticks, Owner: owner, Message: fmt.Sprintf("%s does not set it", owner)}
	for i, f := range fields {
		s := j.field(o, owner, f)
		if i == 0 || rankOf(s.Verdict) > rankOf(worst.Verdict) {
			worst = s
		}
	}
	worst.Owner, worst.Home = owner, j.home(owner)
	return worst
}

func rankOf(v Verdict) int { return slices.Index([]Verdict{Sticks, Held, Unknown, Reverted}, v) }

func (j *Judge) field(o flux.Object, owner flux.Ref, f flux.Field) Stick {
	switch owner.Kind {
	case "Kustomization":
		return j.byKustomization(o, owner, f)
	case "HelmRelease":
		return j.byHelmRelease(o, owner, f)
	case "FluxInstance", "ResourceSet":
		return j.byOperator(o, owner, f)
	case flux.HelmReleaseName:
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("sticks until the next helm upgrade of %s/%s", owner.Namespace, owner.Name)}
	default:
		application, _, _ := strings.Cut(owner.Name, ":")
		return Stick{Verdict: Unknown, Message: fmt.Sprintf("Argo CD application %q applies it, and may undo it (self-heal)", application)}
	}
}

func (j *Judge) byKustomization(o flux.Object, owner flux.Ref, f flux.Field) Stick {
	switch {
	case bears(o, reconcileMark, "disabled"):
		return Stick{Verdict: Held, Message: "held: reconcile: disabled on the object keeps every update from Git away"}
	case bears(o, ssaMark, "Ignore"):
		return Stick{Verdict: Held, Message: "held: ssa: Ignore on the object keeps every update from Git away"}
	case bears(o, ssaMark, "IfNotPresent") && applied(o.SSAManager(), kustomizeController):
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("%s only creates it (ssa: IfNotPresent)", owner)}
	case !setBy(kustomizeController, o, f):
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("%s does not set %s", owner, f)}
	}
	parent, found := j.known[owner]
	if !found {
		return Stick{Verdict: Unknown, Message: fmt.Sprintf("applied by %s, which could not be found", owner)}
	}
	if ruled(parent, o, f) {
		return Stick{Verdict: Held, Message: fmt.Sprintf("held by spec.ignore of %s", owner)}
	}
	if parent.Suspended {
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("sticks while %s is suspended", owner)}
	}
	within := parent.Effective(flux.Interval)
	return Stick{Verdict: Reverted, Within: within, Message: fmt.Sprintf("reverted within %s by %s", flux.FormatDuration(within), owner)}
}

func (j *Judge) byHelmRelease(o flux.Object, owner flux.Ref, f flux.Field) Stick {
	release, found := j.known[owner]
	switch {
	case !found:
		return Stick{Verdict: Unknown, Message: fmt.Sprintf("applied by %s, which could not be found", owner)}
	case release.Suspended:
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("sticks while %s is suspended", owner)}
	case !release.DetectsDrift:
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("sticks until the next upgrade of %s", owner)}
	case bears(o, driftMark, "disabled"):
		return Stick{Verdict: Held, Message: fmt.Sprintf("held until the next upgrade of %s: driftDetection: disabled on the object", owner)}
	case ruled(release, o, f):
		return Stick{Verdict: Held, Message: fmt.Sprintf("held until the next upgrade of %s by its spec.driftDetection.ignore", owner)}
	default:
		within := release.Effective(flux.Interval)
		return Stick{Verdict: Reverted, Within: within, Message: fmt.Sprintf("reverted within %s by %s, which corrects drift", flux.FormatDuration(within), owner)}
	}
}

func (j *Judge) byOperator(o flux.Object, owner flux.Ref, f flux.Field) Stick {
	operator, found := j.known[owner]
	every := operatorInterval
	if d, err := time.ParseDuration(operator.Annotations[operatorEveryAnnotation]); err == nil {
		every = d
	}
	switch {
	case owner.Kind == "ResourceSet" && bears(o, operatorReconcileMark, "disabled"):
		return Stick{Verdict: Held, Message: fmt.Sprintf("held: reconcile: disabled on the object keeps every update of %s away", owner)}
	case !setBy(fluxOperator, o, f):
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("%s does not set %s", owner, f)}
	case !found:
		return Stick{Verdict: Reverted, Within: operatorInterval,
			Message: fmt.Sprintf("reverted by %s, within %s unless it says otherwise", owner, flux.FormatDuration(operatorInterval))}
	case strings.EqualFold(operator.Annotations[operatorReconcileMark], "disabled"):
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("sticks while %s has reconcile: disabled", owner)}
	case every <= 0:
		return Stick{Verdict: Sticks, Message: fmt.Sprintf("sticks until the next change of %s", owner)}
	default:
		return Stick{Verdict: Reverted, Within: every, Message: fmt.Sprintf("reverted within %s by %s", flux.FormatDuration(every), owner)}
	}
}

// setBy tells whether the controller that applies an object sets a field of it. The API server
// remembers that while nobody else changes the field; after that our record does. An interval is
// always set, because the CRDs require it.
func setBy(controller string, o flux.Object, f flux.Field) bool {
	if applied(o.Managers[f], controller) {
		return true
	}
	if f == flux.Interval {
		return true
	}
	record, err := ReadRecord(o)
	if err != nil || record == nil {
		return false
	}
	move, _, moved := span(*record, f, func(Step) bool { return true })
	return moved && move.From != nil
}

func applied(m flux.Manager, controller string) bool { return m.Apply && m.Name == controller }

// ruled tells whether the rules of a Kustomization or HelmRelease leave a field of an object to others.
func ruled(parent, o flux.Object, f flux.Field) bool {
	pointer := Pointer(f)
	return slices.ContainsFunc(parent.Ignore, func(r flux.IgnoreRule) bool {
		return selects(r.Target, o) && slices.ContainsFunc(r.Paths, func(path string) bool {
			return path == pointer || strings.HasPrefix(pointer, strings.TrimSuffix(path, "/")+"/")
		})
	})
}

// Pointer writes a field as a JSON pointer (RFC 6901): /spec/interval.
func Pointer(f flux.Field) string { return "/" + strings.Join(f.Path(), "/") }

// selects tells whether a rule's target selects an object, as fluxcd/pkg ssa/jsondiff does: regular
// expressions that match as a whole, and selectors. What does not compile selects nothing here, and
// fails the Kustomization there.
func selects(t *flux.IgnoreTarget, o flux.Object) bool {
	if t == nil {
		return true
	}
	return fits(t.Namespace, o.Namespace) && fits(t.Name, o.Name) && fits(t.Kind, o.Kind) &&
		fits(t.Group, o.Group) && fits(t.Version, o.Version) &&
		matches(t.LabelSelector, o.Labels) && matches(t.AnnotationSelector, o.Annotations)
}

func fits(pattern, value string) bool {
	if pattern == "" || pattern == regexp.QuoteMeta(value) {
		return true
	}
	matched, err := regexp.MatchString("^(?:"+pattern+")$", value)
	return err == nil && matched
}

func matches(selector string, set map[string]string) bool {
	if selector == "" {
		return true
	}
	parsed, err := labels.Parse(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}

// home says where in Git a Kustomization's objects are.
func (j *Judge) home(owner flux.Ref) string {
	parent, found := j.known[owner]
	if !found || owner.Kind != "Kustomization" {
		return owner.String()
	}
	place := fmt.Sprintf("path %s of %s", cmp.Or(parent.Path, "./"), parent.SourceRef)
	if source, found := j.known[parent.SourceRef]; found && source.Remote.URL != "" {
		place = fmt.Sprintf("path %s of %s", cmp.Or(parent.Path, "./"), source.Remote.URL)
		if source.Remote.Ref.Value != "" {
			place += fmt.Sprintf(" (%s %s)", source.Remote.Ref.Kind, source.Remote.Ref.Value)
		}
	}
	return fmt.Sprintf("%s: %s", owner, place)
}

// NeedsOwners tells whether something applies objects of a snapshot that the snapshot does not hold.
func NeedsOwners(s flux.Snapshot) bool {
	known := make(map[flux.Ref]bool, len(s.Objects))
	for _, o := range s.Objects {
		known[o.Ref] = true
	}
	return slices.ContainsFunc(s.Objects, func(o flux.Object) bool {
		owner, owned := o.Owner()
		_, isFlux := flux.ParseManifestKind(owner.Group, owner.Kind)
		return owned && (isFlux || owner.Group == flux.OperatorGroup) && !known[owner]
	})
}
