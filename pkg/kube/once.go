package kube

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// once is one try.
func (c *Client) once(ctx context.Context, r Request, read func(io.Reader) error) error {
	try, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.limits.Request > 0 {
		limit := time.AfterFunc(c.limits.Request, func() { cancel(tooLong{c.limits.Request}) })
		defer limit.Stop()
	}
	stall := c.newStall(cancel)
	defer stall.stop()
	err := c.exchange(try, r, stall.begin, func(body io.Reader) error { return read(stallReader{body, stall}) })
	if err != nil && context.Cause(try) != nil && !isCredentials(err) {
		// The limits of one try are worth another one, the caller's own end is not.
		return context.Cause(try)
	}
	return err
}

func (c *Client) exchange(ctx context.Context, r Request, begun func(), read func(io.Reader) error) error {
	target := c.base.JoinPath(r.Path)
	target.RawQuery = r.Query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	setDefault(&r.Accept, AcceptJSON)
	request.Header.Set("Accept", r.Accept)
	response, err := c.send(request, begun)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	c.handleWarnings(response.Header)
	if response.StatusCode != http.StatusOK {
		return statusError(response)
	}
	return read(response.Body)
}

// send lets one request open the connection, and ask the user's credential plugin, while others wait: each
// would open one of its own, before it is known that HTTP/2 shares one. An error that comes before a
// connection was asked for is one of the credentials. Begun is called when the connection is asked for.
func (c *Client) send(request *http.Request, begun func()) (*http.Response, error) {
	release := func() {}
	if !c.connected.Load() {
		select {
		case c.opening <- struct{}{}:
			release = sync.OnceFunc(func() { <-c.opening })
		case <-request.Context().Done():
			return nil, context.Cause(request.Context())
		}
	}
	defer func() { release() }()
	if refused := c.refused.Load(); refused != nil && time.Since(refused.at) < credentialsFor {
		return nil, refused.err
	}
	var asked atomic.Bool // what is abandoned may still ask
	var sent atomic.Int64 // since the client was made; the answer begins on another goroutine
	trace := &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true); begun() },
		GotConn: func(httptrace.GotConnInfo) { c.connected.Store(true); release() },
		// Not from the start of the request, which may have to open a connection.
		WroteRequest: func(httptrace.WroteRequestInfo) { sent.Store(int64(time.Since(c.made))) },
		GotFirstResponseByte: func() {
			if at := sent.Load(); at > 0 { // some servers refuse before all was sent
				c.noteLatency(time.Since(c.made) - time.Duration(at))
			}
		},
	}
	response, err := c.http.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	switch cause := context.Cause(request.Context()); {
	case err == nil || asked.Load():
	case cause != nil && c.plugin == nil:
		err = cause // the time was too short for anything
	case cause != nil:
		err = unanswered(request.Context())
	default:
		err = credentialsError{err}
		c.refused.Store(&refusal{time.Now(), err})
	}
	return response, err
}

// refusal is how credentials could not be had. For a while it stands for all requests: each would have the
// plugin fail again.
type refusal struct {
	at  time.Time
	err error
}

const credentialsFor = 5 * time.Second

// handleWarnings hands the server's warnings to the configuration's handler, as client-go does.
func (c *Client) handleWarnings(header http.Header) {
	warnings, _ := utilnet.ParseWarningHeaders(header["Warning"]) // what cannot be read helps nobody
	for _, w := range warnings {
		if c.warn != nil {
			c.warn.HandleWarningHeader(w.Code, w.Agent, w.Text)
		}
	}
}
