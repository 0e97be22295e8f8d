package cmd

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// An alarm that looks at no node is none: it ends as what lacks something, and a watch says that it waits for one.
func TestFailAboveNeedsANode(t *testing.T) {
	t.Parallel()
	counts := []report.ClusterCount{{Count: nodes.Count{NodesKnown: true, NodesListed: true}}}
	o := NodesOptions{root: testRoot(), selector: "pool=typo", failAbove: 50, now: func() time.Time { return noon }, report: report.NodeOptions{Selected: true}}
	for _, by := range []string{"", "zone"} {
		o.report.GroupBy = by
		view, err := o.document(counts)
		require.NoError(t, err)
		var coded codeError
		require.ErrorAs(t, o.verdict(view), &coded)
		assert.Equal(t, exitPartial, coded.code)
		assert.ErrorContains(t, coded, "there is no node to look at")
		var out, errOut bytes.Buffer
		pipe := &lineScreen{out: &out, errOut: &errOut, shown: map[string]string{}}
		for range 2 {
			_, err := o.picture(pipe, counts, nil, false)
			require.NoError(t, err)
		}
		assert.Equal(t, "No nodes have the labels pool=typo.\n", errOut.String())
		o.failAbove = 0
		assert.NoError(t, o.verdict(view))
		o.failAbove = 50
	}
}

// A node that was too full when updates were interrupted may be empty by now: that is partial, and no alarm. One of another
// cluster, which is followed, is one.
func TestFailAboveDoesNotRestOnOldNumbers(t *testing.T) {
	t.Parallel()
	room := 110
	count := func(node string, pods int, old bool) nodes.Count {
		c := nodes.Count{
			NodesKnown: true, NodesListed: true, Total: pods, Outdated: old,
			Nodes: []nodes.Node{{Name: node, Allocatable: &room, Capacity: &room}}, Pods: map[string]nodes.Pods{node: {Total: pods}},
		}
		if old {
			c.Missing = []nodes.Missing{{What: nodes.WhatUpdates, Of: nodes.WhatPods, Reason: kube.Unavailable, Since: time.Now(), Err: errors.New("connection refused")}}
		}
		return c
	}
	verdict := func(counts ...report.ClusterCount) (code int, text string) {
		list, err := report.NewNodeList(counts, report.NodeOptions{})
		require.NoError(t, err)
		var coded codeError
		require.ErrorAs(t, NodesOptions{failAbove: 90}.verdict(list), &coded)
		return coded.code, coded.Error()
	}
	old := report.ClusterCount{Cluster: "a", Count: count("full", 109, true)}
	code, text := verdict(old)
	assert.Equal(t, exitPartial, code)
	assert.Equal(t, "a: full had ~109 of 110 pods, more than --fail-above 90%: whether it still has is not known, as updates are interrupted: run the command again", text)
	code, text = verdict(old, report.ClusterCount{Cluster: "b", Count: count("busy", 100, false)})
	assert.Equal(t, exitOverBudget, code)
	assert.Equal(t, "b: busy has 100 of 110 pods, 90.9%: more than --fail-above 90%", text)
}

// Where no key ends a watch, a node that is too full does, once what is shown proves that it is; on a terminal the user does.
func TestAWatchEndsWithItsAlarmWhereNoKeyEndsIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	pictureOn := func(s screen, above float64, change func(*nodes.Count)) error {
		counts := groupedCounts() // n4 is the fullest, with 80%
		change(&counts[0].Count)
		out.Reset()
		ready, err := NodesOptions{root: testRoot(), failAbove: above, now: func() time.Time { return noon }}.picture(s, counts, nil, false)
		assert.True(t, ready)
		assert.Contains(t, out.String(), "n4", "it is shown first")
		return err
	}
	lines := func() screen { return &lineScreen{out: &out, errOut: &bytes.Buffer{}, shown: map[string]string{}} }
	document := func() screen { return &jsonScreen{out: &out, errOut: &bytes.Buffer{}} }
	onTerminal := func() screen {
		return &terminalScreen{out: &out, size: func() (int, int) { return 100, 40 }, title: "prod", quit: "q ends"}
	}
	as := func(*nodes.Count) {}
	old := func(c *nodes.Count) {
		c.Outdated = true
		c.Missing = []nodes.Missing{{What: nodes.WhatUpdates, Of: nodes.WhatPods, Reason: kube.Unavailable, Since: noon, Err: assert.AnError}}
	}
	low := func(c *nodes.Count) {
		c.AtLeast = true
		c.Missing = []nodes.Missing{{What: nodes.WhatPods, Namespace: "a", Reason: kube.Forbidden, Err: assert.AnError}}
	}
	for _, s := range []func() screen{lines, document} {
		for _, change := range []func(*nodes.Count){as, low} {
			var coded codeError
			if err := pictureOn(s(), 79, change); assert.ErrorAs(t, err, &coded) {
				assert.Equal(t, exitOverBudget, coded.code)
				assert.ErrorContains(t, err, "n4 has 8")
			}
		}
		assert.NoError(t, pictureOn(s(), 80, as))
		assert.NoError(t, pictureOn(s(), 79, old), "it may be empty by now")
		assert.NoError(t, pictureOn(s(), 0, as))
	}
	assert.NoError(t, pictureOn(onTerminal(), 79, as))
}
