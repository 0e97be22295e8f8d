package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// showPlan shows what would change, where people read stdout; scripts get the results only. Who is asked sees it in any
// case.
func (o ApplyOptions) showPlan(ctx context.Context, overview report.Overview, f fleet) error {
	plan := overview.Plan
	if o.printer.format == "diff" {
		return o.showDiff(ctx, o.root, plan.Items, o.printer.layout.Color)
	}
	if !o.printer.tables() || o.printer.layout.NoHeaders {
		if o.Yes || o.DryRun != dryRunNone || plan.Changes() == 0 {
			return nil
		}
		if err := overview.Draw(o.root.ErrOut, o.printer.layout); err != nil {
			return err
		}
		_, err := fmt.Fprintln(o.root.ErrOut)
		return err
	}
	if len(plan.Items) == 0 {
		o.root.nothingFound(o.FleetOptions, o.where(), f.snapshot.Incomplete(), f)
		return nil
	}
	l := o.printer.layout
	if o.Rows || l.Wide {
		changed := report.NewPlan(tune.Plan{Policy: plan.Policy, Items: plan.Changed()}, f.snapshot.Gaps, o.Policy.EnvironmentNames())
		if err := changed.Table(o.allNamespaces()).Draw(o.root.Out, l); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(o.root.Out)
		overview.Rows = true
	}
	if err := overview.Draw(o.root.Out, l); err != nil {
		return err
	}
	_, err := fmt.Fprintln(o.root.Out)
	return err
}

// sayWayBack ends a cluster's changes: with --for it waits for the end of the session that began, else it says how to take that back.
func (o ApplyOptions) sayWayBack(ctx context.Context, failed error, stamp tune.Stamp, requests budget.Rates, wrote []tune.Item) error {
	if len(wrote) == 0 {
		return failed
	}
	if sentence := report.NewUndone(wrote).Sentence(); sentence != "" {
		_, _ = fmt.Fprintln(o.root.ErrOut, sentence)
	}
	if o.For > 0 {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s.\n", stamp.Session)
		return errors.Join(failed, o.untilOver(ctx, stamp, requests, wrote))
	}
	if !o.together.several() { // else it is said once, at the end
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s. Take it back with: %s revert%s --session %s\n",
			stamp.Session, o.root.name, o.scopeFlags(o.root), terminal.Quoted(stamp.Session))
	}
	return failed
}
