package nodes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Options say what to count.
type Options struct {
	// Namespaces whose pods to count; none means all. A name that is given twice counts once.
	Namespaces []string
	// Fallback is the namespace to count when the user may list neither namespaces nor all pods:
	// the current context's.
	Fallback string
	// NodeSelector selects nodes by label; empty selects all.
	NodeSelector string
	// NodeNames are the nodes that are asked for; none means all. All are listed all the same, and these got one by one where
	// that is forbidden: then they are all that the Count has.
	NodeNames []string
	// NodeLabels are the keys of the labels that Node.Labels keeps.
	NodeLabels []string
	// Pending and Flux ask for the fields of Pods of that name: a small request more each.
	Pending, Flux bool
	// Usage asks for Node.Usage, what metrics.k8s.io says of each node: one request more.
	Usage bool
	// UsageAsked: a count without Usage is partial. Else it is told, and the count complete without it.
	UsageAsked bool
	// Identify asks for what tells clusters apart (Counter.Seen): one small request more.
	Identify bool
	// Deadline is the longest time for one list while watching, 60s by default. Once is limited by
	// its context.
	Deadline time.Duration
	// Relist is the pause before a watching counter lists again what it could not list or may not watch,
	// 10s by default.
	Relist time.Duration
	Limits kube.Limits
}

// listing is a way to list the pods of all namespaces.
type listing int

const (
	listLightest listing = iota
	listAtOnce
	listEach
)

// Counter counts the pods of one cluster's nodes. Use it for one Once or one Watch.
type Counter struct {
	options   Options
	kube      *kube.Client
	follower  *kube.Follower
	watches   rest.Interface
	changes   chan struct{}
	list      listing               // for tests and measurements
	detailing chan struct{}         // one lists all details at a time
	rest      func(context.Context) // waits for lists that a watch does not wait for
	plain     atomic.Bool           // a Table came without the columns that count

	mu    sync.Mutex
	parts map[partKey]*part
	nodes map[string]Node
	// nodesAge counts after what an answer about single nodes is out of date: lists, and nodes that were deleted.
	nodesAge int
	sought   map[string]error    // nodes that pods had named before a list, or one that asks for them alone, or that were deleted: nil where they are not there
	alone    bool                // nodes has those of Options.NodeNames
	details  map[string][]detail // by the namespace that was asked
	usage    map[string]*Usage   // nil of what is no amount
	cluster  string
	// identified: cluster is known, or nobody tells, or not soon; unidentified is why it is not known.
	identified   bool
	unidentified error
	// watching: what a list brought before it broke off may be long ago.
	watching bool
}

type partKey struct{ what, namespace string }

// New prepares a counter; it sends no request. The configuration's rate limits do not apply.
func New(config *rest.Config, options Options) (*Counter, error) {
	if slices.Contains(options.Namespaces, "") {
		return nil, fmt.Errorf("preparing to count: a namespace has no name")
	}
	options.Namespaces = once(options.Namespaces)
	client, err := kube.New(config, options.Limits)
	if err != nil {
		return nil, err
	}
	typed := rest.CopyConfig(config)
	typed.QPS, typed.RateLimiter, typed.Timeout = -1, nil, 0
	typed.ContentType = runtime.ContentTypeProtobuf
	typed.AcceptContentTypes = kube.AcceptProtobuf
	typed.APIPath, typed.GroupVersion, typed.NegotiatedSerializer = "/api", &corev1.SchemeGroupVersion, scheme.Codecs.WithoutConversion()
	watches, err := rest.RESTClientForConfigAndClient(typed, client.HTTP(true))
	if err != nil {
		return nil, fmt.Errorf("preparing the watch: %w", err)
	}
	c := &Counter{
		options: options, kube: client, watches: watches, changes: make(chan struct{}, 1), detailing: make(chan struct{}, 1),
		parts: map[partKey]*part{{WhatNodes, ""}: {what: WhatNodes}}, details: map[string][]detail{}, sought: map[string]error{},
	}
	c.follower = kube.NewFollower(client, options.Relist, options.Deadline, &c.mu, c.signal)
	return c, nil
}

// watch opens a watch of a resource, in a namespace or ("") in all. It asks for what client-go's typed client asks for,
// which would bring half a megabyte of code for other requests.
func (c *Counter) watch(ctx context.Context, resource, namespace string, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	var timeout time.Duration
	if s := options.TimeoutSeconds; s != nil {
		timeout = time.Duration(*s) * time.Second
	}
	return c.watches.Get().MaxRetries(0).NamespaceIfScoped(namespace, namespace != "").Resource(resource).
		VersionedParams(&options, scheme.ParameterCodec).Timeout(timeout).Watch(ctx)
}

// once leaves out names that came before.
func once(names []string) []string {
	var all []string
	for _, name := range names {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// Changed receives after the Count has changed; several changes may be one signal.
func (c *Counter) Changed() <-chan struct{} { return c.changes }

func (c *Counter) signal() {
	select {
	case c.changes <- struct{}{}:
	default:
	}
}

// update changes what is known.
func (c *Counter) update(change func()) {
	c.mu.Lock()
	change()
	c.mu.Unlock()
	c.signal()
}

// part is a part of the count; it begins where there is none yet.
func (c *Counter) part(what, namespace string) *part {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.partLocked(what, namespace)
}

func (c *Counter) partLocked(what, namespace string) *part {
	p := c.parts[partKey{what, namespace}]
	if p == nil {
		p = &part{what: what, namespace: namespace}
		c.parts[partKey{what, namespace}] = p
	}
	return p
}

// setParts says of which namespaces the pods are parts of the count; what is known of them stays.
func (c *Counter) setParts(namespaces []string) {
	c.update(func() {
		there := make(map[string]bool, len(namespaces))
		for _, namespace := range namespaces {
			there[namespace] = true
			c.partLocked(WhatPods, namespace)
		}
		for key := range c.parts {
			if there[key.namespace] || key.namespace == "" && key.what != WhatPods {
				continue
			}
			if key.what == WhatPods || key.what == WhatDetails {
				delete(c.parts, key)
			}
			if key.what == WhatDetails {
				delete(c.details, key.namespace)
			}
		}
		if len(c.options.Namespaces) == 0 && len(namespaces) != 1 { // they are known now
			if p := c.parts[partKey{WhatNamespaces, ""}]; p != nil {
				p.err = nil // it is followed: that it is not any more is missing
			}
		}
	})
}

// fail notes why something could not be read.
func (c *Counter) fail(what, namespace string, err error) {
	c.update(func() { c.partLocked(what, namespace).fail(err) })
}

// reason is why something could not be read, empty where it could.
func (c *Counter) reason(what, namespace string) kube.Reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.parts[partKey{what, namespace}]; p != nil {
		return kube.ReasonOf(p.err)
	}
	return ""
}

// Once counts until everything is counted, or ctx ends. It never fails: what it could not count is in
// Count.Missing. Meanwhile Count tells how far it is.
func (c *Counter) Once(ctx context.Context) Count {
	c.identifyBeside(ctx, func() {
		var all sync.WaitGroup
		pods := make(chan struct{})
		all.Go(func() {
			_, _ = c.listPods(ctx)
			close(pods)
			c.listAllDetails(ctx)
		})
		all.Go(func() {
			_, _ = c.listNodes(ctx)
			c.listUnlisted(ctx, pods)
		})
		all.Go(func() { c.readUsage(ctx) })
		all.Wait()
	})
	return c.Count()
}
