package cmd

import (
	"fmt"

	"k8s.io/client-go/plugin/pkg/client/auth/exec"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/kuberc"
)

// keepPluginPolicy has the kubeconfig's credential plugin run only where the user's kuberc lets kubectl run it: the file that
// $KUBERC names, or ~/.kube/kuberc. It is read only where the kubeconfig names a plugin.
func (r *root) keepPluginPolicy(config *rest.Config) error {
	path := r.Getenv("KUBERC")
	if config.ExecProvider == nil || path == "off" || cmdutil.KubeRC.IsDisabled() {
		return nil
	}
	preference, err := kuberc.DefaultGetPreferences(path, r.ErrOut)
	if err != nil || preference == nil {
		return err
	}
	policy := clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PolicyType(preference.CredentialPluginPolicy)}
	for _, entry := range preference.CredentialPluginAllowlist {
		policy.Allowlist = append(policy.Allowlist, clientcmdapi.AllowlistEntry(entry))
	}
	if err := exec.ValidatePluginPolicy(policy); err != nil {
		return fmt.Errorf("the kuberc's credential plugin policy: %w", err)
	}
	config.ExecProvider.PluginPolicy = policy
	return nil
}
