package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// TuneFlags are what plan and apply share: which objects a policy may change.
type TuneFlags struct {
	IncludeSuspended bool
	IncludeFailed    bool
	IncludeUpgrades  bool
	ShortenTimeouts  bool
	Managed          string
}

func (f *TuneFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.IncludeSuspended, "include-suspended", false, "Tune suspended objects too.")
	flags.BoolVar(&f.IncludeFailed, "include-failed", false, "Tune HelmReleases too that gave up, as when their retries are used up (a change makes them try again), and charts that cannot be fetched, or of which that is not known.")
	flags.BoolVar(&f.IncludeUpgrades, "include-upgrades", false, "Tune HelmReleases and charts too whose change makes helm-controller upgrade a release: those with valuesFiles, and all before helm-controller 0.37. So does a revert, which leaves them alone without --force.")
	flags.BoolVar(&f.ShortenTimeouts, "shorten-timeouts", false, "Make timeouts and retry intervals shorter, too, where the policy wants that. A timeout that is too short fails at the next commit, not now.")
	flags.StringVar(&f.Managed, "managed", string(tune.ManagedSkip), "What to do with objects whose values something else keeps setting (Git, Helm, Argo CD, the Flux Operator), so that a change would be undone: "+
		"skip leaves them alone, patch changes them all the same, pin adds rules to spec.ignore of the Kustomization that applies them (kustomize-controller 1.9), so that only the changed fields are left to us.")
	_ = cmd.RegisterFlagCompletionFunc("managed", cobra.FixedCompletions([]string{
		"skip\tleave them alone", "patch\tchange them, and have it undone", "pin\thave the owner leave the fields to us",
	}, noFiles))
}

func (f TuneFlags) toOptions() (tune.Options, error) {
	o := tune.Options{IncludeSuspended: f.IncludeSuspended, IncludeFailed: f.IncludeFailed, IncludeUpgrades: f.IncludeUpgrades, ShortenTimeouts: f.ShortenTimeouts, Managed: tune.Managed(f.Managed)}
	switch o.Managed {
	case tune.ManagedSkip, tune.ManagedPatch, tune.ManagedPin:
		return o, nil
	default:
		return o, fmt.Errorf("--managed %q: it is one of skip, patch, pin", f.Managed)
	}
}

// takenOver says that what a plan writes under a field manager would be lost: its objects, or the owners that get rules, are
// applied by a controller that takes over what that manager owns. "" where that is not so, or the controllers were not read.
func (f fleet) takenOver(plan tune.Plan, manager string) string {
	if !changesApplied(plan) {
		return ""
	}
	return flux.TakesOver(f.controllers(), manager)
}

// changesApplied tells whether a plan changes what something applies, or the rules of such an owner.
func changesApplied(plan tune.Plan) bool {
	applied := func(o flux.Object) bool { _, owned := o.Owner(); return owned }
	return slices.ContainsFunc(plan.Items, func(item tune.Item) bool { return item.Action == tune.ActionChange && applied(item.Object) }) ||
		slices.ContainsFunc(plan.Pins, func(p tune.Pin) bool { return applied(p.Owner) })
}

// unchecked says what of a plan under a field manager hangs on flags of Flux's controllers that could not be read; nil where they
// were, and where nothing does.
func (f fleet) unchecked(plan tune.Plan, manager string) []string {
	var what []string
	if rolling := plan.RollingOut(); len(rolling) > 0 {
		named := rolling[0].String()
		if more := len(rolling) - 1; more > 0 {
			named = fmt.Sprintf("%s and %d more", named, more)
		}
		what = append(what, "with the feature gate CancelHealthCheckOnNewRevision a change breaks off what is being rolled out, "+named)
	}
	if changesApplied(plan) {
		what = append(what, fmt.Sprintf("with an --override-manager that %q begins with, what is changed, and the records of how to take it back, are taken over", manager))
	}
	if !f.flagsUnread || len(what) == 0 {
		return nil
	}
	return []string{"the flags of Flux's controllers could not be read, and their defaults are assumed: " + strings.Join(what, "; ")}
}

// unseen says that what depends on what a plan changes is not known, as not all of the kinds could be read that may.
func (f fleet) unseen(plan tune.Plan) []string {
	var kinds []flux.Kind
	for _, k := range f.snapshot.UnreadUsers() {
		depends := func(item tune.Item) bool { return item.Action == tune.ActionChange && tune.MayDependOn(k, item.Object) }
		if slices.ContainsFunc(plan.Items, depends) || slices.ContainsFunc(plan.Pins, func(p tune.Pin) bool { return tune.MayDependOn(k, p.Owner) }) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("not all %s could be read: which of them depend on what changes is not known, and these may be not ready for a while", flux.Resources(kinds))}
}

// plan plans a fleet, and has a judge of that fleet tell what sticks. The options gain the judge.
func (f fleet) plan(opts *tune.Options) tune.Plan {
	opts.Announced = f.announced()
	if f.options.Files != nil {
		return f.planFiles(opts)
	}
	opts.Judge, opts.Graph = f.judge(), f.graph
	return tune.NewPlan(f.objects, f.options.Policy, f.resolver, *opts)
}

// announced are the sources of which webhooks tell all that is new.
func (f fleet) announced() map[flux.Ref]bool {
	refs := map[flux.Ref]bool{}
	for ref, n := range webhook.Notices(slices.Collect(f.snapshot.All()), f.snapshot.Notifiers) {
		refs[ref] = n.Everything()
	}
	return refs
}

// judge tells what sticks in a cluster; nil in files, whose author decides.
func (f fleet) judge() *tune.Judge {
	if f.options.Files != nil {
		return nil
	}
	return tune.NewJudge(f.snapshot)
}
