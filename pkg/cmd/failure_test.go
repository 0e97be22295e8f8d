package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func gitRepository(ns, name, spec string) string {
	return fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: %s, namespace: %s}
spec: {%s, url: "https://github.com/acme/%s", ref: {branch: main}}
---
`, name, ns, spec, name)
}

// atThePrompt runs apply until it asks, lets meanwhile happen, and then says yes.
func atThePrompt(t *testing.T, i invocation, meanwhile func(), args ...string) outcome {
	t.Helper()
	answer, type_ := io.Pipe()
	asked := &tripwire{phrase: "[y/N]", fired: make(chan struct{})}
	i.stdin, i.terminal, i.stderr = answer, true, asked
	result := make(chan outcome, 1)
	go func() { result <- i.run(context.WithoutCancel(t.Context()), args...) }()
	select {
	case <-asked.fired:
	case o := <-result:
		require.Fail(t, "it never asked", "%+v", o)
	}
	meanwhile()
	_, err := io.WriteString(type_, "y\n")
	require.NoError(t, err)
	return <-result
}

// tripwire is a writer that tells when a phrase went by.
type tripwire struct {
	phrase string
	seen   strings.Builder
	fired  chan struct{}
	done   bool
}

func (w *tripwire) Write(p []byte) (int, error) {
	w.seen.Write(p)
	if !w.done && strings.Contains(w.seen.String(), w.phrase) {
		w.done = true
		close(w.fired)
	}
	return len(p), nil
}

func TestConcurrentChangesAreNeverOverwritten(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	var manifests strings.Builder
	for _, name := range []string{"deleted", "label", "optedout", "same", "untouched", "value"} {
		manifests.WriteString(gitRepository(ns, name, "interval: 5m, timeout: 2m"))
	}
	c.Apply(t, manifests.String())
	o := atThePrompt(t, on(c), func() {
		c.Kubectl(t, "delete", "gitrepository", "deleted", "-n", ns)
		c.Kubectl(t, "label", "gitrepository", "label", "-n", ns, "by=somebody")
		c.Kubectl(t, "annotate", "gitrepository", "optedout", "-n", ns, tune.OptOutAnnotation+"="+tune.OptOutValue)
		c.Kubectl(t, "patch", "gitrepository", "same", "-n", ns, "--type=merge", "-p", `{"spec":{"interval":"60s"}}`)
		c.Kubectl(t, "patch", "gitrepository", "value", "-n", ns, "--type=merge", "-p", `{"spec":{"interval":"7m"}}`)
	}, "apply", "-n", ns)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "2 configured, 1 unchanged, 3 left alone, 0 failed.")
	assert.Contains(t, o.stderr, "Left alone: GitRepository "+ns+"/deleted: deleted since it was planned")
	assert.Contains(t, o.stderr, "Left alone: GitRepository "+ns+"/optedout: opted out by fluxtune.github.io/tune: disabled")
	assert.Contains(t, o.stderr, "Left alone: GitRepository "+ns+"/value: changed since the plan was made: spec.interval 5m -> 7m")
	assert.Regexp(t, `value +left alone +changed since the plan was made: spec.interval 5m -> 7m`, o.stdout)
	assert.Regexp(t, `same +unchanged`, o.stdout)
	assert.Equal(t, "somebody", c.Field(t, "gitrepository", ns, "label", ".metadata.labels.by"))
	on(c).must(t, "revert", "-n", ns, "--yes")
	assert.Equal(t, "7m", c.Field(t, "gitrepository", ns, "value", ".spec.interval"))
}

// The namespace says which environment an object is in, also by then: while the question was open, and while a run goes on.
func TestNamespacesThatChangeTheirEnvironment(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	for name, tc := range map[string]struct {
		first string // the interval of the object that comes first, when the label changes
		args  []string
		want  string
	}{
		"while it asks":    {"5m", []string{"apply"}, "0 configured, 0 unchanged, 2 left alone, 0 failed."},
		"while it goes on": {"1m", []string{"apply", "--patches-per-second=0.2"}, "1 configured, 0 unchanged, 1 left alone, 0 failed."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := c.Namespace(t, map[string]string{"environment": "development"})
			c.Apply(t, gitRepository(ns, "a", "interval: 5m, timeout: 2m")+gitRepository(ns, "b", "interval: 5m, timeout: 2m"))
			var passed atomic.Int64
			i := on(c)
			i.now = func() time.Time { return noon.Add(time.Duration(passed.Load())) }
			relabel := func() {
				require.Eventually(t, func() bool { return c.Field(t, "gitrepository", ns, "a", ".spec.interval") == tc.first }, 20*time.Second, 20*time.Millisecond)
				c.Kubectl(t, "label", "namespace", ns, "environment=staging", "--overwrite")
				passed.Store(int64(time.Minute))
			}
			meanwhile := relabel
			if tc.first == "1m" {
				meanwhile = func() { go relabel() }
			}
			o := atThePrompt(t, i, meanwhile, append(tc.args, "-n", ns)...)
			assert.Contains(t, o.stderr, tc.want)
			assert.Contains(t, o.stderr, "GitRepository "+ns+"/b: changed since the plan was made: environment development -> staging")
			assert.Equal(t, tc.first, c.Field(t, "gitrepository", ns, "a", ".spec.interval"))
			assert.Equal(t, "5m", c.Field(t, "gitrepository", ns, "b", ".spec.interval"))
		})
	}
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	open := c.Namespace(t, map[string]string{"environment": "development"})
	closed := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(open, "app", "interval: 5m")+gitRepository(closed, "app", "interval: 5m"))
	for _, ns := range []string{open, closed} { // what other tests have is none of its business
		c.Kubectl(t, "label", "gitrepository", "app", "-n", ns, "of="+open)
	}
	user := invocation{kubeconfig: c.KubeconfigFor(t, "mallory-"+open, "viewers-"+open)}

	t.Run("nothing may be read", func(t *testing.T) {
		o := user.run(t.Context(), "get", "-n", open)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, `receivers in namespace "`+open+`": `)
		assert.Contains(t, o.stderr, "forbidden")
	})

	c.Kubectl(t, "create", "clusterrole", "reader-"+open, "--verb=get,list", "--resource=*.source.toolkit.fluxcd.io,*.kustomize.toolkit.fluxcd.io,*.helm.toolkit.fluxcd.io,*.image.toolkit.fluxcd.io,*.notification.toolkit.fluxcd.io,namespaces")
	c.Kubectl(t, "create", "clusterrolebinding", "reader-"+open, "--clusterrole=reader-"+open, "--group=viewers-"+open)
	c.Kubectl(t, "create", "role", "tuner", "-n", open, "--verb=patch", "--resource=gitrepositories.source.toolkit.fluxcd.io")
	c.Kubectl(t, "create", "rolebinding", "tuner", "-n", open, "--role=tuner", "--group=viewers-"+open)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		assert.Equal(t, "yes\n", kubectlAs(c, user, "auth", "can-i", "patch", "gitrepositories.source.toolkit.fluxcd.io", "-n", open))
	}, 10*time.Second, 50*time.Millisecond)

	t.Run("only one namespace may be written", func(t *testing.T) {
		o := user.run(t.Context(), "apply", "-A", "--yes", "--kind", "gitrepo", "-l", "of="+open, "-o", "json")
		assert.Equal(t, exitFailed, o.code)
		byNamespace := make(map[string]report.Result)
		for _, item := range decode[report.Results](t, o).Items {
			byNamespace[item.Ref.Namespace] = item
		}
		assert.Equal(t, "configured", byNamespace[open].Action)
		assert.Equal(t, "failed", byNamespace[closed].Action)
		assert.Contains(t, byNamespace[closed].Error, "forbidden")
		assert.Contains(t, o.stderr, "Failed: GitRepository "+closed+"/app: ")
		assert.Equal(t, "5m", c.Field(t, "gitrepository", closed, "app", ".spec.interval"))
	})
}

// TestForbiddenNamespacesAreWarnedOfOnce: somebody with rights in single namespaces, who may read no namespace.
func TestForbiddenNamespacesAreWarnedOfOnce(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns, hub := c.Namespace(t, nil), c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "app", "interval: 5m")+gitRepository(hub, "shared", "interval: 5m")+`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: `+ns+`}
spec: {interval: 5m, path: ./, prune: true, targetNamespace: `+hub+`, sourceRef: {kind: GitRepository, name: shared, namespace: `+hub+`}}
`)
	user := invocation{kubeconfig: c.KubeconfigFor(t, "tenant-"+ns)}
	c.Kubectl(t, "create", "role", "reader", "-n", ns, "--verb=get,list", "--resource=*.source.toolkit.fluxcd.io,*.kustomize.toolkit.fluxcd.io,*.helm.toolkit.fluxcd.io,*.image.toolkit.fluxcd.io,*.notification.toolkit.fluxcd.io")
	c.Kubectl(t, "create", "rolebinding", "reader", "-n", ns, "--role=reader", "--user=tenant-"+ns)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		assert.Equal(t, "yes\n", kubectlAs(c, user, "auth", "can-i", "list", "gitrepositories.source.toolkit.fluxcd.io", "-n", ns))
	}, 10*time.Second, 50*time.Millisecond)
	// What needs no environment, or has one given, misses nothing.
	for command, want := range map[string]int{"get": 1, "plan": 1, "budget": 1, "plan --default-env staging": 0, "revert --dry-run": 0, "revert --dry-run --env staging": 1, "sessions": 0} {
		o := user.run(t.Context(), append(strings.Fields(command), "-n", ns)...)
		warnings := 0
		for _, line := range strings.Split(o.stderr, "\n") {
			if strings.Contains(line, "Warning: labels of namespace") {
				warnings++
			}
		}
		assert.Equal(t, want, warnings, "%s: %s", command, o.stderr)
		assert.Equal(t, want > 0, strings.Contains(o.stderr, "not everything could be read"), "%s: %s", command, o.stderr)
	}
}

func kubectlAs(c *testbed.Cluster, i invocation, args ...string) string {
	out, _ := c.RunKubectl(context.Background(), "", append([]string{"--kubeconfig", i.kubeconfig}, args...)...)
	return out
}

func TestMissingCRD(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{WithoutCRDs: []string{"helmreleases.helm.toolkit.fluxcd.io", "buckets.source.toolkit.fluxcd.io"}})
	ns := c.Namespace(t, map[string]string{"environment": "staging"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
	o := on(c).must(t, "get", "-A", "--no-headers")
	assert.Contains(t, o.stdout, "app")
	assert.Empty(t, o.stderr, "a kind that is not installed is nothing to talk about")
	o = on(c).run(t.Context(), "get", "hr", "-A")
	assert.Equal(t, exitFailed, o.code, "unless it was asked for")
	assert.Contains(t, o.stderr, "the cluster does not serve helmreleases.helm.toolkit.fluxcd.io")
}

func TestAdmissionDenies(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development", "guarded": "yes"})
	c.Apply(t, gitRepository(ns, "free", "interval: 5m")+gitRepository(ns, "frozen", "interval: 5m"))
	c.Apply(t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules:
    - {apiGroups: ["source.toolkit.fluxcd.io"], apiVersions: ["*"], operations: [UPDATE], resources: [gitrepositories]}
  validations:
  - {expression: "object.metadata.name != 'frozen'", message: "change freeze until Monday"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, ns))
	require.EventuallyWithT(t, func(t *assert.CollectT) { // the policy takes a moment to be enforced
		_, err := c.RunKubectl(context.Background(), "", "annotate", "gitrepository", "frozen", "-n", ns, "--overwrite", "--dry-run=server", "x=y")
		assert.ErrorContains(t, err, "change freeze")
	}, 20*time.Second, 100*time.Millisecond)

	o := on(c).run(t.Context(), "apply", "-n", ns, "--dry-run=server")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "change freeze until Monday")
	assert.Equal(t, "5m", c.Field(t, "gitrepository", ns, "free", ".spec.interval"))

	o = on(c).run(t.Context(), "apply", "-n", ns, "--yes")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "1 configured, 0 unchanged, 0 left alone, 1 failed.")
	assert.Equal(t, "1m", c.Field(t, "gitrepository", ns, "free", ".spec.interval"))
}

// tunedSoFar counts the objects that bear a record.
func tunedSoFar(t *testing.T, c *testbed.Cluster) int {
	t.Helper()
	n := 0
	for _, o := range objects(t, c, "-A") {
		if o.Metadata.Annotations[tune.RecordAnnotation] != "" {
			n++
		}
	}
	return n
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	c := bed.Own(t, testbed.Fleet(testbed.FleetOptions{}))
	ctx, ctrlC := context.WithCancel(t.Context())
	result := make(chan outcome, 1)
	go func() {
		result <- on(c).run(ctx, "apply", "-A", "--yes", "--patches-per-second", "4", "-o", "json")
	}()
	require.Eventually(t, func() bool { return tunedSoFar(t, c) >= 10 }, 30*time.Second, 50*time.Millisecond)
	ctrlC()
	o := <-result
	assert.Equal(t, exitInterrupted, o.code)
	summary := decode[report.Results](t, o).Summary
	assert.Equal(t, tunedSoFar(t, c), summary.Changed, "the summary tells the truth")
	assert.Equal(t, 104, summary.Changed+summary.NotAttempted)
	assert.Positive(t, summary.NotAttempted)
	assert.Regexp(t, fmt.Sprintf(`Interrupted: %d objects were not attempted: \w+ \S+, \w+ \S+, \w+ \S+ and %d more\. Run the same command again to do the rest\.`, summary.NotAttempted, summary.NotAttempted-3), o.stderr)

	again := decode[report.Results](t, on(c).must(t, "apply", "-A", "--yes", "--patches-per-second", "0", "-o", "json"))
	assert.Equal(t, report.ResultSummary{Changed: summary.NotAttempted, Unchanged: 156 - summary.NotAttempted}, again.Summary)
}

// What is waited for is named, on one line that a terminal can draw over.
func TestWhatIsWaitedForIsNamed(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m"))
	c.Apply(t, gitRepository(ns, "web", "interval: 5m, timeout: 2m"))
	for _, width := range []int{0, 60, 200} {
		i := on(c)
		i.watched, i.now, i.width, i.session = true, time.Now, width, fmt.Sprintf("20261122-120000-%04d", width)
		o := i.run(t.Context(), "apply", "-n", ns, "--yes", "--wait", "--wait-timeout=3s", "--set", fmt.Sprintf("development.GitRepository.interval=%ds", 60+width))
		drawn := strings.Split(o.stderr, "\r\x1b[K")
		require.Greater(t, len(drawn), 2, "%q", o.stderr)
		for _, line := range drawn[1 : len(drawn)-1] {
			assert.Less(t, terminal.Width(line), cmp.Or(width, 80), "%q", line)
		}
		named := terminal.Clip("Waiting for GitRepository "+ns+"/app and 1 more; 2 of 2 objects done", cmp.Or(width, 80)-1)
		assert.Contains(t, drawn, named)
	}
}

// Nobody observes the change here: Flux is not running.
func TestInterruptWhileWaiting(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m"))
	late := on(c).run(t.Context(), "apply", "-n", ns, "--yes", "--wait", "--wait-timeout=1s")
	assert.Equal(t, exitFailed, late.code)
	assert.Contains(t, late.stderr, "1 configured, 0 unchanged, 0 left alone, 0 failed, 1 not ready yet.")
	assert.Contains(t, late.stderr, "Changed, and not ready yet: GitRepository "+ns+"/app: its controller has not observed the change yet")
	assert.Contains(t, late.stderr, "Session 20261122-120000-test. Take it back with: kubectl fluxtune revert --kubeconfig "+c.Kubeconfig()+" -n "+ns+" --session 20261122-120000-test")

	ctx, ctrlC := context.WithCancel(t.Context())
	result := make(chan outcome, 1)
	go func() { result <- on(c).run(ctx, "revert", "-n", ns, "--yes", "--wait") }()
	require.Eventually(t, func() bool {
		return c.Field(t, "gitrepository", ns, "app", ".spec.interval") == "5m"
	}, 30*time.Second, 50*time.Millisecond)
	ctrlC()
	o := <-result
	assert.Equal(t, exitInterrupted, o.code)
	assert.Contains(t, o.stderr, "1 restored, 0 unchanged, 0 left alone, 0 failed, 1 not ready yet.\n")
	assert.Contains(t, o.stderr, "Interrupted while waiting: the changes are made, but Flux may not have observed them all.\n")
}

func TestAPIServerRestartsDuringApply(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{testbed.Fleet(testbed.FleetOptions{})}})
	result := make(chan outcome, 1)
	go func() {
		result <- on(c).run(context.WithoutCancel(t.Context()), "apply", "-A", "--yes", "--patches-per-second", "60", "-o", "json")
	}()
	require.Eventually(t, func() bool { return tunedSoFar(t, c) >= 10 }, 30*time.Second, 50*time.Millisecond)
	require.NoError(t, c.KillAPIServer())
	require.NoError(t, c.StartAPIServer(t.Context()))
	o := <-result
	assert.Equal(t, 0, o.code, o.stderr)
	assert.Equal(t, report.ResultSummary{Changed: 104, Unchanged: 52}, decode[report.Results](t, o).Summary)
	assert.Equal(t, 104, tunedSoFar(t, c))
	for _, object := range objects(t, c, "-A") {
		assert.GreaterOrEqual(t, 1, strings.Count(object.Metadata.Annotations[tune.RecordAnnotation], `"session"`), "each was tuned once")
	}
}

// A patch whose answer got lost is looked for, and not sent again where it was carried out.
func TestAnswersOfPatchesAreLost(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "answered", "interval: 5m, timeout: 2m")+gitRepository(ns, "lost", "interval: 5m, timeout: 2m"))
	proxy := faults.Start(t, c.Config(), func(r *http.Request, seen int) faults.Fault {
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/lost") && seen == 0 {
			return faults.Fault{Cut: 1}
		}
		return faults.Fault{}
	})
	through := invocation{kubeconfig: proxy.Kubeconfig(t, "through", ns)}
	o := through.must(t, "apply", "-n", ns, "--yes", "-o", "json")
	assert.Equal(t, report.ResultSummary{Changed: 2}, decode[report.Results](t, o).Summary)
	patches := 0
	for _, request := range proxy.Requests() {
		if strings.HasPrefix(request, "PATCH ") && strings.Contains(request, "/lost?") {
			patches++
		}
	}
	assert.Equal(t, 1, patches, "it had landed")
	for _, object := range objects(t, c, "-n", ns) {
		assert.Equal(t, 1, strings.Count(object.Metadata.Annotations[tune.RecordAnnotation], `"session"`), "each was tuned once")
	}
	on(c).must(t, "revert", "-n", ns, "--yes")
	assert.Equal(t, "5m", c.Field(t, "gitrepository", ns, "lost", ".spec.interval"))
}
