package check

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// chart is a HelmChart that helm-controller makes of a HelmRelease, as a side has planned it.
type chart struct {
	tune.Item
	// other says that it was not asked for, and only explains others.
	other bool
}

// charts are those of both sides. They follow their HelmReleases: what these keep, they keep, too.
type charts map[flux.Ref]chart

// takeCharts takes the charts out of what sides cost: what becomes of the HelmReleases decides about them.
func takeCharts(sides ...*budget.Input) charts {
	taken := charts{}
	for _, side := range sides {
		take := func(items []tune.Item, other bool) (rest []tune.Item) {
			for _, item := range items {
				if item.Object.MadeChart() {
					taken[item.Object.Ref] = chart{item, other}
				} else {
					rest = append(rest, item)
				}
			}
			return rest
		}
		side.Items, side.Others = take(side.Items, false), take(side.Others, true)
	}
	return taken
}

// add adds the charts of the HelmReleases that a side has in the end. Before is what the cluster had, with its charts: a
// suspended HelmRelease leaves its chart as it was, also where it is removed (helm-controller 1.6
// internal/controller/helmrelease_controller.go, reconcileDelete), or has none where it is new; nil where nobody knows what it
// had.
func (c charts) add(side, before *budget.Input) {
	had := map[flux.Ref]flux.Object{}
	var left []tune.Item // releases that are gone, and whose charts are not
	if before != nil {
		stays := map[flux.Ref]bool{}
		for _, item := range slices.Concat(side.Items, side.Others) {
			stays[item.Object.Ref] = true
		}
		for _, item := range slices.Concat(before.Items, before.Others) {
			if made, makes := flux.ChartOf(item.Object); makes {
				had[item.Object.Ref] = made
				if item.Object.Suspended && !stays[item.Object.Ref] {
					left = append(left, item)
				}
			}
		}
	}
	add := func(releases []tune.Item, others bool) {
		for _, item := range releases {
			made, makes := flux.ChartOf(item.Object)
			if before != nil && item.Object.Suspended {
				made, makes = had[item.Object.Ref]
			}
			if !makes {
				continue
			}
			planned, known := c[made.Ref]
			if !known {
				planned = chart{tune.Item{Assignment: item.Assignment}, others}
			}
			planned.Object = made
			if planned.other {
				side.Others = append(side.Others, planned.Item)
			} else {
				side.Items = append(side.Items, planned.Item)
			}
		}
	}
	items, others := side.Items, side.Others
	add(items, false)
	add(others, true)
	add(left, false)
}
