package nodes_test

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

func TestOnceIsExact(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	atOnce := newCounter(t, c.Config(), nodes.Options{Pending: true, Flux: true}).AtOnce().Once(within(t, time.Minute))
	assert.Equal(t, nodes.Progress{Done: 1}, atOnce.Namespaces)
	each := newCounter(t, c.Config(), nodes.Options{Pending: true, Flux: true}).ByNamespace().Once(within(t, time.Minute))
	assert.Equal(t, nodes.Progress{Done: 35, Total: 35}, each.Namespaces)
	for _, count := range []nodes.Count{atOnce, each} {
		assertExact(t, seeded.Counts(), count)
		assertExact(t, independent(t, c.Clientset(t)), count)
		require.Equal(t, 2613, count.Total)
		require.Len(t, count.Nodes, 104)
		assertFlux(t, count)
	}
}

func assertFlux(t *testing.T, count nodes.Count) {
	t.Helper()
	var controllers []string
	for _, p := range count.Pods {
		controllers = append(controllers, p.Flux...)
	}
	slices.Sort(controllers)
	assert.Equal(t, []string{
		"helm-controller", "image-automation-controller", "image-reflector-controller",
		"kustomize-controller", "notification-controller", "source-controller",
	}, controllers)
}

func TestOnceIsExactAtThirtyThousandPods(t *testing.T) {
	t.Parallel()
	pods := testbed.NewPods(testbed.PodOptions{Nodes: 1000, Pods: 30000, Namespaces: 100})
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{pods.Seed}})
	config, received := c.Config(), new(atomic.Int64)
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return countedConn{conn, received}, err
	}
	count := newCounter(t, config, nodes.Options{Pending: true, Flux: true}).Once(within(t, time.Minute))
	require.Equal(t, 30000, count.Total)
	assertExact(t, pods.Counts(), count)
	// 0.78 MB are the pods', 0.33 MB the nodes', the rest are the details of -o wide.
	assert.Less(t, received.Load(), int64(1_600_000), "the answers are compressed")
}

// countedConn counts what arrives.
type countedConn struct {
	net.Conn
	received *atomic.Int64
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

func TestOnceCountsOnlyTheNamespacesAskedFor(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	asked := []string{"team-001", "team-002", "does-not-exist"}
	count := newCounter(t, c.Config(), nodes.Options{Namespaces: asked}).Once(within(t, time.Minute))
	want := seeded.Counts().Namespaces
	assert.Equal(t, want["team-001"]+want["team-002"], count.Total)
	assert.Equal(t, asked, count.Scope)
	require.Len(t, count.Missing, 1, "a typing error is not an empty namespace")
	assert.Equal(t, nodes.WhatNamespaces, count.Missing[0].What)
	assert.Equal(t, "does-not-exist", count.Missing[0].Namespace)
	assert.Equal(t, kube.NotFound, count.Missing[0].Reason)
	assert.False(t, count.AtLeast, "there are no pods in it")
}

func TestANamespaceCountsOnce(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	count := newCounter(t, c.Config(), nodes.Options{Namespaces: []string{"team-002", "team-001", "team-002"}}).Once(within(t, time.Minute))
	want := seeded.Counts().Namespaces
	assert.Equal(t, want["team-001"]+want["team-002"], count.Total)
	assert.Equal(t, []string{"team-002", "team-001"}, count.Scope)
	assert.False(t, count.Partial())

	_, err := nodes.New(c.Config(), nodes.Options{Namespaces: []string{"team-001", ""}})
	require.EqualError(t, err, "preparing to count: a namespace has no name")
}

func TestNodesLookAsInKubectl(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	count := newCounter(t, c.Config(), nodes.Options{NodeLabels: []string{"topology.kubernetes.io/zone"}}).Once(within(t, time.Minute))
	var got string
	for _, n := range count.Nodes {
		roles := "<none>"
		if len(n.Roles) > 0 {
			roles = n.Roles[0]
			for _, r := range n.Roles[1:] {
				roles += "," + r
			}
		}
		got += n.Name + " " + n.Status + " " + roles + " " + n.Version + "\n"
		assert.NotEmpty(t, n.Labels["topology.kubernetes.io/zone"])
		require.NotNil(t, n.Capacity)
		assert.Positive(t, *n.Capacity)
	}
	table := c.Kubectl(t, "get", "nodes", "--no-headers", "-o", "wide")
	assert.Equal(t, columns(table, 0, 1, 2, 4), got)
}

func TestManyNamespacesAreReadInPages(t *testing.T) {
	t.Parallel()
	pods := testbed.NewPods(testbed.PodOptions{Nodes: 20, Pods: 3000, Namespaces: 600})
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{pods.Seed}})
	proxy := faults.Start(t, c.Config(), nil)
	assertExact(t, pods.Counts(), newCounter(t, proxy.Config(), nodes.Options{Pending: true, Flux: true}).Once(within(t, time.Minute)))
	assert.Less(t, len(proxy.Requests()), 10)

	counter := startWatch(t, c.Config(), nodes.Options{Pending: true, Flux: true})
	await(t, counter, time.Minute, "all pods by name", equals(pods.Counts()))

	allow(t, c, "scope", "few", "", "namespaces,nodes", "list")
	allow(t, c, "pods", "few", "team-500", "pods", "list")
	count := newCounter(t, configOf(t, c.KubeconfigFor(t, "few", "few")), nodes.Options{}).Once(within(t, time.Minute))
	assert.Equal(t, pods.Counts().Namespaces["team-500"], count.Total)
	assert.Equal(t, 1, count.Namespaces.Done)
	assert.Len(t, count.Missing, count.Namespaces.Total-1)
}
