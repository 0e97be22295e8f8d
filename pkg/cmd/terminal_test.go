package cmd

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ctrl-Z leaves the shell a terminal that works, and takes it again when the program goes on, unless that has ended.
func TestSuspended(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		ended bool
		want  []string
	}{
		{"goes on", false, []string{"raw", "restored", "stopped", "raw", "restored"}},
		{"has ended", true, []string{"raw", "restored"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var did []string
			note := func(what string) func() { return func() { did = append(did, what) } }
			in, typed := io.Pipe()
			terminal := &keyTerminal{
				in:      in,
				makeRaw: func() (func(), error) { note("raw")(); return note("restored"), nil },
				suspend: note("stopped"),
			}
			keys, end, err := terminal.read()
			require.NoError(t, err)
			if tc.ended {
				end()
			}
			go func() {
				_, _ = io.WriteString(typed, "a\x1aq")
				_ = typed.Close()
			}()
			var read []byte
			for key := range keys {
				read = append(read, key)
			}
			if !tc.ended {
				end()
			}
			assert.Equal(t, tc.want, did)
			assert.Equal(t, "a\x1aq", string(read))
		})
	}
}
