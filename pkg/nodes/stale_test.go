package nodes_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// What is shown when the connection is lost is as of the last news that any of its watches brought: a watch that brought
// nothing has told by that, as long as it ran, that nothing changed. It may be too little of pods and of nodes.
func TestWhatIsShownIsAsOfTheLastNews(t *testing.T) {
	t.Parallel()
	pod := action{Do: "create", Namespace: "b", Name: "web-0", Node: "n1"}
	node := action{Do: "add node"}
	for _, lost := range []string{"down", "dead"} {
		for _, last := range []action{pod, node} {
			simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
				after(20 * time.Second)
				s.apply(last)
				news := time.Now()
				after(10 * time.Second)
				s.apply(action{Do: lost})
				after(simBlind)
				for range 10 {
					count := counter.Count()
					where := lost + " after " + last.Do
					require.NotEmpty(t, count.Missing, where)
					for _, m := range count.Missing {
						assert.WithinDuration(t, news, m.Since, time.Second, where)
					}
					assert.False(t, count.NodesKnown, where)
					assert.True(t, count.Outdated && count.NodesOutdated, "%s: there may be more pods and nodes, or fewer", where)
					assert.False(t, count.AtLeast, where)
					after(simRelist)
				}
				s.apply(action{Do: "heal"})
				after(30 * simRelist)
				count := counter.Count()
				assert.True(t, count.NodesKnown && !count.AtLeast && !count.Outdated && !count.NodesOutdated)
				assert.Empty(t, count.Missing)
			})
		}
	}
}

// A part whose updates were lost earlier than those of another stays as of then.
func TestNewsOfOthersDoNotMakeAPartYounger(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		lost := time.Now()
		faulty("nodes", "watch", "503", 1000)(s)
		s.cut()
		after(1200 * time.Millisecond)
		s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n1"})
		after(300 * time.Millisecond)
		count := counter.Count()
		require.Len(t, count.Missing, 1)
		assert.False(t, count.Missing[0].Since.After(lost))
		assert.False(t, count.NodesKnown)
		assert.False(t, count.AtLeast || count.Outdated, "the pods are followed")
		assert.True(t, count.NodesOutdated)
		after(10 * simRelist)
		count = counter.Count()
		require.Len(t, count.Missing, 1, "they are listed anew, and not followed")
		assert.WithinDuration(t, time.Now(), count.Missing[0].Since, simRelist+time.Second)
		assert.True(t, count.NodesOutdated)
	})
}

// What is shown after the rights to list and to watch have gone is as of a time between the last change that it has and the first
// that it has not.
func TestWhatIsShownAfterRightsHaveGone(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*simulated){
		"all pods":           noFault,
		"each namespace":     restricted,
		"pods are polled":    faulty("pods", "watch", "403", 1e6),
		"nodes are polled":   faulty("nodes", "watch", "403", 1e6),
		"watches are denied": func(s *simulated) { faulty("pods", "watch", "429", 1e6)(s); faulty("nodes", "watch", "429", 1e6)(s) },
	} {
		for _, lost := range [][]string{{"nodes"}, {"pods", "pods/a", "pods/b"}, {"pods", "pods/a", "pods/b", "namespaces"}, {"pods", "pods/a", "pods/b", "namespaces", "nodes"}} {
			simulate(t, prepare, func(t *testing.T, s *simulated, counter *nodes.Counter) {
				where := name + ", lost: " + fmt.Sprint(lost)
				after(time.Minute)
				s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n1"})
				s.apply(action{Do: "add node"})
				last := time.Now()
				after(time.Minute)
				for _, resource := range lost {
					faulty(resource, "list", "403", 1e6)(s)
					faulty(resource, "watch", "403", 1e6)(s)
				}
				s.cut()
				after(100 * time.Millisecond)
				first := time.Now()
				s.apply(action{Do: "create", Namespace: "b", Name: "web-1", Node: "n1"})
				s.apply(action{Do: "delete node", Node: "n1"})
				for range 100 {
					after(1100 * time.Millisecond)
					count := counter.Count()
					for _, m := range count.Missing {
						pods, all := m.What != nodes.WhatNodes && m.Of != nodes.WhatNodes, len(count.Nodes) == 3
						if m.Since.IsZero() || pods && count.Total != 2 || !pods && !all {
							continue
						}
						require.False(t, m.Since.Before(last), "%s: %s of %s is as of %s before", where, m.What, m.Of, last.Sub(m.Since))
						require.False(t, m.Since.After(first), "%s: %s of %s is as of %s after", where, m.What, m.Of, m.Since.Sub(first))
					}
				}
			})
		}
	}
}

// Who may not watch namespaces and follows the pods of each is told that, not that pods are not followed.
func TestNamespacesThatMayNotBeWatchedAreNoPods(t *testing.T) {
	t.Parallel()
	prepare := func(s *simulated) { restricted(s); faulty("namespaces", "watch", "403", 1e6)(s) }
	simulate(t, prepare, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(time.Minute)
		count := counter.Count()
		require.Len(t, count.Missing, 1)
		require.Equal(t, nodes.WhatUpdates, count.Missing[0].What)
		require.Equal(t, nodes.WhatNamespaces, count.Missing[0].Of)
		require.True(t, count.AtLeast && !count.Outdated)
		s.set(false, true) // nothing is updated then, which is said once
		after(5 * time.Second)
		count = counter.Count()
		require.Len(t, slices.DeleteFunc(count.Missing, func(m nodes.Missing) bool { return m.Reason != kube.Unavailable }), 1, "%+v", count.Missing)
	})
}

// What had been counted of each namespace is kept with its time when the rights to all go, be it to the namespaces themselves, and
// is as it is again when they are back.
func TestWhatHadBeenCountedIsKept(t *testing.T) {
	t.Parallel()
	pods := []string{"pods", "pods/a", "pods/b"}
	for name, prepare := range map[string]func(*simulated){"all pods": noFault, "each namespace": restricted} {
		for _, lost := range [][]string{pods, append([]string{"namespaces"}, pods...), append([]string{"namespaces", "nodes"}, pods...)} {
			simulate(t, prepare, func(t *testing.T, s *simulated, counter *nodes.Counter) {
				s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n1"})
				after(time.Minute)
				before := counter.Count()
				require.False(t, before.AtLeast)
				for _, resource := range lost {
					faulty(resource, "list", "403", 1e6)(s)
					faulty(resource, "watch", "403", 1e6)(s)
				}
				s.cut()
				after(2 * time.Second)
				for range 100 {
					after(simRelist)
					count := counter.Count()
					require.Equal(t, before.Pods, count.Pods, "%s, lost: %v", name, lost)
					require.True(t, count.Outdated && (count.AtLeast || len(lost) == 3), "%s, lost: %v: %+v", name, lost, count.Missing)
					require.True(t, slices.ContainsFunc(count.Missing, func(m nodes.Missing) bool { return m.What == nodes.WhatPods && !m.Since.IsZero() }))
				}
				s.apply(action{Do: "heal"})
				prepare(s)
				after(40 * simRelist)
				require.False(t, counter.Count().Partial(), "%s, lost: %v: %+v", name, lost, counter.Count().Missing)
			})
		}
	}
}

// A namespace that cannot be listed anew, while all pods were watched before, is told as of the end of that watch, which had kept
// it up to date. However often all is listed again and watched, it stays as of then.
func TestANamespaceThatCannotBeListedAnew(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(2 * time.Minute)
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n1"})
		last := time.Now()
		after(time.Second)
		faulty("pods/a", "list", "503", 1e6)(s)
		ends := func() {
			faulty("pods", "watch", "410", 1)(s)
			s.cut()
			after(2 * time.Second)
		}
		ends()
		ended := time.Now()
		for i := range 4 {
			count := counter.Count()
			require.Len(t, count.Missing, 1)
			m := count.Missing[0]
			require.Equal(t, "a", m.Namespace)
			require.False(t, m.Since.Before(last), "watch %d: it is as of %s before what is shown", i, last.Sub(m.Since))
			require.False(t, m.Since.After(ended), "watch %d: it is as of %s after it was watched", i, m.Since.Sub(ended))
			after(time.Minute)
			ends()
		}
	})
}
