package tune

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// chartOf is the HelmChart that helm-controller makes for a HelmRelease with a chart template.
func chartOf(o flux.Object) flux.Ref {
	return flux.Ref{Group: o.SourceRef.Group, Kind: "HelmChart", Namespace: o.SourceRef.Namespace, Name: o.Namespace + "-" + o.Name}
}

// changesChart tells whether the HelmChart of an object is another one after changes: it is one itself, or a HelmRelease
// whose chart template says another interval, or says none and follows the release's.
func changesChart(o flux.Object, changes []Change) bool {
	if o.Kind == "HelmChart" {
		return len(changes) > 0
	}
	if !o.HasChart {
		return false
	}
	interval, chart := o.Interval, o.ChartInterval
	for _, c := range changes {
		switch c.Field {
		case flux.Interval:
			interval = c.To
		case flux.ChartInterval:
			chart = c.To
		}
	}
	return o.EffectiveWith(flux.ChartInterval, chart, interval) != o.Effective(flux.ChartInterval)
}

// holdsChart tells whether the chartRef of a HelmRelease can name an object that is tuned.
func holdsChart(o flux.Object) bool { return o.Kind == "HelmChart" || o.Kind == "OCIRepository" }

// ChartSources are the objects that tell whether the chart of an object can be fetched again: the HelmChart of a
// HelmRelease, and what a HelmChart is fetched from.
func ChartSources(o flux.Object) []flux.Ref {
	switch {
	case o.Kind == "HelmRelease" && o.HasChart:
		return []flux.Ref{chartOf(o), o.SourceRef}
	case o.Kind == "HelmChart":
		return []flux.Ref{o.SourceRef}
	default:
		return nil
	}
}

// Fetch is a chart that is fetched again because of a change. Any change of a HelmChart has source-controller pass over
// what it has stored (internal/controller/helmchart_controller.go sets chart.BuildOptions Force where the generation is
// new; internal/helm/chart/builder_remote.go, generateBuildResult, then downloads).
type Fetch struct {
	// Chart is the HelmChart, and Source what it is fetched from.
	Chart, Source flux.Ref
	// URL of the source; "" where that was not read.
	URL string
	// Builds says that it is built from files that source-controller has, of a GitRepository or Bucket: only what it depends
	// on is fetched.
	Builds bool
}

// fetch is what the changes of an item have fetched again; false where nothing is.
func (i Item) fetch() (Fetch, bool) {
	o := i.Object
	if len(i.Changes) == 0 || o.Suspended || !changesChart(o, i.Changes) {
		return Fetch{}, false
	}
	f := Fetch{Chart: o.Ref, Source: o.SourceRef, Builds: o.SourceRef.Kind == "GitRepository" || o.SourceRef.Kind == "Bucket"}
	if o.Kind == "HelmRelease" {
		f.Chart = chartOf(o)
	}
	return f, true
}

// What is said of objects that are fetched or built again because of a change.
const (
	fetchNote = "its chart is fetched again"
	// A chart from files has the version that stands in them, and with reconcileStrategy ChartVersion, the default, nothing else
	// tells the builds apart. While nothing changes source-controller keeps the first, whatever the files have become; a new
	// generation builds it anew (internal/controller/helmchart_controller.go, buildFromTarballArtifact;
	// internal/helm/chart/builder_local.go). helm-controller takes what has the same version for the same.
	buildNote = "its chart is built again from the files as they are now, also where its version is still the same: the next upgrade of its release deploys them"
	// source-controller verifies a signature where its condition is of another generation
	// (internal/controller/ocirepository_controller.go; of a chart that is fetched, builder_remote.go).
	verifyNote = "its signature is verified again"
)

// againNotes say what the changes of an item have fetched, built and verified again.
func (i Item) againNotes() []string {
	o := i.Object
	f, again := i.fetch()
	var notes []string
	switch {
	case again && !f.Builds:
		notes = append(notes, fetchNote)
	case again && !o.Polling.ByRevision:
		notes = append(notes, buildNote)
	}
	artifact := o.Kind == "OCIRepository" && len(i.Changes) > 0 && !o.Suspended
	if o.Polling.Verifies && (artifact || again && !f.Builds) {
		notes = append(notes, verifyNote)
	}
	return notes
}

// idleNotes say that nothing comes of polling more often.
func (i Item) idleNotes() []string {
	to := i.Object.Unchanging()
	if to == "" || i.Object.EffectiveWith(flux.Interval, i.Planned(flux.Interval), nil) >= i.Object.Effective(flux.Interval) {
		return nil
	}
	return []string{"it is pinned to " + to + ": nothing new comes of polling more often"}
}

// sure is an object that others hang on. Known says that its state is known, also where it does not exist: then it is the
// zero Object. What nobody looked for must not pass for something that is well.
func (j *Judge) sure(ref flux.Ref) (o flux.Object, known bool) {
	if o, known = j.object(ref); known {
		return o, true
	}
	return flux.Object{}, j.looked(ref)
}

// failingChart: what uses a chart lives from the last one that could be fetched. A change has it fetched again, and until
// that succeeds helm-controller takes the chart for not ready (internal/controller/helmrelease_controller.go, isReady).
// That it was fetched once says little: a HelmChart stays ready while nothing changes, also where its repository cannot
// be reached any more.
func failingChart(item Item, opts Options) (Reason, string) {
	o := item.Object
	if opts.IncludeFailed || opts.Judge == nil {
		return "", ""
	}
	switch {
	case o.Kind == "OCIRepository":
		return opts.fails(o, o)
	case !changesChart(o, item.Changes):
		return "", ""
	}
	chart := o
	if o.Kind == "HelmRelease" {
		var known bool
		if chart, known = opts.Judge.sure(chartOf(o)); !known {
			return opts.chartUnknown(chartOf(o), chartOf(o))
		}
		if chart.Name == "" { // none that could be lost
			return "", ""
		}
	}
	if reason, message := opts.fails(o, chart); reason != "" {
		return reason, message
	}
	source, known := opts.Judge.sure(o.SourceRef)
	switch {
	case !opts.mayBeUsed(o):
		return "", ""
	case !known:
		return opts.chartUnknown(chart.Ref, o.SourceRef)
	case source.Name == "":
		return opts.noFetch(chart.Ref, o.SourceRef.String()+" "+opts.Judge.lacks(o.SourceRef))
	case source.Status.Ready != "False":
		return "", ""
	}
	return opts.noFetch(chart.Ref, fmt.Sprintf("%s is not ready (%s)", source.Ref, source.Status.ReadyReason))
}

// noFetch is the reason to leave a chart alone of which something says that it cannot be fetched again.
func (opts Options) noFetch(chart flux.Ref, why string) (Reason, string) {
	return ReasonFailingChart, fmt.Sprintf("%s, and a change has %s fetched from it again: until that succeeds, the HelmReleases that use it are not reconciled (%s)", why, chart, opts.all("--include-failed"))
}

// fails is the reason to leave an object alone whose chart cannot be fetched now.
func (opts Options) fails(o, chart flux.Object) (Reason, string) {
	if chart.Status.Ready != "False" || !opts.mayBeUsed(o) {
		return "", ""
	}
	return ReasonFailingChart, fmt.Sprintf("%s cannot be fetched (%s), and a change would keep the HelmReleases that use it from being reconciled until it can (%s)",
		chart.Ref, chart.Status.ReadyReason, opts.all("--include-failed"))
}

// mayBeUsed tells whether a HelmRelease uses an object or is one, as far as is known: where not all were read, one may.
func (opts Options) mayBeUsed(o flux.Object) bool {
	return o.Kind == "HelmRelease" || opts.Graph.Dependents(o.Ref) > 0 || !opts.Judge.allReleases
}

func (opts Options) chartUnknown(chart, unread flux.Ref) (Reason, string) {
	what := "it"
	if unread != chart {
		what = unread.String()
	}
	return ReasonChartUnknown, fmt.Sprintf("whether %s can be fetched is not known: %s %s, and a change has it fetched again (%s)", chart, what, opts.Judge.lacks(unread), opts.all("--include-failed"))
}
