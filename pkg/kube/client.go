// Package kube asks an API server: one request, tried again where that can help, or a collection page
// by page, compressed where the server does that, and read as it arrives. It stands below the packages
// that know what they ask for, and knows none of it.
//
//	Client.List   a list in one answer, read as it arrives
//	Client.Pages  a collection, page by page
//	Client.Object one object
//	Items         a collection's items, made of their JSON
//	Follower      what is listed and then watched, and as of when it is known
//	ReasonOf      why it failed, in classes that a user can act on
package kube

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// Accept headers. A server, or a proxy before it, that knows no Tables or no protobuf answers with plain
// objects in JSON.
const (
	AcceptJSON     = "application/json"
	AcceptTable    = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
	AcceptMetadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
	AcceptProtobuf = "application/vnd.kubernetes.protobuf,application/json"
)

// Limits of requests. The zero value of a field means its default.
type Limits struct {
	// Requests is how many run at a time, 48 by default. With 8, 100 ms of round trip made 30,000 pods in
	// 100 namespaces take 1.8 s instead of 0.7 s; without latency it makes no difference.
	Requests int
	// Request is the longest time for one try of one request; by default that of the rest.Config, whose
	// default is none.
	Request time.Duration
	// Stall is how long an answer may bring nothing before the request is given up, 10s by default. Before it begins that is
	// twice as long, and three times while others are answered: a busy API server has a request wait for a quarter of its
	// --request-timeout of a minute before it refuses it (k8s.io/apiserver, server/config.go, WithPriorityAndFairness), and
	// who asks again goes back to the end of the queue.
	Stall time.Duration
	// Tries per request, 6 by default; answers with a Retry-After do not count.
	Tries int
	// Backoff is the pause before the second try, 100ms by default; it doubles up to 2s.
	Backoff time.Duration
	// Patience is how long a request waits in all because the server asks it to come back later (its
	// Retry-After), one minute by default.
	Patience time.Duration
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Requests, 48)
	setDefault(&l.Stall, 10*time.Second)
	setDefault(&l.Tries, 6)
	setDefault(&l.Backoff, 100*time.Millisecond)
	setDefault(&l.Patience, time.Minute)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Client asks one API server. It has no rate limit of its own: the server's priority and fairness decides,
// and its 429 makes fewer requests run at a time. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	timeout time.Duration
	plugin  *plugin // for the credentials, nil where the kubeconfig has none
	base    *url.URL
	warn    rest.WarningHandler
	// dialer knows the open connections, to close those that went silent: a new request would
	// otherwise be sent over the same dead HTTP/2 connection.
	dialer *connrotation.Dialer
	seats  *seats
	limits Limits
	*hearing

	opening   chan struct{} // of one: who opens the first connection
	connected atomic.Bool
	refused   atomic.Pointer[refusal]
	latency   atomic.Int64
	clock     clock
}

// hearing is apart from the Client: client-go keeps the function that dials for ever where that keeps the transport
// (transport/cache.go, the cleanup's key).
type hearing struct {
	made time.Time
	// heard is when any connection last brought something: a time.Duration since made, which no clock that is set changes.
	heard atomic.Int64
}

// New prepares a client; it sends no request. The configuration's rate limits do not apply.
func New(config *rest.Config, limits Limits) (*Client, error) {
	setDefault(&limits.Request, config.Timeout)
	c := &Client{hearing: &hearing{made: time.Now()}, timeout: config.Timeout, warn: config.WarningHandler, limits: limits.withDefaults()}
	if config.ExecProvider != nil || config.AuthProvider != nil {
		c.plugin = newPlugin()
	}
	c.seats, c.opening = newSeats(c.limits.Requests), make(chan struct{}, 1)
	config = rest.CopyConfig(config)
	config.Timeout = 0 // watches and the limits here decide
	if config.Dial == nil {
		config.Dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext // client-go's own
	}
	dial, hearing := config.Dial, c.hearing
	c.dialer = connrotation.NewDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return heardConn{conn, hearing}, nil
	})
	config.Dial = c.dialer.DialContext
	var err error
	if c.http, err = rest.HTTPClientFor(config); err != nil {
		return nil, fmt.Errorf("preparing the connection: %w", err)
	}
	tellProxies(c.http.Transport)
	c.http = &http.Client{Transport: abandoning{dated{c.http.Transport, &c.clock}, c.plugin}, CheckRedirect: unfollowed} // whose Timeout is none
	if c.base, _, err = rest.DefaultServerUrlFor(config); err != nil {
		return nil, fmt.Errorf("reading the server's address: %w", err)
	}
	return c, nil
}

// heardConn notes when something arrives.
type heardConn struct {
	net.Conn
	*hearing
}

// Read implements net.Conn.
func (c heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard.Store(int64(time.Since(c.made)))
	}
	return n, err
}

// Request is what to GET.
type Request struct {
	// Path behind the server's address: "/api/v1/pods".
	Path  string
	Query url.Values
	// Accept is the header; empty means AcceptJSON.
	Accept string
	// Kind of the object that is asked for, or of those of the list: "Pod"; empty is any. An answer of another kind is an error.
	Kind string
	// Unversioned: the list may have no version. Metrics are computed for each request, and have none.
	Unversioned bool
	// Tries, when not 0, is Limits.Tries for this request.
	Tries int
	// Urgent: it goes before those that wait for others to end (Limits.Requests).
	Urgent bool
}

// get sends a request until it was answered and read without error, the tries or the patience are used up,
// ctx ends, or the error is one that another try cannot mend (Retryable). It calls read once for each try
// that got an answer.
func (c *Client) get(ctx context.Context, r Request, read func(io.Reader) error) error {
	told := time.Duration(0)
	setDefault(&r.Tries, c.limits.Tries)
	var before error // of the last try
	for try := 1; ; {
		if err := c.seats.enter(ctx, r.Urgent); err != nil {
			return err
		}
		err := c.once(ctx, r, read)
		c.seats.leave(apierrors.IsTooManyRequests(err))
		if err == nil || !Retryable(err) || try == r.Tries {
			return because(err, before)
		}
		before = err
		pause := RetryAfter(err)
		if pause > 0 {
			if told += pause; told > c.limits.Patience {
				return err
			}
		} else {
			pause = Backoff(c.limits.Backoff, try)
			pause = pause/2 + rand.N(pause) // many requests that failed together do not come back together
			try++                           // who asks to come back later is not out of order
		}
		if cause := Sleep(ctx, pause); cause != nil {
			return fmt.Errorf("%w, while waiting to try again after: %w", cause, err)
		}
	}
}

// maxRaw is how many bytes an answer may have that is read whole. Metrics come through proxies from pods that anybody may have
// labelled as a controller's; the largest schemas have some 10 MB.
const maxRaw = 128 << 20

// Raw asks for what is neither an object nor a list, whole: a version, a schema, metrics. More than maxRaw bytes are an error.
func (c *Client) Raw(ctx context.Context, r Request) ([]byte, error) {
	var data []byte
	err := c.get(ctx, r, func(body io.Reader) (err error) {
		data, err = ReadAtMost(body, maxRaw)
		return err
	})
	return data, err
}

// ReadAtMost reads a body of at most so many bytes whole; a longer one is an error.
func ReadAtMost(body io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if int64(len(data)) > most {
		return nil, fmt.Errorf("the answer has more than %d bytes", most)
	}
	return data, err
}

// Backoff is how long to wait after a try that failed, the first being 1: first, doubled each time, 2 s at
// most.
func Backoff(first time.Duration, try int) time.Duration {
	return min(first<<min(try-1, 10), 2*time.Second)
}

// Sleep waits, or returns why ctx ended first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (c *Client) noteLatency(took time.Duration) {
	if before := c.latency.Load(); before == 0 || int64(took) < before {
		c.latency.Store(int64(took)) // of two at the same time either will do
	}
}

// Latency is the shortest time that an answer took to begin, 0 before the first.
func (c *Client) Latency() time.Duration { return time.Duration(c.latency.Load()) }

// AsksPlugin tells whether the kubeconfig has a credential plugin that is asked just now, or has never answered: it may ask the
// user, on the same terminal. It does not tell of one that is asked because the server has refused what it had brought before,
// until the next request.
func (c *Client) AsksPlugin() bool { return c.plugin.busy() }

// Silent is how long no connection has brought anything, since the client was made.
func (c *Client) Silent() time.Duration { return time.Since(c.made) - time.Duration(c.heard.Load()) }
