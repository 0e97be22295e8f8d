package cmd

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
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
		{"certificate-authority", *r.config.CAFile}, {"tls-server-name", *r.config.TLSServerName}, {"proxy-url", *r.config.ProxyURL},
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
	names := known
	if !f.AllContexts {
		if names, err = f.amongKnown(known); err != nil {
			return nil, err
		}
	}
	r.warn(hiddenContexts(r.kubeconfigFiles(), names), nil)
	return names, nil
}

// amongKnown are the contexts that --contexts names, each once.
func (f ClusterFlags) amongKnown(known []string) ([]string, error) {
	var names []string
	for _, name := range f.Contexts { // a typing error, not a cluster that is away
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--contexts: there is no context %q: kubectl config get-contexts lists the contexts (one with a comma in its name is written '\"a,b\"')", name)
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
	// server is where the context leads, as far as the kubeconfig tells.
	server server
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
	c.server = serverOf(config)
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

// current tells whether options are of the context that kubectl uses unasked.
func (o FleetOptions) current() bool {
	if len(o.clusters) != 1 || o.clusters[0].root == nil {
		return false
	}
	raw, err := o.clusters[0].root.config.ToRawKubeConfigLoader().RawConfig()
	return err == nil && raw.CurrentContext == o.clusters[0].name
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
