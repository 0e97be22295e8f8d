package cmd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// What an order means that nothing is known of is said in a watch, too: once in a pipe, and above each picture.
func TestAWatchSaysThatItsOrderMeansNothing(t *testing.T) {
	t.Parallel()
	const hint = "Hint: the cluster serves no metrics (metrics.k8s.io), so CPU and memory are not known: nodes are sorted by name."
	for _, by := range []string{"cpu", "-memory", "usage.cpuMillicores", "{.usage.memoryBytes}"} {
		counts := groupedCounts()
		counts[0].Count.UsageAsked = true
		counts[0].Count.Missing = []nodes.Missing{{What: nodes.WhatUsage, Reason: kube.NotFound, Optional: true, Err: assert.AnError}}
		o := NodesOptions{root: testRoot(), now: func() time.Time { return noon }, report: report.NodeOptions{SortBy: by}}
		var out, errOut bytes.Buffer
		pipe := &lineScreen{out: &out, errOut: &errOut, shown: map[string]string{}}
		for range 2 {
			_, err := o.picture(pipe, counts, nil, false)
			require.NoError(t, err)
		}
		assert.Equal(t, hint+"\n", errOut.String(), by)
		out.Reset()
		_, err := o.picture(&terminalScreen{out: &out, size: func() (int, int) { return 160, 40 }, title: "prod", quit: "q ends"}, counts, nil, false)
		require.NoError(t, err)
		assert.Contains(t, out.String(), hint, by)
	}
}

// Names are taken as kubectl prints and takes them.
func TestNamesOfNodesAsKubectlTakesThem(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"a": "a", "a b": "a b", "node/a": "a", "nodes/a no/b": "a b", "node a": "a", "nodes a b": "a b", "no a": "a", "node": "node", "node/node": "node",
		"node node": "node", "a node": "a node",
	} {
		names, err := nodeNames(strings.Fields(typed))
		require.NoError(t, err, typed)
		assert.Equal(t, want, strings.Join(names, " "), typed)
	}
	for _, typed := range []string{"pod/a", "node/", "node/a/b", "node pod/a"} {
		_, err := nodeNames(strings.Fields(typed))
		assert.ErrorContains(t, err, "names no node: write NAME or node/NAME", typed)
	}
}
