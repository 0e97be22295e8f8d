package nodes_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// countMeanwhile counts once while things happen, one before each answer, and says what cannot be: a part of a number that is
// more than all of it, or a node that is called gone and was there all the time since its pods were read.
func countMeanwhile(before, meanwhile []action, scope []string) error {
	s := newSimulated()
	deleted := false
	apply := func(a action) { // a pod comes to a node that is there
		if a.Node == "" || slices.Contains(s.nodeNames(), a.Node) {
			s.apply(a)
			deleted = deleted || a.Do == "delete node"
		}
	}
	for _, a := range before {
		apply(a)
	}
	var one sync.Mutex
	s.meanwhile = func(string, string) {
		one.Lock()
		defer one.Unlock()
		if len(meanwhile) > 0 {
			apply(meanwhile[0])
			meanwhile = meanwhile[1:]
		}
	}
	counter, err := nodes.New(s.config(), simOptions(scope))
	if err != nil {
		return err
	}
	defer s.end()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	count := counter.Once(ctx)
	names := s.nodeNames()
	for name, pods := range count.Pods {
		if pods.Pending > pods.Total || pods.Terminating > pods.Total || len(pods.Flux) > pods.Total {
			return fmt.Errorf("of %d pods on %s %d are pending, %d terminating, %d of Flux", pods.Total, name, pods.Pending, pods.Terminating, len(pods.Flux))
		}
		listed := slices.ContainsFunc(count.Nodes, func(n nodes.Node) bool { return n.Name == name })
		if count.NodesKnown && !listed && !deleted && slices.Contains(names, name) {
			return fmt.Errorf("%s is called gone, and is there (missing: %+v)", name, count.Missing)
		}
	}
	return nil
}

// What happens while a count is under way makes no number that cannot be.
func TestWhatHappensDuringACountMakesNothingImpossible(t *testing.T) {
	t.Parallel()
	harmless := rapid.Custom(func(t *rapid.T) []action {
		return slices.DeleteFunc(actions().Draw(t, "sequence"), func(a action) bool {
			return !slices.Contains([]string{"create", "schedule", "run", "terminate", "delete", "replace", "add node", "delete node"}, a.Do)
		})
	})
	rapid.Check(t, func(rt *rapid.T) {
		before, meanwhile := harmless.Draw(rt, "before"), harmless.Draw(rt, "meanwhile")
		scope := rapid.SampledFrom([][]string{nil, {"a"}, {"a", "b"}}).Draw(rt, "scope")
		inBubble(t, rt, func() error { return countMeanwhile(before, meanwhile, scope) })
	})
}

// A node that comes with its pods during the count, as in a scale-up, is not gone.
func TestANodeMadeDuringACountIsNotGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		defer s.end()
		var made sync.Once
		s.meanwhile = func(verb, resource string) {
			if resource == "pods" {
				time.Sleep(100 * time.Millisecond) // the nodes are listed
				made.Do(func() {
					s.apply(action{Do: "add node"})
					s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n3"})
				})
			}
		}
		counter, err := nodes.New(s.config(), simOptions(nil))
		require.NoError(t, err)
		count := counter.Once(t.Context())
		assert.True(t, count.NodesKnown)
		assert.Len(t, count.Nodes, 3)
		assert.Empty(t, count.Missing)
	})
}

// Only the nodes that pods name and the list does not have are asked for, unless they are so many that the list is shorter.
func TestOnlyNodesThatAreMissingAreAskedForAgain(t *testing.T) {
	t.Parallel()
	for gone, want := range map[int]struct{ all, one int }{0: {1, 0}, 3: {1, 3}, 50: {1, 50}, 51: {2, 0}} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimulated()
			defer s.end()
			for i := range gone {
				s.apply(action{Do: "create", Namespace: "a", Name: fmt.Sprint("web-", i), Node: fmt.Sprint("gone-", i)})
			}
			counter, err := nodes.New(s.config(), simOptions(nil))
			require.NoError(t, err)
			count := counter.Once(t.Context())
			assert.True(t, count.NodesKnown)
			assert.Empty(t, count.Missing)
			s.mu.Lock()
			defer s.mu.Unlock()
			assert.Equal(t, want.all, s.listed["nodes"], "%d gone", gone)
			assert.Equal(t, want.one, s.listed["nodes of a name"], "%d gone", gone)
		})
	}
}

// Where nodes that pods name cannot be asked for, it is not known of these alone whether they exist: the list was read.
func TestALookUpThatFailsSaysNothingOfOtherNodes(t *testing.T) {
	t.Parallel()
	for gone, said := range map[int]string{
		1:  `whether node "gone-0", which pods name, exists is not known: `,
		3:  `whether 3 nodes that pods name exist, such as "gone-0", is not known: `,
		51: `whether 51 nodes that pods name exist, such as "gone-0", is not known: `,
	} {
		for _, kind := range []string{"403", "404", "503", "stall"} {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulated()
				defer s.end()
				faulty("nodes", "list", "pass", 1)(s)
				faulty("nodes", "list", kind, 1e6)(s)
				for i := range gone {
					s.apply(action{Do: "create", Namespace: "a", Name: fmt.Sprint("web-", i), Node: fmt.Sprint("gone-", i)})
				}
				counter, err := nodes.New(s.config(), simOptions(nil))
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				count := counter.Once(ctx)
				assert.True(t, count.NodesListed && count.Partial())
				assert.False(t, count.NodesKnown || count.NodesOutdated || count.AtLeast || count.Outdated)
				assert.Len(t, count.Nodes, 2)
				assert.Empty(t, count.Gone)
				require.Len(t, count.Missing, 1)
				assert.Equal(t, gone, count.Missing[0].Nodes)
				assert.ErrorContains(t, count.Missing[0].Err, said)
			})
		}
	}
}

// Pods that become pending after their rows were read are not more than there are pods.
func TestPendingPodsAreAmongThePods(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		defer s.end()
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n1"})
		lists := 0
		s.meanwhile = func(verb, resource string) {
			if lists++; resource == "pods" && lists > 3 { // nodes, probe, rows
				s.apply(action{Do: "create", Namespace: "a", Name: "db-0", Node: "n1"})
				s.apply(action{Do: "create", Namespace: "b", Name: "web-1", Node: "n1"})
			}
		}
		counter, err := nodes.New(s.config(), simOptions(nil))
		require.NoError(t, err)
		assert.Equal(t, nodes.Pods{Total: 1, Pending: 1}, counter.Once(t.Context()).Pods["n1"])
	})
}

// Where not one node is listed, and pods name some, a gateway may hide them: nothing says that they are gone.
func TestNodesThatAreHiddenAreNotGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		defer s.end()
		s.nodes = map[string]bool{}
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n1"})
		counter, err := nodes.New(s.config(), simOptions(nil))
		require.NoError(t, err)
		count := counter.Once(t.Context())
		assert.False(t, count.NodesKnown || count.NodesListed)
		require.Len(t, count.Missing, 1)
		assert.EqualError(t, count.Missing[0].Err, "the list of nodes is empty, though pods name some (1): they may be hidden from this user, or gone")
	})
}

// watchNamespace runs a test under a watch of the pods of namespace c alone.
func watchNamespace(t *testing.T, test func(*testing.T, *simulated, *nodes.Counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		s.apply(action{Do: "add namespace"})
		s.apply(action{Do: "create", Namespace: "c", Name: "web-0", Node: "n1"})
		counter, err := nodes.New(s.config(), simOptions([]string{"c"}))
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { counter.Watch(ctx) })
		defer func() {
			stop()
			s.end()
			watching.Wait()
		}()
		after(time.Second)
		test(t, s, counter)
	})
}

// A namespace that goes while it is watched is missing, and is not when it comes back, however often.
func TestANamespaceThatGoesWhileItIsWatchedIsMissing(t *testing.T) {
	t.Parallel()
	watchNamespace(t, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		for range 3 {
			require.Empty(t, counter.Count().Missing)
			s.apply(action{Do: "delete namespace"})
			after(2 * simRelist)
			count := counter.Count()
			require.Len(t, count.Missing, 1)
			assert.Equal(t, nodes.WhatNamespaces, count.Missing[0].What)
			assert.Equal(t, kube.NotFound, count.Missing[0].Reason)
			assert.Equal(t, "c", count.Missing[0].Namespace)
			s.apply(action{Do: "add namespace"})
			after(2 * simRelist)
		}
	})
}

// Who follows the pods of each namespace is told when the namespaces themselves are not followed: others may have come.
func TestThatNamespacesAreNotFollowedIsMissing(t *testing.T) {
	t.Parallel()
	simulate(t, faulty("pods", "list", "403", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
		require.Empty(t, counter.Count().Missing)
		faulty("namespaces", "watch", "503", 1e6)(s)
		s.cut()
		after(2 * time.Second)
		s.apply(action{Do: "add namespace"})
		s.apply(action{Do: "create", Namespace: "c", Name: "web-0", Node: "n1"})
		after(2 * time.Second)
		count := counter.Count()
		assert.True(t, count.Total == 2 || count.AtLeast, "%+v", count.Missing)
	})
}

// Details belong to the rows that were read with them: rows read anew wait for theirs, what is read of one namespace takes
// nothing from another, and no pod's details count twice.
func TestDetailsBelongToTheirRows(t *testing.T) {
	t.Parallel()
	const moment = 1500 * time.Millisecond
	inA := action{Do: "create", Namespace: "a", Name: "web-0", Node: "n1"}
	inB := action{Do: "create", Namespace: "b", Name: "web-0", Node: "n1"}
	fault := func(resource, verb, kind string, times int, then time.Duration) action {
		return action{Do: "fault", Resource: resource, Verb: verb, Kind: kind, Times: times, Then: then}
	}
	for name, sequence := range map[string][]action{
		"rows of another namespace stall": {
			{Do: "create", Namespace: "a", Name: "web-0"}, inB, fault("pods/a", "list", "stall", 2, moment),
			{Do: "mute watches", Resource: "pods/b", Times: 5, Then: moment}, {Do: "terminate", Namespace: "a", Name: "web-1", Then: moment},
		},
		"the right to all is lost":               {inA, fault("pods", "watch", "403", 1, 0), {Do: "lose all pods", Then: 8 * time.Second}},
		"the own rows come later than another's": {inB, {Do: "lose all pods", Then: moment}, fault("pods/b", "list", "429", 1, moment)},
		"a namespace that is new":                {{Do: "add namespace"}, {Do: "create", Namespace: "c", Name: "web-0", Node: "n1", Then: moment}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { require.NoError(t, follow(sequence)) })
		})
	}
}
