package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// abandoning is a transport whose requests end with their context, whatever is behind it does: client-go waits for a
// credential plugin without an end, and knows of no context there.
type abandoning struct {
	behind http.RoundTripper
	plugin *plugin // nil where the kubeconfig has none
}

// plugin lets one request ask for credentials, and others wait for it: each that is given up would leave a goroutine behind
// that waits until the plugin answers.
type plugin struct {
	asking   chan struct{} // of one
	answered atomic.Bool   // once at least, or failed
}

func newPlugin() *plugin { return &plugin{asking: make(chan struct{}, 1)} }

// busy tells whether somebody waits for it, or nobody has had an answer yet.
func (p *plugin) busy() bool { return p != nil && (!p.answered.Load() || len(p.asking) > 0) }

// ask waits for its turn to ask. A request that is sent with the context tells when it has credentials; its turn is
// done in any case when it has come back.
func (p *plugin) ask(ctx context.Context) (context.Context, *turn, error) {
	select {
	case p.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, unanswered(ctx)
	}
	t := &turn{done: sync.OnceFunc(func() {
		p.answered.Store(true)
		<-p.asking
	})}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: func(string) {
		t.had.Store(true)
		t.done()
	}}), t, nil
}

// turn is one to ask a plugin.
type turn struct {
	had  atomic.Bool // the request has had credentials
	done func()      // ends it
}

// unanswered is why a request was given up that has never had credentials.
func unanswered(ctx context.Context) error {
	return credentialsError{fmt.Errorf("the kubeconfig's credential plugin has not answered: %w", context.Cause(ctx))}
}

// WrappedRoundTripper gives client-go what is behind, as its own transports do.
func (t abandoning) WrappedRoundTripper() http.RoundTripper { return t.behind }

// RoundTrip implements http.RoundTripper. What a plugin has brought anew because the server refused what it had brought before
// is tried once.
func (t abandoning) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.once(request)
	if err != nil || t.plugin == nil || response.StatusCode != http.StatusUnauthorized {
		return response, err
	}
	again := request.Clone(request.Context())
	switch {
	case request.Body == nil || request.Body == http.NoBody:
	case request.GetBody == nil:
		return response, nil
	default:
		if again.Body, err = request.GetBody(); err != nil {
			return response, nil
		}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection serves again
	_ = response.Body.Close()
	return t.once(again)
}

func (t abandoning) once(request *http.Request) (*http.Response, error) {
	if t.plugin == nil {
		return abandon(request, t.behind)
	}
	ctx := request.Context()
	asking, turn, err := t.plugin.ask(ctx)
	if err != nil {
		return nil, err
	}
	// client-go writes the token into the request that it gets, where it would stay.
	response, err := abandon(request.Clone(asking), asks{t.behind, turn})
	if err != nil && ctx.Err() != nil && !turn.had.Load() {
		err = unanswered(ctx)
	}
	return response, err
}

// asks is a transport whose requests end a turn when they come back, if only long after they were abandoned.
type asks struct {
	http.RoundTripper
	turn *turn
}

// RoundTrip implements http.RoundTripper.
func (a asks) RoundTrip(request *http.Request) (*http.Response, error) {
	defer a.turn.done()
	return a.RoundTripper.RoundTrip(request)
}

func abandon(request *http.Request, behind http.RoundTripper) (*http.Response, error) {
	ctx := request.Context()
	if ctx.Done() == nil {
		return behind.RoundTrip(request)
	}
	type answer struct {
		response *http.Response
		err      error
	}
	answered := make(chan answer, 1)
	go func() {
		response, err := behind.RoundTrip(request)
		answered <- answer{response, err}
	}()
	select {
	case a := <-answered:
		return a.response, a.err
	case <-ctx.Done():
		go func() { // nobody reads what comes too late
			if a := <-answered; a.response != nil {
				_ = a.response.Body.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}
