package testbed_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

func TestPushReachesTheCluster(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{})
	git, err := testbed.StartGit(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, git.Close()) })
	flux, err := c.StartFlux(t.Context(), testbed.FluxOptions{
		Flags: map[string][]string{testbed.UnitSourceController: {"--interval-jitter-percentage=0"}},
	})
	require.NoError(t, err)

	ns := c.Namespace(t, map[string]string{"environment": "development"})
	_, err = git.Push(t.Context(), "app", map[string]string{"deploy/config.yaml": configMap("one")})
	require.NoError(t, err)
	c.Apply(t, fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: %[1]s}
spec: {interval: 1s, url: %[2]q, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: %[1]s}
spec: {interval: 10m, path: ./deploy, prune: true, targetNamespace: %[1]s, sourceRef: {kind: GitRepository, name: app}}
`, ns, git.URL("app")))
	awaitValue(t, c, ns, "one")

	before := git.Requests("app")
	assert.Positive(t, before.UploadPack, "the clone")
	time.Sleep(3 * time.Second)
	idle := git.Requests("app")
	assert.Equal(t, before.UploadPack, idle.UploadPack, "nothing new, nothing fetched")
	assert.Greater(t, idle.InfoRefs, before.InfoRefs)

	_, err = git.Push(t.Context(), "app", map[string]string{"deploy/config.yaml": configMap("two")})
	require.NoError(t, err)
	awaitValue(t, c, ns, "two")

	polls, err := flux.Reconciles(t.Context(), "GitRepository", ns, "app")
	require.NoError(t, err)
	assert.Greater(t, polls, 3)
	applies, err := flux.Reconciles(t.Context(), "Kustomization", ns, "app")
	require.NoError(t, err)
	assert.Positive(t, applies)
	require.NoError(t, flux.Stop())
}

func configMap(value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {value: " + value + "}\n"
}

func awaitValue(t *testing.T, c *testbed.Cluster, ns, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := ""
	for got != want {
		if ctx.Err() != nil {
			log, _ := c.Log("kustomize-controller")
			t.Fatalf("the ConfigMap holds %q, not %q, after a minute\n%s", got, want, log)
		}
		got, _ = c.RunKubectl(ctx, "", "get", "configmap", "app", "-n", ns, "-o", "jsonpath={.data.value}")
		time.Sleep(100 * time.Millisecond)
	}
}
