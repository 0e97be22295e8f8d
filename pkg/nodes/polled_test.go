package nodes_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// mayNotWatch are the ways in which somebody may list pods and not watch them, and the namespaces that are asked for.
var mayNotWatch = map[string]struct {
	refused []func(*simulated)
	scope   []string
}{
	"all pods":           {[]func(*simulated){faulty("pods", "watch", "403", 1e6)}, nil},
	"of some namespaces": {[]func(*simulated){faulty("pods/a", "watch", "403", 1e6), faulty("pods/b", "watch", "403", 1e6)}, []string{"a", "b"}},
	"of each namespace": {[]func(*simulated){
		faulty("pods", "list", "403", 1e6), faulty("pods/a", "watch", "403", 1e6), faulty("pods/b", "watch", "403", 1e6),
	}, nil},
}

// polled follows a sequence for a user who may not watch pods. A number without a plus is exactly what there was at the time
// that is said with it, or at one since: a list takes its time. Pending pods are those of the rows that a list behind it has.
// In the second in which a watch might begin nothing is said with a number that was just listed. At rest there is none with a plus.
func polled(refused []func(*simulated), scope []string, sequence []action) error {
	s := newSimulated()
	for _, refuse := range refused {
		refuse(s)
	}
	counter, err := nodes.New(s.config(), simOptions(scope))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	defer func() {
		stop()
		s.end()
		watching.Wait()
	}()
	history := []moment{{time.Now().Add(-time.Second), s.truth(), s.pending()}}
	watching.Go(func() { counter.Watch(ctx) })
	var unsaid time.Time
	look := func(when string) error {
		count := counter.Count()
		if err := unmarked(count); err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		if count.AtLeast || count.Outdated || count.Counting {
			return nil
		}
		i := slices.IndexFunc(count.Missing, func(m nodes.Missing) bool { return m.What == nodes.WhatUpdates && m.Of != nodes.WhatNodes })
		asOf := time.Now().Add(-3*simSlow - simRelist) // a list, and the grace in which a watch begins
		switch {
		case i >= 0:
			asOf, unsaid = count.Missing[i].Since, time.Time{}
		case unsaid.IsZero():
			unsaid = time.Now()
		case time.Since(unsaid) > time.Second:
			return fmt.Errorf("%s: a number is called exact, and not as of when: %+v", when, count.Missing)
		}
		since := history
		for len(since) > 1 && since[1].at.Before(asOf) {
			since = since[1:]
		}
		if slices.ContainsFunc(since, func(m moment) bool { return m.is(count) }) && (!count.PendingKnown || mayBePending(since, count)) {
			return nil
		}
		return fmt.Errorf("%s: as of %s it is called %d pods %v, of %+v", when, asOf, count.Total, perNode(count), history)
	}
	for i, a := range sequence {
		s.apply(a)
		history = append(history, moment{time.Now(), s.truth(), s.pending()})
		time.Sleep(a.Then)
		synctest.Wait()
		if a.Then > 0 {
			if err := look(fmt.Sprintf("after step %d, %+v", i, a)); err != nil {
				return err
			}
		}
	}
	s.set(false, false)
	s.slowly("none", 0)
	time.Sleep(20 * simRelist)
	synctest.Wait()
	if count := counter.Count(); count.AtLeast || count.Outdated || count.Total != s.truth().Total || !count.Partial() {
		return fmt.Errorf("at rest: %d pods, or more: %v; there are %d; partial: %v", count.Total, count.AtLeast || count.Outdated, s.truth().Total, count.Partial())
	}
	return look("at rest")
}

// moment is what there was from a time on.
type moment struct {
	at      time.Time
	truth   testbed.PodCounts
	pending map[string]string // the nodes of pods that are pending, by namespace/name
}

// is tells whether a count is what there was, but for pending pods, and for nodes without pods where nodes could not be listed.
func (m moment) is(count nodes.Count) bool {
	rows := func(all map[string]testbed.NodeCount) map[string]testbed.NodeCount {
		all = maps.Clone(all)
		for name, n := range all {
			if n.Pending = 0; n.Pods == 0 && !count.NodesListed {
				delete(all, name)
			} else {
				all[name] = n
			}
		}
		return all
	}
	return count.Total == m.truth.Total && count.Unscheduled.Total == m.truth.Unscheduled && reflect.DeepEqual(rows(m.truth.Nodes), rows(perNode(count)))
}

// mayBePending tells whether each node has the pods as pending that were so all the time, and no more than were so at any.
func mayBePending(since []moment, count nodes.Count) bool {
	for name, n := range perNode(count) {
		times := map[string]int{}
		for _, m := range since {
			for pod, node := range m.pending {
				if node == name {
					times[pod]++
				}
			}
		}
		always := 0
		for _, n := range times {
			if n == len(since) {
				always++
			}
		}
		if n.Pending < always || n.Pending > len(times) {
			return false
		}
	}
	return true
}

// pending are the nodes of the pods that are pending.
func (s *simulated) pending() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	for key, p := range s.pods {
		if p.Spec.NodeName != "" && p.Status.Phase == corev1.PodPending {
			all[key] = p.Spec.NodeName
		}
	}
	return all
}

// unmarked tells of a number without a mark that is older than a list, its details, and the pause between two.
func unmarked(count nodes.Count) error {
	for _, m := range count.Missing {
		marked := (m.Of == nodes.WhatPods || m.Of == nodes.WhatNamespaces || count.NodesOutdated) && (m.Of == nodes.WhatNodes || count.Outdated || count.AtLeast)
		if age := time.Since(m.Since); m.What == nodes.WhatUpdates && !marked && age > 3*simSlow+2*simRelist {
			return fmt.Errorf("%s are %s old, and not marked: %+v", m.Of, age, count.Missing)
		}
	}
	return nil
}

func TestAPolledNumberIsThatOfTheTimeThatIsSaid(t *testing.T) {
	t.Parallel()
	for name, may := range mayNotWatch {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				sequence := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) action {
					return action{
						Do:        rapid.SampledFrom([]string{"create", "create", "schedule", "run", "terminate", "finish", "delete", "replace", "cut", "dead", "heal", "slow"}).Draw(t, "do"),
						Namespace: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace"),
						Name:      rapid.SampledFrom([]string{"web-0", "db-0"}).Draw(t, "name"),
						Node:      rapid.SampledFrom([]string{"", "n1", "n2"}).Draw(t, "node"),
						Resource:  rapid.SampledFrom([]string{"pods", "nodes", "none"}).Draw(t, "resource"),
						Then:      rapid.SampledFrom([]time.Duration{0, 700 * time.Millisecond, 1500 * time.Millisecond, 8 * time.Second}).Draw(t, "then"),
					}
				}), 1, 20).Draw(rt, "sequence")
				slow := slices.ContainsFunc(sequence, func(a action) bool { return a.Do == "slow" })
				for i, a := range sequence {
					switch {
					case a.Do == "heal": // the right does not come
						sequence[i].Do = "undead"
					case (name != "all pods" || slow) && (a.Do == "dead" || a.Do == "cut"): // then the lists are of several times, or tries
						sequence[i].Do = "create"
					}
				}
				refused := may.refused
				if rapid.Bool().Draw(rt, "nor nodes") {
					refused = append(slices.Clip(refused), faulty("nodes", "watch", "403", 1e6))
				}
				inBubble(t, rt, func() error { return polled(refused, may.scope, sequence) })
			})
		})
	}
}

// Rows that are listed in place of a watch come with their details: a slow list of those leaves no pod that is not called pending.
func TestPolledPodsComeWithTheirDetails(t *testing.T) {
	t.Parallel()
	simulate(t, faulty("pods", "watch", "403", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
		s.slowly("pods", simSlow)
		s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
		after(simRelist)
		for begins := time.Now(); time.Since(begins) < 10*simSlow; after(simSlow / 10) {
			count := counter.Count()
			require.False(t, count.Counting)
			require.Equal(t, count.Pods["n2"].Total, count.Pods["n2"].Pending)
		}
		require.Equal(t, 1, counter.Count().Pods["n2"].Pending)
	})
}

// What a watch had brought before it ended, and may not begin again, is old until all was listed since.
func TestWhatAWatchBroughtIsOldWhereItMayNotBeginAgain(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{"pods", "nodes"} {
		simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
			after(time.Minute)
			faulty(resource, "watch", "403", 1e6)(s)
			s.cut()
			old := func() bool { c := counter.Count(); return c.Outdated || c.NodesOutdated }
			after(simRelist - 200*time.Millisecond)
			require.True(t, old(), "%s: %+v", resource, counter.Count().Missing)
			after(2 * simRelist)
			require.False(t, old(), "%s: %+v", resource, counter.Count().Missing)
		})
	}
}

// Who may list nodes and not watch them gets exact numbers of them, as of the time that is said; of a node that only pods name
// nobody says that it is gone before a later list does not have it.
func TestNodesThatMayNotBeWatchedAreListed(t *testing.T) {
	t.Parallel()
	refuse := func(s *simulated) { faulty("nodes", "watch", "403", 1e6)(s) }
	simulate(t, refuse, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "lost"})
		after(100 * time.Millisecond)
		require.Empty(t, counter.Count().Gone)
		after(time.Second)
		require.Equal(t, map[string]bool{"lost": true}, counter.Count().Gone, "it is asked for by its name")
		after(4 * simRelist)
		for _, want := range []int{2, 3} {
			require.Equal(t, map[string]bool{"lost": true}, counter.Count().Gone)
			count := counter.Count()
			require.Len(t, count.Nodes, want)
			require.True(t, count.NodesListed, "%+v", count.Missing)
			require.False(t, count.NodesKnown)
			i := slices.IndexFunc(count.Missing, func(m nodes.Missing) bool { return m.What == nodes.WhatUpdates && m.Of == nodes.WhatNodes })
			require.GreaterOrEqual(t, i, 0, "%+v", count.Missing)
			require.Less(t, time.Since(count.Missing[i].Since), 2*simRelist)
			s.apply(action{Do: "add node"})
			s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n3"})
			after(100 * time.Millisecond)
			require.NotContains(t, counter.Count().Gone, "n3")
			after(2 * simRelist)
		}
		s.set(false, true) // nobody answers: then they are not all that there are
		after(10 * simRelist)
		require.False(t, counter.Count().NodesListed)
		require.Empty(t, counter.Count().Gone)
	})
}

// While the watch of nodes brings nothing, a node that comes with its pods is not said to be gone: it is asked for. One that is
// deleted after that is gone when the watch says so, and one that never was when it was asked for.
func TestNodesThatAMuteWatchDoesNotBringAreAskedFor(t *testing.T) {
	t.Parallel()
	simulate(t, faulty("nodes", "watch", "mute", 1), func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(time.Second)
		s.apply(action{Do: "add node"})
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n3"})
		s.apply(action{Do: "create", Namespace: "a", Name: "web-1", Node: "lost"})
		after(20 * time.Millisecond)
		count := counter.Count()
		require.Equal(t, 1, count.Pods["n3"].Total)
		require.False(t, count.NodesKnown)
		require.Empty(t, count.Gone)
		after(time.Second)
		count = counter.Count()
		require.Len(t, count.Nodes, 3)
		require.True(t, count.NodesKnown, "%+v", count.Missing)
	})
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(time.Second)
		s.apply(action{Do: "add node"})
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n3"})
		after(time.Second)
		require.Len(t, counter.Count().Nodes, 3)
		s.apply(action{Do: "delete node"})
		after(20 * time.Millisecond)
		count := counter.Count()
		require.Len(t, count.Nodes, 2)
		require.True(t, count.NodesKnown, "its end was told")
	})
}

// Who may get nodes, and not list them, gets those that were asked for by name, once and while they are watched.
func TestNodesOfANameAreGot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n1"})
		s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
		faulty("nodes", "list", "403", 1e6)(s)
		faulty("nodes", "watch", "403", 1e6)(s)
		defer s.end()
		options := simOptions(nil)
		options.NodeNames = []string{"n1", "n9"}
		once, err := nodes.New(s.config(), options)
		require.NoError(t, err)
		count := once.Once(t.Context())
		require.False(t, count.Partial(), "%+v", count.Missing)
		require.True(t, count.NodesKnown)
		require.Len(t, count.Nodes, 1)
		require.Equal(t, 110, *count.Nodes[0].Allocatable)

		live, err := nodes.New(s.config(), options)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { live.Watch(ctx) })
		defer watching.Wait()
		defer stop()
		after(2 * simRelist)
		count = live.Count()
		require.True(t, count.NodesListed)
		require.Len(t, count.Nodes, 1)
		s.set(true, false)
		s.cut()
		after(10 * simRelist)
		require.False(t, live.Count().NodesListed)

		options.NodeNames = nil
		none, err := nodes.New(s.config(), options)
		require.NoError(t, err)
		s.set(false, false)
		require.False(t, none.Once(t.Context()).NodesListed)
	})
}

// A list in place of a watch that takes much longer than the pause between two leaves rows that are older than anybody expects:
// they are marked, but for a moment after they came, and an old list is told as of when it began.
func TestAListInPlaceOfAWatchThatTakesLongIsMarked(t *testing.T) {
	t.Parallel()
	const takes = 10 * simRelist
	options := simOptions(nil)
	options.Pending, options.Flux, options.Deadline, options.Limits.Stall = false, false, 10*takes, 10*takes
	for resource, marked := range map[string]func(nodes.Count) bool{
		"pods":  func(c nodes.Count) bool { return c.Outdated },
		"nodes": func(c nodes.Count) bool { return c.NodesOutdated },
	} {
		simulateWith(t, options, faulty(resource, "watch", "403", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
			require.False(t, marked(counter.Count()), resource)
			after(simRelist)
			require.False(t, marked(counter.Count()), "%s: lists that take no time are as young as they can be", resource)
			s.slowly(resource, takes)
			fresh, old := 0, 0
			for range 600 {
				after(takes / 50)
				count := counter.Count()
				i := slices.IndexFunc(count.Missing, func(m nodes.Missing) bool { return m.What == nodes.WhatUpdates })
				require.GreaterOrEqual(t, i, 0, "%s: %+v", resource, count.Missing)
				age := time.Since(count.Missing[i].Since)
				require.LessOrEqual(t, age, 2*takes+2*simRelist, resource)
				if age > takes+simRelist {
					require.True(t, marked(count), "%s: what is %s old is not marked", resource, age)
				}
				if marked(count) {
					old++
				} else {
					fresh++
				}
			}
			require.Positive(t, fresh, "%s: an alarm looks at what has just come", resource)
			require.Positive(t, old, resource)
		})
	}
}

// What a namespace was listed with is not as young as the list of another one that began later, while no watch of its own has begun.
func TestASlowListOfANamespaceIsAsOldAsItIs(t *testing.T) {
	t.Parallel()
	may := mayNotWatch["of some namespaces"]
	const step = 1500 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, polled(append(slices.Clip(may.refused), faulty("nodes", "watch", "403", 1e6)), may.scope, []action{
			{Do: "slow", Namespace: "b", Name: "web-0", Node: "n2", Resource: "pods"},
			{Do: "create", Namespace: "b", Name: "web-0", Node: "n1", Resource: "pods", Then: step},
			{Do: "create", Namespace: "a", Name: "db-0", Node: "n1", Resource: "nodes", Then: step},
			{Do: "delete", Namespace: "b", Name: "web-0", Node: "n1", Resource: "nodes", Then: step},
			{Do: "run", Namespace: "b", Name: "web-0", Node: "n2", Resource: "nodes", Then: step},
			{Do: "create", Namespace: "a", Name: "db-0", Resource: "nodes", Then: step},
		}))
	})
}
