package cmd

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// secondSignal is how long after the first signal another one counts. What sends a signal twice at once, as timeout(1) does
// to a process and to its group, has sent one.
const secondSignal = 500 * time.Millisecond

// interrupts know when the first signal came that ends the program in good order.
type interrupts struct {
	mu    sync.Mutex
	first time.Time
}

// ending are the signals that end the program in good order.
func ending() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} }

// again notes a signal, and tells whether it is another one than the first.
func (i *interrupts) again(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.first.IsZero() {
		i.first = now
		return false
	}
	return now.Sub(i.first) >= secondSignal
}

// second returns a context that outlives ctx and ends at the second signal, which does not end the program as long as stop
// is not called; a third one does.
func (i *interrupts) second(ctx context.Context) (late context.Context, stop context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	came := make(chan os.Signal, 1)
	signal.Notify(came, ending()...)
	go func() {
		defer signal.Stop(came)
		for {
			select {
			case <-late.Done():
				return
			case <-came:
				if i.again(time.Now()) {
					cancel()
				}
			}
		}
	}()
	return late, func() { signal.Stop(came); cancel() }
}

// outliveReaders keeps the program from being ended when nobody reads what it prints any more, as after a Ctrl-C that also
// ends a tee behind it: the print fails instead, and what is under way comes to its end (os/signal, "SIGPIPE").
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// outlive does so for a command that writes; others end with their readers.
func (r *root) outlive() {
	if r.OutliveReaders != nil {
		r.OutliveReaders()
	}
}

// insisted is a context that outlives ctx and ends when the user interrupts once more.
func (r *root) insisted(ctx context.Context) (late context.Context, stop context.CancelFunc) {
	if r.Insisted == nil {
		return context.WithCancel(context.WithoutCancel(ctx))
	}
	return r.Insisted(ctx)
}
