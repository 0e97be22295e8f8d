package cluster

import (
	"context"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ReadCostKinds reads the objects of flux.CostKinds in a namespace ("" for all), as far as the cluster
// serves them. Gaps and Tried tell what could not be read, which somebody who wants to know what things
// cost should hear of; it is an error only where the cluster cannot be reached.
func (c *Client) ReadCostKinds(ctx context.Context, namespace string) (flux.Snapshot, error) {
	s, err := c.discover(ctx)
	if err != nil {
		return flux.Snapshot{}, err
	}
	var kinds []flux.Kind
	for _, k := range flux.CostKinds() {
		if s.use(k.Name) != "" {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return flux.Snapshot{}, nil
	}
	found, err := c.readKinds(ctx, s, Selection{Namespace: namespace, Kinds: kinds})
	if err != nil {
		return flux.Snapshot{}, err
	}
	flux.Sort(found.Objects)
	return found, nil
}
