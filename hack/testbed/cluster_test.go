package testbed_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

var bed = testbed.NewShared(testbed.Options{})

func TestCRDsAreServed(t *testing.T) {
	c := bed.Cluster(t)
	want := map[string]string{
		"GitRepository":         "source.toolkit.fluxcd.io/v1",
		"OCIRepository":         "source.toolkit.fluxcd.io/v1",
		"Bucket":                "source.toolkit.fluxcd.io/v1",
		"HelmRepository":        "source.toolkit.fluxcd.io/v1",
		"HelmChart":             "source.toolkit.fluxcd.io/v1",
		"Kustomization":         "kustomize.toolkit.fluxcd.io/v1",
		"HelmRelease":           "helm.toolkit.fluxcd.io/v2",
		"ImageRepository":       "image.toolkit.fluxcd.io/v1",
		"ImagePolicy":           "image.toolkit.fluxcd.io/v1",
		"ImageUpdateAutomation": "image.toolkit.fluxcd.io/v1",
		"Receiver":              "notification.toolkit.fluxcd.io/v1",
	}
	_, lists, err := c.Clientset(t).Discovery().ServerGroupsAndResources()
	require.NoError(t, err)
	got := map[string]string{}
	for _, list := range lists {
		for _, r := range list.APIResources {
			if _, ok := want[r.Kind]; ok && !strings.Contains(r.Name, "/") {
				got[r.Kind] = list.GroupVersion
			}
		}
	}
	assert.Equal(t, want, got)
}

func TestUserWithoutRightsIsRefused(t *testing.T) {
	c := bed.Cluster(t)
	ns := c.Namespace(t, nil)
	config, err := clientcmd.BuildConfigFromFlags("", c.KubeconfigFor(t, "alice", "team-a"))
	require.NoError(t, err)
	alice, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	_, err = alice.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
	require.True(t, apierrors.IsForbidden(err), "got %v", err)
	assert.ErrorContains(t, err, `User "alice" cannot list`)

	c.Kubectl(t, "create", "role", "reader", "-n", ns, "--verb=get,list,watch", "--resource=pods")
	c.Kubectl(t, "create", "rolebinding", "team-a", "-n", ns, "--role=reader", "--group=team-a")
	require.Eventually(t, func() bool { // the authorizer learns of roles by a watch
		_, err = alice.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		return err == nil
	}, 5*time.Second, 20*time.Millisecond, "still refused: %v", err)
}

func TestKilledAPIServerComesBackWithItsData(t *testing.T) {
	c := testbed.StartT(t, testbed.Options{
		WithoutCRDs: []string{"receivers.notification.toolkit.fluxcd.io"},
	})
	client := c.Clientset(t)
	ns := c.Namespace(t, nil)
	require.NoError(t, c.KillAPIServer())
	_, err := client.CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{})
	require.Error(t, err)
	require.NoError(t, c.StartAPIServer(t.Context()))
	_, err = client.CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{})
	require.NoError(t, err, "the same client works again, on the same port with the same user")

	kinds := c.Kubectl(t, "api-resources", "--no-headers", "--api-group=notification.toolkit.fluxcd.io")
	assert.NotContains(t, kinds, "Receiver")
	require.NoError(t, c.KillAPIServer())

	// Behind the cluster's back, as a machine without memory does.
	require.NoError(t, syscall.Kill(pidOf(t, c.Dir(), "etcd"), syscall.SIGKILL))
	require.ErrorContains(t, c.StartAPIServer(t.Context()), "etcd ended by itself: signal: killed", "not after minutes, and not of kube-apiserver")
}

// pidOf reads the process id of a program of the cluster in a directory.
func pidOf(t *testing.T, dir, program string) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, program+".pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(data))
	require.NoError(t, err)
	return pid
}
