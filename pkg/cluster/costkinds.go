package cluster

import (
	"context"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ReadCostKinds reads the objects of flux.CostKinds in a namespace ("" for all), as far as the cluster
// serves them. Unread names the resources that could not be read, which somebody who wants to know what
// things cost should hear of; it is an error only where the cluster cannot be reached.
func (c *Client) ReadCostKinds(ctx context.Context, namespace string) (objects []flux.Object, unread []string, err error) {
	s, err := c.discover(ctx)
	if err != nil {
		return nil, nil, err
	}
	var kinds []flux.Kind
	for _, k := range flux.CostKinds() {
		if s.use(k.Name) != "" {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return nil, nil, nil
	}
	found, err := c.readKinds(ctx, s, Selection{Namespace: namespace, Kinds: kinds})
	if err != nil {
		return nil, nil, err
	}
	for _, gap := range found.Gaps {
		unread = append(unread, gap.What)
	}
	flux.Sort(found.Objects)
	return found.Objects, unread, nil
}
