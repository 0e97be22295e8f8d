package tune

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Verdict says whether a change of a field will last. The words are part of the JSON contract.
type Verdict string

// The verdicts, from the best to the worst. Of an unknown one something may set the field again.
const (
	Sticks   Verdict = "sticks"
	Held     Verdict = "held" // by a rule that leaves the field to others
	Unknown  Verdict = "unknown"
	Reverted Verdict = "reverted"
)

// FieldStick is whether a change of one field lasts, and why.
type FieldStick struct {
	Field   flux.Field
	Verdict Verdict
	// Within is the interval at which a change is undone, where that is known.
	Within time.Duration
	// Message is the verdict in words: "undone within about 10m by Kustomization flux-system/apps"; "" where
	// nobody applies the object.
	Message string
	// Pinned says that a rule of ours in the owner's spec.ignore holds it, now or when the plan is carried out.
	Pinned bool
}

// Stick is whether a change of an object will last: the worst of its fields, and each of them.
type Stick struct {
	FieldStick
	Fields []FieldStick
	// Owner applies the object; the zero Ref where nobody does.
	Owner flux.Ref
	// Home is where the values are set: "Kustomization flux-system/apps: path ./apps of
	// https://github.com/acme/fleet"; "" where nobody sets them.
	Home string
}

// of is whether a change of a field lasts.
func (s Stick) of(f flux.Field) FieldStick {
	i := slices.IndexFunc(s.Fields, func(stick FieldStick) bool { return stick.Field == f })
	if i < 0 {
		return FieldStick{Field: f}
	}
	return s.Fields[i]
}

// lasts tells whether nothing sets the field again.
func (v Verdict) lasts() bool { return v == Sticks || v == Held }

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

// The annotations of a FluxInstance or ResourceSet that say how often the Flux Operator applies what it
// owns, and whether at all; and how often it does where nothing is said (flux-operator 0.59,
// api/v1/resourceset_types.go, GetInterval). The second is respected on what a ResourceSet owns, too
// (internal/controller/resourceset_controller.go, ExclusionSelector).
const (
	operatorEveryAnnotation = flux.OperatorGroup + "/reconcileEvery"
	operatorReconcileMark   = flux.OperatorGroup + "/reconcile"
	operatorInterval        = time.Hour
)

// managedByLabel names the tool that applies an object, where nothing else does (kubernetes.io, "Recommended Labels").
// applySetLabel is on what kubectl apply --applyset applies (k8s.io/kubectl pkg/cmd/apply/applyset.go): a pipeline does so
// again and again, while the field manager is that of a hand.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	applySetLabel  = "applyset.kubernetes.io/part-of"
)

// Judge tells whether changes of objects stick. It knows the Kustomizations, HelmReleases and sources
// of a snapshot, and does not change once it is made.
type Judge struct {
	known map[flux.Ref]*flux.Object
	rules map[flux.Ref]rules
	// inventory are the Flux objects that each Kustomization lists as applied; of those whose list is
	// up to date.
	inventory map[flux.Ref]map[flux.Ref]bool
	// needed is what owners must leave to us already.
	needed Needed
	// looked tells of what is not known whether it would be if it existed, and lacks says why it is not.
	looked func(flux.Ref) bool
	lacks  func(flux.Ref) string
	// allReleases says that all HelmReleases were read.
	allReleases bool
}

// NewJudge makes a judge of a snapshot.
func NewJudge(s flux.Snapshot) *Judge {
	j := &Judge{known: make(map[flux.Ref]*flux.Object), rules: make(map[flux.Ref]rules), inventory: make(map[flux.Ref]map[flux.Ref]bool)}
	for o := range flux.Each(s.Related, s.Objects) {
		if row := o.KindRow(); row.Consumer || row.Source || o.Group == flux.OperatorGroup {
			j.learn(o)
		}
	}
	j.needed = Needs(s.All(), s.Unread...)
	j.looked, j.lacks, j.allReleases = s.LookedFor, s.Lacks, s.LookedForAll("HelmRelease")
	return j
}

// cannotPin says why an owner cannot be made to leave fields to us; "" where it can.
func (j *Judge) cannotPin(owner flux.Ref) string {
	o, found := j.object(owner)
	if !found && owner.Kind == "Kustomization" {
		return fmt.Sprintf("%s %s", owner, j.lacks(owner))
	}
	o.Ref = owner
	return cmp.Or(CannotPin(o), j.takenBy(o))
}

// PinOf are the rules that an owner needs, by the records on its objects and what is planned beside.
func (j *Judge) PinOf(owner flux.Object, planned []Need) Pin {
	return j.needed.Pin(owner, planned...)
}

// object is one that the snapshot knows; false where it does not.
func (j *Judge) object(ref flux.Ref) (flux.Object, bool) {
	if j == nil || j.known[ref] == nil {
		return flux.Object{}, false
	}
	return *j.known[ref], true
}

// gone tells whether an object was looked for and does not exist.
func (j *Judge) gone(ref flux.Ref) bool { return j.known[ref] == nil && j.looked(ref) }

func (j *Judge) learn(o *flux.Object) {
	j.known[o.Ref] = o
	if len(o.Ignore) > 0 {
		j.rules[o.Ref] = compile(*o)
	}
	if o.Kind == "Kustomization" && o.Status.Managed > 0 && o.Status.Ready == "True" && o.Status.ObservedGeneration == o.Generation {
		listed := make(map[flux.Ref]bool, len(o.Status.Inventory))
		for _, ref := range o.Status.Inventory {
			listed[ref] = true
		}
		j.inventory[o.Ref] = listed
	}
}

// Judge tells whether changes of these fields of an object will last.
func (j *Judge) Judge(o flux.Object, fields []flux.Field) Stick {
	owner, owned := o.Owner()
	owned = owned && !j.orphan(o, owner)
	stick := Stick{FieldStick: FieldStick{Verdict: Sticks}}
	if owned {
		stick.Owner, stick.Home = owner, j.home(owner)
	}
	record, err := ReadRecord(o)
	if err != nil {
		record = nil // such an object is not changed
	}
	for i, f := range fields {
		s := j.field(o, record, owner, owned, f)
		s.Field = f
		stick.Fields = append(stick.Fields, s)
		if i == 0 || rankOf(s.Verdict) > rankOf(stick.Verdict) {
			stick.FieldStick = s
		}
	}
	return stick
}

func rankOf(v Verdict) int { return slices.Index([]Verdict{Sticks, Held, Unknown, Reverted}, v) }

func (j *Judge) field(o flux.Object, record *Record, owner flux.Ref, owned bool, f flux.Field) FieldStick {
	names := managerOf(owner)
	theirs := false // the owner sets it
	var other []string
	for _, m := range setters(o, record, f) {
		switch {
		case slices.Contains(names, m.Name) && !owned: // an orphan's
		case slices.Contains(names, m.Name):
			theirs = true
		case !slices.Contains(other, m.Name):
			other = append(other, m.Name)
		}
	}
	switch {
	case owned && (theirs || alwaysSet(o, owner, f) || j.left(o, owner, f)):
		s := j.byOwner(o, owner, f)
		if other := cmp.Or(mayComeBack(other), behindHands(o, record, f, names)); other.Verdict != "" && s.Verdict.lasts() {
			return other
		}
		return s
	case owned && j.replacedBy(o, owner) != "":
		return FieldStick{Verdict: Reverted, Message: fmt.Sprintf("undone by the next %s of %s, which replaces the whole object (force)", j.replacedBy(o, owner), owner)}
	case len(other) > 0:
		return mayComeBack(other)
	case !owned:
		return cmp.Or(behindHands(o, record, f, names), byLabel(o))
	case j.excluded(o, owner):
		return j.byOwner(o, owner, f)
	}
	if s := overHand(o, record, f, owner.String()); s.Verdict != "" {
		return s
	}
	return FieldStick{Verdict: Sticks, Message: fmt.Sprintf("%s does not set %s", owner, f)}
}

// behindHands judges a field that people's hands set last, of an object that others than some apply who may come back: the last
// write has taken the field from them, but not out of what they apply. The zero value where nobody else applies it.
func behindHands(o flux.Object, record *Record, f flux.Field, beside []string) FieldStick {
	ours := record.managers()
	ours[readPins(o).Manager] = true
	var appliers []string
	for _, w := range o.Writers {
		if comesBack(w.Manager) && !ours.has(w.Manager) && !slices.Contains(beside, w.Name) && !slices.Contains(appliers, w.Name) {
			appliers = append(appliers, w.Name)
		}
	}
	return overHand(o, record, f, appliers...)
}

// overHand is the verdict on a field that somebody's hand has set over what appliers may set too; the zero value where it is not
// so.
func overHand(o flux.Object, record *Record, f flux.Field, appliers ...string) FieldStick {
	hands := strangers(o, record, f)
	if o.Value(f) == nil || len(hands) == 0 || len(appliers) == 0 {
		return FieldStick{}
	}
	return FieldStick{Verdict: Unknown, Message: fmt.Sprintf("%s set %s last, and %s may set it too", hands[0].Name, f, strings.Join(appliers, " and "))}
}

// alwaysSet tells whether whoever applies an object sets a field in any case: an interval, which the CRDs require. Of kinds that have
// one without it, HelmRepository and Receiver, that the owner wrote the object without it tells.
func alwaysSet(o flux.Object, owner flux.Ref, f flux.Field) bool {
	if f != flux.Interval {
		return false
	}
	if t, _ := o.KindRow().Tunable(f); t.Default != nil {
		return o.Value(f) != nil && len(writersFor(o, owner)) == 0
	}
	return true
}

// left tells whether a rule leaves a field to others, of which nobody can see whether Git sets it. A rule of ours is needed for as long as
// a change stands. Under somebody else's, a field that a hand has removed has no owner, and the owner adopts what we set.
func (j *Judge) left(o flux.Object, owner flux.Ref, f flux.Field) bool {
	l := j.leaves(o, owner, f)
	return l.byUs || l.byOthers && o.Value(f) == nil
}

// leaves tells what the rules of an owner leave to others.
func (j *Judge) leaves(o flux.Object, owner flux.Ref, f flux.Field) leave {
	return j.rules[owner].leaves(o, versionApplied(o, owner), f)
}

// byLabel judges a field that nobody sets, of an object that bears the marks of no owner: a label may tell all the same
// that it is applied again.
func byLabel(o flux.Object) FieldStick {
	tool, set := o.Labels[managedByLabel], o.Labels[applySetLabel]
	switch {
	case Controller(tool):
		return FieldStick{Verdict: Unknown, Message: fmt.Sprintf("its label %s says that %s applies it, and may undo the change", managedByLabel, tool)}
	case set != "":
		return FieldStick{Verdict: Unknown, Message: fmt.Sprintf("its label %s says that it is of a set that kubectl apply --applyset applies, and may undo the change", applySetLabel)}
	default:
		return FieldStick{Verdict: Sticks}
	}
}

// mayComeBack is the verdict on a field that managers own who apply it; the zero value of none.
func mayComeBack(managers []string) FieldStick {
	if len(managers) == 0 {
		return FieldStick{}
	}
	return FieldStick{Verdict: Unknown, Message: "applied by " + strings.Join(managers, " and ") + ", which may undo the change"}
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
