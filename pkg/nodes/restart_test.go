package nodes_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// restricted may list and watch the pods of each namespace, and not of all. The rights are looked at again every allowedFor.
func restricted(s *simulated) { faulty("pods", "list", "403", 1e6)(s) }

const allowedFor = 30 * simRelist

// What is followed namespace by namespace is as old as the last news through an outage, also when the rights are looked at
// again in it.
func TestAnOutageMakesNothingYounger(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"down", "dead"} {
		simulate(t, restricted, func(t *testing.T, s *simulated, counter *nodes.Counter) {
			require.Empty(t, counter.Count().Missing)
			s.apply(action{Do: lost})
			last := time.Now()
			after(simBlind)
			for range int(3 * allowedFor / time.Second) {
				count := counter.Count()
				require.NotEmpty(t, count.Missing, lost)
				for _, m := range count.Missing {
					require.WithinRange(t, m.Since, last.Add(-2*time.Second), last, "%s: %s", lost, m.Err)
				}
				after(time.Second)
			}
			s.apply(action{Do: "undead"})
			after(allowedFor)
			require.Empty(t, counter.Count().Missing)
		})
	}
}

// While the rights are looked at again, and all namespaces listed anew, nothing is up to date: that is said, and what was there
// stays in sight.
func TestWhatIsListedAnewIsOld(t *testing.T) {
	t.Parallel()
	for _, slow := range []string{"pods/a", "namespaces"} {
		simulate(t, restricted, func(t *testing.T, s *simulated, counter *nodes.Counter) {
			after(allowedFor - 4*time.Second)
			require.Empty(t, counter.Count().Missing)
			faulty(slow, "list", "429", 1e6)(s)
			told := 0
			for i := range 10 {
				s.apply(action{Do: "create", Namespace: "a", Name: fmt.Sprint("web-", i), Node: "n2"})
				after(1100 * time.Millisecond)
				count := counter.Count()
				if count.Partial() {
					told++
					assert.NotZero(t, count.Total)
					continue
				}
				require.NoError(t, s.wrong(count, slow))
			}
			assert.Positive(t, told)
			s.apply(action{Do: "heal"})
			restricted(s)
			after(2 * allowedFor)
			require.Empty(t, counter.Count().Missing)
			require.NoError(t, s.wrong(counter.Count(), "in the end"))
		})
	}
}

// Whose right to list all pods goes while they may not watch them sees those of the namespaces that are left.
func TestARightThatGoesWhilePodsArePolled(t *testing.T) {
	t.Parallel()
	simulate(t, faulty("pods", "watch", "403", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
		after(2 * simRelist)
		restricted(s)
		after(3 * simRelist)
		s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
		after(time.Second)
		count := counter.Count()
		assert.Empty(t, count.Missing)
		require.NoError(t, s.wrong(count, "the namespaces are followed"))
	})
}

// watched is how many watches of a resource were asked for.
func (s *simulated) watched(resource string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watches[resource]
}

// A watch that the server has no room for is told as that, asked for again when the server says so, and its pods are listed
// meanwhile.
func TestAWatchThatIsRefusedForNow(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]kube.Reason{"429": kube.Throttled, "503": kube.Unavailable} {
		for name, prepare := range map[string]func(*simulated){"all pods": noFault, "each namespace": restricted} {
			simulate(t, prepare, func(t *testing.T, s *simulated, counter *nodes.Counter) {
				resource, relist := "pods", simRelist
				if name != "all pods" {
					resource = "pods/b"
				}
				faulty(resource, "watch", status, 1e6)(s)
				s.cut()
				after(2 * relist)
				asked := s.watched(resource)
				s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
				after(2 * relist)
				for range 10 {
					count := counter.Count()
					require.Equal(t, 2, count.Total, "%s, %s", status, name)
					require.Len(t, count.Missing, 1)
					assert.Equal(t, want, count.Missing[0].Reason, count.Missing[0].Err)
					assert.Equal(t, nodes.WhatPods, count.Missing[0].Of)
					assert.Less(t, time.Since(count.Missing[0].Since), 2*relist)
					after(time.Second)
				}
				asked = s.watched(resource) - asked
				if status == "429" {
					assert.LessOrEqual(t, asked, int((2*relist+10*time.Second)/time.Second)+1, "it asks to come back after a second")
				}
				s.apply(action{Do: "heal"})
				restricted(s)
				after(8 * simRelist)
				assert.Empty(t, counter.Count().Missing)
			})
		}
	}
}

// Retry-After is kept also where it is longer than the pause between two lists.
func TestALongRetryAfterOfAWatchIsKept(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		s.mu.Lock()
		s.retryAfter = 30
		s.mu.Unlock()
		before := s.watched("pods")
		faulty("pods", "watch", "429", 2)(s)
		s.cut()
		after(time.Second)
		require.Equal(t, before+1, s.watched("pods"))
		after(28 * time.Second)
		s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
		require.Equal(t, before+1, s.watched("pods"))
		after(25 * time.Second)
		require.Equal(t, before+2, s.watched("pods"))
		count := counter.Count()
		require.Equal(t, 2, count.Total, "they are listed meanwhile")
		require.Equal(t, kube.Throttled, count.Missing[0].Reason)
		after(10 * time.Second)
		require.Equal(t, before+3, s.watched("pods"))
		assert.Empty(t, counter.Count().Missing)
	})
}

// What answers where a server was may be another, whose versions happen to go on from those of the first: all is listed anew
// before anything is called exact again.
func TestWhatAnswersAfterAnOutageIsListedAnew(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		require.Equal(t, 1, counter.Count().Total)
		s.apply(action{Do: "down"})
		after(1500 * time.Millisecond)
		s.becomeAnother()
		s.apply(action{Do: "heal"})
		for i := range 60 {
			if i < 10 { // what comes soon makes a watch believed
				s.apply(action{Do: "create", Namespace: "b", Name: fmt.Sprint("web-", i), Node: "n2"})
			}
			after(450 * time.Millisecond)
			if count := counter.Count(); !count.Partial() {
				require.Equal(t, s.truth().Total, count.Total, "look %d", i)
				require.Len(t, count.Nodes, len(s.nodeNames()))
			}
		}
		require.False(t, counter.Count().Partial(), "%+v", counter.Count().Missing)
	})
}

// becomeAnother gives the server the pods and nodes of another cluster, without a history, and a later version.
func (s *simulated) becomeAnother() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.pods)
	s.nodes = map[string]bool{"n2": true}
	s.log, s.revision = nil, s.revision+100
	for i := range 3 {
		s.pods[fmt.Sprint("a/other-", i)] = &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: fmt.Sprint("other-", i), ResourceVersion: strconv.Itoa(s.revision)}, Spec: corev1.PodSpec{NodeName: "n2"},
		}
	}
}
