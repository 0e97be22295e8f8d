package cmd

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// contexts are the names of the kubeconfig's contexts, sorted.
func (r *root) contexts() ([]string, error) {
	raw, err := r.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range raw.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// nodesClusters prepares the clusters to count. When several are asked for, one whose configuration is
// broken is partial data like one that does not answer.
func (r *root) nodesClusters(f NodesFlags, options nodes.Options) ([]nodesCluster, error) {
	names, err := f.ClusterFlags.chosen(r)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		c := nodesCluster{options: options}
		err := c.connect(r, f)
		return []nodesCluster{c}, err
	}
	options.Identify = true
	var clusters []nodesCluster
	for _, name := range names {
		c := nodesCluster{name: name, options: options}
		if c.err = c.connect(r.inContext(name), f); usage(c.err) {
			return nil, c.err
		}
		clusters = append(clusters, c)
	}
	return clusters, nil
}

// inContext is the same invocation in another context of the kubeconfig, with all that the user's flags say of
// the connection.
func (r *root) inContext(name string) *root {
	config := genericclioptions.NewConfigFlags(true)
	from, to := reflect.ValueOf(r.config).Elem(), reflect.ValueOf(config).Elem()
	for i := range from.NumField() { // the exported ones are the flags' values
		if field := from.Type().Field(i); field.IsExported() && field.Type.Kind() == reflect.Pointer {
			to.Field(i).Set(from.Field(i))
		}
	}
	config.Context = &name
	other := *r
	other.config = config
	return &other
}

// usageError is a mistake in what was typed, which no other cluster mends.
type usageError struct{ error }

func usage(err error) bool {
	var mistake usageError
	return errors.As(err, &mistake)
}

// namespaceList reads -n as nodes takes it: a name, or several with commas.
func namespaceList(text string) ([]string, error) {
	var names []string
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, usageError{fmt.Errorf("--namespace %q: %q is no name of a namespace: write it like team-a,team-b", text, name)}
		}
		names = append(names, name)
	}
	return names, nil
}

// connect reads the connection and the namespaces to count; it sends no request.
func (c *nodesCluster) connect(r *root, f NodesFlags) error {
	namespace, asked, err := r.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	c.options.Fallback = namespace
	if asked && !f.AllNamespaces {
		if c.options.Namespaces, err = namespaceList(namespace); err != nil {
			return err
		}
	}
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	c.counter, err = nodes.New(config, c.options)
	return err
}

// now is what is known of the cluster at this moment.
func (c nodesCluster) now() report.ClusterCount {
	if c.err != nil {
		return report.ClusterCount{Cluster: c.name, Count: nodes.Failed(c.err)}
	}
	return report.ClusterCount{Cluster: c.name, Count: c.counter.Count()}
}

func (o NodesOptions) nowAll() []report.ClusterCount {
	var counts []report.ClusterCount
	for _, c := range o.clusters {
		counts = append(counts, c.now())
	}
	return counts
}

// count counts all clusters at the same time, within the timeout or until the user interrupts it, and
// tells how far it is.
func (o NodesOptions) count(ctx context.Context) []report.ClusterCount {
	limited, cancel := context.WithTimeoutCause(ctx, o.timeout, lateError{o.timeout})
	defer cancel()
	progress := o.root.newProgress()
	defer progress.clear()
	done := make(chan struct{})
	counts := make([]report.ClusterCount, len(o.clusters))
	go func() {
		defer close(done)
		var all sync.WaitGroup
		var mu sync.Mutex
		var counted []int
		for i, c := range o.clusters {
			all.Go(func() {
				counts[i] = c.now()
				if c.err != nil {
					return
				}
				if counts[i].Count = c.counter.Once(limited); len(o.clusters) == 1 || counts[i].Count.Empty() && o.seen(i).UID == "" {
					return
				}
				mu.Lock()
				others := slices.Clone(counted)
				counted = append(counted, i)
				mu.Unlock()
				o.compareWith(limited, i, others)
			})
		}
		all.Wait()
	}()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return counts
		case <-tick.C:
			progress.show(o.soFar())
		}
	}
}

// soFar is the progress line.
func (o NodesOptions) soFar() string {
	var p nodes.Progress
	pods := 0
	for _, c := range o.clusters {
		count := c.now().Count
		p.Done, p.Total, pods = p.Done+count.Namespaces.Done, p.Total+count.Namespaces.Total, pods+count.Total
	}
	if p.Total == 0 {
		return fmt.Sprintf("%d pods counted so far", pods)
	}
	return fmt.Sprintf("%d of %d namespaces, %d pods counted so far", p.Done, p.Total, pods)
}

// lateError is what --timeout has cut off.
type lateError struct{ after time.Duration }

// Error implements error.
func (e lateError) Error() string { return "no complete answer within --timeout " + e.after.String() }

// Is makes it the end of a deadline.
func (e lateError) Is(target error) bool { return target == context.DeadlineExceeded }

// completeNodes completes names of nodes.
func (r *root) completeNodes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	config, err := r.restConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp // completion has nobody to tell
	}
	counter, err := nodes.New(config, nodes.Options{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	names := slices.DeleteFunc(counter.Names(ctx), func(name string) bool { return slices.Contains(args, name) })
	return names, cobra.ShellCompDirectiveNoFileComp
}
