package kube

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A watch that is refused again and again is told once: what is said does not change from try to try.
func TestARefusedWatchIsToldInTheSameWords(t *testing.T) {
	t.Parallel()
	f := NewFollower(&Client{}, 0, 0, &sync.Mutex{}, func() {})
	feed := &Feed{Read: true, follow: true, lost: time.Now().Add(-time.Minute)}
	for try := range 3 {
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		f.Failed(feed, &url.Error{Op: "Get", URL: fmt.Sprint("https://127.0.0.1:6443/api/v1/nodes?timeoutSeconds=", 300+try), Err: refused})
		_, why := f.Stale(feed)
		assert.EqualError(t, why, "dial tcp: connect: connection refused")
		assert.Equal(t, Unavailable, ReasonOf(why))
	}
}
