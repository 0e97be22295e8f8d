package tune

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// lasting wants an interval of everything.
func lasting(interval string) policy.Policy {
	return ruling(map[string]policy.Settings{"GitRepository": {Interval: interval}, "Kustomization": {Interval: interval}})
}

// tuned is an object after an apply, and what was planned for it.
func tuned(t require.TestingT, o flux.Object, p policy.Policy, stamp Stamp) (flux.Object, Item) {
	item := Decide(o, p, in("development"), Options{Until: stamp.Until})
	if item.Action != ActionChange {
		return o, item
	}
	record, err := ReadRecord(o)
	require.NoError(t, err)
	next := ApplyWrite{Item: item, Stamp: stamp}.record(o, record)
	for _, c := range item.Changes {
		o = o.WithValue(c.Field, c.To)
	}
	o.Annotations = map[string]string{RecordAnnotation: next.String()}
	return o, item
}

// takenBack is an object after a revert of a session.
func takenBack(o flux.Object, session string) flux.Object {
	r := DecideRestore(o, RestoreOptions{Session: session})
	if r.Action != ActionChange {
		return o
	}
	for _, c := range r.Changes {
		o = o.WithValue(c.Field, c.To)
	}
	o.Annotations = nil
	if r.Record != nil {
		o.Annotations = map[string]string{RecordAnnotation: r.Record.String()}
	}
	return o
}

// What somebody applies for good stays when the sessions end that had set it for a while, in whatever order they end; and
// what a session only borrowed goes back.
func TestWhatIsAppliedForGoodStays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		o := object(t, rapid.SampledFrom([]string{"GitRepository", "Kustomization"}).Draw(r, "kind"))
		asked := lasting(*o.Interval) // what was last asked for for good
		var borrowed []string
		end := func() {
			at := rapid.IntRange(0, len(borrowed)-1).Draw(r, "which")
			o = takenBack(o, borrowed[at])
			borrowed = slices.Delete(borrowed, at, at+1)
		}
		for i := range rapid.IntRange(1, 8).Draw(r, "steps") {
			if len(borrowed) > 0 && rapid.IntRange(0, 3).Draw(r, "end") == 0 {
				end()
				continue
			}
			p := lasting(rapid.SampledFrom([]string{"1m", "3m", "7m", "at most 5m", "at least 4m"}).Draw(r, "interval"))
			stamp := Stamp{Session: fmt.Sprintf("s%d", i), Time: noon}
			if rapid.Bool().Draw(r, "for a while") {
				stamp.Until = noon.Add(time.Duration(rapid.IntRange(1, 3).Draw(r, "hours")) * time.Hour)
				borrowed = append(borrowed, stamp.Session)
			} else {
				asked = p
			}
			o, _ = tuned(r, o, p, stamp)
			_, again := tuned(r, o, p, stamp)
			require.NotEqual(r, ActionChange, again.Action, "a second time it finds nothing to do: %s", again.Message)
		}
		for len(borrowed) > 0 {
			end()
		}
		require.Empty(r, Decide(o, asked, in("development"), Options{}).Changes, "%s", o.Annotations[RecordAnnotation])
	})
}
