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
	assert.Equal(t, "dead,dead,,,true,,,,,true,true,true,false,false,false,false,,,", strings.SplitN(file.String(), "\n", 2)[0])
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
			assert.Contains(t, out.String(), goneRow)
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
