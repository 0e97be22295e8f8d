package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// FleetFlags are what all commands about Flux objects share: which objects, and under which policy.
type FleetFlags struct {
	SelectionFlags
	PolicyFlags
	FileFlags
	FitFlags
	ClusterFlags
}

func (f *FleetFlags) add(cmd *cobra.Command) {
	f.SelectionFlags.add(cmd)
	f.PolicyFlags.add(cmd)
}

// FleetOptions are what reading a fleet needs.
type FleetOptions struct {
	Client    *cluster.Client
	Selection cluster.Selection
	// Environments to show, by their names in the policy; none means all.
	Environments       []string
	Policy             policy.Policy
	DefaultEnvironment string
	// related reads what explains the objects in any case, sources where objects use them, and Receivers wherever they
	// are.
	related, sources, receivers bool
	// anyEnvironment says that the environments of objects decide nothing, unless some are asked for.
	anyEnvironment bool
	// charts reads what tells whether charts can be fetched: a plan leaves alone those of which it is not known.
	charts bool
	// controllers reads the flags of Flux's controllers: what intervals cost and buy depends on them.
	controllers bool
	// costing reads what asks hosts and has nothing to tune: what a plan says of hosts counts it, as a budget does.
	costing bool
	// Files are what is looked at instead of a cluster; nil for a cluster.
	Files *checkout
	// Cluster is what the cluster is called, where several are looked at; "" where there is one.
	Cluster string
	// clusters are those that are looked at, where flags name several; each says of which one options are.
	clusters []clusterOptions
	// fit says what intervals are fitted with; nil where none are.
	fit *fitOptions
	// beyond says that the kubeconfig has clusters which are not looked at and may ask the same hosts, alone that the only cluster
	// that is looked at is fitted.
	beyond, alone bool
}

// fleet is what was read: the objects that were asked for, and all that explains them.
type fleet struct {
	// options say of which cluster it is, and place is that among those that are looked at.
	options FleetOptions
	place   int
	// began is when reading it did.
	began    time.Time
	snapshot flux.Snapshot
	resolver *policy.Resolver
	graph    *tune.Graph
	objects  []flux.Object
	// deployments are those of Flux's controllers, where they were asked for and may be read.
	deployments []cluster.Deployment
	// flagsUnread says that they were asked for, and may not be read.
	flagsUnread bool
	// kept are the objects that no edit of the files changes, and why, as far as that is known.
	kept map[flux.Ref]string
}

// all are the objects that were asked for, and those that explain them.
func (f fleet) all() []flux.Object { return slices.Concat(f.snapshot.Objects, f.snapshot.Related) }

// readStdinOnce refuses a second flag that would read stdin, and find it empty.
func (f FleetFlags) readStdinOnce() error {
	first := ""
	for _, flag := range []struct{ name, value string }{{"--policy", f.Policy}, {"-f", f.Filename}, {"--activity", f.Activity}} {
		switch {
		case flag.value != "-":
		case first != "":
			return fmt.Errorf("%s - and %s - both read stdin: name a file for one of them", first, flag.name)
		default:
			first = flag.name
		}
	}
	return nil
}

func (f FleetFlags) toOptions(r *root, args []string) (FleetOptions, error) {
	var o FleetOptions
	var err error
	if err := f.readStdinOnce(); err != nil {
		return o, err
	}
	if o.Policy, err = f.toPolicy(r.In); err != nil {
		return o, err
	}
	if o.Policy, o.fit, err = f.toFit(o.Policy, r.In); err != nil {
		return o, err
	}
	if o.fit != nil {
		o.fit.whole = r.whole()
	}
	if f.DefaultEnvironment != "" {
		e, known := o.Policy.Lookup(f.DefaultEnvironment)
		if !known {
			return o, fmt.Errorf("--default-env %q: policy %q has the environments %s", f.DefaultEnvironment, o.Policy.Name, strings.Join(o.Policy.EnvironmentNames(), ", "))
		}
		o.DefaultEnvironment = e.Name
	}
	for _, name := range f.Environments {
		// A name that the policy does not know may still be one that labels bear.
		if e, known := o.Policy.Lookup(name); known {
			name = e.Name
		}
		o.Environments = append(o.Environments, name)
	}
	contexts, err := f.ClusterFlags.chosen(r)
	switch {
	case err != nil:
		return o, err
	case len(contexts) > 0 && f.Filename != "":
		return o, errors.New("--contexts and --all-contexts look at clusters, and -f at files: give one of them")
	case len(contexts) > 0 && len(f.Roots) == 0:
		o.clusters, o.Selection, err = f.connectAll(r, contexts, o.Policy, args)
		o.beyond, o.alone = r.leadsBeyond(contexts), o.fit != nil && len(contexts) == 1
		return o, err
	}
	if f.Filename != "" {
		f.everyRoot = f.everyRoot || o.fit != nil // their hosts do not tell clusters apart
		f.places = f.places || o.fit != nil       // what cannot be rewritten comes off the shares
		if o.Selection, err = f.toFileSelection(r.config, args); err != nil {
			return o, err
		}
		if o.Files, err = f.open(r.In); err != nil {
			return o, err
		}
		return o, f.besides(r, &o)
	}
	if len(f.Roots) > 0 {
		return o, errors.New("--root is for a checkout: name it with -f")
	}
	if o.Selection, err = f.toSelection(r.config, args); err != nil {
		return o, err
	}
	o.Policy = o.Policy.In(r.clusterNames()...)
	o.beyond, o.alone = r.leadsBeyond(nil), o.fit != nil
	o.Client, err = r.client()
	return o, err
}

// toPolicy reads the policy: a preset, a file, or stdin for "-".
func (f PolicyFlags) toPolicy(stdin io.Reader) (policy.Policy, error) {
	p, err := loadPolicy(f.Policy, stdin)
	if err != nil {
		return p, err
	}
	for _, expr := range f.EnvironmentAliases {
		if p, err = p.WithAlias(expr); err != nil {
			return p, fmt.Errorf("--env-alias %w", err)
		}
	}
	for _, expr := range f.Set {
		if p, err = p.Set(expr); err != nil {
			return p, fmt.Errorf("--set %w", err)
		}
	}
	return p, nil
}

func loadPolicy(name string, stdin io.Reader) (policy.Policy, error) {
	if name == "-" {
		data, err := io.ReadAll(stdin)
		if err != nil {
			return policy.Policy{}, fmt.Errorf("reading --policy from stdin: %w", err)
		}
		return policy.Parse("stdin", data)
	}
	if slices.Contains(policy.PresetNames(), name) {
		return policy.Preset(name)
	}
	data, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return policy.Policy{}, fmt.Errorf("policy %q is neither a preset (%s) nor a file nor - for stdin", name, strings.Join(policy.PresetNames(), ", "))
	}
	if err != nil {
		return policy.Policy{}, fmt.Errorf("reading --policy: %w", err)
	}
	return policy.Parse(name, data)
}

// read reads the fleet. What could not be read is in its snapshot's gaps.
func (o FleetOptions) read(ctx context.Context) (fleet, error) {
	if o.Files != nil {
		return o.readFiles()
	}
	snapshot, err := o.readDeciding(ctx)
	if err != nil {
		return fleet{}, err
	}
	if err := o.readCosting(ctx, &snapshot); err != nil {
		return fleet{}, err
	}
	if err := o.readReceivers(ctx, &snapshot); err != nil {
		return fleet{}, err
	}
	var deployments []cluster.Deployment
	unread := false
	if o.controllers {
		if deployments, unread, err = o.readControllers(ctx, &snapshot); err != nil {
			return fleet{}, err
		}
	}
	o.name(snapshot.Related) // also what has come since
	if o.DefaultEnvironment != "" || o.anyEnvironment && len(o.Environments) == 0 {
		for i, gap := range snapshot.Gaps {
			snapshot.Gaps[i].Harmless = gap.Harmless || gap.Labels
		}
	}
	f := o.fleetOf(snapshot)
	f.deployments, f.flagsUnread = deployments, unread
	f.graph.Controllers = flux.NewControllers(f.controllers())
	return f, nil
}

// serverTime is a time by the API server's clock, by which records say when sessions began and end: the clocks of those who tune a
// cluster may differ. A checkout has none, and the zero time stays.
func (o FleetOptions) serverTime(t time.Time) time.Time {
	if o.Client == nil || t.IsZero() {
		return t
	}
	return o.Client.ServerTime(t)
}

// reads is the selection that is read. Where hosts are counted, labels choose among what is read, as environments do: a host is asked
// by all.
func (o FleetOptions) reads() cluster.Selection {
	sel := o.Selection
	if o.costing {
		sel.LabelSelector = ""
	}
	return sel
}

// readDeciding reads what is decided about, and by: the objects that are asked for, and those that tell of them what environment
// they are in, whether a change lasts, and what it sets off.
func (o FleetOptions) readDeciding(ctx context.Context) (flux.Snapshot, error) {
	sel := o.reads()
	snapshot, err := o.Client.Read(ctx, sel)
	if err != nil {
		return snapshot, err
	}
	if o.related || o.fit != nil || policy.NeedsConsumers(o.Policy, snapshot) || tune.NeedsOwners(snapshot) || tune.HasDependencies(snapshot) {
		if err := o.Client.ReadRelated(ctx, sel, &snapshot); err != nil {
			return snapshot, err
		}
	}
	if policy.NeedsConsumers(o.Policy, snapshot) && len(snapshot.UnreadUsers()) > 0 {
		if err := o.Client.ReadOwnUsers(ctx, &snapshot); err != nil {
			return snapshot, err
		}
	}
	if o.sources {
		if err := o.Client.ReadSources(ctx, &snapshot); err != nil {
			return snapshot, err
		}
	}
	if o.charts {
		if err := o.Client.ReadCharts(ctx, &snapshot); err != nil {
			return snapshot, err
		}
	}
	o.name(snapshot.Objects)
	o.name(snapshot.Related)
	return snapshot, nil
}

// readControllers reads the Deployments of Flux's controllers. Where they may not be read, that is a harmless gap.
func (o FleetOptions) readControllers(ctx context.Context, snapshot *flux.Snapshot) (deployments []cluster.Deployment, unread bool, err error) {
	deployments, gap, err := o.Client.Controllers(ctx)
	if gap != nil {
		snapshot.Gaps = append(snapshot.Gaps, *gap)
	}
	return deployments, gap != nil, err
}

// controllers are Flux's, with their flags; none where they were not read, so that the defaults count.
func (f fleet) controllers() []flux.Controller { return cluster.MergeControllers(f.deployments) }

// name puts the cluster's name on objects, where there are several.
func (o FleetOptions) name(objects []flux.Object) {
	for i := range objects {
		objects[i].Cluster = o.Cluster
	}
}

// nameGaps puts the cluster's name on what could not be read, where there are several.
func (o FleetOptions) nameGaps(gaps []flux.Gap) {
	for i := range gaps {
		gaps[i].Cluster = o.Cluster
	}
}

// knownEnvironments refuses names after --env that neither the policy knows nor any object bears: a typing error must not
// look like a fleet in which there is nothing to do.
func (o FleetOptions) knownEnvironments(fs fleets) error {
	for _, name := range o.Environments {
		_, known := o.Policy.Lookup(name)
		for _, f := range fs.all {
			known = known || slices.ContainsFunc(f.snapshot.Objects, func(object flux.Object) bool {
				return strings.EqualFold(f.resolver.Resolve(object).Environment, name)
			})
		}
		if !known {
			return fmt.Errorf("--env %q: no object is in it, and policy %q has %s", name, o.Policy.Name, strings.Join(o.Policy.EnvironmentNames(), ", "))
		}
	}
	return nil
}

// fleetOf explains what was read, and chooses the labels and the environments that were asked for.
func (o FleetOptions) fleetOf(snapshot flux.Snapshot) fleet {
	f := fleet{options: o, snapshot: snapshot, resolver: policy.NewResolver(o.Policy, snapshot, o.DefaultEnvironment)}
	f.graph = tune.NewGraph(f.snapshot.All())
	f.objects = slices.Clip(snapshot.Objects)
	if o.Selection.LabelSelector == "" && len(o.Environments) == 0 {
		return f
	}
	matches, err := selector(o.Selection.LabelSelector)
	f.objects = slices.DeleteFunc(slices.Clone(snapshot.Objects), func(object flux.Object) bool {
		chosen := err == nil && matches(object.Labels) // it was parsed before
		return !chosen || len(o.Environments) > 0 && !o.inEnvironments(f.resolver.Resolve(object).Environment)
	})
	return f
}

// inEnvironments tells whether an environment is among those to show.
func (o FleetOptions) inEnvironments(environment string) bool {
	return len(o.Environments) == 0 || slices.ContainsFunc(o.Environments, func(name string) bool { return strings.EqualFold(name, environment) })
}
