package terminal

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"os"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Each hunk says where it begins in both texts, as git apply takes it: that goes by the new text.
func TestDiffSaysWhereEachHunkIs(t *testing.T) {
	t.Parallel()
	header := regexp.MustCompile(`^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@$`)
	rapid.Check(t, func(t *rapid.T) {
		var from, to []string
		for i := range rapid.IntRange(0, 120).Draw(t, "lines") {
			text := rapid.SampledFrom([]string{"a: 1", "b: 2", "---", fmt.Sprintf("n: %d", i)}).Draw(t, "text")
			switch rapid.IntRange(0, 9).Draw(t, "edit") {
			case 0:
				from = append(from, text)
			case 1:
				to = append(to, text+" new")
			case 2:
				from, to = append(from, text), append(to, text+" else")
			default:
				from, to = append(from, text), append(to, text)
			}
		}
		lines := func(list []string) []byte { return []byte(strings.Join(append(list, ""), "\n")) }
		old, now := 0, 0 // the next lines of a hunk
		for i, line := range strings.Split(strings.TrimSuffix(Diff("a", "b", lines(from), lines(to)), "\n"), "\n") {
			switch m := header.FindStringSubmatch(line); {
			case line == "" && i == 0: // nothing changes
			case i < 2:
			case m != nil:
				old, _ = strconv.Atoi(m[1])
				now, _ = strconv.Atoi(m[2])
			case line[0] == '-':
				require.Equal(t, line[1:], from[old-1])
				old++
			case line[0] == '+':
				require.Equal(t, line[1:], to[now-1])
				now++
			default:
				require.Equal(t, line[1:], from[old-1])
				require.Equal(t, line[1:], to[now-1])
				old, now = old+1, now+1
			}
		}
	})
}

// What is shown is what git apply makes of it, where many objects look alike and only some change, also where the last line has no end.
func TestGitAppliesADiff(t *testing.T) {
	t.Parallel()
	var from, to strings.Builder
	for i := range 24 {
		fmt.Fprintf(&from, "kind: HelmRelease\nname: r%d\nspec:\n  test: {}\n  install: {}\n  upgrade: {}\n  interval: 10m\n  chart:\n    name: app\n    interval: 10m\n  values: {}\n  more: {}\n---\n", i)
		interval := "10m"
		if i%3 == 0 {
			interval = "1m"
		}
		fmt.Fprintf(&to, "kind: HelmRelease\nname: r%d\nspec:\n  test: {}\n  install: {}\n  upgrade: {}\n  interval: %s\n  chart:\n    name: app\n    interval: %[2]s\n  values: {}\n  more: {}\n---\n", i, interval)
	}
	for _, end := range []string{"", "last: line", "last: line\n"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "f.yaml"), []byte(from.String()+end), 0o600))
		cmd := exec.CommandContext(t.Context(), "git", "apply", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(Diff("a/f.yaml", "b/f.yaml", []byte(from.String()+end), []byte(to.String()+end)))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		got, err := os.ReadFile(filepath.Join(dir, "f.yaml"))
		require.NoError(t, err)
		assert.Equal(t, to.String()+end, string(got))
	}
	assert.Empty(t, Diff("a", "b", []byte("x"), []byte("x")))
}

// Names that would end a line, or that git takes for quoted ones, are quoted as git quotes them.
func TestDiffQuotesNames(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{
		"a/ä b.yaml":         "--- a/ä b.yaml\n",
		"a/b\nc\t\"d\".yaml": `--- "a/b\nc\t\"d\".yaml"` + "\n",
		`a/b\c.yaml`:         `--- "a/b\\c.yaml"` + "\n",
		"a/\x1b\x7f.yaml":    `--- "a/\033\177.yaml"` + "\n",
	} {
		assert.True(t, strings.HasPrefix(Diff(name, name, []byte("x\n"), []byte("y\n")), header), "%q: %s", name, Diff(name, name, []byte("x\n"), []byte("y\n")))
	}
}
