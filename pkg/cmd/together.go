package cmd

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// together is what several clusters ask of the hosts while one after the other is changed: hosts do not tell them apart.
type together struct {
	budgets []budget.Budget // of each cluster as it is by now, by its place
	settled []budget.Budget // and as it is once what keeps setting fields has undone what changed them
	ahead   []budget.Budget // and as it will be, where it is still to be changed
	turn    int             // which of them is changed, from 1
	over    []fleet         // those whose turn was before, as they were read
	limits  budget.Limits
	names   []string         // of the environments, in the policy's order
	missing []flux.Gap       // clusters that could not be read
	parts   bool             // not all that was planned before was carried out
	behind  []string         // where that is
	wrote   bool             // something was
	moved   bool             // others changed how much is asked
	done    []report.Results // in each cluster, in the order of the changes
	earlier []string         // sessions of the same policy from shortly before
}

// newTogether begins with the clusters as they were read.
func newTogether(fs fleets, o FleetOptions, now time.Time) *together {
	t := &together{budgets: make([]budget.Budget, len(fs.all)), settled: make([]budget.Budget, len(fs.all)),
		limits: budget.NewLimits(o.Policy.Limits, nil), names: o.Policy.EnvironmentNames(), missing: fs.missing}
	for _, f := range fs.all {
		t.budgets[f.place], t.settled[f.place] = f.budget(f.whole(tune.Plan{}), now), f.settled(tune.Plan{}, now)
	}
	return t
}

// settled is what a plan costs once what keeps setting fields has undone what it changes, and what changed them before, and all
// sessions that end have ended; also of what was read and not asked for.
func (f fleet) settled(plan tune.Plan, now time.Time) budget.Budget {
	plan.Items = f.beside(f.whole(plan).Items)
	plan.Items, _ = settledItems(f.judge(), plan.Items)
	return f.budget(plan, now)
}

// settledItems are items as they end up by themselves: what keeps setting fields has set them again, and sessions that end have ended.
func settledItems(j *tune.Judge, items []tune.Item) ([]tune.Item, bool) {
	undone, some := j.Undone(items)
	ended, more := tune.Ended(undone)
	return ended, some || more
}

// beside adds to items those of what was read and not asked for: these stay.
func (f fleet) beside(items []tune.Item) []tune.Item {
	there := make(map[flux.Ref]bool, len(items))
	for _, item := range items {
		there[item.Object.Ref] = true
	}
	for object := range f.snapshot.All() {
		if !there[object.Ref] {
			there[object.Ref], items = true, append(items, tune.Item{Object: *object, Assignment: f.resolver.Resolve(*object), Action: tune.ActionUnchanged})
		}
	}
	return items
}

// whole is a plan for all objects that were asked for: those that it says nothing of stay.
func (f fleet) whole(plan tune.Plan) tune.Plan {
	planned := make(map[flux.Ref]bool, len(plan.Items))
	for _, item := range plan.Items {
		planned[item.Object.Ref] = true
	}
	plan.Items = slices.Clone(plan.Items)
	for _, object := range f.objects {
		if !planned[object.Ref] {
			plan.Items = append(plan.Items, tune.Item{Object: object, Assignment: f.resolver.Resolve(object), Action: tune.ActionUnchanged})
		}
	}
	return plan
}

// several tells whether the costs are those of more than the cluster that is changed.
func (t *together) several() bool { return t != nil && len(t.budgets)+len(t.missing) > 1 }

// with is what all clusters ask where one of them is planned to change.
func (t *together) with(f fleet, plan tune.Plan, now time.Time) budget.Budget {
	all := slices.Clone(t.budgets)
	all[f.place] = f.budget(f.whole(plan), now)
	return t.sum(all)
}

func (t *together) sum(all []budget.Budget) budget.Budget {
	sum := budget.Together(all, t.limits, t.names)
	sum.Partial = sum.Partial || len(t.missing) > 0
	return sum
}

// planning notes what each cluster is planned to ask, before the first is changed.
func (t *together) planning(fs fleets, plan func(fleet) tune.Plan, now time.Time) {
	if !t.several() {
		return
	}
	t.ahead = slices.Clone(t.budgets)
	for _, f := range fs.all {
		t.ahead[f.place] = f.budget(f.whole(plan(f)), now)
	}
}

// withAll is what all clusters ask once those are changed, too, that are still to be; nil where one alone is.
func (t *together) withAll() *budget.Budget {
	if t == nil || len(t.ahead) < 2 {
		return nil
	}
	sum := t.sum(t.ahead)
	return &sum
}

// passed notes that a cluster is changed no more: what it asks stays as it is by now. A dry run goes on with what is planned.
func (t *together) passed(f fleet, dry bool) {
	if t != nil && !dry {
		t.over = append(t.over, f)
	}
	if t != nil && t.ahead != nil && !dry {
		t.ahead[f.place] = t.budgets[f.place]
	}
}

// nth says which of several clusters is changed: " (1 of 2)"; "" where one alone is.
func (t *together) nth() string {
	if t == nil || t.turn == 0 || len(t.budgets) < 2 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", t.turn, len(t.budgets))
}

// changed notes what of a plan was carried out in a cluster.
func (t *together) changed(f fleet, plan tune.Plan, out cluster.Outcomes, now time.Time) {
	results := make(map[flux.Ref]cluster.Result, len(out.Objects))
	for _, r := range out.Objects {
		results[r.Write.Target().Ref] = r
		t.wrote = t.wrote || r.Wrote()
	}
	plan = f.whole(plan)
	asked := len(plan.Items)
	plan.Items = f.beside(plan.Items)
	later, _ := settledItems(f.judge(), plan.Items)
	for i, item := range plan.Items {
		r := results[item.Object.Ref]
		if item.Action == tune.ActionChange && (!r.Wrote() || r.Outcome == cluster.Uncertain || r.Err != nil) {
			t.notAsPlanned(f.options.Cluster)
		}
		object := left(item, r)
		plan.Items[i] = tune.Item{Object: object, Assignment: item.Assignment, Action: tune.ActionUnchanged}
		later[i] = tune.Item{Object: back(object, item, later[i]), Assignment: item.Assignment, Action: tune.ActionUnchanged}
	}
	t.moved = t.moved || slices.ContainsFunc(out.Objects, foreign)
	t.budgets[f.place] = f.budget(tune.Plan{Policy: plan.Policy, Items: plan.Items[:asked]}, now)
	plan.Items = later
	t.settled[f.place] = f.budget(plan, now)
}

// back is an object with the values that come back by themselves: those in which what is undone of an item differs from it.
func back(object flux.Object, item, undone tune.Item) flux.Object {
	for _, t := range object.KindRow().Tunables {
		if to := undone.Planned(t.Field); !flux.SameDuration(to, item.Planned(t.Field)) {
			object = object.WithValue(t.Field, to)
		}
	}
	return object
}

// left is the object of an item as the API server has it after a write: as it was last seen there, or else as planned where
// it was written. Of what was sent without an answer the plan is believed.
func left(item tune.Item, r cluster.Result) flux.Object {
	o := item.Object
	switch {
	case r.Gone:
		o.Suspended = true // it asks nothing any more
	case r.Now != nil && r.Outcome != cluster.Uncertain:
		for _, t := range o.KindRow().Tunables {
			o = o.WithValue(t.Field, r.Now.Value(t.Field))
		}
		o.Suspended, o.Remote = r.Now.Suspended, r.Now.Remote
	case r.Wrote():
		for _, c := range item.Changes {
			with := o.WithValue(c.Field, c.To)
			if r.Outcome == cluster.Uncertain && with.Effective(c.Field) > o.Effective(c.Field) {
				continue
			}
			o = with
		}
	}
	return o
}

// foreign tells whether somebody else changed the interval of an object that a write left alone.
func foreign(r cluster.Result) bool {
	return r.Now != nil && !r.Wrote() && r.Now.Effective(flux.Interval) != r.Write.Target().Effective(flux.Interval)
}

// exceeded says of each share of a fitting that is not kept, since not all was changed as planned; nothing where nothing was
// changed at all.
func (t *together) exceeded(fitting *fit.Fitting) []string {
	if !t.wrote && !t.moved {
		return nil
	}
	back := ""
	if t.wrote {
		back = ", or take it back"
	}
	var lines []string
	// Nothing is planned any more but what follows by itself: charts get the interval of their release, and Git its values.
	sum, settled := t.sum(t.budgets), t.sum(t.settled)
	for _, s := range fitting.Shares {
		if gets := max(sum.Asks(s.Share), settled.Asks(s.Share)); missed(s, gets) {
			lines = append(lines, fmt.Sprintf("%s gets %s requests/h, which are %.0f%% of its limit, and not the %g%% that it was fitted to: not all was changed as planned. Run the same command again%s.",
				s.Share, report.Rate(gets), 100*gets/s.Limit, s.Percent, back))
		}
	}
	return lines
}

// warned says, before a cluster is changed, which shares of a fitting are not kept with it, since others were not changed as
// planned, and whether the change is why: one of these then gets more than without it. Nothing where all were.
func (t *together) warned(fitting *fit.Fitting, f fleet, plan tune.Plan, now time.Time) (lines []string, breaks bool) {
	if t == nil || fitting == nil || !t.parts {
		return nil, false
	}
	return t.above(fitting, f, plan, now, were(t.behind)+" not changed as planned")
}

// above says which shares of a fitting are not kept with a change of a cluster, and why, and whether that change breaks one.
func (t *together) above(fitting *fit.Fitting, f fleet, plan tune.Plan, now time.Time, why string) (lines []string, breaks bool) {
	all := slices.Clone(t.settled)
	all[f.place] = f.settled(plan, now)
	cost, settled := t.with(f, plan, now), t.sum(all)
	before, settledBefore := t.sum(t.budgets), t.sum(t.settled)
	for _, s := range fitting.Shares {
		if gets := max(cost.Asks(s.Share), settled.Asks(s.Share)); missed(s, gets) {
			breaks = breaks || gets > 1.001*max(before.Asks(s.Share), settledBefore.Asks(s.Share))
			lines = append(lines, fmt.Sprintf("with this %s gets %s requests/h, which are %s%% of its limit, above its share of %g%%: %s",
				s.Share, report.Rate(gets), percentAbove(100*gets/s.Limit, s.Percent), s.Percent, why))
		}
	}
	return lines, breaks
}

// unasked warns of the shares that a change of a cluster does not keep; where it is why, and nobody is asked, it is an error instead.
func (o WriteOptions) unasked(fitting *fit.Fitting, f fleet, plan tune.Plan) error {
	lines, breaks := o.together.warned(fitting, f, plan, o.root.Now())
	if breaks && o.Yes && o.DryRun == dryRunNone {
		return fmt.Errorf("not attempted: %s. Mend that and run the same command again, or run it without --yes to be asked", strings.Join(lines, "; "))
	}
	o.root.warn(lines, nil)
	return nil
}

// were names some clusters with the verb that goes with them: "east and west were".
func were(clusters []string) string {
	switch n := len(clusters); n {
	case 0:
		return "it was"
	case 1:
		return clusters[0] + " was"
	default:
		return strings.Join(clusters[:n-1], ", ") + " and " + clusters[n-1] + " were"
	}
}

// notAsPlanned notes that not all that was planned of a cluster was carried out.
func (t *together) notAsPlanned(cluster string) {
	t.parts = true
	if cluster != "" && !slices.Contains(t.behind, cluster) {
		t.behind = append(t.behind, cluster)
	}
}

// noting does something in a cluster, and notes where that ended before any change: what was planned for it does not come.
func (t *together) noting(f fleet, do func() error) error {
	if t == nil {
		return do()
	}
	came := len(t.done)
	err := do()
	if err != nil && len(t.done) == came {
		t.notAsPlanned(f.options.Cluster)
	}
	return err
}

// missed tells whether a share that was fitted gets more than it is; what was fitted may use all of it.
func missed(s fit.ShareUse, gets float64) bool { return !s.Idle && gets > s.Allowed*1.001 }

// slowerFirst orders clusters so that what is fitted keeps its shares as long as can be: first those that ask less
// afterwards.
func (fs fleets) slowerFirst(opts tune.Options, fitting *fit.Fitting, now time.Time) fleets {
	more := make(map[int]float64, len(fs.all))
	for _, f := range fs.all {
		requests := f.budget(f.plan(f.fitted(fitting, opts)), now).Requests
		more[f.place] = requests.Planned - requests.Now
	}
	fs.all = slices.Clone(fs.all)
	sorting.By(fs.all, func(a, b fleet) int { return cmp.Compare(more[a.place], more[b.place]) })
	return fs
}

// outcome says of several clusters what was done in all of them, and the one command that takes it back; nothing where one
// cluster alone was come to and nothing written.
func (t *together) outcome(name string, o FleetOptions, r *root) []string {
	if len(t.done) == 0 {
		return nil
	}
	all, wrote := report.Results{}, map[string]bool{}
	for _, document := range t.done {
		all = all.And(document)
		if document.Session != "" {
			wrote[document.Cluster()] = true
		}
	}
	var lines []string
	if len(t.done) > 1 {
		lines = append(lines, fmt.Sprintf("In %d clusters together: %s.", len(t.done), all.Summary.Line(t.done[0].Done)))
	}
	if len(wrote) > 0 {
		o.clusters = slices.DeleteFunc(slices.Clone(o.clusters), func(c clusterOptions) bool { return !wrote[c.name] })
		lines = append(lines, fmt.Sprintf("Session %s. Take it back with: %s revert%s --session %s", all.Session, name, o.scopeFlags(r), terminal.Quoted(all.Session)))
	}
	return lines
}
