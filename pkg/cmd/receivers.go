package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// ReceiversFlags are what the user of receivers types.
type ReceiversFlags struct {
	FleetFlags
	OutputFlags
	HostTypes []string
	Owners    []string
	NoFilter  bool

	noFilter *pflag.Flag
}

// ReceiversOptions are what receivers needs to run.
type ReceiversOptions struct {
	FleetOptions
	OutputOptions
	HostTypes map[string]webhook.HostType
	// Owners are those for whose sources Receivers are proposed, in lower case; none for all.
	Owners []string
	// NoFilter leaves out spec.resourceFilter of what is proposed. Filter gives one to what was written without, too.
	NoFilter, Filter bool
	// flags are those that other commands take for the same objects.
	flags string
	roots []string // as they were typed
	now   func() time.Time
}

func newReceivers(r *root) *cobra.Command {
	var flags ReceiversFlags
	cmd := &cobra.Command{
		Use:        "receivers " + selectionUsage,
		SuggestFor: []string{"webhook", "webhooks", "hooks", "receiver"},
		Short:      "Show which sources webhooks reach, and write the Receivers that are missing",
		Long: long(`
			Show for each source whether a Receiver notifies it, what is wrong with the Receivers that there are,
			and which are missing: one for each host and namespace. WEBHOOK is yes; not called? where the source
			changed and no call is known that brought it; broken where a Receiver names it and what is pushed does
			not reach it (suspended, not ready, a type that its host does not call, events without a push, a filter
			that leaves it out, another namespace that is not allowed, a version that is not served); unknown where
			its filter cannot be told and no call was seen, or where not all Receivers could be read; none; or -
			where there is nothing to call for.

			-o yaml writes the missing Receivers, ready for kubectl apply -f - or for Git, with comments that say
			how to create each Secret and what to enter at the host. Those that were written so once are written
			again with all of their sources, so that the file is whole each time: a new source joins the one of its
			host, which keeps its name, Secret and path, and a repository that was renamed gets its filter. Receivers
			of another form are yours alone. One that something else applies, as from Git, has to be changed there:
			its comments say where. -o json has all of it. No Secret is read, and no token is made here.
			Each Receiver has a filter by repository and branch, where the host's calls tell them: what is pushed
			elsewhere makes nothing poll.

			The make of a host is told from its name. Where that tells too little, --host-type says it; without,
			a step of a pipeline calls with a signature (generic-hmac). A host calls only for what is yours there:
			below each Receiver stands whose its sources are, and --owner chooses for whom new ones are proposed.

			CALLED is when a webhook last had the source reconciled, by metadata.managedFields. flux reconcile
			takes the place of that; then it is not known. Nor is it where the call came before there was the
			Receiver, or before the last change by who sets the URL. Calls that were refused are known
			to nobody but the log of notification-controller; what a filter left out stands there only with
			--log-level=debug. The content type at the host has to be application/json: of a form a filter can read nothing, so that all
			is left out, and the answer is 200.`),
		Example: examples(`
			# What webhooks reach, and what they do not
			kubectl fluxtune receivers -A

			# Create what is missing in one namespace
			kubectl fluxtune receivers -n team-a -o yaml | kubectl apply -f -

			# The same for Git: write it again whenever there are new sources
			kubectl fluxtune receivers -f . --root clusters/production -o yaml > /tmp/receivers.yaml
			mv /tmp/receivers.yaml apps/receivers.yaml

			# Only for the repositories of an organization
			kubectl fluxtune receivers -A --owner acme -o yaml

			# The same for Flux before 2.5
			kubectl fluxtune receivers -A -o yaml --no-filter

			# A host whose name does not tell what it runs
			kubectl fluxtune receivers -A --host-type git.example.com=gitea`),
		RunE: runE(r, flags.toOptions),
	}
	flags.add(cmd)
	r.completeFleet(cmd)
	return cmd
}

func (f *ReceiversFlags) add(cmd *cobra.Command) {
	f.FleetFlags.add(cmd)
	f.addFiles(cmd)
	f.OutputFlags.add(cmd)
	cmd.Flags().StringArrayVar(&f.HostTypes, "host-type", nil, "What a host runs, at all of its ports: git.example.com=gitea (may be repeated). One of Git holds for GitRepositories, one of a registry for images and artifacts. The types are "+strings.Join(webhook.HostTypes(), ", ")+".")
	cmd.Flags().StringSliceVar(&f.Owners, "owner", nil, "Propose new Receivers, and new sources for those that there are, only for what these have at the hosts: the account, group or organization with which a repository's path begins (may be repeated, or a,b).")
	cmd.Flags().BoolVar(&f.NoFilter, "no-filter", false, "Write Receivers without spec.resourceFilter, for notification-controller before 1.5 (Flux 2.5). A cluster that has no such field is seen without it. A Receiver that was written so stays so; --no-filter=false gives all of them one.")
	f.noFilter = cmd.Flags().Lookup("no-filter")
	_ = cmd.RegisterFlagCompletionFunc("host-type", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("owner", cobra.NoFileCompletions)
}

func (f *ReceiversFlags) toOptions(r *root, args []string) (o ReceiversOptions, err error) {
	o.now, o.NoFilter, o.Filter = r.Now, f.NoFilter, f.noFilter.Changed && !f.NoFilter
	f.places = f.Output == "yaml" // which file has which Receiver
	f.everyRoot = f.places        // and which clusters read it
	for _, name := range f.Owners {
		o.Owners = append(o.Owners, strings.ToLower(name))
	}
	if o.HostTypes, err = webhook.ParseHostTypes(f.HostTypes); err != nil {
		return o, fmt.Errorf("--host-type %w", err)
	}
	if o.OutputOptions, err = f.OutputFlags.toOptions(r); err != nil {
		return o, err
	}
	if o.FleetOptions, err = f.FleetFlags.toOptions(r, args); err != nil {
		return o, err
	}
	if err := o.onlySources(); err != nil {
		return o, err
	}
	o.flags, o.roots = f.again(), f.Roots
	o.related, o.receivers = true, true // what the users of a source have applied tells whether it changed
	return o, nil
}

// onlySources refuses a choice of Receivers: the rows are sources.
func (o ReceiversOptions) onlySources() error {
	receiver := func(k flux.Kind) bool { return k.Name == "Receiver" }
	named := slices.ContainsFunc(o.Selection.Names, func(n cluster.Name) bool { return receiver(n.Kind) })
	if named || slices.ContainsFunc(o.Selection.Kinds, receiver) {
		return errors.New("receivers takes sources, and tells of all Receivers that name them: name a source, or ask -n NAMESPACE; -o json has the Receivers (receivers)")
	}
	return nil
}

// again are the flags that have another command read the same, under the same policy.
func (f *ReceiversFlags) again() string {
	text := f.PolicyFlags.again()
	if f.Filename != "" {
		text += " -f " + terminal.Quoted(f.Filename)
	}
	for _, root := range f.Roots {
		text += " --root " + terminal.Quoted(asItem(root))
	}
	return text
}

func (o ReceiversOptions) run(ctx context.Context) error {
	fs, err := o.readAll(ctx, o.root)
	if err != nil {
		return err
	}
	if n := len(fs.all); n > 1 && !o.printer.tables() && o.printer.format != "name" {
		return fmt.Errorf("-o %s is of one cluster: choose one of the %d with --root %s", o.printer.format, n, terminal.Quoted(asItem(fs.all[0].options.Cluster)))
	}
	fs.notes(ctx, o.root, o.Files.sparse()...)
	return fs.eachCluster(ctx, o.OutputOptions, func(f fleet, output OutputOptions) error {
		one := o
		one.FleetOptions, one.OutputOptions = f.options, output
		return one.show(ctx, f)
	})
}

// show tells of one cluster.
func (o ReceiversOptions) show(ctx context.Context, f fleet) error {
	coverage, warnings, err := o.coverage(ctx, f)
	if err != nil {
		return err
	}
	if coverage.Unread != "" {
		f.snapshot.Gaps = receiversMatter(f.snapshot.Gaps)
	}
	if err := o.asInFiles(coverage); err != nil {
		return err
	}
	list, err := o.list(f, coverage)
	if err != nil {
		return err
	}
	if o.printer.format != "yaml" { // a file for Git names nobody's kubeconfig, context or user
		list = list.Asking(o.connection())
	}
	if err := report.SortBy(list.Items, o.sortBy); err != nil {
		return err
	}
	list.Warnings = warnings
	o.root.warn(list.Warnings, f.snapshot.Gaps)
	switch {
	case o.printer.format == "yaml":
		err = o.manifests(ctx, f, list)
	case len(list.Items)+len(list.Receivers) == 0 && o.printer.tables():
		o.root.nothingFound(o.FleetOptions, o.where(), f.snapshot.Incomplete(), f)
	default:
		err = o.printer.print(list, list.Names(), func(l report.Layout) error {
			return list.Draw(o.root.Out, o.now(), o.allNamespaces(), o.ofOne(o.root.repeated("receivers"))+" -o yaml", l)
		})
	}
	if err != nil {
		return err
	}
	return f.complete()
}

// list reports what webhooks reach in a cluster.
func (o ReceiversOptions) list(f fleet, c webhook.Coverage) (report.ReceiverList, error) {
	return report.NewReceiverList(c, f.snapshot.Gaps, report.ReceiverPlans{
		Command: o.ofOne(o.root.name + " plan" + o.connection() + o.flags), Policy: o.Policy,
		Resolve: func(p policy.Policy) *policy.Resolver { return policy.NewResolver(p, f.snapshot, o.DefaultEnvironment) },
	})
}

// coverage is what webhooks reach, and what is proposed of what the cluster takes. The warnings say what is left out of it.
func (o ReceiversOptions) coverage(ctx context.Context, f fleet) (webhook.Coverage, []string, error) {
	in := o.webhookInput(f, o.HostTypes)
	in.NoFilter, in.Filter, in.Owners = o.NoFilter, o.Filter, o.Owners
	if o.Files == nil {
		in.Origin = tune.NewJudge(f.snapshot).Origin
	}
	c := webhook.New(in)
	warnings := o.unmatched(c)
	if c.Unread != "" {
		warnings = append(warnings, c.Unread+", so no Receiver is proposed for what none is known to notify: ask somebody who may list receivers in all namespaces")
	}
	if o.Files != nil || len(c.Proposals) == 0 {
		return c, warnings, nil
	}
	filters, err := o.Client.SupportsResourceFilter(ctx)
	if err != nil || filters || o.NoFilter {
		return c, warnings, err
	}
	in.NoFilter = true
	return webhook.New(in), append(warnings, "the Receivers of this cluster have no spec.resourceFilter (notification-controller before 1.5), so none is proposed: each push to a repository polls all sources at its host"), nil
}

// unmatched are warnings of what was typed and is about no source: a typing error changes nothing without one.
func (o ReceiversOptions) unmatched(c webhook.Coverage) []string {
	if len(c.Sources) == 0 {
		return nil
	}
	var warnings []string
	for _, host := range slices.Sorted(maps.Keys(o.HostTypes)) {
		said := o.HostTypes[host]
		switch at := func(s webhook.Source) bool { return s.At(host) }; {
		case !slices.ContainsFunc(c.Sources, at):
			warnings = append(warnings, fmt.Sprintf("--host-type %s: no source that was read is at that host", host))
		case !slices.ContainsFunc(c.Sources, func(s webhook.Source) bool { return at(s) && said.Serves(s.Object.Kind) }):
			warnings = append(warnings, fmt.Sprintf("--host-type %s=%s: that make has nothing of the kinds that are at that host, so it decides nothing", host, said))
		}
	}
	for _, owner := range o.Owners {
		if !slices.ContainsFunc(c.Sources, func(s webhook.Source) bool { return s.Of(owner) }) {
			warnings = append(warnings, fmt.Sprintf("--owner %s: no source that was read is of that owner", owner))
		}
	}
	return warnings
}

// connection is how kubectl asks the same cluster; "" of a checkout.
func (o ReceiversOptions) connection() string {
	if o.Files != nil {
		return ""
	}
	return o.root.connection()
}

// ofOne has a command that is proposed look at the one cluster, where this looks at several.
func (o ReceiversOptions) ofOne(command string) string {
	if o.Cluster == "" {
		return command
	}
	for _, root := range o.roots {
		command = strings.ReplaceAll(command, " --root "+terminal.Quoted(asItem(root)), "")
	}
	return command + " --root " + terminal.Quoted(asItem(o.Cluster))
}
