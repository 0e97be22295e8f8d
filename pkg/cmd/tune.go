package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// TuneFlags are what plan and apply share: which objects a policy may change.
type TuneFlags struct {
	IncludeSuspended bool
	IncludeFailed    bool
	Managed          string
}

func (f *TuneFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.IncludeSuspended, "include-suspended", false, "Tune suspended objects too.")
	flags.BoolVar(&f.IncludeFailed, "include-failed", false, "Tune HelmReleases too whose retries are used up; a change makes them try again.")
	flags.StringVar(&f.Managed, "managed", string(tune.ManagedSkip), "What to do with objects whose values are set in Git, so that a change would be undone: "+
		"skip leaves them alone, patch changes them all the same, pin adds rules to spec.ignore of the Kustomization that applies them (kustomize-controller 1.9), so that only the changed fields are left to us.")
	_ = cmd.RegisterFlagCompletionFunc("managed", cobra.FixedCompletions([]string{
		"skip\tleave them alone", "patch\tchange them, and have it undone", "pin\thave the owner leave the fields to us",
	}, noFiles))
}

func (f TuneFlags) toOptions() (tune.Options, error) {
	o := tune.Options{IncludeSuspended: f.IncludeSuspended, IncludeFailed: f.IncludeFailed, Managed: tune.Managed(f.Managed)}
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
	opts.Judge = tune.NewJudge(f.snapshot)
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
