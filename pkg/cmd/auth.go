package cmd

// The authentication plugins that kubectl has, for kubeconfigs with an auth-provider, such as oidc.
import _ "k8s.io/client-go/plugin/pkg/client/auth"
