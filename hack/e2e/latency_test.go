package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// delivery is a team whose repository holds a ConfigMap, polled and applied at given intervals.
type delivery struct {
	world
	t    *testing.T
	name string
}

func newDelivery(t *testing.T, source, kustomization string) delivery {
	t.Helper()
	w := start(t)
	d := delivery{world: w, t: t, name: w.namespace(t, development)}
	d.push("one")
	w.Apply(t, fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: %[1]s}
spec: {interval: %[3]s, url: %[2]q, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: %[1]s}
spec: {interval: %[4]s, path: ./deploy, prune: true, targetNamespace: %[1]s, sourceRef: {kind: GitRepository, name: app}}
`, d.name, w.git.URL(d.name), source, kustomization))
	d.await("one", time.Minute)
	return d
}

func (d delivery) push(value string) {
	d.t.Helper()
	_, err := d.git.Push(d.t.Context(), d.name, map[string]string{
		"deploy/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {value: " + value + "}\n",
	})
	require.NoError(d.t, err)
}

func (d delivery) await(value string, limit time.Duration) time.Duration {
	d.t.Helper()
	start := time.Now()
	for {
		got := d.read(d.t, "configmap", d.name, "app", ".data.value")
		if got == value {
			return time.Since(start)
		}
		require.Less(d.t, time.Since(start), limit, "waiting for %q, there is %q", value, got)
		time.Sleep(100 * time.Millisecond)
	}
}

// justPolled waits for a poll, so that what is pushed next has to wait the longest.
func (d delivery) justPolled() {
	d.t.Helper()
	before := d.git.Requests(d.name).InfoRefs
	require.Eventually(d.t, func() bool { return d.git.Requests(d.name).InfoRefs > before }, 2*time.Minute, 20*time.Millisecond)
	time.Sleep(500 * time.Millisecond) // the poll is over
}

// predicted is the budget's typical and worst time from commit to applied.
func (d delivery) predicted() (typical, worst time.Duration) {
	d.t.Helper()
	b := d.budget(d.t, d.name)
	require.Len(d.t, b.Environments, 1)
	return parse(d.t, b.Environments[0].Latency.Typical.Now), parse(d.t, b.Environments[0].Latency.Worst.Now)
}

func TestCommitToApplied(t *testing.T) {
	timed(t)
	for _, tc := range []struct{ source, kustomization string }{
		{"10s", "10m"}, // fast source, slow Kustomization
		{"30s", "5s"},  // slow source, fast Kustomization
	} {
		t.Run(tc.source+" "+tc.kustomization, func(t *testing.T) {
			t.Parallel()
			if tc.source == "30s" {
				measures(t)
			}
			d := newDelivery(t, tc.source, tc.kustomization)
			_, worst := d.predicted()
			d.justPolled()
			d.push("two")
			before := d.git.Requests(d.name).InfoRefs
			took := d.await("two", 2*time.Minute)
			// One sees the change, one is the clone's, and one more may have come before it was seen to be applied.
			assert.LessOrEqual(t, d.git.Requests(d.name).InfoRefs-before, 3, "the next poll brings it")
			interval := parse(t, tc.source)
			assert.Greater(t, took, interval*9/10-2*time.Second, "the source's interval decides")
			if full() { // on a machine that is busy a reconcile takes many times as long
				assert.Less(t, took, worst+2*time.Second)
			}
			record(t, fmt.Sprintf("commit to applied, pushed right after a poll: source %s, Kustomization %s", tc.source, tc.kustomization),
				"at most "+worst.String(), took.Round(100*time.Millisecond).String())
		})
	}
}

// TestCommitToAppliedThroughDependsOn: a Kustomization that waits for another is looked at again every
// 30 s (--requeue-dependency), unless the other one is ready first.
func TestCommitToAppliedThroughDependsOn(t *testing.T) {
	timed(t)
	measures(t)
	d := newDelivery(t, "10s", "10m")
	d.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: after, namespace: %[1]s}
spec: {interval: 10m, path: ./deploy, prune: true, targetNamespace: %[1]s, nameSuffix: -after, dependsOn: [{name: app}], sourceRef: {kind: GitRepository, name: app}}
`, d.name))
	d.Kubectl(t, "wait", "kustomization", "after", "-n", d.name, "--for=condition=Ready", "--timeout=2m")
	_, worst := d.predicted()
	d.justPolled()
	d.push("two")
	begun := time.Now()
	for {
		got := d.read(t, "configmap", d.name, "app-after", ".data.value")
		if got == "two" {
			break
		}
		require.Less(t, time.Since(begun), 2*time.Minute)
		time.Sleep(100 * time.Millisecond)
	}
	took := time.Since(begun)
	assert.Less(t, took, worst+2*time.Second)
	record(t, "commit to applied through dependsOn: source 10s", "at most "+worst.String(), took.Round(100*time.Millisecond).String())
}

func parse(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	require.NoError(t, err)
	return d
}
