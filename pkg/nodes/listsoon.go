package nodes

import (
	"context"
	"time"
)

// soon is how long a watch waits for lists of namespaces when none has ended meanwhile.
const soon = 2 * time.Second

// listSoon is listEach for a watch that is about to begin. Lists that take long, or hang, go on beside it (listRest), so that
// what is known of other namespaces does not become old: what the watch brings of theirs waits for them. Numbers of an earlier list
// would be taken for those of now, so these are waited for.
func (c *Counter) listSoon(ctx context.Context, namespaces []string) {
	first := true
	c.setParts(namespaces)
	c.update(func() {
		for key, p := range c.parts {
			if key.what == WhatPods {
				first = first && !p.Read
				p.listing = p.listing || !p.Read
			}
		}
	})
	if !first {
		c.listEach(ctx, namespaces, true)
		return
	}
	lists, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended, all := make(chan struct{}, len(namespaces)), make(chan struct{})
	go c.follower.Limited(lists, func(ctx context.Context) {
		defer close(all)
		sideWhileServed(ctx, namespaces, func(ctx context.Context, namespace string) error {
			defer func() { ended <- struct{}{} }()
			return c.listNamespace(ctx, namespace, true)
		})
	})
	c.rest = func(ctx context.Context) {
		defer cancel()
		select {
		case <-all:
		case <-ctx.Done():
			cancel()
			<-all
		}
	}
	for {
		select {
		case <-all:
			return
		case <-ctx.Done():
			c.rest(ctx)
			return
		case <-ended:
		case <-time.After(soon):
			return
		}
	}
}

// listRest waits for the lists that listSoon has left, and lists details, again where rows came after these.
func (c *Counter) listRest(ctx context.Context) {
	c.listAllDetails(ctx)
	if c.rest != nil {
		c.rest(ctx)
		c.rest = nil
	}
	if c.detailsOlder() {
		c.listAllDetails(ctx)
	}
}
