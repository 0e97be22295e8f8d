package nodes_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// Where a gateway answers 504 after a while, a count of many namespaces does not wait for each of them and all tries. Where some
// have another answer, all are asked for.
func TestNamespacesThatCannotBeServedAreGivenUp(t *testing.T) {
	t.Parallel()
	const many, tries, takes = 200, 3, 10 * time.Second
	for _, watched := range []bool{false, true} {
		for name, test := range map[string]struct {
			other string // what each fourth namespace answers
			least int32
			most  int32
		}{
			"all":               {"504", 5 * tries, 48*tries + many},
			"all but forbidden": {"403", many * 3 / 4 * tries, many*tries + 100},
			"all but some":      {"pass", many * 3 / 4 * tries, many*tries + 100},
		} {
			t.Run(fmt.Sprint(name, ", watched: ", watched), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newSimulated()
					defer s.end()
					clear(s.namespaces)
					for i := range many {
						s.namespaces[fmt.Sprintf("team-%03d", i)] = true
						s.faults = append(s.faults, &fault{fmt.Sprintf("pods/team-%03d", i), "list", "504", 1e6})
						if i%4 == 0 {
							s.faults[i].kind = test.other
						}
					}
					var asked atomic.Int32
					s.meanwhile = func(verb, resource string) {
						if verb == "list" && resource == "pods" {
							asked.Add(1)
							time.Sleep(takes)
						}
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					options := nodes.Options{Relist: time.Hour, Deadline: time.Hour, Limits: kube.Limits{Tries: tries, Stall: time.Minute}}
					counter := newCounter(t, s.config(), options).ByNamespace()
					if watched {
						done := make(chan struct{})
						go func() {
							counter.Watch(ctx)
							close(done)
						}()
						after(30 * time.Minute)
						cancel()
						<-done
					} else {
						counter.Once(ctx)
						after(takes) // of what was given up
					}
					require.GreaterOrEqual(t, asked.Load()-1, test.least)
					require.LessOrEqual(t, asked.Load()-1, test.most)
					unserved := 0
					for _, m := range counter.Count().Missing {
						if m.What == nodes.WhatPods && m.Reason == kube.Unavailable {
							unserved++
						}
					}
					if test.other == "504" {
						require.Equal(t, many, unserved)
					} else {
						require.Equal(t, many*3/4, unserved)
					}
				})
			})
		}
	}
}

// While a watch begins it is told of which namespaces the pods have not come yet, and what else has not.
func TestAWatchTellsWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		defer s.end()
		s.faults = []*fault{{"pods/b", "list", "stall", 1}, {"nodes", "list", "stall", 1}}
		options := simOptions(nil)
		options.Limits.Stall = 10 * time.Second
		counter := newCounter(t, s.config(), options)
		waits := func(parts ...nodes.Missing) { require.Equal(t, parts, counter.Count().Unread) }
		waits(nodes.Missing{What: nodes.WhatPods}, nodes.Missing{What: nodes.WhatNodes})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			counter.Watch(ctx)
			close(done)
		}()
		after(time.Second)
		waits(nodes.Missing{What: nodes.WhatPods, Namespace: "b"}, nodes.Missing{What: nodes.WhatNodes})
		require.True(t, counter.Count().Counting)
		after(2 * time.Minute)
		require.Empty(t, counter.Count().Unread)
		require.False(t, counter.Count().Partial())
		cancel()
		<-done
	})
}

// Details that do not come keep no news of pods from being shown, and are told as missing.
func TestAWatchDoesNotWaitForDetails(t *testing.T) {
	t.Parallel()
	slow := func(s *simulated) {
		faulty("pods", "list", "pass", 1)(s) // how many there are
		faulty("pods", "list", "stall", 1e6)(s)
	}
	simulate(t, slow, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(time.Second)
		were := counter.Count().Total
		s.apply(action{Do: "create", Namespace: "a", Name: "web-9", Node: "n1"})
		after(100 * time.Millisecond)
		count := counter.Count()
		require.Equal(t, were+1, count.Total)
		require.False(t, count.PendingKnown || count.FluxKnown)
		require.Contains(t, count.Unread, nodes.Missing{What: nodes.WhatDetails})
	})
}

// A namespace whose list does not come keeps no news of the others from being shown. What the watch brings of its pods meanwhile is
// in its number once the list is there.
func TestAWatchDoesNotWaitForOneNamespace(t *testing.T) {
	t.Parallel()
	hangs := func(s *simulated) {
		s.apply(action{Do: "create", Namespace: "a", Name: "web-8", Node: "n1"})
		s.apply(action{Do: "create", Namespace: "b", Name: "web-8", Node: "n1"})
		s.faults = append(s.faults, &fault{"pods/b", "list", "stall", 1})
	}
	options := simOptions(nil)
	options.Limits.Stall = 15 * time.Second
	simulateWith(t, options, hangs, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(time.Second)
		count := counter.Count()
		require.True(t, count.AtLeast)
		require.Equal(t, []nodes.Missing{{What: nodes.WhatPods, Namespace: "b"}}, slices.DeleteFunc(count.Unread, func(m nodes.Missing) bool { return m.What == nodes.WhatDetails }))
		were := count.Total
		s.apply(action{Do: "delete", Namespace: "a", Name: "web-8"})
		s.apply(action{Do: "create", Namespace: "b", Name: "web-9", Node: "n1"})
		after(100 * time.Millisecond)
		require.Equal(t, were-1, counter.Count().Total)
		after(time.Minute)
		count = counter.Count()
		require.False(t, count.Partial(), "%+v %+v", count.Missing, count.Unread)
		require.Equal(t, were-1+2, count.Total)
	})
}
