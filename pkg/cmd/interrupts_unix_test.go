//go:build !windows

package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One Ctrl-C that arrives twice is one; the next one ends what outlives the first.
func TestSecondSignal(t *testing.T) {
	keep := make(chan os.Signal, 10) // or these signals would end the tests
	signal.Notify(keep, syscall.SIGHUP)
	defer signal.Stop(keep)
	raise := func() {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
		<-keep
		time.Sleep(20 * time.Millisecond)
	}
	var i interrupts
	ctx, cancel := context.WithCancel(t.Context())
	late, stop := i.second(ctx)
	defer stop()
	cancel()
	raise()
	raise()
	require.NoError(t, late.Err(), "sent twice at once")
	time.Sleep(secondSignal)
	raise()
	select {
	case <-late.Done():
	case <-time.After(10 * time.Second):
		assert.Fail(t, "it goes on")
	}
}
