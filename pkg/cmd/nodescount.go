package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

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
	names := f.Contexts
	if f.AllContexts || len(names) > 0 {
		known, err := r.contexts()
		switch {
		case err != nil:
			return nil, err
		case f.AllContexts && len(known) == 0:
			return nil, fmt.Errorf("--all-contexts: the kubeconfig has no contexts")
		case f.AllContexts:
			names = known
		}
		for _, name := range names { // a typing error, not a cluster that is away
			if !slices.Contains(known, name) {
				return nil, fmt.Errorf("--contexts: there is no context %q: kubectl config get-contexts lists the contexts", name)
			}
		}
	}
	if len(names) == 0 {
		c := nodesCluster{options: options}
		err := c.connect(r, f)
		return []nodesCluster{c}, err
	}
	var clusters []nodesCluster
	for _, name := range names {
		c := nodesCluster{name: name, options: options}
		c.err = c.connect(r.inContext(name), f)
		clusters = append(clusters, c)
	}
	return clusters, nil
}

// inContext is the same invocation in another context of the kubeconfig.
func (r *root) inContext(name string) *root {
	config := genericclioptions.NewConfigFlags(true)
	config.KubeConfig, config.Namespace, config.Timeout = r.config.KubeConfig, r.config.Namespace, r.config.Timeout
	config.Impersonate, config.ImpersonateGroup, config.ImpersonateUID = r.config.Impersonate, r.config.ImpersonateGroup, r.config.ImpersonateUID
	config.Insecure, config.DisableCompression = r.config.Insecure, r.config.DisableCompression
	config.Context = &name
	other := *r
	other.config = config
	return &other
}

// connect reads the connection and the namespaces to count; it sends no request.
func (c *nodesCluster) connect(r *root, f NodesFlags) error {
	namespace, asked, err := r.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	c.options.Fallback = namespace
	if asked && !f.AllNamespaces {
		c.options.Namespaces = strings.Split(namespace, ",")
	}
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	c.options.Limits.Request = config.Timeout
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
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	progress := o.root.newProgress()
	defer progress.clear()
	done := make(chan struct{})
	counts := make([]report.ClusterCount, len(o.clusters))
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for i, c := range o.clusters {
			all.Go(func() {
				counts[i] = c.now()
				if c.err == nil {
					counts[i].Count = c.counter.Once(limited)
				}
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
