package cmd

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfigFile is one of the files of which a kubeconfig is put together.
type kubeconfigFile struct {
	name   string
	config *clientcmdapi.Config
}

// kubeconfigFiles reads the files of the kubeconfig, in the order in which they count. What cannot be read, the merged one has told.
func (r *root) kubeconfigFiles() []kubeconfigFile {
	access := r.config.ToRawKubeConfigLoader().ConfigAccess()
	if access.IsExplicitFile() {
		return nil
	}
	var files []kubeconfigFile
	for _, name := range access.GetLoadingPrecedence() {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		config, err := clientcmd.LoadFromFile(name)
		if err == nil {
			err = clientcmd.ResolveLocalPaths(config)
		}
		if err == nil {
			files = append(files, kubeconfigFile{name, config})
		}
	}
	return files
}

// hiddenContexts says which of the contexts lead elsewhere than one of the files says: of several entries with one name the
// first counts, whether that is a context, the cluster that it leads to, or the user whom it takes. So all contexts may be fewer
// clusters than the files have.
func hiddenContexts(files []kubeconfigFile, contexts []string) []string {
	var lines []string
	for i, f := range files {
		for _, name := range contexts {
			if here := f.config.Contexts[name]; here != nil {
				if by, what := hiddenBy(files[:i], f, name, here); by != "" {
					lines = append(lines, fmt.Sprintf("the context %q of %s is hidden: %s has a %s, too, and kubectl takes what comes first in $KUBECONFIG: "+
						"rename one, or look at each file with --kubeconfig", name, f.name, by, what))
				}
			}
		}
	}
	return lines
}

// hiddenBy names the earlier file, and its entry, that makes a context of a file lead elsewhere; "" where none does.
func hiddenBy(earlier []kubeconfigFile, f kubeconfigFile, name string, here *clientcmdapi.Context) (file, what string) {
	counts, context := here, firstWith(earlier, func(c *clientcmdapi.Config) bool { return c.Contexts[name] != nil })
	if context != nil {
		counts = context.config.Contexts[name]
	}
	cluster := firstWith(earlier, func(c *clientcmdapi.Config) bool { return c.Clusters[counts.Cluster] != nil })
	user := firstWith(earlier, func(c *clientcmdapi.Config) bool { return c.AuthInfos[counts.AuthInfo] != nil })
	mine, me := f.config.Clusters[here.Cluster], f.config.AuthInfos[here.AuthInfo]
	otherCluster := cluster != nil && mine != nil && elsewhere(cluster.config.Clusters[counts.Cluster], mine)
	otherUser := user != nil && me != nil && !sameUser(*user.config.AuthInfos[counts.AuthInfo], *me)
	switch {
	case context != nil && (otherCluster || otherUser):
		return context.name, "context of this name"
	case otherCluster:
		return cluster.name, fmt.Sprintf("cluster %q", counts.Cluster)
	case otherUser:
		return user.name, fmt.Sprintf("user %q", counts.AuthInfo)
	default:
		return "", ""
	}
}

// firstWith is the first of the files that has something; nil where none has.
func firstWith(files []kubeconfigFile, has func(*clientcmdapi.Config) bool) *kubeconfigFile {
	for i := range files {
		if has(files[i].config) {
			return &files[i]
		}
	}
	return nil
}

// sameUser tells whether two users have the same credentials, wherever these are written.
func sameUser(a, b clientcmdapi.AuthInfo) bool {
	a.LocationOfOrigin, b.LocationOfOrigin = "", ""
	return reflect.DeepEqual(a, b)
}

// way is what of a kubeconfig's cluster says where a connection leads. The zero value says nothing.
type way struct{ server, tlsServerName, proxy string }

func wayTo(c *clientcmdapi.Cluster) way {
	if c == nil {
		return way{}
	}
	return way{strings.TrimRight(c.Server, "/"), c.TLSServerName, c.ProxyURL}
}

// elsewhere tells whether two clusters of kubeconfigs lead to different places: by their ways, or, at one address, as that of
// tunnels, by the certificates that are trusted there, where both name some.
func elsewhere(a, b *clientcmdapi.Cluster) bool {
	if wayTo(a) != wayTo(b) {
		return true
	}
	trustedA, trustedB := authorityOf(a), authorityOf(b)
	return trustedA != "" && trustedB != "" && trustedA != trustedB
}

// authorityOf are the certificates that a cluster of a kubeconfig trusts; "" where it names none that can be read.
func authorityOf(c *clientcmdapi.Cluster) string {
	if len(c.CertificateAuthorityData) > 0 || c.CertificateAuthority == "" {
		return strings.TrimSpace(string(c.CertificateAuthorityData))
	}
	data, err := os.ReadFile(c.CertificateAuthority)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
