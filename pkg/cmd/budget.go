package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// BudgetFlags are what the user of budget types.
type BudgetFlags struct {
	FleetFlags
	OutputFlags
	Limits    []string
	FailAbove string
	ObserveFlags
	GitHubFlags
}

// BudgetOptions are what budget needs to run.
type BudgetOptions struct {
	FleetOptions
	OutputOptions
	// Chosen is what was asked for, and is counted; the Selection has what explains it, too.
	Chosen cluster.Selection
	Limits budget.Limits
	// FailAbove is in percent of a host's limit; 0 never fails.
	FailAbove float64
	// JudgePlan says that FailAbove is about the policy that was asked for, and not about now.
	JudgePlan bool
	ObserveOptions
	GitHubOptions
}

// budgetHelp is the help of budget.
func budgetHelp() string {
	return long(`
		Show what the intervals of Flux objects cost: requests to each Git host and other source, by
		repository, by credential and by object (--rows shows all, the costliest first), requests to the
		kube-apiserver, and how busy the controllers' workers are. And what they buy: how long a commit takes
		until it is applied, and how soon drift is corrected. Each number is shown as it is now -> as it
		would be under the policy. Nothing is written, and no Secret is read.

		What a poll costs: a GitRepository on a branch or tag asks once per interval while nothing
		changes; with semver or commit it clones every time, submodules too. An ImageUpdateAutomation
		that pushes to another branch clones every time. A HelmChart of a registry lists tags only
		where its version is a range. Objects with the same URL poll each for itself. Suspended objects
		cost nothing; what fails is tried again in the controllers' back-off, not at its interval.

		From commit to applied: the source's interval with its jitter (half of it typically), fetching,
		30s (--requeue-dependency) for each level of dependsOn, typically of those that change together: Kustomizations
		of one source, HelmReleases of one chart; at worst of all. What a readyExpr says is not known, and counted as if
		it was not there. Then the reconcile as status.history tells of it: the last one, or a rollout that is still on
		record, and the longest at worst. Flux mostly remembers how long it took to find nothing new, and nothing of a
		HelmRelease, which counts 1s: a rollout that is waited for (spec.wait, healthChecks, Helm) comes on top. What a
		source includes or is made of counts, too. A Receiver takes the wait for the poll away.

		With --contexts or --all-contexts, and of a checkout, the clusters are added up by host, repository and
		credential. Secrets of one name are taken for one credential, in all namespaces and clusters.

		A host's limit comes from --limit, spec.limits of the policy, or for github.com 5,000/h. That is
		GitHub's limit for its REST API; Git traffic is not REST, so it is a cautious yardstick only.

		Under a policy all gets what the policy wants, also what is applied from Git. Where the policy fits intervals
		(spec.fit), what is planned is what plan of the same policy and --activity would make of them: what it leaves alone
		stays.

		Exit code 4 means that a host gets more than --fail-above allows: under the policy where --policy
		or --set is given, now otherwise. 1 means that something failed or could not be read.`)
}

// budgetExamples are those of budget.
func budgetExamples() string {
	return examples(`
		# What the fleet costs now, and what the default policy would make of it
		kubectl fluxtune budget -A

		# Which repository and which object cost most: all of them, the costliest first
		kubectl fluxtune budget -A --rows

		# What if everything were fast? Every object, with all that is known of it
		kubectl fluxtune budget -A --policy fast -o wide

		# In a pipeline: fail with 4 when the policy takes more than 80% of what a host should get
		kubectl fluxtune budget -A --policy policy.yaml --limit github.com=15000/h --fail-above 80%

		# What the controllers really do, through the API server's proxy or a forwarded port
		kubectl fluxtune budget -A --observe
		kubectl fluxtune budget -A --metrics-url http://localhost:8080/metrics

		# GitHub's own numbers for REST, with the token in $GH_TOKEN
		kubectl fluxtune budget -A --github-rate-limit --github-token-env GH_TOKEN

		# One number for a script
		kubectl fluxtune budget -A -o jsonpath='{.summary.gitRequests.planned}'`)
}

func newBudget(r *root) *cobra.Command {
	var flags BudgetFlags
	cmd := &cobra.Command{
		Use:        "budget " + selectionUsage,
		SuggestFor: []string{"cost", "costs", "requests"},
		Short:      "Show what intervals cost and what they buy, now and under a policy; write nothing",
		Long:       budgetHelp(),
		Example:    budgetExamples(),
		RunE: func(cmd *cobra.Command, args []string) error {
			judgePlan := cmd.Flags().Changed("policy") || cmd.Flags().Changed("set")
			return runE(r, func(r *root, args []string) (BudgetOptions, error) {
				o, err := flags.toOptions(r, args)
				o.JudgePlan = judgePlan
				return o, err
			})(cmd, args)
		},
	}
	flags.add(cmd, r)
	r.completeFleet(cmd)
	return cmd
}

func (f *BudgetFlags) add(cmd *cobra.Command, r *root) {
	f.FleetFlags.add(cmd)
	f.addFiles(cmd)
	f.addClusters(cmd, r, "Add up")
	f.OutputFlags.add(cmd, "markdown")
	f.addRows(cmd)
	addLimit(cmd, &f.Limits)
	f.addActivity(cmd)
	cmd.Flags().StringVar(&f.FailAbove, "fail-above", "", "Exit with 4 when a host gets more than this share of its limit: 80%.")
	f.ObserveFlags.add(cmd)
	f.GitHubFlags.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("fail-above", cobra.FixedCompletions([]string{"50%", "80%", "100%"}, noFiles))
}

func (f BudgetFlags) toOptions(r *root, args []string) (o BudgetOptions, err error) {
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
	if o.ObserveOptions, err = f.ObserveFlags.toOptions(r); err != nil {
		return o, err
	}
	if o.GitHubOptions, err = f.GitHubFlags.toOptions(r); err != nil {
		return o, err
	}
	f.FitLimits = f.Limits // spec.fit of the policy is of these
	if o.FleetOptions, err = f.FleetFlags.toOptions(r, args); err != nil {
		return o, err
	}
	if o.Files != nil && (o.Pods || len(o.MetricsURLs) > 0) {
		return o, errors.New("--observe and --metrics-url look at running controllers: they cannot be used with -f")
	}
	if len(o.clusters) > 0 && len(o.MetricsURLs) > 0 {
		return o, errors.New("--metrics-url is of one cluster: use --observe, or name the cluster with --context")
	}
	o.Limits = budget.NewLimits(o.Policy.Limits, limits)
	o.Chosen, o.receivers, o.controllers, o.costing = o.Selection, true, true, true
	o.charts = o.fit != nil // as a plan reads them
	o.FleetOptions = o.narrow()
	return o, nil
}

// narrow has everything in the namespaces read: what an object costs and buys depends on others, which
// need not be among those asked for.
func (o BudgetOptions) narrow() FleetOptions {
	all := o.FleetOptions
	all.Selection = cluster.Selection{Namespace: o.Selection.Namespace}
	all.clusters = slices.Clone(o.clusters)
	for i := range all.clusters {
		all.clusters[i].selection = cluster.Selection{Namespace: o.clusters[i].selection.Namespace}
	}
	return all
}

// shown tells whether an object of the namespaces read is counted; the others only explain those that are.
func (o BudgetOptions) shown(object flux.Object) bool {
	sel := o.Chosen
	kind := func(k flux.Kind) bool { return k.Name == object.Ref.Kind }
	matches, err := selector(sel.LabelSelector)
	switch {
	case err != nil, !matches(object.Labels): // it was parsed before
		return false
	case len(sel.Names) > 0:
		return slices.ContainsFunc(sel.Names, func(n cluster.Name) bool { return kind(n.Kind) && n.Name == object.Name })
	default:
		return len(sel.Kinds) == 0 || slices.ContainsFunc(sel.Kinds, kind)
	}
}

func (o BudgetOptions) run(ctx context.Context) error {
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	fs, fitting, excess, err := o.fitOrNearest(ctx, fs)
	if err != nil {
		return err
	}
	b, unread, err := o.count(ctx, &fs, fitting)
	if err != nil {
		return err
	}
	fs.foundOnce(o.Chosen.Names)
	document := report.NewBudget(b, o.Policy.Title(), fs.gaps(), o.Policy.Warnings(fs.ruled().Looks, waiting(b).Looks)).WithFit(fitting)
	document.NotCounted(unread)
	document.Warnings = slices.Concat(document.Warnings, o.fitWarnings(fitting), o.fitMissing(fs))
	document.Notes = append(document.Notes, fs.slowed()...)
	if tooMuch := (*fit.ExcessError)(nil); errors.As(excess, &tooMuch) {
		document.Notes = append(document.Notes, unkept(tooMuch.Shares))
	}
	if mistyped := unpolled(o.Limits, b.PolledHosts()); mistyped != "" && (o.FailAbove == 0 || len(b.Hosts) == 0) {
		document.Warnings = append(document.Warnings, mistyped)
	}
	if o.AskGitHub {
		limit, err := cluster.GitHubRateLimit(ctx, o.HTTP, o.GitHubAPI, o.GitHubToken)
		if err != nil {
			return err
		}
		document.GitHub = report.NewGitHubRateLimit(limit)
	}
	if err := report.SortBy(document.Items, o.sortBy); err != nil {
		return err
	}
	fs.notes(ctx, o.root, o.Files.sparse()...)
	o.tellUnfitted(o.root, fs)
	o.root.warn(document.Warnings, fs.gaps())
	if len(document.Items) == 0 && o.printer.tables() {
		o.root.nothingFound(o.FleetOptions, fs.place(o.FleetOptions), fs.incomplete(), fs.all...)
		return fs.complete()
	}
	if err := o.printer.print(document, document.Names(), func(l report.Layout) error { return o.draw(document, l) }); err != nil {
		return err
	}
	return cmp.Or(o.judge(b), excess, fs.complete())
}

// count works out the budget of all clusters together, with what was fitted. What could not be read becomes a gap of its cluster; unread are
// resources that may cost something, too.
func (o BudgetOptions) count(ctx context.Context, fs *fleets, fitting *fit.Fitting) (b budget.Budget, unread []string, err error) {
	var budgets []budget.Budget
	for i := range fs.all {
		f := &fs.all[i]
		one := o
		one.FleetOptions = f.options
		in, not, err := one.input(ctx, f, fitting)
		if err != nil {
			return b, nil, err
		}
		budgets = append(budgets, budget.New(in))
		for _, what := range not {
			unread = append(unread, flux.InCluster(f.options.Cluster, what))
		}
	}
	beside, err := o.beside(o.root.Now())
	if err != nil {
		return b, nil, err
	}
	b = budgets[0]
	if len(budgets) > 1 {
		b = budget.Together(budgets, o.Limits, o.Policy.EnvironmentNames())
	}
	b = b.Beside(beside...)
	b.Partial = b.Partial || len(fs.missing) > 0
	return b, unread, nil
}

func (o BudgetOptions) draw(document report.Budget, l report.Layout) error {
	if o.printer.format == "markdown" {
		return document.Markdown(o.root.Out)
	}
	if l.NoHeaders {
		return document.Table(o.allNamespaces()).Draw(o.root.Out, l)
	}
	if !o.rows(o.Chosen) {
		return document.DrawOverview(o.root.Out, o.root.repeated("plan"), l)
	}
	_, _ = fmt.Fprintln(o.root.Out, terminal.WrapLine(document.Headline(), l.Width))
	for _, line := range report.NotRead(document.Missing, l) {
		_, _ = fmt.Fprintln(o.root.Out, terminal.WrapLine("Not read: "+line, l.Width))
	}
	for _, section := range document.Sections(l.Wide) {
		_, _ = fmt.Fprintf(o.root.Out, "\n%s:\n", section.Title)
		if err := section.Table.Draw(o.root.Out, l); err != nil {
			return err
		}
		for _, line := range section.Below {
			_, _ = fmt.Fprintln(o.root.Out, terminal.WrapLine(line, l.Width))
		}
	}
	if line := document.GitHub.Line(); line != "" {
		_, _ = fmt.Fprintf(o.root.Out, "\n%s\n", line)
	}
	if len(document.Notes) > 0 {
		_, _ = fmt.Fprintln(o.root.Out)
	}
	for _, note := range document.Notes {
		_, _ = fmt.Fprintln(o.root.Out, terminal.Wrap(note, l.Width))
	}
	return nil
}
