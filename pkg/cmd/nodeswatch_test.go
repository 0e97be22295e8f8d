package cmd

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A watch that can read nothing ends with the reason, and does not list for ever.
func TestNodesWatchOfNothingEnds(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	for name, test := range map[string]struct {
		with tweak
		says string
	}{
		"not logged in": {connecting(wrongToken), "the cluster does not accept your credentials"},
		"refused":       {connecting(closedPort), "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := test.with(t, c, on(c)).run(t.Context(), "nodes", "--watch")
			assert.Equal(t, exitFailed, o.code)
			assert.Contains(t, o.stderr, test.says)
			assert.Empty(t, o.stdout)
		})
	}
}

// An auth-provider of a kubeconfig is known, as in kubectl: what it says is about the credentials.
func TestAuthProvidersAreKnown(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	oidc := connecting(func(_ *testing.T, config *clientcmdapi.Config) {
		config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{
			Name: "oidc", Config: map[string]string{"idp-issuer-url": "https://127.0.0.1:1", "client-id": "x"},
		}}
	})
	o := oidc(t, c, on(c)).run(t.Context(), "nodes")
	assert.Equal(t, exitFailed, o.code)
	assert.NotContains(t, o.stderr, "no Auth Provider found")
	assert.Contains(t, o.stderr, "No valid id-token")
}

// Every flag of the connection but the context goes with each context.
func TestContextsUseTheWholeConnection(t *testing.T) {
	t.Parallel()
	set := func() *root {
		r := testRoot()
		r.config = genericclioptions.NewConfigFlags(true)
		flags := pflag.NewFlagSet("root", pflag.ContinueOnError)
		r.config.AddFlags(flags)
		flags.VisitAll(func(f *pflag.Flag) {
			switch f.Value.Type() {
			case "bool":
				_ = f.Value.Set("true")
			case "stringArray":
				_ = f.Value.Set("some=thing")
			default:
				_ = f.Value.Set("http://some-" + f.Name + ".test")
			}
		})
		*r.config.Timeout, *r.config.Context = "9s", ""
		return r
	}
	r := set()
	other := r.inContext("there")
	assert.Equal(t, "there", *other.config.Context)
	assert.Empty(t, *r.config.Context, "the original is as it was")
	values := func(r *root) map[string]string {
		flags, all := pflag.NewFlagSet("root", pflag.ContinueOnError), map[string]string{}
		r.config.AddFlags(flags)
		flags.VisitAll(func(f *pflag.Flag) { all[f.Name] = f.Value.String() })
		delete(all, "context")
		return all
	}
	assert.Equal(t, values(r), values(other))
	require.NotEmpty(t, values(other)["token"])
}

// groups are counts of three nodes in two zones, and of pods elsewhere.
func groupedCounts() []report.ClusterCount {
	zone := func(name string) map[string]string { return map[string]string{"topology.kubernetes.io/zone": name} }
	return []report.ClusterCount{{Count: nodes.Count{
		NodesKnown: true, NodesListed: true, Nodes: []nodes.Node{
			{Name: "n1", Status: "Ready", Allocatable: new(10), Capacity: new(10), Labels: zone("a")}, {Name: "n2", Status: "Ready", Allocatable: new(10), Capacity: new(10), Labels: zone("a")},
			{Name: "n3", Status: "Ready", Allocatable: new(10), Capacity: new(10), Labels: zone("b")}, {Name: "n4", Status: "Ready", Allocatable: new(10), Capacity: new(10)},
		},
		Pods:        map[string]nodes.Pods{"n1": {Total: 1}, "n2": {Total: 2}, "n3": {Total: 4}, "n4": {Total: 8}, "gone": {Total: 16}},
		Unscheduled: nodes.Pods{Total: 32}, Total: 63,
	}}}
}

// Elsewhere than on a terminal only the groups that change are printed.
func TestGroupsThatChangeArePrinted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	screen := &lineScreen{out: &out, errOut: &out, shown: map[string]string{}}
	show := func(counts []report.ClusterCount) string {
		list, err := report.NewNodeList(counts, report.NodeOptions{GroupBy: "zone"})
		require.NoError(t, err)
		out.Reset()
		require.NoError(t, screen.show(list.Groups("", 0), nil, noon))
		return out.String()
	}
	assert.Equal(t, `ZONE            NODES   PODS   ALLOCATABLE   USE%
(none)              1      8            10     80
a                   2      3            20     15
b                   1      4            10     40
(gone nodes)              16
(unscheduled)             32
TOTAL               4     63            40     38
`, show(groupedCounts()), "the rows add up")
	assert.Empty(t, show(groupedCounts()))
	counts := groupedCounts()
	counts[0].Count.Pods["n3"] = nodes.Pods{Total: 5}
	counts[0].Count.Total++
	assert.Equal(t, "b                   1      5            10     50\nTOTAL               4     64            40     40\n", show(counts))
}

// Only a node that is gone was removed; others are not shown any more.
func TestRowsThatGoSayWhy(t *testing.T) {
	t.Parallel()
	for want, test := range map[string]struct {
		options report.NodeOptions
		change  func(*nodes.Count)
	}{
		"n1   (removed)\n": {report.NodeOptions{}, func(c *nodes.Count) {
			c.Nodes = c.Nodes[1:]
			delete(c.Pods, "n1")
		}},
		"n1   (not shown any more)\n": {report.NodeOptions{Selected: true}, func(c *nodes.Count) { c.Nodes = c.Nodes[1:] }},
		"n4   (not shown any more)\n": {report.NodeOptions{Top: 1, SortBy: "pods"}, func(c *nodes.Count) { c.Pods["n3"] = nodes.Pods{Total: 9} }},
	} {
		var out bytes.Buffer
		screen := &lineScreen{out: &out, errOut: &bytes.Buffer{}, shown: map[string]string{}}
		counts := groupedCounts()
		for range 2 {
			list, err := report.NewNodeList(counts, test.options)
			require.NoError(t, err)
			out.Reset()
			require.NoError(t, screen.show(list, nil, noon))
			test.change(&counts[0].Count)
		}
		assert.Contains(t, out.String(), want)
	}
}

// Rows stand below a header that has their columns: those of CPU and memory come when metrics are served.
func TestNewColumnsBringANewHeader(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	screen := &lineScreen{out: &out, errOut: &out, layout: report.Layout{Wide: true}, shown: map[string]string{}}
	counts := groupedCounts()
	show := func() []string {
		list, err := report.NewNodeList(counts, report.NodeOptions{})
		require.NoError(t, err)
		out.Reset()
		require.NoError(t, screen.show(list, nil, noon))
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	assert.NotContains(t, show()[0], "MEMORY")
	counts[0].Count.Nodes[0].Usage = &nodes.Usage{CPU: 250, Memory: 1 << 30, At: noon}
	anew := show()
	assert.Regexp(t, "^NAME .* CAPACITY +CPU +CPU% +MEMORY +MEMORY% +ZONE", anew[0])
	assert.Len(t, anew, 8, "with all rows")
	counts[0].Count.Nodes[0].Usage = &nodes.Usage{CPU: 750, Memory: 1 << 30, At: noon}
	changed := show()
	require.Len(t, changed, 1)
	assert.Regexp(t, "^n1 .* 750m ", changed[0])
}

// A picture has the size that the terminal has then, whatever is in it.
func TestPicturesFitTheTerminal(t *testing.T) {
	t.Parallel()
	counts := groupedCounts()
	counts[0].Count.Missing = []nodes.Missing{{
		What: nodes.WhatUpdates, Reason: kube.Unavailable, Err: assert.AnError,
	}, {What: nodes.WhatNamespaces, Reason: kube.Forbidden, Err: &longError{}}}
	list, err := report.NewNodeList(counts, report.NodeOptions{})
	require.NoError(t, err)
	var out bytes.Buffer
	width, height := 0, 0
	screen := &terminalScreen{out: &out, size: func() (int, int) { return width, height }, title: "a-context-of-some-length", quit: "q ends"}
	escape := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	clears := 0
	for _, size := range [][2]int{{100, 40}, {100, 40}, {60, 12}, {30, 8}, {20, 5}, {10, 3}, {200, 60}} {
		width, height = size[0], size[1]
		out.Reset()
		require.NoError(t, screen.show(list, nil, noon))
		clears += strings.Count(out.String(), "\x1b[2J")
		lines := strings.Split(escape.ReplaceAllString(out.String(), ""), "\r\n")
		assert.LessOrEqual(t, len(lines), height, "%v: and the cursor's line", size)
		for _, line := range lines {
			assert.LessOrEqual(t, len([]rune(line)), width, "%v: %q", size, line)
		}
		if width == 100 {
			assert.True(t, strings.HasPrefix(lines[0], "a-context-of-some-length   12:00:00   q ends"), lines[0])
		}
	}
	assert.Equal(t, 6, clears, "once for each size")
	screen.layout = report.Layout{Wide: true, Color: true}
	for _, size := range [][2]int{{200, 60}, {110, 24}, {110, 14}, {60, 12}, {20, 5}} {
		width, height = size[0], size[1]
		out.Reset()
		require.NoError(t, screen.show(list, nil, noon))
		picture := escape.ReplaceAllString(out.String(), "")
		rows := 0
		for line := range strings.SplitSeq(picture, "\r\n") {
			rows += max(1, (len([]rune(line))+width-1)/width)
		}
		assert.LessOrEqual(t, rows, height, "%v: long lines take several rows", size)
		assert.Equal(t, height > 5, strings.Contains(picture, "TOTAL"), size)
	}
}

// On a small terminal the total stays in sight, and the key that ends it; no row is wider than the terminal.
func TestSmallPicturesKeepTheTotal(t *testing.T) {
	t.Parallel()
	counts := groupedCounts()
	for i := range counts[0].Count.Nodes {
		n := &counts[0].Count.Nodes[i]
		n.Name = "a-node-whose-name-is-quite-long.region.example-" + n.Name
	}
	counts[0].Count.Missing = []nodes.Missing{{What: nodes.WhatUpdates, Reason: kube.Unavailable, Err: assert.AnError, Since: noon}}
	list, err := report.NewNodeList(counts, report.NodeOptions{})
	require.NoError(t, err)
	var out bytes.Buffer
	for _, size := range [][2]int{{50, 9}, {40, 9}, {60, 9}} {
		out.Reset()
		screen := &terminalScreen{out: &out, size: func() (int, int) { return size[0], size[1] }, title: "production", quit: "q ends"}
		require.NoError(t, screen.show(list, nil, noon))
		assert.Contains(t, out.String(), "TOTAL", size)
		assert.Contains(t, out.String(), "more line", size)
		assert.Contains(t, out.String(), "q ends", size)
		lines := strings.Split(regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]").ReplaceAllString(out.String(), ""), "\r\n")
		assert.LessOrEqual(t, len(lines), size[1], size)
		for _, line := range lines {
			assert.LessOrEqual(t, len([]rune(line)), size[0], "%v: %q", size, line)
		}
	}
}

// longError is a message with a long word.
type longError struct{}

func (*longError) Error() string {
	return "Get \"https://" + strings.Repeat("0123456789abcdef.", 12) + "example.test:6443/api/v1/namespaces?limit=500\": no"
}

// A dumb terminal gets lines without escape codes.
func TestDumbTerminalsGetLines(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	for term, dumb := range map[string]bool{"dumb": true, "xterm": false} {
		r := startNodes(t, c.Kubeconfig(), System{StdoutWidth: 100, StdoutHeight: 30, StderrTerminal: true, Getenv: func(name string) string {
			return map[string]string{"TERM": term}[name]
		}}, "nodes", "--watch")
		r.awaitOutput(t, "TOTAL")
		r.stop()
		<-r.code
		assert.Equal(t, dumb, !strings.Contains(r.out.String()+r.errOut.String(), "\x1b"), term)
	}
}

// q ends a watch that has shown everything well, and one that has not with the code that says so; Ctrl-C, a key like others
// on a terminal that is read, interrupts it.
func TestQEndsAWatch(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	partial := behind(noNodes)(t, c, on(c)).kubeconfig
	for _, test := range []struct {
		key              byte
		kubeconfig, says string
		code             int
	}{
		{'q', c.Kubeconfig(), "0 nodes · 0 pods", exitDone},
		{'Q', partial, "nodes could not be listed", exitPartial},
		{3, c.Kubeconfig(), "0 nodes · 0 pods", exitInterrupted},
		{3, partial, "nodes could not be listed", exitInterrupted},
	} {
		keys, restored := make(chan byte, 1), make(chan struct{}, 1)
		r := startNodes(t, test.kubeconfig, System{StdoutWidth: 100, StdoutHeight: 30, Keys: func() (<-chan byte, func(), error) {
			return keys, func() { restored <- struct{}{} }, nil
		}}, "nodes", "--watch")
		r.awaitOutput(t, test.says)
		keys <- test.key
		select {
		case code := <-r.code:
			assert.Equal(t, test.code, code, "%q", test.key)
		case <-time.After(10 * time.Second):
			require.Fail(t, "it did not end")
		}
		<-restored
	}
}

// A terminal is a credential plugin's until it has answered: it may ask the user.
func TestAPluginHasTheTerminalUntilItHasAnswered(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	slow := connecting(func(t *testing.T, config *clientcmdapi.Config) {
		plugin := filepath.Join(t.TempDir(), "login")
		require.NoError(t, os.WriteFile(plugin, []byte("#!/bin/sh\nsleep 2\necho '"+
			`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"x"}}`+"'\n"), 0o700))
		config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			Command: plugin, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		}}
	})(t, c, on(c))
	began, read := time.Now(), make(chan time.Duration, 1)
	r := startNodes(t, slow.kubeconfig, System{StdoutWidth: 100, StdoutHeight: 30, Keys: func() (<-chan byte, func(), error) {
		read <- time.Since(began)
		return nil, func() {}, nil
	}}, "nodes", "--watch")
	select {
	case after := <-read:
		assert.Greater(t, after, 2*time.Second)
	case <-time.After(20 * time.Second):
		require.Fail(t, "the keys are not read after the plugin has answered")
	}
	r.stop()
	<-r.code
}

// What the flags ask for is refused by a server that has too much to do, and mended by asking less at a time.
func TestNodesMendALargeAnswerThatBreaks(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	i := behind(func(r *http.Request, _ int) faults.Fault {
		if atOnce(r) {
			return faults.Fault{Status: http.StatusGatewayTimeout}
		}
		return faults.Fault{}
	})(t, c, on(c))
	assert.Equal(t, on(c).must(t, "nodes", "-o", "name").stdout, i.must(t, "nodes", "-o", "name").stdout)
}

// Rows of one stream keep their widths: a width that was once chosen does not shrink, with or without headers.
func TestRowsOfAStreamKeepTheirWidths(t *testing.T) {
	t.Parallel()
	for _, layout := range []report.Layout{{}, {NoHeaders: true}} {
		var out bytes.Buffer
		screen := &lineScreen{out: &out, errOut: &out, layout: layout, shown: map[string]string{}}
		at := func(pods int, names ...string) []int {
			counts := groupedCounts()
			counts[0].Count.Pods["n1"] = nodes.Pods{Total: pods}
			for _, name := range names {
				counts[0].Count.Pods[name] = nodes.Pods{Total: 1}
			}
			list, err := report.NewNodeList(counts, report.NodeOptions{})
			require.NoError(t, err)
			out.Reset()
			require.NoError(t, screen.show(list, nil, noon))
			row := regexp.MustCompile(`(?m)^n1 .*$`).FindString(out.String())
			require.NotEmpty(t, row, out.String())
			return []int{strings.Index(row, "Ready"), strings.Index(row, "<none>"), len(row)}
		}
		at(1)
		assert.Equal(t, at(12345678, "a-node-with-a-rather-long-name"), at(12345679))
	}
}

// Where all pods are counted, the first output does not wait long for what is shown beside them, and says that it has not come.
func TestNodesWatchDoesNotWaitForWhatIsBesidePods(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	dead := behind(func(r *http.Request, _ int) faults.Fault {
		if r.URL.Path == "/api/v1/nodes" {
			return faults.Fault{Delay: time.Hour}
		}
		return faults.Fault{}
	})(t, c, on(c))
	r := startNodes(t, dead.kubeconfig, System{}, "nodes", "--watch", "-o", "json", "--timeout", "10m")
	r.awaitOutput(t, `{"what":"nodes","reason":"","message":"not read yet"}`)
	assert.Contains(t, r.out.String(), `"partial":true`)
	r.stop()
	<-r.code
}
