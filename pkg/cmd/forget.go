package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// ForgetFlags are what the user of forget types.
type ForgetFlags struct {
	WriteFlags
	Session string
}

// ForgetOptions are what forget needs to run.
type ForgetOptions struct {
	WriteOptions
	// Session is the only one that a record may have to be dropped; "" for any.
	Session string
}

func newForget(r *root) *cobra.Command {
	var flags ForgetFlags
	cmd := &cobra.Command{
		Use:   "forget " + selectionUsage,
		Short: "Drop the records of what fields were before, and change no value",
		Long: long(`
			Drop the record of what the fields of an object were before fluxtune changed them, and its name
			from metadata.managedFields. No value changes: what is there becomes the owner's own, and revert
			knows nothing of it any more. Where there is only the name, and no record, that goes.

			An object that is pinned loses its rule in spec.ignore of the Kustomization that applies it:
			Git sets its values again.

			With --session only records of that session are dropped. What another one has changed, too,
			is left alone and named: there its record is the way back of both.`),
		Example: examples(`
			# Keep what is there now in development
			kubectl fluxtune forget -A --env development

			# Keep what others made of what one session left
			kubectl fluxtune forget -A --session 20261122-101500-k3xq

			# Accept what somebody chose since
			kubectl fluxtune forget ks web -n team-a --yes`),
		RunE: runE(r, flags.toOptions),
	}
	flags.WriteFlags.add(cmd, r)
	cmd.Flags().StringVar(&flags.Session, "session", "", "Forget only what the apply with this session did.")
	_ = cmd.RegisterFlagCompletionFunc("session", r.completeSessions)
	return cmd
}

func (f *ForgetFlags) toOptions(r *root, args []string) (o ForgetOptions, err error) {
	o.WriteOptions, err = f.WriteFlags.toOptions(r, args)
	o.Session = f.Session
	return o, err
}

func (o ForgetOptions) run(ctx context.Context) error {
	fs, err := o.readTuned(ctx)
	if err != nil {
		return err
	}
	o.root.warn(nil, fs.missing)
	return o.eachWithSession(ctx, fs, func(w WriteOptions, f fleet) error { return ForgetOptions{w, o.Session}.forget(ctx, f) })
}

// forget drops the records of a cluster.
func (o ForgetOptions) forget(ctx context.Context, f fleet) error {
	if o.Session != "" {
		its, others := tune.BadRecordsBeside(f.objects, o.Session)
		f.snapshot.Gaps = slices.Concat(f.snapshot.Gaps, its)
		o.root.warn(nil, others)
	}
	o.root.warn(nil, f.snapshot.Gaps)
	var writes []tune.Write
	var tuned []flux.Object
	var restores []tune.Restore
	var shared []flux.Object
	pinned, judge := 0, tune.NewJudge(f.snapshot)
	stay := map[flux.Field]bool{}
	for _, object := range f.objects {
		chosen, alsoOthers := o.chosen(object)
		if alsoOthers {
			shared = append(shared, object)
		}
		if !chosen {
			continue
		}
		if record, err := tune.ReadRecord(object); err == nil && len(judge.ComesBack(object)) > 0 {
			pinned++
			for _, field := range record.Fields() {
				stay[field] = stay[field] || !slices.Contains(record.Pinned(), field)
			}
		}
		tuned = append(tuned, object)
		writes = append(writes, tune.ForgetWrite{Object: object, Session: o.Session})
		restores = append(restores, tune.Restore{Object: object, Action: tune.ActionChange, Reason: tune.ReasonTuned})
	}
	o.root.warn(tune.RulesLeft(judge, restores), nil)
	o.proposeForShared(f, judge, shared)
	o.tellOtherEnvironments(f, o.Session, "forget", "forgotten")
	if len(writes) == 0 && len(shared) > 0 {
		return fmt.Errorf("--session %q: nothing is forgotten: what it changed in %s other sessions changed, too", o.Session, plural(len(shared), "object"))
	}
	if len(writes) == 0 && o.Session != "" && !f.snapshot.Incomplete() {
		return f.noSuchSession(o.Session, o.where())
	}
	owners := o.pinning(f)
	rules := tune.RulesAfter(owners, f.all(), f.snapshot.Unread, restores, o.now(), nil)
	o.tellAwaited(f, restores, nil)
	if len(writes)+len(rules) == 0 && o.printer.tables() {
		return o.nothingTuned(ctx, f, "forget", "forgotten")
	}
	if pinned > 0 {
		_, _ = fmt.Fprintf(o.root.ErrOut, "%s pinned: when the record is dropped, Git sets what it sets again.%s\n", are(pinned), stays(stay))
	}
	kept := ""
	if pinned == 0 {
		kept = ", and keep the values as they are now"
	}
	o.tellEnds(tuned, o.Session, "without the records it cannot, and what it set stays")
	return o.execute(ctx, job{
		run:      cluster.Run{Writes: writes, Owners: owners},
		rules:    rules,
		results:  report.NewResults("", cluster.Forgotten, report.PlannedForgets(tuned, shared)),
		question: "Forget the records of " + plural(len(writes), "object") + o.onCluster() + kept + "?",
	}, f)
}

// chosen tells whether the record of an object is one to drop, and warns of one that is the way back of another session, too,
// which is shared.
func (o ForgetOptions) chosen(object flux.Object) (is, shared bool) {
	if o.Session == "" {
		return tune.Forgettable(object), false
	}
	record, err := tune.ReadRecord(object)
	if err != nil || record == nil || !record.HasSession(o.Session) {
		return false, false
	}
	if others := record.Sessions(o.Session); len(others) > 0 {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Warning: %s is left alone: session %s changed it, too, and its record is the way back of both\n", object.Ref, strings.Join(others, ", "))
		return false, true
	}
	return true, false
}

// stays says which fields of pinned objects Git will not set again.
func stays(fields map[flux.Field]bool) string {
	var names []string
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if fields[f] {
			names = append(names, string(f))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(" What it does not set (%s) stays as fluxtune set it, and nothing remembers that: revert takes it back.", strings.Join(names, ", "))
}

func are(n int) string {
	if n == 1 {
		return "1 object is"
	}
	return fmt.Sprintf("%d objects are", n)
}
