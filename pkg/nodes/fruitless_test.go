package nodes_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// Watches that the server begins and ends at once, again and again, bring nothing: what is shown is listed anew, and never
// said to be complete.
func TestWatchesThatEndAtOnceAreNone(t *testing.T) {
	t.Parallel()
	simulate(t, faulty("pods", "watch", "empty", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(2 * simRelist)
		s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
		after(3 * simRelist)
		for range 100 {
			count := counter.Count()
			require.True(t, count.Partial(), "nothing keeps the pods up to date")
			require.Equal(t, 2, count.Total, "they are listed anew")
			require.Less(t, time.Since(count.Missing[0].Since), 3*simRelist)
			after(300 * time.Millisecond)
		}
		s.apply(action{Do: "heal"})
		after(4 * simRelist)
		assert.Empty(t, counter.Count().Missing)
	})
}

// A watch that is open and dead is noticed, as it brings no bookmarks either; one of a quiet cluster does.
func TestAWatchThatBringsNothingIsNotProof(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{"pods", "nodes"} {
		simulate(t, faulty(resource, "watch", "mute", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
			s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
			s.apply(action{Do: "add node"})
			after(simDoubt)
			count := counter.Count()
			assert.Equal(t, 2, count.Total, "%s: all is listed again as soon as it is noticed", resource)
			assert.Empty(t, count.Missing, resource)
			assert.Len(t, count.Nodes, 3, resource)
		})
	}
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(time.Hour)
		assert.Empty(t, counter.Count().Missing)
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.Equal(t, map[string]int{"pods": 1, "nodes": 1}, s.watches, "bookmarks show that the watches run")
	})
}

// A server that was restored from a backup has a lower revision than what was watched, and brings nothing until it has passed
// that.
func TestARevisionThatWentBackIsNoticed(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		for _, name := range []string{"web-0", "web-1"} {
			s.apply(action{Do: "create", Namespace: "b", Name: name, Node: "n2"})
		}
		after(2 * time.Second)
		require.Equal(t, 3, counter.Count().Total)
		s.goBack(2)
		after(2 * simRelist)
		count := counter.Count()
		assert.Equal(t, 1, count.Total)
		assert.Empty(t, count.Missing)
	})
}

// Where each watch fails soon, whatever for, all is listed anew at ever greater pauses, and as soon as it is worth it again.
func TestListsBeforeWatchesThatFailGetRarer(t *testing.T) {
	t.Parallel()
	const relist = 10 * time.Second
	options := simOptions(nil)
	options.Relist = relist
	for _, resource := range []string{"pods", "nodes"} {
		for _, kind := range []string{"410", "expires", "garbage", "cut"} {
			simulateWith(t, options, faulty(resource, "watch", kind, 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
				var mu sync.Mutex
				lists := 0
				s.mu.Lock()
				s.meanwhile = func(verb, of string) {
					mu.Lock()
					defer mu.Unlock()
					if verb == "list" && (of == "nodes" && resource == "nodes" || of == "namespaces" && resource == "pods") {
						lists++
					}
				}
				s.mu.Unlock()
				after(5 * relist)
				mu.Lock()
				lists = 0
				mu.Unlock()
				for range 20 {
					after(relist)
					require.True(t, counter.Count().Partial(), "%s, %s", resource, kind)
				}
				mu.Lock()
				seen := lists
				mu.Unlock()
				assert.LessOrEqual(t, seen, 21, "%s, %s", resource, kind)
				assert.GreaterOrEqual(t, seen, 5, "%s, %s: what is shown is no older than that", resource, kind)
				s.apply(action{Do: "heal"})
				after(3 * relist)
				assert.Empty(t, counter.Count().Missing, "%s, %s", resource, kind)
				s.mu.Lock()
				s.forgotten = s.revision
				s.mu.Unlock()
				s.cut()
				after(time.Second)
				assert.Empty(t, counter.Count().Missing, "%s, %s: one failure is soon over", resource, kind)
			})
		}
	}
}
