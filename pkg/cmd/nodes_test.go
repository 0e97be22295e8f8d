package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// nodeBed is a small cluster whose ages are those of the tests' clock.
var (
	nodePods = testbed.NewPods(testbed.PodOptions{Nodes: 12, Pods: 300, Namespaces: 5, Random: 7, Now: noon})
	nodeBed  = testbed.Options{Seed: []testbed.Seed{nodePods.Seed}}
)

// nodeCases are calls of nodes on that cluster.
func nodeCases() []golden {
	return []golden{
		{name: "nodes/help", args: "nodes --help"},
		{name: "nodes/table", args: "nodes"},
		{name: "nodes/wide", args: "nodes -o wide"},
		{name: "nodes/json", args: "nodes --top 2 -o json"},
		{name: "nodes/yaml", args: "nodes --top 1 -o yaml"},
		{name: "nodes/name", args: "nodes -o name"},
		{name: "nodes/csv", args: "nodes -o csv"},
		{name: "nodes/csv-no-headers", args: "nodes -o csv --no-headers --top 1"},
		{name: "nodes/custom-columns", args: "nodes -o custom-columns=NODE:.name,PODS:.pods,USE:.use --sort-by use"},
		{name: "nodes/jsonpath", args: `nodes -o 'jsonpath={.summary.pods} {.summary.fullest.name}{"\n"}'`},
		{name: "nodes/no-headers", args: "nodes --no-headers"},
		{name: "nodes/sort-by-pods", args: "nodes --sort-by pods"},
		{name: "nodes/sort-by-age", args: "nodes --sort-by age"},
		{name: "nodes/sort-by-field", args: "nodes --sort-by .version"},
		{name: "nodes/top", args: "nodes --top 3"},
		{name: "nodes/selector", args: "nodes -l topology.kubernetes.io/zone=eu-central-1a"},
		{name: "nodes/selector-none", args: "nodes -l nobody=has-this"},
		{name: "nodes/fail-above-none", args: "nodes -l nobody=has-this --fail-above 50%"},
		{name: "nodes/selector-bad", args: "nodes -l 'zone in a'"},
		{name: "nodes/group-by-zone", args: "nodes --group-by zone"},
		{name: "nodes/group-by-pool", args: "nodes --group-by pool --sort-by use -o wide"},
		{name: "nodes/group-by-label", args: "nodes --group-by kubernetes.io/arch -o json"},
		{name: "nodes/group-by-csv", args: "nodes --group-by pool -o csv"},
		{name: "nodes/group-by-age", args: "nodes --group-by pool --sort-by age"},
		{name: "nodes/namespace", args: "nodes -n team-001 --top 2"},
		{name: "nodes/namespace-csv", args: "nodes -n team-001 -o csv --top 1"},
		{name: "nodes/namespaces", args: "nodes -n team-001,flux-system -o json --top 1"},
		{name: "nodes/terminal-80", args: "nodes", with: onTerminal(80)},
		{name: "nodes/terminal-160", args: "nodes --color never", with: onTerminal(160)},
		{name: "nodes/watch-csv", args: "nodes --watch -o csv"},
		{name: "nodes/top-negative", args: "nodes --top -1"},
		{name: "nodes/timeout-zero", args: "nodes --timeout 0s"},
		{name: "nodes/contexts-twice", args: "nodes --contexts a --all-contexts"},
		{name: "nodes/argument", args: "nodes node-1"},
		{name: "nodes/names", args: "nodes ip-10-0-0-9.eu-central-1.compute.internal aks-memory-88762473-vmss000003"},
		{name: "nodes/names-got", args: "nodes ip-10-0-0-9.eu-central-1.compute.internal", with: behind(noNodes)},
		{name: "nodes/namespace-twice", args: "nodes -n team-001,team-001 --top 1"},
		{name: "nodes/namespace-spaces", args: "nodes -n 'team-001, flux-system' --top 1"},
		{name: "nodes/namespace-empty", args: "nodes -n team-001,"},
		{name: "nodes/namespace-missing", args: "nodes -n team-001,team-099 --top 1"},
		{name: "nodes/fail-above", args: "nodes --top 1 --fail-above 70%"},
		{name: "nodes/fail-above-ok", args: "nodes --top 1 --fail-above 90%"},
		{name: "nodes/sort-backwards", args: "nodes --sort-by -use --top 3"},
		{name: "nodes/sort-by-cpu-not-served", args: "nodes --sort-by cpu --top 1"},
		{name: "nodes/sort-by-cpu", args: "nodes --sort-by -cpu --top 3", with: behind(nodeMetrics)},
		{name: "nodes/wide-usage", args: "nodes -o wide --top 2", with: behind(nodeMetrics)},
		{name: "nodes/sort-by-unread", args: "nodes --sort-by capacity --top 2", with: behind(noNodes)},
		{name: "nodes/selector-unread", args: "nodes -l topology.kubernetes.io/zone=eu-central-1a", with: behind(noNodes)},
		{name: "nodes/groups-unread", args: "nodes --group-by zone", with: behind(noNodes)},
		{name: "nodes/contexts-same", args: "nodes --contexts blue,blue,navy --top 1", with: severalContexts},
		{name: "nodes/contexts-name", args: "nodes --contexts blue,lost -o name", with: severalContexts},
		{name: "nodes/names-selected", args: "nodes node-1 -l a=b"},
		{name: "nodes/contexts-tls", args: "nodes --contexts blue --tls-server-name blue.test", with: severalContexts},
		{name: "nodes/contexts-server", args: "nodes --contexts blue --server https://127.0.0.1:1", with: severalContexts},
		{name: "nodes/east-asian", args: "nodes --top 2", with: inLocale("ja_JP.UTF-8", 160)},
		{name: "nodes/escape-codes", args: "nodes", with: behind(scribbling)},
		{name: "nodes/partial-timeout", args: "nodes --timeout 2s", with: behind(neverFrom("team-002", "team-004"))},
		{name: "nodes/partial-timeout-wide", args: "nodes --timeout 2s -o wide --no-headers", with: behind(neverFrom("team-002"))},
		{name: "nodes/partial-groups", args: "nodes --timeout 2s --group-by zone", with: behind(neverFrom("team-002"))},
		{name: "nodes/partial-csv", args: "nodes --timeout 2s -o csv --top 2", with: behind(neverFrom("team-002"))},
		{name: "nodes/nothing-counted", args: "nodes --timeout 2s", with: behind(func(r *http.Request, _ int) faults.Fault {
			if strings.HasSuffix(r.URL.Path, "/pods") {
				return faults.Fault{Status: http.StatusNotFound}
			}
			return faults.Fault{}
		})},
		{name: "nodes/contexts", args: "nodes --contexts blue,green,lost --top 3 --timeout 2s", with: severalContexts},
		{name: "nodes/by-cluster", args: "nodes --contexts blue,green --timeout 2s --group-by cluster --sort-by use", with: severalContexts},
		{name: "nodes/by-cluster-of-one", args: "nodes --group-by cluster"},
		{name: "nodes/contexts-unknown", args: "nodes --contexts blue,purple", with: severalContexts},
		{name: "nodes/contexts-json", args: "nodes --contexts blue,lost --top 1 -o json", with: severalContexts},
		{name: "nodes/contexts-two-addresses", args: "nodes --contexts blue,azure --top 1 --as somebody --as-group all-listers", with: severalContexts},
		{name: "nodes/forbidden", args: "nodes --as somebody --as-group team-readers"},
		{name: "nodes/forbidden-json", args: "nodes --as somebody --as-group team-readers --top 1 -o json"},
		{name: "nodes/own-namespace", args: "nodes -n team-001 --as somebody --as-group team-one"},
		{name: "nodes/own-context", args: "nodes --as somebody --as-group default-readers"},
		{name: "nodes/nothing-allowed", args: "nodes --as somebody"},
	}
}

// behind puts a proxy with faults between the caller and the cluster.
func behind(rule faults.Rule) tweak {
	return func(t *testing.T, c *testbed.Cluster, i invocation) invocation {
		t.Helper()
		i.kubeconfig = faults.Start(t, c.Config(), rule).Kubeconfig(t, "proxy", "default")
		return i
	}
}

// noNodes refuses to list nodes.
func noNodes(r *http.Request, _ int) faults.Fault {
	if r.URL.Path == "/api/v1/nodes" {
		return faults.Fault{Status: http.StatusForbidden}
	}
	return faults.Fault{}
}

// nodeMetrics stands for metrics-server.
func nodeMetrics(r *http.Request, _ int) faults.Fault {
	if r.URL.Path != "/apis/metrics.k8s.io/v1beta1/nodes" {
		return faults.Fault{}
	}
	var items []string
	for i, n := range nodePods.Nodes() {
		items = append(items, fmt.Sprintf(`{"metadata":{"name":%q},"timestamp":%q,"usage":{"cpu":"%dm","memory":"%dMi"}}`, n.Name, time.Now().Format(time.RFC3339), 250+500*i, 2000+1000*i))
	}
	return faults.Fault{Body: `{"kind":"NodeMetricsList","items":[` + strings.Join(items, ",") + `]}`}
}

// scribbling answers with messages that would write to a terminal.
func scribbling(r *http.Request, _ int) faults.Fault {
	return faults.Fault{Status: http.StatusForbidden, Body: `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no\u001b[2J\u0007 access"}`}
}

// inLocale is a terminal of some width in a locale.
func inLocale(locale string, width int) tweak {
	return func(t *testing.T, c *testbed.Cluster, i invocation) invocation {
		t.Helper()
		i = onTerminal(width)(t, c, i)
		i.env = map[string]string{"LANG": locale, "NO_COLOR": "1"}
		return i
	}
}

// atOnce tells whether a request is for all pods at once.
func atOnce(r *http.Request) bool {
	return r.URL.Path == "/api/v1/pods" && !r.URL.Query().Has("limit") && !r.URL.Query().Has("labelSelector") && !r.URL.Query().Has("watch")
}

// neverFrom never answers for the pods of namespaces, to a client that may not list all at once.
func neverFrom(namespaces ...string) faults.Rule {
	return func(r *http.Request, _ int) faults.Fault {
		if r.URL.Path == "/api/v1/pods" {
			return faults.Fault{Status: http.StatusForbidden}
		}
		for _, namespace := range namespaces {
			if r.URL.Path == "/api/v1/namespaces/"+namespace+"/pods" {
				return faults.Fault{Delay: time.Hour}
			}
		}
		return faults.Fault{}
	}
}

// severalContexts has blue and navy, which are one cluster, azure, which is
// the same at another address, green, which never answers, and lost, whose certificate
// authority is missing.
func severalContexts(t *testing.T, c *testbed.Cluster, i invocation) invocation {
	t.Helper()
	blue := faults.Start(t, c.Config(), nil).Kubeconfig(t, "blue", "default")
	green := faults.Start(t, c.Config(), func(*http.Request, int) faults.Fault { return faults.Fault{Delay: time.Hour} }).Kubeconfig(t, "green", "default")
	all, err := clientcmd.LoadFromFile(blue)
	require.NoError(t, err)
	other, err := clientcmd.LoadFromFile(green)
	require.NoError(t, err)
	all.Clusters["green"], all.AuthInfos["green"], all.Contexts["green"] = other.Clusters["green"], other.AuthInfos["green"], other.Contexts["green"]
	all.Clusters["navy"], all.AuthInfos["navy"] = all.Clusters["blue"], all.AuthInfos["blue"]
	all.Contexts["navy"] = &clientcmdapi.Context{Cluster: "navy", AuthInfo: "navy"}
	azure, err := clientcmd.LoadFromFile(faults.Start(t, c.Config(), nil).Kubeconfig(t, "azure", "default"))
	require.NoError(t, err)
	all.Clusters["azure"], all.AuthInfos["azure"], all.Contexts["azure"] = azure.Clusters["azure"], azure.AuthInfos["azure"], azure.Contexts["azure"]
	all.Clusters["lost"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1", CertificateAuthority: "/nowhere/ca.crt"}
	all.Contexts["lost"] = &clientcmdapi.Context{Cluster: "lost", AuthInfo: "green"}
	i.kubeconfig = t.TempDir() + "/kubeconfig"
	require.NoError(t, clientcmd.WriteToFile(*all, i.kubeconfig))
	return i
}

// nodeRights binds the groups that the cases impersonate.
const nodeRights = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: nodes-and-namespaces}
rules: [{apiGroups: [""], resources: [nodes, namespaces], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: pods}
rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: nodes-and-pods}
rules: [{apiGroups: [""], resources: [nodes, pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: all-listers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nodes-and-pods}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: all-listers}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: team-readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nodes-and-namespaces}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: team-readers}]
`

func nodeBinding(group, namespace string) string {
	return fmt.Sprintf(`---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: %[1]s, namespace: %[2]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pods}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: %[1]s}]
`, group, namespace)
}

func TestGoldenNodes(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, nodeBed)
	rights := nodeRights + nodeBinding("team-one", "team-001") + nodeBinding("default-readers", "default")
	for _, namespace := range []string{"default", "kube-system", "kube-public", "kube-node-lease", "flux-system", "team-001", "team-003", "team-005"} {
		rights += nodeBinding("team-readers", namespace)
	}
	c.Apply(t, rights)
	for group, namespace := range map[string]string{"team-readers": "team-005", "team-one": "team-001", "default-readers": "default"} {
		require.Eventually(t, func() bool {
			_, err := c.RunKubectl(t.Context(), "", "get", "pods", "-n", namespace, "--as=somebody", "--as-group="+group)
			return err == nil
		}, 10*time.Second, 20*time.Millisecond)
	}
	t.Run("cases", func(t *testing.T) {
		for _, g := range nodeCases() {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				g.check(t, c)
			})
		}
	})
	t.Run("faults", func(t *testing.T) { testNodeFaults(t, c) })
	t.Run("watch", func(t *testing.T) { testNodesWatch(t, c) })
	t.Run("watch on a terminal", func(t *testing.T) { testNodesRedraw(t, c) })
	t.Run("watch of a cluster that comes", func(t *testing.T) { testNodesWatchOfAClusterThatComes(t, c) })
	t.Run("progress", func(t *testing.T) { testNodesProgress(t, c) })
	t.Run("interrupt", func(t *testing.T) { testNodesInterrupted(t, c) })
}

// testNodeFaults holds table, JSON and exit code against everything that can go wrong with one
// namespace.
func testNodeFaults(t *testing.T, c *testbed.Cluster) {
	var asserts []func()
	for name, test := range map[string]struct {
		fault  faults.Fault
		reason kube.Reason
	}{
		"slow":                 {faults.Fault{Delay: time.Hour}, kube.Timeout},
		"stalled half way":     {faults.Fault{Stall: 5000}, kube.Timeout},
		"cut half way":         {faults.Fault{Cut: 5000}, kube.Unavailable},
		"503 with Retry-After": {faults.Fault{Status: http.StatusServiceUnavailable, RetryAfter: 60}, kube.Timeout},
		"429 with Retry-After": {faults.Fault{Status: http.StatusTooManyRequests, RetryAfter: 60}, kube.Throttled},
		"forbidden":            {faults.Fault{Status: http.StatusForbidden}, kube.Forbidden},
	} {
		rule := func(r *http.Request, _ int) faults.Fault {
			if r.URL.Path == "/api/v1/pods" {
				return faults.Fault{Status: http.StatusForbidden}
			}
			if r.URL.Path == "/api/v1/namespaces/team-002/pods" {
				return test.fault
			}
			return faults.Fault{}
		}
		i := behind(rule)(t, c, on(c))
		// All at once: most of the time they wait.
		table, document := make(chan outcome, 1), make(chan outcome, 1)
		go func() { table <- i.run(t.Context(), "nodes", "--timeout", "6s") }()
		go func() { document <- i.run(t.Context(), "nodes", "--timeout", "6s", "-o", "json") }()
		asserts = append(asserts, func() {
			t.Run(name, func(t *testing.T) {
				assertPartialTable(t, <-table)
				assertPartialDocument(t, <-document, test.reason)
			})
		})
	}
	start := time.Now()
	for _, run := range asserts {
		run()
	}
	assert.Less(t, time.Since(start), 30*time.Second)
}

func assertPartialTable(t *testing.T, table outcome) {
	t.Helper()
	assert.Equal(t, 3, table.code)
	lines := strings.Split(table.stdout, "\n")
	assert.Regexp(t, `^PARTIAL: (all )?pods of 9 of 10 namespaces(, some of others)?; (no access to|not in time|throttled|failed): team-002$`, lines[0])
	assert.Regexp(t, `(?m)^TOTAL +\d+\+ `, table.stdout)
	assert.NotRegexp(t, `(?m)Ready .* 0 +\d+ +0`, table.stdout, "0 is not what is unknown")
}

func assertPartialDocument(t *testing.T, document outcome, reason kube.Reason) {
	t.Helper()
	assert.Equal(t, 3, document.code)
	var list report.NodeList
	require.NoError(t, json.Unmarshal([]byte(document.stdout), &list))
	assert.True(t, list.Partial)
	var missing []report.NodeMissing
	for _, m := range list.Missing {
		if m.What == nodes.WhatPods {
			missing = append(missing, m)
		}
	}
	require.Len(t, missing, 1)
	assert.Equal(t, "team-002", missing[0].Namespace)
	assert.Equal(t, string(reason), missing[0].Reason, missing[0].Message)
	assert.Contains(t, missing[0].Message, `listing pods in namespace "team-002"`)
	want := nodePods.Counts()
	assert.Equal(t, want.Total-want.Namespaces["team-002"]+missing[0].PodsSeen, *list.Summary.Pods)
}

// liveRun is a call that goes on until the test ends it.
type liveRun struct {
	out, errOut lockedBuffer
	stop        context.CancelFunc
	code        chan int
}

func startNodes(t *testing.T, kubeconfig string, sys System, args ...string) *liveRun {
	t.Helper()
	r := &liveRun{code: make(chan int, 1)}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	sys.IOStreams = genericiooptions.IOStreams{In: strings.NewReader(""), Out: &r.out, ErrOut: &r.errOut}
	if sys.Getenv == nil {
		sys.Getenv = func(string) string { return "" }
	}
	if sys.Now == nil {
		sys.Now = func() time.Time { return noon }
	}
	go func() {
		r.code <- Run(ctx, sys, Build{Version: "v0.0.0-test"}, append([]string{"kubectl-fluxtune", "--kubeconfig", kubeconfig}, args...))
	}()
	t.Cleanup(stop)
	return r
}

func (r *liveRun) awaitOutput(t *testing.T, what string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(r.out.String(), what) }, 20*time.Second, 10*time.Millisecond, "waiting for %q in:\n%s\n%s", what, &r.out, &r.errOut)
}

func podOn(node, name, namespace string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s}\n"+
		"spec: {nodeName: %s, automountServiceAccountToken: false, containers: [{name: app, image: app}]}\n", name, namespace, node)
}

func testNodesWatch(t *testing.T, c *testbed.Cluster) {
	namespace := c.Namespace(t, nil)
	c.Apply(t, fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: %s}\n", namespace))
	node := nodePods.Nodes()[0].Name
	r := startNodes(t, c.Kubeconfig(), System{}, "nodes", "--watch", "-n", namespace)
	r.awaitOutput(t, "TOTAL")
	before := len(r.out.String())
	c.Apply(t, podOn(node, "one", namespace))
	require.Eventually(t, func() bool { return strings.Contains(r.out.String()[before:], "TOTAL") }, 10*time.Second, 10*time.Millisecond)
	changed := strings.Split(strings.TrimSpace(r.out.String()[before:]), "\n")
	require.Len(t, changed, 2, "only the rows that changed")
	assert.Regexp(t, "^"+node+` .* 1 +\d+ +1$`, changed[0])
	assert.Regexp(t, `^TOTAL +1 `, changed[1])
	r.stop()
	assert.Equal(t, exitInterrupted, <-r.code)
	assert.Empty(t, r.errOut.String())
}

func testNodesRedraw(t *testing.T, c *testbed.Cluster) {
	r := startNodes(t, c.Kubeconfig(), System{StdoutWidth: 100, StdoutHeight: 12}, "nodes", "--watch", "-n", "team-001")
	r.awaitOutput(t, "more lines: see --top and --sort-by")
	r.stop()
	assert.Equal(t, exitInterrupted, <-r.code)
	pictures := strings.Split(r.out.String(), "\x1b[H")
	last := pictures[len(pictures)-1]
	assert.Contains(t, pictures[0], "\x1b[2J", "the screen is cleared once")
	assert.Equal(t, 1, strings.Count(r.out.String(), "\x1b[2J"))
	assert.Equal(t, 11, strings.Count(last, "\r\n"), "it fits the terminal")
	assert.Contains(t, last, "(unscheduled)")
	assert.Contains(t, last, "TOTAL")
	assert.Contains(t, last, "pods in team-001 alone")
}

// A cluster that is away at first, and shares nodes with another one (a virtual cluster passes those of its host on), is told
// by its own UID as soon as that can be read: it has its row, and a line says that its nodes count once.
func testNodesWatchOfAClusterThatComes(t *testing.T, c *testbed.Cluster) {
	var there atomic.Bool
	proxy := faults.Start(t, c.Config(), func(r *http.Request, _ int) faults.Fault {
		switch {
		case !there.Load():
			return faults.Fault{Status: http.StatusServiceUnavailable}
		case r.URL.Path == "/api/v1/namespaces/kube-system":
			return faults.Fault{Body: `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"kube-system","uid":"another"}}`}
		}
		return faults.Fault{}
	})
	config, err := clientcmd.LoadFromFile(proxy.Kubeconfig(t, "comes", "default"))
	require.NoError(t, err)
	stays, err := clientcmd.LoadFromFile(c.Kubeconfig())
	require.NoError(t, err)
	at := stays.Contexts[stays.CurrentContext]
	config.Clusters["stays"], config.AuthInfos["stays"] = stays.Clusters[at.Cluster], stays.AuthInfos[at.AuthInfo]
	config.Contexts["stays"] = &clientcmdapi.Context{Cluster: "stays", AuthInfo: "stays"}
	kubeconfig := t.TempDir() + "/kubeconfig"
	require.NoError(t, clientcmd.WriteToFile(*config, kubeconfig))
	r := startNodes(t, kubeconfig, System{}, "nodes", "--watch", "--contexts", "stays,comes", "--group-by", "cluster", "--timeout", "1s")
	r.awaitOutput(t, "comes")
	time.Sleep(6 * time.Second) // longer than anybody tries for at a time
	there.Store(true)
	const doubt = "comes: nodes are those of stays, and the namespace kube-system is another"
	total := regexp.MustCompile(fmt.Sprintf(`(?m)^TOTAL +%d\+ `, len(nodePods.Nodes())))
	require.Eventually(t, func() bool { return strings.Contains(r.errOut.String(), doubt) && total.MatchString(r.out.String()) }, 40*time.Second, 50*time.Millisecond, "%s\n%s", &r.out, &r.errOut)
	assert.NotContains(t, r.out.String(), "removed")
	assert.Regexp(t, fmt.Sprintf(`(?m)^comes +%d `, len(nodePods.Nodes())), r.out.String())
	r.stop()
	<-r.code
}

func testNodesProgress(t *testing.T, c *testbed.Cluster) {
	kubeconfig := behind(neverFrom("team-002"))(t, c, on(c)).kubeconfig
	r := startNodes(t, kubeconfig, System{StderrTerminal: true, Now: time.Now}, "nodes", "--timeout", "3s")
	assert.Equal(t, exitPartial, <-r.code)
	assert.Regexp(t, `10 of 11 namespaces, \d+ pods counted so far`, r.errOut.String())
	assert.True(t, strings.HasSuffix(r.errOut.String(), "\r\x1b[K"), "the line goes away")
}

// Ctrl-C while one namespace does not answer: what was counted until then is shown.
func testNodesInterrupted(t *testing.T, c *testbed.Cluster) {
	kubeconfig := behind(neverFrom("team-002"))(t, c, on(c)).kubeconfig
	r := startNodes(t, kubeconfig, System{StderrTerminal: true, Now: time.Now}, "nodes")
	require.Eventually(t, func() bool { return strings.Contains(r.errOut.String(), "10 of 11 namespaces") }, 20*time.Second, 10*time.Millisecond)
	r.stop()
	assert.Equal(t, exitInterrupted, <-r.code)
	assert.Regexp(t, `^PARTIAL: pods of 10 of 11 namespaces; interrupted: team-002\n`, r.out.String())
	assert.Regexp(t, `(?m)^TOTAL +\d+\+ `, r.out.String())
}

func TestNodesOptionsFromEveryFlag(t *testing.T) {
	t.Parallel()
	kubeconfig := t.TempDir() + "/kubeconfig"
	const file = `{"apiVersion":"v1","kind":"Config","current-context":"a",
		"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],"users":[{"name":"u","user":{}}],
		"contexts":[{"name":"a","context":{"cluster":"c","user":"u","namespace":"home"}},{"name":"b","context":{"cluster":"c","user":"u"}}]}`
	config, err := clientcmd.Load([]byte(file))
	require.NoError(t, err)
	require.NoError(t, clientcmd.WriteToFile(*config, kubeconfig))
	timeout := "7s"
	r := &root{System: System{IOStreams: genericiooptions.IOStreams{Out: io.Discard, ErrOut: io.Discard}, Getenv: func(string) string { return "" }}, config: genericclioptions.NewConfigFlags(true)}
	r.config.KubeConfig, r.config.Timeout = &kubeconfig, &timeout
	cmd := newNodes(r)
	require.NoError(t, cmd.ParseFlags(strings.Fields("-o wide --no-headers --sort-by use -A -l a=b --group-by team --top 4 -w --timeout 5s --contexts a,b --fail-above 90%")))

	var flags NodesFlags
	flags.OutputFlags = OutputFlags{Output: "wide", NoHeaders: true, SortBy: "use", formats: append(allFormats, "csv")}
	flags.AllNamespaces, flags.Selector, flags.GroupBy, flags.Top = true, "a=b", "team", 4
	flags.Watch, flags.Timeout, flags.Contexts = true, 5*time.Second, []string{"a", "b"}
	flags.FailAbove = "90%"
	one := "home"
	r.config.Namespace = &one
	flags.AllNamespaces = false
	_, err = flags.toOptions(r, nil)
	require.EqualError(t, err, "--fail-above judges whole nodes, of which -n counts only a part of the pods: leave out one of them")
	flags.AllNamespaces = true
	*r.config.Namespace = ""
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	assert.Equal(t, report.NodeOptions{SortBy: "use", Top: 4, Selected: true, GroupBy: "team"}, o.report)
	assert.Equal(t, 90.0, o.failAbove)
	assert.Equal(t, report.Layout{Wide: true, NoHeaders: true}, o.printer.layout)
	assert.True(t, o.watch)
	assert.Equal(t, 5*time.Second, o.timeout)
	require.Len(t, o.clusters, 2)
	for i, name := range []string{"a", "b"} {
		require.NoError(t, o.clusters[i].err)
		assert.Equal(t, name, o.clusters[i].name)
		assert.Equal(t, nodes.Options{
			Fallback: []string{"home", "default"}[i], NodeSelector: "a=b", NodeLabels: report.NodeLabels("team"),
			Identify: true, Deadline: 5 * time.Second,
		}, o.clusters[i].options, "groups show nothing of pending pods, CPU and memory")
	}
	flags.GroupBy = ""
	o, err = flags.toOptions(r, nil)
	require.NoError(t, err)
	asked := o.clusters[0].options
	assert.Equal(t, []bool{true, true, true, true}, []bool{asked.Pending, asked.Flux, asked.Usage, asked.UsageAsked})
	for sortBy, want := range map[string][]bool{
		"pending": {true, false, false}, "-pending": {true, false, false}, ".flux": {false, true, false}, "pods": {false, false, false}, ".usage.cpuMillicores": {false, false, true},
	} {
		flags = NodesFlags{}
		flags.SortBy = sortBy
		assert.Equal(t, want, []bool{flags.wants("pending"), flags.wants("flux"), flags.wantsUsage()}, sortBy)
	}
}
