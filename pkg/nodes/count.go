package nodes

import (
	"fmt"
	"slices"
	"strings"
)

// Count is what is known at one moment. It is a value: it never changes after it was made.
type Count struct {
	// Nodes are sorted by name; without NodesKnown they may be missing or incomplete.
	Nodes      []Node
	NodesKnown bool
	// Pods by node name, also of nodes that are not in Nodes. A node that is not in the map has
	// none, unless AtLeast.
	Pods map[string]Pods
	// Unscheduled counts the pods that have no node.
	Unscheduled Pods
	// Total is the number of all pods counted.
	Total int
	// Namespaces is how far the lists have come.
	Namespaces Progress
	// Scope holds the namespaces that were asked for, nil for all.
	Scope []string
	// WideKnown: the fields of Pods that only Options.Wide asks for are complete.
	WideKnown bool
	// Counting: the first lists have not ended yet.
	Counting bool
	// AtLeast: pods may be missing, so that every number of pods is a lower bound and 0 means unknown.
	AtLeast bool
	// Missing says what is not in the Count and why, sorted; empty when it is complete.
	Missing []Missing
}

// Progress counts namespaces whose pods are all counted. Total is 0 when nobody knows how many there
// are: namespaces could not be listed, or all pods are listed at once.
type Progress struct{ Done, Total int }

// Partial reports whether anything that was asked for is missing.
func (c Count) Partial() bool { return c.AtLeast || len(c.Missing) > 0 }

// Empty reports whether nothing at all could be read.
func (c Count) Empty() bool {
	return c.AtLeast && c.Total == 0 && c.Namespaces.Done == 0 && len(c.Nodes) == 0 && !c.NodesKnown
}

func (c *Count) setPods(t *tally) {
	c.Pods = t.pods()
	c.Unscheduled = c.Pods[""]
	delete(c.Pods, "")
	c.Total = t.size()
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

// Error implements error.
func (c causes) Error() string {
	texts := make([]string, len(c))
	for i, err := range c {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives errors.Is and errors.As each of them.
func (c causes) Unwrap() []error { return c }

// What a Missing entry is about.
const (
	WhatPods       = "pods"
	WhatNodes      = "nodes"
	WhatNamespaces = "namespaces"
	WhatDetails    = "details" // the fields of Options.Wide
	WhatCluster    = "cluster" // it could not even be asked
	WhatUpdates    = "updates" // the watch is interrupted: the count may be old
)

// Why something is missing: the classes that a user can act on.
const (
	ReasonForbidden   = "Forbidden"   // no access
	ReasonTimeout     = "Timeout"     // the deadline passed first
	ReasonThrottled   = "Throttled"   // 429 until the retries were used up
	ReasonUnavailable = "Unavailable" // 5xx, cut or refused connections, until the retries were used up
	ReasonError       = "Error"       // anything else
)

// Missing is something that a Count does not contain.
type Missing struct {
	// What is missing: one of the What constants.
	What string
	// Namespace whose pods are missing; empty for the cluster as a whole.
	Namespace string
	// Reason is one of the Reason constants.
	Reason string
	// Seen is how many pods of the namespace were counted before the list broke off.
	Seen int
	// Err says it in full.
	Err error
}

func sortMissing(all []Missing) []Missing {
	slices.SortFunc(all, func(a, b Missing) int {
		if d := strings.Compare(a.What, b.What); d != 0 {
			return -d // updates, pods, nodes, namespaces, details
		}
		return strings.Compare(a.Namespace, b.Namespace)
	})
	return all
}

func podsError(namespace string, err error) error {
	if namespace == "" {
		return fmt.Errorf("listing the pods of all namespaces: %w", err)
	}
	return fmt.Errorf("listing pods in namespace %q: %w", namespace, err)
}

// Failed is the count of a cluster that could not even be asked.
func Failed(err error) Count {
	return Count{AtLeast: true, Missing: []Missing{{What: WhatCluster, Reason: ReasonError, Err: err}}}
}
