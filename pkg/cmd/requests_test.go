package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
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
	const path = "/hook/bed6d00b5555b1603e1f59b94d7fdbca58089cb5663633fb83f2815dc626d92b"
	c.Apply(t, fmt.Sprintf("apiVersion: notification.toolkit.fluxcd.io/v1\nkind: Receiver\nmetadata: {name: github, namespace: %s, annotations: {note: \"stee\\u202ered\"}}\nspec: {type: generic, secretRef: {name: token}, resources: [{kind: GitRepository, name: app}]}\n", ns))
	c.ApplyAs(t, strings.Replace(fmt.Sprintf(readyReceiver, ns), "/hook/1", path, 1), testbed.ApplyOptions{Subresource: "status"})
	stdout, stderr := run("apply", "-n", ns, "receiver", "--default-env", "development", "--set", "development.Receiver.interval=7m", "--yes", "-v=9")
	assert.Contains(t, stdout, "configured")
	assert.Contains(t, stderr, "webhookPath")
	assert.NotContains(t, stderr, path[6:], "it is all the secret there is of this type")
	assert.Contains(t, stderr, "steered", "nothing of an object steers the terminal")

	_, stderr = run("nodes", "-v=6")
	assert.True(t, strings.Contains(stderr, "/api/v1/nodes"))
}
