package compat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cmd"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

const (
	kubernetes = "1.31"
	newestFlux = "2.9"
)

// row is what works with one release of Flux.
type row struct {
	flux string
	// Kinds that get, plan, apply and revert know, of ten.
	kinds int
	// pins says whether --managed=pin can hold a change against Git: whether Kustomizations have spec.ignore.
	pins bool
	// history says whether Kustomizations tell how long their reconciles take: whether they have status.history.
	history bool
}

// What is expected of each release. kustomize-controller has status.history since 1.7 (Flux 2.7) and spec.ignore since 1.9 (Flux 2.9).
func rows() []row {
	return []row{
		{flux: newestFlux, kinds: 10, pins: true, history: true},
		{flux: "2.8", kinds: 10, history: true},
		{flux: "2.6", kinds: 10},
		{flux: "2.3", kinds: 10},
		{flux: "2.1", kinds: 10},
	}
}

// TestEveryReleaseIsTried needs no cluster, so it runs with all tests.
func TestEveryReleaseIsTried(t *testing.T) {
	t.Parallel()
	var older []string
	for _, r := range rows() {
		older = append([]string{r.flux}, older...)
	}
	assert.Equal(t, append(testbed.OlderFlux(), newestFlux), older)
}

// TestOlderFlux holds each row on Kubernetes 1.31.
func TestOlderFlux(t *testing.T) {
	if os.Getenv("FLUXTUNE_COMPAT") == "" {
		t.Skip("it takes programs that other tests do not need: run make compat")
	}
	for _, want := range rows() {
		t.Run("Flux "+want.flux, func(t *testing.T) {
			opts := testbed.Options{Kubernetes: kubernetes}
			if want.flux != newestFlux {
				opts.Flux = want.flux
			}
			pods := testbed.NewPods(testbed.PodOptions{Nodes: 10, Pods: 100, Namespaces: 3})
			opts.Seed = []testbed.Seed{pods.Seed}
			w := world{testbed.StartT(t, opts)}
			w.create(t)
			got := row{flux: want.flux, kinds: w.tune(t), pins: w.pin(t), history: w.remembers(t)}
			w.countPods(t, pods.Counts())
			assert.Equal(t, want, got)
			t.Log(got)
		})
	}
}

// world is a cluster with an object of each kind in a namespace that is development, and one that Git owns.
type world struct{ *testbed.Cluster }

const namespace = "apps"

// spec is the least that the CRDs of all releases take, with an interval of 5m.
func spec(kind string) string {
	return map[string]string{
		"GitRepository":         `url: "https://github.com/acme/app", ref: {branch: main}`,
		"OCIRepository":         `url: "oci://ghcr.io/acme/app"`,
		"Bucket":                `bucketName: app, endpoint: minio.example.com`,
		"HelmRepository":        `url: "https://charts.example.com"`,
		"HelmChart":             `chart: app, sourceRef: {kind: HelmRepository, name: app}`,
		"Kustomization":         `path: ./deploy, prune: true, sourceRef: {kind: GitRepository, name: app}`,
		"HelmRelease":           `chart: {spec: {chart: app, interval: 5m, sourceRef: {kind: HelmRepository, name: app}}}`,
		"ImageRepository":       `image: ghcr.io/acme/app`,
		"ImageUpdateAutomation": `sourceRef: {kind: GitRepository, name: app}, git: {commit: {author: {email: bot@example.com}}}`,
		"Receiver":              `type: github, secretRef: {name: token}, resources: [{kind: GitRepository, name: app}]`,
	}[kind]
}

// version is the one in which a cluster stores a kind: the newest that the release of Flux has.
func (w world) version(t *testing.T, k flux.Kind) string {
	t.Helper()
	return w.Kubectl(t, "get", "crd", k.Resource+"."+k.Group, "-o", `jsonpath={.spec.versions[?(@.storage==true)].name}`)
}

func (w world) create(t *testing.T) {
	t.Helper()
	w.CreateNamespace(t, namespace, map[string]string{"environment": "development"})
	for _, k := range flux.Kinds() {
		w.Apply(t, fmt.Sprintf("{apiVersion: %s/%s, kind: %s, metadata: {name: app, namespace: %s}, spec: {interval: 5m, %s}}",
			k.Group, w.version(t, k), k.Name, namespace, spec(k.Name)))
	}
	w.Apply(t, `{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: root, namespace: flux-system},
  spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}}}`)
	w.ApplyAs(t, fmt.Sprintf(`{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository,
  metadata: {name: owned, namespace: %s, labels: {kustomize.toolkit.fluxcd.io/name: root, kustomize.toolkit.fluxcd.io/namespace: flux-system}},
  spec: {interval: 5m, url: "https://github.com/acme/owned", ref: {branch: main}}}`, namespace), testbed.ApplyOptions{Manager: "kustomize-controller"})
}

// run calls the plugin as a user would.
func (w world) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	sys := cmd.System{
		IOStreams:  genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut},
		Now:        time.Now,
		NewSession: func() string { return fmt.Sprintf("compat-%d", time.Now().UnixNano()) },
		Getenv:     func(string) string { return "" },
	}
	code = cmd.Run(t.Context(), sys, cmd.Build{Version: "compat"}, append([]string{"kubectl-fluxtune", "--kubeconfig", w.Kubeconfig()}, args...))
	return out.String(), errOut.String(), code
}

func (w world) must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := w.run(t, args...)
	require.Zero(t, code, "%v\n%s%s", args, stdout, stderr)
	return stdout
}

// object reads one object of a kind, without what every write of anybody changes.
func (w world) object(t *testing.T, k flux.Kind) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	data := w.Kubectl(t, "get", k.Resource+"."+k.Group, "app", "-n", namespace, "-o", "json", "--show-managed-fields")
	require.NoError(t, json.Unmarshal([]byte(data), &u.Object))
	u.SetGeneration(0)
	u.SetResourceVersion("")
	return u
}

// tune reads, plans, applies and reverts an object of each kind and returns how many of them went all the way.
func (w world) tune(t *testing.T) int {
	t.Helper()
	var list report.ObjectList
	require.NoError(t, json.Unmarshal([]byte(w.must(t, "get", "-n", namespace, "-o", "json")), &list))
	assert.Empty(t, list.Missing)
	read := make(map[string]string)
	for _, o := range list.Items {
		if o.Ref.Name == "app" {
			read[o.Ref.Kind] = o.Environment + " " + *o.Interval
		}
	}
	before := make(map[string]*unstructured.Unstructured)
	policy := []string{"-n", namespace}
	for _, k := range flux.Kinds() {
		before[k.Name] = w.object(t, k)
		policy = append(policy, "--set", "development."+k.Name+".interval=1m")
	}
	assert.Equal(t, len(flux.Kinds()), strings.Count(w.must(t, append([]string{"plan", "-o", "name", "--include-upgrades"}, policy...)...), "/app\n"))
	// Any change upgrades a release of Flux 2.1.
	w.must(t, append([]string{"apply", "--yes", "--patches-per-second=100", "--include-upgrades"}, policy...)...)
	changed := make(map[string]string)
	for _, k := range flux.Kinds() {
		changed[k.Name], _, _ = unstructured.NestedString(w.object(t, k).Object, "spec", "interval")
	}
	w.must(t, "revert", "-n", namespace, "--yes", "--patches-per-second=100", "--force")
	kinds := 0
	for _, k := range flux.Kinds() {
		if assert.Equal(t, "development 5m", read[k.Name], k.Name) && assert.Equal(t, "1m", changed[k.Name], k.Name) &&
			assert.Equal(t, before[k.Name], w.object(t, k), k.Name) {
			kinds++
		}
	}
	return kinds
}

// pin tells whether what Git owns can be held, and that it is refused without a change where it cannot.
func (w world) pin(t *testing.T) bool {
	t.Helper()
	stop := w.observe(t)
	defer stop()
	diagnosis, _, _ := w.run(t, "doctor") // what is wrong with this fleet makes it fail
	stdout, stderr, code := w.run(t, "apply", "gitrepository/owned", "-n", namespace, "--managed=pin", "--yes")
	rules := w.Kubectl(t, "get", "kustomization", "root", "-n", "flux-system", "-o", "jsonpath={.spec.ignore}")
	interval := w.Kubectl(t, "get", "gitrepository", "owned", "-n", namespace, "-o", "jsonpath={.spec.interval}")
	if code != 0 {
		assert.Contains(t, stderr, "have no spec.ignore: it takes kustomize-controller 1.9 (Flux 2.9)")
		assert.Contains(t, diagnosis, "Kustomizations do not have it: --managed=pin does not work")
		assert.Empty(t, rules)
		assert.Equal(t, "5m", interval, stdout)
		return false
	}
	assert.Contains(t, diagnosis, "Kustomizations have it: --managed=pin can hold changes of 1 object against Git")
	assert.Contains(t, rules, "/spec/interval")
	assert.Equal(t, "1m", interval)
	w.must(t, "revert", "-n", namespace, "--yes")
	assert.Empty(t, w.Kubectl(t, "get", "kustomization", "root", "-n", "flux-system", "-o", "jsonpath={.spec.ignore}"))
	return true
}

func kustomizations() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
}

// observe does what is seen of kustomize-controller from outside, until stop is called: it notices each generation of
// root, and is ready.
func (w world) observe(t *testing.T) (stop func()) {
	t.Helper()
	client, err := dynamic.NewForConfig(w.Config())
	require.NoError(t, err)
	in := client.Resource(kustomizations()).Namespace("flux-system")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if o, err := in.Get(ctx, "root", metav1.GetOptions{}); err == nil {
				status := fmt.Sprintf(`{"status":{"observedGeneration":%d,"conditions":[{"type":"Ready","status":"True","reason":"Succeeded","message":"applied","lastTransitionTime":"2026-03-01T12:00:00Z"}]}}`, o.GetGeneration())
				_, _ = in.Patch(ctx, "root", types.MergePatchType, []byte(status), metav1.PatchOptions{FieldManager: "kustomize-controller"}, "status")
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	return func() { cancel(); <-done }
}

// remembers tells whether budget takes the length of reconciles from status.history.
func (w world) remembers(t *testing.T) bool {
	t.Helper()
	client, err := dynamic.NewForConfig(w.Config())
	require.NoError(t, err)
	status := `{"status": {"history": [{"digest": "sha256:0a", "firstReconciled": "2026-11-22T12:00:00Z", "lastReconciled": "2026-11-22T13:00:00Z",
  "lastReconciledDuration": "7s", "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 12}]}}`
	_, err = client.Resource(kustomizations()).Namespace(namespace).Patch(t.Context(), "app", types.MergePatchType, []byte(status), metav1.PatchOptions{FieldManager: "kustomize-controller"}, "status")
	require.NoError(t, err)
	return strings.Contains(w.must(t, "budget", "-A", "-o", "json"), `"durationFrom": "history"`)
}

func (w world) countPods(t *testing.T, counts testbed.PodCounts) {
	t.Helper()
	var list report.NodeList
	require.NoError(t, json.Unmarshal([]byte(w.must(t, "nodes", "-o", "json")), &list))
	want, got := make(map[string]int), make(map[string]int)
	for name, n := range counts.Nodes {
		want[name] = n.Pods
	}
	for _, n := range list.Items {
		got[n.Name] = *cmp.Or(n.Pods, new(int))
	}
	assert.Equal(t, want, got)
	assert.False(t, list.Partial)
}
