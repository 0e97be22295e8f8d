package testbed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

func TestFleetIsWhatItSays(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{testbed.Fleet(testbed.FleetOptions{})}})
	for _, kind := range []string{"gitrepository", "kustomization"} {
		list, err := c.Objects(t, kind, "").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		perNamespace := map[string]int{}
		for _, obj := range list.Items {
			perNamespace[obj.GetNamespace()]++
			interval, _, _ := unstructured.NestedString(obj.Object, "spec", "interval")
			require.Equal(t, "5m", interval)
		}
		assert.Equal(t, map[string]int{"development": 26, "staging": 26, "production": 26}, perNamespace)
		// A write makes the API server validate the whole object and merge its
		// managedFields: what was stored by the back door must be good for both.
		for _, obj := range list.Items[:3] {
			require.NoError(t, unstructured.SetNestedField(obj.Object, "1m", "spec", "interval"))
			_, err := c.Objects(t, kind, obj.GetNamespace()).Update(t.Context(), &obj, metav1.UpdateOptions{FieldManager: "test", FieldValidation: "Strict"})
			require.NoError(t, err)
		}
	}
	out := c.Kubectl(t, "get", "ns", "-l", "environment=staging", "-o", "name")
	assert.Equal(t, "namespace/staging\n", out)
	out = c.Kubectl(t, "get", "ks", "-n", "staging", "project-07", "--no-headers")
	assert.Contains(t, out, "True")
}

func TestFleetSeededUnderARunningAPIServerIsWatched(t *testing.T) {
	c := bed.Cluster(t)
	late := fmt.Sprintf("late-%d", time.Now().UnixNano())
	watch, err := c.Objects(t, "kustomization", late+"-002").Watch(t.Context(), metav1.ListOptions{ResourceVersion: "0"})
	require.NoError(t, err)
	defer watch.Stop()
	seed := testbed.Fleet(testbed.FleetOptions{Projects: 3, Environments: []string{late}, Namespaces: 2, GitOwned: true})
	require.NoError(t, seed(t.Context(), c.Store()))
	for range 3 {
		select {
		case event := <-watch.ResultChan():
			obj, ok := event.Object.(*unstructured.Unstructured)
			require.True(t, ok)
			assert.Equal(t, "flux-system", obj.GetLabels()["kustomize.toolkit.fluxcd.io/name"])
			assert.Equal(t, "kustomize-controller", obj.GetManagedFields()[0].Manager)
		case <-time.After(5 * time.Second):
			t.Fatal("no event")
		}
	}
	for _, namespace := range []string{late + "-001", late + "-002"} {
		list, err := c.Objects(t, "gitrepository", namespace).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		assert.Len(t, list.Items, 3)
	}
}
