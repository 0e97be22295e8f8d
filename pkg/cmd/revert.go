package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// RevertFlags are what the user of revert types.
type RevertFlags struct {
	WriteFlags
	Session string
	Force   bool
}

// RevertOptions are what revert needs to run.
type RevertOptions struct {
	WriteOptions
	tune.RevertOptions
}

func newRevert(r *root) *cobra.Command {
	var flags RevertFlags
	cmd := &cobra.Command{
		Use:   "revert " + selectionUsage,
		Short: "Restore what the fields were before fluxtune changed them",
		Long: long(`
			Restore the fields that fluxtune changed to exactly what they were, fields that were not set
			included, and remove its annotation.

			With --session only the work of one apply is taken back: apply prints its session, and get
			-o wide shows the last one of each object. A field that somebody else changed since is left
			as it is and named, unless --force is given.`),
		Example: examples(`
			# Look first
			kubectl fluxtune revert -A --dry-run

			# Take everything back
			kubectl fluxtune revert -A

			# Take back one apply
			kubectl fluxtune revert -A --session 20261122-101500-k3xq`),
		RunE: runE(r, flags.toOptions),
	}
	flags.WriteFlags.add(cmd, r)
	cmd.Flags().StringVar(&flags.Session, "session", "", "Take back only what the apply with this session did.")
	cmd.Flags().BoolVar(&flags.Force, "force", false, "Restore fields too that somebody else changed since.")
	_ = cmd.RegisterFlagCompletionFunc("session", r.completeSessions)
	return cmd
}

func (f *RevertFlags) toOptions(r *root, args []string) (o RevertOptions, err error) {
	o.RevertOptions = tune.RevertOptions{Session: f.Session, Force: f.Force}
	o.WriteOptions, err = f.WriteFlags.toOptions(r, args)
	return o, err
}

func (o RevertOptions) run(ctx context.Context) error {
	f, err := o.read(ctx)
	if err != nil {
		return err
	}
	plan := tune.Revert(f.objects, o.RevertOptions)
	for i, item := range plan.Items {
		plan.Items[i].Assignment = f.resolver.Resolve(item.Object)
	}
	o.root.warn(nil, f.snapshot.Gaps)
	if o.Session != "" && !f.snapshot.Incomplete() && !knows(plan, f, o.Session) {
		return fmt.Errorf("--session %q: no Flux object %s was tuned by it: get -o wide shows the last session of each object", o.Session, o.where())
	}
	if len(plan.Items)+len(pinning(f)) == 0 && o.printer.tables() {
		if f.snapshot.Incomplete() {
			return f.complete() // nobody knows whether there is something
		}
		_, _ = fmt.Fprintf(o.root.ErrOut, "Nothing to revert: none of %s %s was tuned by fluxtune.\n", plural(len(f.objects), "Flux object"), o.where())
		return f.complete()
	}
	if err := o.showPlan(plan, f); err != nil {
		return err
	}
	var unpin tune.UnpinOptions // known when the objects are done
	return o.execute(ctx, job{
		plan: plan,
		apply: cluster.ApplyOptions{
			Decide: func(object flux.Object) tune.Item { return tune.DecideRevert(object, o.RevertOptions) },
			Patch:  tune.RevertPatch,
		},
		rules: cluster.ApplyOptions{
			Decide: func(parent flux.Object) tune.Item { return tune.DecideUnpin(parent, unpin) },
			Patch:  tune.UnpinPatch,
		},
		after: func(done []cluster.Result) []tune.Item {
			unpin = o.unpinning(plan, done, f)
			return tune.Unpin(pinning(f), unpin)
		},
	}, f)
}

// knows tells whether an object or a rule bears a session.
func knows(plan tune.Plan, f fleet, session string) bool {
	return slices.ContainsFunc(plan.Items, func(item tune.Item) bool { return item.Reason != tune.ReasonOtherSession }) ||
		slices.ContainsFunc(pinning(f), func(o flux.Object) bool { return tune.HasPins(o, session) })
}

// pinning are the Kustomizations that bear rules of fluxtune.
func pinning(f fleet) []flux.Object {
	return slices.DeleteFunc(slices.Concat(f.snapshot.Objects, f.snapshot.Related), func(o flux.Object) bool {
		return o.Annotations[tune.PinsAnnotation] == ""
	})
}

// unpinning says which rules go: those of objects that this revert looked at, and that are not tuned
// any more.
func (o RevertOptions) unpinning(plan tune.Plan, done []cluster.Result, f fleet) tune.UnpinOptions {
	tuned := make(map[flux.Ref]bool)
	for _, item := range plan.Items {
		tuned[item.Object.Ref] = true
	}
	for _, d := range done {
		if d.Outcome == cluster.Configured && d.Item.Record != nil && len(d.Item.Record.Steps) == 0 {
			tuned[d.Item.Object.Ref] = false
		}
	}
	looked := make(map[flux.Ref]bool, len(f.objects))
	for _, object := range f.objects {
		looked[object.Ref] = true
	}
	s := o.Selection
	everything := len(s.Kinds)+len(s.Names)+len(o.Environments) == 0 && s.LabelSelector == "" && !f.snapshot.Incomplete()
	return tune.UnpinOptions{
		Session: o.Session,
		Tuned:   func(ref flux.Ref) bool { return tuned[ref] },
		Covered: func(ref flux.Ref) bool {
			return looked[ref] || (everything && (s.Namespace == "" || s.Namespace == ref.Namespace))
		},
	}
}

// showPlan shows what would be restored, where somebody is about to be asked.
func (o RevertOptions) showPlan(plan tune.Plan, f fleet) error {
	if !o.printer.tables() || o.Yes || o.DryRun != "none" {
		return nil
	}
	document := report.NewPlan(plan, f.snapshot.Gaps, o.Policy.EnvironmentNames())
	if err := document.Table(o.allNamespaces()).Draw(o.root.Out, o.printer.layout); err != nil {
		return err
	}
	_, err := fmt.Fprintln(o.root.Out)
	return err
}
