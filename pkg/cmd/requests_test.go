package cmd

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRequestsAreShown runs the plugin as a program of its own: how much client-go tells is the process's.
func TestRequestsAreShown(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, nil)
	run := func(args ...string) (stdout, stderr string) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = []string{runAsPlugin + "=1", "KUBECONFIG=" + c.Kubeconfig(), "HOME=" + t.TempDir()}
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		require.NoError(t, cmd.Run(), "%v: %s", args, &errOut)
		return out.String(), errOut.String()
	}
	c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
	quiet, stderr := run("get", "-n", ns, "gitrepo")
	assert.Empty(t, stderr)
	for verbosity, want := range map[string][]string{
		"-v=6":  {"/apis/source.toolkit.fluxcd.io/v1/namespaces/" + ns + "/gitrepositories", "200 OK"},
		"-v7":   {"User-Agent: kubectl-fluxtune/v0.0.0-test"},
		"--v=8": {"User-Agent: kubectl-fluxtune/v0.0.0-test"},
		"--v=9": {"curl -v -XGET"},
	} {
		stdout, stderr := run("get", "-n", ns, "gitrepo", verbosity)
		assert.Equal(t, quiet, stdout, "what is shown stays the same")
		for _, text := range want {
			assert.True(t, strings.Contains(stderr, text), "%s: %q is not there", verbosity, text)
		}
	}
	_, stderr = run("nodes", "-v=6")
	assert.True(t, strings.Contains(stderr, "/api/v1/nodes"))
}
