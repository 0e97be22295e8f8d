package cmd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// nodesOf is a count of a cluster of nodes with these UIDs.
func nodesOf(name string, uids ...string) report.ClusterCount {
	c := nodes.Count{NodesKnown: true, NodesListed: true}
	for i, uid := range uids {
		c.Nodes = append(c.Nodes, nodes.Node{Name: fmt.Sprint("n", i), UID: uid})
	}
	return report.ClusterCount{Cluster: name, Count: c}
}

// Where nodes contradict what the namespace kube-system says, neither is believed: both contexts have their rows, a line says so,
// and a total counts only the larger number.
func TestNodesThatContradictAreADoubt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		told kube.Sameness
		b    []string
		says string
		kept int
	}{
		"two clusters":         {kube.OtherCluster, []string{"z"}, "", 2},
		"a virtual cluster":    {kube.OtherCluster, []string{"z", "x"}, "nodes are those of a, and the namespace kube-system is another", 2},
		"one cluster":          {kube.SameCluster, []string{"x"}, "", 1},
		"a restored one":       {kube.SameCluster, []string{"z"}, "the namespace kube-system is that of a, and most nodes are others", 2},
		"one that went on":     {kube.SameCluster, []string{"x", "p", "q", "r"}, "the namespace kube-system is that of a, and most nodes are others", 2},
		"one that has grown":   {kube.SameCluster, []string{"x", "y", "p", "q", "r"}, "", 1},
		"one that hides nodes": {kube.SameCluster, nil, "", 1},
		"nothing told":         {kube.Untold, []string{"x"}, "whether this is another cluster than a is not known", 2},
	} {
		counts := []report.ClusterCount{nodesOf("a", "x", "y"), nodesOf("b", test.b...)}
		kept, _ := oncePerCluster(counts, func(int, int) kube.Sameness { return test.told }, nil)
		require.Len(t, kept, test.kept, name)
		var said []string
		for _, c := range kept {
			for _, m := range c.Count.Missing {
				said = append(said, m.Err.Error())
			}
			assert.Equal(t, test.says != "" && c.Cluster == "b", len(c.MaybeSame) > 0, name)
		}
		if test.says == "" {
			assert.Empty(t, said, name)
		} else {
			require.Len(t, said, 1, name)
			assert.Contains(t, said[0], test.says, name)
		}
	}
}

// seenAs are counts by how much they say, the least first.
func seenAs() []func(*nodes.Count) {
	some := func(c *nodes.Count) { c.AtLeast, c.Missing = true, []nodes.Missing{{What: nodes.WhatPods}} }
	old := func(c *nodes.Count) {
		c.Outdated, c.Missing = true, append(c.Missing, nodes.Missing{What: nodes.WhatUpdates})
	}
	noNodes := func(c *nodes.Count) { c.NodesKnown, c.NodesListed, c.NodesOutdated = false, false, true }
	return []func(*nodes.Count){
		func(c *nodes.Count) { some(c); *c = nodes.Count{AtLeast: true, Missing: c.Missing} }, // nothing
		func(c *nodes.Count) { some(c); old(c); noNodes(c) }, func(c *nodes.Count) { some(c); old(c) },
		func(c *nodes.Count) { some(c); noNodes(c) }, some, func(c *nodes.Count) { some(c); c.Namespaces = nodes.Progress{Done: 2, Total: 3} },
		func(c *nodes.Count) { old(c); noNodes(c) }, old, noNodes, func(*nodes.Count) {},
	}
}

// While contexts of one cluster are watched, the one that sees more at each moment stands for it, and none takes the place of
// another for the sake of a number.
func TestTheContextThatSeesMoreStands(t *testing.T) {
	t.Parallel()
	same := func(int, int) kube.Sameness { return kube.SameCluster }
	rapid.Check(t, func(t *rapid.T) {
		hold, was, settled := standing{}, "", false
		for range 20 {
			var counts []report.ClusterCount
			sees, counting, any := map[string]int{}, false, false
			for _, name := range []string{"a", "b"} {
				c := nodesOf(name, "x")
				sees[name] = rapid.IntRange(0, len(seenAs())-1).Draw(t, name+" sees")
				seenAs()[sees[name]](&c.Count)
				if any = any || sees[name] > 0; sees[name] > 0 {
					c.Count.Total = rapid.IntRange(0, 3).Draw(t, "pods")
				}
				if c.Count.AtLeast && rapid.IntRange(0, 4).Draw(t, "counting") == 0 {
					c.Count.Counting, counting = true, true
				}
				counts = append(counts, c)
			}
			if !any {
				continue // both are shown, with why
			}
			kept, _ := oncePerCluster(counts, same, hold)
			stands := kept[0].Cluster
			other := map[string]string{"a": "b", "b": "a"}[stands]
			if settled && stands != was && sees[stands] <= sees[was] {
				t.Fatalf("%s stands in place of %s: %v", stands, was, sees)
			}
			if (settled || !counting) && sees[stands] < sees[other] {
				t.Fatalf("%s stands, and %s sees more: %v", stands, other, sees)
			}
			was, settled = stands, settled || !counting
		}
	})
}

// A watch says once which contexts it leaves out, wherever it goes to.
func TestWatchesSayWhichContextsTheyLeaveOut(t *testing.T) {
	t.Parallel()
	list, err := report.NewNodeList([]report.ClusterCount{nodesOf("a", "x")}, report.NodeOptions{})
	require.NoError(t, err)
	line := sameClusterLine("b", "a")
	for name, make := range map[string]func(out, errOut *strings.Builder) screen{
		"lines": func(out, errOut *strings.Builder) screen {
			return &lineScreen{out: out, errOut: errOut, shown: map[string]string{}}
		},
		"json": func(out, errOut *strings.Builder) screen { return &jsonScreen{out: out, errOut: errOut} },
	} {
		var out, errOut strings.Builder
		s := make(&out, &errOut)
		for range 3 {
			require.NoError(t, s.show(list, []string{line}, noon))
		}
		assert.Equal(t, 1, strings.Count(errOut.String(), line), name)
	}
	var out strings.Builder
	s := &terminalScreen{out: &out, size: func() (int, int) { return 80, 24 }, title: "a, b", quit: "q ends"}
	require.NoError(t, s.show(list, []string{line}, noon.Add(time.Second)))
	assert.Contains(t, out.String(), line)
}

// However long the names are, the title says how old the picture is, and the key that ends it where there is room.
func TestTitlesKeepTheAge(t *testing.T) {
	t.Parallel()
	const arn, ages = "arn:aws:eks:eu-central-1:123456789012:cluster/production-payments-eu, a", "as of 12:00:00, 40s old"
	for width, want := range map[int][]string{
		200: {arn, "12:00:40", "q ends", ages}, 80: {"arn:", "payments-eu, a", "12:00:40", "q ends", ages}, 60: {"…", "12:00:40", "q ends", ages},
		46: {"…", "q ends", ages}, 36: {"q ends", ages}, 24: {ages},
	} {
		title := titleLine(arn, "12:00:40", "q ends", ages, width)
		for _, part := range want {
			assert.Contains(t, title, part, width)
		}
		assert.LessOrEqual(t, len([]rune(title)), width, title)
	}
}

// Why it is not known whether two contexts are one cluster is the reason that there is: a right that is missing, or another.
func TestWhyItIsNotKnownWhichClusterItIs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		why    error
		reason kube.Reason
		tells  string
	}{
		{nil, kube.Forbidden, "(the right to get the namespace kube-system would tell)"},
		{apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "kube-system", nil), kube.Forbidden, "(the right to get the namespace kube-system would tell)"},
		{fmt.Errorf("reading the namespace kube-system: %w", kube.ErrLate), kube.Timeout, "(reading the namespace kube-system: no answer in time)"},
	} {
		for which := range 2 {
			counts := []report.ClusterCount{nodesOf("px", "1"), nodesOf("py", "2")}
			counts[which].Count.Unidentified = test.why
			kept, _ := oncePerCluster(counts, func(int, int) kube.Sameness { return kube.Untold }, nil)
			require.Len(t, kept[1].Count.Missing, 1)
			assert.Equal(t, test.reason, kept[1].Count.Missing[0].Reason)
			assert.ErrorContains(t, kept[1].Count.Missing[0].Err, test.tells)
		}
	}
}
