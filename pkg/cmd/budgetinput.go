package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// fitsAsPlan are the options of a plan, as plan has them unless flags say otherwise: where a policy fits intervals, what it
// leaves alone comes off the shares.
func fitsAsPlan() tune.Options { return tune.Options{Managed: tune.ManagedSkip} }

// fitOrNearest fits what the policy has shares for. Where some cannot be kept, which is the excess, planned is what comes nearest
// to them: what there is now is worth to know all the same.
func (o BudgetOptions) fitOrNearest(ctx context.Context, read fleets) (fs fleets, fitting *fit.Fitting, excess, err error) {
	fs, fitting, err = o.fitAll(ctx, o.asked(read), fitsAsPlan(), o.root.Now())
	if tooMuch := (*fit.ExcessError)(nil); errors.As(err, &tooMuch) {
		return fs, tooMuch.Nearest, err, nil
	}
	return fs, fitting, nil, err
}

// asked are the fleets with the objects alone that were asked for: all are read, and the others explain these.
func (o BudgetOptions) asked(fs fleets) fleets {
	fs.all = slices.Clone(fs.all)
	for i := range fs.all {
		f := &fs.all[i]
		f.objects = slices.DeleteFunc(slices.Clone(f.objects), func(object flux.Object) bool { return !o.shown(object) })
	}
	return fs
}

// input plans every object that was read, and splits them into those that are counted and those that
// explain them. Unread are resources that may cost something, too, and could not be read.
func (o BudgetOptions) input(ctx context.Context, f *fleet, fitting *fit.Fitting) (in budget.Input, unread []string, err error) {
	in = budget.Input{Limits: o.Limits, Environments: o.Policy.EnvironmentNames(), Now: o.root.Now(), Partial: f.partial(), Beyond: o.beyond, Notifiers: f.snapshot.Notifiers}
	var costing, others []flux.Object
	for _, object := range f.snapshot.Related {
		if flux.CostsOnly(object.Group, object.Ref.Kind) {
			costing = append(costing, object)
		} else {
			others = append(others, object)
		}
	}
	if o.Files == nil {
		f.snapshot.Gaps, unread = uncosted(f.snapshot.Gaps)
		in.Controllers = f.controllers()
		observed, gaps, err := o.observe(ctx, o.Client, f.deployments)
		if err != nil {
			return in, nil, err
		}
		in.Observed = observed
		f.snapshot.Gaps = append(f.snapshot.Gaps, gaps...)
		if others, err = o.elsewhere(ctx, f.snapshot, costing); err != nil {
			return in, nil, err
		}
		o.name(others)
	}
	f.snapshot.Gaps = append(f.snapshot.Gaps, o.notFound(f.snapshot)...)
	o.nameGaps(f.snapshot.Gaps)
	o.split(f, &in, fitting, costing, others)
	return in, unread, nil
}

// split plans objects and gives each its place: what was fitted as a plan would. What only costs has nothing to plan.
func (o BudgetOptions) split(f *fleet, in *budget.Input, fitting *fit.Fitting, costing, others []flux.Object) {
	// What the policy would make of it, whether or not an apply would leave objects to Git.
	opts := tune.Options{Managed: tune.ManagedPatch}
	decide := func(object flux.Object) tune.Item {
		return tune.Decide(object, o.Policy, f.resolver.Resolve(object), opts)
	}
	planned := make(map[flux.Ref]tune.Item, len(f.objects))
	if fitting != nil {
		for _, item := range f.arriving(f.plan(f.fitted(fitting, fitsAsPlan())).Items) {
			planned[item.Object.Ref] = item
		}
	} else {
		for _, object := range f.objects {
			planned[object.Ref] = decide(object)
		}
	}
	for _, object := range f.snapshot.Objects {
		if item, asked := planned[object.Ref]; asked {
			in.Items = append(in.Items, item)
		} else {
			in.Others = append(in.Others, decide(object))
		}
	}
	for _, object := range costing {
		item := tune.Item{Object: object, Assignment: f.resolver.Resolve(object)}
		if o.shown(object) && o.inEnvironments(item.Assignment.Environment) {
			in.Items = append(in.Items, item)
		} else {
			in.Others = append(in.Others, item)
		}
	}
	for _, object := range others {
		in.Others = append(in.Others, decide(object))
	}
}

// elsewhere reads the namespaces that the objects' sources and dependencies are in, where these were
// not read, and adds the Receivers that were. What cannot be read leaves latencies unknown.
func (o BudgetOptions) elsewhere(ctx context.Context, snapshot flux.Snapshot, costing []flux.Object) ([]flux.Object, error) {
	if o.Selection.Namespace == "" {
		return nil, nil
	}
	var namespaces []string
	for _, object := range slices.Concat(snapshot.Objects, costing) {
		for _, ref := range slices.Concat([]flux.Ref{object.SourceRef}, object.DependsOn, object.Polling.Made) {
			if ref.Namespace != "" && ref.Namespace != o.Selection.Namespace {
				namespaces = append(namespaces, ref.Namespace)
			}
		}
		if n := object.Polling.Notify; n != nil {
			for _, source := range n.Sources {
				if source.Kind == "Kustomization" && source.Namespace != o.Selection.Namespace {
					namespaces = append(namespaces, source.Namespace)
				}
			}
		}
	}
	slices.Sort(namespaces)
	var others flux.Snapshot
	others.Relate(slices.DeleteFunc(slices.Clone(snapshot.Related), func(object flux.Object) bool { return object.Ref.Kind != "Receiver" }))
	for _, namespace := range slices.Compact(namespaces) {
		found, err := o.Client.Read(ctx, cluster.Selection{Namespace: namespace})
		if err != nil {
			return nil, err
		}
		others.Relate(found.Objects)
	}
	return others.Related, nil
}

// notFound are the names that were asked for and are not there.
func (o BudgetOptions) notFound(snapshot flux.Snapshot) []flux.Gap {
	var gaps []flux.Gap
	for _, n := range o.Chosen.Names {
		if !slices.ContainsFunc(snapshot.Objects, func(object flux.Object) bool { return object.Ref.Kind == n.Kind.Name && object.Name == n.Name }) {
			gaps = append(gaps, cluster.NotFound(n, o.Selection.Namespace))
		}
	}
	return gaps
}

// unkept says what is planned where shares of the policy cannot be kept.
func unkept(shares []policy.Share) string {
	what, it, names := "the share of", "it", make([]string, 0, len(shares))
	for _, s := range shares {
		names = append(names, s.String())
	}
	if len(shares) > 1 {
		what, it = "the shares of", "them"
	}
	return fmt.Sprintf("%s %s (spec.fit) cannot be kept: planned are the longest intervals that the policy allows for what counts to %s", what, strings.Join(names, ", "), it)
}

// ruled are the kinds of all objects that were asked for, by environment.
func (fs fleets) ruled() policy.Ruled {
	ruled := make(policy.Ruled)
	for _, f := range fs.all {
		for _, object := range f.objects {
			ruled.Add(f.resolver.Resolve(object).Environment, object)
		}
	}
	return ruled
}

// waiting are the kinds of which somebody waits for polls of some objects, by environment.
func waiting(b budget.Budget) policy.Ruled {
	waits := make(policy.Ruled)
	for _, item := range b.Items {
		if !item.AtOnce {
			waits.Add(item.Environment, item.Object)
		}
	}
	return waits
}
