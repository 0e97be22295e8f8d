package cmd

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// SessionsFlags are what the user of sessions types.
type SessionsFlags struct {
	FleetFlags
	OutputFlags
}

// SessionsOptions are what sessions needs to run.
type SessionsOptions struct {
	FleetOptions
	OutputOptions
	now func() time.Time
}

func newSessions(r *root) *cobra.Command {
	var flags SessionsFlags
	cmd := &cobra.Command{
		Use:   "sessions " + selectionUsage,
		Short: "Show who tuned what, when, and whether it still stands",
		Long: long(`
			Show the sessions that the records on Flux objects tell of, newest first: the user, the policy,
			how many objects, and what has become of them. STANDS is "yes" where all of them are as the session
			made them, or says of how many that is so ("as set"); "set again later" that a later session changed one again; "changed by
			others since" that somebody, or Git, did; "will be undone" that what applies the objects sets
			their fields again. ENDS is of apply --for: "ending" says that its time has just come,
			and "undecided" that all that is left of the session is what others changed since.

			A session that was taken back, or forgotten, is not shown.

			One apply over several clusters is one session with one id: -o name prints each id once, without
			a cluster, and revert --session with the same --contexts takes it back in all of them. The id of
			an apply in one cluster is in that one only; the table names the cluster of each.`),
		Example: examples(`
			# Everything that can be taken back
			kubectl fluxtune sessions -A

			# Take the newest one back
			kubectl fluxtune revert -A --session "$(kubectl fluxtune sessions -A -o name | head -1)"`),
		RunE: runE(r, flags.toOptions),
	}
	flags.FleetFlags.add(cmd)
	flags.addClusters(cmd, r, "Look at")
	flags.OutputFlags.names = "Of several clusters, name prints each id once, without a cluster."
	flags.OutputFlags.add(cmd)
	r.completeFleet(cmd)
	return cmd
}

func (f *SessionsFlags) toOptions(r *root, args []string) (o SessionsOptions, err error) {
	o.now = r.Now
	if o.OutputOptions, err = f.OutputFlags.toOptions(r); err != nil {
		return o, err
	}
	o.FleetOptions, err = f.FleetFlags.toOptions(r, args)
	return o, err
}

func (o SessionsOptions) run(ctx context.Context) error {
	o.related, o.anyEnvironment = true, true // whether pins still hold, their owners tell
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	now := o.now()
	if len(fs.all) > 0 { // the clusters' clocks agree: that of who looks may differ
		now = fs.all[0].options.serverTime(now)
	}
	list := report.NewSessionList("", nil, fs.missing)
	var warnings []string
	bears := "was tuned by fluxtune"
	for i := range fs.all {
		f := &fs.all[i]
		f.snapshot.Gaps = append(f.snapshot.Gaps, tune.BadRecords(f.objects)...)
		warnings = append(warnings, f.options.tellStrayEnds(o.root, f.objects)...)
		if lost := f.unrecorded(); len(lost) > 0 {
			bears = "bears a record of fluxtune"
			warnings = append(warnings, fmt.Sprintf("%s with the name of fluxtune, and without a record of what was there before, so that nobody knows by which session: %s. What to do says: %s doctor%s",
				flux.InCluster(f.options.Cluster, plural(len(lost), "object")), firstOf(lost), o.root.name, f.options.scopeFlags(o.root)))
		}
		for _, line := range f.options.awaited(*f, nil, now, nil) {
			warnings = append(warnings, flux.InCluster(f.options.Cluster, line))
		}
		list = list.And(report.NewSessionList(f.options.Cluster, tune.Sessions(f.objects, tune.NewJudge(f.snapshot)), f.snapshot.Gaps))
	}
	if err := report.SortBy(list.Items, o.sortBy); err != nil {
		return err
	}
	o.root.warn(warnings, fs.gaps())
	if len(list.Items) == 0 && o.printer.tables() {
		if !fs.incomplete() {
			_, _ = fmt.Fprintf(o.root.ErrOut, "No sessions: none of %s %s %s%s.\n", o.counted(fs.objects()), fs.place(o.FleetOptions), bears, o.elsewhere())
			for _, f := range fs.all {
				f.options.tellOtherKinds(ctx, o.root, f, "sessions", "shown")
			}
		}
		return fs.complete()
	}
	hidden := false
	err = o.printer.print(list, list.Names(), func(l report.Layout) error {
		var table bytes.Buffer
		if err := list.Table(now).Draw(&table, l); err != nil {
			return err
		}
		hidden = l.Hides(table.Bytes())
		_, err := o.root.Out.Write(table.Bytes())
		return err
	})
	if err != nil {
		return err
	}
	if names := list.Names(); hidden && o.sortBy == "" { // the newest is above the screen
		_, _ = fmt.Fprintf(o.root.ErrOut, "%s, the newest first: %s\n", plural(len(names), "session"), names[0])
	}
	if late := list.Overdue(now); late > 0 {
		_, _ = fmt.Fprintf(o.root.ErrOut, "%s should have ended. Take that back with: %s --expired\n", plural(late, "session"), o.root.name+" revert"+o.scopeFlags(o.root))
	}
	o.root.proposeDecision(list.Undecided(), o.scopeFlags(o.root))
	return fs.complete()
}

// unrecorded are the objects that hold what fluxtune has set, and whose record somebody took away.
func (f fleet) unrecorded() (refs []flux.Ref) {
	for _, o := range f.objects {
		if tune.Unrecorded(o) {
			refs = append(refs, o.Ref)
		}
	}
	return refs
}
