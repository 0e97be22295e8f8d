package kube

import "net/http"

// HTTP is a client over the same connections, for client-go's own clients: what they send is tried once,
// with the configuration's timeout, or without any for watches.
func (c *Client) HTTP(watch bool) *http.Client {
	if watch {
		return &http.Client{Transport: refusing{c.http.Transport}}
	}
	return &http.Client{Transport: c.http.Transport, Timeout: c.timeout}
}

// refusing is a transport for watches that makes an error of every answer but a success. client-go would wait inside, where
// nobody learns why and for how long, and ask again ten times, where Follower knows better.
type refusing struct{ behind http.RoundTripper }

// WrappedRoundTripper gives client-go what is behind, as its own transports do.
func (t refusing) WrappedRoundTripper() http.RoundTripper { return t.behind }

// RoundTrip implements http.RoundTripper.
func (t refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.behind.RoundTrip(request)
	if err != nil || response.StatusCode == http.StatusOK {
		return response, err
	}
	defer func() { _ = response.Body.Close() }()
	return nil, statusError(response)
}
