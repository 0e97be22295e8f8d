package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// manyNamespaces is from where pages of all pods are read instead of one list per namespace. A list
// costs about a millisecond however short it is: for 30,000 pods, 1,100 lists took 1.4 s and the pages
// 0.6 s (3.2 s and 1.2 s with 100 ms of round trip). For 100 namespaces both take the same, and single
// lists tell better what is missing.
const manyNamespaces = 500

// run lists the pods of all that was asked for into the ledger. What cannot be listed is noted there.
// It returns the pods themselves when the lister is keyed.
func (l *lister) run(ctx context.Context, led *ledger) *listing {
	defer led.end()
	all := &listing{versions: map[string]string{}}
	var details sync.WaitGroup
	defer func() {
		details.Wait()
		all.mark()
	}()
	if l.wide && !l.keyed {
		details.Go(func() { all.extras = l.extras(ctx, led) })
	}
	l.pods(ctx, led, all)
	if l.wide && l.keyed {
		// After the rows: what becomes of a pod after its row comes as an event, and what came before it
		// is in these lists.
		all.extras = l.extras(ctx, led)
	}
	return all
}

// pods chooses the requests. One list per namespace is the fastest and the only one whose rows have
// keys for a watch without their metadata; the others are for users who may not do that.
func (l *lister) pods(ctx context.Context, led *ledger, all *listing) {
	if len(l.scope) > 0 {
		l.each(ctx, led, all, l.scope)
		return
	}
	names, err := l.namespaces(ctx)
	if err == nil && (l.keyed || len(names) <= manyNamespaces) {
		l.each(ctx, led, all, names)
		return
	}
	if err != nil && !answered(err) {
		led.miss(Missing{What: WhatPods, Reason: reasonFor(err), Err: err})
		return
	}
	job := led.begin("")
	clusterErr := l.list(ctx, led, job, all)
	switch {
	case clusterErr == nil:
		led.finish(job)
	case !apierrors.IsForbidden(clusterErr):
		led.giveUp(job, clusterErr)
	case err == nil: // thousands of namespaces, and not all pods may be read
		led.drop(job)
		l.each(ctx, led, all, names)
	default:
		led.drop(job)
		l.onlyFallback(ctx, led, all, err)
	}
}

// onlyFallback counts the one namespace that is left when neither namespaces nor all pods may be
// listed.
func (l *lister) onlyFallback(ctx context.Context, led *ledger, all *listing, cause error) {
	m := Missing{What: WhatNamespaces, Reason: reasonFor(cause), Err: cause}
	if l.fallback != "" {
		m.Err = fmt.Errorf("only the pods in namespace %q are counted, name others with -n: %w", l.fallback, cause)
		all.scope = []string{l.fallback}
	}
	led.miss(m)
	if l.fallback != "" {
		l.each(ctx, led, all, all.scope)
	}
}

// answered reports whether an error is the server's own word, so that another question may get a
// better one.
func answered(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// namespaces lists the names of all namespaces, also of those that are being deleted: their pods
// count until they are gone.
func (l *lister) namespaces(ctx context.Context) ([]string, error) {
	var names []string
	query := url.Values{"includeObject": {"None"}}
	err := l.q.get(ctx, "/api/v1/namespaces", query, acceptTable, func(body io.Reader) error {
		names = names[:0]
		_, err := decodeNames(body, func(r row) { names = append(names, string(r.name)) })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", err)
	}
	return names, nil
}

// each lists the pods of namespaces, as many at a time as the limits allow.
func (l *lister) each(ctx context.Context, led *ledger, all *listing, namespaces []string) {
	led.expect(len(namespaces))
	work := make(chan string)
	var workers sync.WaitGroup
	for range min(len(namespaces), l.q.limits.Requests) {
		workers.Go(func() {
			for namespace := range work {
				job := led.begin(namespace)
				if err := l.list(ctx, led, job, all); err != nil {
					led.giveUp(job, err)
					continue
				}
				led.finish(job)
			}
		})
	}
	for _, namespace := range namespaces {
		work <- namespace
	}
	close(work)
	workers.Wait()
}
