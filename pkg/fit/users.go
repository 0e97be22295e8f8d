package fit

import (
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// maxLinks bounds how far a chain of artifacts made of artifacts is followed: circles are cut.
const maxLinks = 10

// usersOf are what applies what each source holds: by itself, or through what is made of it (a HelmChart, an
// ExternalArtifact of an ArtifactGenerator). Who names one version of a chart is no user of the chart repository: another
// comes when Git names it. Pinned are the repositories of which all users do so.
func usersOf(objects []*flux.Object) (users map[flux.Ref][]*flux.Object, pinned map[flux.Ref]bool) {
	byRef := make(map[flux.Ref]*flux.Object, len(objects))
	for _, o := range objects {
		byRef[o.Ref] = o
	}
	users, pinned = map[flux.Ref][]*flux.Object{}, map[flux.Ref]bool{}
	for _, o := range objects {
		if !o.KindRow().Consumer || o.SourceRef == (flux.Ref{}) {
			continue
		}
		exact := flux.ExactVersion(chartOf(o, byRef).Polling.Version)
		for _, source := range behind(o.SourceRef, byRef, 0) {
			switch {
			case source.Kind == "HelmRepository" && exact:
				pinned[source] = true
			case !slices.Contains(users[source], o):
				users[source] = append(users[source], o)
			}
		}
	}
	for source := range users {
		delete(pinned, source)
	}
	return users, pinned
}

// chartOf is what says which version of a chart is used: the HelmChart that a release names, or the release.
func chartOf(o *flux.Object, byRef map[flux.Ref]*flux.Object) *flux.Object {
	if chart := byRef[o.SourceRef]; chart != nil && chart.Ref.Kind == "HelmChart" {
		return chart
	}
	return o
}

// behind are a source and those that it is made of.
func behind(source flux.Ref, byRef map[flux.Ref]*flux.Object, links int) []flux.Ref {
	all := []flux.Ref{source}
	o := byRef[source]
	if o == nil || links >= maxLinks {
		return all
	}
	made := slices.Clone(o.Polling.Made)
	if o.Ref.Kind == "HelmChart" && o.SourceRef != (flux.Ref{}) {
		made = append(made, o.SourceRef)
	}
	for _, ref := range made {
		all = append(all, behind(ref, byRef, links+1)...)
	}
	return all
}

// lastChange is when something changed last among all that is fitted together: until then, activities are counted. That
// time passes in which nobody commits anything, as at night, tells nothing about who commits next, and changes no interval.
// After a week of that the time counts again, a week behind. Only the activities' proportions matter to a fit.
func lastChange(in Input) time.Time {
	last := in.Now.Add(-enough)
	note := func(at time.Time) {
		if at.After(last) && !at.After(in.Now) {
			last = at
		}
	}
	for _, c := range in.Clusters {
		restarted := flux.NewRestarts(c.Objects)
		for _, o := range c.Objects {
			if at := o.Status.SourceChanged; !restarted.Wrote(at) {
				note(at)
			}
			for _, c := range o.Status.Changes {
				note(c.At)
			}
		}
	}
	return last
}
