package kube

import (
	"context"
	"slices"
	"sync"
)

// seats limits how many requests run at a time; API Priority and Fairness has the word for their places. A
// server that answers "too many requests" halves the limit; each request that goes well afterwards raises it
// a little, up to where it began.
type seats struct {
	mu      sync.Mutex
	most    float64
	limit   float64
	running int
	waiting []chan struct{}
}

func newSeats(limit int) *seats { return &seats{most: float64(limit), limit: float64(limit)} }

// enter waits for a place; who is urgent is the next to get one.
func (s *seats) enter(ctx context.Context, urgent bool) error {
	s.mu.Lock()
	if float64(s.running+1) <= s.limit {
		s.running++
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	at := len(s.waiting)
	if urgent {
		at = 0
	}
	s.waiting = slices.Insert(s.waiting, at, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.abandon(turn)
		return context.Cause(ctx)
	}
}

// abandon leaves the queue. A turn that came at the same moment goes to the next.
func (s *seats) abandon(turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, w := range s.waiting {
		if w == turn {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			return
		}
	}
	s.running--
	s.wake()
}

func (s *seats) leave(throttled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if throttled {
		s.limit = max(1, s.limit/2)
	} else {
		s.limit = min(s.most, s.limit+1/s.limit)
	}
	s.wake()
}

func (s *seats) wake() {
	for len(s.waiting) > 0 && float64(s.running+1) <= s.limit {
		s.running++
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
}
