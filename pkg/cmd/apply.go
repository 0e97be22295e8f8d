package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// ApplyFlags are what the user of apply types.
type ApplyFlags struct {
	WriteFlags
	TuneFlags
	For time.Duration
}

// ApplyOptions are what apply needs to run.
type ApplyOptions struct {
	WriteOptions
	tune.Options
	// For is how long the changes stay; 0 is for good.
	For time.Duration
}

func newApply(r *root) *cobra.Command {
	var flags ApplyFlags
	cmd := &cobra.Command{
		Use:        "apply " + selectionUsage,
		SuggestFor: []string{"tune", "set", "patch"},
		Short:      "Change the intervals to what the policy says",
		Long: long(`
			Show the plan, ask, and change the intervals and timeouts to what the policy says.

			Only the fields that differ are patched, with the version of the object that was planned for:
			an object of which somebody changed in the meantime what the plan is about is left alone and
			named. Each object keeps its original values in the annotation fluxtune.github.io/original;
			revert restores them. Every change makes Flux reconcile the object at once, so changes are
			paced (--patches-per-second).

			While Flux reconciles a changed object, whatever depends on it (spec.dependsOn) cannot be
			reconciled, and would become not ready for half a minute if it were tried. So dependents are
			changed first, and what they depend on only when they are ready again. What cannot be spared is
			named in the plan. An object that does not become ready again stops the changes of what it
			depends on.

			With --fit, or spec.fit of the policy, intervals are fitted to a share of a host's limit; see plan.
			Fit again now and then: what a fit counts with is what sources did before.

			With --contexts or --all-contexts one cluster is changed after the other, each after its own question and
			at its own pace; all in one session. The costs that are shown are those of all clusters together. With --fit the
			clusters that will ask less come first, and none may be missing. Where one is not changed as planned, no further
			one is changed with --yes that would break a share for it: it is not attempted, with exit code 1. Nor is one, with --yes
			or without, where others have changed a cluster that was done, so that it would break a share now.

			With --for, in one cluster, the changes are taken back that time after the first of them: apply shows how long it
			still takes and ends the session then, at Ctrl-C, or when the terminal goes; that is exit code 0, where all of it is
			taken back. A document of -o is of the changes, and stderr tells of their end. The time is in the records, so that
			revert --expired cleans up, from any machine, after a crash. For several clusters run it for each, with --context,
			in a terminal of its own.

			A failure stops only its own object. Exit code 1 means that something failed, was left alone
			because it changed, or is not ready yet (--wait); it is named. Ctrl-C while objects are changed ends in good
			order with exit code 130: running again does only the rest. Whatever was written, the way back is printed.`),
		Example: examples(`
			# Apply the default policy to the whole cluster, after a look and a question
			kubectl fluxtune apply -A

			# Without a question, for one environment, and wait until everything is ready again
			kubectl fluxtune apply -A --env production --yes --wait

			# Have the API server check everything, and change nothing
			kubectl fluxtune apply -A --dry-run=server`),
		RunE: runE(r, flags.toOptions),
	}
	flags.WriteFlags.add(cmd, r, "diff")
	flags.addFit(cmd)
	flags.TuneFlags.add(cmd)
	cmd.Flags().DurationVar(&flags.For, "for", 0, "Take the changes back after this time, at Ctrl-C, or when the terminal goes: 2h. At most "+flux.FormatDuration(mostFor)+".")
	return cmd
}

func (f *ApplyFlags) toOptions(r *root, args []string) (o ApplyOptions, err error) {
	if o.Options, err = f.TuneFlags.toOptions(); err != nil {
		return o, err
	}
	if err := f.checkFor(); err != nil {
		return o, err
	}
	o.For = f.For
	o.WriteOptions, err = f.WriteFlags.toOptions(r, args)
	return o, err
}

func (o ApplyOptions) run(ctx context.Context) error {
	o.charts, o.controllers, o.costing, o.receivers, o.ends = true, true, true, true, o.For > 0
	o.Options.Now = o.root.Now()
	if o.For > 0 {
		o.Options.Until = o.Options.Now.Add(o.For)
	}
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	if o.For > 0 && len(fs.all)+len(fs.missing) > 1 {
		return errors.New("--for waits for the end of a session in one cluster: run it for each with --context")
	}
	fs, fitting, err := o.fitAll(ctx, fs, o.Options, o.root.Now())
	if err != nil {
		return err
	}
	o.root.warn(o.fitWarnings(fitting), fs.missing)
	session := o.root.NewSession() // one for all clusters
	if fitting != nil {
		if err := o.sharesKnown(fs); err != nil {
			return err
		}
		fs = fs.slowerFirst(o.Options, fitting, o.root.Now())
	}
	o.plans = func(f fleet) tune.Plan { return f.plan(f.fitted(fitting, o.Options)) }
	var all *together
	err = o.eachCluster(ctx, fs, func(w WriteOptions, f fleet) error {
		one := o
		one.WriteOptions, all = w, w.together
		return all.noting(f, func() error { return one.apply(ctx, f, fitting, session) })
	})
	if all.several() && o.DryRun == dryRunNone {
		for _, line := range all.outcome(o.root.name, o.FleetOptions, o.root) {
			_, _ = fmt.Fprintln(o.root.ErrOut, line)
		}
		o.tellEarlier(all.earlier)
	}
	if fitting != nil && all != nil && o.DryRun == dryRunNone {
		for _, line := range all.exceeded(fitting) {
			_, _ = fmt.Fprintln(o.root.ErrOut, "Warning: "+line)
		}
	}
	return err
}

// apply plans a cluster, asks, and changes it.
func (o ApplyOptions) apply(ctx context.Context, f fleet, fitting *fit.Fitting, id string) error {
	o.Options = *f.fitted(fitting, o.Options)
	plan := f.plan(&o.Options)
	cost := o.cost(f, plan)
	plan.Warnings = slices.Concat(plan.Warnings, f.unchecked(plan, o.FieldManager), f.unseen(plan), cost.Overloaded())
	o.root.warn(plan.Warnings, f.snapshot.Gaps)
	fitted := fitting
	overview := o.overview(plan, f.forecast(plan, o.PatchesPerSecond), cost, o.PatchesPerSecond)
	if o.together != nil && o.together.parts {
		if err := o.unasked(fitting, f, plan); err != nil {
			return err
		}
		fitting = nil // what was fitted for all is not what is there any more; the end says what comes of it
	}
	overview.Fitting, overview.Together, overview.Missing = fitting, o.together.several(), report.NewMissing(o.gaps(f))
	overview.Patches, overview.Ahead = o.Managed == tune.ManagedPatch, o.together.withAll()
	lasting := o.lasting(o.now())
	overview.Title += lasting
	question := strings.TrimSuffix(o.question(overview, plan.Changes(), plan.Pins), "?") + lasting + "?"
	overview.Above = o.rowsAsked(question, plan.Changes()) + o.rowsBelow(plan.Changes()) + warningRows(plan.Warnings, f.snapshot.Gaps, o.printer.layout.Width)
	if err := o.showPlan(ctx, overview, f); err != nil {
		return err
	}
	if err := o.possible(ctx, overview, f); err != nil {
		return err
	}
	stamp := tune.Stamp{Session: id, Policy: o.Policy.Title(), Manager: o.FieldManager}
	var wrote []tune.Item
	by := newLatest(f, o.root.Now, o.asks(), slices.ContainsFunc(plan.Items, byOthers))
	o.tellAwaited(f, nil, nil)
	err := o.execute(ctx, job{
		run: cluster.Run{
			Pins: plan.Pins, Writes: o.writes(plan, by, stamp), Owners: o.pinning(f),
			Begin: func() []tune.Write {
				stamp = o.begun(ctx, stamp)
				return o.writes(plan, by, stamp)
			},
		},
		allowed:  func(ctx context.Context) error { return o.sharesStill(ctx, fitted, f, plan) },
		before:   by.refresh,
		plan:     plan,
		rules:    plan.Pins,
		results:  report.NewResults(plan.Policy, cluster.Configured, report.PlannedItems(plan.Items)),
		question: question,
		finish: func(d *report.Results, out cluster.Outcomes) {
			if o.DryRun == dryRunNone {
				wrote = written(out)
			}
			if len(wrote) > 0 {
				d.Session = stamp.Session
			}
			unnoticed := by.unnoticed()
			o.root.warn(unnoticed, nil)
			d.Warnings = slices.Concat(plan.Warnings, unnoticed)
		},
	}, f)
	err = o.sayWayBack(ctx, err, stamp, overview.Budget.Git, wrote)
	switch earlier := earlierSessions(f.objects, stamp); {
	case len(wrote) == 0 || o.For > 0:
	case o.together.several():
		o.together.earlier = append(o.together.earlier, earlier...)
	default:
		o.tellEarlier(earlier)
	}
	return err
}

// begun is the stamp of changes that begin now: their time counts from the first, however long the question was open and owners took.
func (o ApplyOptions) begun(ctx context.Context, stamp tune.Stamp) tune.Stamp {
	stamp.By = o.whoAmI(ctx)
	stamp.Time = o.now()
	if o.For > 0 {
		stamp.Until = stamp.Time.Add(o.For)
	}
	return stamp
}

// possible says why a plan cannot be carried out as it is shown, nil where it can.
func (o ApplyOptions) possible(ctx context.Context, overview report.Overview, f fleet) error {
	if err := tooShort(o.For, overview.Calm.Duration, o.PatchesPerSecond); err != nil {
		return err
	}
	if err := o.supportsPins(ctx, overview.Plan); err != nil {
		return err
	}
	if lost := f.takenOver(overview.Plan, o.FieldManager); lost != "" {
		return fmt.Errorf("%s; nothing was changed", lost)
	}
	return nil
}

// longestAsked is how long the API server may take to say who the caller is: the changes wait for it.
const longestAsked = 10 * time.Second

// whoAmI is who the records are to name, asked for right before the first change: whoever may write then can mostly be told who he
// is. Where nobody knows, that is said; the changes do not hang on it.
func (o ApplyOptions) whoAmI(ctx context.Context) string {
	if o.DryRun != dryRunNone {
		return ""
	}
	asked, cancel := context.WithTimeout(ctx, longestAsked)
	defer cancel()
	user, err := o.Client.WhoAmI(asked)
	if err != nil && ctx.Err() == nil {
		o.root.warn([]string{fmt.Sprintf("sessions will not say who changed this: %v", err)}, nil)
	}
	return user
}

// writes are the changes of a plan, each with how to plan it again.
func (o ApplyOptions) writes(plan tune.Plan, by *latest, stamp tune.Stamp) []tune.Write {
	decide := func(object flux.Object) tune.Item {
		return tune.Decide(object, o.Policy, by.environment(object), by.deciding(o.Options))
	}
	var writes []tune.Write
	changed := plan.Changed()
	if o.Fitted != nil { // so that what ends it midway leaves the hosts with less than before
		changed = tune.SlowerFirst(changed)
	}
	for _, item := range changed {
		if item.Repins() {
			continue // only rules are written
		}
		writes = append(writes, tune.ApplyWrite{Item: item, Stamp: stamp, Decide: decide})
	}
	return writes
}

// supportsPins is an error where a plan needs rules and the cluster's Kustomizations cannot have any.
func (o FleetOptions) supportsPins(ctx context.Context, plan tune.Plan) error {
	if len(plan.Pins) == 0 {
		return nil
	}
	supported, err := o.Client.SupportsIgnore(ctx)
	if err != nil {
		return err
	}
	if !supported {
		return errors.New("--managed=pin: the cluster's Kustomizations have no spec.ignore: it takes kustomize-controller 1.9 (Flux 2.9) or newer, and not its CRDs alone; nothing was changed")
	}
	return nil
}

// written are the items that were, or may have been, written.
func written(out cluster.Outcomes) []tune.Item {
	var items []tune.Item
	for _, r := range out.Objects {
		if write, ok := r.Write.(tune.ApplyWrite); ok && r.Wrote() {
			items = append(items, write.Item)
		}
	}
	return items
}
