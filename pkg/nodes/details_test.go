package nodes_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// A list of details that fails costs what it tells, and not what another list tells: once, and while it is watched until it
// is mended.
func TestADetailThatFailsCostsNoOther(t *testing.T) {
	t.Parallel()
	for lost, of := range map[string]string{"flux": nodes.OfFlux, "pending": nodes.OfPending} {
		check := func(t *testing.T, count nodes.Count) {
			require.Equal(t, []bool{lost != "pending", lost != "flux"}, []bool{count.PendingKnown, count.FluxKnown}, "%s: %+v", lost, count.Missing)
			require.Len(t, count.Missing, 1)
			require.Equal(t, nodes.WhatDetails, count.Missing[0].What)
			require.Equal(t, of, count.Missing[0].Of)
			require.Equal(t, kube.Unavailable, count.Missing[0].Reason)
			if lost == "flux" {
				require.Equal(t, 1, count.Pods["n1"].Pending)
			} else {
				require.Equal(t, []string{"source-controller"}, count.Pods["n1"].Flux)
			}
		}
		for _, scope := range [][]string{nil, {"a", "b"}} {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulated()
				defer s.end()
				s.apply(action{Do: "create", Namespace: "a", Name: "db-0", Node: "n1"})
				faulty(lost, "list", "503", 1e6)(s)
				counter, err := nodes.New(s.config(), simOptions(scope))
				require.NoError(t, err)
				check(t, counter.Once(t.Context()))
			})
			simulateWith(t, simOptions(scope), faulty(lost, "list", "503", 1e6), func(t *testing.T, s *simulated, counter *nodes.Counter) {
				after(2 * time.Second)
				check(t, counter.Count())
				s.apply(action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2"})
				after(time.Second)
				require.Equal(t, 1, counter.Count().Pods["n2"].Pending)
				s.apply(action{Do: "heal"})
				after(2 * simRelist)
				require.Empty(t, counter.Count().Missing)
			})
		}
	}
}

// What is not asked for is neither read nor missing.
func TestADetailThatIsNotAskedForIsNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		defer s.end()
		s.apply(action{Do: "create", Namespace: "a", Name: "db-0", Node: "n1"})
		faulty("flux", "list", "503", 1e6)(s)
		options := simOptions(nil)
		options.Flux = false
		counter, err := nodes.New(s.config(), options)
		require.NoError(t, err)
		count := counter.Once(t.Context())
		require.Empty(t, count.Missing)
		require.True(t, count.PendingKnown)
		require.False(t, count.FluxKnown)
		require.Equal(t, 1, count.Pods["n1"].Pending)
	})
}
