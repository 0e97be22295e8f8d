package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

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
	// Rows has each value shown on a terminal, too, where otherwise those of one scalar are taken together.
	Rows bool
}

// TraceOptions are what trace needs to run.
type TraceOptions struct {
	FleetOptions
	root   *root
	layout report.Layout
	Rows   bool
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
			for each value. Below are the values in manifests that decide
			nothing, because something else takes their place.`),
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
	cmd.Flags().BoolVar(&f.Rows, "rows", false, "Show a row for each value on a terminal, too, where otherwise each scalar is shown with the values that it decides.")
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
	o.Rows = f.Rows
	o.root, o.layout = r, report.Layout{NoHeaders: f.NoHeaders, Color: color, Width: r.StdoutWidth}
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
	decisions, err := awaited(ctx, func() (manifest.Decisions, error) { return o.Files.tree.Decide(o.Files.fleets), nil })
	if err != nil {
		return err
	}
	var values []tracedValue
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	o.root.warn(nil, fs.gaps())
	for _, f := range fs.all {
		for _, object := range f.objects {
			values = append(values, traced(f.options.Files.fleet().Root, f.place, object, decisions)...)
		}
	}
	if o.layout.Width == 0 || o.layout.NoHeaders || o.Rows {
		err = traceTable(values).Draw(o.root.Out, o.layout)
	} else {
		_, err = fmt.Fprint(o.root.Out, traceGroups(values, o.layout.Width))
	}
	if err != nil {
		return err
	}
	dead := o.Files.tree.Dead(o.Files.fleets, decisions)
	if !o.layout.NoHeaders && len(dead) > 0 {
		_, _ = fmt.Fprintln(o.root.Out, "\nThese decide nothing:")
		for _, s := range dead {
			_, _ = fmt.Fprintf(o.root.Out, "  %s %s\n", s, s.Text)
		}
	}
	return fs.complete()
}

// tracedValue is a value that is set, and what decides it.
type tracedValue struct {
	root   manifest.Root
	object flux.Ref
	field  string
	value  string
	by     string // the scalar's place; "" where nobody knows
	why    string // nobody knows
	reach  int    // how many values follow the scalar, in all clusters
}

// traced are the values of an object that are set.
func traced(root manifest.Root, i int, object flux.Object, decisions manifest.Decisions) []tracedValue {
	var list []tracedValue
	for _, tunable := range object.KindRow().Tunables {
		value := object.Value(tunable.Field)
		if value == nil {
			continue
		}
		target := manifest.Target{Root: i, Ref: object.Ref, Field: tunable.Field}
		v := tracedValue{root: root, object: object.Ref, field: fieldName(tunable.Field), value: *value}
		if s, ok := decisions.Scalar(target); ok {
			v.by, v.reach = s.String(), len(decisions.Reach(target))
		} else {
			v.why = decisions.Unknown(target)
		}
		list = append(list, v)
	}
	return list
}

func traceTable(values []tracedValue) report.Table {
	table := report.Table{Columns: []report.Column{
		{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "NAMESPACE", Shrink: terminal.Middle}, {Name: "KIND"}, {Name: "NAME", Shrink: terminal.Middle}, {Name: "FIELD"}, {Name: "VALUE"}, {Name: "DECIDED BY", Shrink: terminal.Middle, Floor: 30}, {Name: "FOLLOWED BY", Right: true},
	}}
	for _, v := range values {
		by, followed := report.Cell{Text: v.why, Style: report.Bad}, ""
		if v.by != "" {
			by, followed = report.Text(v.by), strconv.Itoa(v.reach)
		}
		table.Rows = append(table.Rows, []report.Cell{
			report.Text(v.root.String()), report.Text(v.object.Namespace), report.Text(v.object.Kind), report.Text(v.object.Name),
			report.Text(v.field), report.Text(v.value), by, report.Text(followed),
		})
	}
	return table
}

// traceGroups has each scalar, in whole so that an editor can be pointed at it, and below it whose values it decides: those
// with the farthest reach first.
func traceGroups(values []tracedValue, width int) string {
	groups := make(map[string][]tracedValue)
	var places []string
	for _, v := range values {
		place := v.by
		if place == "" {
			place = v.why
		}
		if groups[place] == nil {
			places = append(places, place)
		}
		groups[place] = append(groups[place], v)
	}
	slices.SortStableFunc(places, func(a, b string) int { return cmp.Compare(len(groups[b]), len(groups[a])) })
	var text strings.Builder
	for _, place := range places {
		group := groups[place]
		_, _ = fmt.Fprintf(&text, "%s   %s\n", place, group[0].value)
		_, _ = fmt.Fprintln(&text, indented(groupLine(group), width))
	}
	return text.String()
}

// groupLine says whose values a scalar decides: "interval of Kustomization apps/web in clusters/staging".
func groupLine(group []tracedValue) string {
	const most = 3
	fields, roots := make(map[string]bool), make(map[string]bool)
	names := make(map[string]bool)
	for _, v := range group {
		fields[v.field], roots[v.root.String()], names[v.object.String()] = true, true, true
	}
	what := someOf(slices.Sorted(maps.Keys(fields)), most)
	who := someOf(slices.Sorted(maps.Keys(names)), most)
	if len(names) > 1 {
		who = fmt.Sprintf("%d objects (%s)", len(names), who)
	}
	line := fmt.Sprintf("%s of %s in %s", what, who, someOf(slices.Sorted(maps.Keys(roots)), most))
	if v := group[0]; v.reach > len(group) {
		line += fmt.Sprintf("; %d values in all clusters follow it", v.reach)
	}
	return line
}

func someOf(names []string, most int) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func indented(text string, width int) string {
	return "  " + strings.ReplaceAll(terminal.WrapLine(text, max(20, width-2)), "\n", "\n  ")
}
