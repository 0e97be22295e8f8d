package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

const (
	helmGroup = "helm.toolkit.fluxcd.io"
	// helm-controller labels the HelmCharts that it makes from a HelmRelease's chart template
	// (helm-controller internal/reconcile/helmchart_template.go).
	releaseNameLabel      = helmGroup + "/name"
	releaseNamespaceLabel = helmGroup + "/namespace"
	helmReleaseKind       = "HelmRelease"
	helmChartKind         = "HelmChart"
)

// candidate is a user of a source, with the environment that it has by itself or its namespaces.
type candidate struct {
	environment string
	known       bool
	consumer    flux.Ref
}

// indexConsumers finds the fastest user of every source, each user once.
func (r *Resolver) indexConsumers(s flux.Snapshot) {
	behind := madeOf(s)
	for _, objects := range [...][]flux.Object{s.Objects, s.Related} {
		for _, o := range objects {
			if !o.KindRow().Consumer || o.SourceRef == (flux.Ref{}) {
				continue
			}
			a := r.own(o)
			if a.Environment == "" {
				if r.hidden(o) {
					eachBehind(o.SourceRef, behind, 0, func(source flux.Ref) { r.veiled[source] = true })
				}
				continue
			}
			c := candidate{environment: a.Environment, known: a.Known, consumer: o.Ref}
			if o.Ref.Kind == helmReleaseKind {
				r.releases[o.Ref] = c
			}
			eachBehind(o.SourceRef, behind, 0, func(source flux.Ref) { r.use(source, c) })
		}
	}
}

// madeOf tells what sources are made of: a HelmChart of its source, an ExternalArtifact of its
// ArtifactGenerator, and that of its sources.
func madeOf(s flux.Snapshot) map[flux.Ref][]flux.Ref {
	behind := map[flux.Ref][]flux.Ref{}
	for _, objects := range [...][]flux.Object{s.Objects, s.Related} {
		for _, o := range objects {
			switch {
			case o.Ref.Kind == helmChartKind && o.SourceRef != (flux.Ref{}):
				behind[o.Ref] = []flux.Ref{o.SourceRef}
			case o.Ref.Kind == flux.ExternalArtifactKind || o.Ref.Kind == flux.ArtifactGeneratorKind:
				behind[o.Ref] = o.Polling.Made
			}
		}
	}
	return behind
}

// maxLinks bounds how far artifacts made of artifacts are followed: a circle is cut.
const maxLinks = 10

// eachBehind calls a function with a source and all that it is made of.
func eachBehind(source flux.Ref, behind map[flux.Ref][]flux.Ref, links int, use func(flux.Ref)) {
	use(source)
	if links == maxLinks {
		return
	}
	for _, ref := range behind[source] {
		eachBehind(ref, behind, links+1, use)
	}
}

// unreadUsers says of the namespaces of sources which users of these could not all be read; none where all were.
func unreadUsers(s flux.Snapshot) map[string]string {
	unread := map[string]string{}
	missing := s.UnreadUsers()
	if len(missing) == 0 {
		return unread
	}
	for o := range s.All() {
		if _, known := unread[o.Namespace]; known || !o.KindRow().Source {
			continue
		}
		unread[o.Namespace] = ""
		kinds := slices.DeleteFunc(slices.Clone(missing), func(k flux.Kind) bool { return s.OwnUsersOnly(k, o.Namespace) })
		if len(kinds) > 0 {
			unread[o.Namespace] = fmt.Sprintf("what may use it could not all be read (%s in all namespaces)", flux.Resources(kinds))
		}
	}
	return unread
}

// use counts a consumer for a source. Counting one twice changes nothing.
func (r *Resolver) use(source flux.Ref, c candidate) {
	if best, ok := r.fastest[source]; !ok || r.compare(c, best, source.Kind) < 0 {
		r.fastest[source] = c
	}
}

// compare orders consumers by how fast their environments want the source to be polled, then how fast
// they want to be reconciled themselves, then as the policy orders environments. What is left equal is
// ordered by name, so that the answer does not depend on the order in which objects were read.
func (r *Resolver) compare(a, b candidate, sourceKind string) int {
	return cmp.Or(
		r.intervals[a.environment][sourceKind].compareSpeed(r.intervals[b.environment][sourceKind]),
		r.intervals[a.environment][a.consumer.Kind].compareSpeed(r.intervals[b.environment][b.consumer.Kind]),
		cmp.Compare(r.place(a), r.place(b)),
		strings.Compare(a.environment, b.environment),
		a.consumer.Compare(b.consumer),
	)
}

// place is the position of an environment in the policy; unknown ones come last.
func (r *Resolver) place(c candidate) int {
	if i := r.policy.index(c.environment); i >= 0 {
		return i
	}
	return len(r.policy.Environments)
}

// consumer is the fastest user of a source, or the HelmRelease that a chart is generated from.
func (r *Resolver) consumer(o flux.Object) (candidate, bool) {
	if !o.KindRow().Source {
		return candidate{}, false
	}
	c, ok := r.fastest[o.Ref]
	if !ok && o.Generated {
		c, ok = r.releases[flux.Ref{
			Group: helmGroup, Kind: helmReleaseKind, Namespace: o.Labels[releaseNamespaceLabel], Name: o.Labels[releaseNameLabel],
		}]
	}
	return c, ok
}
