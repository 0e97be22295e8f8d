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
	f := NewFollower(&Client{hearing: new(hearing)}, 0, 0, &sync.Mutex{}, func() {})
	feed := &Feed{Read: true, follow: true, lost: time.Now().Add(-time.Minute)}
	for try := range 3 {
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		f.Failed(feed, &url.Error{Op: "Get", URL: fmt.Sprint("https://127.0.0.1:6443/api/v1/nodes?timeoutSeconds=", 300+try), Err: refused})
		_, why := f.Stale(feed)
		assert.EqualError(t, why, "dial tcp: connect: connection refused")
		assert.Equal(t, Unavailable, ReasonOf(why))
	}
}

// An age is the difference of two times of the clock: the monotonic one stands still while a computer sleeps.
func TestAsOfIsATimeOfTheClockAlone(t *testing.T) {
	t.Parallel()
	f := NewFollower(&Client{hearing: &hearing{made: time.Now()}}, 0, 0, &sync.Mutex{}, func() {})
	feed := &Feed{Read: true, At: time.Now(), follow: true}
	asOf, _ := f.Stale(feed)
	assert.Equal(t, asOf.Round(0).String(), asOf.String(), "it has no monotonic reading")
}

// Silence is measured by the monotonic clock: one that is set back would hide it.
func TestSilenceIsNoTimeOfTheClock(t *testing.T) {
	t.Parallel()
	made := time.Now()
	c := &Client{hearing: &hearing{made: made.Add(-time.Hour)}}
	c.heard.Store(int64(59 * time.Minute))
	assert.InDelta(t, time.Minute, c.Silent(), float64(10*time.Second))
}
