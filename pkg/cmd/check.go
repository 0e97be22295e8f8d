package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// CheckFlags are what the user of check types.
type CheckFlags struct {
	FleetFlags
	OutputFlags
	Base      string
	Limits    []string
	FailAbove string
	ExitCode  bool
	All       bool
}

// CheckOptions are what check needs to run.
type CheckOptions struct {
	FleetOptions
	OutputOptions
	// Revision to compare with; "" for none.
	Revision string
	Dir      string
	Roots    FileFlags
	Limits   budget.Limits
	// FailAbove is in percent of a host's limit; 0 never fails.
	FailAbove     float64
	exitCode, all bool
}

const (
	formatMarkdown = "markdown"
	formatSARIF    = "sarif"
)

func newCheck(r *root) *cobra.Command {
	var flags CheckFlags
	cmd := &cobra.Command{
		Use:   "check -f FOLDER " + selectionUsage,
		Short: "Show what a branch changes and costs, and what is wrong, with file and line",
		Long: long(`
			Compare a Git checkout with the commit where it left a branch (--base), for a pull request: which
			values of which objects change, and what that does to requests to each host and credential, to the time
			from commit to applied, and to the controllers. And find what is wrong, with file, line and column:

			  unit              a duration in a unit that Flux refuses, as 1d
			  unknown-kind      a kind or apiVersion that looks like one of Flux's, and that Flux does not have
			  schema            a field that the API server refuses, or misses, by the CRDs of Flux 2.10
			  invalid-yaml      a file that cannot be read as YAML: Flux applies nothing of its Kustomization
			  lost-cluster      a branch with which a cluster's Flux takes itself away
			  immutable         a change of an immutable ConfigMap: Flux applies nothing of its Kustomization
			  missing-path      a Kustomization whose path is not in the checkout
			  unset-variable    a variable without a value and a default: Flux applies nothing of its Kustomization
			  timeout           a timeout that is not shorter than the interval
			  policy            a value outside the policy
			  dead              a value that decides nothing
			  duplicate-source  two sources of a namespace that poll the same
			  semver            a range of versions at a short interval: a clone each time

			What is wrong on the base, too, is only counted, unless --all is given. Without --base there is
			nothing to compare with, and all findings are shown.

			A timeout is not told of where the policy says something of both the interval and the timeout, the
			interval is as it wants, and the timeout is as it wants or longer: rewrite keeps such a timeout, since it
			makes none shorter unasked. It is told of all the same where the branch makes it longer.

			What cannot be built on one side, or is not in the checkout there, is not known on that side: its
			objects are neither added nor removed, and count on both sides as they are on the one that has them. All
			that is counted is then at least what is shown. What Flux cannot build on the branch is a failure.

			What Flux does not apply, or does not take away, stays as the base has it, and costs that: below a
			suspended Kustomization, in fields that spec.ignore leaves to the cluster, on objects with ssa: Ignore,
			ssa: IfNotPresent or reconcile: disabled, and, of what the branch does not have any more, with prune:
			false, prune: disabled or deletionPolicy: Orphan. So does a cluster whose folder a .sourceignore leaves
			out. It is told as "only in the files".

			The base is read from Git's objects by the program git; the work tree, the index and all refs stay as
			they are, and nothing is fetched. No cluster is asked. What the checkout has is what is in the folder
			now, committed or not. What clusters manage is not in files, so that the kube-apiserver's load counts
			nothing but the reconciles.

			With --exit-code the exit code is 0 when no error or warning is new, 1 when one is, and 2 when
			something failed. Exit code 4 means that a host gets more than --fail-above allows, from all clusters
			together.`),
		Example: examples(`
			# What this branch changes
			kubectl fluxtune check -f . --base origin/main

			# As a comment on a pull request, with a policy of your own
			kubectl fluxtune check -f . --base origin/main --policy policy.yaml -o markdown

			# In a pipeline: fail on what is new, or when github.com gets more than 80% of its limit
			kubectl fluxtune check -f . --base origin/main --exit-code --fail-above 80%

			# For GitHub's code scanning
			kubectl fluxtune check -f . --base origin/main -o sarif > fluxtune.sarif`),
		RunE: runE(r, flags.toOptions),
	}
	flags.add(cmd)
	r.completeFleet(cmd)
	return cmd
}

func (f *CheckFlags) add(cmd *cobra.Command) {
	f.FleetFlags.add(cmd)
	flags := cmd.Flags()
	flags.VarP(single{&f.Filename}, "filename", "f", "The Git checkout: a folder. No kubeconfig is read.")
	_ = cmd.RegisterFlagCompletionFunc("filename", completeFiles)
	f.addRoots(cmd)
	f.formats = []string{"table", "json", "yaml", formatMarkdown, formatSARIF}
	f.addFormat(cmd)
	flags.StringVar(&f.Base, "base", "", "Compare with the commit that the checkout and this branch, tag or commit have in common last.")
	addLimit(cmd, &f.Limits)
	flags.StringVar(&f.FailAbove, "fail-above", "", "Exit with 4 when a host gets more than this share of its limit from all clusters together: 80%.")
	flags.BoolVar(&f.ExitCode, "exit-code", false, "Exit with 1 when an error or warning is new, 2 when something failed.")
	flags.BoolVar(&f.All, "all", false, "Show the findings, too, that the base has already.")
	_ = cmd.RegisterFlagCompletionFunc("base", cobra.FixedCompletions([]string{"origin/main", "main", "HEAD"}, noFiles))
	_ = cmd.RegisterFlagCompletionFunc("fail-above", cobra.FixedCompletions([]string{"50%", "80%", "100%"}, noFiles))
}

func (f *CheckFlags) toOptions(r *root, args []string) (o CheckOptions, err error) {
	if f.Filename == "" {
		return o, errors.New("name the checkout with -f, as in check -f . --base origin/main")
	}
	o.Revision, o.Dir, o.exitCode, o.all = f.Base, f.Filename, f.ExitCode, f.All
	if o.OutputOptions, err = f.OutputFlags.toOptions(r); err != nil {
		return o, err
	}
	if o.FailAbove, err = parsePercent("--fail-above", f.FailAbove); err != nil {
		return o, err
	}
	limits, err := parseLimits(f.Limits)
	if err != nil {
		return o, err
	}
	f.everyRoot, f.places = true, true
	if o.FleetOptions, err = f.FleetFlags.toOptions(r, args); err != nil {
		return o, err
	}
	if o.Files.tree == nil {
		return o, fmt.Errorf("-f %s is no folder: check compares the files of a checkout", f.Filename)
	}
	o.Roots, o.Limits = f.FileFlags, budget.NewLimits(o.Policy.Limits, limits)
	return o, nil
}

func (o CheckOptions) run(ctx context.Context) error {
	err := o.check(ctx)
	var coded codeError
	var silent silentError
	if o.exitCode && err != nil && !errors.As(err, &coded) && !errors.As(err, &silent) {
		return codeError{exitDiffTrouble, err}
	}
	return err
}

func (o CheckOptions) check(ctx context.Context) error {
	in := check.Input{Policy: o.Policy, Limits: o.Limits}
	var base *report.CheckBase
	prefix := manifest.Prefix(ctx, o.Dir)
	if o.Revision != "" {
		revision, err := manifest.OpenRevision(ctx, o.Dir, o.Revision)
		if err != nil {
			return fmt.Errorf("--base: %w", err)
		}
		defer func() { _ = revision.Close() }()
		if revision.Exact {
			_, _ = fmt.Fprintf(o.root.ErrOut, "Note: %s and the checkout have no commit in common here (a shallow clone?): compared with %[1]s itself\n", o.Revision)
		}
		base = &report.CheckBase{Revision: o.Revision, Commit: revision.Commit}
		reading, err := awaited(ctx, func() (*checkout, error) { return o.Roots.reading(revision.Tree), nil })
		if err != nil {
			return err
		}
		if o.Files, err = awaited(ctx, func() (*checkout, error) { return o.Roots.after(o.Files, reading) }); err != nil {
			return err
		}
		o.chooseMoved(reading)
		side, _, err := o.side(ctx, reading)
		if err != nil {
			return err
		}
		in.Base = &side
	}
	head, unread, err := o.side(ctx, o.Files)
	if err != nil {
		return err
	}
	in.Head = head
	c, err := awaited(ctx, func() (check.Check, error) { return check.New(in), nil })
	if err != nil {
		return err
	}
	warnings, gaps := o.heard(head, c)
	known := gaps
	if g, sparse := o.Files.tree.SparseGap(); sparse {
		known, unread = append(slices.Clone(gaps), g), errUnread
	}
	document := report.NewCheck(c, o.Policy.Title(), base, prefix, known, warnings)
	document.Scope = o.scope()
	o.root.warn(document.Warnings, slices.Concat(gaps, o.Files.otherGaps()))
	o.root.inFiles(slices.Concat(gaps, o.Files.filtered(ctx), o.Files.leftovers()))
	if err := o.show(document); err != nil {
		return err
	}
	return o.verdict(c, document, unread)
}

// heard are the warnings, and what is not known, of the state that is checked.
func (o CheckOptions) heard(head check.Side, c check.Check) (warnings []string, gaps []flux.Gap) {
	for _, cluster := range head.Clusters {
		for _, g := range head.Fleets[cluster.Root].Snapshot.Gaps {
			if len(head.Clusters) > 1 {
				g.Cluster = cluster.Name
			}
			gaps = append(gaps, g)
		}
		warnings = append(warnings, cluster.Plan.Warnings...)
	}
	if without := unassigned(head); without != "" {
		warnings = append(warnings, without)
	}
	if mistyped := unpolled(o.Limits, checkedHosts(c)); mistyped != "" && (o.FailAbove == 0 || len(c.Hosts) == 0) {
		warnings = append(warnings, mistyped)
	}
	return warnings, gaps
}

// chooseMoved adds the clusters of the base whose folder bears on the branch a name that --root names.
func (o CheckOptions) chooseMoved(base *checkout) {
	if len(o.Roots.Roots) == 0 { // all are chosen
		return
	}
	moved := check.Moved(check.Side{Tree: base.tree, Fleets: base.fleets}, check.Side{Tree: o.Files.tree, Fleets: o.Files.fleets})
	for i, f := range base.fleets {
		to, is := moved[f.Root.Path]
		named := slices.ContainsFunc(o.Files.chosen, func(at int) bool { return o.Files.fleets[at].Root.Path == to })
		if is && named && !slices.Contains(base.chosen, i) {
			base.chosen = append(base.chosen, i)
		}
	}
}

// side reads, plans and counts one state of the checkout. The error in the middle says that something could not be
// read; the rest is there all the same.
func (o CheckOptions) side(ctx context.Context, files *checkout) (side check.Side, unread, err error) {
	side = check.Side{Tree: files.tree, Fleets: files.fleets}
	options := o.FleetOptions
	options.Files = files
	fs, err := options.readAll(ctx, o.root)
	if err != nil {
		return side, nil, err
	}
	for _, f := range fs.all {
		plan := f.plan(&tune.Options{})
		in := budget.Input{Items: plan.Items, Limits: o.Limits, Environments: o.Policy.EnvironmentNames(), Now: o.root.Now()}
		shown := map[flux.Ref]bool{}
		for _, item := range plan.Items {
			shown[item.Object.Ref] = true
		}
		for object := range f.snapshot.All() {
			switch {
			case shown[object.Ref]:
			case o.countsBeside(f, *object):
				in.Items = append(in.Items, tune.Item{Object: *object, Assignment: f.resolver.Resolve(*object)})
			default:
				in.Others = append(in.Others, tune.Item{Object: *object})
			}
		}
		plan.Items = slices.DeleteFunc(slices.Clone(plan.Items), func(item tune.Item) bool { return item.Object.MadeChart() })
		side.Clusters = append(side.Clusters, check.Cluster{Root: f.place, Name: f.options.Files.fleet().Root.String(), Plan: plan, Costs: in})
	}
	side.Chosen = o.part(files, fs)
	if fs.objects() == 0 && files == o.Files && fs.complete() == nil {
		_, _ = fmt.Fprintf(o.root.ErrOut, "No Flux objects found %s.\n", o.where())
	}
	return side, fs.complete(), nil
}

// countsBeside tells whether an object that has nothing to plan is among those that are checked: what it asks counts as in a
// budget.
func (o CheckOptions) countsBeside(f fleet, object flux.Object) bool {
	chosen := BudgetOptions{FleetOptions: o.FleetOptions, Chosen: o.Selection}
	return flux.CostsOnly(object.Group, object.Ref.Kind) && chosen.shown(object) && (o.Selection.Namespace == "" || o.Selection.Namespace == object.Namespace) &&
		o.inEnvironments(f.resolver.Resolve(object).Environment)
}
