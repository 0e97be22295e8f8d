package testbed

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSeededPodsAreCountedRight(t *testing.T) {
	t.Parallel()
	pods := NewPods(PodOptions{})
	c := StartT(t, Options{Seed: []Seed{pods.Seed}})
	list, err := c.Clientset(t).CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	nodes, err := c.Clientset(t).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)

	served := PodCounts{Nodes: map[string]NodeCount{}, Namespaces: map[string]int{}}
	for _, node := range nodes.Items {
		served.Nodes[node.Name] = NodeCount{}
	}
	names, phases, terminating := map[string]int{}, map[corev1.PodPhase]int{}, 0
	for _, pod := range list.Items {
		served.add(&pod)
		names[pod.Name]++
		phases[pod.Status.Phase]++
		if pod.DeletionTimestamp != nil {
			terminating++
		}
	}
	assert.Equal(t, pods.Counts(), served)
	assert.Equal(t, 2613, served.Total)
	assert.Equal(t, 156, served.Finished)
	assert.Equal(t, 13, served.Unscheduled)
	assert.Len(t, nodes.Items, 104)
	assert.Equal(t, 30, names["redis-1"], "the same name in every namespace")
	assert.Equal(t, 26, terminating)
	assert.Equal(t, map[corev1.PodPhase]int{
		corev1.PodRunning: 2574, corev1.PodPending: 39, corev1.PodSucceeded: 130, corev1.PodFailed: 26,
	}, phases)
}

func TestSeededPodsAcceptUpdates(t *testing.T) {
	t.Parallel()
	pods := NewPods(PodOptions{Nodes: 4, Pods: 40, Namespaces: 2})
	c := StartT(t, Options{Seed: []Seed{pods.Seed}})
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
