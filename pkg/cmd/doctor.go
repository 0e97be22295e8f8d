package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// DoctorFlags are what the user typed.
type DoctorFlags struct {
	PolicyFlags
	OutputFlags
	AllNamespaces bool
}

// DoctorOptions are what the run needs.
type DoctorOptions struct {
	Client *cluster.Client
	// Namespace to look at; "" for all.
	Namespace          string
	Policy             policy.Policy
	DefaultEnvironment string
	Viewer, Tuner      rbacv1.ClusterRole
	printer            *printer
	root               *root
}

func newDoctor(r *root) *cobra.Command {
	flags := DoctorFlags{OutputFlags: OutputFlags{formats: []string{"json", "yaml"}}}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what fluxtune finds in the cluster, and what to do next",
		Long: long(`
			Check your rights, Flux's version and kinds, which environments its objects have, what
			applies them, and whether changes can be held against Git; then say what to run next.
			Nothing is written. All namespaces are looked at, unless -n is given.

			Exit code 1 means that something does not work.`),
		Example: examples(`
			# The whole cluster
			kubectl fluxtune doctor

			# One namespace, as somebody else
			kubectl fluxtune doctor -n team-a --as jane`),
		Args: cobra.NoArgs,
		RunE: runE(r, flags.toOptions),
	}
	flags.PolicyFlags.add(cmd)
	flags.addFormat(cmd)
	cmd.Flags().BoolVarP(&flags.AllNamespaces, "all-namespaces", "A", false, "Look in all namespaces: the default, unless -n is given.")
	r.completeFleet(cmd)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// toOptions reads the policy and the roles; it sends no request.
func (f *DoctorFlags) toOptions(r *root, _ []string) (*DoctorOptions, error) {
	fleet, err := FleetFlags{PolicyFlags: f.PolicyFlags}.toOptions(r, nil)
	if err != nil {
		return nil, err
	}
	o := &DoctorOptions{Client: fleet.Client, Policy: fleet.Policy, DefaultEnvironment: fleet.DefaultEnvironment, root: r}
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
	if o.Viewer, _, err = role(viewerRole); err != nil {
		return nil, err
	}
	if o.Tuner, _, err = role(tunerRole); err != nil {
		return nil, err
	}
	o.printer, err = f.toPrinter(r)
	return o, err
}

// run looks at everything and shows it.
func (o *DoctorOptions) run(ctx context.Context) error {
	d, err := o.diagnose(ctx)
	if err != nil {
		return err
	}
	// Remedies are written down with kubectl's name of the plugin.
	for i := range d.Checks {
		d.Checks[i].Remedy = strings.ReplaceAll(d.Checks[i].Remedy, pluginName, o.root.name)
	}
	for i := range d.Next {
		d.Next[i] = strings.ReplaceAll(d.Next[i], pluginName, o.root.name)
	}
	err = o.printer.print(d, nil, func(l report.Layout) error { return d.Draw(o.root.Out, l) })
	if err == nil && d.Failed() {
		return silentError{exitFailed}
	}
	return err
}

func (o *DoctorOptions) diagnose(ctx context.Context) (report.Diagnosis, error) {
	version, err := o.Client.ServerVersion(ctx)
	if err != nil {
		return report.Diagnosis{}, err
	}
	checks := []report.Check{{Name: "cluster", Status: report.CheckOK, Message: "Kubernetes " + version}}
	served, err := o.Client.ServedKinds(ctx)
	if err != nil {
		return report.Diagnosis{}, err
	}
	deployments, _, err := o.Client.Controllers(ctx)
	if err != nil {
		return report.Diagnosis{}, err
	}
	kinds := report.KindsCheck(served, distribution(deployments))
	checks = append(checks, kinds)
	if kinds.Status == report.CheckFailed {
		return report.NewDiagnosis(checks, []string{"flux check --pre"}), nil
	}
	look, err := o.accessCheck(ctx, "looking", o.Viewer, viewerRole, served, report.CheckFailed)
	if err != nil {
		return report.Diagnosis{}, err
	}
	tuning, err := o.accessCheck(ctx, "tuning", o.Tuner, tunerRole, served, report.CheckWarning)
	if err != nil {
		return report.Diagnosis{}, err
	}
	fleetChecks, err := o.fleetChecks(ctx)
	if err != nil {
		return report.Diagnosis{}, err
	}
	checks = append(append(checks, look, tuning), fleetChecks...)
	return report.NewDiagnosis(checks, o.next(look, tuning)), nil
}

// distribution is the version of Flux that its controllers bear.
func distribution(deployments []cluster.Deployment) string {
	for _, d := range deployments {
		if d.Version != "" {
			return d.Version
		}
	}
	return ""
}

// accessCheck asks for the rights of a role, as far as the cluster serves what they are about. What
// matters beyond Flux's own kinds (nodes, controllers) is missed less, and only warned of.
func (o *DoctorOptions) accessCheck(ctx context.Context, name string, wanted rbacv1.ClusterRole, roleName string, served map[string]string, worst report.CheckStatus) (report.Check, error) {
	var rights []cluster.Right
	for _, rule := range wanted.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				if k, known := flux.ResourceKind(group, resource); known && served[k.Name] == "" {
					continue
				}
				for _, verb := range rule.Verbs {
					rights = append(rights, cluster.Right{Group: group, Resource: resource, Verb: verb})
				}
			}
		}
	}
	denied, err := o.Client.Denied(ctx, o.Namespace, rights)
	if err != nil {
		return report.Check{}, err
	}
	c := report.Check{Name: name, Status: report.CheckOK, Message: fmt.Sprintf("you have all %d rights of %s", len(rights), wanted.Name)}
	if len(denied) == 0 {
		return c, nil
	}
	c.Status = report.CheckWarning
	var resources []string
	verbs := make(map[string][]string)
	for _, right := range denied {
		if strings.HasSuffix(right.Group, ".fluxcd.io") && !costsOnly(right) {
			c.Status = worst
		}
		if verbs[right.Resource] == nil {
			resources = append(resources, right.Resource)
		}
		verbs[right.Resource] = append(verbs[right.Resource], right.Verb)
	}
	for i, resource := range resources {
		resources[i] = strings.Join(verbs[resource], " and ") + " " + resource
	}
	c.Message = "you may not " + strings.Join(resources, ", ")
	if len(denied) == len(rights) {
		c.Message = fmt.Sprintf("you have none of the %d rights of %s", len(rights), wanted.Name)
	}
	c.Remedy = fmt.Sprintf("ask an administrator for %s: kubectl fluxtune rbac %s | kubectl apply -f -, and a binding", wanted.Name, roleName)
	return c, nil
}

// costsOnly tells whether a right is about a kind that only budgets read: they say what is missing, and
// all else works.
func costsOnly(right cluster.Right) bool {
	return slices.ContainsFunc(flux.CostKinds(), func(k flux.Kind) bool { return k.Group == right.Group && k.Resource == right.Resource })
}

// fleetChecks are about the objects that may be read.
func (o *DoctorOptions) fleetChecks(ctx context.Context) ([]report.Check, error) {
	fleet, err := FleetOptions{
		Client: o.Client, Policy: o.Policy, DefaultEnvironment: o.DefaultEnvironment,
		Selection: cluster.Selection{Namespace: o.Namespace},
	}.read(ctx)
	if err != nil {
		return nil, err
	}
	ignore, err := o.Client.SupportsIgnore(ctx)
	if err != nil {
		return nil, err
	}
	checks := []report.Check{report.EnvironmentsCheck(o.Policy, fleet.snapshot, fleet.resolver)}
	if len(fleet.objects) > 0 {
		checks = append(checks, report.OwnersCheck(fleet.snapshot, ignore))
	}
	return append(checks, report.IgnoreCheck(ignore)), nil
}

// next are the commands that the user's rights make worth running.
func (o *DoctorOptions) next(look, tuning report.Check) []string {
	where := "-A"
	if o.Namespace != "" {
		where = "-n " + o.Namespace
	}
	if look.Status == report.CheckFailed {
		return []string{"kubectl fluxtune rbac viewer"}
	}
	next := []string{"kubectl fluxtune plan " + where, "kubectl fluxtune budget " + where}
	if tuning.Status == report.CheckOK {
		next = append(next, "kubectl fluxtune apply "+where+" --dry-run=server --yes")
	}
	return next
}
