package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// FitFlags have intervals fitted to shares of the hosts' limits.
type FitFlags struct {
	Fit       []string
	FitLimits []string
	Activity  string
}

// addFit registers the flags; only commands that come to change intervals have them.
func (f *FitFlags) addFit(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.Fit, "fit", nil, "Fit the intervals of the sources that poll a host to a share of its limit, within the bounds of the policy: what changes often is polled often. "+
		"--fit github.com=60%, or of one credential --fit github.com/SECRET=20%, a Secret or provider of that name, or both together (may be repeated).")
	addLimit(cmd, &f.FitLimits)
	f.addActivity(cmd)
	_ = cmd.RegisterFlagCompletionFunc("fit", cobra.FixedCompletions([]string{"github.com=", "gitlab.com=", "bitbucket.org="}, noFiles|cobra.ShellCompDirectiveNoSpace))
}

// addActivity registers what says how often sources change: also where only the policy (spec.fit) has intervals fitted.
func (f *FitFlags) addActivity(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Activity, "activity", "", "A file that says how often sources change, for --fit and spec.fit of a policy: a list of {cluster, kind, namespace, name, perHour}, where all but kinds may have * and ?, and a cluster is called as for spec.clusters of a policy: by its context, or in a checkout by the folder of --root or one on the way to it. What it says counts before all that is read.")
	_ = cmd.RegisterFlagCompletionFunc("activity", completeFiles)
}

// fitOptions are what fitting needs beside a fleet.
type fitOptions struct {
	// asked are the shares that flags name: what they are of must be polled.
	asked []policy.Share
	rules []fit.Rule
	// whole is the command that plans all objects, whatever was chosen of them.
	whole string
}

// toFit lays limits and shares over those of a policy; nil where nothing is to be fitted.
func (f FitFlags) toFit(p policy.Policy, stdin io.Reader) (policy.Policy, *fitOptions, error) {
	o := &fitOptions{}
	limits, err := parseLimits(f.FitLimits)
	if err != nil {
		return p, nil, err
	}
	for _, limit := range limits {
		limit.Flag = true
		p = p.WithLimit(limit)
	}
	if o.asked, err = policy.ParseShares(f.Fit); err != nil {
		return p, nil, fmt.Errorf("--fit: %w", err)
	}
	for _, share := range o.asked {
		p = p.WithFit(share)
	}
	if len(p.Fit) == 0 {
		if f.Activity != "" {
			return p, nil, errors.New("--activity is for fitting: say to what in spec.fit of the policy, or of plan, apply and rewrite with --fit github.com=60%")
		}
		return p, nil, nil
	}
	if f.Activity != "" {
		data, err := readInput(f.Activity, stdin)
		if err == nil {
			o.rules, err = fit.ParseRules(f.Activity, data)
		}
		if err != nil {
			return p, nil, fmt.Errorf("--activity: %w", err)
		}
	}
	return p, o, nil
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// fitAll fits the intervals of all clusters together, since their hosts do not tell them apart; nil where nothing is to be
// fitted. The fleets are those that came in, and know what cannot be rewritten.
func (o FleetOptions) fitAll(ctx context.Context, fs fleets, opts tune.Options, now time.Time) (out fleets, fitting *fit.Fitting, err error) {
	switch out = fs; {
	case o.fit == nil:
		return fs, nil, nil
	case o.Files != nil && o.Files.tree != nil:
		out, fitting, err = o.fitFiles(ctx, fs, opts, now)
	default:
		fitting, err = o.fitOnce(ctx, fs, opts, now)
	}
	if tooMuch := (*fit.ExcessError)(nil); errors.As(err, &tooMuch) && tooMuch.Unasked {
		err = fmt.Errorf("%w; %s", err, o.ofAll(ctx, out, opts, now))
	}
	return out, fitting, err
}

// fitOnce fits by what is known of the fleets.
func (o FleetOptions) fitOnce(ctx context.Context, fs fleets, opts tune.Options, now time.Time) (*fit.Fitting, error) {
	in, err := o.fitInput(ctx, fs, opts, now)
	if err != nil {
		return nil, err
	}
	fitting, err := fit.New(in)
	if err != nil {
		return nil, err
	}
	if o.partial() { // what was not read may poll it: fitWarnings
		return fitting, nil
	}
	return fitting, o.fit.polled(fitting, in.Clusters)
}

// fitInput is what is fitted, by what is known of the fleets.
func (o FleetOptions) fitInput(ctx context.Context, fs fleets, opts tune.Options, now time.Time) (in fit.Input, err error) {
	in = fit.Input{Shares: o.Policy.Fit, Limits: budget.NewLimits(o.Policy.Limits, nil), Rules: o.fit.rules, Now: now, Unread: o.unshared(fs)}
	for _, gap := range fs.missing {
		in.Missing = append(in.Missing, gap.Cluster)
	}
	in.Clusters, err = o.fitClusters(ctx, fs, opts, now)
	return in, err
}

// fitted are the options of a plan for the cluster: with what was fitted for it, and times by its clock.
func (f fleet) fitted(fitting *fit.Fitting, opts tune.Options) *tune.Options {
	if fitting != nil {
		opts.Fitted, opts.Unfitted = fitting.Bounds(f.place), fitting.Left[f.place]
	}
	opts.Now, opts.Until = f.options.serverTime(opts.Now), f.options.serverTime(opts.Until)
	return &opts
}

// fitClusters are what is fitted together: the clusters that are looked at; of a checkout all, where those that were not
// asked for keep what they have, and take their part of the shares.
func (o FleetOptions) fitClusters(ctx context.Context, fs fleets, opts tune.Options, now time.Time) ([]fit.Cluster, error) {
	var clusters []fit.Cluster
	if o.Files == nil {
		for _, f := range fs.all {
			clusters = append(clusters, f.fitCluster(opts, true, now))
		}
		return clusters, nil
	}
	var history *manifest.History
	if o.Files.tree != nil {
		h, err := manifest.ReadHistory(ctx, o.Files.name, now.Add(-fitWindow))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil { // a folder without Git knows nothing: then that is said of each source
			history = &h
		}
	}
	for i := range o.Files.fleets {
		f, asked := fs.at(i)
		if !asked {
			var err error
			if f, err = o.readRoot(i); err != nil {
				return nil, err
			}
		}
		c := f.fitCluster(opts, asked, now)
		if history != nil {
			c.Commits = commits(*history, o.Files.fleets[i], now)
		}
		clusters = append(clusters, c)
	}
	return clusters, nil
}

// readCosting adds what polls hosts and has nothing to tune: it takes its part of limits, and of the shares of a fit.
func (o FleetOptions) readCosting(ctx context.Context, snapshot *flux.Snapshot) error {
	if o.fit == nil && !o.costing {
		return nil
	}
	costing, err := o.Client.ReadCostKinds(ctx, o.Selection.Namespace)
	if err != nil {
		return err
	}
	snapshot.Relate(costing.Objects)
	snapshot.Tried = append(snapshot.Tried, costing.Tried...)
	for _, gap := range costing.Gaps {
		snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: gap.What, Why: notCosted, Harmless: true})
	}
	return nil
}

// notCosted is why resources are a gap that have nothing to tune.
const notCosted = "they could not be read: what they ask of hosts is not counted"

// uncosted parts such gaps from the others, and names what they are of.
func uncosted(gaps []flux.Gap) (others []flux.Gap, unread []string) {
	for _, gap := range gaps {
		if gap.Why == notCosted {
			unread = append(unread, gap.What)
		} else {
			others = append(others, gap)
		}
	}
	return others, unread
}

// fitWindow is how far back commits are counted: long enough for what changes monthly, and not so long that what a team
// did last year still counts.
const fitWindow = 90 * 24 * time.Hour

// commits counts those of the checkout's own sources.
func commits(h manifest.History, f manifest.Fleet, now time.Time) map[flux.Ref]fit.Commits {
	counted := map[flux.Ref]fit.Commits{}
	for ref, files := range f.SourceFiles() {
		counted[ref] = fit.Commits{Count: h.Changes(files), Window: now.Sub(h.Since)}
	}
	return counted
}

// fitCluster asks a plan that wants another interval of every source which of them it would change for good, and a budget what each
// costs. What was read and not asked for only takes its part, and so does what would be undone: at what it asks then.
func (f fleet) fitCluster(opts tune.Options, asked bool, now time.Time) fit.Cluster {
	var objects []flux.Object
	if asked {
		objects = f.objects
	}
	here := f.options.Policy
	plan, undone := f.probed(objects, &opts)
	changed, chosen := map[flux.Ref]bool{}, map[flux.Ref]bool{}
	for _, object := range objects {
		chosen[object.Ref] = true
	}
	left := maps.Clone(undone)
	for _, item := range plan.Items {
		if item.Action == tune.ActionSkip {
			left[item.Object.Ref] = tune.Left{Reason: item.Reason, Message: item.Message}
		}
		_, comesBack := undone[item.Object.Ref]
		changed[item.Object.Ref] = asked && !comesBack && item.Action == tune.ActionChange && item.Planned(flux.Interval) != item.Object.Interval && f.arrives(item.Object, flux.Interval)
	}
	items := f.arriving(plan.Items)
	if !asked {
		items = nil
	}
	items = f.beside(items)
	c := fit.Cluster{Names: here.Names(), Left: left, Chosen: chosen, Free: fit.Free(objects, here, f.resolver, func(ref flux.Ref) bool { return changed[ref] })}
	for object := range f.snapshot.All() {
		c.Objects = append(c.Objects, object)
	}
	costs := func(items []tune.Item) budget.Budget {
		return budget.New(budget.Input{Items: items, Now: now, Notifiers: f.snapshot.Notifiers, Controllers: f.controllers()})
	}
	c.Budget = costs(items)
	if afterwards, some := settledItems(opts.Judge, items); some {
		c.Undone = map[flux.Ref]float64{}
		for _, item := range costs(afterwards).Items {
			c.Undone[item.Object.Ref] = item.Planned()
		}
	}
	return c
}

// probed is a plan that wants another interval of every source, but of those whose change would be undone: these get what the policy
// wants, if anything. The second result says of them why they are not fitted.
func (f fleet) probed(objects []flux.Object, opts *tune.Options) (tune.Plan, map[flux.Ref]tune.Left) {
	opts.Fitted = fit.Probe(objects, f.options.Policy, f.resolver)
	plan, undone := f.plan(opts), map[flux.Ref]tune.Left{}
	for _, item := range plan.Items {
		if s, comesBack := item.ComesBack(flux.Interval); comesBack && item.Object.KindRow().Source {
			undone[item.Object.Ref] = tune.LeftToOwner(s)
			delete(opts.Fitted, item.Object.Ref)
		}
	}
	if len(undone) > 0 {
		plan = f.plan(opts)
	}
	return plan, undone
}

// polled is an error where a share that a flag names is of a host or credential that nobody polls, and everything was read: then it is
// mistyped. A policy may be for more clusters than those.
func (f *fitOptions) polled(fitting *fit.Fitting, clusters []fit.Cluster) error {
	for _, s := range f.asked {
		if slices.ContainsFunc(fitting.Shares, func(u fit.ShareUse) bool { return u.Host == s.Host && u.Credential == s.Credential }) {
			continue
		}
		hosts, credentials, host := map[string]bool{}, map[string]bool{}, false
		for _, c := range clusters {
			for _, h := range c.Budget.Hosts {
				hosts[h.Name] = true
				host = host || budget.SameHost(h.Name, s.Host)
			}
			for _, known := range c.Budget.Credentials {
				for _, name := range []string{known.Secret, known.Provider} {
					if name != "" && budget.SameHost(known.Host, s.Host) {
						credentials[s.Host+"/"+name] = true
					}
				}
			}
		}
		switch {
		case len(hosts) == 0:
			return fmt.Errorf("--fit %s: nothing that was read polls a host", s)
		case s.Credential == "" || !host:
			return fmt.Errorf("--fit %s: nothing that was read polls it; %s", s, polledNames(hosts))
		case len(credentials) == 0:
			return fmt.Errorf("--fit %s: no source that polls %s names a credential (spec.secretRef or spec.provider)", s, s.Host)
		default:
			return fmt.Errorf("--fit %s: no source polls %s with it; there are %s", s, s.Host, fewNames(credentials))
		}
	}
	return nil
}

// fewNames are the first of some names.
func fewNames(set map[string]bool) string {
	const most = 8
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// polledNames says which hosts are polled, of which there is one at least: "polled is github.com".
func polledNames(hosts map[string]bool) string {
	if len(hosts) == 1 {
		return "polled is " + fewNames(hosts)
	}
	return "polled are " + fewNames(hosts)
}
