package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// reconciled is a namespace of objects that are all alike, and reconciled often.
type reconciled struct {
	what, kind, controller string
	ns                     string
}

const reconciledEvery = 10 * time.Second

// TestRequestsToTheAPIServer counts in the audit log of a kube-apiserver what each reconcile asks while nothing changes, and
// compares that with the budget. Events are counted apart: in a burst each reconcile sends one, and later one in five minutes does.
func TestRequestsToTheAPIServer(t *testing.T) {
	t.Parallel()
	measures(t)
	a := startAudited(t)
	groups := a.groups(t)
	time.Sleep(reconciledEvery)
	before, work := a.read(t), a.work(t, groups)
	time.Sleep(12 * reconciledEvery) // the measurement itself; a burst has 25 events
	after, did := a.read(t), a.work(t, groups)
	for i, g := range groups {
		reconciles := float64(did[i] - work[i])
		events, requests := 0.0, 0.0
		for _, r := range after[len(before):] {
			switch {
			case r.Namespace != g.ns || r.Agent != g.controller:
			case r.Resource == "events":
				events++
			default:
				requests++
			}
		}
		predicted, sends, objects := a.predicted(t, g)
		// One of each object may be under way when it is looked.
		assert.InDelta(t, predicted*reconciles, requests, predicted*objects, "%s: requests of %g reconciles", g.what, reconciles)
		assert.InDelta(t, sends*reconciles, events, sends*objects, "%s: events of %g reconciles", g.what, reconciles)
		record(t, "kube-apiserver requests of a reconcile, unchanged, events apart: "+g.what, fmt.Sprintf("%.0f", predicted), fmt.Sprintf("%.1f", requests/reconciles))
	}
}

// predicted is what the budget says of a reconcile: its requests without events, its events (which are fewer where reconciles are
// many), and of how many objects.
func (a audited) predicted(t *testing.T, g reconciled) (requests, events, objects float64) {
	t.Helper()
	const most = 12 // events an hour of one object
	asks, reconciles := 0.0, 0.0
	for _, item := range a.budget(t, g.ns).Items {
		if item.Ref.Kind == g.kind && item.Interval.Now == reconciledEvery.String() {
			asks, reconciles, objects = asks+item.APIRequests.Now, reconciles+item.Reconciles.Now, objects+1
		}
	}
	require.NotZero(t, objects, g.what)
	if g.kind == "HelmRelease" {
		return asks / reconciles, 0, objects
	}
	return (asks - most*objects) / reconciles, 1, objects
}

// audited is a world of its own whose kube-apiserver writes down what it is asked.
type audited struct {
	world
	audit testbed.Audit
}

func startAudited(t *testing.T) audited {
	t.Helper()
	var a audited
	var err error
	a.audit, err = testbed.NewAudit(t.TempDir())
	require.NoError(t, err)
	a.Cluster = testbed.StartT(t, testbed.Options{APIServerFlags: a.audit.Flags()})
	dir, err := os.MkdirTemp(a.Dir(), "git")
	require.NoError(t, err)
	a.git, err = testbed.StartGit(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, a.git.Close()) })
	a.flux, err = a.StartFlux(t.Context(), testbed.FluxOptions{Also: []string{testbed.UnitHelmController}})
	require.NoError(t, err)
	return a
}

func (a audited) read(t *testing.T) []testbed.Asked {
	t.Helper()
	all, err := a.audit.Read()
	require.NoError(t, err)
	return all
}

// work is how often the objects of each group were reconciled.
func (a audited) work(t *testing.T, groups []reconciled) (n []int) {
	t.Helper()
	for _, g := range groups {
		work, err := a.flux.Work(t.Context(), func(labels map[string]string) bool {
			return labels["kind"] == g.kind && labels["namespace"] == g.ns
		})
		require.NoError(t, err)
		n = append(n, work.Reconciles)
	}
	return n
}

// groups makes the objects, and waits until all are ready.
func (a audited) groups(t *testing.T) []reconciled {
	t.Helper()
	var groups []reconciled
	for _, k := range []struct {
		what    string
		objects int
		spec    string
	}{
		{"1 object", 1, ""},
		{"10 objects", 10, ""},
		{"50 objects", 50, ""},
		{"10 objects, wait", 10, ", wait: true"},
		{"10 objects, one health check", 10, ", healthChecks: [{apiVersion: v1, kind: ConfigMap, name: other, namespace: NS}]"},
		{"10 objects, impersonation", 10, ", serviceAccountName: deployer"},
		{"10 objects, substituteFrom", 10, ", postBuild: {substituteFrom: [{kind: ConfigMap, name: other}, {kind: Secret, name: other}]}"},
		{"10 objects, dependsOn", 10, ", dependsOn: [{name: first}]"},
	} {
		groups = append(groups, a.kustomizations(t, k.what, k.objects, k.spec))
	}
	groups = append(groups, a.sources(t)...)
	return groups
}

func (a audited) kustomizations(t *testing.T, what string, objects int, spec string) reconciled {
	t.Helper()
	ns := a.Namespace(t, development)
	var files strings.Builder
	for i := range objects {
		_, _ = fmt.Fprintf(&files, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-%d}\n---\n", i)
	}
	_, err := a.git.Push(t.Context(), ns, map[string]string{"deploy/config.yaml": files.String()})
	require.NoError(t, err)
	a.Apply(t, fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: %[1]s}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: %[1]s}
stringData: {c: d}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: %[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: deployer, namespace: %[1]s}]
`, ns))
	a.Apply(t, gitRepository(ns, "app", a.git.URL(ns), "branch: main", time.Hour))
	if strings.Contains(spec, "first") {
		a.Apply(t, kustomizationOf(ns, "first", time.Hour, ""))
	}
	for i := range 2 {
		a.Apply(t, kustomizationOf(ns, fmt.Sprintf("app-%d", i), reconciledEvery, strings.ReplaceAll(spec, "NS", ns)))
	}
	a.Kubectl(t, "wait", "kustomization", "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	return reconciled{what: "Kustomization, " + what, kind: "Kustomization", controller: testbed.UnitKustomizeController, ns: ns}
}

func kustomizationOf(ns, name string, every time.Duration, spec string) string {
	return fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %[2]s, namespace: %[1]s}
spec: {interval: %[3]s, timeout: 2m, path: ./deploy, prune: true, targetNamespace: %[1]s, namePrefix: %[2]s-, sourceRef: {kind: GitRepository, name: app}%[4]s}
---
`, ns, name, every, spec)
}

// sources are of each kind, and HelmReleases.
func (a audited) sources(t *testing.T) []reconciled {
	t.Helper()
	var groups []reconciled
	add := func(what, kind, controller, wait, manifests string) {
		ns := a.Namespace(t, development)
		a.Apply(t, strings.NewReplacer("NS", ns, "NAME", "x", "EVERY", reconciledEvery.String()).Replace(manifests))
		a.Kubectl(t, "wait", wait, "--all", "-n", ns, "--for=condition=Ready", "--timeout=4m")
		groups = append(groups, reconciled{what: what, kind: kind, controller: controller, ns: ns})
	}
	source := testbed.UnitSourceController
	_, err := a.git.Push(t.Context(), "sources", map[string]string{"README": "x"})
	require.NoError(t, err)
	add("GitRepository", "GitRepository", source, "gitrepository", gitRepository("NS", "x", a.git.URL("sources"), "branch: main", reconciledEvery))
	oci := fluxArtifacts(t, "OCIRepository", "tag: v1.0.0")
	add("OCIRepository", oci.kind, source, "ocirepository", oci.manifests)
	url, _ := startChartRepository(t)
	add("HelmRepository", "HelmRepository", source, "helmrepository", fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: x, namespace: NS}\nspec: {interval: EVERY, url: %q}\n", url+"/0"))
	fromRegistry := ociCharts(t, "HelmChart", "*")
	add("HelmChart", "HelmChart", source, "helmchart", fromRegistry.manifests)
	r := startRegistry(t)
	for _, n := range []int{1, 10} {
		templates := map[string]string{}
		for i := range n - 1 {
			templates[fmt.Sprintf("more-%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-%d}\n", i)
		}
		require.NoError(t, r.PushChart(t.Context(), "charts", fmt.Sprintf("app%d", n), "1.0.0", templates))
		for what, spec := range map[string]string{"": "", " with drift detection": ", driftDetection: {mode: enabled}"} {
			m := helmRelease("NS", "x", r.Host(), "1.0.0", "EVERY", "1h", spec)
			add(fmt.Sprintf("HelmRelease%s, %d objects", what, n), "HelmRelease", testbed.UnitHelmController, "helmrelease", strings.ReplaceAll(m, "chart: app,", fmt.Sprintf("chart: app%d,", n)))
		}
	}
	return groups
}
