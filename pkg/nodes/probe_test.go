package nodes_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// Which way is the lightest for many pods is not decided by one answer that came late.
func TestOneSlowAnswerDoesNotMakeALargeListSlower(t *testing.T) {
	t.Parallel()
	for _, far := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimulated()
			defer s.end()
			s.apply(action{Do: "create", Namespace: "a", Name: "db-0", Node: "n1"})
			faulty("pods", "list", `{"kind":"Table","metadata":{"resourceVersion":"1","continue":"x","remainingItemCount":60000},"columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}],"rows":[]}`, 1)(s)
			asked := map[string]int{}
			s.meanwhile = func(_, resource string) {
				s.mu.Lock()
				asked[resource]++
				slow := far || asked["pods"] == 1 && resource == "pods" || resource == "nodes"
				s.mu.Unlock()
				if slow {
					time.Sleep(100 * time.Millisecond)
				}
			}
			options := simOptions(nil)
			options.Pending, options.Flux = false, false
			counter, err := nodes.New(s.config(), options)
			require.NoError(t, err)
			time.Sleep(time.Second) // in virtual time nothing else has gone by since the client was made
			require.Equal(t, 1, counter.Once(t.Context()).Total)
			want := 3 // the probe, and each of two namespaces
			if far {
				want = 2 // the probe, and all at once
			}
			require.Equal(t, want, asked["pods"])
		})
	}
}
