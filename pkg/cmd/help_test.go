package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Help is broken between words where a terminal ends, and says what it says in a pipe. Lines of examples are left alone:
// they are to be copied.
func TestHelpFitsTheTerminal(t *testing.T) {
	t.Parallel()
	pages := [][]string{{}, {"options"}}
	for _, sub := range Tree().Commands() {
		pages = append(pages, []string{sub.Name(), "--help"})
	}
	assert.Greater(t, len(pages), 15)
	for _, args := range pages {
		pipe := invocation{}.must(t, args...).stdout
		for _, width := range []int{60, 80, 100, 140} {
			shown := invocation{width: width}.must(t, args...).stdout
			assert.Equal(t, strings.Fields(pipe), strings.Fields(shown), "%v at %d says the same", args, width)
			example := false
			for line := range strings.Lines(shown) {
				line = strings.TrimSuffix(line, "\n")
				if !strings.HasPrefix(line, " ") && line != "" {
					example = strings.HasPrefix(line, "Examples:") || strings.HasPrefix(line, "Usage:")
				}
				assert.True(t, example || terminal.Width(line) <= width, "%v at %d: %s", args, width, line)
			}
		}
	}
}

// Paragraphs are broken as a whole, and only where they have no room, lists below themselves; commands stay as they are.
func TestWrapParagraphs(t *testing.T) {
	t.Parallel()
	const text = "Show every object\nand its interval.\n\nShort.\n  0  a list item that is longer\n  kubectl fluxtune plan -A\nEnd."
	assert.Equal(t, text, wrapParagraphs(text, 33))
	assert.Equal(t, text, wrapParagraphs(text, 0))
	assert.Equal(t, "Show every\nobject and its\ninterval.\n\nShort.\n  0  a list item\n     that is\n     longer\n  kubectl fluxtune plan -A\nEnd.", wrapParagraphs(text, 16))
	assert.Empty(t, wrapParagraphs("", 16))
}
