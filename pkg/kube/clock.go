package kube

import (
	"net/http"
	"sync"
	"time"
)

// clock knows how far the API server's clock is ahead of this machine's, as the Date of its answers tells. What objects' statuses
// and managedFields say is by the cluster's clocks.
type clock struct {
	mu sync.Mutex
	// It is least ahead at least, and most at most.
	least, most time.Duration
	known       bool
}

// ahead is the least that agrees with what was said: 0 where the clocks may be the same, and until something was said.
func (c *clock) ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(max(0, c.least), c.most)
}

// note takes in the Date of an answer, which was written to the second at some time after the request was sent and before the
// answer was there. Many answers tell more exactly than one. Where they contradict each other, a clock was set: the last one counts.
func (c *clock) note(date string, sent, there time.Time) {
	at, err := http.ParseTime(date)
	if err != nil { // there is none, or a gateway's own
		return
	}
	least, most := at.Sub(there), at.Add(time.Second).Sub(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && least <= c.most && most >= c.least {
		least, most = max(least, c.least), min(most, c.most)
	}
	c.least, c.most, c.known = least, most, true
}

// dated is a transport that notes the Date of each answer.
type dated struct {
	behind http.RoundTripper
	clock  *clock
}

// WrappedRoundTripper gives client-go what is behind, as its own transports do.
func (t dated) WrappedRoundTripper() http.RoundTripper { return t.behind }

// RoundTrip implements http.RoundTripper.
func (t dated) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := time.Now()
	response, err := t.behind.RoundTrip(request)
	if err == nil {
		t.clock.note(response.Header.Get("Date"), sent, time.Now())
	}
	return response, err
}

// Ahead is how far the API server's clock is ahead of this machine's, to about a second; less than 0 where it is behind.
func (c *Client) Ahead() time.Duration { return c.clock.ahead() }
