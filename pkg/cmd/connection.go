package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
)

// restConfig is the connection that the user's kubeconfig and flags describe. Warnings that the API
// server sends are printed once each.
func (r *root) restConfig() (*rest.Config, error) {
	if limit, err := clientcmd.ParseTimeout(*r.config.Timeout); err != nil || limit < 0 {
		return nil, fmt.Errorf("--request-timeout %q: write it like 30s or 2m; 0 is no limit", *r.config.Timeout)
	}
	config, err := r.config.ToRESTConfig()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	if err := r.namesServer(config); err != nil {
		return nil, err
	}
	if err := r.namesEntries(); err != nil {
		return nil, err
	}
	if err := r.keepPluginPolicy(config); err != nil {
		return nil, err
	}
	config.UserAgent = "kubectl-fluxtune/" + r.build.complete().Version
	config.WarningHandler = rest.NewWarningWriter(r.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	return config, nil
}

// namesServer is an error where nothing names a cluster: client-go would ask http://localhost:8080,
// which is nobody's.
func (r *root) namesServer(config *rest.Config) error {
	if config.Host != clientcmd.ClusterDefaults.Server || *r.config.APIServer != "" || r.Getenv("KUBERNETES_MASTER") != "" {
		return nil
	}
	raw, err := r.config.ToRawKubeConfigLoader().RawConfig()
	switch {
	case err != nil:
		return kubeconfigError(err)
	case len(raw.Clusters) == 0:
		return noKubeconfig(r.config.ToRawKubeConfigLoader().ConfigAccess())
	case raw.CurrentContext == "" && *r.config.Context == "":
		return errors.New("the kubeconfig has no current context: choose one with --context, or with kubectl config use-context")
	default:
		return nil
	}
}

// namesEntries is an error where the context names a cluster or a user that the kubeconfig does not have, and no flag gives what it
// would say: client-go would ask http://localhost:8080, or as nobody.
func (r *root) namesEntries() error {
	raw, err := r.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return kubeconfigError(err)
	}
	name := cmp.Or(*r.config.Context, raw.CurrentContext)
	chosen, found := raw.Contexts[name]
	if !found {
		return nil
	}
	cluster, user := cmp.Or(*r.config.ClusterName, chosen.Cluster), cmp.Or(*r.config.AuthInfoName, chosen.AuthInfo)
	const remedy = "correct it with kubectl config set-context, or choose another --context"
	if _, there := raw.Clusters[cluster]; !there && cluster != "" && *r.config.APIServer == "" {
		return fmt.Errorf("the context %q needs the cluster %q, which is not in the kubeconfig: %s", name, cluster, remedy)
	}
	if _, there := raw.AuthInfos[user]; !there && user != "" && *r.config.BearerToken == "" && *r.config.CertFile == "" {
		return fmt.Errorf("the context %q needs the user %q, which is not in the kubeconfig: %s", name, user, remedy)
	}
	return nil
}

// noKubeconfig says where a kubeconfig was looked for that names a cluster, and what was there.
func noKubeconfig(access clientcmd.ConfigAccess) error {
	const remedy = "set $KUBECONFIG or --kubeconfig to another file"
	files := access.GetLoadingPrecedence()
	if access.IsExplicitFile() {
		files = []string{access.GetExplicitFile()}
	}
	if len(files) == 0 || len(files) == 1 && files[0] == clientcmd.RecommendedHomeFile {
		return errors.New("no kubeconfig: set $KUBECONFIG or --kubeconfig, or create ~/.kube/config")
	}
	var found []string
	for _, file := range files {
		what := "names no cluster"
		if _, err := os.Stat(file); err != nil {
			what = "does not exist"
		}
		found = append(found, file+" "+what)
	}
	return fmt.Errorf("no kubeconfig: %s: %s", strings.Join(found, ", "), remedy)
}

func (r *root) client() (*cluster.Client, error) {
	config, err := r.restConfig()
	if err != nil {
		return nil, err
	}
	return cluster.NewClient(config)
}
