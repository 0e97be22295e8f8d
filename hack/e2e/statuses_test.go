package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// A commit status is asked for at each reconcile of a Kustomization that an Alert names, and not only with commits.
func TestCommitStatuses(t *testing.T) {
	t.Parallel()
	measures(t)
	const every = 10 * time.Second
	var asked atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("{}"))
			return
		}
		asked.Add(1)
		_, _ = w.Write([]byte("[]"))
	}))
	defer host.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	events := l.Addr().String()
	require.NoError(t, l.Close())
	q := quiet{t: t}
	q.Cluster = testbed.StartT(t, testbed.Options{})
	dir, err := os.MkdirTemp(q.Dir(), "git")
	require.NoError(t, err)
	q.git, err = testbed.StartGit(dir)
	require.NoError(t, err)
	q.flux, err = q.StartFlux(t.Context(), testbed.FluxOptions{Also: []string{testbed.UnitNotificationController}, Flags: map[string][]string{
		testbed.UnitNotificationController: {"--events-addr=" + events}, testbed.UnitKustomizeController: {"--events-addr=http://" + events + "/"},
	}})
	require.NoError(t, err)
	ns := q.namespace(t, development)
	_, err = q.git.Push(t.Context(), ns, map[string]string{"deploy/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\n"})
	require.NoError(t, err)
	q.Apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: %[1]s}
stringData: {token: x}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: host, namespace: %[1]s}
spec: {type: github, address: "%[2]s/acme/app", secretRef: {name: token}}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: statuses, namespace: %[1]s}
spec: {providerRef: {name: host}, eventSources: [{kind: Kustomization, name: '*'}]}
`, ns, host.URL))
	q.Apply(t, gitRepository(ns, "app", q.git.URL(ns), "branch: main", 10*time.Minute))
	for i := range 3 {
		q.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app-%[2]d, namespace: %[1]s}
spec: {interval: %[3]s, timeout: 2m, path: ./deploy, prune: true, targetNamespace: %[1]s, namePrefix: app-%[2]d-, sourceRef: {kind: GitRepository, name: app}}
`, ns, i, every))
	}
	q.Kubectl(t, "wait", "kustomization", "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	time.Sleep(every / 2)
	look := func() (requests, reconciles int) {
		work, err := q.flux.Work(t.Context(), func(labels map[string]string) bool { return labels["kind"] == "Kustomization" })
		require.NoError(t, err)
		return int(asked.Load()), work.Reconciles
	}
	before, reconciled := look()
	begun := time.Now()
	time.Sleep(6 * every) // the measurement itself
	after, reconciledAfter := look()
	hours := time.Since(begun).Hours()
	assert.InDelta(t, reconciledAfter-reconciled, after-before, 1, "one for each reconcile, one of which may be under way")
	w := world{Cluster: q.Cluster, git: q.git, flux: q.flux}
	for _, item := range w.budget(t, ns).Items {
		if item.Ref.Kind == "Alert" {
			assert.InEpsilon(t, float64(after-before)/hours, item.Requests.Now, 0.2, "predicted, with what some reconciles at the edges of a minute make")
			return
		}
	}
	assert.Fail(t, "no Alert is counted")
}
