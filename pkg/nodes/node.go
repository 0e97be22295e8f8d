package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Node is what a table shows of a node. Treat it as read-only.
type Node struct {
	Name    string
	Created time.Time
	// Status is the STATUS column of kubectl: Ready, NotReady or Unknown, and SchedulingDisabled.
	Status string
	// Roles are sorted, as kubectl finds them.
	Roles []string
	// Version of the kubelet.
	Version string
	// Capacity is how many pods the node can run: status.allocatable.pods, 0 when it says nothing.
	Capacity int
	// Labels are those of Options.NodeLabels.
	Labels map[string]string

	resourceVersion string
}

// GetObjectMeta makes a Node an object for client-go's caches.
func (n *Node) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Name: n.Name, ResourceVersion: n.resourceVersion}
}

// GetObjectKind is a part of runtime.Object.
func (n *Node) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject is a part of runtime.Object.
func (n *Node) DeepCopyObject() runtime.Object {
	c := *n
	return &c
}

type nodeList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []*Node
}

// DeepCopyObject is a part of runtime.Object. The nodes are shared, as they never change.
func (l *nodeList) DeepCopyObject() runtime.Object {
	c := *l
	c.Items = slices.Clone(l.Items)
	return &c
}

// nodeReader lists nodes and keeps only what is shown of each.
type nodeReader struct {
	q        *requester
	selector string
	labels   []string
}

// nodePage limits what is in memory at once: a full node object is 5 kB and more.
const nodePage = 500

const acceptProtobuf = "application/vnd.kubernetes.protobuf,application/json"

// list returns all nodes. With an error it returns those that were read before.
func (r *nodeReader) list(ctx context.Context) (*nodeList, error) {
	list := &nodeList{}
	query := url.Values{"limit": {strconv.Itoa(nodePage)}}
	if r.selector != "" {
		query.Set("labelSelector", r.selector)
	}
	for restarts := 0; ; {
		var got *corev1.NodeList
		err := r.q.get(ctx, "/api/v1/nodes", query, acceptProtobuf, func(body io.Reader) (err error) {
			got, err = decodeNodes(body)
			return err
		})
		if apierrors.IsResourceExpired(err) && restarts < r.q.limits.Tries {
			restarts++
			list.Items = nil
			query.Del("continue")
			continue
		}
		if err != nil {
			return list, fmt.Errorf("listing nodes: %w", err)
		}
		for i := range got.Items {
			list.Items = append(list.Items, r.slim(&got.Items[i]))
		}
		list.ResourceVersion = got.ResourceVersion
		if got.Continue == "" {
			return list, nil
		}
		query.Set("continue", got.Continue)
	}
}

// decodeNodes reads a list in the API server's protobuf envelope, or in JSON.
func decodeNodes(body io.Reader) (*corev1.NodeList, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("reading the list: %w", err)
	}
	list := &corev1.NodeList{}
	raw, isProtobuf := bytes.CutPrefix(data, protobufMagic())
	if !isProtobuf {
		if err := json.Unmarshal(data, list); err != nil {
			return nil, fmt.Errorf("decoding the list: %w", err)
		}
		return list, nil
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(raw); err != nil {
		return nil, fmt.Errorf("decoding the list's envelope: %w", err)
	}
	if err := list.Unmarshal(envelope.Raw); err != nil {
		return nil, fmt.Errorf("decoding the list: %w", err)
	}
	return list, nil
}

func (r *nodeReader) slim(n *corev1.Node) *Node {
	slim := &Node{
		Name:            strings.Clone(n.Name),
		Created:         n.CreationTimestamp.Time,
		Status:          nodeStatus(n),
		Roles:           nodeRoles(n),
		Version:         n.Status.NodeInfo.KubeletVersion,
		Capacity:        int(n.Status.Allocatable.Pods().Value()),
		resourceVersion: n.ResourceVersion,
	}
	for _, key := range r.labels {
		if value, ok := n.Labels[key]; ok {
			if slim.Labels == nil {
				slim.Labels = map[string]string{}
			}
			slim.Labels[key] = value
		}
	}
	return slim
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
		status += ",SchedulingDisabled"
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

func sortNodes(nodes []*Node) []Node {
	sorted := make([]Node, 0, len(nodes))
	for _, n := range nodes {
		sorted = append(sorted, *n)
	}
	slices.SortFunc(sorted, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}
