package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cmd"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// fleetOfClusters are three clusters with Flux in them that poll one Git server.
type fleetOfClusters struct {
	clusters   []*testbed.Cluster
	flux       []*testbed.Flux
	git        *testbed.GitServer
	kubeconfig string
}

// listTakes is how long the Git server takes to list refs, as one far away does.
const listTakes = 500 * time.Millisecond

func newFleetOfClusters(t *testing.T, sources int) *fleetOfClusters {
	t.Helper()
	f := &fleetOfClusters{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	var err error
	f.git, err = testbed.StartGit(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.git.Close() })
	_, err = f.git.Push(t.Context(), "app", map[string]string{"README": "app"})
	require.NoError(t, err)
	f.git.SlowLists(listTakes)
	config := clientcmdapi.NewConfig()
	for _, name := range []string{"one", "two", "three"} {
		c := testbed.StartT(t, testbed.Options{})
		f.clusters = append(f.clusters, c)
		c.CreateNamespace(t, "apps", map[string]string{"environment": "production"})
		var manifests strings.Builder
		for i := range sources {
			manifests.WriteString(gitRepository("apps", fmt.Sprintf("app-%d", i), f.git.URL("app"), "branch: main", polledEvery))
		}
		c.Apply(t, manifests.String())
		own, err := clientcmd.LoadFromFile(c.Kubeconfig())
		require.NoError(t, err)
		context := own.Contexts[own.CurrentContext]
		config.Clusters[name], config.AuthInfos[name] = own.Clusters[context.Cluster], own.AuthInfos[context.AuthInfo]
		config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	}
	config.Clusters["down"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}
	config.Contexts["down"] = &clientcmdapi.Context{Cluster: "down", AuthInfo: "one"}
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	f.startFlux(t)
	for _, c := range f.clusters {
		c.Kubectl(t, "wait", "gitrepository", "--all", "-n", "apps", "--for=condition=Ready", "--timeout=5m")
	}
	return f
}

// startFlux starts the controllers of all clusters at once.
func (f *fleetOfClusters) startFlux(t *testing.T) {
	t.Helper()
	f.flux = make([]*testbed.Flux, len(f.clusters))
	errs := make([]error, len(f.clusters))
	var all sync.WaitGroup
	for i, c := range f.clusters {
		all.Go(func() { f.flux[i], errs[i] = c.StartFlux(t.Context(), testbed.FluxOptions{}) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func (f *fleetOfClusters) budget(t *testing.T, args ...string) (b report.Budget, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	sys := cmd.System{IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}, Now: time.Now, Getenv: os.Getenv}
	code = cmd.Run(t.Context(), sys, cmd.Build{Version: "e2e"}, append([]string{"kubectl-fluxtune", "--kubeconfig", f.kubeconfig, "budget", "-A", "-o", "json"}, args...))
	require.NoError(t, json.Unmarshal(out.Bytes(), &b), "%s%s", out.String(), errOut.String())
	return b, errOut.String(), code
}

// TestSeveralClusters holds what a Git host is said to get from three clusters, on the whole and after a restart of all
// controllers, against what comes. A fourth is down.
func TestSeveralClusters(t *testing.T) {
	measures(t)
	const sources = 40
	f := newFleetOfClusters(t, sources)
	all, stderr, code := f.budget(t, "--contexts", "one,two,three,down")
	assert.Equal(t, 1, code, "one of them is down")
	assert.Contains(t, stderr, "Warning: down: the cluster could not be read")
	require.Len(t, all.Hosts, 1)
	assert.Equal(t, 3*sources, all.Hosts[0].Sources)

	time.Sleep(polledEvery) // the first polls came together: let jitter spread them
	start := time.Now()
	const watched = 6 * polledEvery
	peak := 0.0
	for i, name := range []string{"one", "two", "three"} { // what the controllers' metrics say of a poll, over some of them
		b, _, code := f.budget(t, "--context", name, "--metrics-url", f.flux[i].MetricsURLs()[0], "--observe-for", (watched / 4).String())
		require.Zero(t, code)
		peak += b.Hosts[0].Polls.PerSecond
	}
	time.Sleep(time.Until(start.Add(watched)))
	perHour := float64(len(f.git.Times(start))) / time.Since(start).Hours()
	// The next poll is counted from the end of the last.
	predicted := all.Hosts[0].Requests.Now
	longer := polledEvery.Seconds() / (polledEvery + listTakes).Seconds()
	record(t, fmt.Sprintf("requests/h from 3 clusters with %d sources each, every %s, of %s", sources, polledEvery, listTakes),
		fmt.Sprintf("%.0f (%.0f with the length of a poll)", predicted, predicted*longer), fmt.Sprintf("%.0f (%+.1f%%)", perHour, 100*(perHour/predicted-1)))
	assert.InEpsilon(t, predicted*longer, perHour, 0.05)

	for _, flux := range f.flux {
		require.NoError(t, flux.Stop())
	}
	start = time.Now()
	f.startFlux(t)
	time.Sleep(polledEvery)
	got := densest(f.git.Times(start), 4*time.Second)
	record(t, "requests/s at most after a restart of the controllers of all three", fmt.Sprintf("%.1f", peak), fmt.Sprintf("%.1f (%+.0f%%)", got, 100*(got/peak-1)))
	assert.InEpsilon(t, peak, got, 0.15)
}

// densest is the most that comes in a second, over windows of a length.
func densest(times []time.Time, window time.Duration) float64 {
	most, first := 0, 0
	for i, at := range times {
		for at.Sub(times[first]) > window {
			first++
		}
		most = max(most, i-first+1)
	}
	return math.Round(10*float64(most)/window.Seconds()) / 10
}
