package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

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
		Use:   "plan " + selectionUsage,
		Short: "Show what a policy would change, and why; write nothing",
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

			With --exit-code the exit code is 0 when there is nothing to change, 1 when there is, and 2
			when something failed.`),
		Example: examples(`
			# What the default policy would change in the whole cluster
			kubectl fluxtune plan -A

			# The same for one environment, with another preset and one value of your own
			kubectl fluxtune plan -A --env development --policy fast --set development.GitRepository.interval=45s

			# As a unified diff of the objects
			kubectl fluxtune plan -A -o diff

			# In a script: fails with 1 when the cluster does not match the policy
			kubectl fluxtune plan -A --exit-code -o name`),
		RunE: runRoots(r, flags.toOptions),
	}
	flags.FleetFlags.add(cmd)
	flags.addFiles(cmd)
	flags.OutputFlags.add(cmd, "diff")
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
	f, err := o.read(ctx)
	if err != nil {
		return err
	}
	plan := f.plan(o.FleetOptions, &o.Options)
	if err := o.show(ctx, plan, f); err != nil {
		return err
	}
	if o.exitCode {
		if err := f.complete(); err != nil {
			return codeError{exitDiffTrouble, err}
		}
		if len(plan.Changed()) > 0 {
			return silentError{exitChanges}
		}
		return nil
	}
	return f.complete()
}

func (o PlanOptions) show(ctx context.Context, plan tune.Plan, f fleet) error {
	cost := f.budget(plan, o.Policy, o.root.Now())
	document := report.NewPlan(plan, f.snapshot.Gaps, o.Policy.EnvironmentNames()).WithBudget(cost)
	if err := report.SortBy(document.Items, o.sortBy); err != nil {
		return err
	}
	o.root.warn(plan.Warnings, f.snapshot.Gaps)
	if o.printer.format == "diff" {
		return o.showDiff(ctx, plan)
	}
	if len(plan.Items) == 0 && o.printer.tables() {
		o.root.nothingFound(o.FleetOptions, f)
		return nil
	}
	return o.printer.print(document, document.Names(), func(l report.Layout) error {
		if err := document.Table(o.allNamespaces()).Draw(o.root.Out, l); err != nil || l.NoHeaders {
			return err
		}
		_, _ = fmt.Fprintln(o.root.Out)
		if err := o.root.drawSummary(plan, o.Policy.EnvironmentNames(), l); err != nil {
			return err
		}
		o.root.drawCalm(plan, f, defaultPace, l.Width)
		return o.root.drawBudget(cost, l)
	})
}

// drawSummary shows a plan's counts, why objects are left alone, and what else to know.
func (r *root) drawSummary(plan tune.Plan, environments []string, l report.Layout) error {
	summary := tune.Summarize(plan, environments)
	_, _ = fmt.Fprintf(r.Out, "Policy %s: %s.\n\n", plan.Policy, countsLine(summary.Counts))
	if err := report.SummaryTable(summary).Draw(r.Out, l); err != nil {
		return err
	}
	if len(summary.Reasons) > 0 {
		_, _ = fmt.Fprintln(r.Out, "\nLeft alone:")
		for _, reason := range summary.Reasons {
			_, _ = fmt.Fprintf(r.Out, "  %d %s\n", reason.Count, reasonLine(reason))
		}
	}
	r.drawHomes(plan)
	if len(summary.Notes) > 0 {
		_, _ = fmt.Fprintln(r.Out, "\nNote:")
		for _, n := range summary.Notes {
			_, _ = fmt.Fprintf(r.Out, "  %d %s: %s\n", n.Count, n.Kind, n.Note)
		}
	}
	if plan.Note != "" {
		_, _ = fmt.Fprintf(r.Out, "\n%s\n", wrap(plan.Note, l.Width))
	}
	return nil
}

// reasonLine is a reason as a line of a summary. Where messages differ from object to object, more
// than one are summed up.
func reasonLine(r tune.ReasonCount) string {
	switch {
	case r.Reason == tune.ReasonNoEnvironment:
		return r.Message + ": label their namespaces (kubectl label namespace NAME environment=development), or use --default-env"
	case r.Count == 1:
		return r.Message
	}
	switch r.Reason {
	case tune.ReasonKindNotInPolicy:
		return "the policy says nothing about their kinds"
	case tune.ReasonOtherEnvironment:
		return "their environments are not in the policy"
	case tune.ReasonIntervalIgnored:
		return "Flux ignores their intervals, or a HelmRelease sets them"
	case tune.ReasonTimeoutKept:
		return "timeouts longer than the policy's are kept (--shorten-timeouts makes them shorter where nothing speaks against it)"
	default:
		return r.Message
	}
}

// readable is how wide a paragraph is where no terminal is narrower.
const readable = 100

// wrap breaks a paragraph between words, to the width of the terminal (0: none).
func wrap(text string, width int) string {
	if width <= 0 || width > readable {
		width = readable
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n")
}

// fit breaks a line that a terminal is too narrow for (0: none).
func fit(line string, width int) string {
	if width <= 0 || runewidth.StringWidth(line) <= width {
		return line
	}
	return wrap(line, width)
}

func countsLine(c tune.Counts) string {
	return fmt.Sprintf("%s, %d to change, %d unchanged, %d left alone", plural(c.Objects, "object"), c.Change, c.Unchanged, c.Skip)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (o PlanOptions) fleetOptions() FleetOptions   { return o.FleetOptions }
func (o PlanOptions) outputOptions() OutputOptions { return o.OutputOptions }

func (o PlanOptions) with(f FleetOptions) PlanOptions {
	o.FleetOptions = f
	return o
}
