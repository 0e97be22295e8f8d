package cmd

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, 1, strings.Count(o.stdout, "KIND"), "the header once")
	assert.Equal(t, 2, strings.Count(o.stdout, "GitRepository   app"), "no row without a change")
}

// What may be listed and not watched is said, and shown all the same.
func TestGetWatchRefused(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	user := "lister-of-" + f.apps
	grant(t, f.Cluster, user, f.apps, viewer)
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
