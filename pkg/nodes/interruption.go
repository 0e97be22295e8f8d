package nodes

import (
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// interruption knows why a watch does not run: what was counted may be old meanwhile.
type interruption struct {
	changed func()

	mu  sync.Mutex
	err error // nil while the watch runs
}

// errWatchEnded says that no watch runs: the last one ended, and the reflector pauses before it goes on,
// for up to 30 s where that happens again and again.
var errWatchEnded = errors.New("the watch ended and begins again")

// cause is why the watch does not run; nil while it does, or has never run.
func (i *interruption) cause() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.err
}

// note takes what became of opening a watch.
func (i *interruption) note(err error) {
	i.mu.Lock()
	same := (i.err == nil) == (err == nil)
	if i.err = err; err != nil && !isGone(err) && !canRetry(err) {
		i.err = nil // another kind of watch is tried, or lists take its place
	}
	i.mu.Unlock()
	if !same {
		i.changed()
	}
}

// noteEnd notes that a watch ended. Most begin again at once, so it is news only after a second.
func (i *interruption) noteEnd() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.err = errWatchEnded
		time.AfterFunc(time.Second, i.changed)
	}
}

// over makes a watch tell when it is over: a reflector stops each watch, also one that ended by itself.
func (i *interruption) over(w watch.Interface) watch.Interface { return endNoted{w, i.noteEnd} }

type endNoted struct {
	watch.Interface
	ended func()
}

// Stop is a part of watch.Interface.
func (w endNoted) Stop() {
	w.Interface.Stop()
	w.ended()
}
