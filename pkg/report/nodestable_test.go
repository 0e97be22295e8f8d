package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// tableOf is what a list of one cluster draws.
func tableOf(t *testing.T, c nodes.Count, o NodeOptions, layout Layout) string {
	t.Helper()
	list, err := NewNodeList([]ClusterCount{{Count: c}}, o)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, list.Table(time.Time{}, layout).Draw(&out, layout))
	return out.String()
}

// A share that is more than all never looks like all, nor one that is less.
func TestOverLooksLikeOver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pods, room    int
		whole, tenths string
	}{{233, 234, "99", "99.6"}, {234, 234, "100", "100.0"}, {235, 234, "101", "100.4"}, {10001, 10000, "101", "100.1"}, {300, 200, "150", "150.0"}} {
		p := shareOf(amount{n: test.pods}, amount{n: test.room}).percent
		assert.Equal(t, []string{test.whole, test.tenths}, []string{p.Whole(), p.Tenths()}, test)
	}
}

// A node that takes no pods and has some is more than full, and its bar shows it.
func TestANodeThatTakesNoneHasAFullBar(t *testing.T) {
	t.Parallel()
	use := shareOf(amount{n: 6}, amount{}).percent
	assert.Equal(t, strings.Repeat("█", barCells), bar(&use, false))
}

// Who does not say how many pods they take, or how many their kubelets were told, is said in plain words, and so are sums that
// no number holds: nothing is marked without a line.
func TestNodesThatDoNotSayWhatTheyTake(t *testing.T) {
	t.Parallel()
	type says struct{ allocatable, capacity *int }
	most := new(math.MaxInt)
	for name, test := range map[string]struct {
		nodes []says
		gaps  []string
	}{
		"all is said":          {[]says{{new(10), new(10)}}, nil},
		"nothing":              {[]says{{nil, nil}}, []string{"a does not say a usable number of pods that it takes"}},
		"of two nothing":       {[]says{{nil, new(10)}, {nil, nil}}, []string{"2 nodes do not say a usable number of pods that they take: a, b"}},
		"of one the capacity":  {[]says{{new(10), nil}, {new(10), new(10)}}, []string{"a does not say a usable capacity of pods"}},
		"of two the capacity":  {[]says{{new(10), nil}, {new(10), nil}}, []string{"2 nodes do not say a usable capacity of pods: a, b"}},
		"more than a number":   {[]says{{most, new(10)}, {new(10), new(10)}}, []string{"nodes say that they take more pods than can be added up"}},
		"a capacity like that": {[]says{{new(10), most}, {new(10), most}}, []string{"nodes say that their capacity is more pods than can be added up"}},
	} {
		c := nodes.Count{NodesKnown: true, NodesListed: true}
		for i, n := range test.nodes {
			c.Nodes = append(c.Nodes, nodes.Node{Name: string(rune('a' + i)), Status: "Ready", Allocatable: n.allocatable, Capacity: n.capacity})
		}
		list, err := NewNodeList([]ClusterCount{{Count: c}}, NodeOptions{})
		require.NoError(t, err)
		assert.Equal(t, test.gaps, list.Gaps(), name)
		assert.Equal(t, len(test.gaps) > 0, list.Partial, name)
	}
}

// Scripts that add up rows have those of all pods, also behind --top.
func TestRowsWithoutHeadersHaveTheCutGoneNodes(t *testing.T) {
	t.Parallel()
	counts := bigCounts(2, 2, 0)[0].Count
	counts.Unscheduled = nodes.Pods{Total: 1}
	text := tableOf(t, counts, NodeOptions{Top: 1, SortBy: "pods"}, Layout{NoHeaders: true})
	assert.Regexp(t, `\(gone-nodes\) .*\b14\b`, text)
	assert.Contains(t, text, "(unscheduled)")
}

// An order has its column, and a total and the pods without a node have their numbers in it.
func TestOrdersHaveTheirColumns(t *testing.T) {
	t.Parallel()
	c := bigCounts(2, 0, 0)[0].Count
	c.PendingKnown, c.FluxKnown, c.Unscheduled, c.Total = true, true, nodes.Pods{Total: 3, Terminating: 1}, c.Total+3
	c.Pods[c.Nodes[0].Name] = nodes.Pods{Total: 3, Terminating: 2, Pending: 1}
	plain := tableOf(t, c, NodeOptions{}, Layout{})
	assert.NotContains(t, plain, "TERMINATING")
	for _, by := range []string{"terminating", "-terminating", ".terminating"} {
		text := tableOf(t, c, NodeOptions{SortBy: by}, Layout{})
		assert.Contains(t, text, "TERMINATING", by)
		assert.NotContains(t, text, "PENDING", by)
		assert.Regexp(t, `TOTAL +9 +20 +30 +3\n`, text)
		assert.Regexp(t, `\(unscheduled\) +3 +1\n`, text)
	}
	text := tableOf(t, c, NodeOptions{SortBy: "pending"}, Layout{})
	assert.Regexp(t, `TOTAL +9 +20 +30 +4\n`, text)
	assert.Regexp(t, `\(unscheduled\) +3 +3\n`, text)
}

// What nobody is to read in full is at least not a contradiction: a namespace whose pods are not to be seen is not counted.
func TestPicturesKeepWhatIsMissingInFull(t *testing.T) {
	t.Parallel()
	counts := bigCounts(140, 0, 0)
	counts[0].Count.AtLeast = true
	counts[0].Count.Missing = []nodes.Missing{{
		What: nodes.WhatNamespaces, Reason: kube.Forbidden,
		Err: assert.AnError,
	}, {What: nodes.WhatUpdates, Reason: kube.Forbidden, Err: assert.AnError}}
	lines := pictureOf(t, counts, NodeOptions{}, 80, 24)
	assert.Contains(t, strings.Join(strings.Fields(strings.Join(lines[1:4], " ")), " "), "rows are as old as that takes ("+assert.AnError.Error()+")")
	low := pictureOf(t, counts, NodeOptions{}, 80, 8)
	assert.Contains(t, low[2], "NAME", "one line of a low window")
}

// Where keys scroll, the line below the rows says that, and a narrow picture which columns it leaves out.
func TestPicturesNameTheKeysAndWhatTheyLeaveOut(t *testing.T) {
	t.Parallel()
	list, err := NewNodeList(bigCounts(140, 0, 0), NodeOptions{})
	require.NoError(t, err)
	layout := Layout{Width: 80, Clip: true}
	p, err := list.Picture(time.Time{}, layout)
	require.NoError(t, err)
	p.Scrolls = true
	lines, _ := p.Lines(nil, 23, 80, 0)
	text := strings.Join(lines, "\n")
	assert.Regexp(t, `\.\.\. \d+ more lines: arrows scroll`, text)
	assert.NotContains(t, text, "--top")
	assert.Contains(t, strings.Join(strings.Fields(text), " "), "not shown at this width: VERSION")
}

// A row that is not there any more is that of a node that is gone only where that is known.
func TestOnlyNodesThatAreGoneAreRemoved(t *testing.T) {
	t.Parallel()
	c := bigCounts(3, 0, 0)[0].Count
	there := c.Nodes[0].Name
	removed := func(c nodes.Count, o NodeOptions, key string) bool {
		list, err := NewNodeList([]ClusterCount{{Count: c}}, o)
		require.NoError(t, err)
		return list.Removed(key)
	}
	assert.True(t, removed(c, NodeOptions{}, "was-there\x00"))
	assert.False(t, removed(c, NodeOptions{Top: 1, SortBy: "-name"}, there+"\x00"), "another has overtaken it")
	assert.False(t, removed(c, NodeOptions{Selected: true}, "was-there\x00"), "it may have lost its label")
	assert.False(t, removed(c, NodeOptions{}, goneRow+"\x00"))
	assert.False(t, removed(c, NodeOptions{}, "b\x00was-there\x00"), "its cluster is not shown any more")
	c.NodesKnown, c.NodesListed = false, false
	assert.False(t, removed(c, NodeOptions{}, "was-there\x00"))
	list, err := NewNodeList(bigCounts(3, 0, 0), NodeOptions{GroupBy: "zone"})
	require.NoError(t, err)
	assert.False(t, list.Groups("", 0).Removed("a\x00zone\x00"))
	several, err := NewNodeList(bigCounts(3, 0, 0), NodeOptions{})
	require.NoError(t, err)
	assert.True(t, several.Removed("a\x00was-there\x00"))
}
