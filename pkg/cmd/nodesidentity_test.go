package cmd

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A context of which nothing could be read is missing: that its address is another's shows nothing.
func TestContextsThatCannotBeReadAreMissing(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	i := connecting(func(_ *testing.T, config *clientcmdapi.Config) {
		config.AuthInfos["stranger"] = &clientcmdapi.AuthInfo{Token: "nobody's"}
		config.AuthInfos["hangs"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			Command: "sleep", Args: []string{"60"}, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		}}
		config.AuthInfos["fails"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			Command: "false", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		}}
		for _, name := range []string{"stranger", "hangs", "fails", "nobody"} {
			config.Contexts[name] = &clientcmdapi.Context{Cluster: "testbed", AuthInfo: name}
		}
	})(t, c, on(c))
	config, err := clientcmd.LoadFromFile(i.kubeconfig)
	require.NoError(t, err)
	for _, name := range []string{"stranger", "hangs", "fails", "nobody"} {
		start := time.Now()
		o := i.run(t.Context(), "nodes", "--contexts", config.CurrentContext+","+name, "--timeout", "6s", "-o", "json")
		assert.Equal(t, exitPartial, o.code, name)
		assert.NotContains(t, o.stderr, "same cluster", name)
		assert.Contains(t, o.stderr, "Warning: partial: "+name+": nothing could be read", name)
		assert.Less(t, time.Since(start), 30*time.Second, name)
		of := map[string]bool{}
		for _, m := range decode[report.NodeList](t, o).Missing {
			of[m.Cluster] = of[m.Cluster] || !m.Optional // there are no metrics here
		}
		assert.Equal(t, map[string]bool{config.CurrentContext: false, name: true}, of)
	}
	start := time.Now()
	o := i.run(t.Context(), "nodes", "--context", "hangs", "--timeout", "1s")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "no complete answer within --timeout 1s")
	assert.Less(t, time.Since(start), 30*time.Second)
}

// Two clusters behind one address, which the user's token chooses between: neither vanishes, though the namespace
// kube-system of one may not be read.
func TestClustersBehindOneAddressAreTwo(t *testing.T) {
	t.Parallel()
	c := bed.Own(t)
	c.Apply(t, `
apiVersion: v1
kind: Node
metadata: {name: east-node}
`)
	c.Kubectl(t, "patch", "node", "east-node", "--subresource=status", "--type=merge", "-p", `{"status":{"capacity":{"pods":"110"},"allocatable":{"pods":"110"}}}`)
	const node = `{"kind":"Node","apiVersion":"v1","metadata":{"name":"west-node","uid":"of-the-west"},"status":{"allocatable":{"pods":"58"},"capacity":{"pods":"58"}}}`
	proxy := faults.Start(t, c.Config(), func(r *http.Request, _ int) faults.Fault {
		switch {
		case r.Header.Get("Authorization") != "Bearer west":
			return faults.Fault{}
		case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces"):
			return faults.Fault{Status: http.StatusForbidden}
		case r.URL.Path == "/api/v1/nodes":
			return faults.Fault{Body: `{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[` + node + `]}`}
		case r.URL.Path == "/api/v1/nodes/west-node":
			return faults.Fault{Body: node}
		case strings.HasPrefix(r.URL.Path, "/api/v1/nodes/"): // nodes of the east
			return faults.Fault{Status: http.StatusNotFound}
		default:
			return faults.Fault{Body: `{"kind":"Table","metadata":{"resourceVersion":"1"},"columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}],"rows":[{"cells":["web","Running","west-node"]}]}`}
		}
	})
	config, err := clientcmd.LoadFromFile(proxy.Kubeconfig(t, "east", "default"))
	require.NoError(t, err)
	config.AuthInfos["west"] = &clientcmdapi.AuthInfo{Token: "west"}
	config.Contexts["west"] = &clientcmdapi.Context{Cluster: "east", AuthInfo: "west"}
	i := invocation{kubeconfig: t.TempDir() + "/kubeconfig"}
	require.NoError(t, clientcmd.WriteToFile(*config, i.kubeconfig))
	for _, contexts := range []string{"east,west", "west,east"} {
		o := i.must(t, "nodes", "--contexts", contexts, "-o", "json")
		list := decode[report.NodeList](t, o)
		var names []string
		for _, item := range list.Items {
			names = append(names, item.Cluster+"/"+item.Name)
		}
		assert.Contains(t, names, "west/west-node", contexts)
		assert.NotContains(t, o.stderr, "same cluster", contexts)
	}
}
