package kube

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
)

// HTTP is a client over the same connections, for client-go's own clients: what they send is tried once,
// with the configuration's timeout, or without any for watches.
func (c *Client) HTTP(watch bool) *http.Client {
	if watch {
		return &http.Client{Transport: refusing{c.http.Transport}, CheckRedirect: unfollowed}
	}
	return &http.Client{Transport: c.http.Transport, Timeout: c.timeout, CheckRedirect: unfollowed}
}

// unfollowed has a client hand out an answer that leads elsewhere as it is. client-go's transport puts the user's token on each
// request, so that whoever is named there would get it. An API server leads nowhere by itself, but passes on what others answer: pods,
// behind its proxy, and API servers of others.
func unfollowed(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// refusing is a transport for watches that makes an error of every answer but a stream of events. client-go would wait inside, where
// nobody learns why and for how long, and ask again ten times, where Follower knows better.
type refusing struct{ behind http.RoundTripper }

// WrappedRoundTripper gives client-go what is behind, as its own transports do.
func (t refusing) WrappedRoundTripper() http.RoundTripper { return t.behind }

// RoundTrip implements http.RoundTripper.
func (t refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.behind.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if err = noStream(request, response); err == nil {
		return response, nil
	}
	_ = response.Body.Close()
	return nil, err
}

// noStream tells why an answer is no stream of events: gateways send a page to log in with the status of a success.
func noStream(request *http.Request, response *http.Response) error {
	switch {
	case response.StatusCode != http.StatusOK:
		return statusError(response)
	case request.Method != http.MethodGet: // no watch
		return nil
	}
	said := response.Header.Get("Content-Type")
	kind, _, _ := mime.ParseMediaType(said) // what is none has no kind
	if slices.Contains([]string{"application/json", "application/vnd.kubernetes.protobuf"}, kind) {
		return nil
	}
	return fmt.Errorf("the API server's answer is %s, and should be a stream of events: %w", cmp.Or(Printable(said), "of no type"), ErrMalformed)
}
