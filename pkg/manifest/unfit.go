package manifest

import (
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/crd"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Unfit is an object, as it is built, that the API server refuses by the schema of its CRD, and the field that it refuses. Of the
// Kustomization that applies the object it then takes nothing.
type Unfit struct {
	Ref flux.Ref
	// By applies it.
	By flux.Ref
	crd.Fault
}

// Unfit are those of the Fleet, in the order of objects. What tunable fields have is not among them: the objects tell it.
func (f Fleet) Unfit() []Unfit {
	return slices.SortedStableFunc(slices.Values(f.unfit), func(a, b Unfit) int { return a.Ref.Compare(b.Ref) })
}

// inspect notes what the API server refuses of an object. The object is the zero one where its manifest cannot be read.
func (f *Fleet) inspect(d *deployment, o appliedObject, object flux.Object) {
	if !crd.Known(o.ref.Group, o.ref.Kind) {
		return
	}
	open := func(text string) bool { return strings.Contains(text, "${") && !o.literal }
	for _, fault := range crd.Faults(o.json, open) {
		field := flux.Field(fault.Field())
		if t, tunable := object.KindRow().Tunable(field); tunable && object.Refused(t) != "" {
			continue
		}
		f.faulty = append(f.faulty, faulty{Unfit{o.ref, d.ref(), fault}, object})
	}
}

// faulty is an object that may be unfit: rules of what applies it may keep the field from the API server.
type faulty struct {
	Unfit
	object flux.Object
}

// noteUnfit finds the unfit among the objects, once the rules of what applies them are known.
func (f *Fleet) noteUnfit() {
	f.unfit = nil
	why := map[flux.Ref]string{}
	for _, u := range f.faulty {
		if f.rules[u.By].Held(u.object, flux.Field(u.Field())) != "" {
			continue // it counts only where the object is not there yet, if ever
		}
		f.unfit = append(f.unfit, u.Unfit)
		f.refuse(u.By, u.Ref.String()+": "+u.Fault.String())
		if why[u.Ref] == "" {
			why[u.Ref] = u.Fault.String()
		}
	}
	for i := range f.Snapshot.Objects {
		o := &f.Snapshot.Objects[i]
		o.Unfit = why[o.Ref]
	}
}

// refusedTunable says which tunable field of an object the API server does not take: a value that the CRD's pattern refuses, or a
// required one that is absent; "" where it takes all. An interval of 0s is taken, as is one that no controller can read, and rules
// may keep a field from it.
func refusedTunable(o flux.Object, rules tune.FromGit) string {
	for _, t := range o.KindRow().Tunables {
		value := o.Value(t.Field)
		if why := o.Refused(t); why != "" && (value == nil || !isDuration(*value, t) && !flux.TooLong(*value, t.NoHours)) && rules.Held(o, t.Field) == "" {
			return string(t.Field) + " of " + o.Ref.String() + ": " + why
		}
	}
	return ""
}

func isDuration(value string, t flux.Tunable) bool {
	_, err := flux.ParseDuration(value, t.NoHours)
	return err == nil
}
