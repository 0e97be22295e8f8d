package cmd

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A node that was too full when updates were interrupted may be empty by now: that is partial, and no alarm. One of another
// cluster, which is followed, is one.
func TestFailAboveDoesNotRestOnOldNumbers(t *testing.T) {
	t.Parallel()
	room := 110
	count := func(node string, pods int, old bool) nodes.Count {
		c := nodes.Count{
			NodesKnown: true, NodesListed: true, Total: pods, Outdated: old,
			Nodes: []nodes.Node{{Name: node, Allocatable: &room}}, Pods: map[string]nodes.Pods{node: {Total: pods}},
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
