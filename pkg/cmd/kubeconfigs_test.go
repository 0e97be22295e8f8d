package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

// A context that leads elsewhere than its file says is told of, whichever of its entries an earlier file has, too; the same
// entries twice, as where files were copied, are no news.
func TestHiddenContexts(t *testing.T) {
	t.Parallel()
	file := func(name, context, cluster, server, user, token string) kubeconfigFile {
		config, err := clientcmd.Load([]byte(`{apiVersion: v1, kind: Config, contexts: [{name: ` + context + `, context: {cluster: ` + cluster + `, user: ` + user + `}}],
  clusters: [{name: ` + cluster + `, cluster: {server: "` + server + `"}}], users: [{name: ` + user + `, user: {token: ` + token + `}}]}`))
		require.NoError(t, err)
		return kubeconfigFile{name, config}
	}
	one := file("k1", "testbed", "c", "https://one", "u", "a")
	const remedy = ", too, and kubectl takes what comes first in $KUBECONFIG: rename one, or look at each file with --kubeconfig"
	for want, files := range map[string][]kubeconfigFile{
		`the context "testbed" of k2 is hidden: k1 has a context of this name` + remedy: {one, file("k2", "testbed", "d", "https://two", "v", "b")},
		`the context "testbed" of k1 is hidden: k2 has a context of this name` + remedy: {file("k2", "testbed", "c", "https://two", "u", "b"), one},
		`the context "other" of k2 is hidden: k1 has a cluster "c"` + remedy:            {one, file("k2", "other", "c", "https://two", "v", "b")},
		`the context "other" of k2 is hidden: k1 has a user "u"` + remedy:               {one, file("k2", "other", "d", "https://two", "u", "b")},
		`the context "testbed" of k3 is hidden: k1 has a context of this name` + remedy: {one, file("k2", "other", "x", "https://x", "w", "b"), file("k3", "testbed", "x", "https://x", "w", "b")},
	} {
		assert.Equal(t, []string{want}, hiddenContexts(files, []string{"other", "testbed"}))
		assert.Empty(t, hiddenContexts(files, []string{"another"}), "that was not asked for")
	}
	trusting := func(name, authority string) kubeconfigFile {
		f := file(name, "testbed", "c", "https://127.0.0.1:6443", "u", "a")
		f.config.Clusters["c"].CertificateAuthorityData = []byte(authority)
		return f
	}
	assert.Equal(t, []string{`the context "testbed" of k2 is hidden: k1 has a context of this name` + remedy},
		hiddenContexts([]kubeconfigFile{trusting("k1", "one"), trusting("k2", "two")}, []string{"testbed"}), "two clusters behind tunnels with one address")
	assert.Empty(t, hiddenContexts([]kubeconfigFile{trusting("k1", "one"), trusting("k2", "one")}, []string{"testbed"}))
	assert.Empty(t, hiddenContexts([]kubeconfigFile{trusting("k1", "one"), trusting("k2", "")}, []string{"testbed"}), "one that says nothing of that")
	assert.Empty(t, hiddenContexts([]kubeconfigFile{one, one, file("k2", "other", "d", "https://two", "v", "b")}, []string{"other", "testbed"}))
}
