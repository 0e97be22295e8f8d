package nodes

import (
	"io"
	"sync"
	"time"
)

// watchdog gives a request up when its answer stops coming. A request that waits for its first byte
// while others are answered may be queued by a busy server: it gets three times as long, for asking
// again would make the queue longer.
type watchdog struct {
	q      *requester
	giveUp func(error)
	start  time.Time

	mu       sync.Mutex
	timer    *time.Timer
	answered bool
}

func (q *requester) newWatchdog(giveUp func(error)) *watchdog {
	w := &watchdog{q: q, giveUp: giveUp, start: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(q.limits.Stall, w.bark)
	return w
}

func (w *watchdog) bark() {
	w.mu.Lock()
	defer w.mu.Unlock()
	stall := w.q.limits.Stall
	silent := time.Since(time.Unix(0, w.q.heard.Load())) >= stall
	if !silent && !w.answered && time.Since(w.start) < 3*stall {
		w.timer.Reset(stall)
		return
	}
	if silent {
		w.q.dialer.CloseAll()
	}
	w.giveUp(errStalled)
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
}

// heard notes that something arrived, and waits anew.
func (w *watchdog) heard() {
	w.q.heard.Store(time.Now().UnixNano())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	w.timer.Reset(w.q.limits.Stall)
}

// heardReader tells the watchdog of everything that arrives.
type heardReader struct {
	io.Reader
	dog *watchdog
}

// Read implements io.Reader.
func (h heardReader) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.dog.heard()
	}
	return n, err
}
