package kube

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// quick are limits that let what fails end soon, and leave a machine that does much else the time to answer.
func quick() Limits {
	return Limits{Tries: 3, Backoff: time.Millisecond, Stall: time.Second}
}

// serve runs a server for a test, and makes a client for it.
func serve(t *testing.T, limits Limits, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return clientFor(t, &rest.Config{Host: server.URL}, limits)
}

func clientFor(t *testing.T, config *rest.Config, limits Limits) *Client {
	t.Helper()
	c, err := New(config, limits)
	require.NoError(t, err)
	return c
}

func TestGetTriesAgainOnlyWhatMayMendItself(t *testing.T) {
	t.Parallel()
	for code, tries := range map[int]int32{
		http.StatusForbidden: 1, http.StatusUnauthorized: 1, http.StatusNotFound: 1, http.StatusGone: 1, http.StatusBadRequest: 1,
		http.StatusTooManyRequests: 3, http.StatusInternalServerError: 3, http.StatusServiceUnavailable: 3, http.StatusBadGateway: 3,
	} {
		var asked atomic.Int32
		c := serve(t, quick(), func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(code)
		})
		_, err := c.Raw(t.Context(), Request{Path: "/version"})
		require.Error(t, err)
		assert.Equal(t, tries, asked.Load(), code)
	}
}

func TestReadAtMost(t *testing.T) {
	t.Parallel()
	data, err := ReadAtMost(strings.NewReader("12345"), 5)
	require.NoError(t, err)
	assert.Equal(t, "12345", string(data))
	_, err = ReadAtMost(strings.NewReader("123456"), 5)
	require.EqualError(t, err, "the answer has more than 5 bytes")
	assert.False(t, Retryable(err))
}

// A credential plugin that fails is run once, however many requests wait for it, and not again and again.
func TestACredentialPluginThatFailsRunsOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := filepath.Join(dir, "runs")
	plugin := filepath.Join(dir, "plugin")
	require.NoError(t, os.WriteFile(plugin, fmt.Appendf(nil, "#!/bin/sh\necho run >> %s\nexit 1\n", runs), 0o700))
	c := clientFor(t, &rest.Config{Host: "https://127.0.0.1:1", ExecProvider: &clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: plugin, InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}}, Limits{})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			_, err := c.Raw(t.Context(), Request{Path: "/version"})
			assert.Equal(t, Unauthorized, ReasonOf(err), err)
			assert.ErrorContains(t, err, "failed with exit code 1")
		})
	}
	all.Wait()
	data, err := os.ReadFile(runs)
	require.NoError(t, err)
	assert.Equal(t, "run\n", string(data))
}

// Certificates and names that are wrong stay so.
func TestWrongCertificatesAndNamesAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	var dials atomic.Int32
	count := func(_ context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return net.Dial(network, address)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	_, err := clientFor(t, &rest.Config{Host: server.URL, Dial: count}, Limits{}).Raw(t.Context(), Request{Path: "/version"})
	assert.Equal(t, Untrusted, ReasonOf(err), err)
	assert.EqualValues(t, 1, dials.Swap(0))

	unknown := func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "nowhere.invalid", IsNotFound: true}}
	}
	_, err = clientFor(t, &rest.Config{Host: "https://nowhere.invalid", Dial: unknown}, Limits{}).Raw(t.Context(), Request{Path: "/version"})
	assert.Equal(t, Unresolved, ReasonOf(err), err)
	assert.EqualValues(t, 1, dials.Load())
}

func TestRetryAfterUsesUpPatienceAndNoTries(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	limits := quick()
	limits.Tries, limits.Patience = 1, 2*time.Second
	c := serve(t, limits, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	start := time.Now()
	_, err := c.Raw(t.Context(), Request{Path: "/version"})
	assert.Equal(t, Throttled, ReasonOf(err))
	assert.EqualValues(t, 1, asked.Load(), "one try, so not even one more")
	limits.Tries = 2
	c.limits = limits
	_, err = c.Raw(t.Context(), Request{Path: "/version"})
	assert.Equal(t, Throttled, ReasonOf(err))
	assert.EqualValues(t, 1+3, asked.Load(), "waited twice, and then the patience was over")
	assert.GreaterOrEqual(t, time.Since(start), 2*time.Second)
	assert.Less(t, time.Since(start), 10*time.Second)
}

func TestAnAnswerThatStopsIsGivenUp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := serve(t, quick(), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"gitVersion":`)
		if asked.Add(1) == 1 {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, `"v1.36.3"}`)
	})
	data, err := c.Raw(t.Context(), Request{Path: "/version"})
	require.NoError(t, err)
	assert.Equal(t, `{"gitVersion":"v1.36.3"}`, string(data))
}

// What a cluster says must not be able to write to a terminal what it likes.
func TestMessagesArePrintable(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no\u001b[2J\u0007 access\nhere"}`,
		"no\x1b[2J\x07 access\nhere",
	} {
		c := serve(t, quick(), func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, body)
		})
		_, err := c.Raw(t.Context(), Request{Path: "/version"})
		require.Error(t, err)
		assert.Contains(t, err.Error(), "no[2J access here")
		assert.NotContains(t, err.Error(), "\x1b")
	}
}

func TestWarningsAreHandedOn(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Warning", `299 - "v1beta1 is deprecated"`)
	}))
	t.Cleanup(server.Close)
	var out strings.Builder
	c := clientFor(t, &rest.Config{Host: server.URL, WarningHandler: rest.NewWarningWriter(&out, rest.WarningWriterOptions{})}, quick())
	_, err := c.Raw(t.Context(), Request{Path: "/version"})
	require.NoError(t, err)
	assert.Equal(t, "Warning: v1beta1 is deprecated\n", out.String())
}

// collection serves numbers in pages, compressed where the client takes that. A page begins anew when its
// token is in expired, once each.
type collection struct {
	size    int
	expired map[string]bool

	mu     sync.Mutex
	limits []string
	zipped bool
}

func (c *collection) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first, limit int
	_, _ = fmt.Sscan(r.URL.Query().Get("continue"), &first)
	_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
	c.limits = append(c.limits, r.URL.Query().Get("limit"))
	if token := r.URL.Query().Get("continue"); c.expired[token] {
		delete(c.expired, token)
		status := apierrors.NewResourceExpired("too old").Status()
		w.WriteHeader(http.StatusGone)
		_ = json.NewEncoder(w).Encode(status)
		return
	}
	last := min(first+limit, c.size)
	metadata := map[string]string{"resourceVersion": "7"}
	items := []int{}
	for n := first; n < last; n++ {
		items = append(items, n)
	}
	if last < c.size {
		metadata["continue"] = fmt.Sprint(last)
	}
	list := map[string]any{"kind": "NumberList", "metadata": metadata, "items": items}
	var out io.Writer = w
	if c.zipped = r.Header.Get("Accept-Encoding") == "gzip"; c.zipped {
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		defer func() { _ = zip.Close() }()
		out = zip
	}
	_ = json.NewEncoder(out).Encode(list)
}

func TestItemsOfPagesThatBeginAnew(t *testing.T) {
	t.Parallel()
	for name, expired := range map[string]map[string]bool{
		"all well": nil, "the second page": {"8000": true}, "the third": {"16000": true}, "both, one after the other": {"8000": true, "16000": true},
	} {
		served := &collection{size: 20000, expired: expired}
		c := serve(t, quick(), served.ServeHTTP)
		got, _, err := Items(t.Context(), c, Request{Path: "/apis/x", Kind: "Number", Query: url.Values{"labelSelector": {"a=b"}}}, func(item []byte) (string, error) {
			return string(item), nil
		})
		require.NoError(t, err, name)
		require.Len(t, got, served.size, name)
		for n, item := range got {
			require.Equal(t, fmt.Sprint(n), item, name)
		}
		assert.True(t, served.zipped, "it asks for compression")
		if name == "all well" {
			assert.Equal(t, []string{"8000", "8000", "8000"}, served.limits)
		}
	}
}

// What came of a page that was cut is forgotten when the page is asked for again.
func TestItemsOfAPageThatWasCut(t *testing.T) {
	t.Parallel()
	served := &collection{size: 8200}
	var asked atomic.Int64
	c := serve(t, quick(), func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) != 2 {
			served.ServeHTTP(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"items":[1,2,3`)
	})
	got, _, err := Items(t.Context(), c, Request{Path: "/apis/x", Kind: "Number"}, func(item []byte) (string, error) { return string(item), nil })
	require.NoError(t, err)
	require.Len(t, got, served.size)
	for n, item := range got {
		require.Equal(t, fmt.Sprint(n), item)
	}
}

// A list whose pages expire for ever ends.
func TestItemsDoNotBeginAnewForEver(t *testing.T) {
	t.Parallel()
	c := serve(t, quick(), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("continue") {
			w.WriteHeader(http.StatusGone)
			return
		}
		_, _ = io.WriteString(w, `{"kind":"NumberList","metadata":{"resourceVersion":"7","continue":"x"},"items":[1]}`)
	})
	_, _, err := Items(t.Context(), c, Request{Path: "/apis/x", Kind: "Number"}, func([]byte) (int, error) { return 0, nil })
	assert.Equal(t, Expired, ReasonOf(err), err)
}

// A server, or a gateway, that gives pages again that were there would do so for ever.
func TestPagesThatRepeatAreAnError(t *testing.T) {
	t.Parallel()
	for name, tokens := range map[string][]string{"the same": {"x", "x"}, "two in turn": {"x", "y", "x"}, "after a while": {"a", "b", "c", "b"}} {
		var asked atomic.Int64
		c := serve(t, quick(), func(w http.ResponseWriter, _ *http.Request) {
			n := int(asked.Add(1)) - 1
			_, _ = fmt.Fprintf(w, `{"kind":"NumberList","metadata":{"resourceVersion":"7","continue":%q},"items":[1]}`, tokens[n%len(tokens)])
		})
		got, _, err := Items(t.Context(), c, Request{Path: "/apis/x", Kind: "Number"}, func([]byte) (int, error) { return 0, nil })
		require.ErrorContains(t, err, "the server repeats the pages of the list", name)
		assert.Equal(t, Malformed, ReasonOf(err), name)
		assert.Empty(t, got, "what was read twice is not that much")
		assert.EqualValues(t, len(tokens), asked.Load(), name)
	}
}

// The latency of answers is noted while requests still go out on other goroutines: this is for the race detector.
func TestLatencyIsNotedSafely(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	c := clientFor(t, &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, quick())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := c.Raw(t.Context(), Request{Path: "/version"})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.Positive(t, c.Latency())
	assert.Less(t, c.Latency(), time.Minute)
}

// A server that has too much to do gets fewer requests at a time, and more again when it recovers.
func TestSeats(t *testing.T) {
	t.Parallel()
	s := newSeats(8)
	for range 8 {
		require.NoError(t, s.enter(t.Context(), false))
	}
	full, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.enter(full, false), context.DeadlineExceeded)
	s.leave(true)
	s.leave(true)
	assert.InDelta(t, 2, s.limit, 0.01)
	for range 6 {
		s.leave(false)
	}
	for range 30 {
		require.NoError(t, s.enter(t.Context(), false))
		s.leave(false)
	}
	assert.InDelta(t, 8, s.limit, 0.01)
	assert.Zero(t, s.running)
}

// An urgent request goes before those that wait already.
func TestUrgentRequestsGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSeats(1)
		require.NoError(t, s.enter(t.Context(), false))
		var order []string
		for _, who := range []string{"first", "second", "urgent"} {
			go func() {
				_ = s.enter(t.Context(), who == "urgent")
				order = append(order, who)
				s.leave(false)
			}()
			synctest.Wait()
		}
		s.leave(false)
		synctest.Wait()
		assert.Equal(t, []string{"urgent", "first", "second"}, order)
	})
}

// A request that was given up for its own limit, again and again until the caller's time was over, says so.
func TestTheLimitOfARequestIsNamed(t *testing.T) {
	t.Parallel()
	limits := quick()
	limits.Request, limits.Tries = 20*time.Millisecond, 1000
	c := serve(t, limits, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, fmt.Errorf("no complete answer within 200ms: %w", context.DeadlineExceeded))
	defer cancel()
	_, err := c.Raw(ctx, Request{Path: "/version"})
	require.ErrorContains(t, err, "no complete answer within 200ms")
	require.ErrorContains(t, err, "no complete answer to a request within 20ms: --request-timeout gives it more")
	assert.Equal(t, Timeout, ReasonOf(err))
}

// What looks again and again makes clients again and again: client-go's cache of transports keeps none that nobody has.
func TestAClientThatNobodyHasIsNotKept(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	made := func() weak.Pointer[Client] {
		return weak.Make(clientFor(t, &rest.Config{Host: server.URL}, quick()))
	}()
	assert.Eventually(t, func() bool { runtime.GC(); return made.Value() == nil }, 10*time.Second, 10*time.Millisecond)
}
