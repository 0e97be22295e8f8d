package nodes

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// followPods keeps all pods up to date, or those of the namespaces that were asked for.
func (c *Counter) followPods(ctx context.Context) {
	if len(c.options.Namespaces) > 0 {
		c.followEach(ctx, c.options.Namespaces)
		return
	}
	c.follow(ctx, c.part(WhatUpdates, ""), kube.Stream{
		All: allPods(""), List: c.listKeyed, Open: c.watchPods(""), Apply: c.applyPod, Beside: c.listRest, Mend: c.mend,
		MayNotList: c.followAllowed, MayNotWatch: c.poll,
	})
}

// followEach keeps the pods of each namespace up to date by itself.
func (c *Counter) followEach(ctx context.Context, namespaces []string) {
	c.setParts(namespaces)
	side(namespaces, func(namespace string) { c.followNamespace(ctx, namespace) })
}

func (c *Counter) followNamespace(ctx context.Context, namespace string) {
	c.follow(ctx, c.part(WhatPods, namespace), kube.Stream{
		Many: true, All: allPods(namespace),
		List: func(ctx context.Context) (string, error) {
			if err := c.listNamespace(ctx, namespace, true); err != nil {
				return "", err
			}
			version := ""
			c.update(func() { version = c.partLocked(WhatPods, namespace).version })
			return version, nil
		},
		Open: c.watchPods(namespace), Apply: c.applyPod,
		Beside: func(ctx context.Context) { _ = c.listDetails(ctx, namespace) }, // its part has the error
		Mend: func(ctx context.Context) {
			if c.reason(WhatDetails, namespace) != "" {
				_ = c.listDetails(ctx, namespace)
			}
			if len(c.options.Namespaces) > 0 { // it may go while it is watched, and come back
				c.checkNamespace(ctx, c.part(WhatPods, namespace))
			}
		},
	})
}

// followAllowed is for a user who may not list all pods: it follows the pods of each namespace, as they come
// and go, or of the one that is left. It ends after a while, for rights change.
func (c *Counter) followAllowed(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*c.follower.Relist())
	defer cancel()
	updates := c.part(WhatUpdates, "")
	c.follower.Ended(&updates.Feed)
	c.beginParts(updates)
	defer c.endParts(updates)
	names, err := c.namespaces(ctx)
	switch {
	case kube.ReasonOf(err) == kube.Forbidden:
		ctx, cancel := context.WithTimeout(ctx, 6*c.follower.Relist())
		defer cancel()
		names := c.ownAndCounted(err)
		c.update(func() { updates.Read = false }) // each tells of itself
		side(names, func(namespace string) { c.followNamespace(ctx, namespace) })
		<-ctx.Done()
	case err != nil:
		c.fail(WhatNamespaces, "", err)
		_ = kube.Sleep(ctx, c.follower.Relist())
	default:
		c.followNamespaces(ctx, names, updates)
	}
}

// ownAndCounted makes parts of the one namespace that is left when neither namespaces nor all pods may be listed, and of those whose
// pods had been counted: that is shown, with its time, until the rights are back.
func (c *Counter) ownAndCounted(cause error) []string {
	names := c.own(cause)
	own := len(names)
	c.update(func() {
		for key, p := range c.parts {
			if key.what == WhatPods && key.namespace != "" && p.Read && !slices.Contains(names, key.namespace) {
				names = append(names, key.namespace)
			}
		}
	})
	c.setParts(names)
	if len(names) > own { // there are numbers of others
		c.fail(WhatNamespaces, "", cause)
	}
	return names
}

// beginParts makes what is known of each namespace as old as what is known of all, which had kept it up to date, but for those that
// could not be listed: of these the watch has not brought all. What others bring from then on makes none of it younger.
func (c *Counter) beginParts(updates *part) {
	ages := map[*part]time.Time{}
	c.update(func() {
		for key, p := range c.parts {
			if key.what == WhatPods && p.Read {
				if ages[p] = p.At; updates.Read && p.err == nil && updates.At.After(p.At) {
					ages[p] = updates.At
				}
			}
		}
	})
	for p := range ages {
		c.follower.Ended(&p.Feed)
	}
	c.update(func() {
		for p, at := range ages {
			p.At = at
		}
	})
}

// endParts makes all pods as old as those of the namespace that is the oldest: that is shown until all are listed again.
func (c *Counter) endParts(updates *part) {
	c.follower.Ended(&updates.Feed)
	c.update(func() {
		var oldest time.Time
		for key, p := range c.parts {
			if key.what == WhatPods && p.Read && (oldest.IsZero() || p.At.Before(oldest)) {
				oldest = p.At
			}
		}
		if !oldest.IsZero() {
			updates.known(oldest)
		}
	})
}

// followNamespaces follows the namespaces, and the pods of each, which tells of itself, in place of the updates of all.
func (c *Counter) followNamespaces(ctx context.Context, names []string, updates *part) {
	followed := followedNamespaces{counter: c, updates: updates, ends: map[string]func(){}}
	set := func(names []string) { followed.set(ctx, names) } // they outlive the list that names them
	c.follow(ctx, c.part(WhatNamespaces, ""), kube.Stream{
		All: allNamespaces,
		List: func(ctx context.Context) (string, error) {
			list, version, err := c.namespacesAt(ctx)
			if err != nil {
				c.fail(WhatNamespaces, "", err)
				return "", err
			}
			names = list
			set(names)
			return version, nil
		},
		Open: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.watch(ctx, "namespaces", "", o)
		},
		Apply: func(e watch.Event) {
			namespace, ok := e.Object.(*corev1.Namespace)
			if !ok {
				return
			}
			names = slices.DeleteFunc(names, func(name string) bool { return name == namespace.Name })
			if e.Type != watch.Deleted {
				names = append(names, namespace.Name)
			}
			set(names)
		},
	})
	followed.all.Wait()
}

// followedNamespaces are those whose pods are followed, each by itself, and how that ends.
type followedNamespaces struct {
	counter *Counter
	updates *part
	ends    map[string]func()
	all     sync.WaitGroup
}

// set makes these the ones that are followed. What follows another has ended before its part is dropped, or a late event, or
// a list that ends with it, would begin that part anew.
func (f *followedNamespaces) set(ctx context.Context, names []string) {
	for name, end := range f.ends {
		if !slices.Contains(names, name) {
			end()
			delete(f.ends, name)
		}
	}
	f.counter.setParts(names)
	for _, name := range names {
		if f.ends[name] == nil {
			f.ends[name] = f.follow(ctx, name)
		}
	}
	f.counter.update(func() { f.updates.Read = false })
}

// follow follows a namespace until the function that it returns is called, which waits for it.
func (f *followedNamespaces) follow(ctx context.Context, name string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	f.all.Go(func() {
		defer close(ended)
		f.counter.followNamespace(ctx, name)
	})
	return func() {
		cancel()
		<-ended
	}
}

// poll is for a user who may list all pods and not watch them: it lists them again and again, until they may
// be watched, or not even listed any more.
func (c *Counter) poll(ctx context.Context) {
	defer c.update(func() { c.partLocked(WhatUpdates, "").err = nil }) // the list that follows tells
	c.follower.Limited(ctx, c.listRest)
	for refused := false; !refused && kube.Sleep(ctx, c.follower.Relist()) == nil; {
		version, err := c.listInstead(ctx)
		if refused = kube.ReasonOf(err) == kube.Forbidden; version == "" {
			continue
		}
		w, err := c.watch(ctx, "pods", "", podOptions(metav1.ListOptions{ResourceVersion: version}))
		if err == nil {
			w.Stop()
		}
		if kube.ReasonOf(err) != kube.Forbidden {
			return
		}
		c.follower.Failed(&c.part(WhatUpdates, "").Feed, err)
	}
}

// listInstead lists all pods in place of a watch. Rows are shown together with their details: older ones would say of them what
// was, and nothing of pods that are new. It returns the version to watch from.
func (c *Counter) listInstead(ctx context.Context) (version string, err error) {
	p, began := &part{what: WhatPods}, time.Now()
	c.follower.Limited(ctx, func(ctx context.Context) { version, err = c.readPods(ctx, p, "None", 0, false) })
	if err != nil {
		c.update(func() { c.partLocked(WhatUpdates, "").err = podsError("", err) })
		return "", err
	}
	detailed := time.Now()
	var details []detail
	var failed error
	c.follower.Limited(ctx, func(ctx context.Context) { details, failed = c.readDetails(ctx, "") })
	c.update(func() {
		updates := c.partLocked(WhatUpdates, "")
		updates.known(began)
		c.follower.Listed(&updates.Feed, began)
		p.complete(version, false, updates.At)
		maps.DeleteFunc(c.parts, func(key partKey, _ *part) bool { return key.what == WhatPods })
		c.parts[partKey{WhatPods, ""}] = p
		if c.options.details() {
			c.setDetails("", details, failed, detailed, map[*part]int{p: p.lists})
		}
	})
	return version, nil
}

// mend lists again what could not be listed while the rest is watched.
func (c *Counter) mend(ctx context.Context) {
	var failed []string
	details := false
	c.update(func() {
		for key, p := range c.parts {
			if key.what == WhatPods && p.err != nil {
				failed = append(failed, key.namespace)
			}
			details = details || key.what == WhatDetails && p.err != nil
		}
	})
	sideWhileServed(ctx, failed, func(ctx context.Context, namespace string) error { return c.listNamespace(ctx, namespace, true) })
	if details || len(failed) > 0 {
		c.listAllDetails(ctx)
	}
}

func (c *Counter) watchPods(namespace string) func(context.Context, metav1.ListOptions) (watch.Interface, error) {
	return func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		return c.watch(ctx, "pods", namespace, podOptions(o))
	}
}

// podOptions are for pods that have not ended. The server sends DELETED when a pod ends, as the selector then
// no longer holds.
func podOptions(o metav1.ListOptions) metav1.ListOptions {
	o.FieldSelector = unfinished
	return o
}

// nodeLost is the reason of a pod's status for which kubectl prints Unknown though the pod is being deleted (table.go).
const nodeLost = "NodeLost"

// applyPod brings the part of a pod's namespace up to date; the namespace may be new.
func (c *Counter) applyPod(e watch.Event) {
	p, ok := e.Object.(*corev1.Pod)
	if !ok {
		return
	}
	change := event{
		pod: pod{
			name: p.Name, node: p.Spec.NodeName, terminating: p.DeletionTimestamp != nil && p.Status.Reason != nodeLost, event: true,
			pending: p.Status.Phase == corev1.PodPending && p.Spec.NodeName != "",
			flux:    fluxController(p.Labels["app"]),
		},
		there: e.Type != watch.Deleted, version: p.ResourceVersion,
	}
	c.update(func() {
		part := c.partLocked(WhatPods, p.Namespace)
		if !part.Read && !part.listing && part.err == nil {
			part.complete("", true, time.Now()) // what this watch has brought is all of it
			part.detailed = part.lists          // and its events have the details
		}
		part.apply(change)
	})
}
