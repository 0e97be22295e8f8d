package nodes_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// action is one thing that happens to a cluster or to the way to it.
type action struct {
	Do         string
	Namespace  string
	Name, Node string
	Resource   string // of a fault
	Verb, Kind string
	Times      int
	Then       time.Duration // goes by afterwards
}

// actions draws a sequence. Two namespaces hold pods of the same names, and a name comes back on another node.
func actions() *rapid.Generator[[]action] {
	one := rapid.Custom(func(t *rapid.T) action {
		return action{
			Do: rapid.SampledFrom([]string{
				"create", "create", "create", "schedule", "run", "terminate", "finish", "delete", "replace",
				"add node", "add node", "delete node", "lose nodes", "add namespace", "delete namespace", "lose all pods",
				"fault", "fault", "fault", "forget", "cut", "down", "dead", "heal", "go back", "empty watches", "mute watches", "wait",
			}).Draw(t, "do"),
			Namespace: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "namespace"),
			Name:      rapid.SampledFrom([]string{"web-0", "web-1", "db-0"}).Draw(t, "name"),
			Node:      rapid.SampledFrom([]string{"", "n1", "n2", "n3"}).Draw(t, "node"),
			Resource:  rapid.SampledFrom([]string{"pods", "pods/a", "pods/b", "nodes", "namespaces"}).Draw(t, "resource"),
			Verb:      rapid.SampledFrom([]string{"list", "watch"}).Draw(t, "verb"),
			Kind:      rapid.SampledFrom([]string{"403", "401", "410", "429", "503", "stall", "cut"}).Draw(t, "kind"),
			Times:     rapid.SampledFrom([]int{1, 2, 5, 1000}).Draw(t, "times"),
			Then:      rapid.SampledFrom([]time.Duration{0, 1500 * time.Millisecond, 1500 * time.Millisecond, 8 * time.Second, allowedFor - 3*time.Second}).Draw(t, "then"),
		}
	})
	return rapid.SliceOfN(one, 1, 20)
}

// apply makes an action happen.
func (s *simulated) apply(a action) {
	switch a.Do {
	case "cut":
		s.cut()
	case "go back":
		s.goBack(a.Times)
	case "empty watches", "mute watches":
		faulty(a.Resource, "watch", strings.TrimSuffix(a.Do, " watches"), a.Times)(s)
		s.cut()
	case "slow":
		s.slowly(a.Resource, simSlow)
	case "wait":
		time.Sleep(simDoubt)
	case "down":
		s.set(true, false)
		s.cut()
	case "lose nodes": // the right to them
		faulty("nodes", "list", "403", 1000)(s)
		faulty("nodes", "watch", "403", 1000)(s)
		s.cut()
	case "lose all pods": // the right to list them: those of each namespace are left
		restricted(s)
		s.cut()
		s.mu.Lock()
		s.forgotten = s.revision
		s.mu.Unlock()
	case "dead":
		s.set(false, true)
	case "undead":
		s.set(false, false)
	case "heal":
		s.set(false, false)
		s.mu.Lock()
		s.faults = nil
		s.wake()
		s.mu.Unlock()
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.change(a)
	}
}

func (s *simulated) change(a action) {
	key := a.Namespace + "/" + a.Name
	pod := func() *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: a.Namespace}, Spec: corev1.PodSpec{NodeName: a.Node}, Status: corev1.PodStatus{Phase: corev1.PodPending}}
		if a.Name == "db-0" {
			p.Labels = map[string]string{"app": "source-controller"}
		}
		return p
	}
	old := s.pods[key]
	var next *corev1.Pod
	if old != nil {
		next = old.DeepCopy()
	}
	switch a.Do {
	case "fault":
		s.faults = append(s.faults, &fault{a.Resource, a.Verb, a.Kind, a.Times})
	case "forget":
		s.forgotten = s.revision
	case "add node":
		s.name("nodes", "n3", true)
	case "delete node":
		s.name("nodes", "n3", false)
	case "add namespace":
		s.name("namespaces", "c", true)
	case "delete namespace":
		for key, p := range s.pods {
			if p.Namespace == "c" {
				s.put(key, nil)
			}
		}
		s.name("namespaces", "c", false)
	case "create":
		if old == nil && s.namespaces[a.Namespace] {
			s.put(key, pod())
		}
	case "replace":
		if old != nil {
			s.put(key, nil)
			s.put(key, pod())
		}
	default:
		if old == nil || finished(old) && a.Do != "delete" {
			return
		}
		now := metav1.Now()
		switch a.Do {
		case "schedule":
			if next.Spec.NodeName == "" {
				next.Spec.NodeName = a.Node
			}
		case "run":
			next.Status.Phase = corev1.PodRunning
		case "terminate":
			next.DeletionTimestamp = &now
		case "finish":
			next.Status.Phase = corev1.PodSucceeded
		case "delete":
			next = nil
		}
		s.put(key, next)
	}
}

// The limits of the simulation. What is dead is told after half of simRelist.
const (
	simRelist = 2 * time.Second
	simStall  = time.Second
	simBlind  = simRelist               // half of it, and what a look takes
	simSlow   = 2500 * time.Millisecond // how long a slow list takes to begin, which is not given up yet
	// simDoubt is how long a watch may bring nothing, not even a bookmark.
	simDoubt = 90 * time.Second
)

func simOptions(scope []string) nodes.Options {
	return nodes.Options{
		Pending: true, Flux: true, Namespaces: scope, Fallback: "a", Relist: simRelist, Deadline: 20 * time.Second,
		Limits: kube.Limits{Stall: simStall, Tries: 2, Backoff: 50 * time.Millisecond, Patience: 3 * time.Second},
	}
}

// wrong compares a count that says that it is complete with the truth. Nodes that are called known are all that there
// are, also where something else is missing: a node that pods name and that is not among them is shown as gone.
func (s *simulated) wrong(count nodes.Count, when string) error {
	want := s.truth()
	var known []string
	for _, n := range count.Nodes {
		known = append(known, n.Name)
	}
	if there := s.nodeNames(); count.NodesKnown && !slices.Equal(known, there) {
		return fmt.Errorf("%s: the nodes are called known, and are %v; there are %v (missing: %+v)", when, known, there, count.Missing)
	}
	if err := tooHigh(count, want); err != nil {
		return fmt.Errorf("%s: %w", when, err)
	}
	if count.Partial() {
		return nil
	}
	if got := perNode(count); count.Total != want.Total || count.Unscheduled.Total != want.Unscheduled || !reflect.DeepEqual(want.Nodes, got) {
		return fmt.Errorf("%s: shown as complete: %d pods (%d unscheduled) %v; there are %d (%d) %v",
			when, count.Total, count.Unscheduled.Total, got, want.Total, want.Unscheduled, want.Nodes)
	}
	return nil
}

// tooHigh tells where a number that is called a lower bound is more than the truth. What is listed again and again, or for the
// first time, is as of a moment ago.
func tooHigh(count nodes.Count, want testbed.PodCounts) error {
	asked := func(m nodes.Missing) bool { return m.What == nodes.WhatUpdates && m.Reason == kube.Forbidden }
	if !count.AtLeast || count.Outdated || count.Counting || slices.ContainsFunc(count.Missing, asked) {
		return nil
	}
	for name, pods := range count.Pods {
		if pods.Total > want.Nodes[name].Pods {
			return fmt.Errorf("at least %d pods are said to be on %s, and there are %d (missing: %+v)", pods.Total, name, want.Nodes[name].Pods, count.Missing)
		}
	}
	if count.Total > want.Total || count.Unscheduled.Total > want.Unscheduled {
		return fmt.Errorf("at least %d pods (%d unscheduled) are counted, and there are %d (%d) (missing: %+v)",
			count.Total, count.Unscheduled.Total, want.Total, want.Unscheduled, count.Missing)
	}
	return nil
}

// tooYoung tells what is said to be as of a time since when nobody answers.
func tooYoung(count nodes.Count, away time.Time) error {
	for _, m := range count.Missing {
		if !away.IsZero() && m.Since.After(away.Add(100*time.Millisecond)) {
			return fmt.Errorf("%s is said to be as of %s, and nobody answers since %s: %w", m.What, m.Since, away, m.Err)
		}
	}
	return nil
}

// follow runs a sequence under a watch. After every step what is shown is the truth, or says what is missing;
// at rest it is the truth, and complete.
func follow(sequence []action) error {
	s := newSimulated()
	counter, err := nodes.New(s.config(), simOptions(nil))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { counter.Watch(ctx) })
	defer func() {
		stop()
		s.end()
		watching.Wait()
	}()
	var dead, doubtful, away time.Time
	for i, a := range sequence {
		s.apply(a)
		switch {
		case a.Do == "heal":
			away = time.Time{}
		case a.Do == "down", a.Do == "dead" && away.IsZero(): // what was dead may answer before it is down
			away = time.Now()
		}
		if a.Do == "empty watches" {
			doubtful = time.Now().Add(2 * simRelist)
		}
		if a.Do != "dead" {
			if a.Do == "heal" || a.Do == "down" {
				dead = time.Time{}
			}
		} else if dead.IsZero() {
			dead = time.Now()
		}
		time.Sleep(a.Then)
		synctest.Wait()
		if err := tooYoung(counter.Count(), away); err != nil {
			return fmt.Errorf("after step %d, %+v: %w", i, a, err)
		}
		if a.Then < time.Second || !dead.IsZero() && time.Since(dead) < simBlind || time.Now().Before(doubtful) || time.Since(s.mutedAt()) < simDoubt {
			continue // a watch that broke has a second to come back, and silence has to be noticed
		}
		if err := s.wrong(counter.Count(), fmt.Sprintf("after step %d, %+v", i, a)); err != nil {
			return err
		}
	}
	s.apply(action{Do: "heal"})
	time.Sleep(40 * simRelist) // the longest after which rights are looked at again
	if time.Since(s.mutedAt()) < simDoubt {
		time.Sleep(simDoubt)
	}
	synctest.Wait()
	count := counter.Count()
	if count.Partial() {
		return fmt.Errorf("at rest: incomplete: counting %v, at least %v, missing %+v", count.Counting, count.AtLeast, count.Missing)
	}
	return s.wrong(count, "at rest")
}

func (s *simulated) mutedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.muted
}

// count runs a sequence and then counts once, with the faults that are left.
func count(sequence []action, scope []string) error {
	s := newSimulated()
	for _, a := range sequence {
		if a.Do != "dead" && a.Do != "down" {
			s.apply(a)
		}
	}
	counter, err := nodes.New(s.config(), simOptions(scope))
	if err != nil {
		return err
	}
	defer s.end()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	got := counter.Once(ctx)
	if len(scope) > 0 {
		return nil // it ends, and races show
	}
	return s.wrong(got, "once")
}

// inBubble runs a function in virtual time: minutes of pauses take milliseconds.
func inBubble(t *testing.T, rt *rapid.T, f func() error) {
	t.Helper()
	var err error
	synctest.Test(t, func(*testing.T) { err = f() })
	if err != nil {
		rt.Fatal(err)
	}
}

func TestWhatIsShownIsTrueOrSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		sequence := actions().Draw(rt, "sequence")
		inBubble(t, rt, func() error { return follow(sequence) })
	})
}

func TestACountIsTrueOrSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		sequence := actions().Draw(rt, "sequence")
		inBubble(t, rt, func() error { return count(sequence, nil) })
	})
}

// The rights to all pods are looked at again after 30 times simRelist, here while the server is dead: what was followed
// namespace by namespace until then is followed as a whole from then on, and is not missing for ever.
func TestRightsAreLookedAtWhileTheServerIsDead(t *testing.T) {
	t.Parallel()
	for begins := 50 * time.Second; begins < 60*time.Second; begins += time.Second {
		synctest.Test(t, func(t *testing.T) {
			assert.NoError(t, follow([]action{
				{Do: "fault", Resource: "pods", Verb: "list", Kind: "403", Times: 1, Then: time.Second},
				{Do: "create", Namespace: "a", Name: "web-0", Node: "n1", Then: begins},
				{Do: "dead", Then: 20 * time.Second},
			}), begins)
		})
	}
}

// The same while the list of all pods fails: what the namespaces' watches brought until then grows old, and that is said.
func TestWhatWasFollowedGrowsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		assert.NoError(t, follow([]action{
			{Do: "fault", Resource: "pods", Verb: "list", Kind: "403", Times: 1, Then: time.Second},
			{Do: "fault", Resource: "pods", Verb: "list", Kind: "503", Times: 1000, Then: 30 * simRelist},
			{Do: "create", Namespace: "a", Name: "web-0", Node: "n1", Then: 2 * time.Second},
			{Do: "create", Namespace: "a", Name: "db-0", Node: "n1", Then: 8 * time.Second},
		}))
	})
}
