package kube

import (
	"context"
	"errors"
	"fmt"
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
	if s.answered {
		s.giveUp(errStalled)
	} else {
		s.giveUp(errSilent)
	}
	if silent { // after that: who reads would be told that the connection is closed, and not why
		s.client.dialer.CloseAll()
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

// tooLong is a try that took longer than Limits.Request.
type tooLong struct{ limit time.Duration }

// Error implements error.
func (e tooLong) Error() string {
	return fmt.Sprintf("no complete answer to a request within %s: --request-timeout gives it more", e.limit)
}

// Is makes it an answer that broke off, for ReasonOf and Retryable.
func (tooLong) Is(target error) bool { return target == io.ErrUnexpectedEOF }

// because is why a request failed whose time was over during a try: not the server alone, where a limit had ended the try before.
func because(err, before error) error {
	if limit := (tooLong{}); errors.As(before, &limit) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return fmt.Errorf("%w: %w", err, limit)
	}
	return err
}
