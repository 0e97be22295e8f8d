package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// ProxyRefusal is what a proxy (the kubeconfig's proxy-url, HTTPS_PROXY) answers that does not connect to the API server: it is
// no word of that, whatever number it has.
type ProxyRefusal struct {
	// Proxy is its address, without the name and password in it.
	Proxy string
	// Status is what it answers: 407 Proxy Authentication Required.
	Status string

	code int
}

// Error implements error.
func (r ProxyRefusal) Error() string {
	return fmt.Sprintf("the proxy %s does not connect to it: %s", r.Proxy, Printable(r.Status))
}

// Is makes it a broken connection where the proxy could not do it, which another try may mend, and no answer of an API server
// where it would not.
func (r ProxyRefusal) Is(target error) bool {
	if r.code >= http.StatusInternalServerError {
		return target == io.ErrUnexpectedEOF
	}
	return target == ErrMalformed
}

// tellProxies has a transport return a ProxyRefusal. net/http itself keeps only the words behind the number (transport.go,
// dialConn): "Forbidden".
func tellProxies(t http.RoundTripper) {
	for {
		switch behind := t.(type) {
		case *http.Transport:
			behind.OnProxyConnectResponse = refusalOf
			return
		case utilnet.RoundTripperWrapper:
			t = behind.WrappedRoundTripper()
		default:
			return
		}
	}
}

func refusalOf(_ context.Context, proxy *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	address := url.URL{Scheme: proxy.Scheme, Host: proxy.Host}
	return ProxyRefusal{address.String(), response.Status, response.StatusCode}
}
