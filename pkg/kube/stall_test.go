package kube

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/util/connrotation"
)

// A request that a busy server lets wait is not sent again, though nothing else tells that the server is there; one whose
// answer does not begin for longer than a server lets any wait is given up.
func TestAnAnswerMayBeginLate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		stalls float64 // how many times Limits.Stall the first answer takes to begin
		asked  int32
	}{{1.5, 1}, {2.8, 2}} {
		var asked atomic.Int32
		limits := quick()
		c := serve(t, limits, func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 1 {
				select {
				case <-time.After(time.Duration(test.stalls * float64(limits.Stall))):
				case <-r.Context().Done():
					return
				}
			}
			_, _ = io.WriteString(w, `{}`)
		})
		data, err := c.Raw(t.Context(), Request{Path: "/version"})
		require.NoError(t, err)
		assert.Equal(t, `{}`, string(data))
		assert.Equal(t, test.asked, asked.Load(), "%v", test)
	}
	assert.Greater(t, 2*Limits{}.withDefaults().Stall, 15*time.Second, "so long an API server lets a request wait")
}

// Of an answer that never began nobody says that it has stopped.
func TestWhatWasNeverAnsweredHasNotStopped(t *testing.T) {
	t.Parallel()
	limits := quick()
	limits.Tries = 1
	for begins, says := range map[bool]string{true: "the server stopped sending", false: "the server does not answer"} {
		c := serve(t, limits, func(w http.ResponseWriter, r *http.Request) {
			if begins {
				_, _ = io.WriteString(w, `{`)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		_, err := c.Raw(t.Context(), Request{Path: "/version"})
		require.ErrorContains(t, err, says)
		assert.Equal(t, Unavailable, ReasonOf(err), says)
		assert.True(t, Unreachable(err), says)
	}
}

// Whoever reads from a connection that is closed for a stall knows why by then.
func TestAStallIsToldBeforeItsConnectionIsClosed(t *testing.T) {
	t.Parallel()
	closed, gaveUp := false, false
	dialer := connrotation.NewDialer(func(context.Context, string, string) (net.Conn, error) {
		here, _ := net.Pipe()
		return noticed{here, func() { closed = true }}, nil
	})
	_, err := dialer.DialContext(t.Context(), "tcp", "nowhere")
	require.NoError(t, err)
	c := &Client{hearing: new(hearing), dialer: dialer, limits: Limits{Stall: time.Second}}
	s := c.newStall(func(error) { assert.False(t, closed); gaveUp = true })
	s.answered = true
	s.expire()
	assert.True(t, gaveUp)
	assert.True(t, closed)
}

// noticed is a connection that tells when it is closed.
type noticed struct {
	net.Conn
	closed func()
}

// Close implements net.Conn.
func (n noticed) Close() error {
	n.closed()
	return n.Conn.Close()
}
