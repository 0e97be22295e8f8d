package cmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// bed is the control plane that the tests of this package share; each test has namespaces of its own.
var bed = testbed.NewShared(testbed.Options{})

// furtherBed has control planes that serve kinds of others, too: those of the Flux Operator, what only budgets read, and metrics.
var furtherBed = testbed.NewShared(testbed.Options{MoreCRDs: strings.Join([]string{operatorCRDs, costCRDs, metricsCRD}, "---")})

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	if os.Getenv(runAsPlugin) != "" {
		os.Exit(Main(os.Args, Build{Version: "v0.0.0-test"}))
	}
	flag.Parse()
	// They wait more than they work: for API servers, pauses between polls, and each other's requests.
	_ = flag.Set("test.parallel", "8")
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(2 << 30)
	_ = os.Setenv("GOGC", "400") // for the API servers
	// Whoever forgets --kubeconfig must find nothing, least of all the user's own cluster.
	_ = os.Setenv("KUBECONFIG", "/nowhere/kubeconfig")
	code := bed.Main(m)
	if err := furtherBed.Close(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "testbed:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// noon is the clock of all tests.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// invocation is one call of the plugin, as a user would type it.
type invocation struct {
	kubeconfig string // "" is what $KUBECONFIG says: nothing
	stdin      io.Reader
	terminal   bool // somebody sits there
	width      int
	sizeless   bool             // stdout is a terminal that does not say how wide it is
	watched    bool             // stderr is a terminal
	now        func() time.Time // nil is always noon
	session    string           // of an apply; "" is 20261122-120000-test
	env        map[string]string
	stderr     io.Writer       // gets a copy
	stdout     io.Writer       // gets a copy, too
	forget     func()          // drops what was typed
	insisted   context.Context // ends at the second Ctrl-C; nil never does
}

// outcome is what a user sees of it.
type outcome struct {
	stdout, stderr string
	code           int
}

// run calls the plugin in this process with a fixed clock.
func (i invocation) run(ctx context.Context, args ...string) outcome {
	var out, errOut lockedBuffer
	sys := System{
		IOStreams:     genericiooptions.IOStreams{In: i.stdin, Out: io.MultiWriter(&out, orNowhere(i.stdout)), ErrOut: io.MultiWriter(&errOut, orNowhere(i.stderr))},
		Now:           func() time.Time { return noon },
		NewSession:    func() string { return cmp.Or(i.session, "20261122-120000-test") },
		StdinTerminal: i.terminal,
		StdoutWidth:   i.width, StdoutTerminal: i.sizeless,
		Getenv: func(key string) string { return i.env[key] },
	}
	sys.StderrTerminal, sys.Forget = i.watched, i.forget
	if i.now != nil {
		sys.Now = i.now
	}
	if i.insisted != nil {
		sys.Insisted = func(context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(i.insisted) }
	}
	if i.stdin == nil {
		sys.In = strings.NewReader("")
	}
	words := []string{"kubectl-fluxtune"}
	if i.kubeconfig != "" {
		words = append(words, "--kubeconfig", i.kubeconfig)
	}
	code := Run(ctx, sys, Build{Version: "v0.0.0-test"}, append(words, args...))
	return outcome{out.String(), errOut.String(), code}
}

func orNowhere(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// on calls the plugin on a cluster as its administrator.
func on(c *testbed.Cluster) invocation { return invocation{kubeconfig: c.Kubeconfig()} }

// must is for calls that have to succeed.
func (i invocation) must(t *testing.T, args ...string) outcome {
	t.Helper()
	o := i.run(t.Context(), args...)
	require.Equal(t, 0, o.code, "%v\nstdout:\n%s\nstderr:\n%s", args, o.stdout, o.stderr)
	return o
}

// decode reads JSON output.
func decode[T any](t *testing.T, o outcome) T {
	t.Helper()
	var document T
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), o.stdout)
	return document
}

// lockedBuffer can be written and read by several goroutines.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
