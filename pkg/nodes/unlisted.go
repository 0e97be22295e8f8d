package nodes

import (
	"context"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/fields"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// fewNodes are asked for one by one where they are missing in a list: each is 5 kB, and a request. Of more the whole list is
// asked for again.
const fewNodes = 50

// unlistedEvery is how often nodes are asked for that pods name and the list does not have, while pods are still listed.
const unlistedEvery = 500 * time.Millisecond

// listUnlisted asks for the nodes that pods name and the list does not have, until the pods are listed, and once more: a node
// that came after the list is not gone. At the end alone there may be no time left.
func (c *Counter) listUnlisted(ctx context.Context, listed <-chan struct{}) {
	for more := true; more; {
		select {
		case <-listed:
			more = false
		case <-time.After(unlistedEvery):
		}
		if names := c.unlisted(); len(names) > 0 {
			c.listNamedNodes(ctx, names)
		}
	}
}

// followUnlisted goes on asking for them: a watch that brings nothing may be a dead one, and a user may list nodes and not watch
// them. What could not be asked for is asked for again after a while.
func (c *Counter) followUnlisted(ctx context.Context) {
	for tried := time.Now(); kube.Sleep(ctx, unlistedEvery) == nil; {
		if time.Since(tried) >= c.follower.Relist() {
			tried = time.Now()
			c.mu.Lock() // nothing that is told changes before the answers
			maps.DeleteFunc(c.sought, func(_ string, err error) bool { return err != nil })
			c.mu.Unlock()
		}
		if names := c.unlisted(); len(names) > 0 {
			c.follower.Limited(ctx, func(ctx context.Context) { c.listNamedNodes(ctx, names) })
		}
	}
}

// listNamedNodes asks for nodes that pods name. Those that are not there are gone, and not asked for again; of those that could
// not be asked for it is not known. What was deleted or listed meanwhile is newer than the answer.
func (c *Counter) listNamedNodes(ctx context.Context, names []string) {
	ask := func(selector fields.Selector, names ...string) {
		c.mu.Lock()
		asked := c.nodesAge
		c.mu.Unlock()
		nodes, _, err := c.readNodes(ctx, selector)
		c.update(func() {
			if c.nodesAge != asked {
				return
			}
			maps.Copy(c.nodes, nodes)
			c.seek(names, nodes, err)
		})
	}
	if len(names) > fewNodes {
		ask(nil, names...)
		return
	}
	side(names, func(name string) { ask(fields.OneTermEqualSelector("metadata.name", name), name) })
}

// seek notes of nodes that pods name and a later list does not have that they are gone, or why there is no such list. The lock is
// held.
func (c *Counter) seek(names []string, list map[string]Node, err error) {
	for _, name := range names {
		if _, there := list[name]; !there {
			c.sought[name] = err
		}
	}
}

// unlisted are the nodes that pods name, and that are neither among all that were listed nor asked for since, sorted.
func (c *Counter) unlisted() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.partLocked(WhatNodes, ""); c.options.NodeSelector != "" || c.alone || !p.Read || p.err != nil {
		return nil
	}
	return slices.DeleteFunc(c.podsNodes(), func(name string) bool {
		_, there := c.nodes[name]
		_, sought := c.sought[name]
		return there || sought
	})
}

// podsNodes are the nodes that pods name, sorted. The lock is held.
func (c *Counter) podsNodes() []string {
	names := map[string]bool{}
	for key, p := range c.parts {
		if key.what != WhatPods {
			continue
		}
		for pod := range p.each {
			names[pod.node] = true
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}
