package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// RewriteFlags are what the user of rewrite types.
type RewriteFlags struct {
	FleetFlags
	IncludeSuspended bool
	Yes              bool
	DryRun           bool
}

// RewriteOptions are what rewrite needs to run.
type RewriteOptions struct {
	FleetOptions
	tune.Options
	Yes, DryRun bool
	root        *root
	layout      report.Layout
}

func newRewrite(r *root) *cobra.Command {
	var flags RewriteFlags
	cmd := &cobra.Command{
		Use:   "rewrite -f FOLDER " + selectionUsage,
		Short: "Change a Git checkout to what a policy wants",
		Long: long(`
			Make the changes of kubectl fluxtune plan -f in the files of a Git checkout, as a small diff
			to commit and review. No cluster is asked.

			All clusters of the checkout are built as Flux builds them, to find which scalar of which
			file decides each value. Where everything that a scalar decides wants the same, only its bytes
			change. Where it does not, or the field is absent, the field is added to the object's own
			document, or a patch to the nearest kustomization or Kustomization that reaches just the objects
			that want it. The result is built again: exactly the planned values differ, or nothing is
			written and the reason is told. Running it again changes nothing.

			Where --root, --env, a kind, a name or a namespace chooses a part, what is changed is nothing that
			other objects could follow as well, as long as there is such a place: not a base whose value another
			overlay replaces today. And where something could not be built, the files that it may use are left
			alone, also in clusters that --root does not name.

			With --fit, or spec.fit of the policy, intervals are fitted to a share of a host's limit, for all
			clusters of the checkout together; see plan. Git tells how often the checkout itself changes,
			--activity FILE may tell it of others.

			Left alone are what flux bootstrap writes (it is patched beside), documents that SOPS has
			encrypted, symbolic links, submodules, and lines that a template engine renders. What
			nothing deploys is not looked at. Of hard links only the one in the checkout that is named changes.`),
		Example: examples(`
			# What would change in the files, as a diff
			kubectl fluxtune rewrite -f . --dry-run

			# Change them, for one cluster and one environment
			kubectl fluxtune rewrite -f . --root clusters/staging --env staging

			# In a script
			kubectl fluxtune rewrite -f . --policy policy.yaml --yes`),
		RunE: runE(r, flags.toOptions),
	}
	flags.FleetFlags.add(cmd)
	cmd.Flags().VarP(single{&flags.Filename}, "filename", "f", "The Git checkout to change: a folder. No kubeconfig is read.")
	_ = cmd.RegisterFlagCompletionFunc("filename", completeFiles)
	flags.addRoots(cmd)
	flags.addFit(cmd)
	cmd.Flags().BoolVar(&flags.IncludeSuspended, "include-suspended", false, "Change suspended objects too.")
	cmd.Flags().BoolVarP(&flags.Yes, "yes", "y", false, "Do not ask. Required where nobody can be asked.")
	cmd.Flags().BoolVar(&flags.DryRun, "dry-run", false, "Show the diff and write nothing.")
	r.completeFleet(cmd)
	return cmd
}

func (f *RewriteFlags) toOptions(r *root, args []string) (o RewriteOptions, err error) {
	r.outlive()
	o.root, o.Yes, o.DryRun = r, f.Yes, f.DryRun
	f.everyRoot, f.places = true, true
	switch {
	case f.Filename == "":
		return o, errors.New("name the checkout to change with -f: rewrite -f . --dry-run shows what it would do")
	}
	color, err := r.wantsColor()
	if err != nil {
		return o, err
	}
	o.layout = report.Layout{Whole: "a wider window", Color: color, Width: r.StdoutWidth}
	o.IncludeSuspended = f.IncludeSuspended
	if o.FleetOptions, err = f.FleetFlags.toOptions(r, args); err != nil {
		return o, err
	}
	if o.Files.tree == nil {
		return o, fmt.Errorf("-f %s is no folder: rewrite changes the files of a checkout", f.Filename)
	}
	return o, nil
}

func (o RewriteOptions) run(ctx context.Context) error {
	wants, chosen, plan, fs, err := o.wants(ctx)
	if err != nil {
		return err
	}
	unread := fs.complete()
	if len(chosen) == 0 {
		_, _ = fmt.Fprintf(o.root.ErrOut, "No Flux objects found %s.\n", o.where())
		return unread
	}
	if len(wants)+len(fs.refused) == 0 {
		_, _ = fmt.Fprintln(o.root.Out, terminal.Printable(report.NothingToChange(plan, o.Policy, unread != nil)))
		return unread
	}
	rewriting, err := o.Files.rewriting(ctx, wants, chosen)
	if err != nil {
		return err
	}
	rewriting.Refused = append(rewriting.Refused, fs.refused...)
	if err := o.show(rewriting); err != nil {
		return err
	}
	o.tellUnbuilt()
	if len(rewriting.Files) == 0 {
		return errors.Join(unread, o.refused(rewriting))
	}
	if o.DryRun {
		o.next(o.root.repeated("rewrite"))
		return errors.Join(unread, o.refused(rewriting))
	}
	if err := o.confirm(ctx, len(rewriting.Files)); err != nil {
		return err
	}
	switch err := o.Files.tree.Write(ctx, rewriting); {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case err != nil:
		return err
	}
	_, _ = fmt.Fprintf(o.root.Out, "%s changed.\n", plural(len(rewriting.Files), "file"))
	if manifest.Versioned(ctx, o.Files.name) {
		o.next(o.root.repeated("check") + " --base HEAD")
	}
	return errors.Join(unread, o.refused(rewriting))
}

// next says what to run next.
func (o RewriteOptions) next(command string) {
	_, _ = fmt.Fprintf(o.root.ErrOut, "Next: %s\n", command)
}

// tellUnbuilt says again, beside the question, whose files were left alone, and who else may follow them.
func (o RewriteOptions) tellUnbuilt() {
	for _, u := range o.Files.tree.Unbuilt(o.Files.fleets) {
		if u.Broken {
			_, _ = fmt.Fprint(o.root.ErrOut, terminal.Printable(fmt.Sprintf("Warning: %s could not be built: files that it may use are left alone\n",
				flux.InCluster(o.Files.fleets[u.Root].Root.String(), u.What))))
		}
	}
	for _, stray := range o.Files.tree.Strays(o.Files.fleets) {
		_, _ = fmt.Fprint(o.root.ErrOut, terminal.Printable(fmt.Sprintf("Note: %s\n", stray)))
	}
}

// wants plans every root, and says which objects were asked for, all that was planned of them, and what is known of the
// clusters. What could not be read is in these; the rest is planned all the same.
func (o RewriteOptions) wants(ctx context.Context) (wants []manifest.Want, chosen map[chosenObject]bool, all tune.Plan, fs fleets, err error) {
	if fs, err = o.readAll(ctx, o.root); err != nil {
		return nil, nil, all, fs, err
	}
	fs, fitting, err := o.fitAll(ctx, fs, o.Options, o.root.Now())
	if err != nil {
		return nil, nil, all, fs, err
	}
	o.root.warn(nil, slices.Concat(fs.gaps(), o.Files.otherGaps()))
	fs.notes(ctx, o.root)
	o.tellUnfitted(o.root, fs)
	chosen = map[chosenObject]bool{}
	warnings, notes := o.fitWarnings(fitting), []string(nil)
	for _, g := range o.Files.leftovers() {
		notes = append(notes, g.What+": "+g.Why)
	}
	locator := manifest.NewLocator(o.Files.tree)
	for _, f := range fs.all {
		f.inFiles(chosen)
		plan := f.plan(f.fitted(fitting, o.Options))
		all.Items = append(all.Items, plan.Items...)
		warnings = append(warnings, plan.Warnings...)
		for _, item := range plan.Items {
			if item.Reason == tune.ReasonRefused || item.Reason == tune.ReasonNotKnown {
				at := locator.Locate(o.Files.fleets[f.place], item.Object.Ref, flux.Interval.Path()...)
				warnings = append(warnings, fmt.Sprintf("%s: %s is left alone: %s", at, item.Object.Ref, item.Message))
			}
		}
		for _, item := range plan.Items {
			if item.Reason == tune.ReasonHeldFromGit {
				notes = append(notes, fmt.Sprintf("%s in %s is left alone: %s", item.Object.Ref, o.Files.fleets[f.place].Root, item.Message))
			}
		}
		for _, item := range plan.Changed() {
			if by, suspended := o.Files.fleets[f.place].SuspendedBy(item.Object.Ref); suspended {
				notes = append(notes, fmt.Sprintf("%s in %s is suspended: what changes below it reaches the cluster when it is resumed", by, o.Files.fleets[f.place].Root))
			}
		}
		wants = append(wants, f.wants(plan)...)
	}
	slices.Sort(warnings)
	o.root.warn(slices.Compact(warnings), nil)
	slices.Sort(notes)
	for _, note := range slices.Compact(notes) {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Note: %s\n", terminal.Printable(note))
	}
	return wants, chosen, all, fs, nil
}

// show tells what changes: the diff, then what each change reaches, then what is left.
func (o RewriteOptions) show(r manifest.Rewriting) error {
	files := make([]string, 0, len(r.Files))
	for file := range r.Files {
		files = append(files, file)
	}
	slices.Sort(files)
	for _, file := range files {
		was, err := o.Files.tree.ReadFile(file)
		if err != nil {
			return err
		}
		diff := terminal.Diff("a/"+file, "b/"+file, was, r.Files[file])
		// In a pipe somebody may apply it.
		if _, err := fmt.Fprint(o.root.document(), terminal.PaintDiff(diff, o.layout.Color)); err != nil {
			return err
		}
	}
	if len(files) > 0 {
		_, _ = fmt.Fprintln(o.root.Out)
	}
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintln(o.root.Out, terminal.WrapLine(terminal.Printable(fmt.Sprintf(format, args...)), o.layout.Width))
	}
	for _, v := range r.Values {
		say("%s: %s -> %s, %s", v.Scalar, v.Text, v.To, o.reached(v.Targets))
	}
	for _, p := range r.Patches {
		say("%s: %s, %s", terminal.FileName(p.File), patchLine(p), o.reached(p.Targets))
	}
	o.tellRefused(r.Refused)
	_, _ = fmt.Fprintf(o.root.Out, "\n%s in %s: %s changed, %s added.\n", plural(values(r), "value"), plural(len(files), "file"),
		plural(len(r.Values), "scalar"), additions(len(r.Patches)))
	return nil
}

// additions counts what is added: fields of objects, and patches.
func additions(n int) string {
	if n == 1 {
		return "1 field or patch"
	}
	return fmt.Sprintf("%d fields and patches", n)
}

func values(r manifest.Rewriting) int {
	n := 0
	for _, v := range r.Values {
		n += len(v.Targets)
	}
	for _, p := range r.Patches {
		n += len(p.Targets)
	}
	return n
}

func fieldName(f flux.Field) string { return strings.TrimPrefix(string(f), "spec.") }

// patchLine says what was added.
func patchLine(p manifest.PatchEdit) string {
	var set []string
	for _, c := range p.Changes {
		set = append(set, fieldName(c.Field)+" "+*c.To)
	}
	what := strings.Join(set, " and ")
	switch {
	case p.Own:
		return fmt.Sprintf("%s added to %s %s", what, p.Kind, p.Names[0])
	case p.Kustomization != "":
		return fmt.Sprintf("patch with %s added to Kustomization %s", what, p.Kustomization)
	default:
		return fmt.Sprintf("patch with %s added", what)
	}
}

// reached says which objects follow a change, and in which clusters.
func (o RewriteOptions) reached(targets []manifest.Target) string {
	objects, roots := map[manifest.Target]bool{}, map[int]bool{}
	for _, t := range targets {
		objects[manifest.Target{Root: t.Root, Ref: t.Ref}] = true
		roots[t.Root] = true
	}
	where := ""
	if len(o.Files.fleets) > 1 && len(roots) == 1 {
		where = " of " + o.Files.fleets[targets[0].Root].Root.String()
	} else if len(roots) > 1 {
		where = fmt.Sprintf(" of %d clusters", len(roots))
	}
	if len(objects) == 1 {
		return "for " + targets[0].Ref.String() + where
	}
	return fmt.Sprintf("for %s%s", plural(len(objects), "object"), where)
}

func (o RewriteOptions) refused(r manifest.Rewriting) error {
	if len(r.Refused) == 0 {
		return nil
	}
	return fmt.Errorf("%s could not be brought about in the files: see the warnings above", plural(len(r.Refused), "value"))
}

// confirm asks whether to write.
func (o RewriteOptions) confirm(ctx context.Context, files int) error {
	switch {
	case o.Yes:
		return nil
	case !o.root.StdinTerminal:
		return errors.New("nobody can be asked here: use --yes to change the files, or --dry-run to see the diff")
	}
	_, _ = fmt.Fprintf(o.root.ErrOut, "Change %s? [y/N] ", plural(files, "file"))
	answer, err := readLine(ctx, o.root.In)
	if err != nil {
		_, _ = fmt.Fprintln(o.root.ErrOut)
		return errInterrupted
	}
	o.root.answered(answer)
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("not confirmed: nothing was changed")
	}
	return nil
}
