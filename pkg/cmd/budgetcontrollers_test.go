package cmd

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// TestBudgetControllers has a cluster for itself, since Deployments are looked for everywhere.
func TestBudgetControllers(t *testing.T) {
	t.Parallel()
	c := bed.Own(t, testbed.Fleet(testbed.FleetOptions{}))
	user := on(c)
	address := serveMetrics(t)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	c.Kubectl(t, "create", "namespace", "flux-system")
	c.Apply(t, controllerDeployment("source-controller", port, "--concurrent=1", "--interval-jitter-percentage=10"))
	c.Apply(t, controllerDeployment("kustomize-controller", port, "--requeue-dependency=5s"))
	b := decode[report.Budget](t, user.must(t, "budget", "-A", "--policy", "fast", "-o", "json"))
	workers := map[string]string{}
	for _, w := range b.Controllers {
		workers[w.Kind] = fmt.Sprint(w.Concurrent, w.Default, w.BusyPercent)
	}
	assert.Equal(t, "1 false {13 130}", workers["GitRepository"])
	assert.Contains(t, workers["Kustomization"], "4 false")
	assert.Contains(t, b.Warnings, "the 1 GitRepository workers of source-controller would be 130% busy (at 500ms each, which is assumed: --observe measures it): give it --concurrent=2, or lengthen intervals")
	assert.Equal(t, "5m33s", b.Environments[0].Latency.Worst.Now, "10% of jitter")
	for _, note := range b.Notes {
		assert.NotContains(t, note, "were not read")
	}

	// A plan counts with the same flags.
	plan := decode[report.Plan](t, user.must(t, "plan", "-A", "--policy", "fast", "-o", "json"))
	assert.Contains(t, plan.Warnings, "the latencies would not be reached, since the 1 GitRepository workers of source-controller would be 130% busy (at 500ms each, which is assumed: --observe measures it): give it --concurrent=2, or lengthen intervals")
	assert.Equal(t, "5m33s", plan.Summary.Environments[0].Latency.Worst.Now, "10% of jitter")

	// Through the API server's proxy, and straight from the URL.
	c.Apply(t, controllerPod("source-controller-0", port))
	c.Kubectl(t, "patch", "pod", "-n", "flux-system", "source-controller-0", "--subresource=status", "--type=merge",
		"-p", fmt.Sprintf(`{"status":{"phase":"Running","podIP":%q,"podIPs":[{"ip":%q}]}}`, host, host))
	for _, args := range [][]string{{"--observe"}, {"--metrics-url", "http://" + address}} {
		args = append([]string{"budget", "gitrepo", "-n", "development"}, args...)
		b = decode[report.Budget](t, user.must(t, append(args, "-o", "json")...))
		observed := map[bool]int{}
		for _, item := range b.Items {
			observed[item.Observed != nil]++
			if item.Observed != nil {
				assert.Equal(t, &report.BudgetObservation{Reconciles: 11.5, Duration: "250ms", Over: "2h"}, item.Observed, args)
			}
		}
		assert.Equal(t, 1, observed[true], args)
		assert.Positive(t, observed[false], args)
		text := user.must(t, args...).stdout
		assert.Contains(t, text, "GitRepository         1          12         12    0.96", args)
	}
	gone := user.run(t.Context(), "budget", "-A", "--metrics-url", "http://"+address+"/nothing")
	assert.Equal(t, exitFailed, gone.code)
	assert.Contains(t, gone.stderr, "error: --metrics-url: asking for metrics: http://"+address+"/nothing answered 404 Not Found")

	// Somebody who may read Flux's objects only: defaults, and it is said.
	kubeconfig := c.KubeconfigFor(t, "reader", "readers")
	c.Kubectl(t, "create", "clusterrole", "flux-reader", "--verb=get,list", "--resource=gitrepositories.source.toolkit.fluxcd.io,kustomizations.kustomize.toolkit.fluxcd.io,namespaces")
	c.Kubectl(t, "create", "clusterrolebinding", "flux-reader", "--clusterrole=flux-reader", "--group=readers")
	reader := invocation{kubeconfig: kubeconfig}
	var o outcome
	require.Eventually(t, func() bool {
		o = reader.run(t.Context(), "budget", "-A")
		return strings.HasPrefix(o.stdout, "Git requests: 936/h")
	}, 10*time.Second, 100*time.Millisecond, "%v", o)
	assert.Contains(t, strings.Join(strings.Fields(o.stdout), " "), "The flags of kustomize-controller and source-controller were not read: their defaults are assumed (workers, 5% jitter).")
	assert.Equal(t, exitFailed, o.code, "other kinds could not be read")
}

// serveMetrics answers as source-controller would, on an address that the API server's proxy goes to:
// it refuses loopback.
func serveMetrics(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.To4() == nil || !ip.IP.IsGlobalUnicast() {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(ip.IP.String(), "0"))
		require.NoError(t, err)
		server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/metrics" {
				http.NotFound(w, r)
				return
			}
			_, _ = fmt.Fprintf(w, exposition, float64(noon.Add(-2*time.Hour).Unix()))
		})}}
		server.Start()
		t.Cleanup(server.Close)
		return listener.Addr().String()
	}
	require.Fail(t, "this machine has no address but loopback: the API server's proxy cannot be tried")
	return ""
}

const exposition = `# TYPE gotk_reconcile_duration_seconds histogram
gotk_reconcile_duration_seconds_bucket{kind="GitRepository",name="project-01",namespace="development",le="+Inf"} 23
gotk_reconcile_duration_seconds_sum{kind="GitRepository",name="project-01",namespace="development"} 5.75
gotk_reconcile_duration_seconds_count{kind="GitRepository",name="project-01",namespace="development"} 23
# TYPE process_start_time_seconds gauge
process_start_time_seconds %g
`

func controllerDeployment(name, port string, args ...string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: flux-system
  labels: {app.kubernetes.io/component: %[1]s, app.kubernetes.io/part-of: flux}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
        - name: manager
          image: ghcr.io/fluxcd/%[1]s:v1.9.6
          args: ["--watch-all-namespaces=true", "%[3]s"]
          ports: [{name: http-prom, containerPort: %[2]s}]
`, name, port, strings.Join(args, `", "`))
}

func controllerPod(name, port string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: flux-system, labels: {app: source-controller}}
spec:
  automountServiceAccountToken: false
  containers: [{name: manager, image: x, ports: [{name: http-prom, containerPort: %s}]}]
`, name, port)
}
