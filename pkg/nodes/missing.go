package nodes

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// What a Missing entry is about.
const (
	WhatPods       = "pods"
	WhatNodes      = "nodes"
	WhatNamespaces = "namespaces"
	WhatDetails    = "details" // what Options.Pending and Flux ask for
	WhatUsage      = "usage"   // the field of Options.Usage
	WhatCluster    = "cluster" // it could not even be asked
	WhatUpdates    = "updates" // no watch runs: the count may be old
	// WhatAllocatable: nodes do not say how many pods they take.
	WhatAllocatable = "allocatable"
	// WhatCapacity: nodes do not say how many pods their kubelets were told.
	WhatCapacity = "capacity"
	// WhatIdentity: whether this is another cluster than the others that were counted.
	WhatIdentity = "identity"
)

// Which details are missing (Missing.Of), where it is one of them alone.
const (
	OfPending = "pending"
	OfFlux    = "flux"
)

// Missing is something that a Count does not contain.
type Missing struct {
	// What is missing: one of the What constants.
	What string
	// Namespace whose pods are missing, or which is missing itself; empty for the cluster as a whole.
	Namespace string
	// Of says whose updates are missing: WhatNodes, WhatPods, or WhatNamespaces, where pods of new ones are; or which details:
	// OfPending or OfFlux; empty for all.
	Of string
	// Nodes is how many nodes it is missing of, which Err says; 0 where it is missing of all.
	Nodes  int
	Reason kube.Reason
	// Seen is how many pods of the namespace were counted before the list broke off.
	Seen int
	// Since is as of when that is known which is shown instead; the zero time where nothing is.
	Since time.Time
	// Optional: it was not asked for, so that a Count without it is complete.
	Optional bool
	// Err says it in full.
	Err error
}

func newMissing(what, namespace string, err error) Missing {
	return Missing{What: what, Namespace: namespace, Reason: kube.ReasonOf(err), Err: err}
}

// lacksPods tells whether pods may be missing that were asked for.
func lacksPods(m Missing) bool {
	return m.What == WhatPods || m.What == WhatNamespaces && m.Reason != kube.NotFound
}

// polled tells whether a list is read again and again in place of a watch, which is forbidden.
func (m Missing) polled() bool { return m.What == WhatUpdates && m.Reason == kube.Forbidden }

// Failed is the count of a cluster that could not even be asked.
func Failed(err error) Count {
	return Count{AtLeast: true, Missing: []Missing{newMissing(WhatCluster, "", err)}}
}

// graver compares what is missing: what was asked for goes before what was not, and without which there is no count before
// what is shown beside it. Of what counts equally the reason decides that a user has to see to first, so that the first
// that is missing says why a cluster could not be read.
func graver(a, b Missing) int {
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		a.Reason.Compare(b.Reason),
		-strings.Compare(a.What, b.What), // pods, nodes, namespaces; cluster stands alone
		strings.Compare(a.Namespace, b.Namespace),
		-strings.Compare(a.Of, b.Of), // pods, nodes, namespaces
		a.Since.Compare(b.Since),     // the oldest first
	)
}

func rank(m Missing) int {
	switch {
	case m.Optional:
		return 4
	case m.What == WhatCluster || m.What == WhatPods || m.What == WhatNodes || m.What == WhatNamespaces:
		return 0
	case m.What == WhatUpdates:
		return 1
	case m.What == WhatUsage:
		return 3
	default:
		return 2
	}
}

// settle sorts what is missing, the gravest first, and says once of all parts what is the same for all: that updates or
// details are missing, and why. Updates of the pods are as old as the oldest part; of nodes and pods they are told together
// where both are equally old.
func settle(all []Missing) []Missing {
	sorting.By(all, graver)
	type cause struct {
		what, of string
		reason   kube.Reason
	}
	first := map[cause]int{}
	var kept []Missing
	for _, m := range all {
		this, pods := cause{m.What, m.Of, m.Reason}, cause{m.What, WhatPods, m.Reason}
		at, again := first[this]
		if told, are := first[pods]; are && !again {
			switch {
			case m.Of == WhatNamespaces: // whose pods are missing, too
				at, again = told, true
			case m.Of == WhatNodes && sameSecond(kept[told].Since, m.Since):
				kept[told].Of, at, again = "", told, true
			}
		}
		if m.What != WhatUpdates && m.What != WhatDetails || !again {
			first[this] = len(kept)
			kept = append(kept, m)
			continue
		}
		kept[at].Err = joined(kept[at].Err, m.Err)
	}
	return kept
}

func sameSecond(a, b time.Time) bool { return a.Truncate(time.Second).Equal(b.Truncate(time.Second)) }

// joined are two causes, each once, in an order of their own: what is said does not change with who was last.
func joined(a, b error) error {
	all, ok := a.(causes)
	if !ok {
		all = causes{a}
	}
	if b == nil || a == nil || slices.ContainsFunc(all, func(e error) bool { return e.Error() == b.Error() }) {
		return a
	}
	all = append(slices.Clone(all), b)
	sorting.By(all, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return all
}

// Err joins the causes of what is missing, nil when nothing is.
func (c Count) Err() error {
	var all causes
	seen := map[string]bool{}
	for _, m := range c.Missing {
		if m.Err != nil && !seen[m.Err.Error()] {
			seen[m.Err.Error()] = true
			all = append(all, m.Err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// causes are several errors in one line.
type causes []error

// shownCauses is how many of them the line has: those of hundreds of namespaces differ by a name.
const shownCauses = 3

// Error implements error.
func (c causes) Error() string {
	var texts []string
	for _, err := range c[:min(len(c), shownCauses)] {
		texts = append(texts, err.Error())
	}
	if more := len(c) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives errors.Is and errors.As each of them.
func (c causes) Unwrap() []error { return c }

// ownOnly is why there are pods of one namespace at most.
type ownOnly struct {
	namespace string
	cause     error
}

// Error implements error.
func (e ownOnly) Error() string {
	return fmt.Sprintf("only the pods in namespace %q are counted, name others with -n: %s", e.namespace, e.cause)
}

// Unwrap gives errors.Is and errors.As the cause.
func (e ownOnly) Unwrap() error { return e.cause }

// notEvenOwn says of the one namespace that is left that it is not counted, where that is so.
func notEvenOwn(missing []Missing) {
	for i, m := range missing {
		own, is := m.Err.(ownOnly)
		if is && slices.ContainsFunc(missing, func(p Missing) bool {
			return p.What == WhatPods && p.Namespace == own.namespace && p.Seen == 0 && p.Since.IsZero()
		}) {
			missing[i].Err = fmt.Errorf("which namespaces there are is not known, name some with -n: %w", own.cause)
		}
	}
}
