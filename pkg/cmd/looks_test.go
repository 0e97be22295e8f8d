package cmd

import (
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
)

var escape = regexp.MustCompile("\x1b\\[[0-9;]*[mK]")

func TestColor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		width int // 0 is a pipe
		env   map[string]string
		args  string
		want  bool
	}{
		{"a terminal", 80, nil, "policy", true},
		{"a pipe", 0, nil, "policy", false},
		{"NO_COLOR", 80, map[string]string{"NO_COLOR": "1"}, "policy", false},
		{"a dumb terminal", 80, map[string]string{"TERM": "dumb"}, "policy", false},
		{"always, in a pipe", 0, nil, "policy --color always", true},
		{"always, against NO_COLOR", 0, map[string]string{"NO_COLOR": "1"}, "policy --color=always", true},
		{"never", 80, nil, "policy --color=never", false},
		{"never in JSON", 80, nil, "version --client -o json --color=always", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := invocation{width: tc.width, env: tc.env}.must(t, words(tc.args)...)
			assert.Equal(t, tc.want, escape.MatchString(o.stdout), "%q", o.stdout)
		})
	}
}

// TestNarrowTerminal: no line of a table is longer than the terminal is wide, what is cut is marked,
// and what a plan is about is still to be seen.
func TestNarrowTerminal(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m")+gitRepository(ns, strings.Repeat("long-", 10)+"name", "interval: 5m, suspend: true"))
	user := on(c)
	user.width = 80
	long := strings.Repeat("long-", 10) + "name"
	for _, args := range []string{"get -n NS", "get -n NS --rows", "plan -n NS", "plan -n NS --rows", "apply -n NS --dry-run --rows", "policy"} {
		o := user.must(t, words(strings.ReplaceAll(args, "NS", ns))...)
		for line := range strings.Lines(o.stdout) {
			text := strings.TrimSuffix(escape.ReplaceAllString(line, ""), "\n")
			assert.LessOrEqual(t, runewidth.StringWidth(text), 80, "%s: %s", args, text)
			assert.Equal(t, strings.TrimRight(text, " "), text, "%s: spaces at the end", args)
		}
		if strings.HasSuffix(args, "--rows") {
			assert.NotContains(t, o.stdout, long)
			assert.Contains(t, o.stdout, "long-", args)
			assert.Contains(t, o.stdout, "5m", args)
		}
	}
	for _, args := range []string{"get -n NS -o wide", "plan -n NS -o wide"} {
		assert.Contains(t, user.must(t, words(strings.ReplaceAll(args, "NS", ns))...).stdout, long, "%s: what is wide is never cut", args)
	}
	user.env = map[string]string{"NO_COLOR": "1"}
	assert.Regexp(t, `~ +GitRepository +app +development +5m -> 1m +2m`, user.must(t, "plan", "-n", ns, "gitrepo", "app").stdout)
}

// TestProgress: a line on stderr where stderr is a terminal, past a second, that is gone at the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	for _, tc := range []struct {
		name    string
		watched bool
		tick    time.Duration
		want    bool
	}{
		{"on a terminal, slowly", true, 700 * time.Millisecond, true},
		{"on a terminal, at once", true, 0, false},
		{"in a log", false, 700 * time.Millisecond, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ns := c.Namespace(t, map[string]string{"environment": "development"})
			c.Apply(t, gitRepository(ns, "a", "interval: 5m")+gitRepository(ns, "b", "interval: 5m")+gitRepository(ns, "c", "interval: 5m"))
			user := on(c)
			var ticks atomic.Int64
			user.watched, user.now = tc.watched, func() time.Time { return noon.Add(time.Duration(ticks.Add(1)) * tc.tick) }
			o := user.must(t, "apply", "-n", ns, "--yes", "--patches-per-second", "0")
			progress, rest, cleared := strings.Cut(o.stderr, "\r\x1b[K\n")
			assert.Equal(t, tc.want, cleared, "%q", o.stderr)
			if tc.want {
				assert.Contains(t, progress, "\r\x1b[K3 of 3 objects done")
				assert.NotContains(t, rest, "\x1b")
				assert.Contains(t, rest, "3 configured")
			} else {
				assert.NotContains(t, o.stderr, "\x1b")
			}
		})
	}
}
