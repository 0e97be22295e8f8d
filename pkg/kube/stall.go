package kube

import (
	"errors"
	"io"
	"sync"
	"time"
)

// errStalled is a request whose answer stopped coming.
var errStalled = errors.New("the server stopped sending")

// stall gives a request up when its answer stops coming, or does not begin (Limits.Stall). It waits from when the request goes
// out: a plugin that asks a person to log in is no server.
type stall struct {
	client *Client
	giveUp func(error)
	start  time.Time

	mu       sync.Mutex
	timer    *time.Timer
	answered bool
	stopped  bool
}

func (c *Client) newStall(giveUp func(error)) *stall {
	return &stall{client: c, giveUp: giveUp}
}

// begin notes that the request goes out.
func (s *stall) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil && !s.stopped {
		s.start, s.timer = time.Now(), time.AfterFunc(s.client.limits.Stall, s.expire)
	}
}

func (s *stall) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.client.limits.Stall
	silent, waits := s.client.Silent() >= limit, 3*limit
	if silent {
		waits = 2 * limit
	}
	if !s.answered && time.Since(s.start) < waits {
		s.timer.Reset(limit)
		return
	}
	if silent {
		s.client.dialer.CloseAll()
	}
	if s.answered {
		s.giveUp(errStalled)
	} else {
		s.giveUp(errSilent)
	}
}

func (s *stall) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped = true; s.timer != nil {
		s.timer.Stop()
	}
}

// arrived notes that a part of the answer is there, and waits anew.
func (s *stall) arrived() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = true
	if s.timer != nil && !s.stopped {
		s.timer.Reset(s.client.limits.Stall)
	}
}

// stallReader tells of everything that arrives.
type stallReader struct {
	io.Reader
	stall *stall
}

// Read implements io.Reader.
func (r stallReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.stall.arrived()
	}
	return n, err
}
