package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

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
	// Force has it make anew what the API server takes no change of.
	Force bool `json:"force"`
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

// Rule says which rule of the Kustomization that applies an object leaves a part of it to the cluster: "spec.url"; "" where
// none does.
func (f Fleet) Rule(o flux.Object, part flux.Field) string {
	return f.rules[f.owners[o.Ref]].Held(o, part)
}

// HeldOrSuspended is Held, and tells of a Kustomization that is suspended or of which the API server refuses something, too.
func (f Fleet) HeldOrSuspended(ref flux.Ref, field flux.Field) string {
	if by, suspended := f.SuspendedBy(ref); suspended {
		return whileSuspended(by)
	}
	by := f.owners[ref]
	switch {
	case f.starved[by] != nil:
		return f.starved[by].why(by)
	case f.refused[by] != "" && by.Name != "": // of files alone nobody knows who applies them
		return f.refused[by]
	default:
		return f.Held(ref, field)
	}
}

// SuspendedBy is the Kustomization that applies an object, or its source, and is suspended: what the files have of the object
// reaches the cluster when it is resumed. It is false where neither is.
func (f Fleet) SuspendedBy(ref flux.Ref) (flux.Ref, bool) {
	by, known := f.owners[ref]
	if known && !f.suspended[by] && f.starved[by] != nil {
		return f.starved[by].source, true
	}
	return by, known && f.suspended[by]
}

// buildFields are those of a Kustomization that say what it makes of its files.
var buildFields = []flux.Field{"spec.path", "spec.sourceRef", "spec.targetNamespace", "spec.namePrefix", "spec.nameSuffix", "spec.components",
	"spec.images", "spec.patches", "spec.postBuild", "spec.commonMetadata"}

// frozen says why the spec of a Kustomization that the files have does not reach the one on the cluster; "" where it does, and of
// one that applies itself. What the API server refuses is told as an error of its own.
func (f Fleet) frozen(ref flux.Ref) string {
	object, by := f.object(ref), f.owners[ref]
	switch {
	case object == nil || by == ref:
		return ""
	case f.suspended[by]:
		return whileSuspended(by)
	case f.starved[by] != nil:
		return f.starved[by].why(by)
	}
	for _, field := range buildFields {
		if why := f.Rule(*object, field); why != "" {
			return why
		}
	}
	return ""
}

func whileSuspended(by flux.Ref) string {
	return fmt.Sprintf("%s, which applies it, is suspended", by)
}

// refuse notes that the API server does not take an object of a Kustomization. Nothing of that is taken away then, and of its
// stage and later ones nothing is applied (kustomize-controller internal/controller/kustomization_controller.go, apply; fluxcd/pkg
// ssa, ApplyAllStaged: the dry runs of a stage come first). Flux's own objects are of the last stage: before them come only
// CustomResourceDefinitions, Namespaces, ClusterRoles and classes.
func (f *Fleet) refuse(by flux.Ref, why string) {
	f.keep(by, refusal(by, why))
}

// keep notes why a Kustomization applies nothing; what was noted first counts.
func (f *Fleet) keep(by flux.Ref, why string) {
	if f.refused == nil {
		f.refused = map[flux.Ref]string{}
	}
	f.refused[by] = cmp.Or(f.refused[by], why)
}

func refusal(by flux.Ref, why string) string {
	return fmt.Sprintf("%s applies nothing: the API server refuses %s", by, why)
}

// noteHeld finds what does not follow the files, once all objects are there.
func (f *Fleet) noteHeld() {
	f.held, f.suspended = map[flux.Ref]map[flux.Field]string{}, map[flux.Ref]bool{}
	f.rules = map[flux.Ref]tune.FromGit{}
	for _, o := range f.Snapshot.Objects {
		if o.Ref.Kind == kustomizationKind && o.Group == kustomizeGroup {
			f.rules[o.Ref], f.suspended[o.Ref] = tune.NewFromGit(o), o.Suspended
		}
	}
	f.noteUnfit()
	f.noteShared()
	below := map[flux.Ref]bool{}
	for _, o := range f.Snapshot.Objects {
		by := f.owners[o.Ref]
		below[by] = true
		if why := refusedTunable(o, f.rules[by]); why != "" {
			f.refuse(by, why)
		}
		for _, t := range o.KindRow().Tunables {
			if why := f.rules[by].Held(o, t.Field); why != "" {
				f.hold(o.Ref, t.Field, why)
			}
		}
	}
	f.noteCircles()
	for ref, d := range f.deployments {
		below[ref] = below[ref] || slices.ContainsFunc(d.objects, func(o appliedObject) bool {
			return o.ref.Kind == "ConfigMap" && o.ref.Group == "" && f.givesSome(o.ref)
		})
	}
	maps.DeleteFunc(below, func(_ flux.Ref, is bool) bool { return !is })
	f.starved = map[flux.Ref]*dry{}
	for _, by := range sortedRefs(below) {
		what := "what " + by.String() + " applies"
		d := f.deployments[by]
		if d != nil {
			if source := f.object(d.source().ref()); source != nil && source.Suspended {
				f.starved[by] = &dry{source.Ref}
			}
		}
		switch {
		case f.suspended[by]:
			f.gap(what, "it is suspended: what the files have reaches the cluster when it is resumed", true)
		case f.starved[by] != nil:
			f.gap(what, f.starved[by].source.String()+", its source, is suspended: what the files have reaches the cluster when it is resumed", true)
		}
	}
	f.noteFrozen(below)
	f.noteUndecided()
}

// noteUndecided tells of the intervals that are variables without a value in the checkout: what these objects ask is not counted.
func (f *Fleet) noteUndecided() {
	undecided := map[flux.Ref][]string{} // by what applies them
	for _, o := range f.Snapshot.Objects {
		if by := f.owners[o.Ref]; o.Undecided(flux.Interval) {
			undecided[by] = append(undecided[by], o.Ref.String())
		}
	}
	for _, by := range sortedRefs(undecided) {
		what := "spec.interval of " + undecided[by][0]
		if more := len(undecided[by]) - 1; more > 0 {
			what += fmt.Sprintf(" and %d more", more)
		}
		f.gap(what, "it is a variable that has no value in the checkout: how often it asks is not known", true)
	}
}

// noteFrozen tells of the Kustomizations whose own spec does not reach the cluster, once it is known who is suspended.
func (f *Fleet) noteFrozen(below map[flux.Ref]bool) {
	for _, by := range sortedRefs(below) {
		if why := f.frozen(by); why != "" {
			f.gap("what "+by.String()+" applies", "its files are followed at once, but another spec of it (path, patches, variables) only when that reaches the cluster: "+why, true)
		}
	}
}
