package cmd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// defaultPace is how many patches a second are sent. Each makes Flux reconcile at once, and
// source-controller works on two objects at a time by default (--concurrent): five checks of an
// unchanged repository a second are about what it can do.
const defaultPace = 5

// The values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

// WriteFlags are what apply and revert share.
type WriteFlags struct {
	FleetFlags
	OutputFlags
	PatchFlags
}

// PatchFlags say how changes are made.
type PatchFlags struct {
	Yes              bool
	DryRun           string
	FieldManager     string
	PatchesPerSecond float64
	Wait             bool
	WaitTimeout      time.Duration
}

func (f *WriteFlags) add(cmd *cobra.Command, r *root, formats ...string) {
	f.FleetFlags.add(cmd)
	f.OutputFlags.add(cmd, append(formats, "markdown")...)
	f.addRows(cmd)
	f.addClusters(cmd, r, "Change")
	f.PatchFlags.add(cmd)
	r.completeFleet(cmd)
}

func (f *PatchFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVarP(&f.Yes, "yes", "y", false, "Do not ask. Required where nobody can be asked.")
	flags.StringVar(&f.DryRun, "dry-run", "none", `Must be "none", "client" or "server". With client nothing is sent; with server the API server checks every change and persists none.`)
	flags.Lookup("dry-run").NoOptDefVal = "client"
	flags.StringVar(&f.FieldManager, "field-manager", "fluxtune", "Name of the manager that owns the changed fields; what is restored stays under the one that changed it. Names of controllers and of tools that people run by hand are refused.")
	flags.Float64Var(&f.PatchesPerSecond, "patches-per-second", defaultPace, "Pace of the changes; each makes Flux reconcile at once. 0 is no limit.")
	flags.BoolVar(&f.Wait, "wait", false, "Wait until Flux has seen every change, and what was ready is ready again.")
	flags.DurationVar(&f.WaitTimeout, "wait-timeout", 5*time.Minute, "How long --wait waits, each step along spec.dependsOn, and apply for owners to notice the rules of --managed=pin.")
	_ = cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions([]string{"none", "client", "server"}, cobra.ShellCompDirectiveNoFileComp))
}

// WriteOptions are what apply and revert need to change objects.
type WriteOptions struct {
	FleetOptions
	OutputOptions
	PatchFlags
	// collected are several results, as those of several clusters, which are shown as one document; nil where each is shown.
	collected *[]report.Results
	// several says that a command shows more than one result in a cluster.
	several bool
	// together is what the clusters ask of the hosts, where several are changed; nil where one is.
	together *together
	// plans is what each of several clusters is planned to become; nil where what that costs is not told beforehand.
	plans func(fleet) tune.Plan
	// back notes what is taken back where apply --for does that by itself; nil elsewhere.
	back *takenBack
	// ends: what it writes is taken back at its end, so that nobody is to do the rest.
	ends bool
}

// eachCluster does what writes in one cluster after the other.
func (o WriteOptions) eachCluster(ctx context.Context, fs fleets, do func(WriteOptions, fleet) error) error {
	if (len(fs.all)+len(fs.missing) > 1 || o.several) && !o.printer.tables() && o.printer.format != "diff" && o.printer.format != "markdown" {
		o.collected = &[]report.Results{}
	}
	if len(fs.all) > 1 || len(fs.missing) > 0 || o.fit != nil {
		o.together = newTogether(fs, o.FleetOptions, o.root.Now())
	}
	if o.plans != nil {
		o.together.planning(fs, o.plans, o.root.Now())
	}
	err := fs.eachCluster(ctx, o.OutputOptions, func(f fleet, output OutputOptions) error {
		one := o
		one.FleetOptions, one.OutputOptions = f.options, output
		if o.together != nil {
			o.together.turn++
			defer o.together.passed(f, o.DryRun != dryRunNone)
		}
		return do(one, f)
	})
	if o.collected == nil || len(*o.collected) == 0 {
		return err
	}
	document := (*o.collected)[0]
	for _, other := range (*o.collected)[1:] {
		document = document.And(other)
	}
	o.collected = nil
	return errors.Join(o.show(document.WithMissing(fs.missing)), err)
}

// now is the time by the API server's clock.
func (o WriteOptions) now() time.Time { return o.serverTime(o.root.Now()) }

// gaps are what could not be read of a cluster, and the clusters that could not be read at all.
func (o WriteOptions) gaps(f fleet) []flux.Gap {
	if o.together == nil {
		return f.snapshot.Gaps
	}
	return slices.Concat(o.together.missing, f.snapshot.Gaps)
}

// cost is what the hosts get under a plan for a cluster, from the others, too. How long commits take is of that cluster.
func (o WriteOptions) cost(f fleet, plan tune.Plan) budget.Budget {
	if o.together == nil {
		return f.budget(plan, o.root.Now())
	}
	all := o.together.with(f, plan, o.root.Now())
	all.Environments = f.budget(f.whole(plan), o.root.Now()).Environments
	return all
}

func (f *WriteFlags) toOptions(r *root, args []string) (o WriteOptions, err error) {
	r.outlive()
	o.PatchFlags = f.PatchFlags
	if err := f.check(r.StdinTerminal); err != nil {
		return o, err
	}
	if o.OutputOptions, err = f.OutputFlags.toOptions(r); err != nil {
		return o, err
	}
	o.FleetOptions, err = f.FleetFlags.toOptions(r, args)
	return o, err
}

// check refuses flags that cannot be meant; canAsk tells whether somebody can answer a question.
func (f PatchFlags) check(canAsk bool) error {
	switch {
	case !slices.Contains([]string{"none", "client", "server"}, f.DryRun):
		return fmt.Errorf(`--dry-run %q: it is one of "none", "client", "server"`, f.DryRun)
	case f.FieldManager == "":
		return errors.New("--field-manager is empty: leave it out for fluxtune")
	case len(f.FieldManager) > validation.FieldManagerMaxLength:
		return fmt.Errorf("--field-manager has %d characters: the API server takes %d", len(f.FieldManager), validation.FieldManagerMaxLength)
	case strings.HasPrefix(f.FieldManager, "kubectl"), strings.HasPrefix(f.FieldManager, "before-first-apply"):
		return fmt.Errorf("--field-manager %q: kustomize-controller undoes what managers own whose names begin with kubectl or before-first-apply; choose another", f.FieldManager)
	case tune.Controller(f.FieldManager):
		return fmt.Errorf("--field-manager %q: by such a name controllers are known, which apply what they own again; choose another", f.FieldManager)
	case tune.Hand(f.FieldManager):
		return fmt.Errorf("--field-manager %q: people change objects by that name, with a tool that they run by hand, and revert would take their changes for fluxtune's; choose another", f.FieldManager)
	case f.PatchesPerSecond < 0:
		return fmt.Errorf("--patches-per-second %v: it cannot be negative; 0 is no limit", f.PatchesPerSecond)
	case math.IsNaN(f.PatchesPerSecond) || math.IsInf(f.PatchesPerSecond, 0):
		return fmt.Errorf("--patches-per-second %v is no pace; 0 is no limit", f.PatchesPerSecond)
	case f.DryRun == "none" && !f.Yes && !canAsk:
		return errors.New("nobody can be asked here: stdin is not a terminal; use --yes, or --dry-run to look first")
	}
	return nil
}

func (o WriteOptions) show(document report.Results) error {
	if o.collected != nil {
		*o.collected = append(*o.collected, document)
		return nil
	}
	if len(document.Items)+len(document.Rules) == 0 && o.printer.tables() {
		return nil
	}
	if o.printer.format == "diff" {
		return nil // shown before anything was written
	}
	return o.printer.print(document, document.Names(), func(l report.Layout) error {
		if o.printer.format == "markdown" {
			return document.Markdown(o.root.Out, o.allNamespaces())
		}
		if !o.tells(document) {
			return nil // what was to be done was shown; what is not as planned is named below
		}
		return document.Table(o.allNamespaces()).Draw(o.root.Out, l)
	})
}

// tells tells whether each result has a row in a table.
func (o WriteOptions) tells(d report.Results) bool {
	return o.rows(o.Selection) || len(d.Items)+len(d.Rules) <= fewRows
}

// fewRows is how many results have rows on a terminal unasked.
const fewRows = 10

// fewNamed is how many objects are named on stderr; the table has all of them.
const fewNamed = 20

// verdict says on stderr what the results come to, names what is not as it should be, and gives the exit code.
func (o WriteOptions) verdict(ctx context.Context, d report.Results, f fleet) error {
	s := d.Summary
	if len(d.Items)+len(d.Rules) == 0 {
		return f.complete() // what there is to say was said
	}
	note := ""
	if d.DryRun != "" {
		note = " (" + d.DryRun + " dry run: nothing was changed)"
	}
	if o.asks() || o.tells(d) { // else there is a blank line already, below the plan
		_, _ = fmt.Fprintln(o.root.ErrOut)
	}
	_, _ = fmt.Fprintf(o.root.ErrOut, "%s.\n", flux.InCluster(o.Cluster, s.Line(d.Done)+note))
	if line := d.RulesLine(); line != "" {
		_, _ = fmt.Fprintln(o.root.ErrOut, line)
	}
	o.root.warn(d.Beside(), nil)
	troubles := d.Troubles()
	for i, t := range troubles {
		if i == fewNamed {
			_, _ = fmt.Fprintf(o.root.ErrOut, "and %d more\n", len(troubles)-i)
			break
		}
		_, _ = fmt.Fprintln(o.root.ErrOut, t)
	}
	if left := d.NotAttempted(); left != "" {
		why := ""
		if ctx.Err() != nil {
			why = "Interrupted: "
		}
		rest := " Run the same command again to do the rest."
		if o.back != nil || o.ends || !d.RunAgain() {
			rest = "" // another try does, or it is taken back, which is said at the end; or the lines above say what it takes
		}
		_, _ = fmt.Fprintf(o.root.ErrOut, "%s%s.%s\n", why, left, rest)
	}
	if ctx.Err() != nil && o.Wait && s.NotAttempted == 0 {
		_, _ = fmt.Fprintln(o.root.ErrOut, "Interrupted while waiting: the changes are made, but Flux may not have observed them all.")
	}
	switch {
	case ctx.Err() != nil:
		return silentError{exitInterrupted}
	case f.complete() != nil:
		return f.complete()
	case d.OthersChose():
		return othersChose{silentError{exitFailed}}
	case len(troubles) > 0 || s.NotAttempted > 0:
		return silentError{exitFailed}
	default:
		return nil
	}
}
