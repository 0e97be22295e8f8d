package nodes

import (
	"context"
	"io"
	"net/url"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// identify reads which cluster this is.
func (c *Counter) identify(ctx context.Context) {
	if !c.options.Identify {
		return
	}
	if uid, err := c.kube.Cluster(ctx); err == nil {
		c.update(func() { c.cluster = uid })
	}
}

// fewWitnesses are enough: one that both see tells.
const fewWitnesses = 3

// Seen is the cluster as this counter sees it, to be compared with others. Its witnesses are nodes, or pods where nodes
// may not be listed; they are asked for.
func (c *Counter) Seen() kube.Seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return kube.Seen{Client: c.kube, UID: c.cluster, Witnesses: c.witnesses}
}

func (c *Counter) witnesses(ctx context.Context) []kube.Witness {
	count := c.Count()
	var all []kube.Witness
	for _, n := range count.Nodes[:min(len(count.Nodes), fewWitnesses)] {
		all = append(all, kube.Witness{Collection: "/api/v1/nodes", Name: n.Name})
	}
	if len(all) > 0 {
		return all
	}
	var namespaces []string
	c.update(func() {
		for key, p := range c.parts {
			if key.what == WhatPods && p.size() > 0 {
				namespaces = append(namespaces, key.namespace)
			}
		}
	})
	slices.Sort(namespaces)
	for _, namespace := range namespaces[:min(len(namespaces), fewWitnesses)] {
		_ = c.get(ctx, podsPath(namespace), url.Values{"limit": {"3"}, "fieldSelector": {unfinished}, "includeObject": {"Metadata"}}, func(body io.Reader) error {
			_, err := decodeNames(body, func(r row) {
				all = append(all, kube.Witness{Collection: podsPath(string(r.namespace)), Name: string(r.name)})
			})
			return err
		}) // without an answer there are no witnesses
	}
	return all
}
