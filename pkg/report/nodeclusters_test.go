package report

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// twoClusters are one with pods on no node, and one without.
func twoClusters() []ClusterCount {
	places := 10
	node := []nodes.Node{{Name: "n", Status: "Ready", Allocatable: &places, Capacity: &places}}
	return []ClusterCount{
		{Cluster: "a", Count: nodes.Count{
			NodesKnown: true, NodesListed: true, Nodes: node, Total: 9,
			Pods: map[string]nodes.Pods{"n": {Total: 2}, "old": {Total: 3}}, Unscheduled: nodes.Pods{Total: 4, Terminating: 1},
		}},
		{Cluster: "b", Count: nodes.Count{NodesKnown: true, NodesListed: true, Nodes: node, Total: 5, Pods: map[string]nodes.Pods{"n": {Total: 5}}}},
	}
}

// Which of several clusters has pods that wait for a node is told, in each form.
func TestPodsWithoutANodeAreThoseOfACluster(t *testing.T) {
	t.Parallel()
	list, err := NewNodeList(twoClusters(), NodeOptions{})
	require.NoError(t, err)
	assert.Equal(t, `CLUSTER   NAME            STATUS   ROLES    AGE         VERSION   PODS   ALLOCATABLE   USE%
a         n               Ready    <none>   <unknown>   <none>       2            10     20
b         n               Ready    <none>   <unknown>   <none>       5            10     50
a         old             Gone     <none>               <none>       3
a         (unscheduled)                                              4
          TOTAL                                                     14            20     35
`, drawn(t, list.Table(time.Now(), Layout{Width: 100}).Without("")))
	assert.Contains(t, drawn(t, list.Table(time.Now(), Layout{})), "\nb         (unscheduled)  ", "elsewhere than on a terminal each cluster has its row")
	for _, c := range list.Summary.Clusters {
		switch c.Cluster {
		case "a":
			assert.Equal(t, []int{9, 4, 3}, []int{*c.Pods, *c.Unscheduled, *c.OnGoneNodes})
		default:
			assert.Equal(t, []int{5, 0, 0}, []int{*c.Pods, *c.Unscheduled, *c.OnGoneNodes})
		}
	}
	list, err = NewNodeList(twoClusters(), NodeOptions{GroupBy: ByCluster})
	require.NoError(t, err)
	groups := list.Groups("", 0)
	assert.Equal(t, `CLUSTER   NODES   PODS   ALLOCATABLE   USE%   UNSCHEDULED   GONE
a             1      9            10     20             4      3
b             1      5            10     50             0      0
TOTAL         2     14            20     35             4      3
`, drawn(t, groups.Table(time.Now(), Layout{})))
	assert.Equal(t, 1, *groups.Items[0].Terminating, "of all pods")
	list, err = NewNodeList(twoClusters(), NodeOptions{GroupBy: "zone"})
	require.NoError(t, err)
	assert.Equal(t, `CLUSTER   ZONE            NODES   PODS   ALLOCATABLE   USE%
a         (none)              1      2            10     20
b         (none)              1      5            10     50
a         (gone nodes)               3
a         (unscheduled)              4
b         (unscheduled)              0
          TOTAL               2     14            20     35
`, drawn(t, list.Groups("", 0).Table(time.Now(), Layout{})))
}

// A row of gone nodes that --top leaves out is that of their cluster.
func TestGoneNodesThatAreLeftOutAreThoseOfACluster(t *testing.T) {
	t.Parallel()
	list, err := NewNodeList(twoClusters(), NodeOptions{SortBy: "pods", Top: 1})
	require.NoError(t, err)
	assert.Contains(t, drawn(t, list.Table(time.Now(), Layout{})), "\na         (gone nodes)  ")
	picture, err := list.Picture(time.Now(), Layout{Width: 80, Clip: true})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, list.CSV(&out, true))
	assert.Contains(t, out.String(), "\na,(gone nodes),,,,,3,false,")
	require.Len(t, picture.Gone, 1)
	assert.Regexp(t, `^a +\(gone nodes\) +3$`, picture.Gone[0])
}

// A node that takes no pods and has some has no share that an average could count.
func TestANodeThatTakesNone(t *testing.T) {
	t.Parallel()
	counts := twoClusters()[:1]
	*counts[0].Count.Nodes[0].Allocatable = 0
	list, err := NewNodeList(counts, NodeOptions{})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, list.CSV(&out, true))
	assert.Contains(t, out.String(), "a,n,Ready,,,,2,false,0,0,over,")
	assert.Contains(t, drawn(t, list.Table(time.Now(), Layout{})), " over\n")
}

// The nodes that pods do not leave come first.
func TestMostTerminatingFirst(t *testing.T) {
	t.Parallel()
	c := nodes.Count{NodesKnown: true, NodesListed: true, PendingKnown: true, FluxKnown: true, Pods: map[string]nodes.Pods{"a": {Total: 2, Pending: 1}, "b": {Total: 3, Terminating: 3}, "c": {Total: 9, Terminating: 1, Pending: 2}}, Total: 14}
	for _, name := range []string{"a", "b", "c"} {
		c.Nodes = append(c.Nodes, nodes.Node{Name: name, Status: "Ready"})
	}
	for by, want := range map[string]string{"terminating": "b c a", "pending": "c a b", "-terminating": "a c b", ".terminating": "a c b"} {
		list, err := NewNodeList([]ClusterCount{{Count: c}}, NodeOptions{SortBy: by})
		require.NoError(t, err)
		var names []string
		for _, i := range list.Items {
			names = append(names, i.Name)
		}
		assert.Equal(t, want, strings.Join(names, " "), by)
	}
}

// Which nodes were meant is known where they were named.
func TestNodesThatWereNamedAreKnown(t *testing.T) {
	t.Parallel()
	c := nodes.Count{Total: 1, Pods: map[string]nodes.Pods{"n": {Total: 1}}, Missing: []nodes.Missing{{What: nodes.WhatNodes, Reason: kube.Forbidden, Err: assert.AnError}}}
	for _, o := range []NodeOptions{{Names: []string{"n"}}, {Selected: true}} {
		list, err := NewNodeList([]ClusterCount{{Count: c}}, o)
		require.NoError(t, err)
		assert.Equal(t, o.Selected, strings.Contains(list.Gaps()[0], "which nodes are meant is not known"), list.Gaps())
	}
}

func drawn(t *testing.T, table Table) string {
	t.Helper()
	var out bytes.Buffer
	_, err := table.DrawRows(&out, Layout{})
	require.NoError(t, err)
	return out.String()
}

// The pods of a cluster that are on none of its nodes are told with its name, and add up to those of the summary.
func TestClustersAddUpToTheSummary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var counts []ClusterCount
		for _, c := range clusters().Draw(t, "clusters") {
			c.seen.Cluster = "c" + strconv.Itoa(len(counts))
			counts = append(counts, c.seen)
		}
		list, err := NewNodeList(counts, NodeOptions{GroupBy: rapid.SampledFrom([]string{"", "zone", ByCluster}).Draw(t, "group by")})
		require.NoError(t, err)
		var sum ClusterPods
		require.Len(t, list.Summary.Clusters, len(counts))
		inCSV := unscheduledInCSV(t, list)
		for n, c := range list.Summary.Clusters {
			count, off := counts[n].Count, 0
			for name, pods := range count.Pods {
				if !hasNode(count, name) {
					off += pods.Total
				}
			}
			require.Equal(t, count.Total, valueOf(c.Pods))
			require.Equal(t, count.Unscheduled.Total, valueOf(c.Unscheduled))
			require.Equal(t, off, valueOf(c.OnGoneNodes)+c.OnUnknownNodes)
			if list.groupBy != ByCluster && !count.Empty() {
				require.Equal(t, count.Unscheduled.Total, inCSV[c.Cluster])
			}
			sum.onGone, sum.onUnknown, sum.unscheduled = sum.onGone.plus(c.onGone), sum.onUnknown.plus(c.onUnknown), sum.unscheduled.plus(c.unscheduled)
		}
		s := list.Summary
		require.Equal(t, []amount{s.onGone, s.onUnknown, s.unscheduled}, []amount{sum.onGone, sum.onUnknown, sum.unscheduled})
	})
}

func hasNode(c nodes.Count, name string) bool {
	for _, n := range c.Nodes {
		if n.Name == name {
			return true
		}
	}
	return false
}

func valueOf(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// unscheduledInCSV are the pods without a node by cluster, as CSV has them.
func unscheduledInCSV(t *rapid.T, list NodeList) map[string]int {
	var out bytes.Buffer
	pods := 6
	if list.groupBy == "" {
		require.NoError(t, list.CSV(&out, true))
	} else {
		pods = 3
		require.NoError(t, list.Groups("", 0).CSV(&out, true))
	}
	lines, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	all := map[string]int{}
	for _, line := range lines {
		if line[1] == unscheduledRow && line[pods] != "" {
			n, err := strconv.Atoi(line[pods])
			require.NoError(t, err)
			all[line[0]] = n
		}
	}
	return all
}
