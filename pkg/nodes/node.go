package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Node is what a table shows of a node. Treat it as read-only.
type Node struct {
	Name string
	// UID is that of no other node, of whichever cluster.
	UID     string
	Created time.Time
	// Status is the STATUS column of kubectl: Ready, NotReady or Unknown, and SchedulingDisabled.
	Status string
	// Roles are sorted, as kubectl finds them.
	Roles []string
	// Version of the kubelet.
	Version string
	// Allocatable is how many pods the node takes (status.allocatable.pods), Capacity how many its kubelet was
	// told (status.capacity.pods): Kubernetes' own words. nil where the node does not say, or says no number that there can be;
	// 0 is a node that takes none.
	Allocatable, Capacity *int
	// Labels are those of Options.NodeLabels.
	Labels map[string]string
	// Usage is what metrics.k8s.io says of the node, nil where that says nothing, or (Measured) what is no amount.
	Usage    *Usage
	Measured bool

	cpu, memory *int64 // what its pods may use: thousandths of a core, bytes, nil where it does not say; for Usage
}

// SchedulingDisabled ends the status of a node that is cordoned (spec.unschedulable).
const SchedulingDisabled = ",SchedulingDisabled"

// nodePage limits what is in memory at once: a full node object is 5 kB and more.
const nodePage = 500

// listNodes lists all nodes, and returns the version to watch from. Who may not list them gets those that were asked for by
// name. With an error what was known stays.
func (c *Counter) listNodes(ctx context.Context) (version string, err error) {
	var before []string
	began := time.Now()
	c.update(func() { before = c.podsNodes() })
	nodes, version, err := c.readNodes(ctx, nil)
	alone := kube.ReasonOf(err) == kube.Forbidden && len(c.options.NodeNames) > 0
	if alone {
		var got map[string]Node
		if got, err = c.getNodes(ctx); err == nil {
			clear(nodes) // those of the first pages, all of which nobody may list
		}
		maps.Copy(nodes, got)
	}
	c.update(func() {
		p := c.partLocked(WhatNodes, "")
		switch {
		case err == nil:
			p.known(began)
			c.follower.Listed(&p.Feed, began)
			c.nodes, c.alone = nodes, alone
			c.nodesAge++
			clear(c.sought)
			c.seek(before, nodes, nil)
		case !p.Read:
			c.nodes = nodes // some are better than none
			fallthrough
		default:
			p.fail(fmt.Errorf("listing nodes: %w", err))
		}
	})
	return version, err
}

// readNodes reads the nodes that a field selector selects, nil for all, and of which version they are. With an error there are
// those of the pages that came.
func (c *Counter) readNodes(ctx context.Context, selector fields.Selector) (nodes map[string]Node, version string, err error) {
	query := url.Values{}
	if c.options.NodeSelector != "" {
		query.Set("labelSelector", c.options.NodeSelector)
	}
	if selector != nil {
		query.Set("fieldSelector", selector.String())
	}
	nodes = map[string]Node{}
	for pages := c.kube.Pages(kube.Request{Path: nodesPath, Kind: "Node", Query: query, Accept: kube.AcceptProtobuf}, nodePage, nodePage); ; {
		var list corev1.NodeList
		step, err := pages.Next(ctx, func(body io.Reader) (kube.Meta, error) {
			list = corev1.NodeList{}
			return kube.DecodeList(body, &list)
		})
		switch {
		case err != nil:
			return nodes, "", err
		case step == kube.Anew:
			clear(nodes)
			continue
		}
		for i := range list.Items {
			nodes[list.Items[i].Name] = c.slim(&list.Items[i])
		}
		if step == kube.Last {
			return nodes, list.ResourceVersion, nil
		}
	}
}

// getNodes gets the nodes that were asked for by name, one by one: the right to that is another than the one to list them. One
// that is not there is left out. With an error there are those that came.
func (c *Counter) getNodes(ctx context.Context) (map[string]Node, error) {
	var mu sync.Mutex
	var failed error
	nodes := map[string]Node{}
	side(c.options.NodeNames, func(name string) {
		var n corev1.Node
		data, err := c.kube.Object(ctx, kube.Request{Path: nodesPath + "/" + url.PathEscape(name), Kind: "Node"})
		if err == nil {
			err = json.Unmarshal(data, &n)
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			nodes[name] = c.slim(&n)
		case kube.ReasonOf(err) != kube.NotFound:
			failed = fmt.Errorf("reading node %q: %w", name, err)
		}
	})
	return nodes, failed
}

// Names lists only the names of the nodes, sorted; those that could be read in time.
func (c *Counter) Names(ctx context.Context) []string {
	var names []string
	_, err := c.names(ctx, kube.Request{Path: nodesPath, Kind: "Node"}, func() { names = nil }, func(r row) { names = append(names, string(r.name)) })
	if err != nil && kube.ReasonOf(err) == kube.Malformed {
		return nil
	}
	slices.Sort(names)
	return names
}

func (c *Counter) watchNodes(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.LabelSelector = c.options.NodeSelector
	return c.watch(ctx, "nodes", "", o)
}

func (c *Counter) applyNode(e watch.Event) {
	n, ok := e.Object.(*corev1.Node)
	if !ok {
		return
	}
	c.update(func() {
		if e.Type == watch.Deleted {
			delete(c.nodes, n.Name)
			c.sought[n.Name] = nil
			c.nodesAge++
			return
		}
		c.nodes[n.Name] = c.slim(n)
		delete(c.sought, n.Name)
	})
}

func (c *Counter) slim(n *corev1.Node) Node {
	slim := Node{
		Name:        strings.Clone(n.Name),
		UID:         strings.Clone(string(n.UID)),
		Created:     n.CreationTimestamp.Time,
		Status:      nodeStatus(n),
		Roles:       nodeRoles(n),
		Version:     n.Status.NodeInfo.KubeletVersion,
		Allocatable: podsOf(n.Status.Allocatable),
		Capacity:    podsOf(n.Status.Capacity),
	}
	for _, key := range c.options.NodeLabels {
		if value, ok := n.Labels[key]; ok {
			if slim.Labels == nil {
				slim.Labels = map[string]string{}
			}
			slim.Labels[key] = value
		}
	}
	if c.options.Usage {
		if q, said := n.Status.Allocatable[corev1.ResourceCPU]; said {
			slim.cpu = amountOf(q, resource.Milli)
		}
		if q, said := n.Status.Allocatable[corev1.ResourceMemory]; said {
			slim.memory = amountOf(q, 0)
		}
	}
	return slim
}

// podsOf is how many pods a list of resources has, nil where it does not say, or says no number of pods that there can be.
func podsOf(list corev1.ResourceList) *int {
	quantity, said := list[corev1.ResourcePods]
	if !said {
		return nil
	}
	n := amountOf(quantity, 0)
	if n == nil || *n > math.MaxInt {
		return nil
	}
	pods := int(*n)
	return &pods
}

// nodeStatus is kubectl's STATUS column (kubernetes pkg/printers/internalversion, printNode).
func nodeStatus(n *corev1.Node) string {
	status := "Unknown"
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			status = "NotReady"
			if c.Status == corev1.ConditionTrue {
				status = "Ready"
			}
		}
	}
	if n.Spec.Unschedulable {
		status += SchedulingDisabled
	}
	return status
}

// nodeRoles is kubectl's ROLES column (the same file, findNodeRoles).
func nodeRoles(n *corev1.Node) []string {
	var roles []string
	for key, value := range n.Labels {
		if role, ok := strings.CutPrefix(key, "node-role.kubernetes.io/"); ok && role != "" {
			roles = append(roles, role)
		}
		if key == "kubernetes.io/role" && value != "" {
			roles = append(roles, value)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
