package nodes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Options say what to count.
type Options struct {
	// Namespaces whose pods to count; none means all.
	Namespaces []string
	// Fallback is the namespace to count when the user may list neither namespaces nor all pods:
	// the current context's.
	Fallback string
	// NodeSelector selects nodes by label; empty selects all.
	NodeSelector string
	// NodeLabels are the keys of the labels that Node.Labels keeps.
	NodeLabels []string
	// Wide asks for Pods.Pending and Pods.Flux: two small requests more.
	Wide bool
	// Deadline is the longest time for one list while watching, 60s by default. Once is limited by
	// its context.
	Deadline time.Duration
	Limits   Limits
}

// Counter counts the pods of one cluster's nodes. Use it for one Once or one Watch.
type Counter struct {
	options Options
	q       *requester
	client  corev1client.CoreV1Interface
	nodes   nodeReader
	changes chan struct{}
	// interrupted are the watches of Watch: of pods and of nodes.
	interrupted [2]interruption

	mu         sync.Mutex
	ledger     *ledger    // of Once
	pods       *podSource // of Watch
	live       *tally     // of Watch, once the informer has its first list
	nodeStore  cache.Store
	nodesKnown bool
	listed     []Node
	nodesErr   error
}

// The watches of a Counter.
const (
	podWatch = iota
	nodeWatch
)

// New prepares a counter; it sends no request. The configuration's rate limits and timeout do not
// apply, those of the options do.
func New(config *rest.Config, options Options) (*Counter, error) {
	if options.Deadline == 0 {
		options.Deadline = time.Minute
	}
	q, err := newRequester(config, options.Limits)
	if err != nil {
		return nil, err
	}
	typed := rest.CopyConfig(config)
	typed.QPS, typed.RateLimiter, typed.Timeout = -1, nil, 0
	typed.ContentType = runtime.ContentTypeProtobuf
	typed.AcceptContentTypes = acceptProtobuf
	client, err := corev1client.NewForConfigAndClient(typed, q.http)
	if err != nil {
		return nil, fmt.Errorf("preparing the watch: %w", err)
	}
	c := &Counter{
		options: options, q: q, client: client,
		nodes:   nodeReader{q: q, selector: options.NodeSelector, labels: options.NodeLabels},
		changes: make(chan struct{}, 1),
	}
	c.interrupted[podWatch].changed, c.interrupted[nodeWatch].changed = c.signal, c.signal
	return c, nil
}

func (c *Counter) lister(keyed bool) *lister {
	return &lister{q: c.q, scope: c.options.Namespaces, fallback: c.options.Fallback, wide: c.options.Wide, keyed: keyed}
}

// Changed receives after the Count has changed; several changes may be one signal.
func (c *Counter) Changed() <-chan struct{} { return c.changes }

func (c *Counter) signal() {
	select {
	case c.changes <- struct{}{}:
	default:
	}
}

// Once counts until everything is counted, or ctx ends. It never fails: what it could not count is in
// Count.Missing. Meanwhile Count tells how far it is.
func (c *Counter) Once(ctx context.Context) Count {
	led := newLedger()
	c.mu.Lock()
	c.ledger = led
	c.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		list, err := c.nodes.list(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.listed, c.nodesKnown, c.nodesErr = sortNodes(list.Items), err == nil, err
	})
	both.Go(func() { c.lister(false).run(ctx, led) })
	both.Wait()
	return c.Count()
}

// Count is what is known now; it may be called at any time, also while Once and Watch run.
func (c *Counter) Count() Count {
	c.mu.Lock()
	led, pods, live := c.ledger, c.pods, c.live
	nodes, known, nodesErr, store := c.listed, c.nodesKnown, c.nodesErr, c.nodeStore
	c.mu.Unlock()
	var count Count
	switch {
	case pods != nil:
		count = pods.count()
		if live != nil {
			count.AtLeast, count.Counting = false, false
			count.setPods(live)
		}
	case led != nil:
		count = led.count()
	default:
		count.AtLeast, count.Counting = true, true
	}
	for i := range c.interrupted {
		// One is enough: what keeps one watch from running mostly keeps both.
		if err := c.interrupted[i].cause(); err != nil && pods != nil {
			count.Missing = append(count.Missing, Missing{What: WhatUpdates, Reason: reasonFor(err), Err: err})
			break
		}
	}
	count.AtLeast = count.AtLeast || slices.ContainsFunc(count.Missing, lacksPods)
	count.Counting = count.Counting || !known && nodesErr == nil
	if store != nil {
		var all []*Node
		for _, n := range store.List() {
			all = append(all, n.(*Node))
		}
		nodes = sortNodes(all)
	}
	count.Nodes, count.NodesKnown, count.Scope = nodes, known, c.options.Namespaces
	if nodesErr != nil {
		count.Missing = append(count.Missing, Missing{What: WhatNodes, Reason: reasonFor(nodesErr), Err: nodesErr})
	}
	count.Missing = sortMissing(count.Missing)
	return count
}

func lacksPods(m Missing) bool { return m.What == WhatPods || m.What == WhatNamespaces }

// Watch counts and goes on counting until ctx ends: Changed tells when Count has news.
func (c *Counter) Watch(ctx context.Context) {
	// The reflectors would write their troubles to stderr; Count.Missing has them.
	ctx = klog.NewContext(ctx, logr.Discard())
	source := &podSource{
		lister: c.lister(true), client: c.client, deadline: c.options.Deadline, changed: c.signal, interrupted: &c.interrupted[podWatch],
	}
	pods := cache.NewSharedIndexInformerWithOptions(&listWatch{list: source.list, watch: source.watch}, &Pod{}, cache.SharedIndexInformerOptions{})
	source.known = func() []*Pod { return stored(pods.GetStore()) }
	live := newTally()
	registration, err := pods.AddEventHandler(liveHandler(live, c.signal))
	if err != nil {
		return // only a stopped informer refuses a handler
	}
	nodes := cache.NewSharedIndexInformerWithOptions(c.nodeSource(), &Node{}, cache.SharedIndexInformerOptions{})
	_, _ = nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.signal() },
		UpdateFunc: func(any, any) { c.signal() },
		DeleteFunc: func(any) { c.signal() },
	})
	c.mu.Lock()
	c.pods = source
	c.nodeStore = nodes.GetStore()
	c.mu.Unlock()
	var all sync.WaitGroup
	all.Go(func() { pods.RunWithContext(ctx) })
	all.Go(func() { nodes.RunWithContext(ctx) })
	all.Go(func() {
		select {
		case <-ctx.Done():
		case <-registration.HasSyncedChecker().Done():
			c.mu.Lock()
			c.live = live
			c.mu.Unlock()
			c.signal()
		}
	})
	all.Wait()
}

func stored(store cache.Store) []*Pod {
	var all []*Pod
	for _, p := range store.List() {
		all = append(all, p.(*Pod))
	}
	return all
}

// liveHandler keeps a tally equal to the informer's store. It remembers what it counted of each pod, for
// what an event says of a pod that goes may be more than its row said when it was counted.
func liveHandler(live *tally, changed func()) cache.ResourceEventHandler {
	counted := make(map[podKey]*Pod) // an informer calls a handler for one event at a time
	replace := func(key podKey, p *Pod) {
		if old := counted[key]; old != nil {
			live.addPod(old, -1)
			delete(counted, key)
		}
		if p != nil {
			live.addPod(p, 1)
			counted[key] = p
		}
		changed()
	}
	there := func(obj any) { p := obj.(*Pod); replace(podKey{p.Namespace, p.Name}, p) }
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    there,
		UpdateFunc: func(_, obj any) { there(obj) },
		DeleteFunc: func(obj any) {
			if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			p := obj.(*Pod)
			replace(podKey{p.Namespace, p.Name}, nil)
		},
	}
}

func (c *Counter) nodeSource() *listWatch {
	return &listWatch{
		list: func(ctx context.Context) (runtime.Object, error) {
			list, err := c.nodes.list(ctx)
			c.mu.Lock()
			c.nodesKnown, c.nodesErr = c.nodesKnown || err == nil, err
			c.mu.Unlock()
			c.signal()
			return list, err
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = c.options.NodeSelector
			interrupted := &c.interrupted[nodeWatch]
			w, err := reopen(ctx, interrupted.note, func() (watch.Interface, error) { return c.client.Nodes().Watch(ctx, o) })
			if err != nil {
				return nil, err
			}
			return interrupted.over(watch.Filter(w, func(e watch.Event) (watch.Event, bool) {
				if n, ok := e.Object.(*corev1.Node); ok {
					e.Object = c.nodes.slim(n)
				}
				return e, true
			})), nil
		},
	}
}
