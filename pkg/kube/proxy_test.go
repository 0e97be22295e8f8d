package kube

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// What a proxy refuses is told as its word, with its address and without its password, and not as the cluster's. It is asked
// again only where it has tried.
func TestProxiesThatRefuseAreNamed(t *testing.T) {
	t.Parallel()
	for code, test := range map[int]struct {
		reason Reason
		tries  int32
	}{
		http.StatusForbidden: {Malformed, 1}, http.StatusProxyAuthRequired: {Malformed, 1}, http.StatusUnauthorized: {Malformed, 1},
		http.StatusBadGateway: {Unavailable, 3}, http.StatusServiceUnavailable: {Unavailable, 3},
	} {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			assert.Equal(t, http.MethodConnect, r.Method)
			w.WriteHeader(code)
		}))
		t.Cleanup(server.Close)
		proxy, err := url.Parse(server.URL)
		require.NoError(t, err)
		address := proxy.String()
		proxy.User = url.UserPassword("me", "secret")
		c := clientFor(t, &rest.Config{Host: "https://api.invalid:6443", BearerToken: "x", Proxy: http.ProxyURL(proxy)}, quick())
		_, err = c.Raw(t.Context(), Request{Path: "/version"})
		require.ErrorContains(t, err, "the proxy "+address+" does not connect to it: ")
		assert.ErrorContains(t, err, http.StatusText(code))
		assert.NotContains(t, err.Error(), "secret")
		assert.Equal(t, test.reason, ReasonOf(err), code)
		assert.Equal(t, test.tries, asked.Load(), code)
		assert.True(t, Unreachable(err), code)
	}
}
