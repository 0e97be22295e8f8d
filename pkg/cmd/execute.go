package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// job is what apply or revert is about to do.
type job struct {
	plan tune.Plan
	// apply plans and patches the objects.
	apply cluster.ApplyOptions
	// rules plans and patches spec.ignore of the Kustomizations that apply the objects: before the
	// objects change, so that the changes stick, or after, to give the fields back.
	rules  cluster.ApplyOptions
	before []tune.Item
	after  func(done []cluster.Result) []tune.Item
	// finish adds to the results what only the command knows.
	finish func(*report.Results)
}

// execute asks, changes what the job says, waits where that is wanted, and shows the results. The
// outcome of every object is in the results; the error says only that something is not as it should
// be.
func (o WriteOptions) execute(ctx context.Context, j job, f fleet) error {
	changed := j.plan.Changed()
	after := len(j.after(pretend(changed)))
	if err := o.confirm(ctx, len(changed), len(j.before)+after); err != nil {
		return err
	}
	var rules, done []cluster.Result
	if o.DryRun == "client" {
		done = pretend(changed)
		rules = pretend(slices.Concat(j.before, j.after(done)))
	} else {
		rules, done = o.carryOut(ctx, j, changed)
	}
	document := report.NewResults(j.plan, done, rules, f.snapshot.Gaps)
	if o.DryRun != "none" {
		document.DryRun = o.DryRun
	}
	if j.finish != nil {
		j.finish(&document)
	}
	if err := report.SortBy(document.Items, o.sortBy); err != nil {
		return err
	}
	if err := o.show(document); err != nil {
		return err
	}
	return o.verdict(ctx, document, f)
}

// pretend is a dry run on the client: what would be done if nothing fails.
func pretend(items []tune.Item) []cluster.Result {
	results := make([]cluster.Result, 0, len(items))
	for _, item := range items {
		outcome := cluster.Configured
		if item.Action != tune.ActionChange {
			outcome = cluster.Unchanged
		}
		results = append(results, cluster.Result{Item: item, Outcome: outcome})
	}
	return results
}

// carryOut makes the changes: rules that objects need first, then the objects, then rules that they
// no longer need.
func (o WriteOptions) carryOut(ctx context.Context, j job, changed []tune.Item) (rules, done []cluster.Result) {
	p := o.root.newProgress()
	defer p.clear()
	rules = o.patch(ctx, j.before, j.rules, p)
	if o.DryRun == "none" {
		// A reconcile that began before a rule was there would undo the change that the rule protects.
		rules = o.wait(ctx, rules, p)
	}
	ready, blocked := unblocked(changed, rules)
	done = slices.Concat(o.patch(ctx, ready, j.apply, p), blocked)
	given := o.patch(ctx, j.after(done), j.rules, p)
	if o.Wait && o.DryRun == "none" {
		given = o.wait(ctx, given, p)
		done = o.wait(ctx, done, p)
	}
	return slices.Concat(rules, given), done
}

func (o WriteOptions) patch(ctx context.Context, items []tune.Item, apply cluster.ApplyOptions, p *progress) []cluster.Result {
	var broken []cluster.Result
	for _, item := range items {
		if item.Reason == tune.ReasonBadRecord {
			broken = append(broken, cluster.Result{Item: item, Outcome: cluster.Failed, Err: errors.New(item.Message)})
		}
	}
	items = slices.DeleteFunc(slices.Clone(items), func(i tune.Item) bool { return i.Action != tune.ActionChange })
	counter := newCounter(len(items))
	apply.Progress = func(r cluster.Result) { p.show(counter.add(r)) }
	apply.FieldManager, apply.DryRun, apply.PatchesPerSecond = o.FieldManager, o.DryRun == "server", o.PatchesPerSecond
	return append(o.Client.Apply(ctx, items, apply), broken...)
}

func (o WriteOptions) wait(ctx context.Context, results []cluster.Result, p *progress) []cluster.Result {
	ctx, cancel := context.WithTimeout(ctx, o.WaitTimeout)
	defer cancel()
	return o.Client.Wait(ctx, results, func(left int) {
		p.show(fmt.Sprintf("waiting for Flux to observe %s", plural(left, "object")))
	})
}

// unblocked parts the items whose owner has taken the rules that they need from those whose owner has
// not: a change of these would be undone.
func unblocked(items []tune.Item, rules []cluster.Result) (ready []tune.Item, blocked []cluster.Result) {
	failed := make(map[flux.Ref]error)
	for _, r := range rules {
		if r.Err != nil {
			failed[r.Item.Object.Ref] = r.Err
		}
	}
	for _, item := range items {
		err := failed[item.Stick.Owner]
		if err == nil || item.Stick.Verdict != tune.Reverted {
			ready = append(ready, item)
			continue
		}
		blocked = append(blocked, cluster.Result{Item: item, Outcome: cluster.Failed,
			Err: fmt.Errorf("%s could not be made to leave it alone: %w", item.Stick.Owner, err)})
	}
	return ready, blocked
}
