package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// Each cluster that was asked has its row: also one that has no nodes, and one that did not answer.
func TestEachClusterHasItsGroup(t *testing.T) {
	t.Parallel()
	ten := 10
	counts := []ClusterCount{
		{Cluster: "dead", Count: nodes.Failed(errors.New("no route to host"))},
		{Cluster: "empty", Count: nodes.Count{NodesKnown: true, NodesListed: true}},
		{Cluster: "full", Count: nodes.Count{
			NodesKnown: true, NodesListed: true, Total: 4, Nodes: []nodes.Node{{Name: "n1", Status: "Ready", Allocatable: &ten, Capacity: &ten}},
			Pods: map[string]nodes.Pods{"n1": {Total: 4}},
		}},
	}
	shown := func(groupBy string) (string, NodeGroupList) {
		list, err := NewNodeList(counts, NodeOptions{GroupBy: groupBy})
		require.NoError(t, err)
		groups := list.Groups("", 0)
		var out bytes.Buffer
		require.NoError(t, groups.Table(time.Time{}, Layout{}).Draw(&out, Layout{}))
		return out.String(), groups
	}
	table, groups := shown(ByCluster)
	assert.Equal(t, strings.TrimPrefix(`
CLUSTER   NODES   PODS   ALLOCATABLE   USE%   UNSCHEDULED
dead          ?      ?             ?      ?             ?
empty         0      0             0                    0
full          1      4            10     40             0
TOTAL        1+     4+           10+      ?             ?
`, "\n"), table)
	assert.False(t, groups.Empty())
	assert.Equal(t, NodeGroup{Cluster: "dead", Name: "dead", NodesAtLeast: true, AtLeast: true, AllocatableAtLeast: true, CapacityAtLeast: true}, shownOf(groups.Items[0]), "nothing of it is known")
	assert.Nil(t, groups.Summary.OnGoneNodes, "the dead one may have some")
	assert.Equal(t, []string{"dead", "no route to host"}, []string{groups.Missing[0].Cluster, groups.Missing[0].Message})
	var file bytes.Buffer
	require.NoError(t, groups.CSV(&file, true))
	assert.Equal(t, "dead,dead,,,true,,,,,true,true,true,false,false,false,false,,,,,", strings.SplitN(file.String(), "\n", 2)[0])
	table, _ = shown("zone")
	assert.Equal(t, strings.TrimPrefix(`
CLUSTER   ZONE            NODES   PODS   ALLOCATABLE   USE%
full      (none)              1      4            10     40
dead      ?                   ?      ?             ?      ?
empty     (unscheduled)              0
full      (unscheduled)              0
          TOTAL              1+     4+           10+      ?
`, "\n"), table)
	counts = counts[1:2]
	_, groups = shown(ByCluster)
	assert.True(t, groups.Empty(), "a cluster without nodes has none to look at")
}

// shownOf is a group as documents have it.
func shownOf(g NodeGroup) NodeGroup {
	g.nodes, g.pods, g.allocatable, g.capacity, g.terminating, g.use, g.off = amount{}, amount{}, amount{}, amount{}, amount{}, nil, OffNodes{}
	g.cordoned, g.cordonedRoom = amount{}, amount{}
	return g
}

// Without headers nothing but the summaries is left out: pods on no node of the table are rows like others.
func TestRowsWithoutHeadersAreAllRows(t *testing.T) {
	t.Parallel()
	ten := 10
	counts := []ClusterCount{{Count: nodes.Count{
		NodesKnown: true, NodesListed: true, Total: 7, Nodes: []nodes.Node{{Name: "n1", Status: "Ready", Allocatable: &ten, Capacity: &ten}},
		Pods: map[string]nodes.Pods{"n1": {Total: 4}, "left": {Total: 2}}, Unscheduled: nodes.Pods{Total: 1},
	}}}
	for _, groupBy := range []string{"", "zone"} {
		list, err := NewNodeList(counts, NodeOptions{GroupBy: groupBy})
		require.NoError(t, err)
		var out bytes.Buffer
		if groupBy == "" {
			require.NoError(t, list.Draw(&out, time.Time{}, Layout{NoHeaders: true}))
		} else {
			require.NoError(t, list.Groups("", 0).Draw(&out, time.Time{}, Layout{NoHeaders: true}))
			assert.Contains(t, out.String(), strings.ReplaceAll(goneRow, " ", "-"))
		}
		assert.Contains(t, out.String(), unscheduledRow)
		assert.NotContains(t, out.String(), totalRow)
		assert.Equal(t, []int{4, 2, 1}, csvPods(t, list, groupBy), "a file adds up to all pods, as a table does")
		assert.Equal(t, 3, strings.Count(out.String(), "\n"), out.String())
	}
	empty, err := NewNodeList([]ClusterCount{{Count: nodes.Count{NodesKnown: true, NodesListed: true}}}, NodeOptions{})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, empty.Draw(&out, time.Time{}, Layout{NoHeaders: true}))
	assert.Empty(t, out.String(), "no row of no pods")
}

// csvPods is the column of pods of a CSV file.
func csvPods(t *testing.T, list NodeList, groupBy string) (pods []int) {
	t.Helper()
	var out bytes.Buffer
	write := list.CSV
	if groupBy != "" {
		write = list.Groups("", 0).CSV
	}
	require.NoError(t, write(&out, false))
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	at := slices.Index(rows[0], "pods")
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(row[at])
		require.NoError(t, err, row)
		pods = append(pods, n)
	}
	slices.SortFunc(pods, func(a, b int) int { return b - a })
	return pods
}

// roleGroups are three nodes, of which two have the label of a role, one of them without a value, as kubeadm sets it.
func roleGroups() []ClusterCount {
	const role = "node-role.kubernetes.io/control-plane"
	return []ClusterCount{{Count: nodes.Count{
		NodesKnown: true, NodesListed: true, Total: 7, Nodes: []nodes.Node{
			{Name: "a", Status: "Ready", Allocatable: new(10), Capacity: new(10), Labels: map[string]string{role: ""}},
			{Name: "b", Status: "Ready", Allocatable: new(10), Capacity: new(10), Labels: map[string]string{role: "true"}},
			{Name: "c", Status: "Ready", Allocatable: new(10), Capacity: new(10)},
		},
		Pods: map[string]nodes.Pods{"a": {Total: 1}, "b": {Total: 2}, "c": {Total: 4}},
	}}}
}

// A label without a value is none that is missing: each group has a name of its own, in all formats.
func TestGroupsHaveNames(t *testing.T) {
	t.Parallel()
	counts := roleGroups()
	list, err := NewNodeList(counts, NodeOptions{GroupBy: "node-role.kubernetes.io/control-plane"})
	require.NoError(t, err)
	groups := list.Groups("", 0)
	assert.Equal(t, []string{"(empty)", "(none)", "true"}, groups.Names())
	pods := map[string]int{}
	for _, g := range groups.Items {
		pods[g.Name] = *g.Pods
	}
	assert.Equal(t, map[string]int{"(empty)": 1, "(none)": 4, "true": 2}, pods)
	assert.Empty(t, groups.Hints())
	counts[0].Count.Nodes = counts[0].Count.Nodes[:1]
	list, err = NewNodeList(counts, NodeOptions{GroupBy: "node-role.kubernetes.io/control-plane"})
	require.NoError(t, err)
	assert.Empty(t, list.Groups("", 0).Hints(), "the node has the label")
	list, err = NewNodeList(counts, NodeOptions{GroupBy: "nobody-has-this"})
	require.NoError(t, err)
	assert.Len(t, list.Groups("", 0).Hints(), 1)
}

// The words zone and pool make the groups that the keys of their labels make: a label without a value is one.
func TestZonesWithoutAValueAreEmpty(t *testing.T) {
	t.Parallel()
	named := func(groupBy string, labels map[string]string) string {
		c := nodes.Count{NodesKnown: true, NodesListed: true, Nodes: []nodes.Node{{Name: "a", Status: "Ready", Labels: labels}}}
		list, err := NewNodeList([]ClusterCount{{Count: c}}, NodeOptions{GroupBy: groupBy})
		require.NoError(t, err)
		return list.Groups("", 0).Names()[0]
	}
	const zone, older, pool = "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "karpenter.sh/nodepool"
	for _, by := range []string{"zone", zone} {
		assert.Equal(t, "(empty)", named(by, map[string]string{zone: ""}), by)
		assert.Equal(t, "(none)", named(by, nil), by)
		assert.Equal(t, "a", named(by, map[string]string{zone: "a"}), by)
	}
	assert.Equal(t, "(empty)", named("pool", map[string]string{pool: ""}))
	assert.Equal(t, "(none)", named("pool", map[string]string{zone: ""}))
	assert.Equal(t, "b", named("zone", map[string]string{zone: "", older: "b"}), "the first label with a value counts")
}

// A label may be called like a column, in any case: each column has a name of its own, and groups keep theirs.
func TestLabelsCalledLikeColumns(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"nodes", "Pods", "ALLOCATABLE", "capacity", "use", "name", "Cluster", "CLUSTER", "terminating", "cordoned", "unscheduled", "gone",
		"unknown", "cpu", "memory", "group", "atLeast", "outdated",
	} {
		for _, layout := range []Layout{{}, {Wide: true}, {Width: 100}} {
			counts := roleGroups()
			for i, name := range []string{"first", "second", "third"} {
				counts[0].Count.Nodes[i].Labels = map[string]string{key: name}
			}
			counts[0].Count.Nodes[2].Status = "Ready,SchedulingDisabled"
			counts[0].Count.Pods["left"] = nodes.Pods{Total: 1}
			list, err := NewNodeList(counts, NodeOptions{GroupBy: key})
			require.NoError(t, err)
			groups := list.Groups("", 0)
			table := groups.Table(time.Time{}, layout)
			columns := map[string]bool{}
			for _, c := range table.Columns {
				assert.False(t, columns[c.Name], "%s: two columns %q", key, c.Name)
				columns[c.Name] = true
			}
			require.NotEmpty(t, table.Rows, key)
			assert.Equal(t, []string{"first", "1", "1", "10", "10"}, cellTexts(table.Rows[0][:5]), key)
			var out bytes.Buffer
			require.NoError(t, groups.CSV(&out, false))
			rows, err := csv.NewReader(&out).ReadAll()
			require.NoError(t, err)
			assert.Len(t, slices.Compact(slices.Sorted(slices.Values(rows[0]))), len(rows[0]), "%s: %v", key, rows[0])
			assert.Equal(t, "first", rows[1][slices.Index(rows[0], "name")], key)
		}
	}
}

// cellTexts are those of cells.
func cellTexts(cells []Cell) []string {
	var all []string
	for _, c := range cells {
		all = append(all, c.Text)
	}
	return all
}

// A node that takes no new pods has room that is not free: the group, the total and the line that sums up say so.
func TestCordonedNodesAreNotFree(t *testing.T) {
	t.Parallel()
	counts := roleGroups()
	zone := func(i int, name, status string) {
		counts[0].Count.Nodes[i].Status, counts[0].Count.Nodes[i].Labels = status, map[string]string{"topology.kubernetes.io/zone": name}
	}
	zone(0, "a", "NotReady,SchedulingDisabled")
	zone(1, "b", "Ready,SchedulingDisabled")
	zone(2, "b", "Ready")
	shown := func(layout Layout) string {
		list, err := NewNodeList(counts, NodeOptions{GroupBy: "zone"})
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, list.Groups("", 0).Draw(&out, time.Time{}, layout))
		return out.String()
	}
	assert.Equal(t, strings.TrimPrefix(`
ZONE            NODES   PODS   ALLOCATABLE   USE%   CORDONED
a                   1      1            10     10          1
b                   2      6            20     30          1
(unscheduled)              0
TOTAL               3      7            30     23          2

3 nodes, 2 cordoned (20 of 30 allocatable) · 7 pods · median 2, p99 4 per node · fullest c with 4 of 10 (40%)
`, "\n"), shown(Layout{}))
	list, err := NewNodeList(counts, NodeOptions{GroupBy: "zone"})
	require.NoError(t, err)
	groups := list.Groups("", 0)
	assert.Equal(t, []int{2, 20}, []int{*groups.Summary.Cordoned, *groups.Summary.CordonedAllocatable})
	assert.Equal(t, []int{1, 10}, []int{*groups.Items[1].Cordoned, *groups.Items[1].CordonedAllocatable})
	for _, wide := range []bool{false, true} {
		var out bytes.Buffer
		require.NoError(t, list.Draw(&out, time.Time{}, Layout{Wide: wide}))
		assert.Contains(t, out.String(), "Ready,SchedulingDisabled")
		assert.Contains(t, out.String(), "3 nodes, 2 cordoned (20 of 30 allocatable)")
	}
	counts[0].Count.NodesKnown, counts[0].Count.NodesListed, counts[0].Count.NodesOutdated = false, false, true
	assert.Contains(t, shown(Layout{}), "~3 nodes, ~2 cordoned (~20 of ~30 allocatable)")
	counts = roleGroups()
	assert.NotContains(t, shown(Layout{}), "CORDONED")
	assert.NotContains(t, shown(Layout{}), "cordoned")
}

// What several clusters have cordoned adds up, and counts once where two may be one.
func TestCordonedNodesOfClusters(t *testing.T) {
	t.Parallel()
	one, two := roleGroups()[0], roleGroups()[0]
	one.Cluster, two.Cluster = "one", "two"
	one.Count.Nodes[0].Status, two.Count.Nodes[1].Status, two.Count.Nodes[2].Status = "Ready,SchedulingDisabled", "Ready,SchedulingDisabled", "Ready,SchedulingDisabled"
	list, err := NewNodeList([]ClusterCount{one, two}, NodeOptions{GroupBy: ByCluster})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, list.Groups("", 0).Table(time.Time{}, Layout{}).Draw(&out, Layout{}))
	assert.Regexp(t, `(?m)^one +3 +7 +30 +23 +0 +1$`, out.String())
	assert.Regexp(t, `(?m)^TOTAL +6 +14 +60 +23 +0 +3$`, out.String())
	two.MaybeSame = []string{"one"}
	list, err = NewNodeList([]ClusterCount{one, two}, NodeOptions{})
	require.NoError(t, err)
	assert.Contains(t, list.Summary.Line(), "2+ cordoned")
}
