package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// gitFleet is a fleet that lives in Git, without Flux: what kustomize-controller does, the test does in its name. root
// is a Kustomization in a namespace of its own that applies a GitRepository and a Kustomization, both called app.
type gitFleet struct {
	*testbed.Cluster
	apps, flux string // namespaces; that of the apps is development
}

func newGitFleet(t *testing.T) gitFleet {
	t.Helper()
	return gitFleetOn(t, bed.Cluster(t))
}

// gitFleetOn is the fleet on a cluster of the test's own: what looks at all namespaces must be alone there.
func gitFleetOn(t *testing.T, c *testbed.Cluster) gitFleet {
	t.Helper()
	f := gitFleet{c, c.Namespace(t, map[string]string{"environment": "development"}), c.Namespace(t, nil)}
	f.root(t, "")
	f.push(t, f.app("interval: 5m, timeout: 2m"))
	return f
}

// root applies the parent, with more of a spec, as somebody who creates it by hand does.
func (f gitFleet) root(t *testing.T, more string) {
	t.Helper()
	f.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: %s}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}%s}
`, f.flux, more))
}

// labels are those of what root applies.
func (f gitFleet) labels() string {
	return "{kustomize.toolkit.fluxcd.io/name: root, kustomize.toolkit.fluxcd.io/namespace: " + f.flux + "}"
}

// app is the GitRepository app in Git, with a part of its spec.
func (f gitFleet) app(spec string) string { return f.named("app", spec) }

func (f gitFleet) named(name, spec string) string {
	return strings.Replace(gitRepository(f.apps, name, spec), "metadata: {", "metadata: {labels: "+f.labels()+", ", 1)
}

// ks is the Kustomization app in Git.
func (f gitFleet) ks(spec string) string {
	return fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: %s, labels: %s}
spec: {%s, path: ./deploy, prune: true, sourceRef: {kind: GitRepository, name: app}}
---
`, f.apps, f.labels(), spec)
}

// push applies manifests as kustomize-controller does.
func (f gitFleet) push(t *testing.T, manifests string) {
	t.Helper()
	f.ApplyAs(t, manifests, testbed.ApplyOptions{Manager: "kustomize-controller"})
}

// field reads one field of an object.
func (f gitFleet) field(t *testing.T, kind, namespace, name, path string) string {
	t.Helper()
	return f.Field(t, kind, namespace, name, path)
}

func (f gitFleet) interval(t *testing.T) string {
	t.Helper()
	return f.field(t, "gitrepository", f.apps, "app", ".spec.interval")
}

// rules are those of root, as JSON, and its note of which are ours.
func (f gitFleet) rules(t *testing.T) (ignore, note string) {
	t.Helper()
	return f.field(t, "kustomization", f.flux, "root", ".spec.ignore"), f.field(t, "kustomization", f.flux, "root", `.metadata.annotations.fluxtune\.github\.io/pins`)
}

// owners are the field managers of an object, apart from its status.
func (f gitFleet) owners(t *testing.T, kind, namespace, name string) []string {
	t.Helper()
	var names []string
	for _, e := range f.Object(t, kind, namespace, name).GetManagedFields() {
		if e.Subresource == "" {
			names = append(names, e.Manager)
		}
	}
	return names
}

var kustomizationResource = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}

// observe does what is seen of kustomize-controller from outside, until the test ends: it notices each generation of
// root, and is ready.
func (f gitFleet) observe(t *testing.T) {
	t.Helper()
	client, err := dynamic.NewForConfig(f.Config())
	require.NoError(t, err)
	in := client.Resource(kustomizationResource).Namespace(f.flux)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if o, err := in.Get(ctx, "root", metav1.GetOptions{}); err == nil {
				seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
				if seen != o.GetGeneration() {
					status := fmt.Sprintf(`{"status":{"observedGeneration":%d,"conditions":[{"type":"Ready","status":"True","reason":"Succeeded","message":"applied","lastTransitionTime":"2026-03-01T12:00:00Z"}]}}`, o.GetGeneration())
					_, _ = in.Patch(ctx, "root", types.MergePatchType, []byte(status), metav1.PatchOptions{FieldManager: "kustomize-controller"}, "status")
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
}

// tuned applies in a session of its own and returns the session, "" where nothing was written, and the outcome.
func (f gitFleet) tuned(t *testing.T, session string, args ...string) (string, outcome) {
	t.Helper()
	i := on(f.Cluster)
	i.session = session
	o := i.run(t.Context(), append([]string{"apply", "-n", f.apps, "--yes", "--patches-per-second=0", "-o", "json"}, args...)...)
	return decode[report.Results](t, o).Session, o
}

// revert takes back, and returns the outcome.
func (f gitFleet) revert(t *testing.T, args ...string) outcome {
	t.Helper()
	return on(f.Cluster).run(t.Context(), append([]string{"revert", "-n", f.apps, "--yes", "--patches-per-second=0"}, args...)...)
}

// item is what a plan says of one object.
func (f gitFleet) item(t *testing.T, object string, args ...string) report.PlanItem {
	t.Helper()
	plan := decode[report.Plan](t, on(f.Cluster).must(t, append([]string{"plan", object, "-n", f.apps, "-o", "json"}, args...)...))
	require.Len(t, plan.Items, 1)
	return plan.Items[0]
}

// gitPolicy is a policy for GitRepositories of development.
func gitPolicy(t *testing.T, settings string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`{apiVersion: fluxtune.github.io/v1alpha1, kind: TuningPolicy, metadata: {name: own},
spec: {environments: [{name: development, kinds: {GitRepository: {`+settings+`}}}]}}`), 0o600))
	return file
}

// recordOf is the record on the GitRepository app.
func (f gitFleet) recordOf(t *testing.T) *tune.Record {
	t.Helper()
	o, err := flux.Decode([]byte(f.Kubectl(t, "get", "gitrepository", "app", "-n", f.apps, "-o", "json")))
	require.NoError(t, err)
	record, err := tune.ReadRecord(o)
	require.NoError(t, err)
	return record
}
