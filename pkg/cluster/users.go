package cluster

import (
	"context"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ReadOwnUsers adds to a snapshot in which not all users of sources could be read those of the sources' own namespaces, where
// these are all: each controller of the kind runs with --no-cross-namespace-refs, as far as their flags may be read.
func (c *Client) ReadOwnUsers(ctx context.Context, snapshot *flux.Snapshot) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	deployments, _, err := c.Controllers(ctx)
	if err != nil {
		return err
	}
	for _, k := range snapshot.UnreadUsers() {
		if !confined(k, deployments) {
			continue
		}
		snapshot.Confined = append(snapshot.Confined, k.Name)
		for _, o := range snapshot.Objects {
			at := flux.Place{Kind: k.Name, Namespace: o.Namespace}
			if !o.KindRow().Source || snapshot.LookedFor(flux.Ref{Kind: k.Name, Namespace: o.Namespace}) || slices.Contains(snapshot.Tried, at) {
				continue
			}
			if _, err := c.readPlace(ctx, s, at, snapshot); err != nil {
				return err
			}
		}
	}
	return c.readNamespaces(ctx, snapshot)
}

// confined tells whether the controllers of a kind let its objects use sources of their own namespace only.
func confined(k flux.Kind, deployments []Deployment) bool {
	name := map[string]string{"Kustomization": flux.KustomizeController, "HelmRelease": flux.HelmController}[k.Name]
	found := false
	for _, d := range deployments {
		if d.Controller.Name != name {
			continue
		}
		if !d.Controller.OneNamespace {
			return false
		}
		found = true
	}
	return found && name != ""
}
