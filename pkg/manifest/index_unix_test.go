//go:build unix

package manifest

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What stands in the place of Git's index and is no file is not waited for.
func TestOpenWaitsForNoPipe(t *testing.T) {
	t.Parallel()
	for name, pipe := range map[string]string{"index": ".git/index", "linked working tree": ".git"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pipe := filepath.Join(dir, filepath.FromSlash(pipe))
			if name == "index" {
				git(t, dir, "init", "-q")
			}
			require.NoError(t, syscall.Mkfifo(pipe, 0o600))
			opened := make(chan error, 1)
			go func() {
				_, err := Open(dir)
				opened <- err
			}()
			select {
			case err := <-opened:
				assert.NoError(t, err)
			case <-time.After(20 * time.Second):
				t.Fatal("it waits for the pipe")
			}
		})
	}
}
