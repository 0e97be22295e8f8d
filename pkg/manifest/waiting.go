package manifest

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// noteCircles finds the Kustomizations that wait for themselves by spec.dependsOn, and those that wait for one of these: of a new
// revision of their source each waits until the others have applied it (kustomize-controller
// internal/controller/kustomization_controller.go, checkDependencies), so that none ever does. Of other sources only readiness
// counts, and what is suspended, or has a readyExpr, may be ready.
func (f *Fleet) noteCircles() {
	waits := map[flux.Ref][]flux.Ref{}
	for ref, d := range f.deployments {
		for _, dep := range d.Spec.DependsOn {
			to := flux.Ref{Group: kustomizeGroup, Kind: kustomizationKind, Namespace: cmp.Or(dep.Namespace, ref.Namespace), Name: dep.Name}
			other := f.deployments[to]
			if dep.ReadyExpr == "" && other != nil && !f.suspended[ref] && !f.suspended[to] && other.source() == d.source() {
				waits[ref] = append(waits[ref], to)
			}
		}
	}
	circles := map[flux.Ref][]flux.Ref{}
	for _, ref := range sortedRefs(waits) {
		if way := wayTo(waits, ref, func(r flux.Ref) bool { return r == ref }); way != nil {
			circles[ref] = way
		}
	}
	for _, ref := range sortedRefs(waits) {
		way, in := circles[ref]
		if !in {
			way = wayTo(waits, ref, func(r flux.Ref) bool { return circles[r] != nil })
		}
		if way == nil {
			continue
		}
		names := []string{ref.Name}
		for _, r := range way {
			names = append(names, r.Name)
		}
		why := fmt.Sprintf("it waits for itself (spec.dependsOn: %s)", strings.Join(names, ", "))
		if !in {
			why = fmt.Sprintf("it waits for %s, which waits for itself (spec.dependsOn)", way[len(way)-1])
		}
		f.keep(ref, fmt.Sprintf("%s applies nothing new: %s", ref, why))
		f.gap("what "+ref.String()+" applies", "Flux applies nothing new: "+why, true)
	}
}

// wayTo is the shortest way over edges to a first node that is an end, without the start; nil where there is none.
func wayTo(edges map[flux.Ref][]flux.Ref, start flux.Ref, end func(flux.Ref) bool) []flux.Ref {
	ways, seen := [][]flux.Ref{{start}}, map[flux.Ref]bool{}
	for len(ways) > 0 {
		way := ways[0]
		ways = ways[1:]
		for _, to := range edges[way[len(way)-1]] {
			next := append(way[1:len(way):len(way)], to)
			if end(to) {
				return next
			}
			if !seen[to] {
				seen[to] = true
				ways = append(ways, append(way[:len(way):len(way)], to))
			}
		}
	}
	return nil
}
