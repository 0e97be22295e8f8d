package testbed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// configure makes the administrator's credentials and clients: a member of
// system:masters, whom RBAC, and priority and fairness, let pass.
func (c *Cluster) configure(port int) error {
	pair, err := c.ca.client("admin", []string{"system:masters"})
	if err != nil {
		return err
	}
	c.config = &rest.Config{
		Host:            "https://" + hostPort(port),
		TLSClientConfig: rest.TLSClientConfig{CAData: c.ca.pem(), CertData: pair.cert, KeyData: pair.key},
		QPS:             -1, // tests must not be paced by their client
	}
	if c.client, err = dynamic.NewForConfig(c.config); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	asked, err := discovery.NewDiscoveryClientForConfig(c.config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(asked))
	return c.writeKubeconfig(c.Kubeconfig(), "admin", pair)
}

// Config returns the administrator's client configuration, a copy.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Kubeconfig is the path of the administrator's kubeconfig, in the cluster's
// own directory. Its one context is called "testbed".
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// KubeconfigFor writes a kubeconfig for a user with a client certificate of its
// own and returns its path. RBAC gives the user nothing until a test binds a role.
func (c *Cluster) KubeconfigFor(tb testing.TB, user string, groups ...string) string {
	tb.Helper()
	path := filepath.Join(c.dir, "kubeconfig-"+strings.NewReplacer("/", "_", ":", "_").Replace(user))
	pair, err := c.ca.client(user, groups)
	if err == nil {
		err = c.writeKubeconfig(path, user, pair)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func (c *Cluster) writeKubeconfig(path, user string, pair keyPair) error {
	config := clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			"testbed": {Server: c.config.Host, CertificateAuthorityData: c.config.CAData},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			user: {ClientCertificateData: pair.cert, ClientKeyData: pair.key},
		},
		Contexts:       map[string]*clientcmdapi.Context{"testbed": {Cluster: "testbed", AuthInfo: user}},
		CurrentContext: "testbed",
	}
	if err := clientcmd.WriteToFile(config, path); err != nil {
		return fmt.Errorf("writing the kubeconfig of %q: %w", user, err)
	}
	return nil
}

// KubectlPath is the real kubectl of the cluster's version.
func (c *Cluster) KubectlPath() string { return filepath.Join(c.binDir, "kubectl") }

// RunKubectl runs kubectl as the administrator, with stdin if it is not empty,
// and returns its standard output. An error carries its standard error.
func (c *Cluster) RunKubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.KubectlPath(), args...)
	// HOME holds kubectl's discovery cache; the user's is none of our business.
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "HOME="+c.dir)
	cmd.Stdin = strings.NewReader(stdin)
	return output(cmd)
}

// Kubectl runs kubectl as the administrator and returns its standard output.
func (c *Cluster) Kubectl(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := c.RunKubectl(tb.Context(), "", args...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}
