package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// together is what several clusters ask of the hosts while one after the other is changed: hosts do not tell them apart.
type together struct {
	budgets []budget.Budget // of each cluster as it is by now, by its place
	limits  budget.Limits
	names   []string   // of the environments, in the policy's order
	missing []flux.Gap // clusters that could not be read
	parts   bool       // not all that was planned before was carried out
	wrote   bool       // something was
}

// newTogether begins with the clusters as they were read.
func newTogether(fs fleets, o FleetOptions, now time.Time) *together {
	t := &together{budgets: make([]budget.Budget, len(fs.all)), limits: budget.NewLimits(o.Policy.Limits, nil), names: o.Policy.EnvironmentNames(), missing: fs.missing}
	for _, f := range fs.all {
		t.budgets[f.place] = f.budget(f.whole(tune.Plan{}), now)
	}
	return t
}

// whole is a plan for all objects that were asked for: those that it says nothing of stay.
func (f fleet) whole(plan tune.Plan) tune.Plan {
	planned := make(map[flux.Ref]bool, len(plan.Items))
	for _, item := range plan.Items {
		planned[item.Object.Ref] = true
	}
	plan.Items = slices.Clone(plan.Items)
	for _, object := range f.objects {
		if !planned[object.Ref] {
			plan.Items = append(plan.Items, tune.Item{Object: object, Assignment: f.resolver.Resolve(object), Action: tune.ActionUnchanged})
		}
	}
	return plan
}

// several tells whether the costs are those of more than the cluster that is changed.
func (t *together) several() bool { return t != nil && len(t.budgets)+len(t.missing) > 1 }

// with is what all clusters ask where one of them is planned to change.
func (t *together) with(f fleet, plan tune.Plan, now time.Time) budget.Budget {
	all := slices.Clone(t.budgets)
	all[f.place] = f.budget(f.whole(plan), now)
	return t.sum(all)
}

func (t *together) sum(all []budget.Budget) budget.Budget {
	sum := budget.Together(all, t.limits, t.names)
	sum.Partial = sum.Partial || len(t.missing) > 0
	return sum
}

// changed notes what of a plan was carried out in a cluster.
func (t *together) changed(f fleet, plan tune.Plan, out cluster.Outcomes, now time.Time) {
	wrote := make(map[flux.Ref]bool)
	for _, r := range out.Objects {
		wrote[r.Write.Target().Ref] = r.Wrote()
		t.wrote = t.wrote || r.Wrote()
	}
	plan = f.whole(plan)
	for i, item := range plan.Items {
		if item.Action == tune.ActionChange && !wrote[item.Object.Ref] {
			t.parts = true
		}
		for _, c := range item.Changes {
			if wrote[item.Object.Ref] {
				item.Object = item.Object.WithValue(c.Field, c.To)
			}
		}
		item.Changes, item.Action = nil, tune.ActionUnchanged
		plan.Items[i] = item
	}
	t.budgets[f.place] = f.budget(plan, now)
}

// exceeded says of each share of a fitting that is not kept, since not all was changed as planned; nothing where nothing was
// changed at all.
func (t *together) exceeded(fitting *fit.Fitting) []string {
	if !t.wrote {
		return nil
	}
	var lines []string
	sum := t.sum(t.budgets)
	for _, s := range fitting.Shares {
		gets := sum.Asks(s.Share)
		if gets > s.Allowed*1.001 { // what was fitted may use all of it
			lines = append(lines, fmt.Sprintf("%s gets %.0f requests/h, which are %.0f%% of its limit, and not the %g%% that it was fitted to: not all was changed as planned. Run the same command again, or take it back.",
				s.Share, gets, 100*gets/s.Limit, s.Percent))
		}
	}
	return lines
}

// slowerFirst orders clusters so that what is fitted keeps its shares as long as can be: first those that ask less
// afterwards.
func (fs fleets) slowerFirst(opts tune.Options, fitting *fit.Fitting, now time.Time) fleets {
	more := make(map[int]float64, len(fs.all))
	for _, f := range fs.all {
		requests := f.budget(f.plan(f.fitted(fitting, opts)), now).Requests
		more[f.place] = requests.Planned - requests.Now
	}
	fs.all = slices.Clone(fs.all)
	slices.SortStableFunc(fs.all, func(a, b fleet) int { return cmp.Compare(more[a.place], more[b.place]) })
	return fs
}
