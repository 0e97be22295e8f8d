package cmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// DoctorFlags are what the user typed.
type DoctorFlags struct {
	PolicyFlags
	OutputFlags
	ClusterFlags
	AllNamespaces bool
}

// DoctorOptions are what the run needs.
type DoctorOptions struct {
	again  string // the flags of the policy
	own    string // the same flags with the file in which the lines that are proposed go
	Client *cluster.Client
	inGit  bool // most changes in the cluster would be undone
	allGit bool // all of them
	// Namespace to look at; "" for all.
	Namespace          string
	Policy             policy.Policy
	DefaultEnvironment string
	policyFile         string // "" for a policy that comes with fluxtune
	proposedFile       string // for the lines that are proposed, where there is no policyFile
	printer            *printer
	root               *root
}

func newDoctor(r *root) *cobra.Command {
	flags := DoctorFlags{OutputFlags: OutputFlags{formats: []string{"table", "wide", "json", "yaml"}}}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what fluxtune finds in the cluster, and what to do next",
		Long: long(`
			Check Flux's version and kinds, which commands work with your rights, which environments
			Flux's objects have, what applies them, whether changes can be held against Git, and which sources
			webhooks reach; then say what to run next. Nothing is written. All namespaces are looked at, unless -n is given: then
			rights are asked for as the commands need them with that -n. Several clusters are checked one after the
			other, and the last lines name those that need something, the worst first. With -o json or yaml they are items
			of one list. On a terminal what is well takes one line, and only rights that are missing are listed: -o wide shows
			everything, as a pipe does.

			Where objects have no environment that the policy knows, doctor proposes words for --env-alias
			and lines for a policy, by the names of namespaces and of the cluster.

			Exit code 1 means that Flux is not there, or that its objects may not be read; whether nodes
			works, which needs nothing of it, is told all the same.`),
		Example: examples(`
			# The whole cluster
			kubectl fluxtune doctor

			# All clusters of the kubeconfig, one after the other
			kubectl fluxtune doctor --all-contexts

			# One namespace, as somebody else
			kubectl fluxtune doctor -n team-a --as jane`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return flags.run(cmd.Context(), r) },
	}
	flags.PolicyFlags.add(cmd)
	flags.addFormat(cmd)
	flags.addClusters(cmd, r, "Check")
	cmd.Flags().BoolVarP(&flags.AllNamespaces, "all-namespaces", "A", false, "Look in all namespaces: the default, unless -n is given.")
	r.completeFleet(cmd)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// run checks the cluster, or one after the other of those that flags name, below a heading each.
func (f *DoctorFlags) run(ctx context.Context, r *root) error {
	names, err := f.chosen(r)
	switch {
	case err != nil:
		return err
	case len(names) == 0:
		o, err := f.toOptions(r)
		if err != nil {
			return err
		}
		d, err := o.look(ctx)
		if err != nil {
			return err
		}
		return o.show(d, "")
	}
	p, err := f.toPrinter(r)
	if err != nil {
		return err
	}
	var piped []byte
	if f.Policy == "-" { // a pipe is read once, and its policy is that of all
		if piped, err = io.ReadAll(r.In); err != nil {
			return fmt.Errorf("reading --policy from stdin: %w", err)
		}
	}
	closing, code := f.runAll(ctx, r, names, piped, p.tables())
	if !p.tables() {
		err = p.print(closing.List(), nil, nil)
	} else {
		gap := ""
		if len(closing.List().Items) > 0 {
			gap = "\n"
		}
		closing.DrawLines(r.Out, p.layout)
		_, _ = fmt.Fprintf(r.Out, "%s# %s, the worst first\n", gap, plural(len(names), "context"))
		err = closing.Draw(r.Out, p.layout)
	}
	if err != nil || code == exitDone {
		return err
	}
	return silentError{code}
}

// runAll checks the clusters of contexts, with what was piped in for each, and shows what it finds below a heading each, if that is wanted.
func (f *DoctorFlags) runAll(ctx context.Context, r *root, names []string, piped []byte, show bool) (closing report.Closing, code int) {
	gap := ""
	for _, name := range names {
		found := report.Diagnosed{Diagnosis: report.Diagnosis{Cluster: name}}
		if ctx.Err() != nil {
			found.Skipped, code = true, exitInterrupted
			closing = append(closing, found)
			continue
		}
		there := r.inContext(name)
		there.In = bytes.NewReader(piped)
		o, err := f.toOptions(there)
		if err == nil {
			found.Diagnosis, err = o.look(ctx)
			found.Cluster = name
		}
		if err == nil && show {
			err = o.show(found.Diagnosis.WithoutLines(), fmt.Sprintf("%s# %s\n", gap, name))
		} else if err == nil && found.Failed() {
			err = silentError{exitFailed}
		}
		if silent := (silentError{}); err != nil && !errors.As(err, &silent) {
			found.Err, found.Skipped = explain(err), ctx.Err() != nil
			_, _ = fmt.Fprintf(r.ErrOut, "error: %s: %s\n", name, terminal.Printable(found.Err))
		} else {
			gap = "\n"
		}
		if err != nil && code == exitDone {
			code = exitFailed
		}
		closing = append(closing, found)
	}
	return closing, code
}

// toOptions reads the policy and the roles; it sends no request.
func (f *DoctorFlags) toOptions(r *root) (*DoctorOptions, error) {
	fleet, err := FleetFlags{PolicyFlags: f.PolicyFlags}.toOptions(r, nil)
	if err != nil {
		return nil, err
	}
	o := &DoctorOptions{Client: fleet.Client, Policy: fleet.Policy, DefaultEnvironment: fleet.DefaultEnvironment, root: r, again: f.PolicyFlags.again()}
	own := f.PolicyFlags
	own.Policy = freeFile("policy", ".yaml")
	o.proposedFile = own.Policy
	o.own = own.again()
	namespace, given, err := r.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	if given && !f.AllNamespaces {
		if err := oneNamespace(namespace); err != nil {
			return nil, err
		}
		o.Namespace = namespace
	}
	switch {
	case f.Policy == "-":
		o.policyFile = "the policy"
	case !slices.Contains(policy.PresetNames(), f.Policy):
		o.policyFile = f.Policy
	}
	o.printer, err = f.toPrinter(r)
	return o, err
}

// look looks at everything.
func (o *DoctorOptions) look(ctx context.Context) (report.Diagnosis, error) {
	d, err := o.diagnose(ctx)
	return d.Called(pluginName, o.root.name, o.root.connection(), o.root.connectionOf(ofTheCluster)), err
}

// show shows what was found, below a heading where several clusters are looked at.
func (o *DoctorOptions) show(d report.Diagnosis, heading string) error {
	err := o.printer.print(d, nil, func(l report.Layout) error {
		_, _ = fmt.Fprint(o.root.Out, heading)
		return d.Draw(o.root.Out, l)
	})
	if err == nil && d.Failed() {
		err = silentError{exitFailed}
	}
	return err
}

func (o *DoctorOptions) diagnose(ctx context.Context) (report.Diagnosis, error) {
	served, err := o.Client.ServedKinds(ctx) // first: it gives a silent API server up soonest
	if err != nil {
		return report.Diagnosis{}, err
	}
	version, err := o.Client.ServerVersion(ctx)
	if err != nil {
		return report.Diagnosis{}, err
	}
	rights, err := o.rights(ctx, served)
	if err != nil {
		return report.Diagnosis{}, err
	}
	deployments, _, err := o.Client.Controllers(ctx)
	if err != nil {
		return report.Diagnosis{}, err
	}
	kinds := report.KindsCheck(served, distribution(deployments))
	checks := []report.Check{{Name: report.ClusterCheck, Status: report.CheckOK, Message: o.who(version, rights.User)}, kinds}
	nearby, err := o.nearby(ctx, rights, served)
	if err != nil {
		return report.Diagnosis{}, err
	}
	access := report.Access{Rights: rights, Namespace: o.Namespace, Nearby: nearby}
	nodes := access.NodesCheck()
	if !slices.ContainsFunc(flux.Kinds(), func(k flux.Kind) bool { return served[k.Name] != "" }) {
		return report.NewDiagnosis(append(checks, nodes), rights, o.next(report.Refused(), report.Refused(), nodes, "")), nil
	}
	if lost := flux.TakesOver(cluster.MergeControllers(deployments), tune.DefaultManager); lost != "" {
		checks = append(checks, report.Check{Name: "field manager", Status: report.CheckWarning, Message: lost})
	}
	return o.diagnoseFleet(ctx, access, checks, nodes, served)
}

// who says whose rights are looked at, in which cluster.
func (o *DoctorOptions) who(version, user string) string {
	text := "Kubernetes " + cmp.Or(version, "of unknown version")
	for _, name := range o.root.clusterNames() {
		text += fmt.Sprintf(", %s", name)
		break // the context; the cluster is part of it
	}
	if user != "" {
		text += fmt.Sprintf(", as %q", user)
	}
	return text
}

// askedOneByOne is of how many objects doctor asks one by one whether they may be patched: a question each.
const askedOneByOne = 100

// diagnoseFleet is about the objects that may be read, and the commands that change them.
func (o *DoctorOptions) diagnoseFleet(ctx context.Context, access report.Access, checks []report.Check, nodes report.Check, served map[string]string) (report.Diagnosis, error) {
	options := FleetOptions{
		Client: o.Client, Policy: o.Policy, DefaultEnvironment: o.DefaultEnvironment,
		Selection: cluster.Selection{Namespace: o.Namespace}, related: true, receivers: true, // as plan --managed=pin asks
	}
	fleet, err := options.read(ctx)
	if err != nil {
		return report.Diagnosis{}, err
	}
	if !access.Rights.MayAny(report.AlikeKinds, "patch") && len(fleet.objects) <= askedOneByOne {
		if access.Some, err = o.Client.MayPatchAny(ctx, fleet.objects); err != nil {
			return report.Diagnosis{}, err
		}
	}
	look := access.LookCheck(fleet.snapshot)
	write := access.WriteCheck(look)
	checks = append(checks, look, access.BudgetCheck(look), write, nodes)
	proposal := report.NewProposal(o.Policy, fleet.snapshot, fleet.resolver, o.root.clusterNames())
	if look.Status != report.CheckFailed {
		checks = append(checks, access.EnvironmentsCheck(o.Policy, fleet.snapshot, fleet.resolver, proposal, o.where()))
	}
	pins := false
	if served[kustomizationKind] != "" {
		if pins, err = o.Client.SupportsIgnore(ctx); err != nil {
			return report.Diagnosis{}, err
		}
	}
	inGit, allGit := false, false
	judge := tune.NewJudge(fleet.snapshot)
	if len(fleet.objects) > 0 {
		lasting := judge.Lasting(fleet.objects)
		inGit, allGit = 2*lasting.Undone > lasting.Objects, lasting.Undone == lasting.Objects
		checks = append(checks, report.OwnersCheck(fleet.snapshot, lasting, pins, o.where()))
		if served[kustomizationKind] != "" {
			checks = append(checks, report.IgnoreCheck(pins, lasting, fleet.snapshot.Incomplete()))
		}
	} else if served[kustomizationKind] != "" {
		checks = append(checks, report.IgnoreCheck(pins, tune.Lasting{}, fleet.snapshot.Incomplete()))
	}
	if webhooks, found := report.WebhooksCheck(options.webhooks(fleet, nil), o.where()); found {
		checks = append(checks, webhooks)
	}
	now := options.serverTime(o.root.Now())
	checks = append(checks, report.SessionChecks(tune.Sessions(fleet.objects, nil), now, o.where())...)
	if bad, found := report.RecordsCheck(fleet.objects, o.root.connection()); found {
		checks = append(checks, bad)
	}
	if lost, found := report.LostRecordsCheck(fleet.objects, o.root.connection()); found {
		checks = append(checks, lost)
	}
	checks = append(checks, report.StrayEndsCheck(options.strayEnds(o.root, fleet.objects))...)
	if left, found := report.RulesCheck(options.leftRules(fleet, now), o.where()); found {
		checks = append(checks, left)
	}
	if lost, found := report.LostPinsCheck(fleet.objects, judge, o.where()); found {
		checks = append(checks, lost)
	}
	checks = append(checks, report.AwaitedChecks(options.awaited(fleet, nil, now, nil))...)
	next := o.after(proposal, inGit && look.Works(), allGit).next(look, write, nodes, access.Nearby)
	return report.NewDiagnosis(checks, access.Rights, next).WithProposal(proposal, o.policyFile, o.proposedFile), nil
}

const kustomizationKind = "Kustomization"

// distribution is the version of Flux that its controllers bear.
func distribution(deployments []cluster.Deployment) string {
	for _, d := range deployments {
		if d.Version != "" {
			return d.Version
		}
	}
	return ""
}

// where is what commands take to look in the same place.
func (o *DoctorOptions) where() string {
	if o.Namespace != "" {
		return "-n " + terminal.Quoted(o.Namespace) + o.root.connection() + o.again
	}
	return "-A" + o.root.connection() + o.again
}
