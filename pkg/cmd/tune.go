package cmd

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// TuneFlags are what plan and apply share: which objects a policy may change.
type TuneFlags struct {
	IncludeSuspended bool
	IncludeFailed    bool
	ShortenTimeouts  bool
	Managed          string
}

func (f *TuneFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.IncludeSuspended, "include-suspended", false, "Tune suspended objects too.")
	flags.BoolVar(&f.IncludeFailed, "include-failed", false, "Tune HelmReleases too whose retries are used up; a change makes them try again.")
	flags.BoolVar(&f.ShortenTimeouts, "shorten-timeouts", false, "Make timeouts and retry intervals shorter, too, where the policy wants that. A timeout that is too short fails at the next commit, not now.")
	flags.StringVar(&f.Managed, "managed", string(tune.ManagedSkip), "What to do with objects whose values something else keeps setting (Git, Helm, Argo CD, the Flux Operator), so that a change would be undone: "+
		"skip leaves them alone, patch changes them all the same, pin adds rules to spec.ignore of the Kustomization that applies them (kustomize-controller 1.9), so that only the changed fields are left to us.")
	_ = cmd.RegisterFlagCompletionFunc("managed", cobra.FixedCompletions([]string{
		"skip\tleave them alone", "patch\tchange them, and have it undone", "pin\thave the owner leave the fields to us",
	}, noFiles))
}

func (f TuneFlags) toOptions() (tune.Options, error) {
	o := tune.Options{IncludeSuspended: f.IncludeSuspended, IncludeFailed: f.IncludeFailed, ShortenTimeouts: f.ShortenTimeouts, Managed: tune.Managed(f.Managed)}
	switch o.Managed {
	case tune.ManagedSkip, tune.ManagedPatch, tune.ManagedPin:
		return o, nil
	default:
		return o, fmt.Errorf("--managed %q: it is one of skip, patch, pin", f.Managed)
	}
}

// plan plans a fleet, and has a judge of that fleet tell what sticks.
func (f fleet) plan(o FleetOptions, opts *tune.Options) tune.Plan {
	if o.Files != nil {
		return f.planFiles(o, opts)
	}
	opts.Judge, opts.Graph = tune.NewJudge(f.snapshot), f.graph
	return tune.NewPlan(f.objects, o.Policy, f.resolver, *opts)
}

// drawHomes says where in Git the values live that were left alone.
func (r *root) drawHomes(plan tune.Plan) {
	homes := report.Homes(plan)
	if len(homes) == 0 {
		return
	}
	_, _ = fmt.Fprintln(r.Out, "\nSet in Git, and left alone. Change them there, or see --managed:")
	for _, home := range homes {
		_, _ = fmt.Fprintf(r.Out, "  %s\n", home)
	}
}

// fewDisturbed is how many objects are named that cannot be spared.
const fewDisturbed = 5

// drawCalm says how the changes of a plan go along dependencies, how long that takes, and what cannot be spared.
func (r *root) drawCalm(plan tune.Plan, f fleet, pace float64, width int) {
	calm := f.graph.Forecast(plan.Items, pace)
	if calm.Levels > 1 || len(calm.Disturbed) > 0 {
		_, _ = fmt.Fprintf(r.Out, "\n%s\n", fit(fmt.Sprintf("Dependencies: dependents change first, in %d steps that each wait until Flux is ready again; about %s in all.",
			calm.Levels, flux.FormatDuration(calm.Duration.Round(time.Second))), width))
	}
	if len(calm.Disturbed) > 0 {
		_, _ = fmt.Fprintf(r.Out, "%s may be not ready for a while (Flux tries again after 30s), and cannot be spared:\n", plural(len(calm.Disturbed), "object"))
	}
	for i, d := range calm.Disturbed {
		if i == fewDisturbed {
			_, _ = fmt.Fprintf(r.Out, "  and %d more\n", len(calm.Disturbed)-i)
			break
		}
		_, _ = fmt.Fprintf(r.Out, "  %s, which depends on %s: %s\n", d.Object, d.On, d.Why)
	}
}
