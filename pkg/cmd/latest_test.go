package cmd

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
)

// userOf is a Kustomization that uses a source and says its environment.
func userOf(ns, name, environment string) string {
	return fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: %s, labels: {environment: %s}}
spec: {interval: 1m, timeout: 2m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: %s}}
---
`, ns, environment, name)
}

// What is decided of an object follows from others, too: they are looked at again when the question is answered.
func TestWhatOthersBecomeWhileItAsks(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	for name, meanwhile := range map[string]func(t *testing.T, ns string){
		"the user of a source moves": func(t *testing.T, ns string) {
			c.Kubectl(t, "label", "kustomization", "web", "-n", ns, "environment=production", "--overwrite")
		},
		"the user of a source goes": func(t *testing.T, ns string) { c.Kubectl(t, "delete", "kustomization", "web", "-n", ns) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := c.Namespace(t, nil)
			c.Apply(t, gitRepository(ns, "src", "interval: 5m, timeout: 2m")+userOf(ns, "src", "development"))
			o := atThePrompt(t, on(c), func() { meanwhile(t, ns) }, "apply", "gitrepository", "src", "-n", ns)
			assert.Equal(t, exitFailed, o.code, o.stderr)
			assert.Contains(t, o.stderr, "0 configured, 0 unchanged, 1 left alone, 0 failed.")
			assert.Equal(t, "5m", c.Field(t, "gitrepository", ns, "src", ".spec.interval"))
		})
	}
	t.Run("a rule of its owner goes", func(t *testing.T) {
		t.Parallel()
		ns := c.Namespace(t, map[string]string{"environment": "development"})
		c.Apply(t, userOf(ns, "src", "development")+gitRepository(ns, "src", "interval: 5m, timeout: 2m"))
		c.Kubectl(t, "patch", "kustomization", "web", "-n", ns, "--type=merge", "-p",
			`{"spec":{"ignore":[{"paths":["/spec/interval"],"target":{"kind":"GitRepository"}}]}}`)
		c.ApplyAs(t, fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: child, namespace: %[1]s, labels: {kustomize.toolkit.fluxcd.io/name: web, kustomize.toolkit.fluxcd.io/namespace: %[1]s}}
spec: {interval: 5m, timeout: 2m, url: "https://github.com/acme/child", ref: {branch: main}}
`, ns), testbed.ApplyOptions{Manager: "kustomize-controller"})
		o := atThePrompt(t, on(c), func() {
			c.Kubectl(t, "patch", "kustomization", "web", "-n", ns, "--type=merge", "-p", `{"spec":{"ignore":null}}`)
		}, "apply", "gitrepository", "child", "-n", ns)
		assert.Equal(t, exitFailed, o.code, o.stderr)
		assert.Contains(t, o.stderr, "0 configured, 0 unchanged, 1 left alone, 0 failed.")
		assert.Equal(t, "5m", c.Field(t, "gitrepository", ns, "child", ".spec.interval"))
	})
}

// A run takes its time: who uses a source may move in the midst of it.
func TestUsersThatMoveWhileItGoesOn(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "a", "interval: 5m, timeout: 2m")+gitRepository(ns, "b", "interval: 5m, timeout: 2m"))
	c.Kubectl(t, "label", "gitrepository", "a", "-n", ns, "environment=development")
	c.Apply(t, userOf(ns, "b", "development"))
	var passed atomic.Int64
	i := on(c)
	i.now = func() time.Time { return noon.Add(time.Duration(passed.Load())) }
	moved := make(chan bool, 1)
	go func() {
		moved <- assert.Eventually(t, func() bool { return c.Field(t, "gitrepository", ns, "a", ".spec.interval") == "1m" }, 20*time.Second, 20*time.Millisecond)
		c.Kubectl(t, "label", "kustomization", "web", "-n", ns, "environment=production", "--overwrite")
		passed.Store(int64(time.Minute))
	}()
	o := i.run(t.Context(), "apply", "gitrepository", "a", "b", "-n", ns, "--yes", "--patches-per-second=0.2")
	require.True(t, <-moved)
	assert.Contains(t, o.stderr, "1 configured, 0 unchanged, 1 left alone, 0 failed.")
	assert.Contains(t, o.stderr, "GitRepository "+ns+"/b: changed since the plan was made: environment development -> production")
	assert.Equal(t, "5m", c.Field(t, "gitrepository", ns, "b", ".spec.interval"))
}

// Whether a chart can be fetched is looked at again when the question is answered: by apply, and by revert.
func TestChartsThatAreLostWhileItAsks(t *testing.T) {
	t.Parallel()
	f := newChartFleet(t)
	faster := []string{"apply", "hr", "web", "-n", f.apps, "--set", "development.HelmRelease.interval=3m"}
	lose := func() { f.ready(t, "helmrepository", f.sources, "charts", "False", "FetchFailed") }
	o := atThePrompt(t, on(f.Cluster), lose, faster...)
	assert.Equal(t, exitFailed, o.code, o.stderr)
	assert.Contains(t, o.stderr, "0 configured, 0 unchanged, 1 left alone, 0 failed.")
	assert.Equal(t, "5m", f.Field(t, "helmrelease", f.apps, "web", ".spec.interval"))
	f.ready(t, "helmrepository", f.sources, "charts", "True", "Succeeded")
	on(f.Cluster).must(t, append(faster, "--yes")...)
	o = atThePrompt(t, on(f.Cluster), lose, "revert", "-n", f.apps)
	assert.Equal(t, exitFailed, o.code, o.stderr)
	assert.Contains(t, o.stderr, "is not ready (FetchFailed)")
	assert.Equal(t, "3m", f.Field(t, "helmrelease", f.apps, "web", ".spec.interval"))
}

// One cluster is changed after the other: what decisions about the second follow from is as old as the beginning of all, also where
// nobody is asked.
func TestLabelsThatMoveWhileAnotherClusterIsChanged(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	f.Apply(t, gitRepository(f.east, "other", "interval: 5m, timeout: 2m"))
	var passed atomic.Int64
	i := f.invocation()
	i.now = func() time.Time { return noon.Add(time.Duration(passed.Load())) }
	moved := make(chan bool, 1)
	go func() {
		moved <- assert.Eventually(t, func() bool { return f.Field(t, "gitrepository", f.east, "app", ".spec.interval") == "1m" }, 20*time.Second, 20*time.Millisecond)
		f.Kubectl(t, "label", "namespace", f.west, "environment=production", "--overwrite")
		passed.Store(int64(time.Hour))
	}()
	o := i.run(t.Context(), "apply", "--contexts", "east,west", "--yes", "--patches-per-second=0.2")
	require.True(t, <-moved)
	assert.Contains(t, o.stderr, "changed since the plan was made: environment development -> production")
	assert.Equal(t, "10m", f.Field(t, "gitrepository", f.west, "app", ".spec.interval"))
}

// Where what decisions follow from cannot be read again, that is said: what became of it in the meantime was not noticed.
func TestWhatCannotBeReadAgain(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "src", "interval: 5m, timeout: 2m")+userOf(ns, "src", "development"))
	var broken atomic.Bool
	proxy := faults.Start(t, c.Config(), func(r *http.Request, _ int) faults.Fault {
		if broken.Load() && strings.HasSuffix(r.URL.Path, "/kustomizations") {
			return faults.Fault{Status: http.StatusInternalServerError}
		}
		return faults.Fault{}
	})
	i := invocation{kubeconfig: proxy.Kubeconfig(t, "broken", ns)}
	o := atThePrompt(t, i, func() { broken.Store(true) }, "apply", "gitrepository", "src")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stderr, "Warning: the labels of namespaces, or what uses, applies or feeds the objects, could not be read again since")
	i.now = func() time.Time { return noon.Add(time.Hour) }
	broken.Store(false)
	o = atThePrompt(t, i, func() {}, "revert")
	assert.NotContains(t, o.stderr, "could not be read again", o.stderr)
}
