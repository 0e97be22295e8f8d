package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// bigCounts are clusters of many nodes, of which some do not answer.
func bigCounts(many, gone, dead int) []ClusterCount {
	c := ClusterCount{Cluster: "a", Count: nodes.Count{NodesKnown: true, NodesListed: true, Pods: map[string]nodes.Pods{}}}
	ten := 10
	for i := range many {
		name := fmt.Sprintf("ip-10-0-0-%03d.eu-central-1.compute.internal", i)
		c.Count.Nodes = append(c.Count.Nodes, nodes.Node{Name: name, Status: "Ready", Allocatable: &ten, Capacity: &ten})
		c.Count.Pods[name] = nodes.Pods{Total: 3}
		c.Count.Total += 3
	}
	for i := range gone {
		c.Count.Pods[fmt.Sprint("gone-", i)] = nodes.Pods{Total: 7}
		c.Count.Total += 7
	}
	all := []ClusterCount{c}
	for i := range dead {
		all = append(all, ClusterCount{Cluster: fmt.Sprint("dead-", i), Count: nodes.Failed(fmt.Errorf("asking %s: %w", strings.Repeat("x", 300), assert.AnError))})
	}
	return all
}

func pictureOf(t require.TestingT, counts []ClusterCount, o NodeOptions, width, height int) []string {
	list, err := NewNodeList(counts, o)
	require.NoError(t, err)
	p, err := list.Picture(time.Time{}, Layout{Width: width, Clip: true})
	require.NoError(t, err)
	lines, _ := p.Lines([]string{Clip("title", width)}, height-1, width, 0)
	return lines
}

// Whatever the size: a picture fits, shows as many nodes as there is room for before it sums them up, and never cuts rows
// without a word.
func TestPicturesShowNodesFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		many, gone, dead := rapid.SampledFrom([]int{0, 1, 4, 30, 140}).Draw(t, "nodes"), rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "gone"), rapid.IntRange(0, 5).Draw(t, "dead")
		width, height := rapid.IntRange(10, 120).Draw(t, "width"), rapid.IntRange(3, 40).Draw(t, "height")
		lines := pictureOf(t, bigCounts(many, gone, dead), NodeOptions{}, width, height)
		text, shown, rows := strings.Join(lines, "\n"), 0, 0
		for _, line := range lines {
			rows += terminal.Rows(line, width)
			if strings.Contains(line, "Ready") || width < 40 && strings.Contains(line, "ip") {
				shown++
			}
		}
		if rows > height-1 {
			t.Fatalf("%dx%d: %d rows\n%s", width, height, rows, text)
		}
		if cut := strings.Contains(text, "..."); width >= 60 && shown < many && !cut {
			t.Fatalf("%d of %d nodes, without a word\n%s", shown, many, text)
		}
		if room := height - 5 - dead; width >= 60 && shown < min(many, room-min(gone, 1), manyRows) {
			t.Fatalf("%dx%d: %d nodes\n%s", width, height, shown, text)
		}
		if gone > 0 && width >= 60 && shown > 0 && height > 9+dead && strings.Count(text, "one ")+strings.Count(text, "(gone nodes)") == 0 {
			t.Fatalf("pods on gone nodes have no row\n%s", text)
		}
	})
}

// Low windows lose the line that sums up before they lose nodes; narrow ones the status before the pods.
func TestLowAndNarrowPictures(t *testing.T) {
	t.Parallel()
	one := bigCounts(140, 0, 0)
	one[0].Cluster = ""
	for _, test := range []struct{ width, height, rows, more int }{{40, 10, 3, 137}, {40, 8, 3, 137}, {80, 8, 3, 137}, {80, 24, 15, 125}, {80, 4, 0, 0}} {
		lines := pictureOf(t, one, NodeOptions{}, test.width, test.height)
		text := strings.Join(lines, "\n")
		assert.Equal(t, test.rows, strings.Count(text, " Ready "), "%v\n%s", test, text)
		if test.more > 0 {
			assert.Contains(t, text, fmt.Sprintf("... %d more lines", test.more), "%v", test)
		} else {
			assert.Contains(t, text, "... 140 more lines", "%v", test)
		}
		assert.LessOrEqual(t, len(lines), test.height-1)
	}
	narrow := pictureOf(t, one, NodeOptions{}, 20, 8)
	assert.Contains(t, narrow[1], "PODS")
	dead := pictureOf(t, bigCounts(140, 0, 5), NodeOptions{}, 80, 24)
	for i := range 5 {
		assert.Contains(t, dead[i+1], fmt.Sprintf("PARTIAL: dead-%d: nothing could be read (", i))
	}
	assert.GreaterOrEqual(t, strings.Count(strings.Join(dead, "\n"), " Ready "), 10)
}

// Rows have no blank cells where scripts count words; pods on gone nodes that have no row of their own have one together.
func TestRowsForScripts(t *testing.T) {
	t.Parallel()
	counts := bigCounts(2, 2, 0)
	counts[0].Cluster, counts[0].Count.Unscheduled = "", nodes.Pods{Total: 1}
	draw := func(top int, layout Layout) []string {
		list, err := NewNodeList(counts, NodeOptions{Top: top, SortBy: "pods"})
		require.NoError(t, err)
		var out strings.Builder
		require.NoError(t, list.Table(time.Time{}, layout).Draw(&out, layout))
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	for _, top := range []int{0, 1, 3} {
		for _, line := range draw(top, Layout{NoHeaders: true}) {
			assert.Len(t, strings.Fields(line), 8, line)
		}
	}
	for top, pods := range map[int]string{1: "14", 2: "14", 3: "7"} {
		assert.Regexp(t, `\(gone nodes\) .*\b`+pods+`\b`, strings.Join(draw(top, Layout{}), "\n"), top)
	}
	assert.NotContains(t, strings.Join(draw(0, Layout{}), "\n"), "(gone nodes)")
}

// A cluster that could not be read has its line in a file of groups, too.
func TestUnreadClustersAreInTheFile(t *testing.T) {
	t.Parallel()
	list, err := NewNodeList(bigCounts(1, 0, 1), NodeOptions{GroupBy: "zone"})
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, list.Groups("", 0).CSV(&out, true))
	assert.Contains(t, out.String(), "\ndead-0,,,,true,,,,,true,true,true,,,,,,\n")
}

// The pool is the label that a provider gives, the first that is set.
func TestPoolsOfProviders(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"kops.k8s.io/instancegroup", "worker.gardener.cloud/pool", "cloud.google.com/gke-nodepool", "lke.linode.com/pool-id"} {
		assert.Contains(t, NodeLabels(""), key)
		counts := []ClusterCount{{Count: nodes.Count{Nodes: []nodes.Node{{Name: "n", Labels: map[string]string{key: "big"}}}}}}
		list, err := NewNodeList(counts, NodeOptions{GroupBy: "pool"})
		require.NoError(t, err)
		assert.Equal(t, "big", list.Items[0].group, key)
	}
}

// What --top leaves out is in a picture as it is in a table.
func TestPicturesOfTheTopSayWhatIsOnGoneNodes(t *testing.T) {
	t.Parallel()
	lines := strings.Join(pictureOf(t, bigCounts(5, 3, 0), NodeOptions{Top: 3, SortBy: "name"}, 80, 24), "\n")
	assert.Regexp(t, `\(gone nodes\) +21`, lines)
}
