package testbed_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// ownerVariable makes this test binary start a control plane and wait to be killed.
const ownerVariable = "TESTBED_TEST_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(ownerVariable) != "" {
		c, err := testbed.Start(context.Background(), testbed.Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(c.Dir())
		select {}
	}
	os.Exit(bed.Main(m))
}

func TestNothingOutlivesAKilledOwner(t *testing.T) {
	t.Parallel()
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerVariable+"=1")
	stdout, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	dir, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	dir = strings.TrimSpace(dir)
	require.DirExists(t, dir)
	var pids []int
	for _, name := range []string{"etcd", "kube-apiserver"} {
		pid := pidOf(t, dir, name)
		require.NoError(t, syscall.Kill(pid, 0), "%s runs", name)
		pids = append(pids, pid)
	}

	require.NoError(t, owner.Process.Kill())
	require.Error(t, owner.Wait(), "it was killed")
	assert.Eventually(t, func() bool {
		for _, pid := range pids {
			if syscall.Kill(pid, 0) == nil {
				return false
			}
		}
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	}, 10*time.Second, 50*time.Millisecond, "etcd, kube-apiserver and their directory are gone")
}
