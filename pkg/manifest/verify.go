package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// mismatches are what an edit does wrong: a target that does not get its value, or an object that changes
// otherwise.
type mismatches []mismatch

type mismatch struct {
	spot
	target  Target // of a value that is not as planned
	missing bool   // it does not change
	whole   bool   // not one object is wrong but what a Kustomization applies
	why     string
}

func (m mismatches) reasons() []string {
	var reasons []string
	for _, one := range m {
		reasons = append(reasons, one.why)
	}
	slices.Sort(reasons)
	reasons = slices.Compact(reasons)
	if len(reasons) > 5 {
		reasons = append(reasons[:5], fmt.Sprintf("and %d more", len(reasons)-5))
	}
	return reasons
}

// try builds all roots with new contents and compares every object with what it was: only what the draft plans may
// differ, and what leads to that.
func (w *rewriter) try(d *draft, files map[string][]byte) mismatches {
	after := w.tree.With(files).redeployed(w.fleets)
	var wrong mismatches
	for i, f := range w.fleets {
		wrong = append(wrong, w.compare(d, i, f, after[i])...)
	}
	return wrong
}

func (w *rewriter) compare(d *draft, root int, was Fleet, is map[flux.Ref]*deployment) (wrong mismatches) {
	whole := func(ref flux.Ref, why string) {
		wrong = append(wrong, mismatch{spot: spot{root, ref}, whole: true, why: why})
	}
	for _, ref := range sortedRefs(was.deployments) {
		before, after := was.deployments[ref], is[ref]
		switch {
		case after == nil:
			whole(ref, fmt.Sprintf("%s would be gone", ref))
			continue
		case (before.built.err == nil) != (after.built.err == nil):
			whole(ref, fmt.Sprintf("what %s applies could not be built: %v", ref, after.built.err))
			continue
		case len(before.objects) != len(after.objects):
			whole(ref, fmt.Sprintf("%s would apply other objects", ref))
			continue
		}
		for i, o := range before.objects {
			if why := w.differs(d, root, o, after.objects[i], was.owners[o.ref] == ref); why != nil {
				wrong = append(wrong, *why)
			}
		}
	}
	wrong = append(wrong, w.parted(root, was, is)...)
	if len(is) != len(was.deployments) {
		whole(flux.Ref{}, "other Kustomizations would be applied")
	}
	return wrong
}

// differs tells of an object that is not as planned. What a Kustomization applies that does not own the object may change as
// planned, and need not: the owner's patches may be what decides the values.
func (w *rewriter) differs(d *draft, root int, was, is appliedObject, owned bool) *mismatch {
	here := spot{root, was.ref}
	if was.ref != is.ref || was.sum != is.sum {
		return &mismatch{spot: here, why: fmt.Sprintf("%s of %s would change", was.ref, w.fleets[root].Root)}
	}
	changed := map[string][2]any{}
	if string(was.json) != string(is.json) {
		var a, b any
		_, _ = json.Unmarshal(was.json, &a), json.Unmarshal(is.json, &b)
		leaves("", a, b, changed)
	}
	planned := maps.Clone(d.planned[here])
	for _, path := range sortedKeys(changed) {
		field := flux.Field(path)
		to, ok := planned[field]
		switch got, _ := changed[path][1].(string); {
		case ok && flux.SameDuration(&got, &to):
			delete(planned, field)
		case path == "spec.patches" && w.fleets[root].Builds(was.ref): // by a patch for some names: another text of one that is there is no draft where more may follow
		case !w.unbuilt.carries(root, was.ref, path):
			return &mismatch{spot: here, target: Target{root, was.ref, field}, why: fmt.Sprintf("%s of %s in %s would change otherwise than planned", path, was.ref, w.fleets[root].Root)}
		}
	}
	if !owned {
		return nil
	}
	for _, field := range slices.Sorted(maps.Keys(planned)) {
		return &mismatch{spot: here, target: Target{root, was.ref, field}, missing: true, why: fmt.Sprintf("%s of %s in %s would not change", field, was.ref, w.fleets[root].Root)}
	}
	return nil
}

// leaves collects where two values differ, by paths with dots.
func leaves(path string, a, b any, changed map[string][2]any) {
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if isMap && both {
		keys := map[string]bool{}
		for k := range maps.Keys(x) {
			keys[k] = true
		}
		for k := range maps.Keys(y) {
			keys[k] = true
		}
		for k := range keys {
			leaves(strings.TrimPrefix(path+"."+k, "."), x[k], y[k], changed)
		}
		return
	}
	if !reflect.DeepEqual(a, b) {
		changed[path] = [2]any{a, b}
	}
}
