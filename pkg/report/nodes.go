package report

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// NodeList is what nodes shows: an item for each node, then one for each node that pods name though it
// is not there. Numbers of pods count those that are neither Succeeded nor Failed.
type NodeList struct {
	Head
	Items   []NodeItem  `json:"items"`
	Summary NodeSummary `json:"summary"`
	// Namespaces whose pods were asked for, when only some were; missing has those that could not be counted.
	Namespaces []string `json:"namespaces,omitempty"`
	// Partial: something that was asked for could not be read; Missing says what. The exit code is 3 then.
	Partial bool          `json:"partial"`
	Missing []NodeMissing `json:"missing"`

	clusters []ClusterCount
	selected bool // nodes were chosen, so others are not gone
	byLabel  bool // by their labels
	groupBy  string
	sortBy   string
	left     []NodeItem // out by NodeOptions.Top
}

// NodeItem is a node and its pods; a number is null where it is not known.
type NodeItem struct {
	// Cluster is the kubeconfig context, when several were asked for.
	Cluster string     `json:"cluster,omitempty"`
	Name    string     `json:"name"`
	Status  string     `json:"status"` // as kubectl shows it; Gone when there is no such node, Unknown when that could not be looked up
	Roles   []string   `json:"roles"`
	Created *time.Time `json:"created"`
	Version string     `json:"version"`
	Pods    *int       `json:"pods"`
	// AtLeast: there may be more pods than Pods says. Outdated: there were so many earlier, and there may be more or fewer by
	// now; Missing says since when. It does for all that is listed in place of a watch, where neither is set until that is overdue.
	AtLeast  bool `json:"atLeast,omitempty"`
	Outdated bool `json:"outdated,omitempty"`
	// Allocatable is how many pods the node takes, Capacity how many its kubelet was told, as in the node's
	// status; Use is how much of Allocatable is used, in percent: 999999 (in CSV, as in tables, the word over) where a node that takes none has some, null where it has none either.
	Allocatable *int     `json:"allocatable"`
	Capacity    *int     `json:"capacity"`
	Use         *Percent `json:"use"`
	Zone        string   `json:"zone,omitempty"`
	Pool        string   `json:"pool,omitempty"`
	// Terminating are the pods that kubectl get pods prints as Terminating: those that are being deleted. Pending are those that have not started yet; they
	// may be too low, or old, where Pods is.
	Terminating *int `json:"terminating"`
	Pending     *int `json:"pending"`
	// Flux names Flux's controllers on the node, of which there may be others where AtLeast; absent where that is not known,
	// empty where there is none.
	Flux []string `json:"flux,omitzero"`
	// Usage is what metrics.k8s.io says; absent where that says nothing, or was not asked.
	Usage *NodeUsage `json:"usage,omitempty"`

	group                                string // its name, with --group-by
	listed                               bool   // the node itself was read
	measured                             bool   // metrics say something of it
	pods, terminating, pending, capacity amount
	allocatable, flux                    amount // flux: how many controllers
	use                                  *taken
}

// gone is the status of a node that pods name and that does not exist, unknownNode that of one that
// could not be looked up.
const (
	gone        = "Gone"
	unknownNode = "Unknown"
)

// ClusterCount is the count of one cluster; the name is empty when there is only one.
type ClusterCount struct {
	Cluster string
	Count   nodes.Count
	// MaybeSame names others of which it is not known whether they are the same cluster.
	MaybeSame []string
}

// NodeOptions say which nodes are shown, and in which order.
type NodeOptions struct {
	// SortBy is name (the default), pods, use, age, cpu, memory, terminating, pending, or a field as SortBy takes it; with - before it
	// the other way round.
	SortBy string
	// Top, when not 0, keeps only so many items. The summary is still of all.
	Top int
	// Selected: the nodes were selected by label. Names: only these are wanted; none means all.
	Selected bool
	Names    []string
	// GroupBy is a label's key, zone or pool; it makes items of groups.
	GroupBy string
	// Watched: it is one list of several, so that a field that no item has now may have been there, and come again.
	Watched bool
}

// Labels by which providers and Karpenter tell zones and node pools; the first that is set counts.
func zoneLabels() []string {
	return []string{"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"}
}

func poolLabels() []string {
	return []string{
		"karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup", "cloud.google.com/gke-nodepool",
		"kubernetes.azure.com/agentpool", "agentpool", "karpenter.sh/provisioner-name",
		"alpha.eksctl.io/nodegroup-name", "kops.k8s.io/instancegroup", "doks.digitalocean.com/node-pool", "worker.gardener.cloud/pool",
		"k8s.scaleway.com/pool-name", "ibm-cloud.kubernetes.io/worker-pool-name", "lke.linode.com/pool-id", "k8s.ovh.net/nodepool",
	}
}

// ByCluster has groups be the clusters that are looked at.
const ByCluster = "cluster"

// NodeLabels are the labels that a NodeList reads from nodes, with the one to group by.
func NodeLabels(groupBy string) []string {
	keys := append(zoneLabels(), poolLabels()...)
	if !slices.Contains([]string{"", "zone", "pool", ByCluster}, groupBy) {
		keys = append(keys, groupBy)
	}
	return keys
}

// NewNodeList reports counts of one or several clusters.
func NewNodeList(clusters []ClusterCount, o NodeOptions) (NodeList, error) {
	list := NodeList{
		Head: Head{APIVersion, "NodeList"}, Items: []NodeItem{}, Missing: []NodeMissing{},
		selected: o.Selected || len(o.Names) > 0, byLabel: o.Selected, groupBy: o.GroupBy, sortBy: strings.TrimPrefix(o.SortBy, "-"),
	}
	each := make([][]NodeItem, len(clusters))
	for n, c := range clusters {
		each[n] = nodeItems(c, o)
	}
	nowhere := slices.DeleteFunc(slices.Clone(o.Names), func(name string) bool {
		has := func(items []NodeItem) bool {
			return slices.ContainsFunc(items, func(i NodeItem) bool { return i.Name == name && i.Status != gone })
		}
		return slices.ContainsFunc(each, has)
	})
	var room roomSums
	for n, c := range clusters {
		items := each[n]
		c.Count.Missing = slices.Concat(c.Count.Missing, notFound(c.Count, nowhere), unsaid(items), room.tooMany(items), unmeasured(c.Count, items))
		list.clusters = append(list.clusters, c)
		list.Items = append(list.Items, items...)
		list.Partial = list.Partial || c.Count.Partial()
		list.Namespaces = c.Count.Scope
		for _, m := range c.Count.Missing {
			list.Missing = append(list.Missing, newNodeMissing(c.Cluster, m))
		}
		for _, m := range c.Count.Unread {
			list.Missing = append(list.Missing, NodeMissing{Cluster: c.Cluster, What: m.What, Namespace: m.Namespace, Message: "not read yet"})
		}
	}
	list.Summary = summarize(list, each, o)
	// A field that no item has may be one of those that could not be read.
	if err := sortNodes(list.Items, o.SortBy); err != nil && !o.Watched && !(errors.Is(err, errNoField) && (list.Partial || isNodeField(o.SortBy))) {
		return list, err
	}
	if o.Top > 0 && len(list.Items) > o.Top {
		list.Items, list.left = list.Items[:o.Top], list.Items[o.Top:]
	}
	return list, nil
}

// nodeItems are a cluster's nodes and behind them the names of nodes that only pods know.
func nodeItems(c ClusterCount, o NodeOptions) []NodeItem {
	items := make([]NodeItem, 0, len(c.Count.Nodes))
	isThere := make(map[string]bool, len(c.Count.Nodes))
	wanted := func(name string) bool { return len(o.Names) == 0 || slices.Contains(o.Names, name) }
	for _, n := range c.Count.Nodes {
		isThere[n.Name] = true
		if wanted(n.Name) {
			item := newNodeItem(c, n, o.GroupBy)
			item.listed = true
			items = append(items, item)
		}
	}
	if o.Selected {
		return items // whether a node that could not be read has the labels is not known
	}
	var others []string
	for name := range c.Count.Pods {
		if !isThere[name] && wanted(name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		item := newNodeItem(c, nodes.Node{Name: name, Status: unknownNode}, "")
		if c.Count.NodesKnown || c.Count.Gone[name] {
			item.Status = gone
		}
		items = append(items, item)
	}
	return items
}

func newNodeItem(c ClusterCount, n nodes.Node, groupBy string) NodeItem {
	pods := c.Count.Pods[n.Name]
	item := NodeItem{
		Cluster: c.Cluster, Name: n.Name, Status: n.Status, Roles: n.Roles, Version: n.Version,
		Zone: firstLabel(n, zoneLabels()), Pool: firstLabel(n, poolLabels()),
		Created: written(n.Created),
	}
	if item.Roles == nil {
		item.Roles = []string{}
	}
	item.pods, item.terminating, item.pending = ofPods(c.Count, pods.Total), ofPods(c.Count, pods.Terminating), ofPods(c.Count, pods.Pending)
	item.AtLeast, item.Outdated = item.pods.atLeast(), item.pods.outdated()
	item.allocatable, item.capacity = exactly(n.Allocatable), exactly(n.Capacity)
	item.allocatable.old, item.capacity.old = c.Count.NodesOutdated, c.Count.NodesOutdated
	item.use = shareOf(item.pods, item.allocatable)
	item.Pods, item.Allocatable, item.Capacity, item.Use = item.pods.json(), item.allocatable.json(), item.capacity.json(), item.use.json()
	item.Terminating = item.terminating.json()
	if !c.Count.PendingKnown {
		item.pending = amount{more: true}
	}
	if item.flux = ofPods(c.Count, len(pods.Flux)); !c.Count.FluxKnown {
		item.flux = amount{more: true}
	}
	if item.Pending = item.pending.json(); !item.flux.unknown() {
		item.Flux = append([]string{}, pods.Flux...)
	}
	item.Usage, item.measured = newNodeUsage(n.Usage), n.Measured
	item.group = groupOf(item, n.Labels, groupBy)
	return item
}

// written is a time as documents have it, nil of the zero time and of one that JSON cannot write (RFC 3339 has four digits for
// the year): objects may bear any.
func written(t time.Time) *time.Time {
	if t = t.UTC(); t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	return &t
}

// groupOf is the name of a node's group. Values of labels have no parentheses, so that no label says the same.
func groupOf(i NodeItem, labels map[string]string, groupBy string) string {
	keys := []string{groupBy}
	value := labels[groupBy]
	switch groupBy {
	case "zone":
		keys, value = zoneLabels(), i.Zone
	case "pool":
		keys, value = poolLabels(), i.Pool
	case ByCluster:
		value = i.Cluster
	}
	labelled := func(key string) bool { _, there := labels[key]; return there }
	switch {
	case value != "":
		return value
	case slices.ContainsFunc(keys, labelled): // as node-role.kubernetes.io/control-plane
		return emptyGroup
	default:
		return unnamedGroup
	}
}

// cordoned tells whether no new pods are scheduled to a node.
func (i NodeItem) cordoned() bool { return strings.HasSuffix(i.Status, nodes.SchedulingDisabled) }

func firstLabel(n nodes.Node, keys []string) string {
	for _, key := range keys {
		if value := n.Labels[key]; value != "" {
			return value
		}
	}
	return ""
}

// Empty tells whether there are no nodes to show.
func (l NodeList) Empty() bool { return len(l.Items) == 0 }

// Names are those of the nodes that exist, as kubectl takes them, behind their cluster where there are several.
func (l NodeList) Names() []string {
	var names []string
	for _, i := range l.Items {
		if i.Status != gone {
			names = append(names, flux.InCluster(i.Cluster, "node/"+i.Name))
		}
	}
	return names
}

// Above are the nodes that are fuller than a share in percent, also those that are not shown.
func (l NodeList) Above(percent float64) Above { return l.Summary.Above(percent) }

// Fullest is the node with the highest use, nil where none is known.
func (l NodeList) Fullest() *Fullest { return l.Summary.Fullest }
