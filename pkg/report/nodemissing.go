package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// NodeMissing is something that a NodeList does not contain.
type NodeMissing struct {
	Cluster string `json:"cluster,omitempty"`
	// What is pods, nodes, namespaces, details, usage, updates, cluster, allocatable (nodes that do not say how many
	// pods they take), capacity (or how many their kubelet was told) or identity (whether it is another cluster than the others).
	What      string `json:"what"`
	Namespace string `json:"namespace,omitempty"`
	// Of says whose updates are missing: nodes, pods, or namespaces, where pods of new ones are; or which details: pending or flux;
	// absent where it is all.
	Of string `json:"of,omitempty"`
	// Reason is a class that a user can act on: Forbidden, Unauthorized, NotFound, Expired, Timeout, Canceled, Throttled,
	// Unavailable, Untrusted, Unresolved, Malformed or Error. It is empty of what a watch has not read yet.
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Since is as of when that is known which is shown instead.
	Since *time.Time `json:"since,omitempty"`
	// Optional: nobody asked for it, so that the list is complete without it.
	Optional bool `json:"optional,omitempty"`
	// PodsSeen were counted before the list broke off.
	PodsSeen int `json:"podsSeen,omitempty"`
}

func newNodeMissing(cluster string, m nodes.Missing) NodeMissing {
	n := NodeMissing{Cluster: cluster, What: m.What, Namespace: m.Namespace, Of: m.Of, Reason: string(m.Reason), PodsSeen: m.Seen, Optional: m.Optional}
	if m.Err != nil {
		n.Message = m.Err.Error()
	}
	if !m.Since.IsZero() {
		since := m.Since.UTC().Truncate(time.Second)
		n.Since = &since
	}
	return n
}

// notFound says of names that were asked for that no node has them, in whichever cluster, or that this is not known.
func notFound(count nodes.Count, names []string) []nodes.Missing {
	var missing []nodes.Missing
	unread := slices.IndexFunc(count.Missing, func(m nodes.Missing) bool {
		return m.What == nodes.WhatNodes || m.What == nodes.WhatUpdates && (m.Of == nodes.WhatNodes || m.Of == "")
	})
	if len(names) > 0 && !count.NodesListed && unread >= 0 {
		err := fmt.Errorf("whether node %s exists is not known", names[0])
		if len(names) > 1 {
			err = fmt.Errorf("whether nodes %s exist is not known", strings.Join(names, ", "))
		}
		return []nodes.Missing{{What: nodes.WhatNodes, Nodes: len(names), Reason: count.Missing[unread].Reason, Err: err}}
	}
	for _, name := range names {
		if count.NodesListed {
			err := apierrors.NewNotFound(schema.GroupResource{Resource: "nodes"}, name)
			missing = append(missing, nodes.Missing{What: nodes.WhatNodes, Reason: kube.NotFound, Err: err})
		}
	}
	return missing
}

// unsaid says of which nodes it is not known how many pods they take, or how many their kubelets were told: one that has just
// begun says it a little later, and some say what no number can be.
func unsaid(items []NodeItem) []nodes.Missing {
	var room, capacity []string
	for _, i := range items {
		if i.listed && i.Allocatable == nil {
			room = append(room, i.Name)
		}
		if i.listed && i.Capacity == nil && i.Allocatable != nil {
			capacity = append(capacity, i.Name)
		}
	}
	return slices.Concat(
		unsaidBy(room, nodes.WhatAllocatable, "number of pods that it takes", "number of pods that they take"),
		unsaidBy(capacity, nodes.WhatCapacity, "capacity of pods", "capacity of pods"),
	)
}

func unsaidBy(names []string, what, ofOne, ofMany string) []nodes.Missing {
	if len(names) == 0 {
		return nil
	}
	err := fmt.Errorf("%s does not say a usable %s", names[0], ofOne)
	if len(names) > 1 {
		err = fmt.Errorf("%s do not say a usable %s: %s", count(len(names), "node"), ofMany, firstNames(names))
	}
	return []nodes.Missing{{What: what, Reason: kube.NotFound, Err: err}}
}

// roomSums add up what the nodes of one cluster after the other say that they take, and that their kubelets were told.
type roomSums struct{ allocatable, capacity amount }

// tooMany adds the nodes of a cluster, and says of the first with which a sum is more than a number holds that it is.
func (s *roomSums) tooMany(items []NodeItem) []nodes.Missing {
	before := *s
	for _, i := range items {
		if i.listed && i.Allocatable != nil {
			s.allocatable = s.allocatable.plus(amount{n: *i.Allocatable})
		}
		if i.listed && i.Capacity != nil {
			s.capacity = s.capacity.plus(amount{n: *i.Capacity})
		}
	}
	var missing []nodes.Missing
	if s.allocatable.more && !before.allocatable.more {
		missing = append(missing, nodes.Missing{What: nodes.WhatAllocatable, Reason: kube.Error, Err: errors.New("nodes say that they take more pods than can be added up")})
	}
	if s.capacity.more && !before.capacity.more {
		missing = append(missing, nodes.Missing{What: nodes.WhatCapacity, Reason: kube.Error, Err: errors.New("nodes say that their capacity is more pods than can be added up")})
	}
	return missing
}
