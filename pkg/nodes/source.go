package nodes

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
)

// listWatch is what an informer lists and watches with. It never does WatchList: the bookmark that
// ends such a list can be lost behind proxies, and an informer then waits for minutes.
type listWatch struct {
	list  func(context.Context) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

var _ cache.ListerWatcherWithContext = (*listWatch)(nil)

// IsWatchListSemanticsUnSupported tells the reflector not to ask for WatchList.
func (*listWatch) IsWatchListSemanticsUnSupported() bool { return true }

// List is a part of cache.ListerWatcher.
func (l *listWatch) List(metav1.ListOptions) (runtime.Object, error) {
	return l.list(context.Background())
}

// Watch is a part of cache.ListerWatcher.
func (l *listWatch) Watch(o metav1.ListOptions) (watch.Interface, error) {
	return l.watch(context.Background(), o)
}

// ListWithContext lists everything as it is now, whatever the options say: always the newest, never
// in the reflector's pages.
func (l *listWatch) ListWithContext(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
	return l.list(ctx)
}

// WatchWithContext is a part of cache.ListerWatcherWithContext.
func (l *listWatch) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	return l.watch(ctx, o)
}

// podSource lists and watches pods for the informer, again and again, and knows how complete that is.
type podSource struct {
	lister   *lister
	client   corev1client.PodsGetter
	deadline time.Duration // of one list
	known    func() []*Pod // what the informer has
	changed  func()

	versions    versions
	interrupted *interruption

	mu     sync.Mutex
	ledger *ledger // of the last list
	perNS  bool    // all pods at once may not be watched
}

// list lists until something could be listed.
func (s *podSource) list(ctx context.Context) (runtime.Object, error) {
	for {
		led := newLedger()
		s.setLedger(led)
		limited, cancel := context.WithTimeout(ctx, s.deadline)
		all := s.lister.run(limited, led)
		cancel()
		s.changed()
		if len(all.versions) > 0 {
			s.versions.reset(all.versions)
			return &podList{
				ListMeta: metav1.ListMeta{ResourceVersion: all.oldest()},
				Items:    append(all.pods, s.stillKnown(all)...),
			}, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(s.lister.q.limits.Relist / 4):
		}
	}
}

// stillKnown are the pods of the namespaces that could not be listed this time: an old number is
// better than none, and the ledger says that they are missing.
func (s *podSource) stillKnown(all *listing) []*Pod {
	if _, everything := all.versions[""]; everything {
		return nil
	}
	missing := map[string]bool{}
	for _, m := range s.count().Missing {
		if m.What == WhatPods && m.Reason != ReasonForbidden {
			missing[m.Namespace] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var kept []*Pod
	for _, p := range s.known() {
		if missing[p.Namespace] {
			kept = append(kept, p)
		}
	}
	return kept
}

func (s *podSource) setLedger(led *ledger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger = led
}

// count is what the last list knows.
func (s *podSource) count() Count {
	s.mu.Lock()
	led := s.ledger
	s.mu.Unlock()
	if led == nil {
		return Count{AtLeast: true, Counting: true}
	}
	return led.count()
}

// watch goes on from the last list, or from where the last watch ended.
func (s *podSource) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	w, err := reopen(ctx, s.interrupted.note, func() (watch.Interface, error) { return s.open(ctx, o) })
	if err != nil {
		return nil, err
	}
	if s.perNS {
		w = expiring(ctx, w, 6*s.lister.q.limits.Relist) // there may be new namespaces
	}
	for _, m := range s.count().Missing {
		if m.What == WhatPods && m.Reason != ReasonForbidden {
			w = expiring(ctx, w, s.lister.q.limits.Relist)
			break
		}
	}
	return s.interrupted.over(w), nil
}

func (s *podSource) open(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	namespaces := s.versions.namespaces()
	if len(s.lister.scope) == 0 && !s.perNS {
		w, err := s.client.Pods("").Watch(ctx, watchOptions(o, o.ResourceVersion))
		if err == nil {
			return watch.Filter(w, s.versions.podEvent), nil
		}
		if reasonFor(err) != ReasonForbidden || len(namespaces) == 1 && namespaces[0] == "" {
			return nil, err
		}
		s.perNS = true
	}
	m := newMerged(ctx)
	for _, namespace := range namespaces {
		w, err := s.client.Pods(namespace).Watch(m.ctx, watchOptions(o, s.versions.of(namespace)))
		if err != nil {
			m.stop()
			return nil, err
		}
		m.add(namespace, w, &s.versions)
	}
	m.run()
	return m, nil
}
