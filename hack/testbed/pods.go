package testbed

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// PodOptions describes nodes and the pods on them. The zero value is a cluster
// of 104 nodes and 2,613 pods in 30 namespaces.
type PodOptions struct {
	Nodes int // 104 by default
	// Pods is the number of pods that have not finished, 2,613 by default: what
	// a table of pods per node adds up to, with the unscheduled.
	Pods int
	// Namespaces besides flux-system, 30 by default: team-001 and so on.
	Namespaces int
	// Random decides the names, places and states: the same number gives the
	// same cluster.
	Random uint64
	// Now is the time of the last heartbeat; time.Now() by default.
	Now time.Time
}

// NodeCount counts the unfinished pods of one node; Terminating and Pending are
// among Pods.
type NodeCount struct{ Pods, Terminating, Pending int }

// PodCounts is what a correct count of the seeded pods gives. It is counted
// pod by pod from the stored objects, not from the plan by which they were made.
type PodCounts struct {
	// Nodes has an entry for every node, also for those without pods, and for
	// every node that pods name though it does not exist.
	Nodes map[string]NodeCount
	// Namespaces counts the unfinished pods of each.
	Namespaces map[string]int
	// Total counts the unfinished pods; Unscheduled, among them, those without a
	// node.
	Total, Unscheduled int
	// Finished counts the pods that succeeded or failed.
	Finished int
}

// Pods is a seed of nodes and pods that knows what it has made.
type Pods struct {
	opts   PodOptions
	nodes  []SeededNode
	slots  []int      // node numbers, more often the more pods a node draws
	states []podState // one for each pod
	plain  *podShape
	meshed *podShape // with a sidecar

	mu     sync.Mutex
	counts PodCounts
}

// podState is what a pod is made to be.
type podState uint8

const (
	podRunning       podState = iota
	podPendingOnNode          // scheduled, images being pulled
	podUnscheduled            // pending, without a node
	podTerminating            // running on a node, with a deletionTimestamp
	podOnGoneNode             // running, by their status, on a node that does not exist
	podSucceeded              // finished; come on top of PodOptions.Pods
	podFailed                 // finished; come on top of PodOptions.Pods
)

// NewPods plans nodes and pods; Seed stores them.
func NewPods(opts PodOptions) *Pods {
	opts.Nodes, opts.Pods, opts.Namespaces = cmp.Or(opts.Nodes, 104), cmp.Or(opts.Pods, 2613), cmp.Or(opts.Namespaces, 30)
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	p := &Pods{opts: opts}
	p.plain, p.meshed = podShapes(opts.Now)
	random := rand.New(rand.NewPCG(opts.Random, 0))
	p.nodes = planNodes(opts, random)
	for i := range p.nodes {
		for range random.IntN(8) { // some nodes draw no pods at all
			p.slots = append(p.slots, i)
		}
	}
	if len(p.slots) == 0 {
		p.slots = []int{0}
	}
	p.states = planStates(opts.Pods)
	shuffled := p.states[min(len(fluxControllers()), len(p.states)):]
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return p
}

// planStates mixes the states of so many unfinished pods as busy clusters do: finished jobs and evicted pods lie about.
// The special states come last: the first pods, Flux's, simply run.
func planStates(pods int) []podState {
	var special []podState
	for _, part := range []struct {
		state podState
		n     int
	}{
		{podFailed, pods / 100}, {podSucceeded, pods / 20}, {podOnGoneNode, pods / 500},
		{podTerminating, pods / 100}, {podUnscheduled, pods / 200}, {podPendingOnNode, pods / 100},
	} {
		special = append(special, slices.Repeat([]podState{part.state}, part.n)...)
	}
	finished := pods/100 + pods/20
	return append(make([]podState, pods+finished-len(special)), special...)
}

// Seed stores the namespaces, nodes and pods; it is meant for Options.Seed, so
// that kube-apiserver starts with them.
func (p *Pods) Seed(ctx context.Context, store *Store) error {
	p.counts = PodCounts{Nodes: map[string]NodeCount{}, Namespaces: map[string]int{}}
	for _, node := range p.nodes {
		p.counts.Nodes[node.Name] = NodeCount{}
	}
	namespaces := p.namespaces()
	err := store.PutAll(ctx, len(namespaces), func(i int) (Record, error) {
		return namespaceRecord(namespaces[i], nil, p.opts.Now)
	})
	if err != nil {
		return err
	}
	err = store.PutAll(ctx, len(p.nodes), func(i int) (Record, error) {
		node := p.nodes[i].object(p.opts.Now)
		return protobufRecord("/registry/minions/"+node.Name, node)
	})
	if err != nil {
		return err
	}
	return store.PutAll(ctx, len(p.states), func(i int) (Record, error) {
		pod := p.pod(i)
		p.mu.Lock()
		p.counts.add(pod)
		p.mu.Unlock()
		return protobufRecord("/registry/pods/"+pod.Namespace+"/"+pod.Name, pod)
	})
}

// add counts a pod. It looks only at the object, and states the rule again: a
// pod counts until its phase is Succeeded or Failed, also while it terminates.
func (c *PodCounts) add(pod *corev1.Pod) {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		c.Finished++
		return
	}
	c.Total++
	c.Namespaces[pod.Namespace]++
	if pod.Spec.NodeName == "" {
		c.Unscheduled++
		return
	}
	n := c.Nodes[pod.Spec.NodeName]
	n.Pods++
	if pod.DeletionTimestamp != nil {
		n.Terminating++
	}
	if pod.Status.Phase == corev1.PodPending {
		n.Pending++
	}
	c.Nodes[pod.Spec.NodeName] = n
}

// Counts is what was stored; call it after the cluster has started.
func (p *Pods) Counts() PodCounts { return p.counts }

// Nodes are the nodes that were stored, in the order of their making.
func (p *Pods) Nodes() []SeededNode { return p.nodes }

func (p *Pods) namespaces() []string {
	names := []string{"flux-system"}
	for i := range p.opts.Namespaces {
		names = append(names, teamNamespace(i))
	}
	return names
}

func teamNamespace(i int) string { return fmt.Sprintf("team-%03d", i+1) }
