package testbed_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// A test that gets a control plane which another one had finds nothing of it, and one that brought kinds gives it away.
func TestOwnIsAsIfNewlyStarted(t *testing.T) {
	t.Parallel()
	shared := testbed.NewShared(testbed.Options{})
	var hosts []string
	use := func(name string, run func(t *testing.T, c *testbed.Cluster)) {
		t.Run(name, func(t *testing.T) {
			c := shared.Own(t, testbed.Fleet(testbed.FleetOptions{Projects: 2}))
			hosts = append(hosts, c.Config().Host)
			client := c.Clientset(t)
			namespaces, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err)
			assert.Len(t, namespaces.Items, 4+3)
			bindings, err := client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{LabelSelector: "!kubernetes.io/bootstrapping"})
			require.NoError(t, err)
			assert.Empty(t, bindings.Items)
			repositories, err := c.Objects(t, "gitrepository", "").List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err)
			assert.Len(t, repositories.Items, 2*3)
			run(t, c)
		})
	}
	use("first", func(t *testing.T, c *testbed.Cluster) {
		c.CreateNamespace(t, "left", nil)
		c.Kubectl(t, "create", "clusterrolebinding", "left", "--clusterrole=view", "--user=left")
		c.Apply(t, `{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: left, namespace: left}, spec: {interval: 1m, url: "https://github.com/acme/left"}}`)
	})
	use("second", func(t *testing.T, c *testbed.Cluster) {
		c.Kubectl(t, "label", "namespace", "default", "changed=yes")
	})
	use("third", func(t *testing.T, c *testbed.Cluster) {
		c.Kubectl(t, "delete", "crd", "buckets.source.toolkit.fluxcd.io")
	})
	use("fourth", func(*testing.T, *testbed.Cluster) {})
	require.Len(t, hosts, 4)
	assert.Equal(t, hosts[0], hosts[1], "the second gets the first's")
	assert.NotEqual(t, hosts[1], hosts[2], "a namespace that was there has changed")
	assert.NotEqual(t, hosts[2], hosts[3], "a kind that was there is gone")
	require.NoError(t, shared.Close())
}
