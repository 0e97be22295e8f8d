package testbed_test

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

func TestSeededPodsAreCountedRight(t *testing.T) {
	t.Parallel()
	pods := testbed.NewPods(testbed.PodOptions{})
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{pods.Seed}})
	list, err := c.Clientset(t).CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	nodes, err := c.Clientset(t).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)

	want := pods.Counts()
	assert.Equal(t, 2613, want.Total)
	assert.Equal(t, countPods(list.Items, nodes.Items), want)
	assert.Len(t, nodes.Items, 104)

	names, phases, terminating := map[string]int{}, map[corev1.PodPhase]int{}, 0
	for _, pod := range list.Items {
		names[pod.Name]++
		phases[pod.Status.Phase]++
		if pod.DeletionTimestamp != nil {
			terminating++
		}
	}
	assert.Equal(t, 30, names["redis-1"], "the same name in every namespace")
	assert.Equal(t, 26, terminating)
	assert.Equal(t, map[corev1.PodPhase]int{
		corev1.PodRunning: 2574, corev1.PodPending: 39, corev1.PodSucceeded: 130, corev1.PodFailed: 26,
	}, phases)
}

// countPods is the plain count over typed objects that the seed's own account is
// held against.
func countPods(pods []corev1.Pod, nodes []corev1.Node) testbed.PodCounts {
	got := testbed.PodCounts{Nodes: map[string]testbed.NodeCount{}, Namespaces: map[string]int{}}
	for _, node := range nodes {
		got.Nodes[node.Name] = testbed.NodeCount{}
	}
	for _, pod := range pods {
		switch pod.Status.Phase {
		case corev1.PodSucceeded, corev1.PodFailed:
			got.Finished++
			continue
		}
		got.Total++
		got.Namespaces[pod.Namespace]++
		name := pod.Spec.NodeName
		if name == "" {
			got.Unscheduled++
			continue
		}
		n := got.Nodes[name]
		n.Pods++
		if pod.DeletionTimestamp != nil {
			n.Terminating++
		}
		if pod.Status.Phase == corev1.PodPending {
			n.Pending++
		}
		got.Nodes[name] = n
	}
	return got
}

func TestSeededPodsAcceptUpdates(t *testing.T) {
	t.Parallel()
	pods := testbed.NewPods(testbed.PodOptions{Nodes: 4, Pods: 40, Namespaces: 2})
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{pods.Seed}})
	client := c.Clientset(t).CoreV1()
	list, err := client.Pods("team-001").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, pod := range list.Items {
		pod.Labels["changed"] = "yes"
		_, err := client.Pods(pod.Namespace).Update(t.Context(), &pod, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
	nodes, err := client.Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, node := range nodes.Items {
		node.Spec.Unschedulable = true
		_, err := client.Nodes().Update(t.Context(), &node, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
	grace := int64(0)
	require.NoError(t, client.Pods("team-001").Delete(t.Context(), list.Items[0].Name,
		metav1.DeleteOptions{GracePeriodSeconds: &grace}))
}

// TestSeedScale measures; it runs when TESTBED_SCALE gives a number of pods. A
// fleet of 10,000 objects comes with them.
func TestSeedScale(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("TESTBED_SCALE"))
	if err != nil {
		t.Skip("set TESTBED_SCALE=150000 to measure seeding at scale")
	}
	pods := testbed.NewPods(testbed.PodOptions{Nodes: max(1, n/30), Pods: n, Namespaces: 300})
	fleet := testbed.Fleet(testbed.FleetOptions{Projects: 100, Namespaces: 25, Environments: []string{"a", "b"}})
	started := time.Now()
	step := func(done string, seed testbed.Seed) testbed.Seed {
		return func(ctx context.Context, store *testbed.Store) error {
			err := seed(ctx, store)
			t.Logf("%8.1fs %s", time.Since(started).Seconds(), done)
			return err
		}
	}
	nothing := func(context.Context, *testbed.Store) error { return nil }
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{
		step("etcd runs", nothing), step("10,000 Flux objects stored", fleet), step("pods stored", pods.Seed),
	}})
	t.Logf("%8.1fs all served", time.Since(started).Seconds())
	status, err := os.ReadFile("/proc/" + strconv.Itoa(c.APIServerPID()) + "/status")
	require.NoError(t, err)
	t.Logf("kube-apiserver has %s", regexp.MustCompile(`VmRSS:\s+(.*)`).FindSubmatch(status)[1])
	assert.Equal(t, n, pods.Counts().Total)
	out, _ := exec.Command("ps", "-o", "pid,time,args", "-C", "kube-apiserver,etcd").CombinedOutput()
	t.Logf("%d %s", c.APIServerPID(), out)
}
