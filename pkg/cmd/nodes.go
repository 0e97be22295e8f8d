package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// NodesFlags are what the user of nodes types.
type NodesFlags struct {
	OutputFlags
	ClusterFlags
	AllNamespaces bool
	Selector      string
	GroupBy       string
	Top           int
	Watch         bool
	Timeout       time.Duration
	FailAbove     string
}

// NodesOptions are what nodes needs to run.
type NodesOptions struct {
	root     *root
	printer  *printer
	clusters []nodesCluster
	same     *comparisons
	report   report.NodeOptions
	selector string // of nodes, for messages
	watch    bool
	timeout  time.Duration
	now      func() time.Time
	// failAbove is a use of a node in percent; 0 never fails.
	failAbove float64
}

// nodesCluster is one cluster to count, or why it cannot be.
type nodesCluster struct {
	name    string // shown; empty when there is only one
	options nodes.Options
	counter *nodes.Counter
	err     error
}

func newNodes(r *root) *cobra.Command {
	var flags NodesFlags
	cmd := &cobra.Command{
		Use: "nodes [NAME ...]", Short: "Show how many pods run on each node", Long: nodesLong(), Example: nodesExamples(),
		ValidArgsFunction: r.completeNodes,
		RunE:              runE(r, flags.toOptions),
	}
	flags.add(cmd, r)
	return cmd
}

func (f *NodesFlags) add(cmd *cobra.Command, r *root) {
	f.OutputFlags.add(cmd, "csv")
	flags := cmd.Flags()
	flags.Lookup("sort-by").Usage = "Sort by name, pods, use, cpu, memory, terminating or pending (most first), age (oldest first), or a field of an item of -o json (smallest first); with - before it the other way round. With --group-by: name, pods or use."
	flags.BoolVarP(&f.AllNamespaces, "all-namespaces", "A", false, "Count the pods of all namespaces: the default, unless -n is given.")
	flags.StringVarP(&f.Selector, "selector", "l", "", "Label selector for nodes, as kubectl takes it: -l topology.kubernetes.io/zone=eu-west-1a.")
	flags.StringVar(&f.GroupBy, "group-by", "", "Sum up nodes by zone, pool, the value of a label, or (with several contexts) cluster.")
	flags.IntVar(&f.Top, "top", 0, "Show only the first so many rows; by default sorted by pods.")
	flags.BoolVarP(&f.Watch, "watch", "w", false, "Go on: redraw the table on a terminal, print the rows that change elsewhere.")
	flags.DurationVar(&f.Timeout, "timeout", time.Minute, "Show what is known after this time. With --watch, the time for one list.")
	f.addClusters(cmd, r, "Count")
	flags.StringVar(&f.FailAbove, "fail-above", "", "Exit with 4 when a node is fuller than this: 90%. A watch that does not redraw ends then.")
	_ = cmd.RegisterFlagCompletionFunc("sort-by", cobra.FixedCompletions([]string{"name", "pods", "use", "age", "cpu", "memory", "terminating", "pending"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("group-by", cobra.FixedCompletions([]string{"zone", "pool", report.ByCluster}, cobra.ShellCompDirectiveNoFileComp))
}

func (f *NodesFlags) toOptions(r *root, args []string) (o NodesOptions, err error) {
	o = NodesOptions{root: r, selector: f.Selector, watch: f.Watch, timeout: f.Timeout, now: r.Now, same: &comparisons{}}
	if err := f.check(r); err != nil {
		return o, err
	}
	if o.failAbove, err = parsePercent("--fail-above", f.FailAbove); err != nil {
		return o, err
	}
	if o.printer, err = f.toPrinter(r); err != nil {
		return o, err
	}
	o.printer.layout.EastAsian = eastAsian(r.Getenv)
	if f.Watch && !slices.Contains([]string{"table", "wide", "json"}, o.printer.format) {
		return o, fmt.Errorf("--watch shows -o table, wide or json, not %s", f.Output)
	}
	names, err := nodeNames(args)
	if err != nil {
		return o, err
	}
	if len(names) > 0 && f.Selector != "" {
		return o, fmt.Errorf("--selector %q does not go with the names of nodes: leave out one of them", f.Selector)
	}
	o.report = report.NodeOptions{SortBy: f.SortBy, Top: f.Top, Selected: f.Selector != "", Names: names, GroupBy: f.GroupBy}
	if f.Top > 0 && f.SortBy == "" {
		o.report.SortBy = "pods"
	}
	o.clusters, err = r.nodesClusters(*f, nodes.Options{
		NodeSelector: f.Selector, NodeNames: names, NodeLabels: report.NodeLabels(f.GroupBy), Pending: f.wants("pending"), Flux: f.wants("flux"), Usage: f.wantsUsage(), UsageAsked: f.asksUsage(), Deadline: f.Timeout,
	})
	return o, err
}

// nodeNames takes names also as -o name prints them, node/NAME, and as kubectl get takes them, node NAME.
func nodeNames(args []string) ([]string, error) {
	kinds := []string{"node", "nodes", "no"}
	if len(args) > 1 && slices.Contains(kinds, args[0]) { // as behind kubectl get
		args = args[1:]
	}
	var names []string
	for _, arg := range args {
		kind, name, typed := strings.Cut(arg, "/")
		if !typed {
			kind, name = "node", arg
		}
		if !slices.Contains(kinds, kind) || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%q names no node: write NAME or node/NAME", arg)
		}
		names = append(names, name)
	}
	return names, nil
}

func (f NodesFlags) check(r *root) error {
	if _, err := labels.Parse(f.Selector); err != nil {
		return fmt.Errorf("--selector %q: %w", f.Selector, err)
	}
	if problems := validation.IsQualifiedName(f.GroupBy); f.GroupBy != "" && len(problems) > 0 {
		return fmt.Errorf("--group-by %q is neither zone, pool, cluster nor the key of a label: %s", f.GroupBy, problems[0])
	}
	switch {
	case f.GroupBy == report.ByCluster && len(f.Contexts) == 0 && !f.AllContexts:
		return errors.New("--group-by cluster is for several clusters: name them with --contexts, or take --all-contexts")
	case f.FailAbove != "" && *r.config.Namespace != "" && !f.AllNamespaces:
		return errors.New("--fail-above judges whole nodes, of which -n counts only a part of the pods: leave out one of them")
	case f.Top < 0:
		return fmt.Errorf("--top %d: it takes a number of rows, like 5", f.Top)
	case f.GroupBy != "" && f.SortBy != "" && !slices.Contains([]string{"name", "pods", "use"}, strings.TrimPrefix(f.SortBy, "-")):
		return fmt.Errorf("--sort-by %q: groups are sorted by name, pods or use", f.SortBy)
	}
	return nil
}

// wants tells of a field that only a further request tells whether it is shown, or an order needs it.
func (f NodesFlags) wants(field string) bool {
	return f.GroupBy == "" && (f.showsAll() || strings.TrimPrefix(f.SortBy, "-") == field || f.sortsBy(field)) // groups show none
}

// showsAll: everything but the plain table and names shows what only further requests tell.
func (f NodesFlags) showsAll() bool {
	return f.Output != "" && f.Output != "table" && f.Output != "name"
}

// sortsBy tells whether the order is by one of some fields, or by a part of it.
func (f NodesFlags) sortsBy(fields ...string) bool {
	field, _, _ := strings.Cut(report.NodeField(f.SortBy), ".")
	field, _, _ = strings.Cut(field, "[")
	return slices.Contains(fields, field)
}

// wantsUsage: documents have CPU and memory where they are known.
func (f NodesFlags) wantsUsage() bool { return f.wants("usage") || f.asksUsage() }

// asksUsage: somebody waits for CPU and memory, so that it counts where they are missing. Groups show none.
func (f NodesFlags) asksUsage() bool {
	return f.GroupBy == "" && (f.Output == "wide" || slices.Contains([]string{"cpu", "memory"}, strings.TrimPrefix(f.SortBy, "-")) || f.sortsBy("usage"))
}

// nodesView is a report.NodeList or a report.NodeGroupList.
type nodesView interface {
	Names() []string
	Empty() bool
	Gaps() []string
	Removed(key string) bool
	Hints() []string
	Ages(now time.Time) string
	Fullest() *report.Fullest
	Above(percent float64) report.Above
	Table(now time.Time, layout report.Layout) report.Table
	Picture(now time.Time, layout report.Layout) (report.NodePicture, error)
	Draw(out io.Writer, now time.Time, layout report.Layout) error
	CSV(out io.Writer, noHeaders bool) error
}

func (o NodesOptions) run(ctx context.Context) error {
	// Most of what is read is garbage at once. Collecting it twice as often takes 55 MB instead of 60 for
	// 30,000 pods, and a hundredth of a second (make bench-nodes).
	defer o.root.collectAt(50)()
	if o.watch {
		return o.runWatch(ctx)
	}
	return o.runOnce(ctx)
}

// runOnce counts and shows it; after Ctrl-C, what was counted until then.
func (o NodesOptions) runOnce(ctx context.Context) error {
	counts, same := oncePerCluster(o.count(ctx), o.same.of, nil)
	for _, line := range same {
		_, _ = fmt.Fprintln(o.root.ErrOut, line)
	}
	if err := nothing(counts); err != nil {
		if ctx.Err() != nil {
			return codeError{exitInterrupted, errors.New("interrupted before anything was counted")}
		}
		return err
	}
	err := o.show(counts)
	if ctx.Err() != nil {
		return silentError{exitInterrupted}
	}
	return err
}

// nothing is an error when no cluster told anything.
func nothing(counts []report.ClusterCount) error {
	for _, c := range counts {
		if !c.Count.Empty() {
			return nil
		}
	}
	var all []string
	for _, c := range counts {
		if c.Cluster == "" {
			return c.Count.Err()
		}
		all = append(all, fmt.Sprintf("%s: %s", c.Cluster, c.Count.Err()))
	}
	return fmt.Errorf("none of the clusters could be read: %s", strings.Join(all, "; "))
}

// document makes of counts what is shown: nodes, or groups of them.
func (o NodesOptions) document(counts []report.ClusterCount) (nodesView, error) {
	options := o.report
	if options.GroupBy != "" {
		options.SortBy, options.Top = "", 0 // the groups are sorted and cut, not the nodes
	}
	list, err := report.NewNodeList(counts, options)
	if err != nil || options.GroupBy == "" {
		return list, err
	}
	return list.Groups(o.report.SortBy, o.report.Top), nil
}

// show prints counts and ends with the exit code that their completeness has.
func (o NodesOptions) show(counts []report.ClusterCount) error {
	view, err := o.document(counts)
	if err != nil {
		return err
	}
	gaps := view.Gaps()
	if o.matchesNone(view) {
		_, _ = fmt.Fprintln(o.root.ErrOut, o.noneLine())
		if o.printer.tables() {
			return o.verdict(view)
		}
	}
	if !o.printer.tables() || o.printer.layout.NoHeaders {
		o.warn(gaps)
	}
	if o.printer.format == "csv" {
		err = view.CSV(o.root.Out, o.printer.layout.NoHeaders)
	} else {
		err = o.printer.print(view, view.Names(), func(l report.Layout) error { return view.Draw(o.root.Out, o.now(), l) })
	}
	for _, hint := range view.Hints() {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Hint: %s.\n", hint)
	}
	if err != nil {
		return err
	}
	return o.verdict(view)
}
