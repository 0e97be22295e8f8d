package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// usageOf is a cluster of whose nodes metrics are known, or (nil) not.
func usageOf(asked bool, usages ...*nodes.Usage) []ClusterCount {
	c := nodes.Count{NodesKnown: true, NodesListed: true, UsageKnown: true, UsageAsked: asked}
	for i, u := range usages {
		c.Nodes = append(c.Nodes, nodes.Node{Name: fmt.Sprintf("n%d", i), Usage: u})
	}
	return []ClusterCount{{Count: c}}
}

// aboutCPU leaves out that these nodes do not say how many pods they take.
func aboutCPU(l NodeList) []string {
	var lines []string
	for _, m := range l.Missing {
		if m.What == nodes.WhatUsage {
			lines = append(lines, m.Message)
		}
	}
	return lines
}

// Nodes of which metrics say nothing, or nothing of now, are told to who asked for that, those alone that are shown.
func TestNodesWithoutMetricsAreTold(t *testing.T) {
	t.Parallel()
	now, undated := &nodes.Usage{CPU: 5, At: time.Unix(9000, 0)}, &nodes.Usage{CPU: 6}
	old := &nodes.Usage{CPU: 7, Age: 4*time.Hour + 20*time.Minute, At: time.Unix(1000, 0)}
	const two = "CPU and memory of 2 nodes are not known, as metrics.k8s.io has none: n1, n2"
	for name, test := range map[string]struct {
		usages []*nodes.Usage
		names  []string
		told   []string
	}{
		"all are known":     {[]*nodes.Usage{now, now}, nil, nil},
		"some are not":      {[]*nodes.Usage{now, nil, nil}, nil, []string{two}},
		"one is old":        {[]*nodes.Usage{now, old}, nil, []string{"CPU and memory of 1 node are old, up to 4h: n1"}},
		"one is not, alone": {[]*nodes.Usage{now, nil}, []string{"n1"}, []string{"CPU and memory are not known, as metrics.k8s.io says nothing of any node: look at metrics-server"}},
		"others are not":    {[]*nodes.Usage{now, nil}, []string{"n0"}, nil},
		"both":              {[]*nodes.Usage{old, nil, nil}, nil, []string{two, "CPU and memory of 1 node are old, up to 4h: n0"}},
		"of no time":        {[]*nodes.Usage{now, undated, old}, nil, []string{"CPU and memory of 1 node are old, up to 4h: n2", "metrics.k8s.io does not say when CPU and memory of 1 node were measured: n1"}},
		"none is there":     {nil, nil, nil},
	} {
		for _, asked := range []bool{true, false} {
			list, err := NewNodeList(usageOf(asked, test.usages...), NodeOptions{Names: test.names})
			require.NoError(t, err)
			assert.Equal(t, test.told, aboutCPU(list), name)
			for _, m := range list.Missing {
				if m.What == nodes.WhatUsage {
					assert.Equal(t, !asked, m.Optional, name)
				}
			}
			for _, line := range test.told {
				assert.Equal(t, asked, strings.Contains(strings.Join(list.Gaps(), "\n"), line), name)
			}
		}
	}
}

// Whatever times a server says, each format has a list, and what is not known to be of now is marked.
func TestOddTimesOfNodesAreShown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SampledFrom([]time.Time{
			{}, time.Unix(0, 0), time.Unix(1, 0), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0), time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC),
			time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600)), time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200)),
		})
		counts := usageOf(rapid.Bool().Draw(t, "asked"))
		var undated, old int
		for i := range rapid.IntRange(1, 3).Draw(t, "nodes") {
			n := nodes.Node{Name: fmt.Sprintf("n%d", i), Created: times.Draw(t, "created")}
			if rapid.Bool().Draw(t, "measured") {
				n.Usage = &nodes.Usage{At: times.Draw(t, "at"), Age: rapid.SampledFrom([]time.Duration{0, time.Hour, math.MaxInt64}).Draw(t, "age"), Window: math.MaxInt64}
			}
			counts[0].Count.Nodes = append(counts[0].Count.Nodes, n)
		}
		list, err := NewNodeList(counts, NodeOptions{SortBy: rapid.SampledFrom([]string{"", "age", "-age", "cpu", ".usage.timestamp", ".created"}).Draw(t, "order")})
		if err != nil && !strings.Contains(err.Error(), "no ") {
			t.Fatal(err)
		}
		if _, err = json.Marshal(list); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		table := list.Table(time.Unix(1e9, 0), Layout{Wide: true})
		if err = table.Draw(&out, Layout{Wide: true}); err != nil {
			t.Fatal(err)
		}
		for _, i := range list.Items {
			switch {
			case i.Usage == nil:
			case i.Usage.Timestamp == nil:
				undated++
			case i.Usage.Outdated:
				old++
			}
			if i.Usage != nil && i.Usage.Timestamp == nil && !i.Usage.Outdated {
				t.Fatalf("%s is of no time, and has no mark", i.Name)
			}
		}
		told := strings.Join(aboutCPU(list), "\n")
		if (undated > 0) != strings.Contains(told, "when CPU and memory") || (old > 0) != strings.Contains(told, "are old") {
			t.Fatalf("%d of no time, %d old: %s", undated, old, told)
		}
	})
}

// Metrics that say something of a node, and no amount, are not said to be none.
func TestNodesWithMetricsThatAreNoAmountAreTold(t *testing.T) {
	t.Parallel()
	const none, odd = "CPU and memory of 1 node are not known, as metrics.k8s.io has none: n1", "CPU and memory of 1 node are not known, as metrics.k8s.io says no usable amount of both: n0"
	for _, test := range []struct {
		usages []*nodes.Usage
		told   []string
	}{
		{[]*nodes.Usage{nil}, []string{odd}},
		{[]*nodes.Usage{nil, {CPU: 5, At: time.Unix(9000, 0)}}, []string{odd}},
		{[]*nodes.Usage{nil, nil}, []string{none, odd}},
	} {
		counts := usageOf(true, test.usages...)
		counts[0].Count.Nodes[0].Measured = true
		list, err := NewNodeList(counts, NodeOptions{})
		require.NoError(t, err)
		assert.Equal(t, test.told, aboutCPU(list))
	}
}

// What is asked for has its column, if only to say that it is not known; what is old has its mark.
func TestColumnsOfUsageStay(t *testing.T) {
	t.Parallel()
	half := 50.9
	list, err := NewNodeList(usageOf(true, nil, &nodes.Usage{CPU: 5, CPUPercent: &half, Memory: 3 << 20, Age: time.Hour, At: time.Unix(1000, 0)}, nil), NodeOptions{SortBy: "-cpu"})
	require.NoError(t, err)
	assert.Equal(t, []string{"n1", "n0", "n2"}, namesOf(list), "what is not known comes last in both directions")
	for _, top := range []int{0, 1, 3} {
		list.Items = list.Items[top*2/3:]
		var out strings.Builder
		require.NoError(t, list.Table(time.Time{}, Layout{}).Draw(&out, Layout{}))
		assert.Contains(t, out.String(), "MEMORY%", "of %d", len(list.Items))
		if top == 0 {
			assert.Contains(t, out.String(), "~5m    ~50     ~3Mi         ?")
		}
	}
	data, err := json.Marshal(newNodeUsage(&nodes.Usage{CPU: 5, CPUPercent: &half, At: time.Unix(1000, 0), Window: 20 * time.Second, Age: time.Hour}))
	require.NoError(t, err)
	assert.JSONEq(t, `{"cpuMillicores":5,"cpuPercent":50.9,"memoryBytes":0,"memoryPercent":null,"timestamp":"1970-01-01T00:16:40Z","window":"20s","outdated":true}`, string(data))
	counts := usageOf(true, nil)
	counts[0].Count.UsageKnown, counts[0].Count.Counting, counts[0].Count.Unread = false, true, []nodes.Missing{{What: nodes.WhatUsage}}
	list, err = NewNodeList(counts, NodeOptions{})
	require.NoError(t, err)
	assert.Contains(t, list.Gaps()[0], "CPU and memory have not come yet")
}

// namesOf are the items' names in their order.
func namesOf(l NodeList) (names []string) {
	for _, i := range l.Items {
		names = append(names, i.Name)
	}
	return names
}

// A field that an item can have may be one that no item has now; what no item can have is a mistake.
func TestFieldsThatNoItemHasNow(t *testing.T) {
	t.Parallel()
	for by, fails := range map[string]bool{
		".pending": false, "flux": false, "{.usage.cpuMillicores}": false, "-.usage.memoryPercent": false, ".zone": false,
		"capacty": true, ".usage.cpu": true, ".use.cpu": true, ".": true, ".roles[5]": true,
	} {
		counts := usageOf(false, nil)
		ten := 10
		counts[0].Count.Nodes[0].Allocatable, counts[0].Count.Nodes[0].Capacity = &ten, &ten
		for _, watched := range []bool{false, true} {
			_, err := NewNodeList(counts, NodeOptions{SortBy: by, Watched: watched})
			assert.Equal(t, fails && !watched, err != nil, by)
		}
	}
}

// A share of no room is no number.
func TestUseOfNothing(t *testing.T) {
	t.Parallel()
	counts := usageOf(false)
	counts[0].Count.Pods = map[string]nodes.Pods{"left": {Total: 62}}
	list, err := NewNodeList(counts, NodeOptions{GroupBy: "zone"})
	require.NoError(t, err)
	assert.Nil(t, list.Summary.Use)
	var out strings.Builder
	require.NoError(t, list.Table(time.Time{}, Layout{}).Draw(&out, Layout{}))
	assert.NotContains(t, out.String(), "62             0      0")
	assert.False(t, list.Partial)
}

// Whatever the order, in both directions what is known of there being comes first, then what is not known, then nodes that are
// gone.
func TestOrdersKeepTheUnknownBehind(t *testing.T) {
	t.Parallel()
	values := map[string]func(NodeItem) bool{
		"pods": func(i NodeItem) bool { return i.Pods != nil }, "use": func(i NodeItem) bool { return i.Use != nil },
		"age": func(i NodeItem) bool { return i.Created != nil }, "cpu": func(i NodeItem) bool { return i.Usage != nil },
		"memory": func(i NodeItem) bool { return i.Usage != nil }, ".usage.cpuMillicores": func(i NodeItem) bool { return i.Usage != nil },
		".pods": func(i NodeItem) bool { return i.Pods != nil }, ".version": func(NodeItem) bool { return true }, "name": func(NodeItem) bool { return true },
	}
	rapid.Check(t, func(t *rapid.T) {
		var items []NodeItem
		for i := range rapid.IntRange(1, 8).Draw(t, "items") {
			item := NodeItem{Name: fmt.Sprint("n", i), Status: rapid.SampledFrom([]string{"Ready", gone}).Draw(t, "status")}
			if n := rapid.IntRange(-1, 3).Draw(t, "n"); n >= 0 {
				share, at := Percent(n), time.Unix(int64(n), 0)
				item.Pods, item.Use, item.Created, item.Usage = &n, &share, &at, &NodeUsage{CPUMillicores: int64(n), MemoryBytes: int64(n)}
			}
			items = append(items, item)
		}
		for by, known := range values {
			for _, direction := range []string{"", "-"} {
				if err := sortNodes(items, direction+by); err != nil {
					continue // no item has it
				}
				last := 0
				for _, i := range items {
					rank := 2*boolRank(i.Status == gone) + boolRank(!known(i))
					if rank < last {
						t.Fatalf("%s%s: %v", direction, by, items)
					}
					last = rank
				}
			}
		}
	})
}
