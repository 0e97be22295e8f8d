package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// job is what apply, revert or forget is about to do.
type job struct {
	run cluster.Run
	// plan is what it comes from.
	plan tune.Plan
	// rules are the owners whose rules will change, as far as can be told before.
	rules []tune.Pin
	// results starts the document with the results: what was planned for every object.
	results report.Results
	// question asks for leave; "" does not ask.
	question string
	// allowed says, once leave is given, why nothing may be changed all the same; it may be nil.
	allowed func(context.Context) error
	// before is called before each write begins; it may be nil.
	before func(context.Context)
	// finish adds to the results what only the command knows.
	finish func(*report.Results, cluster.Outcomes)
}

// execute asks, changes what the job says, waits where that is wanted, and shows the results. The
// outcome of every object is in the results; the error says only that something is not as it should
// be.
func (o WriteOptions) execute(ctx context.Context, j job, f fleet) error {
	// What cannot be sorted is said before anything is written.
	if err := report.SortBy(slices.Clone(j.results.Items), o.sortBy); err != nil {
		return err
	}
	if err := o.checkRights(ctx, j.run.Writes); err != nil {
		return err
	}
	if err := o.confirm(ctx, j.question, len(j.run.Writes)+len(j.rules)); err != nil {
		return err
	}
	if j.allowed != nil {
		if err := j.allowed(ctx); err != nil {
			return err
		}
	}
	j.run.PinTimeout, j.run.Now = o.WaitTimeout, o.now
	var out cluster.Outcomes
	if o.DryRun == dryRunClient {
		out = pretend(j)
	} else {
		out = o.carryOut(ctx, j, f)
	}
	if o.together != nil && o.DryRun == dryRunNone {
		o.together.changed(f, j.plan, out, o.root.Now())
	}
	gaps := f.snapshot.Gaps
	if o.printer.format == "markdown" { // each cluster's is a document of its own
		gaps = o.gaps(f)
	}
	document := j.results.With(out, gaps).In(o.Cluster)
	if o.DryRun != dryRunNone {
		document.DryRun = o.DryRun
	}
	if j.finish != nil {
		j.finish(&document, out)
	}
	if o.together != nil {
		o.together.done = append(o.together.done, document)
	}
	if err := report.SortBy(document.Items, o.sortBy); err != nil {
		return err
	}
	shown := o.show(document)
	return errors.Join(o.verdict(ctx, document, f), shown) // what was done is told on stderr, too
}

// checkRights is an error where none of the writes may be made: else each would be sent, at the pace of a run, and refused. Where
// some may be made the others are refused by name. What the API server does not tell is tried.
func (o WriteOptions) checkRights(ctx context.Context, writes []tune.Write) error {
	if len(writes) == 0 || o.DryRun == dryRunClient {
		return nil
	}
	var objects []flux.Object
	var refs []flux.Ref
	for _, w := range writes {
		objects, refs = append(objects, w.Target()), append(refs, w.Target().Ref)
	}
	may, err := o.Client.MayPatchAny(ctx, objects)
	if may || err != nil {
		return ctx.Err()
	}
	return refusedError{fmt.Errorf("forbidden: you may not patch %s; nothing was changed. See your rights with: %s doctor%s", firstOf(refs), o.root.name, o.scopeFlags(o.root))}
}

// pretend is a dry run on the client: what would be done if nothing fails.
func pretend(j job) cluster.Outcomes {
	var out cluster.Outcomes
	for _, w := range j.run.Writes {
		result := cluster.Result{Write: w, Outcome: cluster.Configured}
		if restore, restores := w.(tune.RestoreWrite); restores {
			result.Back = &restore.Restore
		}
		out.Objects = append(out.Objects, result)
	}
	for _, p := range j.rules {
		out.Owners = append(out.Owners, cluster.Result{Write: tune.PinWrite{Pin: p}, Outcome: cluster.Configured})
	}
	return out
}

// carryOut makes the changes, and waits for Flux where that is wanted.
func (o WriteOptions) carryOut(ctx context.Context, j job, f fleet) cluster.Outcomes {
	run := j.run
	p := o.root.newProgress()
	defer p.clear()
	counter := newCounter(len(run.Writes) + len(run.Pins))
	p.show(counter.text())
	pace := o.PatchesPerSecond
	if o.DryRun == dryRunServer {
		pace = 0 // nothing is reconciled
	}
	late, stop := o.root.insisted(ctx)
	defer stop()
	options := cluster.WriteOptions{
		FieldManager: o.FieldManager, DryRun: o.DryRun == dryRunServer, PatchesPerSecond: pace,
		Before: j.before, Graph: f.graph, LevelTimeout: o.WaitTimeout, Abandoned: late.Done(),
		Progress: func(r cluster.Result) { p.show(counter.add(r)) },
		Waiting: func(left []flux.Ref) {
			p.show("Waiting for " + firstOf(left) + "; " + counter.text()) // what has no room is not whom it waits for
		},
	}
	out := o.Client.Run(ctx, run, options)
	if o.Wait && o.DryRun == dryRunNone {
		ctx, stop := o.untilEnd(ctx, out.Objects)
		defer stop()
		out.Objects = o.Client.Await(ctx, out.Objects, options, o.WaitTimeout)
		out.Owners = o.Client.Await(ctx, out.Owners, options, o.WaitTimeout)
		out.Behind = o.Client.Behind(ctx, unobserved(f.objects, run.Writes), options, o.WaitTimeout)
	}
	return out
}

// untilEnd is a context that ends with the session of what was written, by the clock on the wall, as Go's other clock stands still while a
// machine sleeps (time, "Monotonic Clocks"): what is taken back then is not waited for any longer.
func (o WriteOptions) untilEnd(ctx context.Context, results []cluster.Result) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	i := slices.IndexFunc(results, func(r cluster.Result) bool {
		apply, is := r.Write.(tune.ApplyWrite)
		return is && !apply.Stamp.Until.IsZero()
	})
	if i < 0 {
		return ctx, stop
	}
	until := results[i].Write.(tune.ApplyWrite).Stamp.Until.Round(0) // all are of one session
	go func() {
		defer stop()
		for left := until.Sub(o.now().Round(0)); left > 0; left = until.Sub(o.now().Round(0)) {
			if cluster.Sleep(ctx, min(left, time.Second)) != nil {
				return
			}
		}
	}()
	return ctx, stop
}

// unobserved are the tuned objects beside those that are written whose last change their controllers have not observed.
func unobserved(objects []flux.Object, writes []tune.Write) []flux.Object {
	written := make(map[flux.Ref]bool, len(writes))
	for _, w := range writes {
		written[w.Target().Ref] = true
	}
	var list []flux.Object
	for _, object := range objects {
		if tune.Tuned(object) && !written[object.Ref] && !object.Suspended && object.Status.ObservedGeneration < object.Generation {
			list = append(list, object)
		}
	}
	return list
}

// pinning are the Kustomizations that bear rules of fluxtune, or a note of some, and have to do with the namespaces
// that are looked at: their rules are for objects there, or they apply some.
func (o FleetOptions) pinning(f fleet) []flux.Object {
	apply := make(map[flux.Ref]bool)
	for _, object := range f.snapshot.Objects {
		if owner, owned := object.Owner(); owned {
			apply[owner] = true
		}
	}
	var owners []flux.Object
	for object := range f.snapshot.All() {
		if tune.Pinning(*object) && (apply[object.Ref] || o.concerns(*object)) {
			owners = append(owners, *object)
		}
	}
	return owners
}

// concerns tells whether an owner's rules name an object of the namespaces that are looked at, or none at all.
func (o FleetOptions) concerns(owner flux.Object) bool {
	rules := tune.OurRules(owner)
	if o.allNamespaces() || len(rules) == 0 {
		return o.allNamespaces() || owner.Namespace == o.Selection.Namespace
	}
	for _, rule := range rules {
		if rule.Target != nil && rule.Target.Namespace == o.Selection.Namespace {
			return true
		}
	}
	return false
}
