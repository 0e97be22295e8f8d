package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// unreadCount is of two nodes, with pods that are being deleted, have not started, and are Flux's on the first.
func unreadCount() nodes.Count {
	return nodes.Count{
		NodesKnown: true, NodesListed: true, PendingKnown: true, FluxKnown: true, Total: 3,
		Nodes: []nodes.Node{{Name: "busy", Status: "Ready", Allocatable: new(10), Capacity: new(10)}, {Name: "calm", Status: "Ready", Allocatable: new(10), Capacity: new(10)}},
		Pods: map[string]nodes.Pods{
			"busy": {Total: 2, Terminating: 1, Pending: 1, Flux: []string{"helm-controller", "source-controller"}}, "calm": {Total: 1},
		},
	}
}

// What is beside the number of a node's pods bears the same marks as that: none of it is 0, or nothing, where that is not known.
func TestWhatIsBesideThePodsIsMarkedAsTheyAre(t *testing.T) {
	t.Parallel()
	type item struct {
		Pods, Terminating, Pending *int
		Flux                       []string
	}
	both := []string{"helm-controller", "source-controller"}
	for name, test := range map[string]struct {
		change     func(*nodes.Count)
		busy, calm string // TERMINATING, PENDING, FLUX
		json       []item
		grouped    string // "terminating" of all as a group
	}{
		"all is known": {
			func(*nodes.Count) {}, "1 1 helm-controller,source-controller", "0 0 <none>",
			[]item{{new(2), new(1), new(1), both}, {new(1), new(0), new(0), []string{}}}, "1",
		},
		"some namespaces may not be read": {
			func(c *nodes.Count) {
				c.AtLeast = true
				c.Missing = []nodes.Missing{{What: nodes.WhatPods, Namespace: "secret", Reason: kube.Forbidden, Err: assert.AnError}}
			},
			"1+ 1+ helm-controller,source-controller+", "? ? ?",
			[]item{{new(2), new(1), new(1), both}, {new(1), nil, nil, nil}}, "1+",
		},
		"of an earlier time": {
			func(c *nodes.Count) { c.Outdated = true }, "~1 ~1 ~helm-controller,source-controller", "~0 ~0 ~<none>",
			[]item{{new(2), new(1), new(1), both}, {new(1), new(0), new(0), []string{}}}, "~1",
		},
		"without details": {
			func(c *nodes.Count) { c.PendingKnown, c.FluxKnown = false, false }, "1 ? ?", "0 ? ?",
			[]item{{new(2), new(1), nil, nil}, {new(1), new(0), nil, nil}}, "1",
		},
	} {
		count := unreadCount()
		test.change(&count)
		list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{GroupBy: "zone"})
		require.NoError(t, err, name)
		data, err := json.Marshal(list)
		require.NoError(t, err, name)
		var document struct{ Items []item }
		require.NoError(t, json.Unmarshal(data, &document), name)
		assert.Equal(t, test.json, document.Items, name)
		for _, width := range []int{0, 200} {
			var out bytes.Buffer
			layout := Layout{Wide: true, Width: width}
			require.NoError(t, list.Table(time.Time{}, layout).Draw(&out, layout))
			lines := strings.Split(out.String(), "\n")
			for i, want := range []string{test.busy, test.calm} {
				words := strings.Fields(lines[1+i])
				assert.Equal(t, want, strings.Join(words[len(words)-3:], " "), "%s: %s", name, lines[1+i])
			}
		}
		groups := list.Groups("", 0)
		table := groups.Table(time.Time{}, Layout{Wide: true})
		assert.Equal(t, test.grouped, table.Rows[0][len(table.Columns)-1].Text, name)
	}
}

// Nobody is told that no pods of a group are being deleted where nobody knows.
func TestGroupsDoNotGuessWhatIsTerminating(t *testing.T) {
	t.Parallel()
	count := unreadCount()
	count.AtLeast, count.Nodes, count.Pods = true, count.Nodes[1:], map[string]nodes.Pods{"calm": {Total: 1}}
	list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{GroupBy: "zone"})
	require.NoError(t, err)
	groups := list.Groups("", 0)
	assert.Nil(t, groups.Items[0].Terminating)
	var out bytes.Buffer
	require.NoError(t, groups.CSV(&out, false))
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, []string{"terminating", ""}, []string{rows[0][8], rows[1][8]})
}

// Nodes on which no controller of Flux runs come behind the others where that is the order.
func TestNodesWithoutFluxComeLast(t *testing.T) {
	t.Parallel()
	count := unreadCount()
	count.Nodes[0].Name, count.Nodes[1].Name = "z", "a"
	count.Pods = map[string]nodes.Pods{"z": {Total: 2, Flux: []string{"source-controller"}}}
	list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{SortBy: "flux"})
	require.NoError(t, err)
	assert.Equal(t, []string{"node/z", "node/a"}, list.Names())
}

// Namespaces that could not be listed again are told with the time of what is shown of them, the oldest.
func TestNamespacesThatAreOldSayAsOfWhen(t *testing.T) {
	t.Parallel()
	count := unreadCount()
	count.Outdated = true
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.Local)
	for name, since := range map[string]time.Time{"a": noon.Add(time.Minute), "b": noon, "c": {}} {
		count.Missing = append(count.Missing, nodes.Missing{What: nodes.WhatPods, Namespace: name, Reason: kube.Forbidden, Since: since, Err: assert.AnError})
	}
	list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"no access to: a, b, c, as of 12:00:00"}, list.Gaps())
}

// A node that one of several clusters has is missing in none of them; one that none has is, where that is known.
func TestANameIsMissingWhereNoClusterHasIt(t *testing.T) {
	t.Parallel()
	of := func(name string, node ...string) ClusterCount {
		c := ClusterCount{Cluster: name, Count: nodes.Count{NodesKnown: true, NodesListed: true}}
		for _, n := range node {
			c.Count.Nodes = append(c.Count.Nodes, nodes.Node{Name: n, Status: "Ready", Allocatable: new(10), Capacity: new(10)})
		}
		return c
	}
	unread := of("unread")
	unread.Count = nodes.Count{Missing: []nodes.Missing{{What: nodes.WhatNodes, Reason: kube.Unavailable, Err: assert.AnError}}}
	onlyPods := of("a", "y")
	onlyPods.Count.Pods = map[string]nodes.Pods{"x": {Total: 5}}
	some := of("some", "y")
	some.Count.NodesKnown, some.Count.NodesListed, some.Count.Missing = false, false, unread.Count.Missing
	old := of("old", "y")
	old.Count.NodesKnown, old.Count.NodesListed, old.Count.NodesOutdated = false, false, true
	old.Count.Missing = []nodes.Missing{{What: nodes.WhatUpdates, Reason: kube.Unavailable, Err: assert.AnError}}
	counting := of("counting")
	counting.Count = nodes.Count{Counting: true}
	const unlisted = "unread: nodes could not be listed (server not available), rows are from the pods' node names"
	const untold = "; whether node x exists is not known"
	for name, test := range map[string]struct {
		counts []ClusterCount
		gaps   []string
	}{
		"one has it":                          {[]ClusterCount{of("a", "x", "y"), of("b", "y")}, nil},
		"only pods name it":                   {[]ClusterCount{onlyPods}, []string{`a: nodes "x" not found`}},
		"only pods name it, one has it":       {[]ClusterCount{onlyPods, of("b", "x")}, nil},
		"none has it":                         {[]ClusterCount{of("a", "y"), of("b")}, []string{`a: nodes "x" not found`, `b: nodes "x" not found`}},
		"one is not known, one has it":        {[]ClusterCount{unread, of("a", "x")}, []string{unlisted}},
		"one is not known, the other has not": {[]ClusterCount{unread, of("a")}, []string{unlisted + untold, `a: nodes "x" not found`}},
		"some are listed":                     {[]ClusterCount{some}, []string{"some: only 1 node could be listed (server not available)" + untold}},
		"they were listed earlier":            {[]ClusterCount{old}, []string{"old: updates are interrupted (" + assert.AnError.Error() + ")" + untold}},
		"they are being listed":               {[]ClusterCount{counting}, []string{"counting: still counting"}},
	} {
		list, err := NewNodeList(test.counts, NodeOptions{Names: []string{"x"}})
		require.NoError(t, err)
		assert.Equal(t, test.gaps, list.Gaps(), name)
		assert.Equal(t, len(test.gaps) > 0, list.Partial, name)
	}
}

// Each of the names that were asked for is told where not all nodes were listed and it is not among those that were.
func TestNamesOnUnreadPagesAreNotKnown(t *testing.T) {
	t.Parallel()
	count := nodes.Count{
		Nodes:   []nodes.Node{{Name: "x", Status: "Ready", Allocatable: new(10), Capacity: new(10)}},
		Missing: []nodes.Missing{{What: nodes.WhatNodes, Reason: kube.Expired, Err: assert.AnError}},
	}
	list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{Names: []string{"y", "x", "z"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"only 1 node could be listed (expired); whether nodes y, z exist is not known"}, list.Gaps())
	require.Len(t, list.Missing, 2)
	assert.Equal(t, NodeMissing{What: nodes.WhatNodes, Reason: string(kube.Expired), Message: "whether nodes y, z exist is not known"}, list.Missing[1])
}

// How many namespaces are done is not said as if nothing were known of the others.
func TestNamespacesOfWhichSomeIsKnown(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.Local)
	gapsOf := func(done, total int, m nodes.Missing) string {
		m.What, m.Namespace, m.Reason, m.Err = nodes.WhatPods, "a", kube.Timeout, assert.AnError
		return gaps(nodes.Count{AtLeast: true, Total: total, Namespaces: nodes.Progress{Done: done, Total: 40}, Missing: []nodes.Missing{m}})
	}
	assert.Equal(t, "pods of 39 of 40 namespaces; not in time: a", gapsOf(39, 500, nodes.Missing{}))
	assert.Equal(t, "all pods of 39 of 40 namespaces, some of others; not in time: a", gapsOf(39, 500, nodes.Missing{Seen: 3}))
	assert.Equal(t, "only some pods of 40 namespaces; not in time: a", gapsOf(0, 44, nodes.Missing{Seen: 3}))
	assert.Equal(t, "pods of 39 of 40 namespaces are up to date; not in time: a, as of 12:00:00", gapsOf(39, 500, nodes.Missing{Since: noon}))
}

// What is still being read is named: of many namespaces the first in a line, and all in a document, without a reason that a user
// could act on.
func TestWhatIsNotReadYetIsNamed(t *testing.T) {
	t.Parallel()
	count := unreadCount()
	count.Counting, count.AtLeast, count.Namespaces = true, true, nodes.Progress{Done: 2, Total: 9}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		count.Unread = append(count.Unread, nodes.Missing{What: nodes.WhatPods, Namespace: name})
	}
	count.Unread = append(count.Unread, nodes.Missing{What: nodes.WhatNodes}, nodes.Missing{What: nodes.WhatDetails})
	list, err := NewNodeList([]ClusterCount{{Cluster: "eu", Count: count}}, NodeOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"eu: pods of 2 of 9 namespaces; not read yet: a, b, c, d, e and 2 more; nodes have not come yet, rows are from the pods' node names; pending pods and Flux controllers have not come yet"}, list.Gaps())
	assert.True(t, list.Partial)
	require.Len(t, list.Missing, 9)
	assert.Equal(t, NodeMissing{Cluster: "eu", What: nodes.WhatPods, Namespace: "g", Message: "not read yet"}, list.Missing[6])
	assert.Equal(t, NodeMissing{Cluster: "eu", What: nodes.WhatNodes, Message: "not read yet"}, list.Missing[7])
}
