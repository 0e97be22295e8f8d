package testbed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testEntry(t *testing.T) cacheEntry {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // where os.UserCacheDir looks on Linux
	t.Setenv("HOME", t.TempDir())           // and on macOS
	file := filepath.Join(t.TempDir(), "go.mod")
	require.NoError(t, os.WriteFile(file, []byte("module a"), 0o644))
	return cacheEntry{name: "thing", progress: "building a thing", keyFiles: []string{file}}
}

func TestCacheEntryIsFilledOnce(t *testing.T) {
	e := testEntry(t)
	var fills atomic.Int32
	var progress bytes.Buffer
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			var out bytes.Buffer
			dir, err := e.get(t.Context(), &out, func(dir string) error {
				fills.Add(1)
				time.Sleep(20 * time.Millisecond)
				return os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
			})
			assert.NoError(t, err)
			assert.FileExists(t, filepath.Join(dir, "file"))
			mu.Lock()
			defer mu.Unlock()
			progress.Write(out.Bytes())
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, fills.Load())
	assert.Equal(t, "testbed: building a thing\n", progress.String())
}

func TestCacheEntryThatFailsLeavesNothing(t *testing.T) {
	e := testEntry(t)
	broken := errors.New("broken")
	_, err := e.get(t.Context(), &bytes.Buffer{}, func(string) error { return broken })
	require.ErrorIs(t, err, broken)
	path, err := e.path()
	require.NoError(t, err)
	assert.NoDirExists(t, path)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "only the lock file")
}

func TestCacheKeyFollowsTheModuleFiles(t *testing.T) {
	e := testEntry(t)
	before, err := e.path()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(e.keyFiles[0], []byte("module b"), 0o644))
	after, err := e.path()
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lockFile(t.Context(), path)
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = lockFile(ctx, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
