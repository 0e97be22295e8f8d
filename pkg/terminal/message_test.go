package terminal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWrapMessage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, message string
		width         int
		want          string
	}{
		{"no terminal", "Warning: you may not list helmreleases in all namespaces", 0, "Warning: you may not list helmreleases in all namespaces"},
		{"fits", "Session s1.", 11, "Session s1."},
		{"between words", "Warning: you may not list helmreleases in all namespaces", 30, "Warning: you may not list\nhelmreleases in all namespaces"},
		{"an address stays whole", "error: no answer from https://kubernetes.example.com:6443 in 30s", 24, "error: no answer from\nhttps://kubernetes.example.com:6443\nin 30s"},
		{"a question keeps its space", "Change 104 objects in context \"demo\"? [y/N] ", 40, "Change 104 objects in context \"demo\"?\n[y/N] "},
		{"columns keep their gaps", "a   b   c   d", 9, "a   b   c\nd"},
		{"an indent stays", "  one two", 6, "  one\ntwo"},
		{"a command at the end has lines of its own", "Session s1. Take it back with: kubectl fluxtune revert -A --session s1", 50, "Session s1. Take it back with:\n  kubectl fluxtune revert -A --session s1"},
		{"a long command is broken as a shell takes it", "Take it back with: kubectl fluxtune revert -A --session s1", 32, "Take it back with:\n  kubectl fluxtune revert -A \\\n  --session s1"},
		{"a command of Flux's own CLI", "Try again with: flux tune revert -A --session s1", 40, "Try again with:\n  flux tune revert -A --session s1"},
		{"a command in a sentence stays whole", "error: nothing is there: kubectl config get-contexts lists the contexts", 40, "error: nothing is there:\nkubectl config get-contexts lists the\ncontexts"},
		{"its flags, too", "hint: say kubectl fluxtune plan -A --context other, or not", 30, "hint: say\nkubectl fluxtune plan -A --context other,\nor not"},
	} {
		assert.Equal(t, tc.want, WrapMessage(tc.message, tc.width), tc.name)
	}
}

// Nothing is lost, nothing is wider than the terminal but what must stay whole, and a pipe gets what was written.
func TestMessagesAreWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`([a-z配:]{1,14}|kubectl|flux|-n|--flag|with:)`)
		message := strings.Join(rapid.SliceOfN(word, 0, 25).Draw(t, "words"), rapid.SampledFrom([]string{" ", "   "}).Draw(t, "gap"))
		width := rapid.SampledFrom([]int{0, 8, 20, 40, 80}).Draw(t, "width")
		var out strings.Builder
		m := NewMessages(&out, func() int { return width })
		parts := rapid.IntRange(0, len(strings.Fields(message))).Draw(t, "first write")
		first := strings.Join(strings.Fields(message)[:parts], " ")
		_, err := fmt.Fprint(m, first)
		require.NoError(t, err)
		assert.Equal(t, WrapMessage(first, width), out.String(), "what has no end yet is not held back")
		_, err = fmt.Fprintln(m, "\n"+message)
		require.NoError(t, err)
		_, got, _ := strings.Cut(out.String(), WrapMessage(first, width)+"\n")
		if width == 0 {
			assert.Equal(t, message+"\n", got)
			return
		}
		assert.Equal(t, strings.Fields(message), strings.Fields(strings.ReplaceAll(got, " \\\n", "\n")))
		for line := range strings.SplitSeq(got, "\n") {
			if Width(line) > width {
				assert.True(t, len(strings.Fields(line)) == 1 || strings.Contains(line, "kubectl") || strings.Contains(line, "flux") || strings.HasPrefix(line, "  "), line)
			}
		}
	})
}

// Lines that are drawn over are not broken, and what follows in a line that was begun counts what is there.
func TestMessagesInParts(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	m := NewMessages(&out, func() int { return 12 })
	for _, text := range []string{"\r\x1b[K1 of 2 objects done", "\r\x1b[K", "one two", " three four\n", "one two three\nfour"} {
		n, err := fmt.Fprint(m, text)
		require.NoError(t, err)
		assert.Equal(t, len(text), n)
	}
	assert.Equal(t, "\r\x1b[K1 of 2 objects done\r\x1b[Kone two\nthree four\none two\nthree\nfour", out.String())
}
