package cmd

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// A watch shows the rows, then each that changes, what comes and what goes, until Ctrl-C.
func TestGetWatch(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	ctx, ctrlC := context.WithCancel(t.Context())
	var shown lockedBuffer
	i := on(f.Cluster)
	i.stdout = &shown
	result := make(chan outcome, 1)
	go func() { result <- i.run(ctx, "get", "gitrepo", "-n", f.apps, "-w") }()
	waitFor := func(pattern string) {
		t.Helper()
		require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Regexp(t, pattern, shown.String()) }, 20*time.Second, 50*time.Millisecond)
	}
	waitFor(`(?m)^KIND +NAME .*\nGitRepository +app +development +namespace +5m `)
	f.edit(t, "7m")
	waitFor(`(?m)^GitRepository +app +development +namespace +7m `)
	f.Apply(t, gitRepository(f.apps, "late", "interval: 3m"))
	waitFor(`(?m)^GitRepository +late +development +namespace +3m `)
	f.Kubectl(t, "delete", "gitrepository", "late", "-n", f.apps)
	waitFor(`(?m)^GitRepository +late +\(removed\)$`)
	ctrlC()
	o := <-result
	assert.Equal(t, exitInterrupted, o.code, o.stderr)
	assert.Equal(t, 1, strings.Count(o.stdout, "KIND"), "the header once")
	assert.Equal(t, 2, strings.Count(o.stdout, "GitRepository   app"), "no row without a change")
}

// While rows are shown, a namespace may get another label.
func TestGetWatchOfRelabelledNamespaces(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	ctx, ctrlC := context.WithCancel(t.Context())
	var shown lockedBuffer
	i := on(f.Cluster)
	i.stdout = &shown
	result := make(chan outcome, 1)
	go func() { result <- i.run(ctx, "get", "gitrepo", "-n", f.apps, "-w") }()
	sees := func(pattern string) {
		t.Helper()
		require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Regexp(t, pattern, shown.String()) }, 40*time.Second, 50*time.Millisecond)
	}
	sees(`(?m)^GitRepository +app +development `)
	f.Kubectl(t, "label", "namespace", f.apps, "environment=production", "--overwrite")
	sees(`(?m)^GitRepository +app +production `)
	ctrlC()
	<-result
}

// What was gone before the watch began, and what could not be watched for a while, does not stay on the screen.
func TestLiveObjectsForget(t *testing.T) {
	t.Parallel()
	ref := func(kind, name string) flux.Ref { return flux.Ref{Kind: kind, Namespace: "apps", Name: name} }
	l := newLiveObjects([]flux.Object{{Ref: ref("Bucket", "gone")}, {Ref: ref("Bucket", "there")}, {Ref: ref("HelmChart", "other")}})
	w := l.watcher()
	w.Listed("Bucket", map[flux.Ref]bool{ref("Bucket", "there"): true})
	w.Gaps([]flux.Gap{{What: "updates are interrupted", Why: "EOF"}})
	objects, gaps := l.now()
	assert.Equal(t, []flux.Object{{Ref: ref("Bucket", "there")}, {Ref: ref("HelmChart", "other")}}, objects)
	assert.Equal(t, []string{"updates are interrupted: EOF"}, gaps)
	w.Gaps(nil)
	_, gaps = l.now()
	assert.Empty(t, gaps)
}

// An API server that was away for a moment is watched again, and nothing says otherwise then; also where it has forgotten
// what happened meanwhile.
func TestGetWatchMends(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "late", "interval: 3m"))
	var away, forgotten atomic.Bool
	proxy := faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
		if away.Load() {
			return faults.Fault{Status: http.StatusServiceUnavailable}
		}
		return faults.Fault{Gone: r.URL.Query().Has("watch") && forgotten.CompareAndSwap(true, false)}
	})
	client, err := cluster.NewClient(proxy.Config())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	gaps, listed, mended, gone := 0, 0, 0, 0
	count := func(n *int) { mu.Lock(); defer mu.Unlock(); *n++ }
	tell := func(now []flux.Gap) {
		if len(now) == 0 {
			count(&mended)
		} else {
			count(&gaps)
		}
	}
	done := make(chan error, 1)
	k, err := flux.ParseKind("gitrepo")
	require.NoError(t, err)
	go func() {
		done <- client.Watch(ctx, cluster.Selection{Namespace: f.apps, Kinds: []flux.Kind{k}}, cluster.Watcher{
			Event: func(e cluster.Event) {
				if e.Gone && e.Object.Name == "late" {
					count(&gone)
				}
			},
			Listed: func(string, map[flux.Ref]bool) { count(&listed) },
			Gaps:   tell,
		})
	}()
	eventually := func(n *int, more int) {
		t.Helper()
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return *n > more }, 60*time.Second, 50*time.Millisecond)
	}
	eventually(&listed, 0)
	away.Store(true)
	proxy.CutAll()
	eventually(&gaps, 0)
	f.Kubectl(t, "delete", "gitrepository", "late", "-n", f.apps)
	forgotten.Store(true)
	away.Store(false)
	eventually(&mended, 0)
	eventually(&gone, 0)
	assert.False(t, forgotten.Load(), "it was listed again")
	stop()
	require.NoError(t, <-done)
}

// What may be listed and not watched is said, and shown all the same.
func TestGetWatchRefused(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	user := "lister-of-" + f.apps
	grant(t, f.Cluster, user, f.apps, withoutVerb(viewer, "gitrepositories", "watch"))
	ctx, ctrlC := context.WithTimeout(t.Context(), 6*time.Second)
	defer ctrlC()
	o := on(f.Cluster).run(ctx, "get", "gitrepo", "-n", f.apps, "-w", "--as", user)
	assert.Contains(t, o.stdout, "GitRepository   app")
	assert.Contains(t, o.stderr, "Warning: partial: watching gitrepositories in namespace ")
	assert.NotContains(t, o.stderr, "unstructured")
}

// Who may see nothing is told so, and does not wait for ever.
func TestGetWatchOfNothing(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	ctx, ctrlC := context.WithTimeout(t.Context(), 20*time.Second)
	defer ctrlC()
	o := on(f.Cluster).run(ctx, "get", "gitrepo", "-n", f.apps, "-w", "--as", "nobody")
	require.NoError(t, ctx.Err(), "it ends by itself")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "Warning: you may not list gitrepositories")
	assert.Empty(t, o.stdout)
}
