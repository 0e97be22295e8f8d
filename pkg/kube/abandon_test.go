package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// hangingPlugin is a configuration whose credentials never come.
func hangingPlugin(t *testing.T) *rest.Config {
	t.Helper()
	plugin := filepath.Join(t.TempDir(), "login")
	require.NoError(t, os.WriteFile(plugin, []byte("#!/bin/sh\nexec sleep 30 >/dev/null\n"), 0o700))
	return &rest.Config{Host: "https://127.0.0.1:1", ExecProvider: &clientcmdapi.ExecConfig{
		Command: plugin, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}}
}

// A credential plugin that hangs holds nobody up: what is asked ends with its context, and says who did not answer.
func TestRequestsEndWhateverACredentialPluginDoes(t *testing.T) {
	t.Parallel()
	c := clientFor(t, hangingPlugin(t), quick())
	start := time.Now() // before the time that is given
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := c.Raw(ctx, Request{Path: "/version"})
	assert.Less(t, time.Since(start), 20*time.Second)
	assert.GreaterOrEqual(t, time.Since(start), time.Second, "a plugin may take its time: it may ask somebody")
	assert.ErrorContains(t, err, "the kubeconfig's credential plugin has not answered")
	assert.Equal(t, Timeout, ReasonOf(err))

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:1/api/v1/pods?watch=1", nil)
	require.NoError(t, err)
	_, err = c.HTTP(true).Do(request)
	assert.ErrorIs(t, err, context.DeadlineExceeded, "nor a watch")
	assert.Less(t, time.Since(start), 20*time.Second)
}

// With a limit for one request, a plugin that hangs is asked once.
func TestAPluginThatHangsIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	limits := quick()
	limits.Request = 300 * time.Millisecond
	start := time.Now()
	_, err := clientFor(t, hangingPlugin(t), limits).Raw(t.Context(), Request{Path: "/version"})
	assert.Less(t, time.Since(start), 20*time.Second)
	assert.Equal(t, Unauthorized, ReasonOf(err), err)
}

// Where the kubeconfig has no credential plugin, none is blamed for a time that was too short.
func TestNoPluginIsBlamedWhereThereIsNone(t *testing.T) {
	t.Parallel()
	config := &rest.Config{Host: "https://127.0.0.1:1", BearerToken: "a token"}
	// What is behind never comes as far as asking for a connection, as on a machine that is busy.
	config.Wrap(func(http.RoundTripper) http.RoundTripper { return sleeper{} })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := clientFor(t, config, quick()).Raw(ctx, Request{Path: "/version"})
	assert.Equal(t, Timeout, ReasonOf(err))
	assert.NotContains(t, err.Error(), "credential plugin")
}

// sleeper answers nothing.
type sleeper struct{}

// RoundTrip implements http.RoundTripper.
func (sleeper) RoundTrip(request *http.Request) (*http.Response, error) {
	<-request.Context().Done()
	time.Sleep(50 * time.Millisecond) // the caller does not wait for this
	return nil, request.Context().Err()
}

// While a plugin does not answer one request waits for it, however many are given up: a watch is tried for as long as a login
// takes, which may be a night.
func TestWhoIsGivenUpLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c := clientFor(t, hangingPlugin(t), quick())
	assert.True(t, c.AsksPlugin(), "the first request will")
	before := runtime.NumGoroutine()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:1/api/v1/pods?watch=1", nil)
			assert.NoError(t, err)
			_, err = c.HTTP(true).Do(request)
			assert.ErrorContains(t, err, "the kubeconfig's credential plugin has not answered")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
	all.Wait()
	assert.Eventually(t, func() bool { return runtime.NumGoroutine() < before+100 }, 10*time.Second, 10*time.Millisecond, "other tests have some")
	assert.True(t, c.AsksPlugin())
}

// counting is a configuration whose plugin brings "token-1", then "token-2", and so on.
func counting(t *testing.T, host string) *rest.Config {
	t.Helper()
	plugin := filepath.Join(t.TempDir(), "login")
	require.NoError(t, os.WriteFile(plugin, []byte(`#!/bin/sh
echo >> "$0.asked"
n=$(wc -l < "$0.asked" | tr -d " ")
echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"token-'$n'"}}'
`), 0o700))
	return &rest.Config{Host: host, ExecProvider: &clientcmdapi.ExecConfig{
		Command: plugin, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}}
}

// A token that has ended is had anew, and nobody learns of it: neither a list, nor a watch, nor a change.
func TestATokenThatHasEndedIsHadAnew(t *testing.T) {
	t.Parallel()
	var good atomic.Pointer[string]
	accept := func(token string) { good.Store(&token) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+*good.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(server.Close)
	c := clientFor(t, counting(t, server.URL), Limits{})
	accept("token-1")
	_, err := c.Raw(t.Context(), Request{Path: "/version"})
	require.NoError(t, err)
	assert.False(t, c.AsksPlugin())
	accept("token-2")
	_, err = c.Raw(t.Context(), Request{Path: "/version"})
	require.NoError(t, err)
	accept("token-3")
	for i, body := range []string{"", "a change"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
		require.NoError(t, err)
		response, err := c.HTTP(true).Do(request)
		require.NoError(t, err)
		got, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, body, string(got))
		accept(fmt.Sprint("token-", 4+i))
	}
	assert.False(t, c.AsksPlugin())
	accept("none")
	_, err = c.Raw(t.Context(), Request{Path: "/version"})
	assert.Equal(t, Unauthorized, ReasonOf(err))
}
