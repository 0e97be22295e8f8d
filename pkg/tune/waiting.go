package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// waiting are the Kustomizations that wait until what they apply is healthy (spec.wait, healthChecks), where something of that may
// become not ready: one that is reconciled meanwhile waits for it up to its timeout, is not ready as long, and fails with
// HealthCheckFailed where that is too short (kustomize-controller internal/controller/kustomization_controller.go, checkHealth).
// Each is named once, with the first object that it waits for; what waits for such a Kustomization, too.
func (g *Graph) waiting(disturbed []Disturbance) []Disturbance {
	if g == nil || len(disturbed) == 0 {
		return nil
	}
	shaken, named := map[flux.Ref]bool{}, map[flux.Ref]bool{}
	for _, d := range disturbed {
		shaken[d.Object], named[d.Object] = true, true
	}
	var parents []*flux.Object
	for _, o := range g.objects {
		if o.Kind == "Kustomization" && !o.Suspended && o.Status.Ready == "True" && len(waitsFor(o)) > 0 {
			parents = append(parents, o)
		}
	}
	sorting.By(parents, func(a, b *flux.Object) int { return a.Ref.Compare(b.Ref) })
	var list []Disturbance
	for more := true; more; {
		more = false
		for _, o := range parents {
			first := slices.IndexFunc(waitsFor(o), func(ref flux.Ref) bool { return shaken[ref] && ref != o.Ref })
			if named[o.Ref] || first < 0 {
				continue
			}
			shaken[o.Ref], named[o.Ref], more = true, true, true
			list = append(list, Disturbance{Cluster: o.Cluster, Object: o.Ref, On: waitsFor(o)[first], Why: fmt.Sprintf(
				"it waits until that is healthy where it is reconciled meanwhile, and fails after %s", flux.FormatDuration(o.Effective(flux.Timeout)))})
		}
	}
	return list
}

// waitsFor are the Flux objects until whose health a Kustomization waits.
func waitsFor(o *flux.Object) []flux.Ref {
	if o.Reads.ChecksAll {
		return o.Status.Inventory
	}
	return o.HealthChecks
}
