package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// unfinished is evaluated by the server: pods that have ended occupy no place on their node.
const unfinished = "status.phase!=Succeeded,status.phase!=Failed"

const (
	// manyPods is from where lists of single namespaces are faster than one list of all pods, which the API
	// server prepares on one of its cores, if the client is near.
	manyPods = 50_000
	// near is the time of an answer, at most, from where all that is saved in transit is less than that.
	near = 10 * time.Millisecond
	// manyNamespaces is from where there are too many lists: one costs about a millisecond however short
	// it is. For 30,000 pods, 1,100 lists took 1.4 s and pages of all pods 0.6 s.
	manyNamespaces = 500
	// firstPage is the size of the first page of pods, mostPage that of the largest. A list of all pods in
	// one answer comes from the API server's cache; pages are for rows that bear all their metadata.
	firstPage, mostPage = 1000, 32_000
)

// listPods lists the pods that were asked for once, in the way that is the lightest here. What could not
// be listed its parts tell. It returns the version from which a watch of all misses nothing, if there is one.
func (c *Counter) listPods(ctx context.Context) (version string, err error) {
	if len(c.options.Namespaces) > 0 {
		c.listEach(ctx, c.options.Namespaces, false)
		return "", nil
	}
	first, err := c.probe(ctx)
	switch {
	case err == nil && c.list == listEach, err == nil && c.list == listLightest && first.pods > manyPods:
		// Only then it is asked how near the server is: one answer may have come late.
		names, err := c.namespaces(ctx)
		if err == nil && len(names) <= manyNamespaces && (c.list == listEach || c.kube.Latency() <= near) {
			c.listEach(ctx, names, false)
			return first.version, nil
		}
	case err != nil && kube.ReasonOf(err) != kube.Forbidden:
		c.fail(WhatPods, "", podsError("", err))
		return "", err
	case err != nil: // a user who may not list all of them
		names, unlisted := c.namespaces(ctx)
		if unlisted != nil {
			names = c.own(unlisted)
		}
		c.listEach(ctx, names, false)
		return "", err
	}
	if err = c.listAll(ctx, first); err == nil || ctx.Err() != nil {
		return first.version, err
	}
	// An answer so large may be more than the server or the way to it bears: small ones leave only gaps.
	if names, err := c.namespaces(ctx); err == nil {
		c.listEach(ctx, names, false)
	}
	return first.version, nil
}

// own is the one namespace that is left when neither namespaces nor all pods may be listed.
func (c *Counter) own(cause error) []string {
	if c.options.Fallback == "" {
		c.fail(WhatNamespaces, "", cause)
		return nil
	}
	c.fail(WhatNamespaces, "", ownOnly{c.options.Fallback, cause})
	return []string{c.options.Fallback}
}

// first is what the first answer shows: where a watch of all pods misses nothing that lists behind it do not
// have, and how many pods there are, with those that have ended; 0 where the server does not say. For room of them memory is
// taken before they come.
type first struct {
	version    string
	pods, room int
}

// probe asks for one pod of all. It tells whether all may be listed, too.
func (c *Counter) probe(ctx context.Context) (first, error) {
	rows := 0
	meta, err := c.names(ctx, kube.Request{Path: "/api/v1/pods", Kind: "Pod", Query: url.Values{"limit": {"1"}}}, func() { rows = 0 }, func(row) { rows++ })
	return first{meta.ResourceVersion, rows + meta.Remaining, rows + meta.Room()}, err
}

// namespacesAt lists the names of all namespaces, also of those that are being deleted: their pods
// count until they are gone.
func (c *Counter) namespacesAt(ctx context.Context) (names []string, version string, err error) {
	meta, err := c.names(ctx, allNamespaces,
		func() { names = nil }, func(r row) { names = append(names, string(r.name)) })
	if err != nil {
		return nil, "", fmt.Errorf("listing namespaces: %w", err)
	}
	return names, meta.ResourceVersion, nil
}

func (c *Counter) namespaces(ctx context.Context) ([]string, error) {
	names, _, err := c.namespacesAt(ctx)
	return names, err
}

// listEach lists the pods of namespaces side by side, and makes them the parts of the count.
func (c *Counter) listEach(ctx context.Context, namespaces []string, keyed bool) {
	c.setParts(namespaces)
	sideWhileServed(ctx, namespaces, func(ctx context.Context, namespace string) error {
		return c.listNamespace(ctx, namespace, keyed) // its part has the error, too
	})
}

// listNamespace lists the pods of one namespace, or ("") of all at once. Where there are none, there may be no such namespace.
func (c *Counter) listNamespace(ctx context.Context, namespace string, keyed bool) error {
	p := c.part(WhatPods, namespace)
	began := time.Now()
	version, err := c.readPods(ctx, p, "None", 0, keyed)
	if err != nil {
		c.fail(WhatPods, namespace, podsError(namespace, err))
		return err
	}
	c.update(func() { p.complete(version, keyed, began) })
	if len(c.options.Namespaces) > 0 {
		c.checkNamespace(ctx, p)
	}
	return nil
}

// checkNamespace notes that a namespace without pods is not there at all, for all who may get it or list namespaces.
func (c *Counter) checkNamespace(ctx context.Context, p *part) {
	empty := false
	c.update(func() { empty = p.size() == 0 })
	if empty { // who may not read the namespace may still list its pods
		if there, err := c.kube.Exists(ctx, kube.Witness{Collection: "/api/v1/namespaces", Name: p.namespace}); !there && err == nil {
			c.fail(WhatNamespaces, p.namespace, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, p.namespace))
			return
		}
	}
	c.update(func() { delete(c.parts, partKey{WhatNamespaces, p.namespace}) })
}

// listAll lists all pods at once.
func (c *Counter) listAll(ctx context.Context, f first) error {
	c.setParts([]string{""})
	c.update(func() { c.partLocked(WhatPods, "").reading = make([]pod, 0, f.room) })
	return c.listNamespace(ctx, "", false)
}

// listKeyed lists all pods with their names, as a watch needs them, and returns the version to watch from.
func (c *Counter) listKeyed(ctx context.Context) (version string, err error) {
	c.beginParts(c.part(WhatUpdates, "")) // a namespace whose list fails stays as it was watched
	version, err = c.listNamed(ctx)
	if err != nil && kube.ReasonOf(err) != kube.Forbidden {
		c.update(func() {
			for key, p := range c.parts {
				if key.what == WhatPods && p.Read {
					return // an old number is better than none
				}
			}
			c.partLocked(WhatPods, "").fail(podsError("", err))
		})
	}
	return version, err
}

func (c *Counter) listNamed(ctx context.Context) (version string, err error) {
	f, err := c.probe(ctx)
	if err != nil {
		return "", err
	}
	names, err := c.namespaces(ctx)
	if err == nil {
		c.listSoon(ctx, names)
		return f.version, nil
	}
	if ctx.Err() != nil {
		return "", err
	}
	// Rows with their metadata, where all pods may be listed and the namespaces' names do not come.
	whole, began := &part{what: WhatPods}, time.Now()
	if version, err = c.readPods(ctx, whole, metadata, firstPage, true); err != nil {
		return "", err
	}
	c.adopt(whole.reading, version, began)
	return version, nil
}

// adopt makes parts of all pods by their namespaces, of a list and when it began.
func (c *Counter) adopt(pods []pod, version string, began time.Time) {
	by := map[string][]pod{}
	for _, pod := range pods {
		namespace, name, _ := strings.Cut(pod.name, "/")
		pod.name = name
		by[namespace] = append(by[namespace], pod)
	}
	by[""] = nil // also where there are no pods at all, that is known
	c.setParts(slices.Sorted(maps.Keys(by)))
	for namespace, pods := range by {
		p := c.part(WhatPods, namespace)
		c.update(func() {
			p.reading = pods
			p.complete(version, true, began)
		})
	}
}

// metadata is what rows bear of their objects where their namespaces are needed.
const metadata = "Metadata"

// readPods reads the rows of a list of pods as they arrive, so that they count at once. It returns the version of the list,
// whose rows are then in part.reading: keyed with their names, and with metadata as namespace/name.
func (c *Counter) readPods(ctx context.Context, p *part, object string, size int, keyed bool) (version string, err error) {
	if c.plain.Load() && p.namespace == "" {
		size = firstPage
	}
	r := kube.Request{
		Path: podsPath(p.namespace), Kind: "Pod", Accept: c.accept(),
		Query: url.Values{"fieldSelector": {unfinished}, "includeObject": {object}},
	}
	if size == 0 && p.namespace == "" {
		r.Tries = 2 // there are smaller answers to ask for
	}
	c.update(p.begin)
	kept := 0
	rows := collector{c: c, part: p, object: object, keyed: keyed || c.options.details(), nodes: map[string]string{}}
	for pages := c.kube.Pages(r, size, mostPage); ; {
		var meta kube.Meta
		step, err := pages.Next(ctx, func(body io.Reader) (kube.Meta, error) {
			c.update(func() { p.reset(kept) })
			rows.rows = rows.rows[:0]
			var err error
			meta, err = decodeList(body, rows.add)
			rows.flush()
			return meta, err
		})
		switch {
		case c.noTable(r.Accept, err):
			return c.readPods(ctx, p, object, size, keyed)
		case kube.ReasonOf(err) == kube.Malformed:
			c.update(func() { p.reading, p.best = nil, nil }) // those may be no pods, or the same ones again
			return "", err
		case err != nil:
			return "", err
		case step == kube.Anew:
			kept = 0
		default:
			c.update(func() { kept = len(p.reading) })
		}
		if step == kube.Last {
			return meta.ResourceVersion, nil
		}
	}
}

// collector hands rows to a part, some at a time: each time takes the lock.
type collector struct {
	c      *Counter
	part   *part
	object string
	keyed  bool              // pods keep their names
	nodes  map[string]string // names of nodes, each once
	rows   []pod
}

func (l *collector) add(r row) {
	if r.finished {
		return // only a server without Tables and a proxy without selectors sends these
	}
	node, known := l.nodes[string(r.node)]
	if !known {
		node = string(r.node)
		l.nodes[node] = node
	}
	p := r.pod(l.keyed, node)
	if l.object == metadata {
		p.name = string(r.namespace) + "/" + p.name
	}
	if l.rows = append(l.rows, p); len(l.rows) >= 128 {
		l.flush()
	}
}

func (l *collector) flush() {
	l.c.update(func() { l.part.reading = append(l.part.reading, l.rows...) })
	l.rows = l.rows[:0]
}

// accept is for a Table, or for plain objects once a Table came without the columns that count.
func (c *Counter) accept() string {
	if c.plain.Load() {
		return kube.AcceptJSON
	}
	return kube.AcceptTable
}

// noTable tells whether a list that was asked for in a form has to be read again, as plain objects. Several that run at a time may
// have to.
func (c *Counter) noTable(accept string, err error) bool {
	if !errors.Is(err, errNoTable) || accept != kube.AcceptTable {
		return false
	}
	c.plain.Store(true)
	return true
}

// names lists objects in one answer for their names: a Table without the objects, unless the query asks for more. It begins each
// try, and hands over each row.
func (c *Counter) names(ctx context.Context, r kube.Request, begin func(), each func(row)) (kube.Meta, error) {
	query := url.Values{"includeObject": {"None"}}
	maps.Copy(query, r.Query)
	r.Query, r.Accept = query, c.accept()
	return c.kube.List(ctx, r, func(body io.Reader) (kube.Meta, error) {
		begin()
		return decodeNames(body, each)
	})
}

func podsPath(namespace string) string {
	if namespace == "" {
		return "/api/v1/pods"
	}
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods"
}

// allPods, allNodes and allNamespaces ask for what is followed.
func allPods(namespace string) kube.Request {
	return kube.Request{Path: podsPath(namespace), Kind: "Pod"}
}

var (
	allNodes      = kube.Request{Path: nodesPath, Kind: "Node"}
	allNamespaces = kube.Request{Path: "/api/v1/namespaces", Kind: "Namespace"}
)
