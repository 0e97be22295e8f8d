package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Event is an object as it is now, or one that is gone.
type Event struct {
	Object flux.Object
	Gone   bool
}

// Watcher is told what a watch sees. None of its functions is called while another one is.
type Watcher struct {
	// Event tells of an object as it is, or that it is gone.
	Event func(Event)
	// Listed tells all objects of a kind that there are, once they are known for the first time.
	Listed func(kind string, there map[flux.Ref]bool)
	// Gaps tells all that is not kept up to date, whenever that changes; nothing once all is again.
	Gaps func([]flux.Gap)
}

// Watch tells of the selected objects until ctx ends: of each as it is at first, and again whenever it changes. What cannot
// be watched, also because nothing is heard of the API server, is told as a gap, and tried again.
func (c *Client) Watch(ctx context.Context, sel Selection, w Watcher) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfigAndClient(c.config, c.kube.HTTP(true))
	if err != nil {
		return fmt.Errorf("making a client that watches: %w", err)
	}
	ctx = kube.WithoutTroubles(ctx) // gaps have them
	told := &told{Watcher: w}
	told.follower = kube.NewFollower(c.kube, 0, 0, &told.feeds, func() { told.tellGaps(ctx) })
	for _, k := range sel.kinds() {
		if s.use(k.Name) != "" {
			told.kinds = append(told.kinds, &followed{Kind: k, version: s.use(k.Name), sel: sel, there: map[flux.Ref]flux.Object{}})
		}
	}
	var all sync.WaitGroup
	for _, k := range told.kinds {
		resource := client.Resource(schema.GroupVersionResource{Group: k.Group, Version: k.version, Resource: k.Resource}).Namespace(sel.Namespace)
		all.Go(func() { told.follower.Follow(ctx, &k.feed, told.stream(c, k, resource)) })
	}
	all.Go(func() { told.follower.Listen(ctx) })
	all.Wait()
	return nil
}

// followed is a kind whose objects are followed.
type followed struct {
	flux.Kind
	version string
	sel     Selection
	feed    kube.Feed
	there   map[flux.Ref]flux.Object // as they were last told
	unread  []undecoded              // of the last list
	listed  bool
}

// told is a Watcher of which one function is called at a time.
type told struct {
	Watcher
	follower *kube.Follower
	kinds    []*followed
	feeds    sync.Mutex // guards their feeds

	mu   sync.Mutex // of who tells
	gaps []flux.Gap // that were told last
}

func (w *told) one(tell func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	tell()
}

// tellGaps tells what is not kept up to date, if that is not what was told last; what the end of the watch interrupts is not
// missing.
func (w *told) tellGaps(ctx context.Context) {
	w.one(func() {
		var stale []staleKind
		w.feeds.Lock()
		for _, k := range w.kinds {
			asOf, why := w.follower.Stale(&k.feed)
			stale = append(stale, staleKind{k.Resource, k.sel.Namespace, why, asOf})
		}
		w.feeds.Unlock()
		gaps := gapsOf(stale)
		for _, k := range w.kinds {
			for _, u := range k.unread {
				gaps = append(gaps, u.gap())
			}
		}
		if ctx.Err() == nil && !slices.Equal(gaps, w.gaps) {
			w.gaps = gaps
			w.Gaps(gaps)
		}
	})
}

// staleKind says of a kind why it is not kept up to date, nil where it is, and as of when it is known.
type staleKind struct {
	resource, namespace string
	why                 error
	asOf                time.Time
}

// gapsOf says once of all kinds that are as old for the same reason what they are, unless they are all that may be watched.
func gapsOf(kinds []staleKind) []flux.Gap {
	type cause struct {
		reason kube.Reason
		asOf   string
	}
	var gaps []flux.Gap
	var order []cause
	stale := map[cause][]staleKind{}
	allowed := 0
	for _, k := range kinds {
		reason := kube.ReasonOf(k.why)
		if reason == kube.Forbidden {
			gaps = append(gaps, flux.Gap{What: "watching " + scope(k.resource, k.namespace), Why: k.why.Error(), Forbidden: true})
			continue
		}
		if allowed++; k.why == nil {
			continue
		}
		at := cause{reason, kube.Interrupted("", k.asOf)}
		if stale[at] == nil {
			order = append(order, at)
		}
		stale[at] = append(stale[at], k)
	}
	for _, at := range order {
		var names, whys []string
		for _, k := range stale[at] {
			names = append(names, k.resource)
			whys = append(whys, k.why.Error())
		}
		of := strings.Join(names, ", ")
		if len(names) == allowed {
			of = ""
		}
		slices.Sort(whys)
		gaps = append(gaps, flux.Gap{What: kube.Interrupted(of, stale[at][0].asOf), Why: strings.Join(slices.Compact(whys), "; ")})
	}
	return gaps
}

// stream is how the selected objects of a kind are followed.
func (w *told) stream(c *Client, k *followed, resource dynamic.ResourceInterface) kube.Stream {
	q := query{path: path(k.Kind, k.version, k.sel.Namespace), kind: k.Name, labelSelector: k.sel.LabelSelector}
	return kube.Stream{
		All: q.request(),
		List: func(ctx context.Context) (string, error) {
			items, version, err := kube.Items(ctx, c.kube, q.request(), decodeItem)
			if err == nil {
				objects, unread := decodedOf(items)
				w.one(func() { w.list(k, objects, unread) })
			}
			return version, err
		},
		Open: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = k.sel.LabelSelector
			return resource.Watch(ctx, o)
		},
		Apply: func(e watch.Event) {
			if o, ok := decoded(e); ok {
				w.one(func() { w.tell(k, Event{o, e.Type == watch.Deleted}) })
			}
		},
	}
}

// list tells of all objects of a kind that are not as they were told last, also of those that are gone. What cannot be read stays
// as it was told.
func (w *told) list(k *followed, objects []*flux.Object, unread []undecoded) {
	there := make(map[flux.Ref]bool, len(objects))
	for _, u := range unread {
		there[u.Ref] = true
	}
	for _, o := range objects {
		there[o.Ref] = true
		w.tell(k, Event{Object: *o})
	}
	k.unread = unread
	for _, o := range k.there {
		if !there[o.Ref] {
			w.tell(k, Event{o, true})
		}
	}
	if !k.listed {
		k.listed = true
		w.Listed(k.Name, there)
	}
}

func (w *told) tell(k *followed, e Event) {
	was, known := k.there[e.Object.Ref]
	if delete(k.there, e.Object.Ref); !e.Gone {
		k.there[e.Object.Ref] = e.Object
	}
	if e.Gone || !known || was.ResourceVersion != e.Object.ResourceVersion {
		if k.sel.names(e.Object) {
			w.Event(e)
		}
	}
}

// decoded is the object of an event. One that cannot be read is not told: the list before named it, or the next one does.
func decoded(e watch.Event) (flux.Object, bool) {
	u, ok := e.Object.(*unstructured.Unstructured)
	if !ok {
		return flux.Object{}, false
	}
	data, err := u.MarshalJSON()
	if err != nil {
		return flux.Object{}, false
	}
	o, err := flux.Decode(data)
	return o, err == nil
}
