package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUpFlags(t *testing.T) {
	f, err := parseUp([]string{
		"--detach", "--state", "here", "--fleet", "--projects", "3", "--fleet-namespaces", "4", "--nodes", "5", "--pods", "6",
	}, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, upFlags{detach: true, state: "here", fleet: true, projects: 3, namespaces: 4, nodes: 5, pods: 6}, f)
	assert.Len(t, f.options(&bytes.Buffer{}).Seed, 2)
}

func TestWrongCommandsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"sideways"}, {"up", "extra"}, {"up", "--nodes", "3"}, {"up", "--pods", "3"}, {"up", "--none"}, {"build", "nothing"},
	} {
		require.Error(t, run(t.Context(), args, &bytes.Buffer{}, &bytes.Buffer{}), "%q", args)
	}
}

// TestUpAndDown runs the command as people do: it must be a program of its own,
// since it starts itself again in the background.
func TestUpAndDown(t *testing.T) {
	program := filepath.Join(t.TempDir(), "testbed")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	state := filepath.Join(t.TempDir(), "state")
	testbed := func(args ...string) (stdout, stderr string, err error) {
		cmd := exec.CommandContext(t.Context(), program, append(args, "--state", state)...)
		var outBuf, errBuf strings.Builder
		cmd.Stdout, cmd.Stderr = &outBuf, &errBuf
		err = cmd.Run()
		return outBuf.String(), errBuf.String(), err
	}
	t.Cleanup(func() { _, _, _ = testbed("down") })

	stdout, stderr, err := testbed("up", "--detach", "--fleet", "--projects", "2")
	require.NoError(t, err, stderr)
	assert.Contains(t, stderr, "go run ./hack/testbed/cmd/testbed down --state "+state)
	kubeconfig := strings.TrimSuffix(stdout, "\n")
	require.FileExists(t, kubeconfig)

	_, stderr, err = testbed("up", "--detach")
	require.Error(t, err)
	assert.Contains(t, stderr, "a control plane already runs")

	_, stderr, err = testbed("down")
	require.NoError(t, err, stderr)
	_, err = os.Stat(filepath.Dir(kubeconfig))
	require.ErrorIs(t, err, os.ErrNotExist, "the control plane's directory is gone")
	_, err = os.Stat(state)
	require.ErrorIs(t, err, os.ErrNotExist)

	_, stderr, err = testbed("down")
	require.NoError(t, err)
	assert.Contains(t, stderr, "nothing runs")

	mine := filepath.Join(state, "mine")
	require.NoError(t, os.Mkdir(state, 0o755))
	require.NoError(t, os.WriteFile(mine, nil, 0o600))
	_, stderr, err = testbed("down")
	require.NoError(t, err)
	assert.Contains(t, stderr, "nothing runs")
	assert.FileExists(t, mine, "what is not the test bed's stays")
}
