package nodes

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// identify reads which cluster this is. It tells whether another try would tell no more.
func (c *Counter) identify(ctx context.Context) (told bool) {
	if !c.options.Identify {
		return true
	}
	uid, err := c.kube.Cluster(ctx)
	told = err == nil || kube.Final(err)
	c.update(func() { c.cluster, c.unidentified, c.identified = uid, err, c.identified || told })
	return told
}

// identifyAfter is how long all else that was counted waits for which cluster this is: nodes and pods may tell, too.
const identifyAfter = 2 * time.Second

// identifyBeside identifies while something else is done, and for identifyAfter longer.
func (c *Counter) identifyBeside(ctx context.Context, do func()) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	told := make(chan struct{})
	go func() {
		defer close(told)
		c.identify(ctx)
	}()
	do()
	late := time.AfterFunc(identifyAfter, func() { end(kube.ErrLate) })
	defer late.Stop()
	<-told
}

// identifyEvery is how often a cluster that does not answer is asked again which it is.
const identifyEvery = 2 * time.Second

// identifyWithin is how long a watch waits for which cluster this is, before nodes and pods are to tell.
const identifyWithin = 10 * time.Second

// identifyUntilTold asks again while nobody answers.
func (c *Counter) identifyUntilTold(ctx context.Context) {
	late := time.AfterFunc(identifyWithin, func() { c.update(func() { c.identified = true }) })
	defer late.Stop()
	for !c.identify(ctx) && kube.Sleep(ctx, identifyEvery) == nil {
	}
}

// Identified tells whether it is known which cluster this is, or that nobody tells, or not soon.
func (c *Counter) Identified() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identified
}

// fewWitnesses are enough: one that both see tells.
const fewWitnesses = 3

const nodesPath = "/api/v1/nodes"

// Seen is the cluster as this counter sees it, to be compared with others. Its witnesses are nodes, and pods of every
// namespace that was listed: who else may read the one may not be allowed the other.
func (c *Counter) Seen() kube.Seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := kube.Seen{Client: c.kube, UID: c.cluster, Witnesses: c.witnesses}
	for key, p := range c.parts {
		if key.what == WhatPods && p.size() > 0 {
			seen.Collections = append(seen.Collections, podsPath(key.namespace))
		}
	}
	slices.Sort(seen.Collections)
	if len(c.nodes) > 0 {
		seen.Collections = slices.Insert(seen.Collections, 0, nodesPath)
	}
	return seen
}

func (c *Counter) witnesses(ctx context.Context, collection string) []kube.Witness {
	var all []kube.Witness
	if collection == nodesPath {
		var names []string
		c.update(func() { names = slices.Sorted(maps.Keys(c.nodes)) })
		for _, name := range names[:min(len(names), fewWitnesses)] {
			all = append(all, kube.Witness{Collection: nodesPath, Name: name})
		}
		return all
	}
	query := url.Values{"limit": {strconv.Itoa(fewWitnesses)}, "fieldSelector": {unfinished}, "includeObject": {"Metadata"}}
	_, err := c.names(ctx, kube.Request{Path: collection, Kind: "Pod", Query: query}, func() { all = nil }, func(r row) {
		all = append(all, kube.Witness{Collection: podsPath(string(r.namespace)), Name: string(r.name)})
	})
	if err != nil {
		return nil
	}
	return all[:min(len(all), fewWitnesses)] // whatever a server says
}
