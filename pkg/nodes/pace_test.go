package nodes_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// mayWatch are the ways in which somebody follows pods, and the namespaces that are asked for.
var mayWatch = map[string]struct {
	prepare func(*simulated)
	scope   []string
	faulty  []string // what is watched
}{
	"all pods":        {noFault, nil, []string{"pods"}},
	"some namespaces": {noFault, []string{"a", "b"}, []string{"pods/a", "pods/b"}},
	"each namespace":  {restricted, nil, []string{"pods/a", "pods/b"}},
}

// paced follows a sequence in which lists answer and watches fail in one way or another. What is shown of a node is what there
// was at a time that is no longer ago than twice the pause between two lists; when watches hold again it is whole within three.
func paced(prepare func(*simulated), scope []string, sequence []action) error {
	s := newSimulated()
	prepare(s)
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
	history := []moment{{at: time.Now(), truth: s.truth()}}
	watching.Go(func() { counter.Watch(ctx) })
	after(time.Second)
	look := func(when string) error {
		count := counter.Count()
		since := history
		for len(since) > 1 && since[1].at.Before(time.Now().Add(-2*simRelist-time.Second/2)) {
			since = since[1:]
		}
		for _, node := range []string{"n1", "n2"} { // one for each namespace: their lists are of several times
			if !slices.ContainsFunc(since, func(m moment) bool { return m.truth.Nodes[node].Pods == count.Pods[node].Total }) {
				return fmt.Errorf("%s: %d pods are on %s, and were not within %s: %+v", when, count.Pods[node].Total, node, 2*simRelist, count.Missing)
			}
		}
		return nil
	}
	for i, a := range sequence {
		s.apply(a)
		history = append(history, moment{at: time.Now(), truth: s.truth()})
		for began := time.Now(); time.Since(began) < a.Then; {
			after(250 * time.Millisecond)
			if err := look(fmt.Sprintf("after step %d, %+v", i, a)); err != nil {
				return err
			}
		}
	}
	s.apply(action{Do: "heal"})
	prepare(s)
	after(3*simRelist + time.Second)
	if count := counter.Count(); count.Partial() {
		return fmt.Errorf("watches hold again, and there is missing: %+v", count.Missing)
	}
	return look("at rest")
}

func TestWhatIsShownWhileWatchesFailIsNoOlderThanTwoLists(t *testing.T) {
	t.Parallel()
	for name, may := range mayWatch {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				sequence := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) action {
					a := action{
						Do:        rapid.SampledFrom([]string{"create", "create", "delete", "fault", "fault", "cut", "forget"}).Draw(t, "do"),
						Namespace: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace"),
						Name:      rapid.SampledFrom([]string{"web-0", "db-0"}).Draw(t, "name"),
						Resource:  rapid.SampledFrom(may.faulty).Draw(t, "resource"),
						Verb:      "watch",
						Kind:      rapid.SampledFrom([]string{"empty", "brief", "expires", "garbage", "410", "429", "503", "403"}).Draw(t, "kind"),
						Times:     rapid.SampledFrom([]int{1, 2, 5, 1000}).Draw(t, "times"),
						Then:      rapid.SampledFrom([]time.Duration{0, 1500 * time.Millisecond, 8 * time.Second, 15 * time.Second}).Draw(t, "then"),
					}
					a.Node = map[string]string{"a": "n1", "b": "n2"}[a.Namespace]
					return a
				}), 1, 10).Draw(rt, "sequence")
				inBubble(t, rt, func() error { return paced(may.prepare, may.scope, sequence) })
			})
		})
	}
}

// Watches of namespaces that end at once for a moment are made up for as soon as lists would be.
func TestWatchesOfNamespacesThatEndForAMomentAreSoonWholeAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"empty", "brief"} {
		for name, may := range mayWatch {
			synctest.Test(t, func(t *testing.T) {
				var sequence []action
				for _, resource := range may.faulty {
					sequence = append(sequence, action{Do: "fault", Resource: resource, Verb: "watch", Kind: kind, Times: 5})
				}
				sequence = append(sequence, action{Do: "cut", Then: 5 * time.Second}, action{Do: "create", Namespace: "b", Name: "web-0", Node: "n2", Then: 20 * time.Second})
				if err := paced(may.prepare, may.scope, sequence); err != nil {
					t.Errorf("%s, %s: %v", kind, name, err)
				}
			})
		}
	}
}
