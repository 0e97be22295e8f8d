package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/alerts"
	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// AlertsFlags are what the user of alerts types.
type AlertsFlags struct {
	PolicyFlags
	FileFlags
	AllNamespaces bool
	Limits        []string
	Above         string
	As            string
}

// AlertsOptions are what alerts needs to run.
type AlertsOptions struct {
	FleetOptions
	Limits budget.Limits
	// Above is the part of a limit, in percent, that is an alarm where the policy has no share.
	Above float64
	// As is what is printed: one of alertFormats.
	As   string
	root *root
	// under are the flags by which the commands of runbooks come to the same policy and limits, but for policyFile.
	under, policyFile string
}

// What alerts prints.
const (
	prometheusRule   = "prometheusrule"
	ruleFile         = "rules"
	kubeStateMetrics = "kube-state-metrics"
)

func alertFormats() []string { return []string{prometheusRule, ruleFile, kubeStateMetrics} }

func newAlerts(r *root) *cobra.Command {
	var flags AlertsFlags
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "Print alarms for Prometheus that fit the fleet; write nothing",
		Long: long(`
			Print rules for Prometheus, made from the fleet, the policy and the limits of hosts. They alarm when

			  a host gets more than its share     spec.fit of the policy, or else --above of its limit
			  workers are busy above 70%          new revisions then wait for a free one
			  a reconcile exceeds its interval    so that the object is reconciled most of the time
			  a source has not polled             for three of its intervals
			  a source has never been polled      since its controller started
			  a session is overdue                apply --for was ended before it took anything back
			  metrics are missing                 since then all others are silent
			  a controller starts anew            three times within an hour

			  -o prometheusrule      a PrometheusRule, for the Prometheus Operator
			  -o rules               a rule file
			  -o kube-state-metrics  what kube-state-metrics has to tell beside

			All but two need only the metrics of Flux's own controllers (fluxcd.io/flux/monitoring/metrics). The end
			of a session, and that a source is there which no controller has polled, are known to kube-state-metrics
			alone, with the configuration that is printed; so is what was suspended after the rules were made, and
			would be taken for a source that does not poll. Where Flux's
			published configuration is in use, add the second metric to its entry of each kind.

			Prometheus knows neither the intervals of objects nor their hosts. So the rules name the objects, by kind
			and namespace where that is enough: print them anew, and compare, when the fleet changes. Where the policy
			changes an interval, the longer of both counts. With -n they are about the objects of that namespace alone,
			and stand beside those of others.

			The rules are about one cluster, belong to the Prometheus of that one, and compare what it asks with the whole
			share, so that several clusters may together ask more without an alarm. Give each its part (--limit, or shares
			in a policy for each), or alarm on the sum where the records of all come together:
			sum by (host) (fluxtune:host_requests:per_hour{exported_namespace=""}) > 4000`),
		Example: examples(`
			# Load them. Many Prometheus Operators want a label: see its ruleSelector
			kubectl fluxtune alerts -A > alerts.yaml
			kubectl label --local -f alerts.yaml release=kube-prometheus-stack -o yaml | kubectl apply -n monitoring -f -

			# From a checkout, with a limit, for a Prometheus without the operator
			kubectl fluxtune alerts -f . --root clusters/production --limit git.example.com=20000/h -o rules > fluxtune.rules.yaml
			promtool check rules fluxtune.rules.yaml

			# In a pipeline: are they still those of the fleet?
			kubectl fluxtune alerts -f . --root clusters/production | diff - alerts.yaml

			# What kube-state-metrics has to tell
			kubectl fluxtune alerts -A -o kube-state-metrics`),
		Args: cobra.NoArgs,
		RunE: runE(r, flags.toOptions),
	}
	flags.add(cmd)
	r.completeFleet(cmd)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func (f *AlertsFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.AllNamespaces, "all-namespaces", "A", false, "Look in all namespaces.")
	f.PolicyFlags.add(cmd)
	f.addFiles(cmd)
	addLimit(cmd, &f.Limits)
	cmd.Flags().StringVar(&f.Above, "above", "80%", "The share of a host's limit that is an alarm, where spec.fit of the policy gives the host none.")
	cmd.Flags().StringVarP(&f.As, "output", "o", prometheusRule, fmt.Sprintf("What to print: one of %s.", strings.Join(alertFormats(), ", ")))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(alertFormats(), noFiles))
	_ = cmd.RegisterFlagCompletionFunc("above", cobra.FixedCompletions([]string{"60%", "80%", "100%"}, noFiles))
}

func (f *AlertsFlags) toOptions(r *root, args []string) (o AlertsOptions, err error) {
	o.root, o.As = r, f.As
	if !slices.Contains(alertFormats(), f.As) {
		return o, fmt.Errorf("-o %q: it is one of %s", f.As, strings.Join(alertFormats(), ", "))
	}
	if o.Above, err = parsePercent("--above", f.Above); err != nil {
		return o, err
	}
	if o.Above == 0 {
		return o, fmt.Errorf("--above is empty: write it like 80%%")
	}
	limits, err := parseLimits(f.Limits)
	if err != nil {
		return o, err
	}
	fleet := FleetFlags{PolicyFlags: f.PolicyFlags, FileFlags: f.FileFlags, SelectionFlags: SelectionFlags{AllNamespaces: f.AllNamespaces}}
	if o.FleetOptions, err = fleet.toOptions(r, args); err != nil {
		return o, err
	}
	if o.Files != nil && len(o.Files.chosen) > 1 {
		return o, fmt.Errorf("the rules are of one cluster: choose one of the %d with --root %s", len(o.Files.chosen), terminal.Quoted(asItem(o.Files.fleets[0].Root.String())))
	}
	o.Limits = budget.NewLimits(o.Policy.Limits, limits)
	again := f.PolicyFlags
	if _, err := policy.Preset(again.Policy); err != nil && !filepath.IsAbs(again.Policy) {
		o.policyFile, again.Policy = again.Policy, policy.DefaultName
	}
	o.under = again.again()
	for _, limit := range f.Limits {
		o.under += " --limit " + terminal.Quoted(limit)
	}
	return o, nil
}

func (o AlertsOptions) run(ctx context.Context) error {
	if o.Files != nil {
		o.root.inFiles(o.Files.fleet().Snapshot.Gaps)
	}
	o.controllers, o.costing = true, true
	f, err := o.read(ctx)
	if err != nil {
		return err
	}
	if len(f.objects) == 0 {
		o.root.warn(nil, f.snapshot.Gaps)
		o.root.nothingFound(o.FleetOptions, o.where(), f.snapshot.Incomplete(), f)
		return errors.Join(f.complete(), errNoRules)
	}
	b := BudgetOptions{FleetOptions: o.FleetOptions, OutputOptions: OutputOptions{root: o.root}, Limits: o.Limits}
	in, unread, err := b.input(ctx, &f, nil)
	if err != nil {
		return err
	}
	counted := budget.New(in)
	items, lent := afterSessions(counted.Items)
	made := alerts.New(alerts.Input{
		Items: items, Idle: counted.Idle, Limits: o.Limits, Shares: o.Policy.Fit, Above: o.Above, Namespace: o.Selection.Namespace, Cluster: o.onCluster(), Under: o.under, PolicyFile: o.policyFile,
	})
	if len(made.Rules.Groups) == 0 && o.As != kubeStateMetrics {
		return errNoRules
	}
	if lent > 0 {
		made.Notes = append(made.Notes, fmt.Sprintf("%s polled more often for a session of apply --for: the rules count with the longer intervals that come back", areNow(lent)))
	}
	var warnings []string
	if mistyped := unpolled(o.Limits, counted.PolledHosts()); mistyped != "" {
		warnings = append(warnings, mistyped)
	}
	warnings = append(warnings, o.unpolledShares(o.unpolledFit(counted))...)
	o.root.warn(warnings, f.snapshot.Gaps)
	lacks := gapWarnings(f.snapshot.Gaps)
	for _, what := range unread {
		lacks = append(lacks, what+" could not be read: what they ask hosts is not counted")
		made.Notes = append(made.Notes, lacks[len(lacks)-1])
	}
	if o.As != kubeStateMetrics {
		if len(o.Policy.Fit) > 0 {
			made.Notes = append(made.Notes, "the policy fits intervals (spec.fit), and the rules count with those that are there: make them anew when what plan shows is applied")
		}
		for _, note := range made.Notes {
			_, _ = fmt.Fprintf(o.root.ErrOut, "Note: %s\n", note)
		}
	}
	if err := o.print(made.Rules, f.objects, len(items), lacks); err != nil {
		return err
	}
	return f.complete()
}

// afterSessions gives the sources that a session of apply --for polls more often the intervals that come back, so that rules hold as
// long as it lasts, and when it is over, and counts them. What is not due now is not due then.
func afterSessions(items []budget.Item) (_ []budget.Item, lent int) {
	for i := range items {
		every := items[i].Interval.Now
		if after := tune.AfterSessions(items[i].Object).Effective(flux.Interval); every > 0 && after > every && items[i].Object.KindRow().Source {
			items[i].Interval.Now = after
			lent++
		}
	}
	return items, lent
}

// errNoRules: rules for nothing would silence alarms where they take the place of others.
var errNoRules = errors.New("there is no object to make rules of: nothing is printed, so keep the rules that you have until you know why")

func areNow(sources int) string {
	if sources == 1 {
		return "1 source is"
	}
	return fmt.Sprintf("%d sources are", sources)
}

// unpolledFit are the shares of the policy that nothing counts to: there is no alarm about them.
func (o AlertsOptions) unpolledFit(b budget.Budget) []policy.Share {
	return slices.DeleteFunc(slices.Clone(o.Policy.Fit), func(s policy.Share) bool {
		return slices.ContainsFunc(b.Items, func(i budget.Item) bool { return i.Cost != (budget.Cost{}) && o.Limits.Counts(i.Asker(), s) })
	})
}

// onCluster are the flags by which commands come to the same cluster when an alarm goes off; "" where the rules come from a
// checkout. As whom somebody asks then is their own.
func (o AlertsOptions) onCluster() string {
	if o.Files != nil {
		return ""
	}
	return o.root.connectionOf(ofTheCluster)
}

func (o AlertsOptions) print(rules alerts.Rules, objects []flux.Object, items int, lacks []string) error {
	var document any = rules
	header := fmt.Sprintf("# From kubectl fluxtune alerts, of %s under policy %s. They are named here as they were:\n# make the rules anew when the fleet changes.\n",
		plural(items, "object"), o.Policy.Title())
	switch o.As {
	case prometheusRule:
		document = alerts.NewPrometheusRule(rules.Groups[0].Name, rules)
	case kubeStateMetrics:
		document = alerts.NewStateMetrics(objects)
		header = "# What kube-state-metrics has to tell for the rules of kubectl fluxtune alerts (--custom-resource-state-config-file). It needs the\n" +
			"# rights to list and watch these kinds. Where Flux's own is in use (its prefix is gotk, too), add the second metric to its\n" +
			"# entry of each kind: many versions take one entry for each.\n"
	}
	for _, what := range lacks { // whoever applies the file should see it, too
		header += "# Incomplete: " + strings.Join(strings.Fields(what), " ") + "\n"
	}
	text, err := terminal.MarshalYAML(document)
	if err != nil {
		return err
	}
	_, err = o.root.document().Write([]byte(strings.ReplaceAll(header+string(text), pluginName, o.root.name)))
	return err
}

// addLimit registers --limit.
func addLimit(cmd *cobra.Command, limits *[]string) {
	cmd.Flags().StringArrayVar(limits, "limit", nil, "What a host should get at most: --limit github.com=5000/h (per s, m, h or d, or none; may be repeated).")
	_ = cmd.RegisterFlagCompletionFunc("limit", cobra.FixedCompletions([]string{"github.com=", "gitlab.com=", "bitbucket.org="}, noFiles|cobra.ShellCompDirectiveNoSpace))
}

// parseLimits reads the values of --limit.
func parseLimits(texts []string) ([]policy.Limit, error) {
	limits, err := policy.ParseLimits(texts)
	if err != nil {
		return nil, fmt.Errorf("--limit: %w", err)
	}
	return limits, nil
}
