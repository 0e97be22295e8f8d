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

// A start of source-controller writes all artifacts anew, one shortly after another (together): it works on two objects of a kind
// at a time. It lasts longest at most.
const (
	together = 2 * time.Minute
	longest  = 30 * time.Minute
)

// stretch is a span of time, with both its ends.
type stretch struct{ from, to time.Time }

// restarts are the times in which so many artifacts were written, one shortly after another, that no commits did it: half of
// all; or those that were written first of all, since a start leaves nothing older but what is suspended. Sources of one
// repository count as one: a commit changes all of them.
func restarts(objects []*flux.Object) []stretch {
	var written []*flux.Object
	for _, o := range objects {
		if !o.Status.SourceChanged.IsZero() && !o.Suspended {
			written = append(written, o)
		}
	}
	slices.SortFunc(written, func(a, b *flux.Object) int { return a.Status.SourceChanged.Compare(b.Status.SourceChanged) })
	const least = 3
	all := repositories(written)
	var found []stretch
	for i := 0; i < len(written); {
		next := runFrom(written, i)
		n := repositories(written[i:next])
		if n >= least && (i == 0 || 2*n >= all) {
			found = append(found, stretch{written[i].Status.SourceChanged, written[next-1].Status.SourceChanged})
		}
		i = next
	}
	return found
}

// runFrom is where the objects end that were written one shortly after another, from one on.
func runFrom(written []*flux.Object, i int) int {
	at := func(k int) time.Time { return written[k].Status.SourceChanged }
	next := i + 1
	for next < len(written) && at(next).Sub(at(next-1)) <= together && at(next).Sub(at(i)) <= longest {
		next++
	}
	return next
}

// repositories counts what some sources are of.
func repositories(sources []*flux.Object) int {
	type repository struct {
		url string
		ref flux.Ref // of a source that does not say
	}
	seen := map[repository]bool{}
	for _, o := range sources {
		r := repository{url: o.Remote.URL}
		if r.url == "" {
			r.ref = o.Ref
		}
		seen[r] = true
	}
	return len(seen)
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
func anew(at time.Time, restarted []stretch) bool {
	return slices.ContainsFunc(restarted, func(s stretch) bool { return !at.Before(s.from) && !at.After(s.to) })
}
