package nodes_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// Where nothing changes for long no bookmark comes by itself of most servers, and nothing is missing all the same.
func TestAQuietClusterIsNotInterrupted(t *testing.T) {
	t.Parallel()
	simulate(t, noFault, func(t *testing.T, s *simulated, counter *nodes.Counter) {
		lists := s.nodeLists()
		for range 20 * 60 {
			after(time.Second)
			require.Empty(t, counter.Count().Missing)
		}
		assert.LessOrEqual(t, s.nodeLists()-lists, 2, "a list anew is none that is asked for a bookmark's sake")
	})
}

// nodeLists is how often nodes were listed.
func (s *simulated) nodeLists() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listed["nodes"]
}

// A server that goes silent is told within half of Options.Relist and a little, and as of what it has sent last.
func TestASilentServerIsToldSoonAsOfTheLastEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulated()
		counter, err := nodes.New(s.config(), simOptions(nil))
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { counter.Watch(ctx) })
		defer func() {
			stop()
			s.end()
			watching.Wait()
		}()
		time.Sleep(time.Minute)
		assert.Empty(t, counter.Count().Missing, "a quiet cluster is not a silent server")
		s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n1"})
		last := time.Now()
		time.Sleep(100 * time.Millisecond)
		s.apply(action{Do: "dead"})
		time.Sleep(simRelist/2 + simRelist/5)
		for range 10 { // before the connection is given up, and after it
			synctest.Wait()
			count := counter.Count()
			require.NotEmpty(t, count.Missing)
			for _, m := range count.Missing {
				assert.False(t, m.Since.After(last), "%s: %s is after %s", m.What, m.Since, last)
			}
			time.Sleep(time.Second)
		}
		s.apply(action{Do: "heal"})
		time.Sleep(10 * simRelist)
		assert.Empty(t, counter.Count().Missing)
	})
}
