package nodes

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// extras is what a pod's row cannot say and Options.Wide asks for: few pods, listed with their
// metadata. "Pending" is no column of a Table; ImagePullBackOff, say, can be either phase.
type extras struct {
	pending []extraPod
	flux    []extraPod
}

type extraPod struct{ namespace, name, node, app string }

type podKey struct{ namespace, name string }

// mark notes the extras on the pods themselves.
func (all *listing) mark() {
	if all.extras == nil || len(all.pods) == 0 {
		return
	}
	byKey := make(map[podKey]*Pod)
	for _, e := range append(all.extras.pending, all.extras.flux...) {
		byKey[podKey{e.namespace, e.name}] = nil
	}
	for _, p := range all.pods {
		key := podKey{p.Namespace, p.Name}
		if _, wanted := byKey[key]; wanted {
			byKey[key] = p
		}
	}
	for _, e := range all.extras.pending {
		if p := byKey[podKey{e.namespace, e.name}]; p != nil {
			p.Pending = p.Node != ""
		}
	}
	for _, e := range all.extras.flux {
		if p := byKey[podKey{e.namespace, e.name}]; p != nil {
			p.App = e.app
		}
	}
}

// extras lists what wide output shows, and gives nil and a note in the ledger where that fails.
func (l *lister) extras(ctx context.Context, led *ledger) *extras {
	e := &extras{}
	var pendingErr, fluxErr error
	var both sync.WaitGroup
	both.Go(func() {
		query := url.Values{"fieldSelector": {"status.phase=Pending,spec.nodeName!="}}
		e.pending, pendingErr = l.few(ctx, query)
	})
	both.Go(func() {
		query := url.Values{"fieldSelector": {unfinished}, "labelSelector": {"app in (" + fluxApps + ")"}}
		e.flux, fluxErr = l.few(ctx, query)
	})
	both.Wait()
	for _, err := range []error{pendingErr, fluxErr} {
		if err != nil {
			led.miss(Missing{What: WhatDetails, Reason: reasonFor(err), Err: err})
			return nil
		}
	}
	led.addExtras(e)
	return e
}

// few lists pods that are expected to be few, of all namespaces or else of each that may be read.
func (l *lister) few(ctx context.Context, query url.Values) ([]extraPod, error) {
	query.Set("includeObject", "Metadata")
	namespaces := l.scope
	if namespaces == nil {
		pods, err := l.fewOf(ctx, "", query)
		if !apierrors.IsForbidden(err) {
			return pods, err
		}
		if namespaces, err = l.namespaces(ctx); err != nil {
			namespaces = []string{l.fallback}
		}
	}
	lists, errs := make([][]extraPod, len(namespaces)), make([]error, len(namespaces))
	var each sync.WaitGroup
	for i, namespace := range namespaces {
		each.Go(func() { lists[i], errs[i] = l.fewOf(ctx, namespace, query) })
	}
	each.Wait()
	for _, err := range errs {
		if err != nil && !apierrors.IsForbidden(err) {
			return nil, err
		}
	}
	return slices.Concat(lists...), nil
}

func (l *lister) fewOf(ctx context.Context, namespace string, query url.Values) ([]extraPod, error) {
	var pods []extraPod
	err := l.get(ctx, podsPath(namespace), query, func(body io.Reader) error {
		pods = pods[:0]
		_, err := decodeList(body, func(r row) {
			if len(r.node) > 0 {
				pods = append(pods, extraPod{string(r.namespace), string(r.name), string(r.node), fluxApp(string(r.app))})
			}
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing details: %w", podsError(namespace, err))
	}
	return pods, nil
}
