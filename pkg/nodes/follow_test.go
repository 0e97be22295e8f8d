package nodes_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// simulate runs a test on a simulated API server that has a pod, in virtual time, under a watch.
func simulate(t *testing.T, prepare func(*simulated), test func(*testing.T, *simulated, *nodes.Counter)) {
	t.Helper()
	simulateWith(t, simOptions(nil), prepare, test)
}

func simulateWith(t *testing.T, options nodes.Options, prepare func(*simulated), test func(*testing.T, *simulated, *nodes.Counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		s.apply(action{Do: "create", Namespace: "a", Name: "db-0", Node: "n1"})
		prepare(s)
		counter, err := nodes.New(s.config(), options)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { counter.Watch(ctx) })
		defer func() {
			stop()
			s.end()
			watching.Wait()
		}()
		after(2 * time.Second)
		test(t, s, counter)
	})
}

// after lets time go by, and all that is due in it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func noFault(*simulated) {}

func faulty(resource, verb, kind string, times int) func(*simulated) {
	return func(s *simulated) {
		s.apply(action{Do: "fault", Resource: resource, Verb: verb, Kind: kind, Times: times})
	}
}

// Whoever may list and not watch sees what was there some seconds ago, and reads so.
func TestWithoutTheRightToWatchTheCountIsOldAndSaysSo(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{"pods", "nodes"} {
		simulate(t, faulty(resource, "watch", "403", 1000), func(t *testing.T, s *simulated, counter *nodes.Counter) {
			for range 5 {
				count := counter.Count()
				require.True(t, count.Partial(), resource)
				require.Len(t, count.Missing, 1)
				assert.Equal(t, nodes.WhatUpdates, count.Missing[0].What)
				assert.Equal(t, kube.Forbidden, count.Missing[0].Reason)
				age := time.Since(count.Missing[0].Since)
				assert.LessOrEqual(t, age, simRelist+time.Second, "%s: it says how old it is, and that is not old", resource)
				after(7 * time.Second)
			}
			s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
			after(simRelist + time.Second)
			assert.Equal(t, 2, counter.Count().Total, "it is listed again")
			s.apply(action{Do: "heal"})
			after(4 * simRelist)
			assert.False(t, counter.Count().Partial(), "the right has come")
		})
	}
}

// A server that refuses a watch once has not refused it for good.
func TestAPassing403OnTheWatchIsForgotten(t *testing.T) {
	t.Parallel()
	simulate(t, faulty("pods", "watch", "403", 1), func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(3 * simRelist)
		for range 100 { // from here on nothing of it is to be seen
			require.False(t, counter.Count().Partial(), "it watches all pods")
			after(simRelist)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.Equal(t, 3, s.watches["pods"], "the refused one, one that tries, and one that goes on")
		assert.Zero(t, s.watches["pods/a"]+s.watches["pods/b"])
	})
}

// While a list that was complete is read anew, what is shown is old, and never too low and called exact.
func TestAListThatBeginsAnewIsIncompleteUntilItIsRead(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		require.False(t, counter.Count().Partial())
		faulty("pods/a", "list", "503", 1000)(s)
		s.apply(action{Do: "forget"})
		s.mu.Lock()
		s.revision++
		s.forgotten = s.revision
		s.mu.Unlock()
		s.cut()
		after(1500 * time.Millisecond)
		for range 10 {
			after(simRelist)
			count := counter.Count()
			require.True(t, count.Partial())
			require.True(t, count.Outdated)
			require.False(t, count.AtLeast, "pods go away, too")
			require.Equal(t, 1, count.Total, "what was known stays")
			require.False(t, count.Missing[0].Since.IsZero(), "and says how old it is")
		}
		s.apply(action{Do: "heal"})
		after(2 * simRelist)
		assert.False(t, counter.Count().Partial())
	})
}

// Details whose list failed are listed again: of each namespace where those of all are refused, else later.
func TestDetailsThatFailedAreReadLater(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"403", "400"} {
		// The probe and the details are the first lists of all pods.
		prepare := func(s *simulated) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.faults = append(s.faults, &fault{"pods", "list", "pass", 1}, &fault{"pods", "list", kind, 1})
		}
		simulate(t, prepare, func(t *testing.T, _ *simulated, counter *nodes.Counter) {
			after(4 * simRelist)
			count := counter.Count()
			assert.True(t, count.PendingKnown && count.FluxKnown, "%s: %+v", kind, count.Missing)
			assert.False(t, count.Partial())
			assert.Equal(t, nodes.Pods{Total: 1, Pending: 1, Flux: []string{"source-controller"}}, count.Pods["n1"])
		})
	}
}

// Who might not list all pods for a while, and followed each namespace, follows all of them again.
func TestAPassing403OnTheListIsForgotten(t *testing.T) {
	t.Parallel()
	simulate(t, faulty("pods", "list", "403", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
		watches := func(resource string) int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.watches[resource]
		}
		require.Positive(t, watches("pods/a"))
		require.Zero(t, watches("pods"))
		s.apply(action{Do: "heal"})
		after(31 * simRelist)
		assert.Positive(t, watches("pods"))
		assert.False(t, counter.Count().Partial())
	})
}

// No count calls nodes known that it does not have: the first document of -o json --watch would say that all
// nodes are gone.
func TestNodesAreKnownWhenTheyAreThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		counter, err := nodes.New(s.config(), simOptions(nil))
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { counter.Watch(ctx) })
		for looked := 0; ; looked++ {
			count := counter.Count()
			if count.NodesKnown {
				assert.Len(t, count.Nodes, 2)
				break
			}
			<-counter.Changed()
		}
		stop()
		s.end()
		watching.Wait()
	})
}

// A silent connection is noticed though a watch of a quiet cluster brings nothing either.
func TestASilentConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(time.Minute)
		require.False(t, counter.Count().Partial(), "quiet is not silent")
		s.set(false, true)
		after(simBlind)
		count := counter.Count()
		require.True(t, count.Partial())
		assert.Equal(t, nodes.WhatUpdates, count.Missing[0].What)
		s.set(false, false)
		after(10 * time.Second)
		assert.False(t, counter.Count().Partial())
	})
}

// A node that is made while nodes cannot be read is not gone: pods name it, and nobody could look it up.
func TestANodeMadeWhileNodesAreInterruptedIsNotKnownToBeGone(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]func(*simulated){
		"no right to list or watch": {faulty("nodes", "list", "403", 1000), faulty("nodes", "watch", "403", 1000)},
		"no right to watch":         {faulty("nodes", "watch", "403", 1000)},
		"no answer":                 {faulty("nodes", "list", "stall", 1000), faulty("nodes", "watch", "stall", 1000)},
		"not available":             {faulty("nodes", "list", "503", 1000), faulty("nodes", "watch", "503", 1000)},
	} {
		simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
			require.True(t, counter.Count().NodesKnown, name)
			for _, fault := range faults {
				fault(s)
			}
			s.cut()
			after(1500 * time.Millisecond)
			s.apply(action{Do: "add node"})
			s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n3"})
			seen := false
			for range 60 {
				after(simRelist / 4)
				count := counter.Count()
				seen = seen || count.Pods["n3"].Total == 1
				if listed := len(count.Nodes) == 3; !listed {
					require.False(t, count.NodesKnown, "%s: %+v", name, count.Missing)
				}
				require.True(t, count.Partial(), name)
			}
			require.True(t, seen, name)
			s.apply(action{Do: "heal"})
			after(30 * simRelist)
			count := counter.Count()
			require.True(t, count.NodesKnown, name)
			require.Len(t, count.Nodes, 3, name)
		})
	}
}

// A right that comes back is noticed as soon for nodes as for pods.
func TestTheRightToNodesIsNoticedWhenItComesBack(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		faulty("nodes", "list", "403", 1000)(s)
		faulty("nodes", "watch", "403", 1000)(s)
		s.cut()
		after(3 * simRelist)
		require.True(t, counter.Count().Partial())
		s.apply(action{Do: "heal"})
		after(simRelist + time.Second)
		assert.Empty(t, counter.Count().Missing)
	})
}
