package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// ApplyFlags are what the user of apply types.
type ApplyFlags struct {
	WriteFlags
	TuneFlags
}

// ApplyOptions are what apply needs to run.
type ApplyOptions struct {
	WriteOptions
	tune.Options
}

func newApply(r *root) *cobra.Command {
	var flags ApplyFlags
	cmd := &cobra.Command{
		Use:   "apply " + selectionUsage,
		Short: "Change the intervals to what the policy says",
		Long: long(`
			Show the plan, ask, and change the intervals and timeouts to what the policy says.

			Only the fields that differ are patched, with the version of the object that was planned for:
			what somebody else changed in the meantime is read and planned again, never overwritten
			blindly. Each object keeps its original values in the annotation fluxtune.github.io/original;
			revert restores them. Every change makes Flux reconcile the object at once, so changes are
			paced (--patches-per-second).

			A failure stops only its own object. Exit code 1 means that something failed; it is named.
			Ctrl-C ends in good order with exit code 130: running again does only the rest.`),
		Example: examples(`
			# Apply the default policy to the whole cluster, after a look and a question
			kubectl fluxtune apply -A

			# Without a question, for one environment, and wait until Flux has seen it
			kubectl fluxtune apply -A --env production --yes --wait

			# Have the API server check everything, and change nothing
			kubectl fluxtune apply -A --dry-run=server`),
		RunE: runE(r, flags.toOptions),
	}
	flags.WriteFlags.add(cmd, r)
	flags.TuneFlags.add(cmd)
	return cmd
}

func (f *ApplyFlags) toOptions(r *root, args []string) (o ApplyOptions, err error) {
	if o.Options, err = f.TuneFlags.toOptions(); err != nil {
		return o, err
	}
	o.WriteOptions, err = f.WriteFlags.toOptions(r, args)
	return o, err
}

func (o ApplyOptions) run(ctx context.Context) error {
	f, err := o.read(ctx)
	if err != nil {
		return err
	}
	plan := f.plan(o.FleetOptions, &o.Options)
	o.root.warn(plan.Warnings, f.snapshot.Gaps)
	if err := o.showPlan(plan, f); err != nil {
		return err
	}
	stamp := tune.Stamp{Session: o.root.NewSession(), Policy: o.Policy.Name, Time: o.root.Now()}
	work := job{
		plan:  plan,
		apply: o.applyOptions(f, stamp),
		rules: cluster.ApplyOptions{Patch: func(item tune.Item) ([]byte, error) { return tune.PinPatch(item, stamp) }},
		after: func([]cluster.Result) []tune.Item { return nil },
	}
	if o.Managed == tune.ManagedPin {
		if work.before, err = o.pins(ctx, plan); err != nil {
			return err
		}
		wanted := make(map[flux.Ref][]flux.IgnoreRule)
		for _, item := range work.before {
			wanted[item.Object.Ref] = item.Rules
		}
		work.rules.Decide = func(parent flux.Object) tune.Item { return tune.DecidePin(parent, wanted[parent.Ref]) }
	}
	session := ""
	work.finish = func(d *report.Results) {
		if o.DryRun == "none" && changedSomething(*d) {
			session = stamp.Session
		}
		d.Session = session
	}
	err = o.execute(ctx, work, f)
	if session != "" {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s. Take it back with: %s revert%s --session %s\n",
			session, o.root.name, o.scopeFlag(), session)
	}
	return err
}

func (o ApplyOptions) applyOptions(f fleet, stamp tune.Stamp) cluster.ApplyOptions {
	return cluster.ApplyOptions{
		Decide: func(object flux.Object) tune.Item {
			return tune.Decide(object, o.Policy, f.resolver.Resolve(object), o.Options)
		},
		Patch: func(item tune.Item) ([]byte, error) { return tune.Patch(item, stamp) },
	}
}

// pins plans the rules that the changes need, where the cluster's Kustomizations can have rules.
func (o ApplyOptions) pins(ctx context.Context, plan tune.Plan) ([]tune.Item, error) {
	pins := tune.PlanPins(plan, o.Judge)
	if len(pins) == 0 {
		return nil, nil
	}
	supported, err := o.Client.SupportsIgnore(ctx)
	if err != nil {
		return nil, err
	}
	if !supported {
		return nil, errors.New("--managed=pin: the cluster's Kustomizations have no spec.ignore: it takes kustomize-controller 1.9 (Flux 2.9) or newer; nothing was changed")
	}
	return pins, nil
}

func changedSomething(d report.Results) bool {
	return d.Summary.Configured > 0 || slices.ContainsFunc(d.Rules, func(r report.Result) bool { return r.Action == string(cluster.Configured) })
}

// scopeFlag repeats the choice of namespaces for a command that is shown.
func (o ApplyOptions) scopeFlag() string {
	if o.allNamespaces() {
		return " -A"
	}
	return " -n " + o.Selection.Namespace
}

// showPlan shows what would change, where people read stdout; scripts get the results only.
func (o ApplyOptions) showPlan(plan tune.Plan, f fleet) error {
	if !o.printer.tables() || o.printer.layout.NoHeaders {
		return nil
	}
	if len(plan.Items) == 0 {
		o.root.nothingFound(o.FleetOptions, f)
		return nil
	}
	changed := tune.Plan{Policy: plan.Policy, Items: plan.Changed()}
	if len(changed.Items) > 0 {
		document := report.NewPlan(changed, f.snapshot.Gaps, o.Policy.EnvironmentNames())
		if err := document.Table(o.allNamespaces()).Draw(o.root.Out, o.printer.layout); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(o.root.Out)
	}
	if err := o.root.drawSummary(plan, o.Policy.EnvironmentNames(), o.printer.layout); err != nil {
		return err
	}
	if len(changed.Items) > 0 {
		if err := o.root.drawBudget(f.budget(plan, o.Policy, o.root.Now()), o.printer.layout); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(o.root.Out)
	return err
}
