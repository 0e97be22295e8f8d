package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Each of kubectl's flags that says where a connection leads, or as whom, is repeated in proposed commands: one that is new
// in kubectl has to be thought of here.
func TestEveryFlagOfAConnectionIsRepeated(t *testing.T) {
	t.Parallel()
	secrets := []string{"token", "username", "password"}
	others := []string{"namespace", "request-timeout", "cache-dir", "disable-compression"}
	known := slices.Concat(ofTheConnection, secrets, others)
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	genericclioptions.NewConfigFlags(true).AddFlags(flags)
	flags.VisitAll(func(f *pflag.Flag) { assert.Contains(t, known, f.Name) })
	for _, name := range known {
		if name != "username" && name != "password" { // kubectl itself has them
			assert.NotNil(t, flags.Lookup(name), name)
		}
	}
}

// A proxy says where a connection leads as an address does.
func TestAProxyNamesACluster(t *testing.T) {
	t.Parallel()
	o := invocation{kubeconfig: "/nowhere"}.run(t.Context(), "nodes", "--contexts", "a,b", "--proxy-url", "socks5://127.0.0.1:1")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "--proxy-url names one cluster")

	r := &root{config: genericclioptions.NewConfigFlags(true)}
	*r.config.ProxyURL = "socks5://127.0.0.1:1"
	assert.Equal(t, " --proxy-url socks5://127.0.0.1:1", r.connection())

	entry := func(proxy string) kubeconfigFile {
		return kubeconfigFile{name: "of " + proxy, config: &clientcmdapi.Config{
			Clusters:  map[string]*clientcmdapi.Cluster{"c": {Server: "https://10.0.0.1", ProxyURL: proxy}},
			AuthInfos: map[string]*clientcmdapi.AuthInfo{"me": {}},
			Contexts:  map[string]*clientcmdapi.Context{"here": {Cluster: "c", AuthInfo: "me"}},
		}}
	}
	lines := hiddenContexts([]kubeconfigFile{entry("socks5://east"), entry("socks5://west")}, []string{"here"})
	require.Len(t, lines, 1)
	assert.Contains(t, lines[0], `the context "here" of of socks5://west is hidden`)
	assert.Empty(t, hiddenContexts([]kubeconfigFile{entry("socks5://east"), entry("socks5://east")}, []string{"here"}))
}

// A command that is pasted has no pipe: what came through one is for the user to save.
func TestWhatCameFromAPipeIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"policy", "activity", "filename"} {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.String(name, "", "")
		require.NoError(t, flags.Parse([]string{"--" + name, "-"}))
		assert.Equal(t, []string{"--" + name, "FILE"}, typed(flags.Lookup(name)))
	}
	assert.Equal(t, " --policy FILE", PolicyFlags{Policy: "-"}.again())
	assert.Equal(t, " --policy 'my policy.yaml'", PolicyFlags{Policy: "my policy.yaml"}.again())
}

// A question that is asked below a plan takes room from it, with the cell that the answer is typed in.
func TestRowsAsked(t *testing.T) {
	t.Parallel()
	o := WriteOptions{OutputOptions: OutputOptions{printer: &printer{}}}
	o.DryRun, o.printer.layout.Width = dryRunNone, 20
	for length, rows := range map[int]int{5: 1, 12: 1, 13: 2, 20: 2, 21: 3, 40: 3} { // and 8 for " [y/N] y", where lines end between words
		assert.Equal(t, rows, o.rowsAsked(strings.Repeat("q", length), 1), length)
	}
	assert.Zero(t, o.rowsAsked("q", 0))
	o.Yes = true
	assert.Zero(t, o.rowsAsked("q", 1))
}
