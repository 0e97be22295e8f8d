package cmd

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// TestConnection: what a user reads who does not get as far as the objects of a cluster.
func TestConnection(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	for _, g := range connectionCases() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.check(t, c)
		})
	}
}

func connectionCases() []golden {
	return []golden{
		{name: "connection/refused", args: "get -A", with: connecting(closedPort)},
		{name: "connection/refused-apply", args: "apply -A --yes", with: connecting(closedPort)},
		{name: "connection/refused-version", args: "version", with: connecting(closedPort)},
		{name: "connection/refused-plan-exit-code", args: "plan -A --exit-code", with: connecting(closedPort)},
		{name: "connection/no-kubeconfig", args: "get -A", with: kubeconfigAt("")},
		{name: "connection/no-such-kubeconfig", args: "get -A", with: kubeconfigAt("/nowhere/config")},
		{name: "connection/kubeconfig-not-yaml", args: "get -A", with: scribbledKubeconfig},
		{name: "connection/no-such-context", args: "get -A --context elsewhere"},
		{name: "connection/no-such-cluster", args: "get -A --cluster elsewhere"},
		{name: "connection/no-such-user", args: "get -A --user nobody"},
		{name: "connection/no-current-context", args: "get -A", with: connecting(noCurrentContext)},
		{name: "connection/context-without-user", args: "get -A", with: connecting(withoutUser)},
		{name: "connection/context-without-cluster", args: "get -A", with: connecting(withoutCluster)},
		{name: "connection/proxy-gone", args: "get -A", with: connecting(proxyGone)},
		{name: "connection/proxy-gone-nodes", args: "nodes", with: connecting(proxyGone)},
		{name: "connection/proxy-refuses", args: "get -A", with: connecting(proxyRefuses)},
		{name: "connection/proxy-refuses-nodes", args: "nodes", with: connecting(proxyRefuses)},
		{name: "connection/unauthorized", args: "get -A", with: connecting(wrongToken)},
		{name: "connection/unknown-authority", args: "get -A", with: connecting(unknownAuthority)},
		{name: "connection/not-kubernetes", args: "get -A", with: connecting(notKubernetes)},
		{name: "connection/plain-http", args: "get -A", with: connecting(plainHTTP)},
		{name: "connection/no-flux", args: "plan -A", with: connecting(withoutFlux)},
		{name: "connection/forbidden", args: "get -n default --as nobody"},
		{name: "connection/forbidden-json", args: "get gitrepo -n default --as nobody -o json"},
		{name: "connection/forbidden-name", args: "get gitrepo/app -n default --as nobody"},
		{name: "connection/bad-timeout", args: "get -A --request-timeout soon"},
	}
}

// withoutUser and withoutCluster are what is left when an entry was deleted that a context needs.
func withoutUser(_ *testing.T, config *clientcmdapi.Config) { clear(config.AuthInfos) }

func withoutCluster(_ *testing.T, config *clientcmdapi.Config) {
	config.Clusters["another"] = config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	delete(config.Clusters, config.Contexts[config.CurrentContext].Cluster)
}

// connecting calls the plugin with the kubeconfig that change makes of the administrator's.
func connecting(change func(*testing.T, *clientcmdapi.Config)) tweak {
	return func(t *testing.T, c *testbed.Cluster, i invocation) invocation {
		t.Helper()
		config, err := clientcmd.LoadFromFile(c.Kubeconfig())
		require.NoError(t, err)
		change(t, config)
		i.kubeconfig = filepath.Join(c.Dir(), strings.ReplaceAll(t.Name(), "/", "-"))
		require.NoError(t, clientcmd.WriteToFile(*config, i.kubeconfig))
		return i
	}
}

func scribbledKubeconfig(t *testing.T, c *testbed.Cluster, i invocation) invocation {
	t.Helper()
	i.kubeconfig = filepath.Join(c.Dir(), "scribbled")
	require.NoError(t, os.WriteFile(i.kubeconfig, []byte("clusters: [\n"), 0o600))
	return i
}

// kubeconfigAt hands in another path; without one, the plugin looks where $KUBECONFIG says, which
// TestMain points at nothing.
func kubeconfigAt(path string) tweak {
	return func(_ *testing.T, _ *testbed.Cluster, i invocation) invocation {
		i.kubeconfig = path
		return i
	}
}

func closedPort(t *testing.T, config *clientcmdapi.Config) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	config.Clusters["testbed"].Server = "https://" + listener.Addr().String()
	require.NoError(t, listener.Close())
}

// proxyGone has the way to the cluster lead through a proxy that does not run, proxyRefuses through one that wants a password.
func proxyGone(t *testing.T, config *clientcmdapi.Config) {
	t.Helper()
	server := config.Clusters["testbed"].Server
	closedPort(t, config)
	config.Clusters["testbed"].ProxyURL = strings.Replace(config.Clusters["testbed"].Server, "https:", "http:", 1)
	config.Clusters["testbed"].Server = server
}

func proxyRefuses(t *testing.T, config *clientcmdapi.Config) {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	t.Cleanup(proxy.Close)
	config.Clusters["testbed"].ProxyURL = proxy.URL
}

func wrongToken(_ *testing.T, config *clientcmdapi.Config) {
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: "expired"}
}

func unknownAuthority(_ *testing.T, config *clientcmdapi.Config) {
	config.Clusters["testbed"].CertificateAuthorityData = nil
}

// calledLab is the same cluster behind a context with another name.
func calledLab(_ *testing.T, config *clientcmdapi.Config) {
	config.Contexts["lab"] = &clientcmdapi.Context{Cluster: "elsewhere", AuthInfo: "admin"}
	config.Clusters["elsewhere"] = config.Clusters["testbed"]
	config.CurrentContext = "lab"
}

// calledProd is the same cluster behind a context whose name says what it is.
func calledProd(_ *testing.T, config *clientcmdapi.Config) {
	config.Contexts["eu-prod"] = config.Contexts["testbed"]
	config.CurrentContext = "eu-prod"
}

func noCurrentContext(_ *testing.T, config *clientcmdapi.Config) { config.CurrentContext = "" }

func serve(t *testing.T, config *clientcmdapi.Config, answer http.HandlerFunc) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	config.Clusters["testbed"] = &clientcmdapi.Cluster{Server: server.URL}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{}
}

// notKubernetes is some other web server.
func notKubernetes(t *testing.T, config *clientcmdapi.Config) {
	t.Helper()
	serve(t, config, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>It works!</body></html>"))
	})
}

func plainHTTP(t *testing.T, config *clientcmdapi.Config) {
	t.Helper()
	notKubernetes(t, config)
	config.Clusters["testbed"].Server = strings.Replace(config.Clusters["testbed"].Server, "http:", "https:", 1)
}

// withoutFlux is an API server that serves no kind of Flux.
func withoutFlux(t *testing.T, config *clientcmdapi.Config) {
	t.Helper()
	serve(t, config, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer := `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}]}]}`
		switch path := r.URL.Path; {
		case path == "/api":
			answer = `{"kind":"APIVersions","versions":[]}`
		case path == "/version":
			answer = `{"gitVersion":"v1.36.3"}`
		case strings.HasSuffix(path, "/selfsubjectaccessreviews"):
			answer = `{"kind":"SelfSubjectAccessReview","status":{"allowed":false}}`
		}
		_, _ = w.Write([]byte(answer))
	})
}
