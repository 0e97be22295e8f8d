package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// TraceFlags are what the user of trace types.
type TraceFlags struct {
	FleetFlags
	OutputFlags
}

// TraceOptions are what trace needs to run.
type TraceOptions struct {
	FleetOptions
	OutputOptions
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

			On a terminal each scalar is shown once, with whose values it decides; --rows, or a pipe, gets a row
			for each value, and -o json the whole as a document. Below are the values in manifests that decide
			nothing, because something else takes their place, those that the cluster does not follow (spec.ignore,
			ssa: IfNotPresent, a suspended Kustomization), and those of which that is not known, because
			something that may use them could not be built.`),
		Example: examples(`
			# Where the intervals of one namespace come from
			kubectl fluxtune trace -f . -n apps

			# Those of one cluster's production HelmReleases
			kubectl fluxtune trace -f . --root clusters/production hr

			# For a script: the places that decide something, each with how many values follow it
			kubectl fluxtune trace -f . -o json | jq '.items[] | {decidedBy, followedBy}'`),
		RunE: runE(r, flags.toOptions),
	}
	flags.add(cmd)
	r.completeFleet(cmd)
	return cmd
}

func (f *TraceFlags) add(cmd *cobra.Command) {
	f.FleetFlags.add(cmd)
	cmd.Flags().VarP(single{&f.Filename}, "filename", "f", "The Git checkout: a folder. No kubeconfig is read.")
	_ = cmd.RegisterFlagCompletionFunc("filename", completeFiles)
	f.addRoots(cmd)
	f.OutputFlags.add(cmd)
	f.addRows(cmd)
}

func (f *TraceFlags) toOptions(r *root, args []string) (o TraceOptions, err error) {
	if f.Filename == "" {
		return o, errors.New("name the checkout with -f, as in trace -f FOLDER")
	}
	if o.OutputOptions, err = f.OutputFlags.toOptions(r); err != nil {
		return o, err
	}
	f.everyRoot, f.places = true, true
	if o.FleetOptions, err = f.FleetFlags.toOptions(r, args); err != nil {
		return o, err
	}
	if o.Files.tree == nil {
		return o, fmt.Errorf("-f %s is no folder: trace follows the files of a checkout", f.Filename)
	}
	return o, nil
}

func (o TraceOptions) run(ctx context.Context) error {
	tree := o.Files.tree
	decisions, err := awaited(ctx, func() (manifest.Decisions, error) { return tree.Decide(o.Files.fleets), nil })
	if err != nil {
		return err
	}
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	o.root.warn(nil, slices.Concat(fs.gaps(), o.Files.otherGaps()))
	fs.notes(ctx, o.root)
	part := o.part(o.Files, fs)
	list := report.NewTraceList(tree.Dead(o.Files.fleets, decisions, part), tree.Undecided(o.Files.fleets, decisions, part), fs.gaps())
	for _, f := range fs.all {
		files, chosen := f.options.Files.fleets[f.place], map[chosenObject]bool{}
		f.inFiles(chosen)
		for _, object := range f.objects {
			maker := release(&object)
			if chosen[chosenObject{f.place, maker}] {
				continue // no file holds it, and its HelmRelease is told of
			}
			list.Add(files.Root.String(), len(fs.all) > 1, object, decisions,
				func(field flux.Field) manifest.Target {
					if object.MadeChart() {
						return decisions.OfChart(f.place, maker)
					}
					return manifest.Target{Root: f.place, Ref: object.Ref, Field: field}
				},
				func(t manifest.Target) string { return files.HeldOrSuspended(t.Ref, t.Field) })
		}
	}
	if fs.objects() == 0 && len(list.Dead)+len(list.Undecided) == 0 && o.printer.tables() {
		o.root.nothingFound(o.FleetOptions, fs.place(o.FleetOptions), fs.incomplete(), fs.all...)
		return fs.complete()
	}
	if err := report.SortBy(list.Items, o.sortBy); err != nil {
		return err
	}
	if err := o.printer.print(list, list.Names(), func(l report.Layout) error { return o.draw(list, l) }); err != nil {
		return err
	}
	return fs.complete()
}

// draw shows the list to people: each scalar with whose values it decides on a terminal, a row for each value elsewhere.
func (o TraceOptions) draw(list report.TraceList, l report.Layout) error {
	hint := ""
	if o.Rows || l.Width == 0 || l.Wide || l.NoHeaders || o.sortBy != "" {
		if err := list.Table().Draw(o.root.Out, l); err != nil {
			return err
		}
	} else {
		text, short := list.Groups(l.Width)
		if _, err := fmt.Fprint(o.root.Out, text); err != nil {
			return err
		}
		if short {
			hint = "Names are left out: --rows shows a row for each value, -o json all as a document."
		}
	}
	if l.NoHeaders {
		return nil
	}
	for _, section := range []struct {
		title   string
		scalars []report.TraceScalar
	}{{"These decide nothing:", list.Dead}, {"Whether these decide something is not known, since what may use them is not built:", list.Undecided}} {
		if len(section.scalars) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(o.root.Out, "\n%s\n", section.title)
		for _, s := range section.scalars {
			_, _ = fmt.Fprintf(o.root.Out, "  %s %s\n", s.TracePlace, s.Value)
		}
	}
	if held := list.HeldLines(); len(held) > 0 {
		_, _ = fmt.Fprintf(o.root.Out, "\nThe cluster does not follow these:\n")
		for _, line := range held {
			_, _ = fmt.Fprintf(o.root.Out, "  %s\n", terminal.Printable(line))
		}
	}
	if hint != "" {
		_, _ = fmt.Fprintf(o.root.ErrOut, "\n%s\n", hint)
	}
	return nil
}
