package report

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// NodeList is what nodes shows: an item for each node, then one for each node that pods name though it
// is not there. Numbers of pods count those that are neither Succeeded nor Failed.
type NodeList struct {
	Head
	Items   []NodeItem  `json:"items"`
	Summary NodeSummary `json:"summary"`
	// Namespaces whose pods were counted, when only some were asked for.
	Namespaces []string `json:"namespaces,omitempty"`
	// Partial: something could not be read; Missing says what. The exit code is 3 then.
	Partial bool          `json:"partial"`
	Missing []NodeMissing `json:"missing"`

	clusters []ClusterCount
	selected bool // nodes were chosen by label, so others are not gone
	groupBy  string
}

// NodeItem is a node and its pods; a number is null where it is not known.
type NodeItem struct {
	// Cluster is the kubeconfig context, when several were asked for.
	Cluster string     `json:"cluster,omitempty"`
	Name    string     `json:"name"`
	Status  string     `json:"status"` // as kubectl shows it; Gone when there is no such node
	Roles   []string   `json:"roles"`
	Created *time.Time `json:"created"`
	Version string     `json:"version"`
	Pods    *int       `json:"pods"`
	// AtLeast: there may be more pods than Pods says.
	AtLeast bool `json:"atLeast,omitempty"`
	// Capacity is how many pods the node takes, Use how much of that is used, in percent.
	Capacity *int     `json:"capacity"`
	Use      *float64 `json:"use"`
	Zone     string   `json:"zone,omitempty"`
	Pool     string   `json:"pool,omitempty"`
	// Group is the value of --group-by's label.
	Group       string   `json:"group,omitempty"`
	Terminating *int     `json:"terminating"`
	Pending     *int     `json:"pending,omitempty"` // wide, json and yaml: pods that have not started yet
	Flux        []string `json:"flux,omitempty"`    // Flux's controllers on the node
}

// gone is the status of a node that pods name and that does not exist, unknownNode that of one that
// could not be looked up.
const (
	gone        = "Gone"
	unknownNode = "Unknown"
)

// NodeMissing is something that a NodeList does not contain.
type NodeMissing struct {
	Cluster   string `json:"cluster,omitempty"`
	What      string `json:"what"` // pods, nodes, namespaces, details, updates or cluster
	Namespace string `json:"namespace,omitempty"`
	Reason    string `json:"reason"` // Forbidden, Timeout, Throttled, Unavailable or Error
	Message   string `json:"message"`
	// PodsSeen were counted before the list broke off.
	PodsSeen int `json:"podsSeen,omitempty"`
}

// ClusterCount is the count of one cluster; the name is empty when there is only one.
type ClusterCount struct {
	Cluster string
	Count   nodes.Count
}

// NodeOptions say which nodes are shown, and in which order.
type NodeOptions struct {
	// SortBy is name (the default), pods, use, age, or a field as SortBy takes it.
	SortBy string
	// Top, when not 0, keeps only so many items. The summary is still of all.
	Top int
	// Selected: the nodes were selected by label.
	Selected bool
	// GroupBy is a label's key, zone or pool; it makes items of groups.
	GroupBy string
}

// Labels by which providers and Karpenter tell zones and node pools; the first that is set counts.
func zoneLabels() []string {
	return []string{"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"}
}

func poolLabels() []string {
	return []string{
		"karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup", "cloud.google.com/gke-nodepool",
		"kubernetes.azure.com/agentpool", "agentpool", "karpenter.sh/provisioner-name",
	}
}

// NodeLabels are the labels that a NodeList reads from nodes, with the one to group by.
func NodeLabels(groupBy string) []string {
	keys := append(zoneLabels(), poolLabels()...)
	if groupBy != "" && groupBy != "zone" && groupBy != "pool" {
		keys = append(keys, groupBy)
	}
	return keys
}

// NewNodeList reports counts of one or several clusters.
func NewNodeList(clusters []ClusterCount, o NodeOptions) (NodeList, error) {
	list := NodeList{
		Head: Head{APIVersion, "NodeList"}, Items: []NodeItem{}, Missing: []NodeMissing{},
		clusters: clusters, selected: o.Selected, groupBy: o.GroupBy,
	}
	for _, c := range clusters {
		list.Items = append(list.Items, nodeItems(c, o)...)
		list.Partial = list.Partial || c.Count.Partial()
		list.Namespaces = c.Count.Scope
		for _, m := range c.Count.Missing {
			list.Missing = append(list.Missing, newNodeMissing(c.Cluster, m))
		}
	}
	list.Summary = summarize(list)
	list.Summary.scope = list.Namespaces
	if err := sortNodes(list.Items, o.SortBy); err != nil {
		return list, err
	}
	if o.Top > 0 && len(list.Items) > o.Top {
		list.Items = list.Items[:o.Top]
	}
	return list, nil
}

func newNodeMissing(cluster string, m nodes.Missing) NodeMissing {
	n := NodeMissing{Cluster: cluster, What: m.What, Namespace: m.Namespace, Reason: m.Reason, PodsSeen: m.Seen}
	if m.Err != nil {
		n.Message = m.Err.Error()
	}
	return n
}

// nodeItems are a cluster's nodes and behind them the names of nodes that only pods know.
func nodeItems(c ClusterCount, o NodeOptions) []NodeItem {
	items := make([]NodeItem, 0, len(c.Count.Nodes))
	isThere := make(map[string]bool, len(c.Count.Nodes))
	for _, n := range c.Count.Nodes {
		isThere[n.Name] = true
		items = append(items, newNodeItem(c, n, o.GroupBy))
	}
	if o.Selected && c.Count.NodesKnown {
		return items
	}
	var others []string
	for name := range c.Count.Pods {
		if !isThere[name] {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		item := newNodeItem(c, nodes.Node{Name: name, Status: unknownNode}, "")
		if c.Count.NodesKnown {
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
		Flux: pods.Flux, AtLeast: c.Count.AtLeast,
	}
	if item.Roles == nil {
		item.Roles = []string{}
	}
	if !n.Created.IsZero() {
		created := n.Created.UTC()
		item.Created = &created
	}
	// None seen, and not all looked at: the number is not known.
	if pods.Total > 0 || !c.Count.AtLeast {
		item.Pods, item.Terminating = &pods.Total, &pods.Terminating
		if c.Count.WideKnown {
			item.Pending = &pods.Pending
		}
	}
	if n.Capacity > 0 {
		item.Capacity = &n.Capacity
	}
	item.Use = use(item.Pods, item.Capacity)
	switch groupBy {
	case "":
	case "zone":
		item.Group = item.Zone
	case "pool":
		item.Group = item.Pool
	default:
		item.Group = n.Labels[groupBy]
	}
	return item
}

func firstLabel(n nodes.Node, keys []string) string {
	for _, key := range keys {
		if value := n.Labels[key]; value != "" {
			return value
		}
	}
	return ""
}

// use is the part of the capacity that is taken, in percent with one decimal.
func use(pods, capacity *int) *float64 {
	if pods == nil || capacity == nil {
		return nil
	}
	percent := math.Round(float64(*pods)/float64(*capacity)*1000) / 10
	return &percent
}

// sortNodes sorts by one of the words that nodes knows, or by any field of an item. The fullest come
// first, and the oldest; nodes that are gone stay behind those that are there.
func sortNodes(items []NodeItem, by string) error {
	rank := func(i NodeItem) int { return boolRank(i.Status == gone) }
	var compare func(a, b NodeItem) int
	switch by {
	case "", "name":
		compare = func(a, b NodeItem) int { return 0 }
	case "pods":
		compare = func(a, b NodeItem) int { return known(b.Pods) - known(a.Pods) }
	case "use":
		compare = func(a, b NodeItem) int { return compareUse(b.Use, a.Use) }
	case "age":
		compare = func(a, b NodeItem) int { return compareCreated(a.Created, b.Created) }
	default:
		return sortBy(items, by, "it takes name, pods, use, age, or a JSONPath of an item of -o json, like .version")
	}
	slices.SortStableFunc(items, func(a, b NodeItem) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		if d := compare(a, b); d != 0 {
			return d
		}
		if d := strings.Compare(a.Cluster, b.Cluster); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return nil
}

func known(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

func compareUse(a, b *float64) int {
	switch {
	case a == nil || b == nil:
		return boolRank(a != nil) - boolRank(b != nil)
	case *a < *b:
		return -1
	case *a > *b:
		return 1
	}
	return 0
}

func compareCreated(a, b *time.Time) int {
	if a == nil || b == nil {
		return boolRank(b != nil) - boolRank(a != nil)
	}
	return a.Compare(*b)
}

// Empty tells whether there are no nodes to show.
func (l NodeList) Empty() bool { return len(l.Items) == 0 }

// Names are those of the nodes that exist, as kubectl takes them.
func (l NodeList) Names() []string {
	var names []string
	for _, i := range l.Items {
		if i.Status != gone {
			names = append(names, "node/"+i.Name)
		}
	}
	return names
}
