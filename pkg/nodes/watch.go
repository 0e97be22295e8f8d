package nodes

import (
	"context"
	"sync"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Watch counts and goes on counting until ctx ends: Changed tells when Count has news.
func (c *Counter) Watch(ctx context.Context) {
	ctx = kube.WithoutTroubles(ctx) // Count.Missing has them
	c.update(func() { c.watching = true })
	var all sync.WaitGroup
	all.Go(func() {
		c.follow(ctx, c.part(WhatNodes, ""), kube.Stream{All: allNodes, List: c.listNodes, Open: c.watchNodes, Apply: c.applyNode})
	})
	all.Go(func() { c.followUnlisted(ctx) })
	all.Go(func() { c.followPods(ctx) })
	if c.options.Usage {
		all.Go(func() { c.follower.Repeat(ctx, usageEvery, c.readUsage) })
	}
	all.Go(func() { c.identifyUntilTold(ctx) })
	all.Go(func() { c.follower.Listen(ctx) })
	all.Wait()
}

// follow keeps a part up to date until ctx ends.
func (c *Counter) follow(ctx context.Context, p *part, s kube.Stream) {
	c.follower.Follow(ctx, &p.Feed, s)
}

// AsksPlugin tells whether a credential plugin of the kubeconfig has to answer first, which may ask the user on the same
// terminal.
func (c *Counter) AsksPlugin() bool { return c.kube.AsksPlugin() }
