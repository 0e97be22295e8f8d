package kube

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// A watch that is answered with something else than events says so as a list does.
func TestAWatchIsAStreamOfEvents(t *testing.T) {
	t.Parallel()
	for kind, says := range map[string]string{
		"application/json":                                 "",
		"application/json;stream=watch":                    "",
		"application/vnd.kubernetes.protobuf;stream=watch": "",
		"text/html; charset=utf-8":                         "the API server's answer is text/html; charset=utf-8, and should be a stream of events: not the answer of an API server",
		"application/xhtml+xml":                            "application/xhtml+xml, and should be",
		"":                                                 "the API server's answer is of no type, and should be",
		"application/vnd.kubernetes.protobuf.something; a=b": "and should be a stream",
		"application/json-seq":                               "and should be a stream",
	} {
		client := serve(t, quick(), func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			_, _ = io.WriteString(w, "<html>")
		})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, client.base.JoinPath("/api/v1/pods").String(), nil)
		require.NoError(t, err)
		response, err := client.HTTP(true).Do(request)
		if says == "" {
			require.NoError(t, err, kind)
			_ = response.Body.Close()
			continue
		}
		require.ErrorContains(t, err, says, kind)
		assert.Equal(t, Malformed, ReasonOf(err), kind)
	}
}

// Where an answer leads nobody is asked: the user's token would go there, too.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/metrics", http.StatusFound))
	t.Cleanup(server.Close)
	client := clientFor(t, &rest.Config{Host: server.URL, BearerToken: "sesame"}, quick())
	_, err := client.Raw(t.Context(), Request{Path: "/version"})
	require.EqualError(t, err, "the API server's answer leads to "+elsewhere.URL+"/metrics, where nobody is asked: not the answer of an API server")
	assert.Equal(t, Malformed, ReasonOf(err))
	for _, watch := range []bool{false, true} {
		response, err := client.HTTP(watch).Get(server.URL + "/api/v1/pods")
		if watch {
			require.ErrorContains(t, err, "leads to")
			continue
		}
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, http.StatusFound, response.StatusCode)
	}
	assert.Zero(t, asked.Load())
}
