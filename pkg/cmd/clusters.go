package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// ClusterFlags choose several clusters of the kubeconfig.
type ClusterFlags struct {
	Contexts    []string
	AllContexts bool
}

// addClusters registers the flags. Does says what a command does with the clusters: "Count".
func (f *ClusterFlags) addClusters(cmd *cobra.Command, r *root, does string) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.Contexts, "contexts", nil, does+" several clusters: contexts of the kubeconfig (comma-separated or repeated).")
	flags.BoolVar(&f.AllContexts, "all-contexts", false, does+" the clusters of all contexts of the kubeconfig.")
	_ = cmd.RegisterFlagCompletionFunc("contexts", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names, _ := r.contexts() // completion has nobody to tell
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

// chosen are the contexts that the flags name, each once; none where they name none.
func (f ClusterFlags) chosen(r *root) ([]string, error) {
	if len(f.Contexts) == 0 && !f.AllContexts {
		return nil, nil
	}
	if len(f.Contexts) > 0 && f.AllContexts {
		return nil, errors.New("--contexts and --all-contexts cannot be used together")
	}
	for _, flag := range []struct{ name, value string }{
		{"context", *r.config.Context}, {"cluster", *r.config.ClusterName}, {"server", *r.config.APIServer},
	} {
		if flag.value != "" {
			return nil, fmt.Errorf("--%s names one cluster, so it does not go with --contexts and --all-contexts", flag.name)
		}
	}
	known, err := r.contexts()
	if err != nil {
		return nil, err
	}
	if f.AllContexts && len(known) == 0 {
		return nil, errors.New("--all-contexts: the kubeconfig has no contexts")
	}
	if f.AllContexts {
		return known, nil
	}
	var names []string
	for _, name := range f.Contexts { // a typing error, not a cluster that is away
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--contexts: there is no context %q: kubectl config get-contexts lists the contexts", name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// clusterOptions are what looking at one of several clusters needs.
type clusterOptions struct {
	name      string // of the context
	root      *root  // the invocation in that context
	client    *cluster.Client
	policy    policy.Policy
	selection cluster.Selection
	err       error // why it cannot be asked
}

// silence is how long an API server may take for an answer where several are asked, unless --request-timeout says: one
// that hangs must not hide the others.
const silence = time.Minute

// connect prepares to look at the cluster of a context; it sends no request.
func (f FleetFlags) connect(r *root, name string, p policy.Policy, args []string) clusterOptions {
	c := clusterOptions{name: name, root: r.inContext(name)}
	if _, _, err := c.root.config.ToRawKubeConfigLoader().Namespace(); err != nil {
		c.err = kubeconfigError(err)
		return c
	}
	if c.selection, c.err = f.toSelection(c.root.config, args); c.err != nil {
		c.err = usageError{c.err}
		return c
	}
	c.policy = p.In(c.root.clusterNames()...)
	config, err := c.root.restConfig()
	if err != nil {
		c.err = err
		return c
	}
	if limit, err := clientcmd.ParseTimeout(*r.config.Timeout); err == nil && limit == 0 {
		config.Timeout = silence
	}
	c.client, c.err = cluster.NewClient(config)
	return c
}

// connectAll prepares to look at the clusters of several contexts. The selection is theirs together: it names no namespace
// where each context has another.
func (f FleetFlags) connectAll(r *root, contexts []string, p policy.Policy, args []string) (clusters []clusterOptions, sel cluster.Selection, err error) {
	first := true
	for _, name := range contexts {
		c := f.connect(r, name, p, args)
		if usage(c.err) {
			return nil, sel, c.err
		}
		clusters = append(clusters, c)
		switch {
		case c.err != nil:
		case first:
			sel, first = c.selection, false
		case c.selection.Namespace != sel.Namespace:
			sel.Namespace = ""
		}
	}
	return clusters, sel, nil
}

// each are the options for each of the clusters that are looked at: contexts, roots of a checkout, or the one there is.
func (o FleetOptions) each() []FleetOptions {
	var list []FleetOptions
	switch {
	case o.Files != nil:
		for _, i := range o.Files.chosen {
			files := *o.Files
			files.root = i
			one := o
			one.Files = &files
			if len(o.Files.chosen) > 1 {
				one.Cluster = files.fleet().Root.String()
			}
			list = append(list, one)
		}
	case len(o.clusters) > 0:
		for _, c := range o.clusters {
			one := o
			one.Cluster, one.Client, one.Policy, one.Selection, one.clusters = c.name, c.client, c.policy, c.selection, []clusterOptions{c}
			list = append(list, one)
		}
	default:
		list = append(list, o)
	}
	return list
}

// everything are the options for all objects of the namespaces that are looked at, whatever was chosen of them.
func (o FleetOptions) everything() FleetOptions {
	o.Selection, o.Environments = cluster.Selection{Namespace: o.Selection.Namespace}, nil
	o.clusters = slices.Clone(o.clusters)
	for i, c := range o.clusters {
		o.clusters[i].selection = cluster.Selection{Namespace: c.selection.Namespace}
	}
	return o
}

// inCluster is the invocation for the cluster: its context, where there are several.
func (o FleetOptions) inCluster(r *root) *root {
	if o.Cluster != "" && len(o.clusters) == 1 {
		return o.clusters[0].root
	}
	return r
}

// fleets are those of all clusters that a command looks at.
type fleets struct {
	all []fleet
	// missing are the clusters of which nothing could be read.
	missing []flux.Gap
}

// readAll reads the fleets of all clusters, several at the same time. A cluster that does not answer is missing, and no
// error, unless there is no other.
func (o FleetOptions) readAll(ctx context.Context, r *root) (fleets, error) {
	each := o.each()
	if len(each) == 1 && each[0].Cluster == "" {
		f, err := each[0].read(ctx)
		if err != nil {
			return fleets{}, err
		}
		fs := fleets{all: []fleet{f}}
		return fs, o.knownEnvironments(fs)
	}
	if len(each) == 0 { // a state of a checkout that has no cluster yet
		return fleets{}, nil
	}
	read, ids, failed := make([]fleet, len(each)), make([]kube.Seen, len(each)), make([]error, len(each))
	const atOnce = 8 // what each has in memory adds up
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, one := range each {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if read[i], failed[i] = one.readNamed(ctx); failed[i] == nil && one.Client != nil && len(o.clusters) > 0 {
				ids[i] = one.Client.Seen(ctx, read[i].snapshot.Objects)
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return fleets{}, codeError{exitInterrupted, errors.New("interrupted while reading")}
	}
	var fs fleets
	var reasons []string
	stands := oncePerFleet(ctx, each, read, ids, failed)
	for i, one := range each {
		if failed[i] != nil {
			fs.missing = append(fs.missing, flux.Gap{Cluster: one.Cluster, What: "the cluster", Why: failed[i].Error()})
			reasons = append(reasons, flux.InCluster(one.Cluster, failed[i].Error()))
			continue
		}
		if one.Files == nil {
			if stands[i] != i {
				_, _ = fmt.Fprintln(r.ErrOut, sameClusterLine(one.Cluster, each[stands[i]].Cluster))
				continue
			}
			read[i].place = len(fs.all)
		}
		fs.all = append(fs.all, read[i])
	}
	if len(fs.all) == 0 {
		return fs, fmt.Errorf("none of the clusters could be read: %s", strings.Join(reasons, "; "))
	}
	return fs, o.knownEnvironments(fs)
}

// oncePerFleet is, for each context that was read, the one that shows its cluster: the one with the fewest gaps. Where
// nothing tells whether two contexts are one cluster, that is a gap.
func oncePerFleet(ctx context.Context, each []FleetOptions, read []fleet, seen []kube.Seen, failed []error) []int {
	stands := make([]int, len(each))
	var known []int
	for i := range each {
		if stands[i] = i; failed[i] == nil && seen[i].Client != nil {
			known = append(known, i)
		}
	}
	var same comparisons
	for n, i := range known {
		for _, j := range known[:n] {
			same.between(ctx, i, j, func(i int) kube.Seen { return seen[i] })
		}
	}
	g := group(known, same.of, func(i, j int) bool { return len(read[i].snapshot.Gaps) < len(read[j].snapshot.Gaps) })
	for n, i := range known {
		stands[i] = g.stands[n]
		if others := g.doubtful[i]; len(others) > 0 {
			var names []string
			for _, j := range others {
				names = append(names, each[j].Cluster)
			}
			read[i].snapshot.Gaps = append(read[i].snapshot.Gaps, flux.Gap{Cluster: each[i].Cluster, What: "which cluster this is", Why: doubt(strings.Join(names, ", "))})
		}
	}
	return stands
}

// readNamed reads the fleet of a cluster among several.
func (o FleetOptions) readNamed(ctx context.Context) (fleet, error) {
	if len(o.clusters) == 1 && o.clusters[0].err != nil {
		return fleet{}, o.clusters[0].err
	}
	f, err := o.read(ctx)
	if err != nil {
		return f, err
	}
	o.nameGaps(f.snapshot.Gaps)
	return f, nil
}

// gaps are what could not be read of all clusters.
func (fs fleets) gaps() []flux.Gap {
	gaps := slices.Clone(fs.missing)
	for _, f := range fs.all {
		gaps = append(gaps, f.snapshot.Gaps...)
	}
	return gaps
}

// objects counts those that were asked for.
func (fs fleets) objects() int {
	n := 0
	for _, f := range fs.all {
		n += len(f.objects)
	}
	return n
}

// complete is an error when something that was asked for is not there, or could not be read.
func (fs fleets) complete() error { return complete(fs.gaps()) }

// incomplete tells whether something that may matter could not be read.
func (fs fleets) incomplete() bool { return flux.Snapshot{Gaps: fs.gaps()}.Incomplete() }

// notes tells what the files do not hold, where files were read.
func (fs fleets) notes(r *root) {
	if len(fs.all) > 0 && fs.all[0].options.Files != nil {
		r.inFiles(fs.gaps())
	}
}

// eachCluster runs what writes for one cluster after the other, below a heading where there are several, and returns the
// worst that happened. After Ctrl-C the rest is not begun, which is said.
func (fs fleets) eachCluster(ctx context.Context, o OutputOptions, run func(fleet, OutputOptions) error) error {
	if len(fs.all) == 1 && len(fs.missing) == 0 {
		return run(fs.all[0], o)
	}
	var failed []error
	var silent error
	for i, f := range fs.all {
		one := o
		one.root = f.options.inCluster(o.root)
		if ctx.Err() != nil {
			var rest []string
			for _, f := range fs.all[i:] {
				rest = append(rest, f.options.Cluster)
			}
			_, _ = fmt.Fprintf(o.root.ErrOut, "Interrupted: not begun in %s.\n", strings.Join(rest, ", "))
			silent = silentError{exitInterrupted}
			break
		}
		if o.printer.tables() && !o.printer.layout.NoHeaders {
			if i > 0 {
				_, _ = fmt.Fprintln(o.root.Out)
			}
			_, _ = fmt.Fprintf(o.root.Out, "# %s\n", f.options.Cluster)
		}
		err := run(f, one)
		var quiet silentError
		switch {
		case errors.As(err, &quiet):
			silent = err
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", f.options.Cluster, err))
		}
	}
	if len(fs.missing) > 0 {
		failed = append(failed, errors.New("not all clusters could be read: see the warnings above"))
	}
	switch {
	case len(failed) > 0 && ctx.Err() != nil:
		return codeError{exitInterrupted, errors.Join(failed...)}
	case len(failed) > 0:
		return errors.Join(failed...)
	default:
		return silent
	}
}
