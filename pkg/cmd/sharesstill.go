package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// sharesStill is an error where a change of a cluster would break a share of a fitting, since others have changed clusters whose turn
// was before, or where these cannot be read. It is asked after the question, which may stand for long.
func (o WriteOptions) sharesStill(ctx context.Context, fitting *fit.Fitting, f fleet, plan tune.Plan) error {
	t := o.together
	if t == nil || fitting == nil || len(t.over) == 0 || o.DryRun != dryRunNone || !t.asksMore(fitting, f, f.budget(f.whole(plan), o.root.Now())) {
		return nil
	}
	changed, err := o.changedSince(ctx, fitting)
	if err != nil {
		return fmt.Errorf("not attempted, since others may have changed the clusters before it: %w", err)
	}
	if len(changed) == 0 {
		return nil
	}
	lines, breaks := t.above(fitting, f, plan, o.root.Now(), were(changed)+" changed by others meanwhile")
	if breaks {
		return fmt.Errorf("not attempted: %s. Run the same command again", strings.Join(lines, "; "))
	}
	o.root.warn(lines, nil)
	return nil
}

// asksMore tells whether a cluster asks more of a share than it does by now.
func (t *together) asksMore(fitting *fit.Fitting, f fleet, planned budget.Budget) bool {
	for _, s := range fitting.Shares {
		if planned.Asks(s.Share) > t.budgets[f.place].Asks(s.Share) {
			return true
		}
	}
	return false
}

// changedSince reads the clusters anew whose turn was before, and names those that ask more than when that was over.
func (o WriteOptions) changedSince(ctx context.Context, fitting *fit.Fitting) (changed []string, err error) {
	t := o.together
	var each []FleetOptions
	for _, f := range t.over {
		each = append(each, f.options)
	}
	read, _, failed := readEach(ctx, each, o.root)
	for i, f := range read {
		if failed[i] != nil {
			return nil, fmt.Errorf("reading %s again: %w", each[i].Cluster, failed[i])
		}
		f.place = t.over[i].place
		asked := func(s policy.Share) float64 { return max(t.budgets[f.place].Asks(s), t.settled[f.place].Asks(s)) }
		before := make([]float64, len(fitting.Shares))
		for k, s := range fitting.Shares {
			before[k] = asked(s.Share)
		}
		t.budgets[f.place], t.settled[f.place] = f.budget(f.whole(tune.Plan{}), o.root.Now()), f.settled(tune.Plan{}, o.root.Now())
		for k, s := range fitting.Shares {
			if asked(s.Share) > 1.001*before[k] {
				changed = append(changed, each[i].Cluster)
				break
			}
		}
	}
	return changed, o.sharesKnown(fleets{all: read})
}
