package fit

import (
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// maxLinks bounds how far a chain of artifacts made of artifacts is followed: circles are cut.
const maxLinks = 10

// usersOf are what applies what each source holds: by itself, or through what is made of it (a HelmChart, an
// ExternalArtifact of an ArtifactGenerator).
func usersOf(objects []*flux.Object) map[flux.Ref][]*flux.Object {
	byRef := make(map[flux.Ref]*flux.Object, len(objects))
	for _, o := range objects {
		byRef[o.Ref] = o
	}
	users := map[flux.Ref][]*flux.Object{}
	for _, o := range objects {
		if o.KindRow().Consumer && o.SourceRef != (flux.Ref{}) {
			for _, source := range behind(o.SourceRef, byRef, 0) {
				if !slices.Contains(users[source], o) {
					users[source] = append(users[source], o)
				}
			}
		}
	}
	return users
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

// together are writes of artifacts that one start of source-controller made: it works on two objects of a kind at a time.
const together = 2 * time.Minute

// restarts are the times at which so many artifacts were written that no commits did it: half of all, and three at least.
func restarts(objects []*flux.Object) []time.Time {
	var written []time.Time
	for _, o := range objects {
		if at := o.Status.SourceChanged; !at.IsZero() {
			written = append(written, at)
		}
	}
	slices.SortFunc(written, time.Time.Compare)
	const least = 3
	var found []time.Time
	for i, at := range written {
		n := 0
		for _, other := range written[i:] {
			if other.Sub(at) <= together {
				n++
			}
		}
		if n >= least && 2*n >= len(written) {
			found = append(found, at)
		}
	}
	return found
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
		restarted := restarts(c.Objects)
		for _, o := range c.Objects {
			if at := o.Status.SourceChanged; !anew(at, restarted) {
				note(at)
			}
			for _, c := range o.Status.Changes {
				note(c.At)
			}
		}
	}
	return last
}

// anew tells whether an artifact that was written at a time was written anew, with no change.
func anew(at time.Time, restarted []time.Time) bool {
	return slices.ContainsFunc(restarted, func(start time.Time) bool { return !at.Before(start) && at.Sub(start) <= together })
}
