package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// What the user's kuberc lets kubectl run for credentials is run here, and nothing else, by whichever command.
func TestCredentialPluginsAreRunAsTheKubercAllows(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	dir := t.TempDir()
	plugin, ran := filepath.Join(dir, "login"), filepath.Join(dir, "ran")
	require.NoError(t, os.WriteFile(plugin, []byte("#!/bin/sh\n: >"+ran+"\nexit 1\n"), 0o700))
	i := connecting(func(_ *testing.T, config *clientcmdapi.Config) {
		config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			Command: plugin, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		}}
	})(t, c, on(c))
	kuberc := filepath.Join(dir, "kuberc")
	for name, test := range map[string]struct {
		policy  string
		allowed bool
		says    string
	}{
		"denied":      {policy: "credentialPluginPolicy: DenyAll", says: "not allowed: policy set to \"DenyAll\""},
		"not listed":  {policy: "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: aws}]", says: "not"},
		"listed":      {policy: "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: " + plugin + "}]", allowed: true},
		"all":         {policy: "credentialPluginPolicy: AllowAll", allowed: true},
		"says naught": {policy: "aliases: []", allowed: true},
		"no policy":   {policy: "credentialPluginPolicy: Sometimes", says: "the kuberc's credential plugin policy"},
	} {
		require.NoError(t, os.WriteFile(kuberc, []byte("apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"+test.policy+"\n"), 0o600))
		i.env = map[string]string{"KUBERC": kuberc}
		for _, command := range [][]string{{"nodes"}, {"get", "-A"}, {"doctor"}, {"nodes", "--all-contexts"}, {"version"}} {
			_ = os.Remove(ran)
			o := i.run(t.Context(), command...)
			_, err := os.Stat(ran)
			assert.Equal(t, test.allowed, err == nil, "%s: %v\n%s", name, command, o.stderr)
			if command[0] == "nodes" && !test.allowed {
				assert.Contains(t, o.stderr, test.says, "%s: %v", name, command)
				assert.NotZero(t, o.code, name)
			}
		}
	}
	require.NoError(t, os.WriteFile(kuberc, []byte("apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ncredentialPluginPolicy: DenyAll\n"), 0o600))
	i.env = map[string]string{"KUBERC": filepath.Join(dir, "nowhere")}
	assert.Contains(t, i.run(t.Context(), "nodes").stderr, "nowhere: no such file", "as kubectl says it of a file that is named")
	i.env = map[string]string{"KUBERC": "off"}
	_ = os.Remove(ran)
	i.run(t.Context(), "nodes")
	assert.FileExists(t, ran, "KUBERC=off is no policy")
}
