package nodes

import (
	"context"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// Between these a watch that could not be opened is tried again: soon, for a live table should not
// lag behind, as the reflector's own pauses of up to 30 s would make it.
const (
	firstReopen = 200 * time.Millisecond
	lastReopen  = 2 * time.Second
)

// reopen calls open until it works or fails for a reason that time does not mend. Every outcome is
// told to note.
func reopen(ctx context.Context, note func(error), open func() (watch.Interface, error)) (watch.Interface, error) {
	for pause := firstReopen; ; pause = min(2*pause, lastReopen) {
		w, err := open()
		note(err)
		if err == nil || !canRetry(err) {
			return w, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// versions remembers up to which resourceVersion each namespace's pods are known. A watch begins at
// the oldest of them, so it brings events that younger lists contain already: those are dropped, or a
// pod could for a moment go back in time.
type versions struct {
	mu sync.Mutex
	by map[string]string
}

func (v *versions) reset(by map[string]string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.by = by
}

func (v *versions) namespaces() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var names []string
	for name := range v.by {
		names = append(names, name)
	}
	return names
}

func (v *versions) of(namespace string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if version, ok := v.by[namespace]; ok {
		return version
	}
	return v.by[""]
}

func (v *versions) advance(namespace, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.by[namespace] = version
}

// podEvent turns a typed event into one of the informer's, and tells whether it is news.
func (v *versions) podEvent(e watch.Event) (watch.Event, bool) {
	pod, ok := e.Object.(*corev1.Pod)
	if !ok {
		return e, true // an error's Status
	}
	slim := slimPod(pod)
	e.Object = slim
	if e.Type == watch.Bookmark {
		return e, true
	}
	return e, !newerOrSame(v.of(slim.Namespace), slim.resourceVersion)
}

func newerOrSame(a, b string) bool { return a != "" && (a == b || newer(a, b)) }

// merged is one watch made of one for each namespace, for users who may not watch all. It ends as
// soon as one of them ends; what each has brought is remembered, so none misses anything.
type merged struct {
	result chan watch.Event
	ctx    context.Context
	stop   context.CancelFunc
	parts  sync.WaitGroup
}

func newMerged(ctx context.Context) *merged {
	m := &merged{result: make(chan watch.Event)}
	m.ctx, m.stop = context.WithCancel(ctx)
	return m
}

// Stop is a part of watch.Interface.
func (m *merged) Stop() { m.stop() }

// ResultChan is a part of watch.Interface.
func (m *merged) ResultChan() <-chan watch.Event { return m.result }

func (m *merged) add(namespace string, w watch.Interface, v *versions) {
	m.parts.Go(func() {
		defer m.stop()
		defer w.Stop()
		for {
			select {
			case <-m.ctx.Done():
				return
			case e, ok := <-w.ResultChan():
				if !ok {
					return
				}
				version := ""
				if pod, isPod := e.Object.(*corev1.Pod); isPod {
					version = pod.ResourceVersion
				}
				out, news := v.podEvent(e)
				if news && e.Type != watch.Bookmark {
					select {
					case m.result <- out:
					case <-m.ctx.Done():
						return
					}
				}
				if version != "" {
					v.advance(namespace, version)
				}
			}
		}
	})
}

// run closes the result when all parts have ended.
func (m *merged) run() {
	go func() {
		m.parts.Wait()
		close(m.result)
	}()
}

// expiring ends a watch after a while with the error that makes a reflector list again.
func expiring(ctx context.Context, w watch.Interface, after time.Duration) watch.Interface {
	m := newMerged(ctx)
	m.parts.Go(func() {
		defer w.Stop()
		expired := time.After(after)
		for {
			var e watch.Event
			var ok bool
			select {
			case <-m.ctx.Done():
				return
			case <-expired:
				e, ok = watch.Event{Type: watch.Error, Object: expiredStatus()}, true
			case e, ok = <-w.ResultChan():
			}
			if !ok {
				return
			}
			select {
			case m.result <- e:
			case <-m.ctx.Done():
				return
			}
		}
	})
	m.run()
	return m
}

func expiredStatus() runtime.Object {
	status := apierrors.NewResourceExpired("time to list again what could not be listed").Status()
	return &status
}

// watchOptions are a reflector's, for pods that have not ended. The server sends DELETED when a pod
// ends, as the selector then no longer holds.
func watchOptions(o metav1.ListOptions, version string) metav1.ListOptions {
	o.FieldSelector = unfinished
	o.ResourceVersion = version
	o.ResourceVersionMatch = ""
	o.SendInitialEvents = nil
	return o
}

func isGone(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.ReasonForError(err) == metav1.StatusReason(http.StatusText(http.StatusGone))
}
