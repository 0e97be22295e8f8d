package nodes

import (
	"context"
	"sync"
)

// gate limits how many requests run at a time. A server that answers "too many requests" halves the
// limit; each request that goes well afterwards raises it a little, up to where it began.
type gate struct {
	mu      sync.Mutex
	most    float64
	limit   float64
	running int
	waiting []chan struct{}
}

func newGate(limit int) *gate { return &gate{most: float64(limit), limit: float64(limit)} }

func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	if float64(g.running+1) <= g.limit {
		g.running++
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		g.abandon(turn)
		return context.Cause(ctx)
	}
}

// abandon leaves the queue. A turn that came at the same moment goes to the next.
func (g *gate) abandon(turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == turn {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return
		}
	}
	g.running--
	g.wake()
}

func (g *gate) leave(throttled bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	if throttled {
		g.limit = max(1, g.limit/2)
	} else {
		g.limit = min(g.most, g.limit+1/g.limit)
	}
	g.wake()
}

func (g *gate) wake() {
	for len(g.waiting) > 0 && float64(g.running+1) <= g.limit {
		g.running++
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
	}
}
