package nodes

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// pod is all that counting needs of a pod.
type pod struct {
	name        string // only where it is to be watched, or has details
	node        string // empty when it is not scheduled
	terminating bool   // its deletion has begun
	event       bool   // the following are known: an event has brought it, not a row of a table
	pending     bool   // on a node, but not all containers have started
	flux        uint8  // the controller of Flux that runs in it, as a number of fluxControllers; 0 for none
}

// part is a collection that a Count is made of. Its Counter's lock guards it.
type part struct {
	what, namespace string

	pods   []pod          // of a list that is read; with names where details are to be found in it
	byName map[string]pod // the same where they are watched
	// version is the resourceVersion of the list: events up to it are in it.
	version string

	listing bool    // a list is under way
	reading []pod   // what it has brought
	best    []pod   // what the try that came furthest had brought: those pods exist
	late    []event // that came meanwhile: the list may be older

	// lists counts those that were read, and detailed is the one whose details are known: rows that are read anew may have pods
	// of which older details say nothing.
	lists, detailed int

	kube.Feed       // how old what is known is, and what a watch does about it
	err       error // of the last list, nil when it went well
}

// newer reports whether resourceVersion a is younger than b. Versions that cannot be compared (no real API
// server has them) are not.
func newer(a, b string) bool {
	if b == "" {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}

// event is what a watch says of a pod; a pod that is gone or has ended is not there.
type event struct {
	pod     pod
	there   bool
	version string
}

// apply brings a part up to date. A watch begins at the oldest list of several, so it brings events that
// younger lists contain already: those are dropped, or a pod could for a moment go back in time.
func (p *part) apply(e event) {
	if p.listing {
		p.late = append(p.late, e)
	}
	if p.byName == nil || !newer(e.version, p.version) {
		return
	}
	if e.there {
		p.byName[e.pod.name] = e.pod
	} else {
		delete(p.byName, e.pod.name)
	}
}

// begin starts a list.
func (p *part) begin() {
	p.reset(0)
	p.listing, p.late = true, nil
}

// reset forgets what a try brought that failed, but for the first rows, which are of pages that are complete.
func (p *part) reset(kept int) {
	if len(p.reading) > len(p.best) {
		p.best = p.reading
		p.reading = append([]pod(nil), p.reading[:kept]...)
	}
	p.reading = p.reading[:min(kept, len(p.reading))]
}

// complete ends a list that is read, which is as of when it began.
func (p *part) complete(version string, keyed bool, began time.Time) {
	p.pods, p.byName, p.reading, p.best = p.reading, nil, nil, nil
	if keyed {
		p.byName = make(map[string]pod, len(p.pods))
		for _, pod := range p.pods {
			p.byName[pod.name] = pod
		}
		p.pods = nil
	}
	p.version, p.listing = version, false
	p.lists++
	p.known(began)
	for _, e := range p.late {
		p.apply(e)
	}
	p.late = nil
}

// known notes that all of a part has been read, as of a time.
func (p *part) known(at time.Time) { p.Read, p.err, p.At = true, nil, at }

// fail ends a list that could not be read. What it saw still counts where nothing better is known.
func (p *part) fail(err error) {
	p.reset(0)
	p.reading, p.err, p.listing, p.late = nil, err, false, nil
}

// each goes through the pods that are known.
func (p *part) each(yield func(pod) bool) {
	shown := p.pods
	if !p.Read {
		if shown = p.best; len(p.reading) > len(shown) {
			shown = p.reading
		}
	}
	for _, pod := range shown {
		if !yield(pod) {
			return
		}
	}
	for _, pod := range p.byName {
		if !yield(pod) {
			return
		}
	}
}

func (p *part) size() int {
	n := 0
	for range p.each {
		n++
	}
	return n
}

// missing says what is missing of a part, and nothing where nothing is; stale and asOf are what its follower says of it.
// A list that has not ended is told by Count.Counting.
func (p *part) missing(asOf time.Time, stale error) []Missing {
	if p.err != nil {
		m := newMissing(p.what, p.namespace, p.err)
		if m.Since = p.At.Round(0); !p.Read {
			m.Seen = p.size()
		}
		switch failed, _ := p.err.(detailsError); p.what {
		case WhatUpdates: // of all pods
			m.What = WhatPods
		case WhatDetails: // older ones are not shown
			m.Of, m.Since = failed.of(), time.Time{}
		}
		return []Missing{m}
	}
	if p.Read && stale != nil {
		m := newMissing(WhatUpdates, "", stale)
		if m.Of, m.Since = WhatPods, asOf; p.what == WhatNodes || p.what == WhatNamespaces {
			m.Of = p.what
		}
		return []Missing{m}
	}
	return nil
}

func podsError(namespace string, err error) error {
	if namespace == "" {
		return fmt.Errorf("listing the pods of all namespaces: %w", err)
	}
	return fmt.Errorf("listing pods in namespace %q: %w", namespace, err)
}
