package nodes_test

import (
	"cmp"
	"context"
	"flag"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// One control plane with the default 104 nodes and 2,613 pods serves the tests that change nothing.
var (
	seeded = testbed.NewPods(testbed.PodOptions{})
	bed    = testbed.NewShared(testbed.Options{Seed: []testbed.Seed{seeded.Seed}})
)

func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue && !testing.Short() {
		_ = checks.Value.Set("1500") // sequences of each property, in seconds
	}
	debug.SetGCPercent(1000) // short lives by the million
	debug.SetMemoryLimit(2 << 30)
	_ = flag.Set("test.parallel", "6") // many wait, for an API server or the end of a limit
	os.Exit(bed.Main(m))
}

// patient are limits for a machine that does much else; quick ones let what never comes end soon, and still
// leave a server beside all other tests the time to answer.
func patient() kube.Limits {
	return kube.Limits{Stall: 20 * time.Second, Tries: 3, Backoff: 10 * time.Millisecond}
}

func quick() kube.Limits {
	limits := patient()
	limits.Stall = 2 * time.Second
	return limits
}

func newCounter(t *testing.T, config *rest.Config, o nodes.Options) *nodes.Counter {
	t.Helper()
	if o.Limits == (kube.Limits{}) {
		o.Limits = patient()
	}
	o.Relist = cmp.Or(o.Relist, 300*time.Millisecond)
	counter, err := nodes.New(config, o)
	require.NoError(t, err)
	return counter
}

// within is a context for a count that must not take long.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func configOf(t *testing.T, kubeconfig string) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	return config
}

// assertExact compares with what was seeded, node by node.
func assertExact(t *testing.T, want testbed.PodCounts, got nodes.Count) {
	t.Helper()
	assert.Empty(t, got.Missing)
	assert.False(t, got.Partial())
	assert.Equal(t, want.Total, got.Total)
	assert.Equal(t, want.Unscheduled, got.Unscheduled.Total)
	assert.Equal(t, want.Nodes, perNode(got))
}

// perNode brings a count into the test bed's shape.
func perNode(c nodes.Count) map[string]testbed.NodeCount {
	all := map[string]testbed.NodeCount{}
	for _, n := range c.Nodes {
		all[n.Name] = testbed.NodeCount{}
	}
	for name, p := range c.Pods {
		all[name] = testbed.NodeCount{Pods: p.Total, Terminating: p.Terminating, Pending: p.Pending}
	}
	return all
}

// independent counts with plain typed lists.
func independent(t *testing.T, client kubernetes.Interface) testbed.PodCounts {
	t.Helper()
	list, err := client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	nodeList, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	counts := testbed.PodCounts{Nodes: map[string]testbed.NodeCount{}}
	for _, n := range nodeList.Items {
		counts.Nodes[n.Name] = testbed.NodeCount{}
	}
	for _, p := range list.Items {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		counts.Total++
		if p.Spec.NodeName == "" {
			counts.Unscheduled++
			continue
		}
		n := counts.Nodes[p.Spec.NodeName]
		n.Pods++
		if p.DeletionTimestamp != nil {
			n.Terminating++
		}
		if p.Status.Phase == corev1.PodPending {
			n.Pending++
		}
		counts.Nodes[p.Spec.NodeName] = n
	}
	return counts
}

// columns takes some columns of a table that kubectl printed.
func columns(table string, wanted ...int) string {
	var out strings.Builder
	for line := range strings.Lines(table) {
		cells := strings.Fields(line)
		for i, n := range wanted {
			if i > 0 {
				out.WriteByte(' ')
			}
			out.WriteString(cells[n])
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// allow binds a group to rights on resources, in one namespace or, when that is empty, in all, and
// waits until the API server knows.
func allow(t *testing.T, c *testbed.Cluster, name, group, namespace, resources, verbs string) {
	t.Helper()
	kind, where := "role", []string{"-n", namespace}
	if namespace == "" {
		kind, where = "clusterrole", nil
	}
	name = group + "-" + name
	c.Kubectl(t, append([]string{"create", kind, name, "--verb=" + verbs, "--resource=" + resources}, where...)...)
	c.Kubectl(t, append([]string{"create", kind + "binding", name, "--" + kind + "=" + name, "--group=" + group}, where...)...)
	first, _, _ := strings.Cut(resources, ",")
	require.Eventually(t, func() bool {
		out, err := c.RunKubectl(t.Context(), "", append([]string{
			"auth", "can-i", "list", first, "--as=someone", "--as-group=" + group, "--quiet=false",
		}, where...)...)
		return err == nil && strings.HasPrefix(out, "yes")
	}, 10*time.Second, 20*time.Millisecond)
}
