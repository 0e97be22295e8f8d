package cmd

import (
	"embed"
	"fmt"
	"path"

	"github.com/spf13/cobra"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// rbacFiles are the ClusterRoles that come with fluxtune.
//
//go:embed rbac/*.yaml
var rbacFiles embed.FS

// The names of the roles.
const (
	viewerRole = "viewer" // get, plan, budget, receivers, alerts, nodes, doctor, sessions, export
	tunerRole  = "tuner"  // apply, revert, forget
)

// role reads a ClusterRole.
func role(name string) (rbacv1.ClusterRole, []byte, error) {
	var r rbacv1.ClusterRole
	data, err := rbacFiles.ReadFile(path.Join("rbac", name+".yaml"))
	if err != nil {
		return r, nil, fmt.Errorf("no role %q: it is one of %s, %s", name, viewerRole, tunerRole)
	}
	if err := yaml.UnmarshalStrict(data, &r); err != nil {
		return r, nil, fmt.Errorf("reading the role %q: %w", name, err)
	}
	return r, data, nil
}

func newRBAC(r *root) *cobra.Command {
	return &cobra.Command{
		Use:   "rbac [viewer|tuner]",
		Short: "Print ClusterRoles with what fluxtune needs, and no more",
		Long: long(`
			Print ClusterRoles with what fluxtune needs, and no more: viewer for get, plan, budget, receivers, alerts,
			nodes, doctor, sessions and export, tuner for apply, revert and forget. Neither reads Secrets. Without a
			name, both are printed.

			The viewer also lists notification Providers, whose spec.address can hold a secret URL. No command
			prints it; without that rule they are not counted, and all works but apply --fit of a host that they may
			ask. Its holders can read the path of each Receiver's webhook as well, which for some types is all the
			secret there is. No command prints that.

			The tuner may patch, and Kubernetes knows no rights on single fields: who may patch a Kustomization, a
			HelmRelease or a source can make Flux apply anything, with the rights of Flux's controllers, also from a
			single namespace. Give it to those only who may do that anyway; others change intervals in Git with
			kubectl fluxtune rewrite.`),
		Example: examples(`
			# Let the group platform-team look, and tune
			kubectl fluxtune rbac | kubectl apply -f -
			kubectl create clusterrolebinding fluxtune-viewer --clusterrole=fluxtune-viewer --group=platform-team
			kubectl create clusterrolebinding fluxtune-tuner --clusterrole=fluxtune-tuner --group=platform-team

			# Let a team that may change all that Flux applies tune its own namespace only
			kubectl create rolebinding fluxtune-tuner -n team-a --clusterrole=fluxtune-tuner --group=team-a`),
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions([]string{viewerRole, tunerRole}, noFiles),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{viewerRole, tunerRole}
			}
			for i, name := range args {
				_, data, err := role(name)
				if err != nil {
					return err
				}
				if i > 0 {
					data = append([]byte("---\n"), data...)
				}
				if _, err := r.Out.Write(data); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
