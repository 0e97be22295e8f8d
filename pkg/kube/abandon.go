package kube

import (
	"context"
	"net/http"
)

// abandoning is a transport whose requests end with their context, whatever is behind it does: client-go waits for a
// credential plugin without an end, and knows of no context there.
type abandoning struct{ behind http.RoundTripper }

// WrappedRoundTripper gives client-go what is behind, as its own transports do.
func (t abandoning) WrappedRoundTripper() http.RoundTripper { return t.behind }

// RoundTrip implements http.RoundTripper.
func (t abandoning) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	if ctx.Done() == nil {
		return t.behind.RoundTrip(request)
	}
	type answer struct {
		response *http.Response
		err      error
	}
	answered := make(chan answer, 1)
	go func() {
		response, err := t.behind.RoundTrip(request)
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
