package cmd

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const (
	// freshFor is how old may be what decisions about an object follow from, beside itself, when it is written: a question may stay
	// open, and a paced run may take, for hours.
	freshFor = 10 * time.Second
	// freshShare bounds what reading it again and again takes: of the time of a run, one part in so many.
	freshShare = 10
)

// latest is what decisions about objects follow from, beside the objects themselves, as that is by now: the labels of their
// namespaces, and where a plan depends on more, who uses and applies them, and what their charts are fetched from.
type latest struct {
	now func() time.Time
	// old is from when on it is read anew, and missed since when that could not be; zero where it could.
	old, missed time.Time
	// whole says that more is read than labels.
	whole bool
	seen  atomic.Pointer[view]
}

// view is a fleet as it was read at one time, and what that tells of it.
type view struct {
	fleet
	judge *tune.Judge
}

// newLatest begins with a fleet as it was read. Whole reads more than labels; asked says that somebody is asked before: however soon the
// answer comes, it is read anew then. Times are of the clock on the wall: Go's other one stands still while a machine sleeps.
func newLatest(f fleet, now func() time.Time, asked, whole bool) *latest {
	l := &latest{now: func() time.Time { return now().Round(0) }, old: f.began.Round(0).Add(freshFor), whole: whole}
	if asked {
		l.old = time.Time{}
	}
	l.seen.Store(&view{f, tune.NewJudge(f.snapshot)})
	return l
}

// byOthers tells whether what is planned for an object follows from other objects, too: from what uses, applies or feeds it.
func byOthers(i tune.Item) bool {
	_, owned := i.Object.Owner()
	labelled := slices.Contains([]policy.Source{policy.SourceLabel, policy.SourceNamespace, policy.SourceNamespacePattern}, i.Assignment.Source)
	return i.Action == tune.ActionChange && (owned || i.Object.KindRow().Source && !labelled || byChart(i))
}

// byChart tells whether it follows from whether a chart can be fetched again.
func byChart(i tune.Item) bool {
	return i.Action == tune.ActionChange && (i.Object.Kind == "OCIRepository" || len(tune.ChartSources(i.Object)) > 0)
}

// refresh reads anew what is old. Where that fails, it is what was read last. It is for one goroutine.
func (l *latest) refresh(ctx context.Context) {
	begun := l.now()
	if begun.Before(l.old) {
		return
	}
	seen := *l.seen.Load()
	switch again, ok := seen.again(ctx, l.whole); {
	case ok:
		l.seen.Store(again)
		l.missed = time.Time{}
	case l.missed.IsZero() && ctx.Err() == nil:
		l.missed = begun
	}
	ended := l.now()
	l.old = ended.Add(max(freshFor, freshShare*ended.Sub(begun)))
}

// unnoticed says that what decisions follow from could not be read anew any more; nil where it could.
func (l *latest) unnoticed() []string {
	if l.missed.IsZero() {
		return nil
	}
	what := "the labels of namespaces"
	if l.whole {
		what += ", or what uses, applies or feeds the objects,"
	}
	return []string{fmt.Sprintf("%s could not be read again since %s: what changed there was not noticed", what, tune.ShowTime(l.missed))}
}

// again reads a view anew: the labels of its namespaces, or whole what a plan is decided by; false where not all of that can be read
// that was read before.
func (v view) again(ctx context.Context, whole bool) (*view, bool) {
	o := v.options
	if !whole {
		err := o.Client.ReadLabels(ctx, &v.snapshot)
		v.resolver = policy.NewResolver(o.Policy, v.snapshot, o.DefaultEnvironment)
		return &v, err == nil
	}
	snapshot, err := o.readDeciding(ctx)
	if err != nil || slices.ContainsFunc(snapshot.Gaps, func(g flux.Gap) bool { return !g.NotFound && !v.lacks(g) }) {
		return nil, false
	}
	f := o.fleetOf(snapshot)
	f.graph.Controllers = v.graph.Controllers
	return &view{f, tune.NewJudge(snapshot)}, true
}

// lacks tells whether something could not be read before, either.
func (v view) lacks(gap flux.Gap) bool {
	return slices.ContainsFunc(v.snapshot.Gaps, func(g flux.Gap) bool { return g.What == gap.What })
}

// deciding are options of a plan, with what they are decided by as it is by now.
func (l *latest) deciding(o tune.Options) tune.Options {
	seen := l.seen.Load()
	o.Judge, o.Graph = seen.judge, seen.graph
	return o
}

// caring are options of a revert, likewise.
func (l *latest) caring(o tune.RestoreOptions) tune.RestoreOptions {
	if o.Care != nil {
		care := l.deciding(*o.Care)
		o.Care = &care
	}
	return o
}

// environment is that of an object by now.
func (l *latest) environment(o flux.Object) policy.Assignment {
	return l.seen.Load().resolver.Resolve(o)
}
