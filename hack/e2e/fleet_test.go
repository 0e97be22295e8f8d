package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cmd"
)

func TestMain(m *testing.M) {
	if os.Getenv(asPlugin) != "" {
		os.Exit(cmd.Main(append([]string{"kubectl-fluxtune"}, os.Args[1:]...), cmd.Build{Version: "e2e"}))
	}
	flag.Parse()
	// They wait more than they work.
	_ = flag.Set("test.parallel", "16")
	code := bed.Main(m)
	printClaims()
	os.Exit(code)
}

// asPlugin makes this program the plugin, for tests that kill it.
const asPlugin = "FLUXTUNE_E2E_AS_PLUGIN"

var bed = testbed.NewShared(testbed.Options{})

// world is a cluster with Flux in it, and the Git server that it polls. All tests share one.
type world struct {
	*testbed.Cluster
	flux *testbed.Flux
	git  *testbed.GitServer
}

var (
	theWorld   world
	worldOnce  sync.Once
	worldError error
)

// rootInterval is how often the root Kustomizations apply what is in Git.
const rootInterval = 5 * time.Second

// requeueOfTheWorld is --requeue-dependency: Flux's default where that is measured.
func requeueOfTheWorld() time.Duration {
	if full() {
		return 30 * time.Second
	}
	return 5 * time.Second
}

func start(t *testing.T) world {
	t.Helper()
	c := bed.Cluster(t)
	worldOnce.Do(func() {
		var dir string
		if dir, worldError = os.MkdirTemp(c.Dir(), "git"); worldError != nil {
			return
		}
		theWorld.Cluster = c
		if theWorld.git, worldError = testbed.StartGit(dir); worldError != nil {
			return
		}
		theWorld.flux, worldError = c.StartFlux(context.Background(), testbed.FluxOptions{
			Also: besides(),
			Flags: map[string][]string{
				testbed.UnitSourceController:    {"--concurrent=8"},
				testbed.UnitKustomizeController: {"--concurrent=8", requeueFlag(requeueOfTheWorld())},
			},
		})
	})
	require.NoError(t, worldError)
	return theWorld
}

// namespace creates a namespace for this test. When the test ends, nothing in it is reconciled any more: others are
// being measured.
func (w world) namespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	ns := w.Namespace(t, labels)
	t.Cleanup(func() { w.suspendAll(t, ns) })
	return ns
}

// suspendAll suspends all that Flux reconciles in a namespace, what applies others first.
func (w world) suspendAll(t *testing.T, ns string) {
	t.Helper()
	for _, kind := range []string{"kustomization", "helmrelease", "helmchart", "gitrepository", "ocirepository", "helmrepository"} {
		objects := w.Objects(t, kind, ns)
		list, err := objects.List(context.Background(), metav1.ListOptions{})
		require.NoError(t, err)
		for i := range list.Items {
			_, err := objects.Patch(context.Background(), list.Items[i].GetName(), types.MergePatchType, []byte(`{"spec":{"suspend":true}}`), metav1.PatchOptions{FieldManager: "flux"})
			if !apierrors.IsNotFound(err) {
				require.NoError(t, err)
			}
		}
	}
}

// run calls the plugin as a user would, and returns what it printed and its exit code.
func (w world) run(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	return w.runAs(ctx, fmt.Sprintf("e2e-%d", time.Now().UnixNano()), args...)
}

// runAs does so with a session of a given name.
func (w world) runAs(ctx context.Context, session string, args ...string) (stdout, stderr string, code int) {
	var out, errOut bytes.Buffer
	sys := cmd.System{
		IOStreams:  genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut},
		Now:        time.Now,
		NewSession: func() string { return session },
		Getenv:     os.Getenv,
	}
	code = cmd.Run(ctx, sys, cmd.Build{Version: "e2e"}, append([]string{"kubectl-fluxtune", "--kubeconfig", w.Kubeconfig()}, args...))
	return out.String(), errOut.String(), code
}

// must is for calls that have to succeed.
func (w world) must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := w.run(t.Context(), args...)
	require.Zero(t, code, "%v\n%s%s", args, stdout, stderr)
	return stdout
}

// team is a namespace whose objects live in Git: a root Kustomization there applies apps.yaml.
type team struct {
	world
	t    *testing.T
	name string // of the namespace, the root Kustomization and the repository
	apps string // what is in Git
}

// newTeam makes a team with objects in Git and waits until they are in the cluster. The spec of the
// root Kustomization can be extended.
func newTeam(t *testing.T, rootSpec, apps string, labels map[string]string) *team {
	t.Helper()
	w := start(t)
	ns := w.namespace(t, labels)
	m := &team{world: w, t: t, name: ns}
	m.push(apps)
	w.Apply(t, fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: root, namespace: %[1]s}
spec: {interval: 10m, url: %[2]q, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: %[1]s}
spec: {interval: %[3]s, timeout: 30s, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: root}%[4]s}
`, ns, w.git.URL(ns), rootInterval, rootSpec))
	return m
}

// push replaces what the root applies. The word NS stands for the team's namespace.
func (m *team) push(apps string) {
	m.t.Helper()
	m.apps = apps
	m.pushFile("apps/apps.yaml", apps)
}

// pushFile has Flux fetch what is pushed at once, as a webhook would: nobody has to poll for it.
func (m *team) pushFile(path, contents string) {
	m.t.Helper()
	_, err := m.git.Push(m.t.Context(), m.name, map[string]string{path: strings.ReplaceAll(contents, "NS", m.name)})
	require.NoError(m.t, err)
	requested := fmt.Sprintf(`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":%q}}}`, time.Now().Format(time.RFC3339Nano))
	_, err = m.Objects(m.t, "gitrepository", m.name).Patch(m.t.Context(), "root", types.MergePatchType, []byte(requested), metav1.PatchOptions{FieldManager: "flux"})
	if !apierrors.IsNotFound(err) { // the root is created after what it applies
		require.NoError(m.t, err)
	}
}

// field reads a field of an object; "" where it or the object is absent.
func (m *team) field(kind, name, path string) string {
	m.t.Helper()
	return m.read(m.t, kind, m.name, name, path)
}

// eventually waits until a field has a value.
func (m *team) eventually(kind, name, path, want string, limit time.Duration) time.Duration {
	m.t.Helper()
	start := time.Now()
	for m.field(kind, name, path) != want {
		if time.Since(start) > limit {
			log, _ := m.Log("kustomize-controller")
			require.Fail(m.t, "waiting", "%s/%s %s is %q, not %q, after %s\n%s", kind, name, path, m.field(kind, name, path), want, limit, tail(log))
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(start)
}

func tail(log string) string { return log[max(0, len(log)-3000):] }

// reconciled is how often the root Kustomization has been reconciled, by the controller's own count.
func (m *team) reconciled() int {
	m.t.Helper()
	n, err := m.flux.Reconciles(m.t.Context(), "Kustomization", m.name, "root")
	require.NoError(m.t, err)
	return n
}

// reconciles waits until the root Kustomization has been reconciled n times more.
func (m *team) reconciles(n int) {
	m.t.Helper()
	// On a machine that is busy a reconcile takes many times its interval.
	before, limit := m.reconciled(), time.Now().Add(time.Minute+time.Duration(n+2)*2*rootInterval)
	for {
		now := m.reconciled()
		if now >= before+n {
			return
		}
		require.True(m.t, time.Now().Before(limit), "the root Kustomization was reconciled %d times, not %d", now-before, n)
		time.Sleep(200 * time.Millisecond)
	}
}

// between waits until the root Kustomization has just been reconciled. What changes while one is under way, after it has read
// an object and before its dry run of it, is drift that no rule covers: it compares both to see which fields to leave alone
// (github.com/fluxcd/pkg/ssa v0.76.2, manager_apply.go: ApplyAll, computeDriftedPaths), and applies what Git has.
func (m *team) between() { m.reconciles(1) }

// object reads the parts of an object that Git decides: labels, annotations and spec.
func (m *team) object(kind, name string) string {
	m.t.Helper()
	var o struct {
		Metadata struct {
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec json.RawMessage `json:"spec"`
	}
	read, err := json.Marshal(m.managedObject(kind, name))
	require.NoError(m.t, err)
	require.NoError(m.t, json.Unmarshal(read, &o))
	data, err := json.MarshalIndent(o, "", "  ")
	require.NoError(m.t, err)
	return string(data)
}
