//go:build !windows

package cmd

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// Whoever reads what a command prints may be gone when it has changed something, as a tee that Ctrl-C ends, too: it comes to
// its end all the same, and says the way back on stderr.
func TestWhatChangesOutlivesItsReaders(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	self, err := os.Executable()
	require.NoError(t, err)
	for _, tc := range []struct {
		args, interval, told string
		code                 int
	}{
		{"apply -o json", "1m", "Take it back with: kubectl fluxtune revert", 1},
		{"apply -o name --for 2s", "5m", "is over: everything is as it was", 1},
		{"apply -o markdown --patches-per-second=0", "1m", "Take it back with: kubectl fluxtune revert", 1},
		{"revert", "5m", "1 restored", 1},
	} {
		ns := c.Namespace(t, map[string]string{"environment": "development"})
		c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
		run := func(args string, stdout *os.File) (string, int) {
			var stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), self, append(strings.Fields(args), "-n", ns, "--yes", "--kubeconfig", c.Kubeconfig())...)
			cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), runAsPlugin+"=1"), stdout, &stderr
			_ = cmd.Run()
			return stderr.String(), cmd.ProcessState.ExitCode()
		}
		if tc.args == "revert" {
			_, code := run("apply", nil)
			require.Zero(t, code)
		}
		read, write, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, read.Close())
		stderr, code := run(tc.args, write)
		require.NoError(t, write.Close())
		assert.Equal(t, tc.code, code, "%s\n%s", tc.args, stderr)
		assert.Contains(t, stderr, tc.told, tc.args)
		one, err := c.Objects(t, "gitrepository", ns).Get(t.Context(), "app", metav1.GetOptions{})
		require.NoError(t, err)
		interval, _, _ := unstructured.NestedString(one.Object, "spec", "interval")
		assert.Equal(t, tc.interval, interval, "%s\n%s", tc.args, stderr)
	}
}
