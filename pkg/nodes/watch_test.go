package nodes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// startWatch runs a counter until the test ends.
func startWatch(t *testing.T, config *rest.Config, o nodes.Options) *nodes.Counter {
	t.Helper()
	counter := newCounter(t, config, o)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		counter.Watch(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return counter
}

// await waits for a count that satisfies, each time that the counter says it has news.
func await(t *testing.T, counter *nodes.Counter, limit time.Duration, what string, satisfies func(nodes.Count) bool) nodes.Count {
	t.Helper()
	late := time.After(limit)
	for {
		count := counter.Count()
		if satisfies(count) {
			return count
		}
		select {
		case <-counter.Changed():
		case <-late:
			require.FailNow(t, "not in time: "+what, "total %d, missing %v", count.Total, count.Missing)
		}
	}
}

// equals tells whether a count is complete and the same as an independent one.
func equals(want testbed.PodCounts) func(nodes.Count) bool {
	return func(c nodes.Count) bool {
		return !c.Partial() && c.NodesKnown && c.Total == want.Total && reflect.DeepEqual(want.Nodes, perNode(c))
	}
}

// churn changes pods at random: new ones, ended ones, deleted ones, moved by their successors.
type churn struct {
	t      *testing.T
	client kubernetes.Interface
	random *rand.Rand
	made   int
	alive  []corev1.Pod
}

func newChurn(t *testing.T, client kubernetes.Interface) *churn {
	return &churn{t: t, client: client, random: rand.New(rand.NewPCG(1, 2))}
}

func (c *churn) run(changes int) {
	c.t.Helper()
	for range changes {
		switch k := c.random.IntN(10); {
		case k < 5 || len(c.alive) == 0:
			c.create()
		case k < 7:
			c.end(c.take())
		case k < 9:
			c.remove(c.take())
		default:
			pod := c.take()
			c.remove(pod)
			c.createNamed(pod.Namespace, pod.Name) // the same key on another node
		}
	}
}

func (c *churn) take() corev1.Pod {
	i := c.random.IntN(len(c.alive))
	pod := c.alive[i]
	c.alive = append(c.alive[:i], c.alive[i+1:]...)
	return pod
}

func (c *churn) create() {
	c.made++
	// Two namespaces hold pods of the same name.
	c.createNamed(fmt.Sprintf("team-%03d", 1+c.random.IntN(20)), fmt.Sprintf("churn-%d", c.made/2))
}

func (c *churn) createNamed(namespace, name string) {
	node := ""
	if n := c.random.IntN(6); n > 0 {
		node = seeded.Nodes()[c.random.IntN(len(seeded.Nodes()))].Name
	}
	c.createOn(node, namespace, name)
}

func (c *churn) createOn(node, namespace, name string) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "app", Image: "app"}}, AutomountServiceAccountToken: new(bool)},
	}
	made, err := c.client.CoreV1().Pods(namespace).Create(c.t.Context(), pod, metav1.CreateOptions{})
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return
	}
	require.NoError(c.t, err)
	c.alive = append(c.alive, *made)
}

func (c *churn) end(pod corev1.Pod) {
	pod.Status.Phase = corev1.PodSucceeded
	_, err := c.client.CoreV1().Pods(pod.Namespace).UpdateStatus(c.t.Context(), &pod, metav1.UpdateOptions{})
	require.NoError(c.t, err)
}

func (c *churn) remove(pod corev1.Pod) {
	grace := int64(0)
	err := c.client.CoreV1().Pods(pod.Namespace).Delete(c.t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &grace})
	require.NoError(c.t, err)
}

func TestWatchStaysExactThroughChangesAndARestartOfTheAPIServer(t *testing.T) {
	t.Parallel()
	pods := testbed.NewPods(testbed.PodOptions{})
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{pods.Seed}, APIServerFlags: []string{"--disable-admission-plugins=ServiceAccount"}})
	client := c.Clientset(t)
	changes := newChurn(t, client)
	counter := startWatch(t, c.Config(), nodes.Options{Pending: true, Flux: true})
	changes.run(50) // while the first lists run
	await(t, counter, 20*time.Second, "changes during the first lists", equals(independent(t, client)))

	changes.run(300)
	await(t, counter, 5*time.Second, "300 changes", equals(independent(t, client)))

	require.NoError(t, c.KillAPIServer())
	interrupted := await(t, counter, 20*time.Second, "the interruption is told", func(n nodes.Count) bool { return n.Partial() })
	assert.Equal(t, nodes.WhatUpdates, interrupted.Missing[0].What)
	assert.Equal(t, kube.Unavailable, interrupted.Missing[0].Reason)
	assert.NotZero(t, interrupted.Total, "what was known stays")
	require.NoError(t, c.StartAPIServer(t.Context()))
	changes.run(100) // some of it before the watch is back
	await(t, counter, 30*time.Second, "100 changes after the restart", equals(independent(t, client)))
}

// These change pods, so they have a control plane of their own.
func TestWatch(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{})
	// Where no node is listed, those that pods name may be hidden: then no count is complete.
	_, err := c.Clientset(t).CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "there"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	for name, test := range map[string]func(*testing.T, *testbed.Cluster){
		"event":             showsAnEventWellUnderASecondLater,
		"gone":              listsAgainWhenItsVersionIsGone,
		"moved":             seesThatAPodHasMovedBetweenLists,
		"no watch":          tellsThatNoWatchRuns,
		"no watch of nodes": tellsThatNoWatchOfNodesRuns,
		"short watches":     tellsThatWatchesEnd,
		"details":           marksPodsThatComeDuringTheFirstList,
		"cut":               survivesCutConnections,
		"namespace by name": watchesEachNamespaceThatIsAllowed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

func showsAnEventWellUnderASecondLater(t *testing.T, c *testbed.Cluster) {
	proxy := faults.Start(t, c.Config(), nil)
	namespace := c.Namespace(t, nil)
	counter := startWatch(t, proxy.Config(), nodes.Options{Namespaces: []string{namespace}})
	await(t, counter, 20*time.Second, "the first list", func(n nodes.Count) bool { return !n.Partial() && n.NodesKnown })
	changes := newChurn(t, c.Clientset(t))
	for i := range 5 {
		changes.createNamed(namespace, fmt.Sprintf("pod-%d", i))
		await(t, counter, 500*time.Millisecond, "an event", func(n nodes.Count) bool { return n.Total == i+1 })
	}
}

func listsAgainWhenItsVersionIsGone(t *testing.T, c *testbed.Cluster) {
	proxy := faults.Start(t, c.Config(), nil)
	namespace := c.Namespace(t, nil)
	counter := startWatch(t, proxy.Config(), nodes.Options{Namespaces: []string{namespace}})
	changes := newChurn(t, c.Clientset(t))
	changes.createNamed(namespace, "first")
	await(t, counter, 20*time.Second, "the first pod", func(n nodes.Count) bool { return !n.Partial() && n.Total == 1 })

	// While the client is cut off, one pod goes and two come; then its version is gone.
	proxy.Set(func(*http.Request, int) faults.Fault { return faults.Fault{Status: http.StatusServiceUnavailable} })
	proxy.CutAll()
	changes.remove(changes.take())
	changes.createNamed(namespace, "second")
	changes.createNamed(namespace, "third")
	proxy.Set(goneOnce())
	await(t, counter, 30*time.Second, "the list after 410", func(n nodes.Count) bool { return !n.Partial() && n.Total == 2 })
}

// goneOnce answers 410 to the first watch of pods.
func goneOnce() faults.Rule {
	var gone atomic.Bool
	return func(r *http.Request, _ int) faults.Fault {
		pods := r.URL.Query().Get("watch") != "" && strings.HasSuffix(r.URL.Path, "/pods")
		return faults.Fault{Gone: pods && gone.CompareAndSwap(false, true)}
	}
}

// A pod of the first list comes back on another node while nobody watches: the second list has a row of
// the same name, which is another pod.
func seesThatAPodHasMovedBetweenLists(t *testing.T, c *testbed.Cluster) {
	proxy := faults.Start(t, c.Config(), nil)
	namespace := c.Namespace(t, nil)
	changes := newChurn(t, c.Clientset(t))
	changes.createOn("one", namespace, "web-0")
	counter := startWatch(t, proxy.Config(), nodes.Options{Namespaces: []string{namespace}})
	await(t, counter, 20*time.Second, "the pod", func(n nodes.Count) bool { return !n.Partial() && n.Pods["one"].Total == 1 })

	proxy.Set(func(*http.Request, int) faults.Fault { return faults.Fault{Status: http.StatusServiceUnavailable} })
	proxy.CutAll()
	changes.remove(changes.take())
	changes.createOn("two", namespace, "web-0")
	proxy.Set(goneOnce())
	await(t, counter, 30*time.Second, "the pod on its new node", func(n nodes.Count) bool {
		return !n.Partial() && n.Pods["one"].Total == 0 && n.Pods["two"].Total == 1
	})
}

// While watches are refused no watch runs, however often pods are listed: the count says so.
func tellsThatNoWatchRuns(t *testing.T, c *testbed.Cluster) {
	tellsOf(t, c, all, faults.Fault{Gone: true})
}

// A watch of nodes alone may be refused, too: which are there, and how old they are, is then old news.
func tellsThatNoWatchOfNodesRuns(t *testing.T, c *testbed.Cluster) {
	tellsOf(t, c, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/nodes") }, faults.Fault{Status: http.StatusServiceUnavailable})
}

// The same where each watch begins well, and ends at once.
func tellsThatWatchesEnd(t *testing.T, c *testbed.Cluster) {
	tellsOf(t, c, all, faults.Fault{Body: `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}}`})
}

func all(*http.Request) bool { return true }

// tellsOf shows that watches with a fault are told, and that it is told when they run again.
func tellsOf(t *testing.T, c *testbed.Cluster, which func(*http.Request) bool, fault faults.Fault) {
	t.Helper()
	proxy := faults.Start(t, c.Config(), nil)
	namespace := c.Namespace(t, nil)
	counter := startWatch(t, proxy.Config(), nodes.Options{Namespaces: []string{namespace}})
	await(t, counter, 20*time.Second, "the first list", func(n nodes.Count) bool { return !n.Partial() && n.NodesKnown })
	proxy.Set(func(r *http.Request, _ int) faults.Fault {
		if r.URL.Query().Get("watch") == "" || !which(r) {
			return faults.Fault{}
		}
		return fault
	})
	proxy.CutAll()
	await(t, counter, 20*time.Second, "the interruption is told", func(n nodes.Count) bool {
		return len(n.Missing) == 1 && n.Missing[0].What == nodes.WhatUpdates
	})
	proxy.Set(nil)
	await(t, counter, time.Minute, "the watch runs again", func(n nodes.Count) bool { return !n.Partial() })
}

// A pod comes while its namespace's list is on its way: it is in the list, and so must be in the details.
func marksPodsThatComeDuringTheFirstList(t *testing.T, c *testbed.Cluster) {
	namespace := c.Namespace(t, nil)
	changes := newChurn(t, c.Clientset(t))
	asked := make(chan struct{})
	proxy := faults.Start(t, c.Config(), func(r *http.Request, seen int) faults.Fault {
		if r.URL.Query().Get("includeObject") != "None" || seen > 0 {
			return faults.Fault{}
		}
		close(asked)
		return faults.Fault{Delay: time.Second}
	})
	counter := startWatch(t, proxy.Config(), nodes.Options{Namespaces: []string{namespace}, Pending: true, Flux: true})
	<-asked
	time.Sleep(500 * time.Millisecond) // lists of details that do not wait for the rows are done
	changes.createOn("one", namespace, "web-0")
	count := await(t, counter, 20*time.Second, "the first list", func(n nodes.Count) bool { return !n.Partial() && n.NodesKnown })
	assert.Equal(t, nodes.Pods{Total: 1, Pending: 1}, count.Pods["one"])
}

func survivesCutConnections(t *testing.T, c *testbed.Cluster) {
	proxy := faults.Start(t, c.Config(), nil)
	namespace := c.Namespace(t, nil)
	counter := startWatch(t, proxy.Config(), nodes.Options{Namespaces: []string{namespace}})
	changes := newChurn(t, c.Clientset(t))
	for i := range 3 {
		await(t, counter, 20*time.Second, "in step", func(n nodes.Count) bool { return !n.Partial() && n.Total == i })
		proxy.CutAll()
		changes.createNamed(namespace, fmt.Sprintf("pod-%d", i))
	}
	await(t, counter, 20*time.Second, "the last pod", func(n nodes.Count) bool { return !n.Partial() && n.Total == 3 })
}

func TestWatchNeverAsksForAWatchList(t *testing.T) {
	t.Parallel()
	proxy := faults.Start(t, bed.Cluster(t).Config(), nil)
	counter := startWatch(t, proxy.Config(), nodes.Options{})
	await(t, counter, 20*time.Second, "the count", func(n nodes.Count) bool { return !n.Partial() && n.NodesKnown })
	for _, request := range proxy.Requests() {
		assert.NotContains(t, request, "sendInitialEvents")
	}
}

func TestWatchMakesUpForNamespacesThatFailedAtFirst(t *testing.T) {
	t.Parallel()
	proxy := faults.Start(t, bed.Cluster(t).Config(), func(r *http.Request, seen int) faults.Fault {
		if strings.Contains(r.URL.Path, "/team-007/") && seen < quick().Tries {
			return faults.Fault{Status: http.StatusServiceUnavailable}
		}
		return faults.Fault{}
	})
	counter := startWatch(t, proxy.Config(), nodes.Options{})
	await(t, counter, 20*time.Second, "the gap is told", func(n nodes.Count) bool {
		return len(n.Missing) == 1 && n.Missing[0].Namespace == "team-007" && n.AtLeast
	})
	await(t, counter, 20*time.Second, "the gap is closed", func(n nodes.Count) bool { return !n.Partial() && n.NodesKnown })
}

func watchesEachNamespaceThatIsAllowed(t *testing.T, c *testbed.Cluster) {
	allowed := []string{c.Namespace(t, nil), c.Namespace(t, nil)}
	user := c.KubeconfigFor(t, "reader", "readers")
	allow(t, c, "namespaces-and-nodes", "readers", "", "namespaces,nodes", "get,list,watch")
	for _, namespace := range allowed {
		allow(t, c, "pods", "readers", namespace, "pods", "get,list,watch")
	}
	changes := newChurn(t, c.Clientset(t))
	counter := startWatch(t, configOf(t, user), nodes.Options{})
	await(t, counter, 20*time.Second, "the first list", func(n nodes.Count) bool { return n.Namespaces.Done == 2 })
	for i := range 6 {
		changes.createNamed(allowed[i%2], fmt.Sprintf("pod-%d", i))
	}
	count := await(t, counter, 5*time.Second, "pods of both namespaces", func(n nodes.Count) bool { return n.Total == 6 })
	assert.True(t, count.AtLeast)
	changes.remove(changes.take())
	await(t, counter, 5*time.Second, "a deletion", func(n nodes.Count) bool { return n.Total == 5 })

	later := c.Namespace(t, nil)
	allow(t, c, "pods", "readers", later, "pods", "get,list,watch")
	changes.createNamed(later, "in-a-new-namespace")
	await(t, counter, 20*time.Second, "a pod in a new namespace", func(n nodes.Count) bool { return n.Total == 6 })
}
