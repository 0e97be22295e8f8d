package flux

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"slices"
	"time"
)

// Restarts tell which artifacts source-controller wrote anew, with no change: a pod that starts finds an empty volume, and all that
// is not there is fetched and gets a new status.artifact.lastUpdateTime (its config/manager/deployment.yaml, emptyDir;
// internal/controller, reconcileStorage). No object says so, but a start leaves no older artifact.
type Restarts struct {
	found []stretch
	// oldest are the artifacts that were written first of all, one shortly after another.
	oldest stretch
}

// A start writes one artifact shortly after another (together): it works on two objects of a kind at a time. It lasts longest at
// most.
const (
	together = 2 * time.Minute
	longest  = 30 * time.Minute
)

// stretch is a span of time, with both its ends.
type stretch struct{ from, to time.Time }

// NewRestarts finds the times in which so many artifacts were written, one shortly after another, that no commits did it: half of
// all; or those that were written first of all, but for what is suspended. Sources of one repository count as one: a
// commit changes all of them.
func NewRestarts(objects []*Object) Restarts {
	var written []*Object
	for _, o := range objects {
		if !o.Status.SourceChanged.IsZero() && !o.Suspended {
			written = append(written, o)
		}
	}
	sorting.By(written, func(a, b *Object) int { return a.Status.SourceChanged.Compare(b.Status.SourceChanged) })
	const least = 3
	all := repositories(written)
	var r Restarts
	for i := 0; i < len(written); {
		next := runFrom(written, i)
		run := stretch{written[i].Status.SourceChanged, written[next-1].Status.SourceChanged}
		if i == 0 {
			r.oldest = run
		}
		n := repositories(written[i:next])
		if n >= least && (i == 0 || 2*n >= all) {
			r.found = append(r.found, run)
		}
		i = next
	}
	return r
}

// Wrote tells whether an artifact that was written at a time was written anew, with no change.
func (r Restarts) Wrote(at time.Time) bool {
	return slices.ContainsFunc(r.found, func(s stretch) bool { return !at.Before(s.from) && !at.After(s.to) })
}

// MayHaveWritten tells whether that may be so: no artifact is much older.
func (r Restarts) MayHaveWritten(at time.Time) bool { return r.Wrote(at) || !at.After(r.oldest.to) }

// runFrom is where the objects end that were written one shortly after another, from one on.
func runFrom(written []*Object, i int) int {
	at := func(k int) time.Time { return written[k].Status.SourceChanged }
	next := i + 1
	for next < len(written) && at(next).Sub(at(next-1)) <= together && at(next).Sub(at(i)) <= longest {
		next++
	}
	return next
}

// repositories counts what some sources are of.
func repositories(sources []*Object) int {
	type repository struct {
		url string
		ref Ref // of a source that does not say
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
