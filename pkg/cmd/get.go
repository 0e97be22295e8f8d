package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// GetFlags are what the user of get types.
type GetFlags struct {
	FleetFlags
	OutputFlags
	Watch bool
}

// GetOptions are what get needs to run.
type GetOptions struct {
	FleetOptions
	OutputOptions
	now   func() time.Time
	watch bool
}

func newGet(r *root) *cobra.Command {
	var flags GetFlags
	cmd := &cobra.Command{
		Use:        "get " + selectionUsage,
		SuggestFor: []string{"list", "ls", "show", "describe"},
		Short:      "Show how often Flux polls, and in which environment",
		Long: long(`
			Show every Flux object that has an interval: its environment and where that comes from, its
			interval, timeout and retry interval, whether it is suspended and ready, and when its source
			last changed.

			Values in parentheses are what Flux uses where a field is not set. FROM says what gave an
			object its environment. In this order count: a label of its own (label), its namespace's label
			(namespace) or name (namespacePattern), those of the namespace it deploys to (targetNamespace),
			the fastest Kustomization or HelmRelease that uses a source, the cluster's name (cluster), and
			--default-env (default). Names count by the patterns in a policy's spec.namespaces and
			spec.clusters. VIA, with -o wide, says which label, pattern or user it was.

			With --contexts or --all-contexts the objects of several clusters are shown together; one that does
			not answer is missing, and named. The clusters of a checkout are shown in the same way.

			With -f a Git checkout is shown instead of a cluster. With -f and --context together, only where the
			cluster is not as Git has it: pinned (a rule leaves the value to the cluster), undone (what applies
			the object will set Git's value again), stays (Git does not set it), behind (set from another
			revision), unknown (who sets it could not be read), missing on the cluster, or extra there.

			Exit code 1 means that something could not be read; what could is shown.`),
		Example: examples(`
			# All Flux objects of the cluster
			kubectl fluxtune get -A

			# The GitRepositories and Kustomizations of one namespace
			kubectl fluxtune get gitrepo,ks -n flux-system

			# Everything in production, fastest first
			kubectl fluxtune get -A --env production --sort-by interval

			# Where a cluster is not as Git has it
			kubectl fluxtune get -f . --root clusters/production --context production

			# What changes in one namespace, a row for each change
			kubectl fluxtune get ks -n team-a -w

			# Names and intervals for a script
			kubectl fluxtune get -A -o custom-columns=NAME:.ref.name,EVERY:.effective.interval`),
		RunE: runE(r, flags.toOptions),
	}
	flags.FleetFlags.add(cmd)
	flags.addFiles(cmd)
	flags.addClusters(cmd, r, "Look at")
	flags.OutputFlags.add(cmd)
	flags.addRows(cmd)
	cmd.Flags().BoolVarP(&flags.Watch, "watch", "w", false, "Show the rows, and then each one that changes, until Ctrl-C (exit code 130). Labels of namespaces are read once, before.")
	r.completeFleet(cmd)
	return cmd
}

func (f *GetFlags) toOptions(r *root, args []string) (o GetOptions, err error) {
	o.now = r.Now
	if o.OutputOptions, err = f.OutputFlags.toOptions(r); err != nil {
		return o, err
	}
	f.live = true
	if o.FleetOptions, err = f.FleetFlags.toOptions(r, args); err != nil {
		return o, err
	}
	o.watch = f.Watch
	switch {
	case o.watch && o.Files != nil:
		return o, errors.New("-w watches a cluster: leave out -f")
	case o.watch && len(o.clusters) > 0:
		return o, errors.New("-w watches one cluster: name it with --context")
	case o.watch && !o.printer.tables():
		return o, fmt.Errorf("-w shows rows: it goes with -o wide or without -o, not with -o %s", f.Output)
	}
	return o, nil
}

func (o GetOptions) run(ctx context.Context) error {
	if o.compares() {
		return o.compare(ctx)
	}
	o.sources = true
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	if o.watch {
		return o.runWatch(ctx, fs.all[0])
	}
	list := report.NewObjectList(nil, flux.Snapshot{Gaps: fs.missing}, nil)
	for _, f := range fs.all {
		list = list.And(report.NewObjectList(f.objects, f.snapshot, f.resolver))
	}
	if err := report.SortBy(list.Items, o.sortBy); err != nil {
		return err
	}
	fs.notes(ctx, o.root, o.Files.sparse()...)
	o.root.warn(list.Warnings, fs.gaps())
	if len(list.Items) == 0 && o.printer.tables() {
		o.root.nothingFound(o.FleetOptions, fs.place(o.FleetOptions), fs.incomplete(), fs.all...)
		return fs.complete()
	}
	err = o.printer.print(list, list.Names(), func(l report.Layout) error {
		if o.rows(o.Selection) {
			return list.Table(o.now(), o.allNamespaces()).Draw(o.root.Out, l)
		}
		next := o.root.repeated("plan")
		return list.DrawOverview(o.root.Out, o.Policy.EnvironmentNames(), fs.where(o.FleetOptions), next, l)
	})
	if err != nil {
		return err
	}
	return fs.complete()
}
