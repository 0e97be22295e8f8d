package nodes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// detail is what a pod's row cannot say and Options.Pending or Flux asks for: few pods, listed with their metadata.
// "Pending" is no column of a Table; ImagePullBackOff, say, can be either phase.
type detail struct {
	namespace, name, node string
	pending               bool
	flux                  uint8
}

// fluxControllers are the values of the label "app" of the pods of Flux's controllers: the same in
// `flux install`, the Flux Operator and the community's Helm chart (fluxcd/flux2, manifests/bases). The
// first is that of all other pods.
func fluxControllers() []string {
	return []string{
		"", "source-controller", "kustomize-controller", "helm-controller", "notification-controller",
		"image-reflector-controller", "image-automation-controller", "source-watcher",
	}
}

// fluxController is the number of a controller, 0 of all that is none.
func fluxController(app string) uint8 {
	return uint8(max(0, slices.Index(fluxControllers(), app)))
}

// listDetails lists what wide output shows beside the rows, of one namespace or of all. Where it is to be
// watched, it comes after the rows, beside the watch: what becomes of a pod after its row comes as an event, and what came
// before it is in these lists. Its part has the error, too.
func (c *Counter) listDetails(ctx context.Context, namespace string) error {
	if !c.options.details() {
		return nil
	}
	c.part(WhatDetails, namespace)
	lists, began := c.lists(namespace), time.Now()
	found, err := c.readDetails(ctx, namespace)
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return err // others are listed
	}
	c.update(func() { c.setDetails(namespace, found, err, began, lists) })
	return err
}

// details tells whether any are asked for.
func (o Options) details() bool { return o.Pending || o.Flux }

// detailsError says which details of those that were asked for could not be read, and why.
type detailsError struct{ pending, flux error }

// Error implements error.
func (e detailsError) Error() string { return cmp.Or(e.pending, e.flux).Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e detailsError) Unwrap() error { return cmp.Or(e.pending, e.flux) }

// of is what could not be read, as Missing.Of says it.
func (e detailsError) of() string { return detailsOf(e.pending != nil, e.flux != nil) }

func detailsOf(pending, flux bool) string {
	switch {
	case pending && !flux:
		return OfPending
	case flux && !pending:
		return OfFlux
	default:
		return ""
	}
}

// readDetails reads the details of the pods of one namespace, or ("") of all, that were asked for. With a detailsError there are
// those that came: each has a list of its own.
func (c *Counter) readDetails(ctx context.Context, namespace string) ([]detail, error) {
	var pending, flux []detail
	var failed detailsError
	var all sync.WaitGroup
	read := func(found *[]detail, err *error, query url.Values) {
		all.Go(func() {
			if *found, *err = c.listDetailed(ctx, namespace, query); *err != nil {
				*found, *err = nil, fmt.Errorf("listing details: %w", podsError(namespace, *err))
			}
		})
	}
	if c.options.Pending {
		read(&pending, &failed.pending, url.Values{"fieldSelector": {"status.phase=Pending,spec.nodeName!="}})
	}
	if c.options.Flux {
		apps := "app in (" + strings.Join(fluxControllers()[1:], ",") + ")"
		read(&flux, &failed.flux, url.Values{"fieldSelector": {unfinished}, "labelSelector": {apps}})
	}
	all.Wait()
	found := append(pending, flux...)
	if failed != (detailsError{}) {
		return found, failed
	}
	return found, nil
}

// setDetails makes what readDetails has read since a time known of the lists of pods that were there before. The lock is held.
func (c *Counter) setDetails(namespace string, found []detail, err error, began time.Time, lists map[*part]int) {
	p := c.partLocked(WhatDetails, namespace)
	if failed, is := err.(detailsError); is && (failed.pending != nil || !c.options.Pending) && (failed.flux != nil || !c.options.Flux) {
		p.fail(err)
		return
	}
	p.known(began)
	p.err = err
	c.dropDetails(namespace)
	c.details[namespace] = found
	for rows, n := range lists {
		rows.detailed = n
	}
}

// dropDetails forgets what was read earlier, in one way or another, of the pods of a namespace, or ("") of all: none counts
// twice. What was read of all stays for the namespaces that have nothing newer. The lock is held.
func (c *Counter) dropDetails(namespace string) {
	another := func(other string) bool { return (other == "") != (namespace == "") }
	maps.DeleteFunc(c.parts, func(key partKey, _ *part) bool { return key.what == WhatDetails && another(key.namespace) })
	if namespace == "" {
		clear(c.details)
		return
	}
	c.details[""] = slices.DeleteFunc(c.details[""], func(d detail) bool { return d.namespace == namespace })
}

// lists are how often the pods of a namespace, or ("") of all, have been listed, by their parts.
func (c *Counter) lists(namespace string) map[*part]int {
	lists := map[*part]int{}
	c.update(func() {
		for key, p := range c.parts {
			if key.what == WhatPods && (namespace == "" || key.namespace == namespace) {
				lists[p] = p.lists
			}
		}
	})
	return lists
}

// listAllDetails lists the details of what was asked for: at once, or, for a user who may not do that, of
// each namespace whose pods may be listed.
func (c *Counter) listAllDetails(ctx context.Context) {
	if !c.options.details() {
		return
	}
	select { // after a mended list, and after the list before, may be at the same time
	case c.detailing <- struct{}{}:
	default:
		select {
		case c.detailing <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
	defer func() { <-c.detailing }()
	namespaces := c.options.Namespaces
	if len(namespaces) == 0 {
		if kube.ReasonOf(c.listDetails(ctx, "")) != kube.Forbidden {
			return
		}
		c.update(func() {
			delete(c.parts, partKey{WhatDetails, ""}) // those that are known are shown until there are others
			for key, p := range c.parts {
				if key.what == WhatPods && p.Read {
					namespaces = append(namespaces, key.namespace)
				}
			}
		})
	}
	sideWhileServed(ctx, namespaces, c.listDetails)
}

// detailsOlder tells whether rows came after their details.
func (c *Counter) detailsOlder() (older bool) {
	c.update(func() {
		for key, p := range c.parts {
			older = older || key.what == WhatPods && p.detailed < p.lists
		}
	})
	return older
}

// listDetailed lists the details of pods that a query selects: by their label, or else as pending.
func (c *Counter) listDetailed(ctx context.Context, namespace string, query url.Values) ([]detail, error) {
	var pods []detail
	pending := query.Get("labelSelector") == ""
	query.Set("includeObject", "Metadata")
	accept := ""
	read := func() error {
		accept = c.accept()
		_, err := c.kube.List(ctx, kube.Request{Path: podsPath(namespace), Kind: "Pod", Query: query, Accept: accept}, func(body io.Reader) (kube.Meta, error) {
			pods = pods[:0]
			return decodeList(body, func(r row) {
				if len(r.node) > 0 && !r.finished {
					d := detail{namespace: string(r.namespace), name: string(r.name), node: string(r.node), pending: pending}
					if !pending {
						d.flux = fluxController(string(r.app))
					}
					pods = append(pods, d)
				}
			})
		})
		return err
	}
	err := read()
	if c.noTable(accept, err) {
		err = read()
	}
	return pods, err
}

// rowKey is what a detail is found by in the rows of a part, which may be of another time: their list came before.
type rowKey struct {
	part    *part
	pending bool
	name    string
	node    string
}

// addDetails adds to the pods of nodes what details say of those that the rows have, so that no part of a number is more than
// all of it.
func (c *Counter) addDetails(nodes tallies) {
	rows := c.rowsWithDetails()
	for _, details := range c.details {
		for _, d := range details {
			p := c.partOf(d)
			key := rowKey{p, d.pending, d.name, d.node}
			switch {
			case p == nil:
				continue
			case p.byName != nil:
				pod, there := p.byName[d.name]
				if !there || pod.event || pod.node != d.node {
					continue // an event has told, or will: of another pod of that name
				}
			case rows[key] == 0:
				continue
			}
			rows[key]--
			if d.pending {
				nodes.at(d.node).Pending++
			}
			nodes.at(d.node).flux[d.flux]++
		}
	}
}

// rowsWithDetails counts the rows without keys that details may be of.
func (c *Counter) rowsWithDetails() map[rowKey]int {
	rows := map[rowKey]int{}
	parts := map[*part]bool{}
	for _, details := range c.details {
		for _, d := range details {
			if p := c.partOf(d); p != nil && p.byName == nil {
				rows[rowKey{p, d.pending, d.name, d.node}], parts[p] = 0, true
			}
		}
	}
	for p := range parts {
		for pod := range p.each {
			for _, pending := range []bool{false, true} {
				key := rowKey{p, pending, pod.name, pod.node}
				if _, asked := rows[key]; asked {
					rows[key]++
				}
			}
		}
	}
	return rows
}

// partOf is the part that a detail's pod is in, nil where there is none: that of its namespace, or that of all.
func (c *Counter) partOf(d detail) *part {
	if p := c.parts[partKey{WhatPods, d.namespace}]; p != nil {
		return p
	}
	return c.parts[partKey{WhatPods, ""}]
}
