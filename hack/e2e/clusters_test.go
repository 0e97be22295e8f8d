package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
	releases   *testbed.GitServer // clones of which are counted in bytes
	registry   *testbed.Registry
	kubeconfig string
}

// cloned is how large the repository is that is cloned at each interval: nothing of it can be compressed.
const cloned = 200_000

// listTakes is how long the Git server takes to list refs, as one far away does.
const listTakes = 500 * time.Millisecond

func newFleetOfClusters(t *testing.T, sources, others int) *fleetOfClusters {
	t.Helper()
	f := &fleetOfClusters{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	var err error
	f.git, err = testbed.StartGit(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.git.Close() })
	_, err = f.git.Push(t.Context(), "app", map[string]string{"README": "app"})
	require.NoError(t, err)
	f.git.SlowLists(listTakes)
	f.releases, err = testbed.StartGit(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.releases.Close() })
	noise := make([]byte, cloned)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	_, err = f.releases.Push(t.Context(), "release", map[string]string{"noise": string(noise)})
	require.NoError(t, err)
	require.NoError(t, f.releases.Tag(t.Context(), "release", "v1.0.0"))
	f.registry = startRegistry(t)
	require.NoError(t, f.registry.Push(t.Context(), "acme/app", "v1.0.0", testbed.FluxArtifact, testbed.FluxConfig, "{}", map[string]string{"README": "app"}))
	config := clientcmdapi.NewConfig()
	for _, name := range []string{"one", "two", "three"} {
		c := testbed.StartT(t, testbed.Options{})
		f.clusters = append(f.clusters, c)
		c.CreateNamespace(t, "apps", map[string]string{"environment": "production"})
		var manifests strings.Builder
		for i := range sources {
			manifests.WriteString(gitRepository("apps", fmt.Sprintf("app-%d", i), f.git.URL("app"), "branch: main", polledEvery))
		}
		for i := range others {
			manifests.WriteString(gitRepository("apps", fmt.Sprintf("release-%d", i), f.releases.URL("release"), `semver: ">=1.0.0"`, polledEvery))
			_, _ = fmt.Fprintf(&manifests, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: app-%d, namespace: apps}
spec: {interval: %s, timeout: 1m, insecure: true, url: "oci://%s/acme/app", ref: {semver: ">=1.0.0"}}
---
`, i, polledEvery, f.registry.Host())
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
		c.Kubectl(t, "wait", "gitrepository,ocirepository", "--all", "-n", "apps", "--for=condition=Ready", "--timeout=5m")
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
	const sources, others = 40, 4
	f := newFleetOfClusters(t, sources, others)
	all, stderr, code := f.budget(t, "--contexts", "one,two,three,down")
	assert.Equal(t, 1, code, "one of them is down")
	assert.Contains(t, stderr, "Warning: down: the cluster could not be read")
	hosts := map[string]report.BudgetHost{}
	for _, h := range all.Hosts {
		hosts[h.Host] = h
	}
	require.Len(t, hosts, 3)
	git, releases, registry := hosts[hostOf(f.git.URL(""))], hosts[hostOf(f.releases.URL(""))], hosts[f.registry.Host()]
	assert.Equal(t, []int{3 * sources, 3 * others, 3 * others}, []int{git.Sources, releases.Sources, registry.Sources})

	time.Sleep(polledEvery) // the first polls came together: let jitter spread them
	start, sent, pulled := time.Now(), f.releases.Sent(), f.registry.Requests()
	const watched = 6 * polledEvery
	peak := 0.0
	for i, name := range []string{"one", "two", "three"} { // what the controllers' metrics say of a poll, over some of them
		b, _, code := f.budget(t, "--context", name, "--metrics-url", f.flux[i].MetricsURLs()[0], "--observe-for", (watched / 4).String())
		require.Zero(t, code)
		i := slices.IndexFunc(b.Hosts, func(h report.BudgetHost) bool { return h.Host == git.Host })
		require.GreaterOrEqual(t, i, 0)
		peak += b.Hosts[i].Polls.PerSecond
	}
	time.Sleep(time.Until(start.Add(watched)))
	hours := time.Since(start).Hours()
	perHour, bytesPerHour := float64(len(f.git.Times(start)))/hours, float64(f.releases.Sent()-sent)/hours
	pullsPerHour := float64(f.registry.Requests()-pulled) / hours
	// The next poll is counted from the end of the last.
	predicted := git.Requests.Now
	longer := polledEvery.Seconds() / (polledEvery + listTakes).Seconds()
	record(t, fmt.Sprintf("requests/h from 3 clusters with %d sources each, every %s, of %s", sources, polledEvery, listTakes),
		fmt.Sprintf("%.0f (%.0f with the length of a poll)", predicted, predicted*longer), fmt.Sprintf("%.0f (%+.1f%%)", perHour, 100*(perHour/predicted-1)))
	assert.InEpsilon(t, predicted*longer, perHour, 0.05)
	record(t, fmt.Sprintf("MB/h of clones, %d sources by semver from 3 clusters", 3*others), fmt.Sprintf("%.0f", releases.Bytes.Now/1e6), fmt.Sprintf("%.0f (%+.1f%%)", bytesPerHour/1e6, 100*(bytesPerHour/releases.Bytes.Now-1)))
	assert.InEpsilon(t, releases.Bytes.Now, bytesPerHour, 0.05)
	record(t, fmt.Sprintf("requests/h to a registry, %d sources by semver from 3 clusters", 3*others), fmt.Sprintf("%.0f", registry.Requests.Now), fmt.Sprintf("%.0f (%+.1f%%)", pullsPerHour, 100*(pullsPerHour/registry.Requests.Now-1)))
	assert.InEpsilon(t, registry.Requests.Now, pullsPerHour, 0.05)

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

// hostOf is the host of a repository's URL, with its port.
func hostOf(repository string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(repository, "http://"), "/")
	return host
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
