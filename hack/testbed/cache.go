package testbed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// cacheEntry is a directory in the user's cache, named after everything that
// its contents depend on.
type cacheEntry struct {
	name     string
	progress string   // said once, before it is made
	keyFiles []string // files whose contents decide the entry
	keyParts []string // flags and versions that decide it too
}

// get returns the entry's directory, made first by fill if it is not there.
// Only one process at a time fills an entry; others wait for it. The directory
// appears whole or not at all.
func (e cacheEntry) get(ctx context.Context, progress io.Writer, fill func(dir string) error) (string, error) {
	final, err := e.path()
	if err != nil {
		return "", err
	}
	if isDir(final) {
		return final, nil
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return "", fmt.Errorf("making the test bed's cache: %w", err)
	}
	unlock, err := lockFile(ctx, final+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if isDir(final) { // made while we waited for the lock
		return final, nil
	}
	_, _ = fmt.Fprintln(progress, "testbed:", e.progress)
	tmp, err := os.MkdirTemp(filepath.Dir(final), e.name+"-new-")
	if err != nil {
		return "", fmt.Errorf("making the test bed's cache: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err := fill(tmp); err != nil {
		return "", err
	}
	if err := errors.Join(os.Chmod(tmp, 0o755), os.Rename(tmp, final)); err != nil {
		return "", fmt.Errorf("keeping %q in the test bed's cache: %w", e.name, err)
	}
	return final, nil
}

func (e cacheEntry) path() (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache directory (set XDG_CACHE_HOME or HOME): %w", err)
	}
	h := sha256.New()
	for _, part := range append([]string{runtime.Version(), runtime.GOOS, runtime.GOARCH}, e.keyParts...) {
		_, _ = fmt.Fprintf(h, "%q\n", part)
	}
	for _, file := range e.keyFiles {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("reading what decides the build of %q: %w", e.name, err)
		}
		_, _ = fmt.Fprintf(h, "%q\n", data)
	}
	sum := hex.EncodeToString(h.Sum(nil))[:16]
	return filepath.Join(root, "fluxtune-testbed", e.name+"-"+sum), nil
}

// lockFile takes an exclusive advisory lock and returns the function that gives
// it back. The kernel gives it back when the process dies.
func lockFile(ctx context.Context, path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the test bed's cache: %w", err)
	}
	err = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(context.Context) (bool, error) {
		busy, err := tryLock(f)
		return !busy, err
	})
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("waiting for another process that builds %q: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
