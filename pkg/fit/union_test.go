package fit

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// following is a user of a source with the changes that it remembers.
func following(changes ...flux.Change) *flux.Object {
	return &flux.Object{Status: flux.Status{Changes: changes}}
}

// A commit counts once, however many apply it and however long they wait for one another; and what a source did not bring
// counts for none.
func TestCommitsAreCountedOnce(t *testing.T) {
	t.Parallel()
	change := func(hoursAgo float64, before, after string) flux.Change {
		return flux.Change{At: ago(hoursAgo)[0], Before: before, After: after}
	}
	first := change(100, "", "")
	branch := flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}
	tag := func(name string) flux.RemoteRef { return flux.RemoteRef{Kind: flux.RefTag, Value: name} }
	for name, tc := range map[string]struct {
		ref   flux.RemoteRef
		users []*flux.Object
		want  int
	}{
		"a child that waits for its parent": {branch, []*flux.Object{
			following(first, change(50, "main@1", "main@2"), change(10, "main@2", "main@3")),
			following(first, change(49, "main@1", "main@2"), change(9, "main@2", "main@3")),
		}, 2},
		"a child that waited when what is known began": {branch, []*flux.Object{
			following(change(101, "", "main@1"), change(100, "main@1", "main@2")), following(first, change(99, "main@1", "main@2")), following(first, change(5, "main@2", "main@3")),
		}, 1},
		"two commits, each for another":       {branch, []*flux.Object{following(first, change(50, "main@1", "main@2")), following(first, change(49, "main@2", "main@3"))}, 2},
		"one revision, another specification": {branch, []*flux.Object{following(first, change(50, "main@1", "main@1"))}, 0},
		"another branch":                      {branch, []*flux.Object{following(first, change(50, "dev@1", "main@1"))}, 0},
		"Git names another tag":               {tag("1.1.0"), []*flux.Object{following(first, change(50, "1.0.0@a", "1.1.0@b"))}, 0},
		"the tag moved":                       {tag("1.1.0"), []*flux.Object{following(first, change(50, "1.1.0@a", "1.1.0@b"))}, 1},
		"a range found another tag":           {flux.RemoteRef{Kind: flux.RefSemver, Value: "1.x"}, []*flux.Object{following(first, change(50, "1.0.0@a", "1.1.0@b"))}, 1},
		"a chart by another tag":              {tag("1.1.0"), []*flux.Object{releasing("", first, change(50, "1.0.0+a", "1.1.0+b"))}, 0},
		"a chart by a tag that moved":         {tag("1.1.0"), []*flux.Object{releasing("", first, change(50, "1.1.0+a", "1.1.0+b"))}, 1},
		"a chart by a tag that moves":         {tag("latest"), []*flux.Object{releasing("", first, change(50, "1.0.0+a", "1.1.0+b"))}, 1},
		"two releases of one chart":           {flux.RemoteRef{}, []*flux.Object{releasing("web", first, change(50, "1.0.0", "1.1.0")), releasing("web", first, change(48, "1.0.0", "1.1.0"))}, 1},
		"two charts":                          {flux.RemoteRef{}, []*flux.Object{releasing("web", first, change(50, "1.0.0", "1.1.0")), releasing("db", first, change(48, "1.0.0", "1.1.0"))}, 2},
		"one release that goes to and fro":    {flux.RemoteRef{}, []*flux.Object{releasing("web", first, change(50, "1.0.0", "1.1.0"), change(40, "1.1.0", "1.0.0"), change(30, "1.0.0", "1.1.0"))}, 3},
	} {
		source := &flux.Object{Remote: flux.Remote{Ref: tc.ref}}
		a := fromHistory(source, tc.users, noon, noon)
		assert.Equal(t, FromHistory, a.From, name)
		assert.Equal(t, tc.want, a.Changes, name)
	}
}

func releasing(chart string, changes ...flux.Change) *flux.Object {
	o := following(changes...)
	o.Ref, o.Polling.Chart = flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease"}, chart
	return o
}

// Whoever follows a source, in whatever order and with whatever delay, no more is counted than it published.
func TestNoMoreIsCountedThanWasPublished(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		published := rapid.IntRange(1, 6).Draw(t, "published")
		begin := ago(200)[0]
		var users []*flux.Object
		for u := range rapid.IntRange(1, 5).Draw(t, "users") {
			changes := []flux.Change{{At: begin, After: "main@0"}}
			for i := 1; i <= published; i++ {
				last := &changes[len(changes)-1]
				if !rapid.Bool().Draw(t, fmt.Sprintf("commit %d changes user %d", i, u)) {
					last.After = fmt.Sprintf("main@%d", i)
					continue
				}
				late := time.Duration(rapid.IntRange(0, 9*60).Draw(t, "minutes late")) * time.Minute
				changes = append(changes, flux.Change{At: begin.Add(time.Duration(i)*10*time.Hour + late), Before: fmt.Sprintf("main@%d", i-1), After: fmt.Sprintf("main@%d", i)})
			}
			users = append(users, following(changes...))
		}
		touched := map[string]bool{}
		for _, u := range users {
			for _, c := range u.Status.Changes[1:] {
				touched[c.Before] = true
			}
		}
		source := &flux.Object{Remote: flux.Remote{Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}}}
		assert.Equal(t, len(touched), fromHistory(source, users, noon, noon).Changes)
	})
}
