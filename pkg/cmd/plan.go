package cmd

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// PlanFlags are what the user of plan types.
type PlanFlags struct {
	FleetFlags
	OutputFlags
	TuneFlags
	ExitCode bool
}

// PlanOptions are what plan needs to run.
type PlanOptions struct {
	FleetOptions
	OutputOptions
	tune.Options
	exitCode bool
}

func newPlan(r *root) *cobra.Command {
	var flags PlanFlags
	cmd := &cobra.Command{
		Use:        "plan " + selectionUsage,
		SuggestFor: []string{"diff", "preview", "dry-run"},
		Short:      "Show what a policy would change, and why; write nothing",
		Long: long(`
			Compare the intervals of Flux objects with a policy, and show for each object what would
			change, or why it is left alone. Nothing is written.

			In the table ~ marks an object that changes, = one that matches the policy, - one that is
			left alone. Durations compare by value: 60s is 1m. Timeouts and retry intervals are not made
			shorter unless --shorten-timeouts asks for it, and then not where reconciles have taken longer
			than half of the new one, or wait for health; where they would become shorter by themselves,
			because they follow the interval, they are set to what they are.

			What something else keeps setting is left alone (--managed): who applies an object is read from
			its labels and annotations, and from metadata.managedFields.

			With --fit, or spec.fit of the policy, the sources of a host get intervals that together ask no
			more than a share of its limit: often where commits come often, seldom where none come, always
			within the bounds of the policy. An exact value leaves nothing to choose; an open end is 30s (or
			what the environment recommends at least) and 30m. How often a source changes is read from
			status.history of what uses it, status.artifact, with -f from Git, or from --activity FILE; WHY
			says what is known. What is left alone keeps its part of the share, and so does what --managed=patch
			changes and Git takes back, with what it asks then: --managed=pin has it fitted. Where what is there keeps bounds
			and shares, and a commit waits at most 10% longer than with the best intervals, it stays, but for sources
			that nobody waits for, and those whose equals mostly have another interval.

			With --contexts or --all-contexts several clusters are planned together, and the hosts get what all of
			them ask; so it is with the clusters of a checkout. Secrets of one name are taken for one credential.

			What it costs and buys is counted with the flags of Flux's controllers, as budget does: with their defaults
			where their Deployments may not be read. From commit to applied takes, typically, half of the source's interval
			and what is done then; budget tells the worst case, too.

			With --exit-code the exit code is 0 when there is nothing to change, 1 when there is, and 2
			when something failed.`),
		Example: examples(`
			# What the default policy would change in the whole cluster
			kubectl fluxtune plan -A

			# The same for one environment, with another preset and one value of your own
			kubectl fluxtune plan -A --env development --policy fast --set development.GitRepository.interval=45s

			# Poll what changes often, with at most 60% of the limit of github.com
			# (* in place of development would make production faster, too)
			kubectl fluxtune plan -A --fit github.com=60% --set 'development.GitRepository.interval=30s to 20m'

			# As a unified diff of the objects
			kubectl fluxtune plan -A -o diff

			# In a script: fails with 1 when the cluster does not match the policy
			kubectl fluxtune plan -A --exit-code -o name`),
		RunE: runE(r, flags.toOptions),
	}
	flags.FleetFlags.add(cmd)
	flags.addFiles(cmd)
	flags.addClusters(cmd, r, "Plan")
	flags.addFit(cmd)
	flags.OutputFlags.add(cmd, "diff", "markdown")
	flags.addRows(cmd)
	flags.TuneFlags.add(cmd)
	cmd.Flags().BoolVar(&flags.ExitCode, "exit-code", false, "Exit with 1 when there are changes, 2 when something failed.")
	r.completeFleet(cmd)
	return cmd
}

func (f *PlanFlags) toOptions(r *root, args []string) (o PlanOptions, err error) {
	o.exitCode = f.ExitCode
	if o.Options, err = f.TuneFlags.toOptions(); err != nil {
		return o, err
	}
	if o.OutputOptions, err = f.OutputFlags.toOptions(r); err != nil {
		return o, err
	}
	o.FleetOptions, err = f.FleetFlags.toOptions(r, args)
	return o, err
}

func (o PlanOptions) run(ctx context.Context) error {
	o.charts, o.controllers, o.costing, o.receivers = true, true, true, true
	o.Options.Now = o.root.Now()
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	p, err := o.planAll(ctx, fs, o.Options, o.root.Now())
	if err != nil {
		return err
	}
	if err := p.supportPins(ctx); err != nil {
		return err
	}
	if err := o.show(ctx, p); err != nil {
		return err
	}
	if o.exitCode {
		if err := fs.complete(); err != nil {
			return codeError{exitDiffTrouble, err}
		}
		if p.plan.Changes() > 0 {
			return silentError{exitChanges}
		}
		return nil
	}
	return fs.complete()
}

// supportPins is an error where a cluster cannot hold the rules that were planned for it: apply would refuse them.
func (p planned) supportPins(ctx context.Context) error {
	for _, f := range p.all {
		mine := slices.DeleteFunc(slices.Clone(p.plan.Pins), func(pin tune.Pin) bool { return pin.Owner.Cluster != f.options.Cluster })
		if err := f.options.supportsPins(ctx, tune.Plan{Pins: mine}); err != nil {
			if f.options.Cluster != "" {
				return ofCluster{f.options.Cluster, err}
			}
			return err
		}
	}
	return nil
}

// planned is what was planned for the fleets of all clusters together.
type planned struct {
	fleets
	plan    tune.Plan
	cost    budget.Budget
	calm    tune.Calm
	fitting *fit.Fitting
}

// planAll plans the fleets of all clusters, and sums up what that costs and takes.
func (o FleetOptions) planAll(ctx context.Context, fs fleets, opts tune.Options, now time.Time) (planned, error) {
	fs, fitting, err := o.fitAll(ctx, fs, opts, now)
	if err != nil {
		return planned{}, err
	}
	if o.fit == nil && o.Files != nil && o.Files.tree != nil && o.Files.tree.LoneSync() { // rewrite would change nothing of what it says
		refused, err := o.tryRewrite(ctx, fs, nil, opts)
		if err != nil {
			return planned{}, err
		}
		fs = fs.keeping(refused)
	}
	p := planned{fleets: fs, plan: tune.Plan{Policy: o.Policy.Title()}, fitting: fitting}
	var costs []budget.Budget
	var warnings []clusterWarnings
	for _, f := range fs.all {
		plan := f.plan(f.fitted(fitting, opts))
		if lost := f.takenOver(plan, tune.DefaultManager); lost != "" {
			plan.Warnings = append(plan.Warnings, lost)
		}
		plan.Warnings = append(plan.Warnings, slices.Concat(f.unchecked(plan, tune.DefaultManager), f.unseen(plan))...)
		var calm tune.Calm
		var forecast sync.WaitGroup
		forecast.Go(func() { calm = f.forecast(plan, defaultPace) }) // takes long, as the budget does, and neither needs the other
		costs = append(costs, f.budget(plan, now))
		forecast.Wait()
		p.calm = p.calm.And(calm)
		warnings = append(warnings, clusterWarnings{f.options.Cluster, plan.Warnings})
		p.plan = p.plan.And(plan)
	}
	p.plan.Warnings = append(once(warnings), o.fitWarnings(fitting)...)
	p.cost = costs[0]
	p.plan.Warnings = append(p.plan.Warnings, o.fitMissing(fs)...)
	if len(costs) > 1 {
		p.cost = budget.Together(costs, budget.NewLimits(o.Policy.Limits, nil), o.Policy.EnvironmentNames())
	}
	beside, err := o.beside(now)
	if err != nil {
		return planned{}, err
	}
	p.cost = p.cost.Beside(beside...)
	p.cost.Partial = p.cost.Partial || len(fs.missing) > 0
	p.plan.Warnings = append(p.plan.Warnings, p.cost.Overloaded()...)
	if mistyped := unpolled(budget.NewLimits(o.Policy.Limits, nil), p.cost.PolledHosts()); mistyped != "" {
		p.plan.Warnings = append(p.plan.Warnings, mistyped)
	}
	return p, nil
}

// places are those of the clusters among the ones that are fitted together, by their names.
func (fs fleets) places() map[string]int {
	at := make(map[string]int, len(fs.all))
	for _, f := range fs.all {
		at[f.options.Cluster] = f.place
	}
	return at
}

func (o PlanOptions) show(ctx context.Context, p planned) error {
	plan := p.plan
	overview := o.overview(plan, p.calm, p.cost, defaultPace)
	overview.Fitting, overview.Where, overview.Missing = p.fitting, p.where(o.FleetOptions), report.NewMissing(p.gaps())
	overview.Patches = o.Managed == tune.ManagedPatch
	overview.Above = warningRows(plan.Warnings, p.gaps(), o.printer.layout.Width)
	document := report.NewPlan(plan, p.gaps(), o.Policy.EnvironmentNames()).WithBudget(p.cost).WithCourse(p.calm).WithFit(p.fitting, p.places())
	if err := report.SortBy(document.Items, o.sortBy); err != nil {
		return err
	}
	p.notes(ctx, o.root, o.Files.sparse()...)
	o.tellUnfitted(o.root, p.fleets)
	o.root.warn(plan.Warnings, p.gaps())
	if o.printer.format == "diff" {
		return p.eachCluster(ctx, o.OutputOptions, func(f fleet, _ OutputOptions) error {
			items := slices.DeleteFunc(slices.Clone(plan.Items), func(item tune.Item) bool { return item.Object.Cluster != f.options.Cluster })
			return f.options.showDiff(ctx, o.root, items, o.printer.layout.Color)
		})
	}
	if len(plan.Items) == 0 && o.printer.tables() {
		o.root.nothingFound(o.FleetOptions, p.place(o.FleetOptions), p.incomplete(), p.all...)
		return nil
	}
	overview.Next = o.next(ctx, p)
	return o.printer.print(document, document.Names(), func(l report.Layout) error {
		if o.printer.format == "markdown" {
			changed := report.NewPlan(tune.Plan{Policy: plan.Policy, Items: plan.Changed()}, nil, o.Policy.EnvironmentNames())
			return overview.Markdown(o.root.Out, changed.Table(true))
		}
		if o.rows(o.Selection) {
			if err := document.Table(o.allNamespaces()).Draw(o.root.Out, l); err != nil || l.NoHeaders {
				return err
			}
			_, _ = fmt.Fprintln(o.root.Out)
			overview.Rows = true
		}
		return overview.Draw(o.root.Out, l)
	})
}

// next are the commands that go on from a plan, the most urgent first.
func (o PlanOptions) next(ctx context.Context, p planned) []string {
	var next []string
	if report.NewKept(p.plan.Items).Overdue() {
		next = append(next, o.root.name+" revert"+o.scopeFlags(o.root)+" --expired")
	}
	switch {
	case o.Files == nil && p.plan.Changes() == 0 && mostWithout(p.plan):
		next = append(next, o.root.repeated("doctor"))
	case o.Files == nil && p.plan.Changes() == 0 && p.plan.LivesInGit():
		next = append(next, o.root.inCheckout())
	case p.plan.Changes() == 0, o.sharesKnown(p.fleets) != nil: // apply would do nothing
	case len(exceeded(p.cost)) > 0:
		next = append(next, o.within(ctx, p, exceeded(p.cost)))
	case o.Files == nil:
		next = append(next, o.root.repeated("apply"))
	case o.Files.tree != nil:
		next = append(next, o.root.repeated("rewrite")+" --dry-run")
	}
	return next
}

// mostWithout tells whether most of what is left alone has no environment, or an unknown one.
func mostWithout(plan tune.Plan) bool {
	left, without := 0, 0
	for _, item := range plan.Items {
		if item.Action == tune.ActionSkip {
			left++
			if item.Reason == tune.ReasonNoEnvironment {
				without++
			}
		}
	}
	return 2*without > left
}

// overview sums up a plan that is carried out at a pace.
func (o FleetOptions) overview(plan tune.Plan, calm tune.Calm, cost budget.Budget, pace float64) report.Overview {
	return report.Overview{
		Title: "Policy " + plan.Policy, Plan: plan, Budget: cost, Calm: calm, Pace: pace, Environments: o.Policy.EnvironmentNames(), Where: o.whereShort(), Unasked: o.unasked(), Alone: o.alone, Files: o.Files != nil,
	}
}

// forecast tells what a plan will do at a pace, in a cluster.
func (f fleet) forecast(plan tune.Plan, pace float64) tune.Calm {
	if f.graph == nil {
		return tune.Calm{}
	}
	return f.graph.Forecast(plan.Items, plan.Pins, pace)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
