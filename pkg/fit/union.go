package fit

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// same are changes of several users of a source that one commit made, where nothing tells which: applied one after the other, as
// dependsOn has it.
const same = 2 * time.Minute

// arrival is a change of one user. Changes of several users are of one commit where they left the same content behind: each
// user is told of each revision, so that the next one changed both, however long one waited for the other.
type arrival struct {
	flux.Change
	user *flux.Object
}

// left names the content that was left behind: a revision, or a version of a chart; "" where that is unknown.
func (a arrival) left() string {
	if a.Before == "" || a.user.Polling.Chart == "" {
		return a.Before
	}
	return a.user.Polling.Chart + " " + a.Before
}

// union counts the commits behind the arrivals after a time. One user that leaves the same content behind again, as after a
// way back, has another commit.
func union(all []arrival, since time.Time) int {
	sorting.By(all, func(a, b arrival) int { return a.At.Compare(b.At) })
	n, before := 0, since
	first := map[string]*flux.Object{} // who left a content behind first
	for _, a := range all {
		left := a.left()
		by, known := first[left]
		if left != "" && !known {
			first[left] = a.user
		}
		if known && by != a.user || a.At.Sub(before) <= same {
			continue
		}
		n, before = n+1, a.At
	}
	return n
}
