package nodes

import (
	"maps"
	"slices"
	"sync"
)

// Pods counts the pods of one node that are neither Succeeded nor Failed.
type Pods struct {
	Total int
	// Terminating and Pending are parts of Total. Pending is only known when Options.Wide asks.
	Terminating, Pending int
	// Flux names the controllers of Flux that run there, sorted; only known when Options.Wide asks.
	Flux []string
}

// tally counts pods per node. It is safe for concurrent use, for one goroutine writes rows while
// others look.
type tally struct {
	mu    sync.Mutex
	total int
	nodes map[string]*nodeTally // "" holds the pods that are not scheduled
}

type nodeTally struct {
	name                        string
	total, terminating, pending int
	flux                        map[string]int // pods by controller
}

func newTally() *tally { return &tally{nodes: map[string]*nodeTally{}} }

// node returns the node's entry; the name is copied only when it is new.
func (t *tally) node(name []byte) *nodeTally {
	if n, ok := t.nodes[string(name)]; ok {
		return n
	}
	n := &nodeTally{name: string(name)}
	t.nodes[n.name] = n
	return n
}

// addRow counts a row and returns the node's name as a string that all its pods share.
func (t *tally) addRow(r row) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.node(r.node)
	n.total++
	t.total++
	if r.terminating {
		n.terminating++
	}
	return n.name
}

// addPod adds a pod, or with by -1 takes it away.
func (t *tally) addPod(p *Pod, by int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.node([]byte(p.Node))
	n.total += by
	t.total += by
	if p.Terminating {
		n.terminating += by
	}
	if p.Pending {
		n.pending += by
	}
	if p.App != "" {
		n.addFlux(p.App, by)
	}
}

// addExtras counts what the rows cannot say.
func (t *tally) addExtras(e *extras) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range e.pending {
		t.node([]byte(p.node)).pending++
	}
	for _, f := range e.flux {
		t.node([]byte(f.node)).addFlux(f.app, 1)
	}
}

func (n *nodeTally) addFlux(app string, by int) {
	if n.flux == nil {
		n.flux = map[string]int{}
	}
	if n.flux[app] += by; n.flux[app] <= 0 {
		delete(n.flux, app)
	}
}

// merge adds what another tally counted.
func (t *tally) merge(o *tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += o.total
	for name, from := range o.nodes {
		n, ok := t.nodes[name]
		if !ok {
			n = &nodeTally{name: from.name}
			t.nodes[name] = n
		}
		n.total += from.total
		n.terminating += from.terminating
		n.pending += from.pending
		for app, by := range from.flux {
			n.addFlux(app, by)
		}
	}
}

func (t *tally) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// pods returns the counts by node; nodes without pods are left out.
func (t *tally) pods() map[string]Pods {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]Pods, len(t.nodes))
	for name, n := range t.nodes {
		if n.total > 0 {
			all[name] = Pods{
				Total: n.total, Terminating: n.terminating, Pending: n.pending,
				Flux: slices.Sorted(maps.Keys(n.flux)),
			}
		}
	}
	return all
}
