package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
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
	// Gap tells what cannot be watched, and Mended that it can be again.
	Gap    func(flux.Gap)
	Mended func(what string)
}

// Watch tells of the selected objects until ctx ends: of each as it is at first, and again whenever it changes. What cannot
// be watched is told as a gap, and tried again by client-go's informers, which also begin anew where the API server has
// forgotten where to go on.
func (c *Client) Watch(ctx context.Context, sel Selection, w Watcher) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfigAndClient(c.config, c.kube.HTTP(true))
	if err != nil {
		return fmt.Errorf("making a client that watches: %w", err)
	}
	// client-go would write its troubles to stderr; gap has them.
	ctx = klog.NewContext(ctx, logr.Discard())
	var all sync.WaitGroup
	watcher := &told{Watcher: w}
	for _, k := range sel.kinds() {
		if s.use(k.Name) == "" {
			continue
		}
		resource := client.Resource(schema.GroupVersionResource{Group: k.Group, Version: s.use(k.Name), Resource: k.Resource}).Namespace(sel.Namespace)
		informer, err := watcher.informer(ctx, resource, sel, "watching "+scope(k.Resource, sel.Namespace))
		if err != nil {
			return fmt.Errorf("watching %s: %w", k.Resource, err)
		}
		all.Go(func() { informer.RunWithContext(ctx) })
		all.Go(func() {
			if cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
				watcher.one(func() { w.Listed(k.Name, refsOf(informer.GetStore().List())) })
			}
		})
	}
	all.Wait()
	return nil
}

// told is a Watcher of which one function is called at a time.
type told struct {
	Watcher
	mu sync.Mutex
}

func (w *told) one(tell func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	tell()
}

// informer tells of the selected objects of a resource, and of what keeps them from being watched.
func (w *told) informer(ctx context.Context, resource dynamic.ResourceInterface, sel Selection, what string) (cache.SharedIndexInformer, error) {
	informer := newInformer(resource, sel.LabelSelector, func() { w.one(func() { w.Mended(what) }) })
	_ = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) { // set before it runs
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || ctx.Err() != nil {
			return // it begins anew
		}
		w.one(func() { w.Gap(flux.Gap{What: what, Why: words(err), Forbidden: apierrors.IsForbidden(err)}) })
	})
	tell := func(obj any, gone bool) {
		if last, unknown := obj.(cache.DeletedFinalStateUnknown); unknown {
			obj = last.Obj
		}
		if o, ok := obj.(*watched); ok && sel.names(o.Object) {
			w.one(func() { w.Event(Event{o.Object, gone}) })
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { tell(obj, false) },
		UpdateFunc: func(_, obj any) { tell(obj, false) },
		DeleteFunc: func(obj any) { tell(obj, true) },
	})
	return informer, err
}

// refsOf are the objects of an informer's store.
func refsOf(store []any) map[flux.Ref]bool {
	refs := make(map[flux.Ref]bool, len(store))
	for _, obj := range store {
		if o, ok := obj.(*watched); ok {
			refs[o.Object.Ref] = true
		}
	}
	return refs
}

// words are those of the API server, without client-go's around them ("failed to list *unstructured.Unstructured").
func words(err error) string {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return status.Status().Message
	}
	return err.Error()
}

// watched is an object as an informer keeps it: with the name and version that its store asks for.
type watched struct {
	metav1.ObjectMeta
	Object flux.Object
}

// newInformer watches a resource; watching is told each time that the API server begins to tell what changes.
func newInformer(client dynamic.ResourceInterface, selector string, watching func()) cache.SharedIndexInformer {
	informer := cache.NewSharedIndexInformerWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			return client.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			changes, err := client.Watch(ctx, o)
			if err == nil {
				watching()
			}
			return changes, err
		},
	}, &unstructured.Unstructured{}, cache.SharedIndexInformerOptions{})
	_ = informer.SetTransform(func(obj any) (any, error) { // set before it runs
		u, ok := obj.(*unstructured.Unstructured)
		if !ok {
			return obj, nil
		}
		data, err := u.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("reading %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
		}
		o, err := flux.Decode(data)
		if err != nil {
			return nil, err
		}
		return &watched{metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, ResourceVersion: o.ResourceVersion}, o}, nil
	})
	return informer
}
