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
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// RevertFlags are what the user of revert types.
type RevertFlags struct {
	WriteFlags
	Session string
	Expired bool
	Force   bool
}

// RevertOptions are what revert needs to run.
type RevertOptions struct {
	WriteOptions
	tune.RestoreOptions
	// Expired takes back the sessions whose time is over, in the place of one that is named.
	Expired bool
	// IncludeFailed and IncludeUpgrades are what the apply was told whose end this is.
	IncludeFailed, IncludeUpgrades bool
}

func newRevert(r *root) *cobra.Command {
	var flags RevertFlags
	cmd := &cobra.Command{
		Use:        "revert " + selectionUsage,
		SuggestFor: []string{"undo", "restore", "rollback", "reset"},
		Short:      "Restore what the fields were before fluxtune changed them",
		Long: long(`
			Restore the fields that fluxtune changed to exactly what their owner last chose, fields that
			were not set included, and remove its annotation and its name from metadata.managedFields.

			With --session only the work of one apply is taken back: apply prints its session, and
			sessions lists them. Where a later session changed the same field, the field stays as that one
			set it; taking that one back then restores what was before both, so that the order does not
			matter. A field that somebody else changed since is left as it is and named, unless --force is
			given; forget accepts what is there. A field that its owner sets again (Flux, Helm, Argo CD, or
			whoever declared it before) is as that one wants it. Where no value had to change, and only the
			record is gone or shorter, the result is "released".

			What apply leaves alone for what a change sets off, revert leaves alone unless --force is given:
			HelmReleases that gave up, and that a change would make try again, charts whose change would
			upgrade their release or that cannot be fetched, and rollouts that it would break off. At its
			end, apply --for takes back what it was told to include.

			Exit code 1 means that something could not be taken back; it is counted and named.

			With --expired, made for cron jobs, it means that running it again may help. What others changed
			since, and what a later session set that has not ended, is named, and is no failure: of the
			former a person has to decide (revert --force, or forget), the latter goes with its session. Nor
			is a record that cannot be read, unless the annotation fluxtune.github.io/until of its object
			says that the time is over.`),
		Example: examples(`
			# Look first
			kubectl fluxtune revert -A --dry-run

			# Take everything back
			kubectl fluxtune revert -A

			# In a cron job: clean up after apply --for, should it not have been able to
			kubectl fluxtune revert -A --expired --yes

			# Take back one apply
			kubectl fluxtune revert -A --session 20261122-101500-k3xq`),
		RunE: runE(r, flags.toOptions),
	}
	flags.WriteFlags.add(cmd, r, "diff")
	cmd.Flags().StringVar(&flags.Session, "session", "", "Take back only what the apply with this session did.")
	cmd.Flags().BoolVar(&flags.Force, "force", false, "Restore fields too that somebody else changed since, and objects that are left alone for what a change of them sets off.")
	cmd.Flags().BoolVar(&flags.Expired, "expired", false, "Take back the sessions of apply --for whose time is over, and rules of pins that no object needs any more.")
	_ = cmd.RegisterFlagCompletionFunc("session", r.completeSessions)
	return cmd
}

func (f *RevertFlags) toOptions(r *root, args []string) (o RevertOptions, err error) {
	if f.Expired && f.Session != "" {
		return o, errors.New("--expired and --session both choose sessions: give one of them")
	}
	o.Expired = f.Expired
	o.RestoreOptions = tune.RestoreOptions{Session: f.Session, Force: f.Force}
	o.WriteOptions, err = f.WriteFlags.toOptions(r, args)
	return o, err
}

func (o RevertOptions) run(ctx context.Context) error {
	o.controllers, o.charts = true, true // what a change would have them break off, or fetch
	fs, err := o.readTuned(ctx)
	if err != nil {
		return err
	}
	o.root.warn(nil, fs.missing)
	o.several = o.Expired // one for each session
	return o.eachWithSession(ctx, fs, func(w WriteOptions, f fleet) error {
		one := o
		one.WriteOptions = w
		if o.Expired {
			return one.revertExpired(ctx, f)
		}
		return one.revert(ctx, f)
	})
}

// revert takes back what was done in a cluster.
func (o RevertOptions) revert(ctx context.Context, f fleet) error {
	judge := tune.NewJudge(f.snapshot)
	o.Care = o.care(f, judge)
	restores := tune.Restores(f.objects, o.RestoreOptions)
	for i, r := range restores {
		restores[i].Assignment = f.resolver.Resolve(r.Object)
	}
	unseen := f.unseen(tune.Plan{Items: report.RestoreItems(restores)})
	o.root.warn(slices.Concat(tune.RulesLeft(judge, restores), tune.OwnersUnread(judge, restores), unseen), f.snapshot.Gaps)
	if o.Session != "" && !o.Expired { // which has told of all
		_, others := tune.BadRecordsBeside(f.objects, o.Session)
		o.root.warn(nil, others)
	}
	o.tellOtherEnvironments(f, o.Session, "revert", "taken back")
	if len(restores) == 0 && o.Session != "" && !f.snapshot.Incomplete() {
		o.tellAwaited(f, nil, nil)
		return f.noSuchSession(o.Session, o.where())
	}
	return o.restore(ctx, f, restores, o.takes(f, restores))
}

// care is what is looked at before an object is taken back. What an apply was told to change all the same, its end takes back all the same.
func (o RevertOptions) care(f fleet, judge *tune.Judge) *tune.Options {
	return &tune.Options{Judge: judge, Graph: f.graph, IncludeFailed: o.IncludeFailed, IncludeUpgrades: o.IncludeUpgrades}
}

// takes are the objects whose rules go though another session may wait for them: all that are asked for where everything is to
// be taken back, else those that are. The session may have been killed; if it was not, it tells what it finds at its end.
func (o RevertOptions) takes(f fleet, restores []tune.Restore) func(flux.Ref) bool {
	refs := make(map[flux.Ref]bool)
	for _, r := range restores {
		refs[r.Object.Ref] = r.Action == tune.ActionChange
	}
	if o.Session == "" {
		for _, object := range f.objects {
			refs[object.Ref] = true
		}
	}
	return func(ref flux.Ref) bool { return refs[ref] }
}

// restore carries out restores, and brings the rules of owners to what the records need afterwards.
func (o RevertOptions) restore(ctx context.Context, f fleet, restores []tune.Restore, takes func(flux.Ref) bool) error {
	owners := o.pinning(f)
	rules := tune.RulesAfter(owners, f.all(), f.snapshot.Unread, restores, o.now(), takes)
	o.tellAwaited(f, restores, takes)
	if o.back == nil && !o.Expired {
		does := "does"
		if o.DryRun != dryRunNone {
			does = "would do"
		}
		o.tellEnds(changedOf(restores), o.Session, "this revert "+does+" that now")
	}
	if len(restores)+len(rules) == 0 && o.printer.tables() {
		return o.nothingTuned(ctx, f, "revert", "taken back")
	}
	way := tune.Plan{Items: report.RestoreItems(restores), Pins: rules}
	paced := tune.Plan{Items: slices.Clone(way.Items), Pins: rules}
	for i, r := range restores {
		paced.Items[i].Action = r.Action // also where only a session goes out of a record
	}
	overview := o.overview(way, f.forecast(paced, o.PatchesPerSecond), o.cost(f, way), o.PatchesPerSecond)
	overview.Together, overview.Missing = o.together.several(), report.NewMissing(o.gaps(f))
	overview.Title, overview.Stay = "Revert", report.Stay(restores)
	question := o.restoreQuestion(overview, restores, rules)
	overview.Above = o.rowsAsked(question, way.Changes()+len(rules)) + o.rowsBelow(way.Changes()+len(rules))
	if err := o.showPlan(ctx, overview, restores, f); err != nil {
		return err
	}
	var writes []tune.Write
	by := newLatest(f, o.root.Now, o.asks(), o.Care != nil && slices.ContainsFunc(way.Items, byChart))
	decide := func(object flux.Object) tune.Restore { return tune.DecideRestore(object, by.caring(o.RestoreOptions)) }
	for _, r := range restores {
		if r.Action == tune.ActionChange {
			writes = append(writes, tune.RestoreWrite{Restore: r, Decide: decide})
		}
	}
	if o.asks() {
		o.proposeLater(restores)
	}
	err := o.execute(ctx, job{
		run:      cluster.Run{Writes: writes, Owners: owners, Takes: takes},
		plan:     way,
		rules:    rules,
		results:  report.NewResults("", cluster.Restored, report.PlannedRestores(restores)),
		question: question,
		before:   by.refresh,
		finish: func(d *report.Results, out cluster.Outcomes) {
			o.root.warn(by.unnoticed(), nil)
			restores = asGone(restores, out)
			if o.back != nil {
				o.back.objects += d.Summary.Changed + d.Summary.Released
				o.back.add(out.Objects)
			}
		},
	}, f)
	if o.Yes && o.printer.tables() {
		o.proposeLater(restores)
	}
	return err
}

// restoreQuestion asks for leave to restore objects, and to take a session out of the records of those that stay as a later
// one set them.
func (o RevertOptions) restoreQuestion(v report.Overview, restores []tune.Restore, rules []tune.Pin) string {
	restored, followed, dropped := 0, 0, 0
	for _, r := range restores {
		switch {
		case r.Followed():
			followed++
		case r.Action == tune.ActionChange && len(r.Changes) == 0:
			dropped++
		case r.Action == tune.ActionChange:
			restored++
		}
	}
	if followed > 0 {
		restored, dropped = restored+dropped, 0
	}
	takes := ""
	if followed+dropped > 0 { // all of it, and not what comes before
		takes, v.Calm.Duration = inAbout(v.Calm.Duration), 0
	}
	v.Plan.Items = slices.DeleteFunc(slices.Clone(v.Plan.Items), func(i tune.Item) bool { return len(i.Changes) == 0 })
	records := fmt.Sprintf("session %s out of the records of %s", o.Session, plural(followed, "object"))
	switch {
	case dropped > 0 && restored+followed == 0:
		return fmt.Sprintf("Drop the records of %s%s, and keep what is there%s?", plural(dropped, "object"), o.onCluster(), takes)
	case dropped > 0 && followed == 0:
		return fmt.Sprintf("%s, and drop the records of %s, whose values stay%s?", strings.TrimSuffix(o.question(v, restored, rules), "?"), plural(dropped, "object"), takes)
	case followed == 0:
		return o.question(v, restored, rules)
	case restored == 0:
		return fmt.Sprintf("Take %s, whose values stay%s%s?", records, o.onCluster(), takes)
	default:
		return fmt.Sprintf("%s, and take %s, whose values stay%s?", strings.TrimSuffix(o.question(v, restored, rules), "?"), records, takes)
	}
}

// proposeLater says what takes back the fields that later sessions have set.
func (o RevertOptions) proposeLater(restores []tune.Restore) {
	const most = 3
	var objects []flux.Object
	for _, r := range restores {
		objects = append(objects, r.Object)
	}
	later, told := report.LaterSessions(restores), 0
	for _, s := range tune.Sessions(objects, nil) {
		if !slices.Contains(later, s.ID) || told == most {
			continue
		}
		told++
		ends := ""
		if !s.Until.IsZero() {
			ends = ", which is to end at " + tune.ShowTime(s.Until)
		}
		_, _ = fmt.Fprintf(o.root.ErrOut, "What stays was set by session %s%s. That is taken back with: %s revert%s --session %s\n", whose(s), ends, o.root.name, o.scopeFlags(o.root), terminal.Quoted(s.ID))
	}
}

// leftRules are the owners with rules of fluxtune that no record needs.
func (o FleetOptions) leftRules(f fleet, now time.Time) []tune.Pin {
	return tune.RulesAfter(o.pinning(f), f.all(), f.snapshot.Unread, nil, now, nil)
}

// awaited says which rules that nothing needs, when restores are done, stay for a session that is about to change objects under
// them.
func (o FleetOptions) awaited(f fleet, restores []tune.Restore, now time.Time, takes func(flux.Ref) bool) []string {
	return tune.RulesAwaited(o.pinning(f), f.all(), f.snapshot.Unread, restores, now, takes)
}

// tellAwaited warns of them.
func (o WriteOptions) tellAwaited(f fleet, restores []tune.Restore, takes func(flux.Ref) bool) {
	o.root.warn(o.awaited(f, restores, o.now(), takes), nil)
}

// readTuned reads the fleet with the owners whose rules may have to be taken back, whatever the objects say.
func (o WriteOptions) readTuned(ctx context.Context) (fleets, error) {
	o.related, o.anyEnvironment = true, true
	return o.readAll(ctx, o.root)
}

// nothingTuned says that there is nothing to do, and what other kinds have that were not asked for. Done is what the command does to
// objects: taken back, forgotten.
func (o WriteOptions) nothingTuned(ctx context.Context, f fleet, verb, done string) error {
	if f.snapshot.Incomplete() {
		return f.complete() // nobody knows whether there is something
	}
	_, _ = fmt.Fprintf(o.root.ErrOut, "Nothing to %s: none of %s %s was tuned by fluxtune%s.\n", verb, o.counted(len(f.objects)), o.where(), o.elsewhere())
	o.tellOtherKinds(ctx, o.root, f, verb, done)
	return f.complete()
}

// showPlan shows what would be restored, where somebody is about to be asked.
func (o RevertOptions) showPlan(ctx context.Context, overview report.Overview, restores []tune.Restore, f fleet) error {
	if o.printer.format == "diff" {
		return o.showDiff(ctx, o.root, overview.Plan.Items, o.printer.layout.Color)
	}
	rows := o.rows(o.Selection) || len(restores) <= fewRows
	if !o.printer.tables() || rows && (o.Yes || o.DryRun != dryRunNone) {
		return nil // the results have rows
	}
	if rows {
		document := report.NewRestores(restores, f.snapshot.Gaps)
		if err := document.Table(o.allNamespaces()).Draw(o.root.Out, o.printer.layout); err != nil {
			return err
		}
	} else if err := overview.Draw(o.root.Out, o.printer.layout); err != nil {
		return err
	}
	_, err := fmt.Fprintln(o.root.Out)
	return err
}
