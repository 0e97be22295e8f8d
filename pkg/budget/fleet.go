package budget

import (
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// subject is an object with what follows from its item.
type subject struct {
	object      *flux.Object
	shown       bool // it was asked for, and does not only explain others
	changed     bool // the plan changes it
	environment string
	// interval is what the controller uses, 0 where it is never due: suspended, or an interval that
	// Flux ignores.
	interval Pair[time.Duration]
	// chart is the interval of the HelmChart that helm-controller makes of a HelmRelease.
	chart Pair[time.Duration]
	// retry is how soon a Kustomization or HelmRelease tries again what failed.
	retry   Pair[time.Duration]
	failure Failure
	// reconciles are how often it is due, per hour.
	reconciles Rates
	// follows are those whose intervals decide how often it asks: see follow.
	follows []*subject
	// notice tells whether a webhook brings what is new in it at once.
	notice webhook.Notice
}

// fleet is everything that was read, indexed.
type fleet struct {
	byRef    map[flux.Ref]*subject
	shown    []*subject
	settings settings
	observed map[flux.Ref]flux.Observation
	arrivals map[arrivalKey]arrival
	// gitLabs are the hosts that are known to be GitLab.
	gitLabs map[string]bool
	hosts   map[string]string // of Git URLs
	// kustomizations are all, by namespace: Alerts name them.
	kustomizations map[string][]*subject
	notifiers      flux.Notifiers
	now            time.Time
}

func newFleet(in Input) *fleet {
	f := &fleet{
		byRef:    make(map[flux.Ref]*subject, len(in.Items)+len(in.Others)),
		shown:    make([]*subject, 0, len(in.Items)),
		settings: settings{flux.NewControllers(in.Controllers)},
		observed: in.Observed,
		arrivals: map[arrivalKey]arrival{},
		now:      in.Now,

		kustomizations: map[string][]*subject{}, notifiers: in.Notifiers, hosts: map[string]string{},
	}
	objects := make([]*flux.Object, 0, len(in.Items)+len(in.Others))
	for i, items := range [...][]tune.Item{in.Items, in.Others} {
		for j := range items {
			s := newSubject(&items[j], f.settings)
			f.byRef[s.object.Ref] = s
			if i == 0 {
				s.shown = true
				f.shown = append(f.shown, s)
			}
			if s.object.Kind == "Kustomization" {
				f.kustomizations[s.object.Namespace] = append(f.kustomizations[s.object.Namespace], s)
			}
			objects = append(objects, s.object)
		}
	}
	for ref, n := range webhook.Notices(objects, in.Notifiers) {
		f.byRef[ref].notice = n
	}
	f.findGitLabs()
	for _, s := range f.byRef {
		f.follow(s)
	}
	for _, s := range f.shown {
		s.reconciles = f.due(s)
	}
	return f
}

func newSubject(item *tune.Item, controllers settings) *subject {
	o := asItEnded(&item.Object)
	by := controllers.Of(o)
	s := &subject{object: o, environment: item.Assignment.Environment, failure: failure(o, by), changed: len(item.Changes) > 0}
	changed := func(f flux.Field) *string {
		for _, c := range item.Changes {
			if c.Field == f {
				return c.To
			}
		}
		return o.Value(f)
	}
	if o.Suspended || o.Deleting || o.OCI && !controllers.LogsIn(o) {
		return s
	}
	interval := changed(flux.Interval)
	s.interval = Pair[time.Duration]{Now: o.Effective(flux.Interval), Planned: o.EffectiveWith(flux.Interval, interval, interval)}
	s.retry = Pair[time.Duration]{
		Now:     o.Effective(flux.RetryInterval),
		Planned: o.EffectiveWith(flux.RetryInterval, changed(flux.RetryInterval), interval),
	}
	if every := helmRetry(o, by); every != nil {
		if d, err := time.ParseDuration(*every); err == nil {
			s.retry = Pair[time.Duration]{Now: d, Planned: d}
		}
	}
	if o.HasChart {
		s.chart = Pair[time.Duration]{
			Now:     o.Effective(flux.ChartInterval),
			Planned: o.EffectiveWith(flux.ChartInterval, changed(flux.ChartInterval), interval),
		}
	}
	return s
}

// asItEnded is an object as its last attempt left it where that failed and another is under way: until that one has succeeded, it
// goes on as what fails does.
func asItEnded(o *flux.Object) *flux.Object {
	if o.Status.Failed == (flux.Failed{}) {
		return o
	}
	ended := *o
	ended.Status.Ready, ended.Status.ReadyReason, ended.Status.ReadyMessage = "False", o.Status.Failed.Reason, o.Status.Failed.Message
	return &ended
}

// follow finds whose intervals decide how often an object asks, where these are not its own: a HelmChart that helm-controller makes gets
// its interval from the HelmRelease, and an Alert asks at each reconcile of the Kustomizations that it tells of.
func (f *fleet) follow(s *subject) {
	switch {
	case s.object.Generated:
		if release := f.byRef[madeBy(s.object)]; release != nil && s.interval.Now > 0 && release.chart != (Pair[time.Duration]{}) {
			s.follows, s.interval.Planned = []*subject{release}, release.chart.Planned
		}
	case s.object.Kind == flux.AlertKind:
		s.follows = f.told(s.object)
	}
}

// dueBeside is how often an object is reconciled that was read and not asked for: as now, but for what follows from those that were.
func (f *fleet) dueBeside(s *subject) Rates {
	due := f.due(s)
	if !slices.ContainsFunc(s.follows, func(of *subject) bool { return of.shown }) {
		due.Planned = due.Now
	}
	return due
}

// madeBy is the HelmRelease of a chart that helm-controller made: it labels them (helm-controller
// internal/reconcile/helmchart_template.go).
func madeBy(chart *flux.Object) flux.Ref {
	const group = "helm.toolkit.fluxcd.io"
	return flux.Ref{Group: group, Kind: "HelmRelease", Namespace: chart.Labels[group+"/namespace"], Name: chart.Labels[group+"/name"]}
}
