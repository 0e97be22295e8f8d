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

// A cluster that is counted and does not say which it is does not hold the count up: what there is tells, and needs the time.
func TestACountDoesNotWaitForWhichClusterItIs(t *testing.T) {
	t.Parallel()
	identifying := simOptions(nil)
	identifying.Identify = true
	for _, kind := range []string{"stall", "503"} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimulated()
			defer s.end()
			faulty("namespaces", "get", kind, 1e6)(s)
			counter, err := nodes.New(s.config(), identifying)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			count := counter.Once(ctx)
			assert.Less(t, time.Since(start), 5*time.Second, kind)
			assert.False(t, count.Partial(), "%s: %+v", kind, count.Missing)
			want := map[string]kube.Reason{"stall": kube.Timeout, "503": kube.Unavailable}[kind]
			assert.Equal(t, want, kube.ReasonOf(count.Unidentified), "%s: %v", kind, count.Unidentified)
			assert.ErrorContains(t, count.Unidentified, "reading the namespace kube-system: ")
			assert.NotContains(t, count.Unidentified.Error(), "context")
		})
		synctest.Test(t, func(t *testing.T) {
			s := newSimulated()
			faulty("namespaces", "get", kind, 1e6)(s)
			counter, err := nodes.New(s.config(), identifying)
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			var watching sync.WaitGroup
			watching.Go(func() { counter.Watch(ctx) })
			defer func() {
				stop()
				s.end()
				watching.Wait()
			}()
			after(5 * time.Second)
			assert.False(t, counter.Identified(), kind)
			after(10 * time.Second)
			assert.True(t, counter.Identified(), kind)
		})
	}
}

// Where the nodes may not be listed to their end, those of the first pages stay beside those that are got by their names.
func TestNodesThatAreGotDoNotHideThoseThatWereListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		defer s.end()
		faulty("nodes", "list", `{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"x"},"items":[{"metadata":{"name":"n1"}}]}`, 1)(s)
		faulty("nodes", "list", "403", 1e6)(s)
		faulty("nodes", "get", "500", 1e6)(s)
		options := simOptions(nil)
		options.NodeNames = []string{"n1", "n2"}
		counter, err := nodes.New(s.config(), options)
		require.NoError(t, err)
		count := counter.Once(t.Context())
		assert.False(t, count.NodesListed)
		require.Len(t, count.Nodes, 1)
		assert.Equal(t, "n1", count.Nodes[0].Name)
	})
}
