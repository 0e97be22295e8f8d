package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// TraceFlags are what the user of trace types.
type TraceFlags struct {
	FleetFlags
	NoHeaders bool
}

// TraceOptions are what trace needs to run.
type TraceOptions struct {
	FleetOptions
	root   *root
	layout report.Layout
}

func newTrace(r *root) *cobra.Command {
	var flags TraceFlags
	cmd := &cobra.Command{
		Use:   "trace -f FOLDER " + selectionUsage,
		Short: "Show which scalar of which file decides each value of a Git checkout",
		Long: long(`
			Show for each interval and timeout of a Git checkout the file, line and column of the scalar
			that decides it, and how many values follow that scalar in all clusters. It may be in a base, a
			patch inside a patch, a component, a variable or its default: all clusters are built with a
			duration of its own in the place of each scalar, to see where it arrives.

			Below the table are the values in manifests that decide nothing, because something else takes
			their place.`),
		Example: examples(`
			# Where the intervals of one namespace come from
			kubectl fluxtune trace -f . -n apps

			# Those of one cluster's production HelmReleases
			kubectl fluxtune trace -f . --root clusters/production hr`),
		RunE: runE(r, flags.toOptions),
	}
	flags.add(cmd)
	r.completeFleet(cmd)
	return cmd
}

func (f *TraceFlags) add(cmd *cobra.Command) {
	f.FleetFlags.add(cmd)
	cmd.Flags().StringVarP(&f.Filename, "filename", "f", "", "The Git checkout: a folder. No kubeconfig is read.")
	_ = cmd.RegisterFlagCompletionFunc("filename", completeFiles)
	f.addRoots(cmd)
	cmd.Flags().BoolVar(&f.NoHeaders, "no-headers", false, "Do not print headers and what decides nothing, just one line a value.")
}

func (f *TraceFlags) toOptions(r *root, args []string) (o TraceOptions, err error) {
	if f.Filename == "" {
		return o, errors.New("name the checkout with -f, as in trace -f FOLDER")
	}
	color, err := r.wantsColor()
	if err != nil {
		return o, err
	}
	o.root, o.layout = r, report.Layout{NoHeaders: f.NoHeaders, Color: color, Width: r.StdoutWidth}
	f.everyRoot = true
	if o.FleetOptions, err = f.FleetFlags.toOptions(r, args); err != nil {
		return o, err
	}
	if o.Files.tree == nil {
		return o, fmt.Errorf("-f %s is no folder: trace follows the files of a checkout", f.Filename)
	}
	return o, nil
}

func (o TraceOptions) run(ctx context.Context) error {
	decisions := o.Files.tree.Decide(o.Files.fleets)
	table := report.Table{Columns: []report.Column{
		{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "NAMESPACE", Shrink: terminal.Middle}, {Name: "KIND"}, {Name: "NAME", Shrink: terminal.Middle}, {Name: "FIELD"}, {Name: "VALUE"}, {Name: "DECIDED BY", Shrink: terminal.Middle, Floor: 30}, {Name: "FOLLOWED BY", Right: true},
	}}
	var unread error
	for _, i := range o.Files.chosen {
		one := *o.Files
		one.root = i
		options := o.FleetOptions
		options.Files = &one
		f, err := options.read(ctx)
		if err != nil {
			return err
		}
		o.root.warn(nil, f.snapshot.Gaps)
		if err := f.complete(); err != nil {
			unread = err
		}
		for _, object := range f.objects {
			table.Rows = append(table.Rows, traceRows(one.fleet().Root, i, object, decisions)...)
		}
	}
	if err := table.Draw(o.root.Out, o.layout); err != nil {
		return err
	}
	dead := o.Files.tree.Dead(o.Files.fleets, decisions)
	if !o.layout.NoHeaders && len(dead) > 0 {
		_, _ = fmt.Fprintln(o.root.Out, "\nThese decide nothing:")
		for _, s := range dead {
			_, _ = fmt.Fprintf(o.root.Out, "  %s %s\n", s, s.Text)
		}
	}
	return unread
}

// traceRows are the values of an object that are set.
func traceRows(root manifest.Root, i int, object flux.Object, decisions manifest.Decisions) [][]report.Cell {
	var rows [][]report.Cell
	for _, tunable := range object.KindRow().Tunables {
		value := object.Value(tunable.Field)
		if value == nil {
			continue
		}
		target := manifest.Target{Root: i, Ref: object.Ref, Field: tunable.Field}
		by, followed := report.Cell{Text: decisions.Unknown(target), Style: report.Bad}, ""
		if s, ok := decisions.Scalar(target); ok {
			by, followed = report.Text(s.String()), strconv.Itoa(len(decisions.Reach(target)))
		}
		rows = append(rows, []report.Cell{
			report.Text(root.String()), report.Text(object.Namespace), report.Text(object.Ref.Kind), report.Text(object.Name),
			report.Text(fieldName(tunable.Field)), report.Text(*value), by, report.Text(followed),
		})
	}
	return rows
}
