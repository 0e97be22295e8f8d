//go:build unix

package cmd

import (
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// While the API server hangs, or is gone, a watch says so and as of when what it shows is known, in a pipe as on a terminal;
// and that nothing is missing once it hears of it again. Each time it goes on with what has changed.
func TestWatchesTellOfAServerThatIsSilentOrGone(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{})
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
	screen := System{StdoutWidth: 120, StdoutHeight: 40, StderrTerminal: true, Now: time.Now}
	watches := map[string]*liveRun{
		"get in a pipe":       startNodes(t, c.Kubeconfig(), System{Now: time.Now}, "get", "-n", ns, "-w"),
		"get on a terminal":   startNodes(t, c.Kubeconfig(), screen, "get", "-n", ns, "-w"),
		"nodes in a pipe":     startNodes(t, c.Kubeconfig(), System{Now: time.Now}, "nodes", "-w"),
		"nodes on a terminal": startNodes(t, c.Kubeconfig(), screen, "nodes", "-w"),
	}
	isGet := func(name string) bool { return strings.HasPrefix(name, "get") }
	eventually := func(what string, holds func(name string, r *liveRun) bool) {
		t.Helper()
		for name, r := range watches {
			require.Eventually(t, func() bool { return holds(name, r) }, 60*time.Second, 50*time.Millisecond, "%s: %s:\n%s\n%s", name, what, &r.out, &r.errOut)
		}
	}
	interrupted := func(why string) {
		t.Helper()
		said := regexp.MustCompile(`(?s)updates\s+are\s+interrupted,\s+as\s+of\s+\d\d:\d\d:\d\d[: ].*` + why)
		eventually(why, func(_ string, r *liveRun) bool {
			return said.MatchString(r.errOut.String() + lastPicture(r.out.String()))
		})
	}
	mended := func(times int) {
		t.Helper()
		eventually("mended", func(name string, r *liveRun) bool {
			if name == "nodes on a terminal" {
				return !strings.Contains(lastPicture(r.out.String()), "PARTIAL")
			}
			const nothing = "Nothing is missing any more."
			said := strings.TrimSpace(r.errOut.String()) // a watch that begins again may be interrupted once more
			return strings.Count(said, nothing) >= times && strings.HasSuffix(said, nothing)
		})
	}
	eventually("the first rows", func(name string, r *liveRun) bool {
		return strings.Contains(r.out.String(), map[bool]string{true: "app", false: "TOTAL"}[isGet(name)])
	})
	time.Sleep(2 * time.Second) // the watches run

	require.NoError(t, syscall.Kill(c.APIServerPID(), syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(c.APIServerPID(), syscall.SIGCONT) })
	interrupted("does not answer")
	for name, r := range watches {
		assert.LessOrEqual(t, strings.Count(r.errOut.String(), "\n"), 1, "%s: once: %s", name, &r.errOut)
	}
	require.NoError(t, syscall.Kill(c.APIServerPID(), syscall.SIGCONT))
	mended(1)

	require.NoError(t, c.KillAPIServer())
	interrupted("refused")
	require.NoError(t, c.StartAPIServer(t.Context()))
	mended(2)
	c.Kubectl(t, "patch", "gitrepository", "app", "-n", ns, "--type=merge", "-p", `{"spec":{"interval":"7m"}}`)
	eventually("the change", func(name string, r *liveRun) bool { return !isGet(name) || strings.Contains(r.out.String(), " 7m ") })
}

// lastPicture is what a terminal shows that was drawn over and over.
func lastPicture(out string) string { return out[strings.LastIndex(out, "\x1b[H")+1:] }
